"""The code owners of changed files, from a repository's CODEOWNERS file. Pure.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners,
https://docs.gitlab.com/user/project/codeowners/reference/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

from msgspec import Struct

from cci_migrate.forges.repository import Kind

#: A larger file is not read (GitHub's limit).
MAX_BYTES = 3 * 2**20

#: No name of a file is longer (in bytes), and so no pattern of one is of use.
_LONGEST_NAME = 255

#: Words between white space, of which a backslash escapes one.
_WORD = re.compile(r"(?:\\.|[^\s\\]|\\)+")
#: What a glob begins with that stands for itself.
_LITERAL = re.compile(r"[^*?\[]+")
#: ``[Name]``, ``^[Name]``, ``[Name][2]``: a section of GitLab, and its default owners.
_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d*\])?(?P<owners>(?:\s.*)?)$")


class CodeOwnerRules(Struct, frozen=True):
    """Where a host looks for the file, the first one first, and whom the file makes the owners."""

    paths: tuple[str, ...]
    owners: Callable[[str, str], Iterable[str]]


def rules_for(kind: Kind) -> CodeOwnerRules | None:
    """The rules of the hosts of a kind; None where none are known."""
    return _RULES.get(kind)


def code_owners(
    rules: CodeOwnerRules, files: Mapping[str, bytes | None], changed: Sequence[str]
) -> tuple[str, ...]:
    """The owners of the ``changed`` paths, each once, as the file names them without its ``@``.

    ``files`` are those at the paths of ``rules``; None for what is not there.
    """
    data = next((files[path] for path in rules.paths if files.get(path) is not None), None)
    if data is None or len(data) > MAX_BYTES:
        return ()
    text = data.decode("utf-8-sig", "replace")
    owners = (owner for path in changed for owner in rules.owners(text, path))
    return tuple(dict.fromkeys(owner.removeprefix("@") for owner in owners))


def _github_owners(text: str, path: str) -> Iterable[str]:
    """The last matching line decides, also if it has no owners."""
    for line in reversed(text.splitlines()):
        pattern, *owners = _words(line) or ("#",)
        if pattern.startswith("#"):
            continue
        if _github_pattern(pattern).matches(path):
            return _named(takewhile(lambda word: not word.startswith("#"), owners))
    return []


def _gitlab_owners(text: str, path: str) -> Iterable[str]:
    """In each section, the last matching line decides, unless one excludes the path."""
    owners: dict[str, list[str]] = {}
    excluding: set[str] = set()
    section, default = "", list[str]()
    for line in text.splitlines():
        words = _words(line)
        if not words or words[0].startswith("#"):
            continue
        heading = _SECTION.match(line.strip())
        if heading:
            section, default = heading["name"].strip().lower(), _named(_words(heading["owners"]))
            continue
        pattern = words[0].removeprefix("!")
        if section in excluding or not _gitlab_pattern(pattern).matches(path):
            continue
        if pattern != words[0]:
            excluding.add(section)
        owners[section] = [] if section in excluding else _named(words[1:]) or default
    return [owner for names in owners.values() for owner in names]


def _named(words: Iterable[str]) -> list[str]:
    return [word for word in words if "@" in word]


def _words(line: str) -> list[str]:
    return _WORD.findall(line)


class _Pattern(Struct, frozen=True):
    """Globs, one for each part of a path; ``**`` stands for any number of parts, never twice.

    ``has_below``: it also matches what is below a folder that it matches, and with ``is_folder``
    nothing else.
    """

    parts: tuple[str, ...]
    has_below: bool = False
    is_folder: bool = False

    def matches(self, path: str) -> bool:
        """Whether it matches ``path``, in a time that no pattern makes long."""
        reached = self._closed({0})
        names = path.split("/")
        for at, name in enumerate(names):
            reached = self._closed(
                {
                    position + (self.parts[position] != "**")
                    for position in reached
                    if position < len(self.parts)
                    and (self.parts[position] == "**" or _matches(name, self.parts[position]))
                }
            )
            is_last = at == len(names) - 1
            if len(self.parts) in reached and (is_last or self.has_below):
                return not (is_last and self.is_folder)
        return False

    def _closed(self, positions: set[int]) -> set[int]:
        """``positions``, and those after each ``**``, which may stand for nothing."""
        return positions | {
            position + 1 for position in positions if self.parts[position : position + 1] == ("**",)
        }


def _matches(name: str, glob: str) -> bool:
    """`fnmatchcase` for the globs that may match: it compiles each, which takes a while."""
    literal = _LITERAL.match(glob)
    if len(glob) > 4 * _LONGEST_NAME or (literal and not name.startswith(literal[0])):
        return False
    return fnmatchcase(name, glob)


def _github_pattern(text: str) -> _Pattern:
    """As in a .gitignore file, but ``docs/*`` has only what is in the folder itself.

    A pattern with a slash that is not its last character begins at the root.
    """
    is_rooted = "/" in text[:-1]
    parts = [_glob(part, has_ranges=False) for part in text.strip("/").split("/")]
    if parts[-1] == "**":
        parts.append("*")
    if not is_rooted:
        parts.insert(0, "**")
    return _Pattern(_simplified(parts), has_below=parts[-1] != "*", is_folder=text.endswith("/"))


def _gitlab_pattern(text: str) -> _Pattern:
    """A path below the root if it begins with a slash, else one anywhere; folders end with one."""
    parts = [_glob(part, has_ranges=True) for part in text.strip("/").split("/")]
    if parts[-1] == "**":
        parts[-1] = "*"
    if text.endswith("/"):
        parts += ["**", "*"]
    if not text.startswith("/"):
        parts.insert(0, "**")
    return _Pattern(_simplified(parts))


def _simplified(parts: Sequence[str]) -> tuple[str, ...]:
    """``parts`` without the repetitions of ``**``, which mean nothing and cost time."""
    return tuple(
        part for at, part in enumerate(parts) if part != "**" or parts[at - 1 : at] != ["**"]
    )


def _glob(part: str, *, has_ranges: bool) -> str:
    """``part`` for `fnmatch`: what a backslash escapes, and ``[`` without ranges, is plain.

    So is a ``[`` that nothing closes, for which `fnmatch` searches the whole rest each time.
    """
    special = "*?[" if has_ranges else "*?"
    last_range = part.rfind("]") if has_ranges else -1
    glob = []
    is_escaped = False
    for at, char in enumerate(part):
        if char == "\\" and not is_escaped:
            is_escaped = True
            continue
        is_plain = (is_escaped and char in special) or (char == "[" and at > last_range)
        glob.append(f"[{char}]" if is_plain else char)
        is_escaped = False
    return "".join(glob)


_RULES = {
    Kind.GITHUB: CodeOwnerRules(
        (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"), _github_owners
    ),
    Kind.GITLAB: CodeOwnerRules(
        ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"), _gitlab_owners
    ),
}
