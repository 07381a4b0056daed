"""Which files of a repository may be CircleCI config, decided by their paths alone.

They are any ``.yml`` or ``.yaml`` file inside a ``.circleci`` folder at any depth (a project can
have several configs,
https://circleci.com/docs/guides/orchestrate/set-up-multiple-configuration-files/), and the source
tree of an orb (a folder with ``@orb.yml``). The core decides by their content what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from posixpath import basename, dirname

from cci_migrate.circleci.packing import CONFIG_FOLDER, SECTIONS, SUFFIXES

SKIPPED_FOLDERS = frozenset({".git", "node_modules", "vendor"})

#: The file at the root of an orb's source tree.
ORB_ROOTS = ("@orb.yml", "@orb.yaml")


def config_paths(paths: Iterable[str], below: str = "") -> tuple[str, ...]:
    """Those of a repository's ``paths`` that may be CircleCI config, sorted.

    Below the folder ``below`` alone, folders are skipped: it may itself be in one of those.
    """
    candidates = [path for path in paths if path.endswith(SUFFIXES)]
    orbs = {dirname(path) for path in candidates if basename(path) in ORB_ROOTS}
    return tuple(
        sorted(
            path
            for path in candidates
            if not is_skipped(path, below)
            and (is_in_circleci(dirname(path)) or is_part_of_orb(path, orbs))
        )
    )


def is_skipped(path: str, below: str = "") -> bool:
    """Whether ``path`` is in a folder below ``below`` that is never searched."""
    inside = path.removeprefix(f"{below}/") if below else path
    return not SKIPPED_FOLDERS.isdisjoint(inside.split("/")[:-1])


def is_in_circleci(path: str) -> bool:
    """Whether ``path`` is a ``.circleci`` folder, or something in one."""
    return CONFIG_FOLDER in path.split("/")


def is_part_of_orb(path: str, orbs: Set[str]) -> bool:
    """Whether ``circleci orb pack`` of one of the folders ``orbs`` reads ``path``."""
    *folders, last = path.split("/")
    if last.startswith("@") and "/".join(folders) in orbs:
        return True
    return any(
        folder in SECTIONS and "/".join(folders[:depth]) in orbs
        for depth, folder in enumerate(folders)
    )
