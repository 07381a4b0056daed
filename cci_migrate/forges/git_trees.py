"""The files of a commit in a git repository. Links are followed within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from cci_migrate.bounds.limits import TOO_LARGE
from cci_migrate.engine.outcomes import Failed
from cci_migrate.forges.config_listing import Links, find_configs, unusual_modes
from cci_migrate.forges.repository import Snapshot
from cci_migrate.transport.git.objects import tree_paths
from cci_migrate.transport.git.process import GitDirectory

#: Returns blobs by their ids, without those that are too large.
ReadBlobs = Callable[[Sequence[str]], Mapping[str, bytes]]


class GitTree:
    """The files of ``commit``. All methods, and making one, raise GitError."""

    def __init__(self, repository: GitDirectory, commit: str, read: ReadBlobs) -> None:
        self._commit = commit
        self._read_blobs = read
        entries = tree_paths(repository, commit)
        self._modes = {path: mode for path, (mode, _) in entries.items()}
        self._oids = {path: oid for path, (_, oid) in entries.items()}
        self._links = Links(self._modes, self._link)

    def snapshot(self, known: Snapshot, below: str = "") -> Snapshot:
        """``known`` with the configs of the commit, only those in the folder ``below``."""
        configs = find_configs(self._modes, self._link, below)
        files = self._contents(list(configs.modes))
        too_large = (Failed((path,), TOO_LARGE) for path in configs.modes if path not in files)
        return replace(
            known,
            head=self._commit,
            files=files,
            problems=(*configs.problems, *too_large),
            modes=unusual_modes(configs.modes),
        )

    def _contents(self, paths: Sequence[str]) -> dict[str, bytes]:
        blobs = self._read_blobs([self._oids[path] for path in paths])
        return {path: blobs[oid] for path in paths if (oid := self._oids[path]) in blobs}

    def read(self, paths: Sequence[str]) -> dict[str, bytes | None]:
        """The content of each of ``paths``; None for one that is no file of the repository."""
        real = {path: self._links.real_path(path) for path in paths}
        files = {path: to for path, to in real.items() if isinstance(to, str) and to in self._oids}
        contents = self._contents(list(dict.fromkeys(files.values())))
        return {path: contents.get(files[path]) if path in files else None for path in paths}

    def _link(self, path: str) -> bytes:
        oid = self._oids[path]
        return self._read_blobs([oid]).get(oid, b"")
