"""Writes that a host refuses: at which step, and when the same kind goes on and on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from enum import Enum

from msgspec import Struct

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import State
from cci_migrate.forges.extras import ExtraKind, MissingExtra
from cci_migrate.transport.host_errors import HostError, RefusedError

#: Refusals of one kind in a row after which the reason is not in the repositories.
LIMIT = 3
_QUOTED = re.compile(r"""(?<!\w)'[^']*'|"[^"]*"|`[^`]*`""")
#: What numbers have, and names of repositories, branches, files, hosts, people and commits.
_NAME = re.compile(r"[\d/@_]|\w\.\w")
#: The states in which the host accepted every write.
_COMPLETE = frozenset({State.PULL_REQUEST_OPEN, State.PULL_REQUEST_MERGED, State.CHANGED})


class WriteStep(Enum):
    """A step of a delivery that a host can refuse, by what it makes."""

    FORK = "fork"
    BRANCH = "branch"
    PULL_REQUEST = "pull request"
    COMMENT = "comment"
    EXTRAS = "label, reviewer or assignee"
    MERGE = "merge"
    AUTO_MERGE = "auto-merge"


class RefusedWrite(Struct, frozen=True):
    """What was refused. ``lacks_permission``: the token lacks permission for it.

    ``code`` is the host's own for the reason, empty if only the text says it. ``extras`` are the
    labels, reviewers and assignees that it is about.
    """

    step: WriteStep
    lacks_permission: bool = False
    code: str = ""
    extras: frozenset[tuple[ExtraKind | None, str]] = frozenset()

    @classmethod
    def of_extras(cls, missing: Iterable[MissingExtra]) -> RefusedWrite:
        """The refusal of those of ``missing`` that the options name: no code owners."""
        named = (extra for extra in missing if extra.kind is not ExtraKind.CODE_OWNER)
        extras = frozenset((extra.kind, extra.name) for extra in named)
        return cls(WriteStep.EXTRAS, extras=extras)


class WriteRefused(HostError):
    """A host refused a write."""

    def __init__(self, refusal: RefusedWrite, why: str) -> None:
        super().__init__(f"{refusal.step.value} refused: {why}", refusal.code)
        self.refusal = refusal


@contextmanager
def writing(step: WriteStep) -> Iterator[None]:
    """Raise WriteRefused for a refusal inside."""
    try:
        yield
    except HostError as error:
        raise WriteRefused(RefusedWrite(step, code=error.code), str(error)) from None
    except RefusedError as error:
        raise WriteRefused(RefusedWrite(step, lacks_permission=True), str(error)) from None


class Attempt(Struct, frozen=True):
    """What became of a delivery: its new ``entry``.

    ``is_refused``: the host refused a write, which ``refusal`` names, or (None) gave no lasting
    answer to one.
    """

    entry: LedgerEntry
    is_refused: bool = False
    refusal: RefusedWrite | None = None


class RefusalStreak:
    """Counts refusals in a row, of any repositories of a host, that are of one kind."""

    def __init__(self) -> None:
        self._last: Attempt | None = None
        self._count = 0

    def add(self, attempt: Attempt) -> str:
        """Count ``attempt``; returns why to stop, for people, if its refusal is one too many."""
        if not attempt.is_refused:
            if attempt.entry.state in _COMPLETE:
                self._count = 0
            return ""
        is_repeated = self._last is not None and _is_same_kind(self._last, attempt)
        self._count = self._count + 1 if is_repeated else 1
        self._last = attempt
        if self._count < LIMIT:
            return ""
        return (
            f"stopped after {LIMIT} failures of the same kind in a row ({attempt.entry.cause}). "
            f"{_advice(attempt.refusal)}, then run it again"
        )


def _is_same_kind(first: Attempt, second: Attempt) -> bool:
    """Whether both were refused for one reason: by what names it, else by the host's text."""
    refusal = first.refusal
    if refusal != second.refusal:
        return False
    if refusal is None or refusal.lacks_permission or refusal.code or refusal.extras:
        return True
    # The name of one repository may be any word of the other's text.
    names = {
        name
        for ref in (first.entry.ref, second.entry.ref)
        for name in f"{ref.name}/{ref.project}".lower().split("/")
    }
    return _reason(first, names) == _reason(second, names)


def _reason(attempt: Attempt, names: Set[str]) -> list[str]:
    """The words of the host's text, without ``names`` and numbers."""
    words = _QUOTED.sub("", attempt.entry.cause.lower()).split()
    return [word for word in words if word.strip(".,:;()") not in names and not _NAME.search(word)]


def _advice(refusal: RefusedWrite | None) -> str:
    if refusal is None:
        return "Wait until the host works again"
    match refusal.step, refusal.lacks_permission:
        case WriteStep.FORK, _:
            return "Give the token the right to fork, or --fork-owner an organization"
        case WriteStep.BRANCH, True:
            return "Give the token write access to the contents of the repositories"
        case WriteStep.BRANCH, False:
            return (
                "See what rule of the repositories refuses the branch or its commit, and change it"
            )
        case WriteStep.PULL_REQUEST, True:
            return "Give the token the right to open pull requests"
        case WriteStep.PULL_REQUEST, False:
            return "Change --title, --body or --draft, or the rule of the repositories"
        case WriteStep.COMMENT, True:
            return "Give the token the right to comment on pull requests"
        case WriteStep.COMMENT, False:
            return "Change the text, or the rule of the repositories"
        case WriteStep.MERGE | WriteStep.AUTO_MERGE, True:
            return "Give the token the right to merge"
        case WriteStep.MERGE, False:
            return "Change --method, or see what rule of the repositories refuses the merge"
        case WriteStep.AUTO_MERGE, False:
            return "Use --no-auto-merge, or allow auto-merge in the repositories"
        case _:
            return "Change --label, --reviewer or --assignee"
