"""Which of the listed repositories belong to the campaign, and to this machine's share of it."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.json import encode

from cci_migrate.forges.repository import RepositoryRef, Traits, Visibility


class RepositoryFilter(Struct, frozen=True):
    """The filters of `batch plan`. Patterns are globs on ``owner/name``, or on the name alone."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    visibility: tuple[Visibility, ...] = ()
    forks: bool = False

    def as_json(self) -> str:
        """The filters, to tell whether they are those of an earlier run."""
        return encode(self).decode()

    def why_not_by_name(self, ref: RepositoryRef) -> str:
        """Why ``ref`` is excluded, empty if it is not."""
        if self.include and not any(_matches(ref, pattern) for pattern in self.include):
            return "not included by name"
        excluding = [pattern for pattern in self.exclude if _matches(ref, pattern)]
        return f"excluded by name ({excluding[0]})" if excluding else ""

    def why_not(self, traits: Traits) -> str:
        """Why a repository with ``traits`` is excluded, empty if it is not."""
        if traits.fork and not self.forks:
            return "a fork (--forks includes them)"
        if self.topics and not set(self.topics).intersection(traits.topics):
            return "without any of the topics"
        is_known = traits.visibility is not Visibility.UNKNOWN
        if self.visibility and is_known and traits.visibility not in self.visibility:
            return f"{traits.visibility.value}"
        return ""


def _matches(ref: RepositoryRef, pattern: str) -> bool:
    name = ref.name.lower()
    names = (name, name.rpartition("/")[2], ref.label.lower())
    return any(fnmatchcase(each, pattern.lower()) for each in names)


class Shard(Struct, frozen=True):
    """Share ``number`` (from 1) of ``total``."""

    number: int = 1
    total: int = 1

    def has(self, ref: RepositoryRef) -> bool:
        """Whether ``ref`` belongs to this share: each belongs to exactly one, on any machine."""
        digest = hashlib.sha256(ref.key.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.total == self.number - 1


def parse_shard(text: str) -> Shard:
    """The shard that ``text`` (``K/N``) means. Raises ValueError for any other text."""
    number, slash, total = text.partition("/")
    if slash and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total):
        return Shard(int(number), int(total))
    raise ValueError(f"{text!r} is not K/N with K from 1 to N")
