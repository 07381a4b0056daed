"""Bitbucket Cloud: workspaces listed and changes made by its REST API.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.host import Page
from cci_migrate.forges.pull_request_hosts import Opening, PullRequestHost, web_root
from cci_migrate.forges.repository import (
    Branch,
    Checks,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Sighting,
    Snapshot,
    Traits,
    Unseen,
    Visibility,
)
from cci_migrate.transport.errors import HostError, LookAgainError
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
            answer = self._api.read("GET", url).json
            url = answer.get("next", "")
            found = [self._read(one, None) for one in answer["values"]]
            self._listed.update({one.ref.key: one for one in found})
            yield Page(tuple(one.ref for one in found), (), url)

    def look(self, refs: Sequence[RepositoryRef]) -> Iterator[Sighting]:
        """Each of ``refs``: what the API knows, then what git does."""
        for start in range(0, len(refs), CHUNK):
            known: dict[str, Snapshot] = {}
            for ref in refs[start : start + CHUNK]:
                told = self.sighting(ref, self._told)
                if isinstance(told, Unseen) or told.traits.empty:
                    yield told
                else:
                    known[ref.key] = told
            wanted = [(one.ref, self.git_url(one.ref)) for one in known.values()]
            for sighting in self._clones.see_all(wanted):
                yield _completed(sighting, known[sighting.ref.key])

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, self.git_url(snapshot.ref), paths)

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""
        root = f"/repositories/{snapshot.ref.name}/src"
        return self._api.read("GET", f"{root}/{commit}/{quote(path)}").content

    def checks(self, snapshot: Snapshot) -> Checks:
        """What the builds of the branch's tip say, beside those of the head."""
        tip = snapshot.branch.oid if snapshot.branch is not None else snapshot.head
        here = self._statuses(snapshot.ref, tip)
        if here is Checks.FAILED and self._statuses(snapshot.ref, snapshot.head) is here:
            return Checks.PASSED
        return here

    # -- writing

    def git_url(self, ref: RepositoryRef) -> str:
        """Where git finds a repository."""
        return f"{web_root(self._api.root)}/{ref.name}.git"

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
            raise LookAgainError("the answer does not name the commit")
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
        return _pull(made.json)

    def close(self, snapshot: Snapshot) -> None:
        """Decline the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            root = f"/repositories/{snapshot.ref.name}/pullrequests"
            self._api.write(OTHER, "POST", f"{root}/{snapshot.pull.number}/decline")
        if snapshot.branch is not None and snapshot.branch.content.is_disposable:
            self._delete_branch(snapshot)

    def branch_seen(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        root = f"/repositories/{snapshot.ref.name}/refs/branches"
        try:
            tip = self._api.read("GET", f"{root}/{quote(branch, safe='')}").json["target"]["hash"]
        except MissingError:
            return None
        return branch_at(tip, snapshot.head)

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
        ).json["values"]
        own = [
            pr
            for pr in found
            if (pr["source"].get("repository") or {}).get("full_name") == snapshot.ref.name
        ]
        newest = next((pr for pr in own if pr["state"] == "OPEN"), own[0] if own else None)
        return None if newest is None else _pull(newest)

    # -- the parts

    def _told(self, ref: RepositoryRef) -> Snapshot:
        """What the API says: all but the files and the branch."""
        seen = self._listed.pop(ref.key, None)
        if seen is None:
            seen = self._read(self._api.read("GET", f"/repositories/{ref.name}").json, ref)
        told = Snapshot(ref, default_branch=seen.default_branch, traits=seen.traits)
        return replace(told, pull=self.pull_from(told, self._branch))

    def _delete_branch(self, snapshot: Snapshot) -> None:
        name = quote(self._branch, safe="")
        root = f"/repositories/{snapshot.ref.name}"
        self._api.write(OTHER, "DELETE", f"{root}/refs/branches/{name}")

    def _statuses(self, ref: RepositoryRef, oid: str) -> Checks:
        found = self._api.read("GET", f"/repositories/{ref.name}/commit/{oid}/statuses").json
        states = {status["state"] for status in found["values"]}
        if not states:
            return Checks.NONE
        if states & {"FAILED", "STOPPED"}:
            return Checks.FAILED
        return Checks.PENDING if "INPROGRESS" in states else Checks.PASSED

    def _read(self, repository: dict[str, Any], ref: RepositoryRef | None) -> Seen:
        host = self._api.root.split("/")[2].removeprefix("api.")
        branch = repository.get("mainbranch") or {}
        return Seen(
            ref or RepositoryRef(Kind.BITBUCKET, host, repository["full_name"], self._api.root),
            branch.get("name", ""),
            Traits(
                fork=bool(repository.get("parent")),
                empty=not branch,
                visibility=Visibility.PRIVATE if repository["is_private"] else Visibility.PUBLIC,
            ),
        )


def _completed(sighting: Sighting, told: Snapshot) -> Sighting:
    """What git saw, with what the API says."""
    if isinstance(sighting, Unseen):
        return sighting
    traits = replace(told.traits, empty=sighting.traits.empty)
    return replace(sighting, traits=traits, default_branch=told.default_branch, pull=told.pull)


def _pull(request: dict[str, Any]) -> PullRequest:
    return PullRequest(request["id"], request["links"]["html"]["href"], _STATES[request["state"]])
