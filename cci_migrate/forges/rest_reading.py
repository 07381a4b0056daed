"""The common base of GitLab and Gitea, which are read by their REST APIs too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.host import RepositoryPage, WantedFiles
from cci_migrate.forges.repository import MISSING_DEFAULT, Branch, Snapshot
from cci_migrate.forges.rest_hosts import RestHost
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.http import MissingError

if TYPE_CHECKING:
    from concurrent.futures import Future


class RestReadHost(RestHost):
    """A host whose files are read by its API, one in a request."""

    #: A request has files of one repository; several are under way.
    files_together = 1
    #: Not known: no answer names the scopes of the token.
    token_problem = ""

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head; None for a missing file.

        Links are not followed.
        """
        contents = self.files(snapshot, snapshot.head, paths)
        return {path: contents.get(path) for path in paths}

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> Future[Mapping[str, Mapping[str, bytes | None]]]:
        """Read the wanted files, repository by repository."""
        return self.api.threads.begin(partial(self._read_wanted, wanted))

    def files(self, snapshot: Snapshot, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Those of ``paths`` that are there in a commit."""
        return contents_within_limit(self._contents(snapshot, commit, paths))

    def shown_files(
        self, snapshot: Snapshot, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes | None]:
        """Files that may be there; None for one that has yet to be read. By default, all are."""
        del snapshot, commit
        return dict.fromkeys(paths)

    def at_head(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with the head of its default branch, and with the campaign's branch."""
        tip = self.tip(snapshot, snapshot.default_branch)
        if tip is None:
            raise HostError(MISSING_DEFAULT)
        own = self.tip(snapshot, self._branch)
        branch = None if own is None else Branch.at(own.id, tip.id, own.message)
        return replace(snapshot, head=tip.id, branch=branch)

    def _contents(
        self, snapshot: Snapshot, commit: str, paths: Sequence[str]
    ) -> Iterator[tuple[str, bytes]]:
        for path, data in self.shown_files(snapshot, commit, paths).items():
            try:
                yield path, self.content(snapshot, commit, path) if data is None else data
            except MissingError:
                continue

    def _read_wanted(
        self, wanted: Sequence[WantedFiles]
    ) -> Mapping[str, Mapping[str, bytes | None]]:
        return {files.snapshot.ref.key: self.read(files.snapshot, files.paths) for files in wanted}


def pages_of_group_or_user(
    group: Iterator[RepositoryPage], user: Iterator[RepositoryPage]
) -> Iterator[RepositoryPage]:
    """The pages of the group of a name, or else of the user of that name."""
    try:
        yield from group
    except MissingError as no_group:
        try:
            yield from user
        except MissingError:
            raise no_group from None
