"""Bitbucket Cloud: workspaces listed and changes made by its REST API.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.host import Page
from cci_migrate.forges.pull_request_hosts import Opening, PullRequestHost
from cci_migrate.forges.repository import (
    Branch,
    Checks,
    Kind,
    Observation,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Unreadable,
    Visibility,
    newest_pull,
)
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.transport.pace import OTHER, PULL_REQUEST, Lane

#: Repositories whose API and git requests alternate.
CHUNK = 16

_STATES = {
    "OPEN": PullState.OPEN,
    "MERGED": PullState.MERGED,
    "DECLINED": PullState.CLOSED,
    "SUPERSEDED": PullState.CLOSED,
}


_Item = TypeVar("_Item")


class _Page(Struct, Generic[_Item], frozen=True):
    """https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination"""

    values: tuple[_Item, ...]
    next: str = ""


class _MainBranch(Struct, frozen=True):
    name: str = ""


class _Repository(Struct, frozen=True):
    full_name: str
    is_private: bool
    mainbranch: _MainBranch | None = None
    parent: object = None


class _Status(Struct, frozen=True):
    state: str


class _Address(Struct, frozen=True):
    href: str


class _Links(Struct, frozen=True):
    html: _Address


class _Name(Struct, frozen=True):
    full_name: str


class _Source(Struct, frozen=True):
    repository: _Name | None = None


class _PullRequest(Struct, frozen=True):
    id: int
    links: _Links
    state: Literal["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]
    source: _Source

    @property
    def pull(self) -> PullRequest:
        return PullRequest(self.id, self.links.html.href, _STATES[self.state])

    @property
    def source_name(self) -> str | None:
        """The repository that it comes from; None if that is gone."""
        return self.source.repository.full_name if self.source.repository is not None else None


class Seen(Struct, frozen=True):
    """What the API says of a repository."""

    ref: RepositoryRef
    default_branch: str
    traits: Traits


class Bitbucket(PullRequestHost):
    """Bitbucket Cloud under one identity, that of an access token.

    Seen by git: its limit for git is sixty times that of the API, and one blobless fetch shows
    configs and branch at once (https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/).
    The API is asked only for what git does not tell.
    """

    user = "x-token-auth"

    def __init__(self, api: Api, lane: Lane, branch: str) -> None:
        super().__init__(api, lane, branch)
        self._listed: dict[str, Seen] = {}

    # -- reading

    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All repositories of a workspace; each page names the next.

        What a page says of them is kept until they are looked at.
        """
        url = cursor or f"/repositories/{quote(owner)}?pagelen=100"
        while url:
            page = self._api.read("GET", url).body(_Page[_Repository])
            url = page.next
            found = [self._read(repository, None) for repository in page.values]
            self._listed.update({seen.ref.key: seen for seen in found})
            yield Page(tuple(seen.ref for seen in found), (), url)

    def observe(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        """Each of ``refs``: what the API knows, then what git does."""
        for start in range(0, len(refs), CHUNK):
            known: dict[str, Snapshot] = {}
            for ref in refs[start : start + CHUNK]:
                told = self.observation(ref, self._told)
                if isinstance(told, Unreadable) or told.traits.empty:
                    yield told
                else:
                    known[ref.key] = told
            wanted = [(one.ref, self.git_url(one.ref)) for one in known.values()]
            for observation in self._clones.see_all(wanted):
                yield _completed(observation, known[observation.ref.key])

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, self.git_url(snapshot.ref), paths)

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""
        root = f"/repositories/{snapshot.ref.name}/src"
        return self._api.read("GET", f"{root}/{commit}/{quote(path)}").content

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/"""
        path = f"/repositories/{snapshot.ref.name}/commit/{commit}/statuses"
        statuses = self._api.read("GET", path).body(_Page[_Status]).values
        states = {status.state for status in statuses}
        if not states:
            return Checks.NONE
        if states & {"FAILED", "STOPPED"}:
            return Checks.FAILED
        return Checks.PENDING if "INPROGRESS" in states else Checks.PASSED

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the snapshot's head, in one call.

        ``parents`` is the head that was looked at: the answer is 409 when the branch is there
        already and at another commit.
        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        made = self._api.write(
            OTHER,
            "POST",
            f"/repositories/{snapshot.ref.name}/src",
            data={"branch": branch, "parents": snapshot.head, "message": message},
            files={path: (path.rpartition("/")[2], content) for path, content in contents.items()},
        )
        oid = made.headers.get("location", "").rpartition("/")[2]
        if not oid:
            raise StaleSnapshot("the answer does not name the commit")
        return oid

    def open(self, snapshot: Snapshot, opening: Opening) -> PullRequest:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        if opening.labels:
            raise HostError("Bitbucket has no labels; leave --label out")
        made = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/repositories/{snapshot.ref.name}/pullrequests",
            json={
                "title": opening.title,
                "description": opening.body,
                "source": {"branch": {"name": opening.branch}},
                "destination": {"branch": {"name": snapshot.default_branch}},
                "reviewers": [{"uuid": name} for name in opening.reviewers],
                "close_source_branch": True,
                "draft": opening.draft,
            },
        )
        return made.body(_PullRequest).pull

    def close_pull(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """Decline it."""
        root = f"/repositories/{snapshot.ref.name}/pullrequests"
        self._api.write(OTHER, "POST", f"{root}/{pull.number}/decline")

    def delete_branch(self, snapshot: Snapshot) -> None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        name = quote(self._branch, safe="")
        self._api.write(OTHER, "DELETE", f"/repositories/{snapshot.ref.name}/refs/branches/{name}")

    def branch_seen(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        root = f"/repositories/{snapshot.ref.name}/refs/branches"
        try:
            answer = self._api.read("GET", f"{root}/{quote(branch, safe='')}")
        except MissingError:
            return None
        return branch_at(answer.body(str, "target", "hash"), snapshot.head)

    def pull_from(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The newest pull request from a branch, in any state."""
        found = self._api.read(
            "GET",
            f"/repositories/{snapshot.ref.name}/pullrequests",
            params={
                "q": f'source.branch.name="{branch}"',
                "state": list(_STATES),
                "sort": "-created_on",
            },
        ).body(_Page[_PullRequest])
        return newest_pull(
            request.pull for request in found.values if request.source_name == snapshot.ref.name
        )

    # -- the parts

    def _told(self, ref: RepositoryRef) -> Snapshot:
        """What the API says: all but the files and the branch."""
        seen = self._listed.pop(ref.key, None)
        if seen is None:
            answer = self._api.read("GET", f"/repositories/{ref.name}")
            seen = self._read(answer.body(_Repository), ref)
        told = Snapshot(ref, default_branch=seen.default_branch, traits=seen.traits)
        return replace(told, pull=self.pull_from(told, self._branch))

    def _read(self, repository: _Repository, ref: RepositoryRef | None) -> Seen:
        host = self._api.root.split("/")[2].removeprefix("api.")
        branch = repository.mainbranch.name if repository.mainbranch is not None else ""
        return Seen(
            ref or RepositoryRef(Kind.BITBUCKET, host, repository.full_name, self._api.root),
            branch,
            Traits(
                fork=bool(repository.parent),
                empty=not branch,
                visibility=Visibility.PRIVATE if repository.is_private else Visibility.PUBLIC,
            ),
        )


def _completed(observation: Observation, told: Snapshot) -> Observation:
    """What git saw, with what the API says."""
    if isinstance(observation, Unreadable):
        return observation
    traits = replace(told.traits, empty=observation.traits.empty)
    return replace(observation, traits=traits, default_branch=told.default_branch, pull=told.pull)
