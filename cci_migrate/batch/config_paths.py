"""Which files of a repository are read, told by their paths alone.

The same as `cci_migrate.discovery` finds in a folder, for repositories of which only a listing is
at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from cci_migrate.circleci.packing import SECTIONS
from cci_migrate.discovery import SKIPPED_FOLDERS

#: The modes of a file and of a link, as git writes them.
PLAIN = "100644"
SYMLINK = "120000"

_SUFFIXES = (".yml", ".yaml")


def config_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of a repository's ``paths`` that may hold CircleCI config, sorted.

    YAML files below any ``.circleci`` folder, and the parts of an orb beside its ``@orb.yml``.
    """
    candidates = [path for path in paths if path.endswith(_SUFFIXES)]
    orbs = [PurePosixPath(path).parent for path in candidates if PurePosixPath(path).stem == "@orb"]
    return tuple(sorted(path for path in candidates if _is_config(PurePosixPath(path), orbs)))


def config_modes(modes: Mapping[str, str]) -> dict[str, str]:
    """The git mode of each config among a repository's files. A link leads elsewhere."""
    return {path: modes[path] for path in config_paths(modes) if modes[path] != SYMLINK}


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
