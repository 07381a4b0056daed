"""The configs among the listed files of a repository, its symbolic links followed.

The same files as `cci_migrate.files.discovery` finds in a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from pathlib import PurePosixPath
from posixpath import dirname

from msgspec import Struct

from cci_migrate.circleci.packing import CONFIG_FOLDER, SUFFIXES
from cci_migrate.engine.outcomes import Cause, Failed, Refused
from cci_migrate.files.config_paths import SKIPPED_FOLDERS, config_paths, is_skipped

#: The modes of a file and of a link, as git writes them.
PLAIN = "100644"
SYMLINK = "120000"

#: The limit of Linux (https://man7.org/linux/man-pages/man7/path_resolution.7.html).
_MAX_LINKS = 40
#: The number of links of a repository that are read: at a code host, each is a request.
_MAX_LINKS_READ = 200


def config_modes(modes: Mapping[str, str]) -> dict[str, str]:
    """The git modes of the configs among the files of a repository, without links."""
    return {path: modes[path] for path in config_paths(modes) if modes[path] != SYMLINK}


class ConfigListing(Struct, frozen=True):
    """The git modes of configs by their real paths; ``problems`` are links to no file."""

    modes: Mapping[str, str]
    problems: tuple[Refused | Failed, ...] = ()


#: The text of a link, by its path.
ReadLink = Callable[[str], bytes]


def find_configs(modes: Mapping[str, str], read_link: ReadLink, below: str = "") -> ConfigListing:
    """The configs of a repository; ``modes`` are the git modes of all its files.

    Links are followed within the repository; ``read_link`` returns the text of one. ``below``
    limits the search to a folder and the targets of links in it.
    """
    prefix = f"{below}/" if below else ""
    files = {path for path, mode in modes.items() if mode != SYMLINK}
    configs = {path for path in config_modes(modes) if path.startswith(prefix)}
    problems: list[Refused | Failed] = []
    links = Links(modes, read_link)
    folders: set[str] = set()
    for link in sorted(modes.keys() - files):
        name = PurePosixPath(link)
        is_file = link.endswith(SUFFIXES)
        if not (link.startswith(prefix) or link == below) or CONFIG_FOLDER not in name.parts:
            continue
        if is_skipped(link):
            continue
        real = links.real_path(link)
        if isinstance(real, Refused | Failed):
            if is_file or name.name == CONFIG_FOLDER:
                problems.append(real)
        elif real in files:
            configs |= {real} if is_file else set()
        else:
            folders.add(real)
    if folders:
        configs |= {path for path in files if path.endswith(SUFFIXES) and _is_below(path, folders)}
    return ConfigListing({path: modes[path] for path in sorted(configs)}, tuple(problems))


class Links:
    """The symbolic links of a repository; ``modes`` are the git modes of all its files."""

    def __init__(self, modes: Mapping[str, str], read_link: ReadLink) -> None:
        self._modes = modes
        self._read_link = read_link
        self._texts: dict[str, str] = {}
        self._folders: set[str] = set()
        for path in modes:
            folder = dirname(path)
            while folder and folder not in self._folders:
                self._folders.add(folder)
                folder = dirname(folder)

    def real_path(self, path: str) -> str | Refused | Failed:
        """The file or folder (empty: the root) that ``path`` leads to, or why it leads to none."""
        remaining, real, links = path.split("/")[::-1], list[str](), 0
        while remaining:
            part = remaining.pop()
            if part in {"", "."}:
                continue
            if (part == ".." and not real) or part == ".git":
                return _outside(path)
            if part == "..":
                real.pop()
                continue
            real.append(part)
            here = "/".join(real)
            if self._modes.get(here) == SYMLINK:
                links += 1
                text = self._text(here)
                if text is None:
                    problem = f"can't be read: the repository has more than {_MAX_LINKS_READ} links"
                    return Failed((path,), problem)
                if text.startswith("/"):
                    return _outside(path)
                if links > _MAX_LINKS:
                    return Failed((path,), "can't be read: too many symbolic links")
                real.pop()
                remaining += text.split("/")[::-1]
        target = "/".join(real)
        if target and target not in self._modes and target not in self._folders:
            return Failed((path,), "can't be read: No such file or directory")
        return target

    def _text(self, link: str) -> str | None:
        if link not in self._texts:
            if len(self._texts) >= _MAX_LINKS_READ:
                return None
            self._texts[link] = self._read_link(link).decode("utf-8", "surrogateescape")
        return self._texts[link]


def _outside(path: str) -> Refused:
    return Refused((path,), Cause.OUTSIDE, "a symbolic link that leaves the repository")


def unusual_modes(modes: Mapping[str, str]) -> dict[str, str]:
    """Those of ``modes`` that are not the mode of a plain file."""
    return {path: mode for path, mode in modes.items() if mode != PLAIN}


def _is_below(path: str, folders: Set[str]) -> bool:
    """Whether a search of one of ``folders`` finds the file ``path``."""
    while path:
        path = dirname(path)
        if path in folders:
            return True
        if path.rpartition("/")[2] in SKIPPED_FOLDERS:
            return False
    return False
