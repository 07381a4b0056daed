"""Files of repositories on GitHub: by GraphQL, and by the REST API where that has no exact text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.config_listing import find_configs
from cci_migrate.forges.github import queries
from cci_migrate.forges.github.reading import GitObject, TreeListing, blob_bytes
from cci_migrate.forges.host import WantedFiles
from cci_migrate.forges.repository import Snapshot
from cci_migrate.transport.graphql import Graphql
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.http import Api

#: Files asked for in one request.
FILES = 50
_RAW = {"Accept": "application/vnd.github.raw+json"}


class RepositoryFiles:
    """Reads files of commits."""

    def __init__(self, api: Api, graphql: Graphql) -> None:
        self._api = api
        self._graphql = graphql

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head, in one request."""
        return self.read_together([WantedFiles(snapshot, tuple(paths))])[snapshot.ref.key]

    def read_together(
        self, wanted: Sequence[WantedFiles]
    ) -> Mapping[str, Mapping[str, bytes | None]]:
        """The wanted files of several repositories, in one request, by the repository's key."""
        variables: dict[str, str] = {}
        for at, files in enumerate(wanted):
            variables[f"o{at}"], variables[f"n{at}"] = files.snapshot.current_name.split("/", 1)
            for number, path in enumerate(files.paths):
                variables[f"e{at}_{number}"] = f"{files.snapshot.head}:{path}"
        query = queries.files([len(files.paths) for files in wanted])
        blobs = self._graphql.ask_for_all(query, variables, dict[str, dict[str, GitObject | None]])
        return {
            files.snapshot.ref.key: {
                path: self._file(blobs[f"r{at}"].get(f"f{number}"), files.snapshot)
                for number, path in enumerate(files.paths)
            }
            for at, files in enumerate(wanted)
        }

    def _file(self, blob: GitObject | None, snapshot: Snapshot) -> bytes | None:
        if blob is None or blob.byte_size is None or blob.is_too_large:
            return None
        return blob_bytes(blob, snapshot.current_name, self.raw)

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """The content of a file in a commit; empty if it does not exist."""
        return self.read(replace(snapshot, head=commit), [path])[path] or b""

    def with_further_configs(self, snapshot: Snapshot, *, is_nested: bool) -> Snapshot:
        """``snapshot`` with the targets of links, and if nested with configs below the root.

        https://docs.github.com/en/rest/git/trees#get-a-tree
        """
        if not (is_nested or snapshot.has_links) or not snapshot.head:
            return snapshot
        listing = self._api.read(
            "GET",
            f"/repos/{snapshot.current_name}/git/trees/{snapshot.head}",
            params={"recursive": "1"},
        ).body(TreeListing)
        if listing.truncated:
            raise HostError(
                "more files than GitHub lists in one answer; plan it by its git URL instead"
            )
        modes = {entry.path: entry.mode for entry in listing.tree if entry.type == "blob"}
        below = "" if is_nested else CONFIG_FOLDER
        configs = find_configs(modes, partial(self.content, snapshot, snapshot.head), below)
        further = [path for path in configs.modes if path not in snapshot.files]
        contents = contents_within_limit(
            (path, data)
            for start in range(0, len(further), FILES)
            for path, data in self.read(snapshot, further[start : start + FILES]).items()
            if data is not None
        )
        return snapshot.with_configs(contents, configs)

    def raw(self, name: str, oid: str) -> bytes:
        """The bytes of a blob of the repository ``name``."""
        return self._api.read_bytes(f"/repos/{name}/git/blobs/{oid}", headers=_RAW)
