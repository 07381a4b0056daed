"""Which files of a repository are read, told by their paths alone.

The same as `cci_migrate.discovery` finds in a folder, for repositories of which only a listing is
at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from cci_migrate.circleci.packing import SECTIONS
from cci_migrate.discovery import SKIPPED_FOLDERS

_SUFFIXES = (".yml", ".yaml")


def config_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of a repository's ``paths`` that may hold CircleCI config, sorted.

    YAML files below any ``.circleci`` folder, and the parts of an orb beside its ``@orb.yml``.
    """
    candidates = [path for path in paths if path.endswith(_SUFFIXES)]
    orbs = [PurePosixPath(path).parent for path in candidates if PurePosixPath(path).stem == "@orb"]
    return tuple(sorted(path for path in candidates if _is_config(PurePosixPath(path), orbs)))


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
