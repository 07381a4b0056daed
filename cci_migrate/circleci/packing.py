"""Config source trees: the files that make up one config, and where each belongs in it.

``circleci config pack`` merges the files of a tree: those in its root at the top level, those of a
folder into the section of that name, under the name of the file (``jobs/build.yml`` ->
``jobs.build``); ``@name.yml`` merges at its own level; deeper folders only organise; dot files are
skipped. ``circleci orb pack`` does the same for ``@orb.yml``.
https://github.com/CircleCI-Public/circleci-cli (``internal/pack``),
https://circleci.com/docs/guides/orbs/author/orb-author/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from msgspec import Struct

from cci_migrate.groups import grouped

SECTIONS = frozenset(
    {"commands", "examples", "executors", "job-groups", "jobs", "orbs", "parameters", "workflows"}
)
#: The folder with a repository's configs, and the endings of their names.
CONFIG_FOLDER = ".circleci"
SUFFIXES = (".yml", ".yaml")
_ORB_ROOTS = tuple(f"@orb{suffix}" for suffix in SUFFIXES)


class Part(Struct, frozen=True):
    """A file of a tree and the keys under which its content belongs (none: the top level)."""

    path: str
    mount: tuple[str, ...]


class Group(Struct, frozen=True):
    """The files of one config, or of an orb's source (``is_orb``)."""

    parts: tuple[Part, ...]
    is_orb: bool = False

    @property
    def is_packed(self) -> bool:
        """Whether the config is a tree of files rather than one file."""
        return any(part.mount for part in self.parts) or len(self.parts) > 1


def group_by_name(paths: Iterable[str]) -> tuple[Group, ...]:
    """Group ``paths`` (POSIX, relative to the repository) into configs by their names.

    A folder that contains section folders is a tree if it is an orb's (``@orb.yml``) or inside
    ``.circleci`` (``.circleci/src``, ``.circleci/config``): names have no other sign of one.
    """
    remaining = sorted(
        path for path in set(paths) if path.endswith(SUFFIXES) and not _name(path).startswith(".")
    )
    others = sorted(set(paths) - set(remaining))
    trees: dict[str, list[Part]] = defaultdict(list)
    roots = _roots(remaining)
    groups = [Group((Part(path, ()),)) for path in others]
    for path in remaining:
        root = _root_of(path, roots)
        part = None if root is None else _part(path, root)
        if root is None or part is None:
            groups.append(Group((Part(path, ()),), is_orb=_is_orb_root(path)))
        else:
            trees[root].append(part)
    for root, parts in trees.items():
        groups.append(Group(tuple(parts), is_orb=roots[root]))
    return tuple(sorted(groups, key=lambda group: group.parts[0].path))


def trees_beside(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each file directly in a ``.circleci`` folder, the files of the trees below that folder.

    The file may be the packed form of one of them; only its content shows whether it is.
    """
    groups = group_by_name(paths)
    trees = grouped(
        (_circleci_folder(part.path), part.path)
        for group in groups
        if group.is_packed and not group.is_orb
        for part in group.parts
    )
    return {
        part.path: tuple(trees[folder])
        for group in groups
        for part in group.parts
        if not group.is_packed and (folder := str(PurePosixPath(part.path).parent)) in trees
    }


def _circleci_folder(path: str) -> str:
    folders = PurePosixPath(path).parts[:-1]
    return "/".join(folders[: folders.index(CONFIG_FOLDER) + 1]) if CONFIG_FOLDER in folders else ""


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_orb_root(path: str) -> bool:
    return _name(path) in _ORB_ROOTS


def _roots(paths: list[str]) -> dict[str, bool]:
    """The folders that are roots of trees, and whether each is an orb's."""
    orbs = {str(PurePosixPath(path).parent) for path in paths if _is_orb_root(path)}
    roots = dict.fromkeys(orbs, True)
    for path in paths:
        folders = path.split("/")[:-1]
        for at in range(1, len(folders)):
            if folders[at] in SECTIONS and CONFIG_FOLDER in folders[:at]:
                root = "/".join(folders[:at])
                # The folder .circleci itself holds finished configs, not the parts of one.
                if folders[at - 1] != CONFIG_FOLDER:
                    roots.setdefault(root, False)
                break
    return roots


def _root_of(path: str, roots: dict[str, bool]) -> str | None:
    for parent in PurePosixPath(path).parents if roots else ():
        if str(parent) in roots:
            return str(parent)
    return None


def _part(path: str, root: str) -> Part | None:
    inside = PurePosixPath(path).relative_to(root)
    folders = inside.parts[:-1]
    if not folders:
        return Part(path, ())
    if folders[0] not in SECTIONS:
        return None
    if inside.stem.startswith("@"):
        return Part(path, (folders[0],))
    return Part(path, (folders[0], inside.stem))
