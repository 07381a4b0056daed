"""Which files of a repository are read, told by their paths alone.

The same as `cci_migrate.discovery` finds in a folder, for repositories of which only a listing is
at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from cci_migrate.circleci.packing import SECTIONS
from cci_migrate.discovery import SKIPPED_FOLDERS
from cci_migrate.outcomes import Cause, Failed, Refused

#: The modes of a file and of a link, as git writes them.
PLAIN = "100644"
SYMLINK = "120000"

_SUFFIXES = (".yml", ".yaml")
#: As Linux has it (https://man7.org/linux/man-pages/man7/path_resolution.7.html).
_MOST_LINKS = 40


def config_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of a repository's ``paths`` that may hold CircleCI config, sorted.

    YAML files below any ``.circleci`` folder, and the parts of an orb beside its ``@orb.yml``.
    """
    candidates = [path for path in paths if path.endswith(_SUFFIXES)]
    orbs = [PurePosixPath(path).parent for path in candidates if PurePosixPath(path).stem == "@orb"]
    return tuple(sorted(path for path in candidates if _is_config(PurePosixPath(path), orbs)))


def config_modes(modes: Mapping[str, str]) -> dict[str, str]:
    """The git mode of each config among a repository's files, but for links."""
    return {path: modes[path] for path in config_paths(modes) if modes[path] != SYMLINK}


@dataclass(frozen=True, slots=True)
class Configs:
    """The git modes of a repository's configs by their real paths, and the links to none."""

    modes: Mapping[str, str]
    problems: tuple[Refused | Failed, ...] = ()


#: The text of a link, by its path.
ReadLink = Callable[[str], bytes]


def find_configs(modes: Mapping[str, str], read_link: ReadLink, below: str = "") -> Configs:
    """The configs among all files of a repository, of which ``modes`` are the git modes.

    Links are followed within the repository. ``below`` a folder, others only where a link leads.
    """
    prefix = f"{below}/" if below else ""
    files = {path for path, mode in modes.items() if mode != SYMLINK}
    configs = {path for path in config_modes(modes) if path.startswith(prefix)}
    problems: list[Refused | Failed] = []
    for link in sorted(modes.keys() - files):
        name = PurePosixPath(link)
        is_file = link.endswith(_SUFFIXES)
        if not (link.startswith(prefix) or link == below) or ".circleci" not in name.parts:
            continue
        if not SKIPPED_FOLDERS.isdisjoint(name.parts):
            continue
        real = real_path(link, modes, read_link)
        if isinstance(real, Refused | Failed):
            if is_file or name.name == ".circleci":
                problems.append(real)
        elif real in files:
            configs |= {real} if is_file else set()
        else:
            inside = f"{real}/" if real else ""
            configs |= {
                path
                for path in files
                if path.startswith(inside)
                and path.endswith(_SUFFIXES)
                and SKIPPED_FOLDERS.isdisjoint(path.removeprefix(inside).split("/"))
            }
    return Configs({path: modes[path] for path in sorted(configs)}, tuple(problems))


def real_path(path: str, modes: Mapping[str, str], read_link: ReadLink) -> str | Refused | Failed:
    """Where ``path`` leads when all links in it are followed: a file, a folder (empty: the root).

    Else why it leads to neither.
    """
    waiting, real, links = path.split("/"), list[str](), 0
    while waiting:
        part = waiting.pop(0)
        if part in {"", "."}:
            continue
        if (part == ".." and not real) or part == ".git":
            return _outside(path)
        if part == "..":
            real.pop()
            continue
        real.append(part)
        here = "/".join(real)
        if modes.get(here) == SYMLINK:
            links += 1
            text = read_link(here).decode("utf-8", "surrogateescape")
            if text.startswith("/"):
                return _outside(path)
            if links > _MOST_LINKS:
                return Failed((path,), "cannot be read: too many symbolic links")
            real.pop()
            waiting[:0] = text.split("/")
    found = "/".join(real)
    if found and found not in modes and not any(one.startswith(f"{found}/") for one in modes):
        return Failed((path,), "cannot be read: No such file or directory")
    return found


def _outside(path: str) -> Refused:
    return Refused((path,), Cause.OUTSIDE, "a symbolic link that leaves the repository")


def odd_modes(modes: Mapping[str, str]) -> dict[str, str]:
    """Those that are not the plain one."""
    return {path: mode for path, mode in modes.items() if mode != PLAIN}


def _is_config(path: PurePosixPath, orbs: list[PurePosixPath]) -> bool:
    folders = path.parts[:-1]
    if not SKIPPED_FOLDERS.isdisjoint(folders):
        return False
    return ".circleci" in folders or any(_is_part_of(path, orb) for orb in orbs)


def _is_part_of(path: PurePosixPath, orb: PurePosixPath) -> bool:
    """Whether ``path`` is where ``circleci orb pack`` looks, in the folder ``orb``."""
    if not path.is_relative_to(orb):
        return False
    first, *deeper = path.relative_to(orb).parts
    return first in SECTIONS if deeper else first.startswith("@")
