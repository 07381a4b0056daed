"""The projects of a monorepo, each of which gets a pull request of its own with ``--split``.

A project is a folder with a ``.circleci`` folder. It is planned and delivered like a repository of
its own that has only its files.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.repository import Observation, RepositoryRef, Snapshot, Unreadable

#: The project at the root of a repository, as `RepositoryRef.project` has it.
ROOT = "."


def project_refs(snapshot: Snapshot) -> list[RepositoryRef]:
    """The projects of a repository as repositories, sorted; empty if there are not several."""
    folders = _folders(snapshot.files)
    projects = {_project_of(path, folders) for path in snapshot.files}
    if len(projects) < 2:
        return []
    return [replace(snapshot.ref, project=project) for project in sorted(projects)]


def only_project(observation: Observation) -> Observation:
    """``observation`` with only the files of its project, if it is of one."""
    if isinstance(observation, Unreadable) or not observation.ref.project:
        return observation
    folders = _folders(observation.files)

    def is_ours(path: str) -> bool:
        return _project_of(path, folders) == observation.ref.project

    return replace(
        observation,
        files={path: data for path, data in observation.files.items() if is_ours(path)},
        problems=tuple(
            problem for problem in observation.problems if any(map(is_ours, problem.paths))
        ),
    )


def _folders(paths: Iterable[str]) -> frozenset[str]:
    """The folders with a ``.circleci`` folder; ``.`` is the root."""
    folders = set()
    for path in paths:
        parts = path.split("/")
        if CONFIG_FOLDER in parts:
            folders.add("/".join(parts[: parts.index(CONFIG_FOLDER)]) or ROOT)
    return frozenset(folders)


def _project_of(path: str, folders: frozenset[str]) -> str:
    """The innermost of ``folders`` that has ``path``; the root for a file outside of all."""
    parts = path.split("/")
    for end in range(len(parts) - 1, 0, -1):
        folder = "/".join(parts[:end])
        if folder in folders:
            return folder
    return ROOT
