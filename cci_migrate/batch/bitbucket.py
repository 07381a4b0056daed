"""Bitbucket Cloud: workspaces listed and changes made by its REST API.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cci_migrate.batch.host import HostError, LookAgainError, Page, Proposal
from cci_migrate.batch.pace import OTHER, PULL_REQUEST
from cci_migrate.batch.pull_request_hosts import Project, PullRequestHost, web_root
from cci_migrate.batch.repository import (
    Checks,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
)
from cci_migrate.batch.steps import is_disposable

_STATES = {
    "OPEN": PullState.OPEN,
    "MERGED": PullState.MERGED,
    "DECLINED": PullState.CLOSED,
    "SUPERSEDED": PullState.CLOSED,
}


class Bitbucket(PullRequestHost):
    """Bitbucket Cloud under one identity, that of an access token."""

    user = "x-token-auth"

    def git_url(self, ref: RepositoryRef) -> str:
        """Where git finds a repository."""
        return f"{web_root(self._api.root)}/{ref.name}.git"

    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All repositories of a workspace; each page names the next."""
        url = cursor or f"/repositories/{quote(owner)}?pagelen=100"
        while url:
            answer = self._api.read("GET", url).json
            url = answer.get("next", "")
            yield self.listed([self._read(one, None) for one in answer["values"]], url)

    def project(self, ref: RepositoryRef) -> Project:
        """What the API says of one repository."""
        return self._read(self._api.read("GET", f"/repositories/{ref.name}").json, ref)

    def pull_request(self, project: Project) -> PullRequest | None:
        """The newest pull request from the branch, in any state."""
        found = self._api.read(
            "GET",
            f"/repositories/{project.ref.name}/pullrequests",
            params={
                "q": f'source.branch.name="{self._branch}"',
                "state": list(_STATES),
                "sort": "-created_on",
            },
        ).json["values"]
        own = [
            pr
            for pr in found
            if (pr["source"].get("repository") or {}).get("full_name") == project.ref.name
        ]
        newest = next((pr for pr in own if pr["state"] == "OPEN"), own[0] if own else None)
        return None if newest is None else _pull(newest)

    def commit(self, snapshot: Snapshot, proposal: Proposal) -> str:
        """Branch and commit in one call. An own branch that is out of date is deleted first.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        root = f"/repositories/{snapshot.ref.name}"
        if snapshot.branch is not None:
            self._delete_branch(snapshot)
        made = self._api.write(
            OTHER,
            "POST",
            f"{root}/src",
            data={
                "branch": proposal.branch,
                "parents": snapshot.head,
                "message": proposal.message,
            },
            files={
                path: (path.rpartition("/")[2], content)
                for path, content in proposal.contents.items()
            },
        )
        oid = made.headers.get("location", "").rpartition("/")[2]
        if not oid:
            raise LookAgainError("the answer does not name the commit")
        return oid

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        if proposal.labels:
            raise HostError("Bitbucket has no labels; leave --label out")
        made = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/repositories/{snapshot.ref.name}/pullrequests",
            json={
                "title": proposal.title,
                "description": proposal.body,
                "source": {"branch": {"name": proposal.branch}},
                "destination": {"branch": {"name": snapshot.default_branch}},
                "reviewers": [{"uuid": name} for name in proposal.reviewers],
                "close_source_branch": True,
                "draft": proposal.draft,
            },
        )
        return _pull(made.json)

    def close(self, snapshot: Snapshot) -> None:
        """Decline the pull request, then delete the branch if the commit on it is ours."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            root = f"/repositories/{snapshot.ref.name}/pullrequests"
            self._api.write(OTHER, "POST", f"{root}/{snapshot.pull.number}/decline")
        if snapshot.branch is not None and is_disposable(snapshot.branch):
            self._delete_branch(snapshot)

    def revert(self, snapshot: Snapshot) -> str:
        """Not offered: Bitbucket's API has no revert."""
        where = snapshot.pull.url if snapshot.pull is not None else snapshot.ref.label
        raise HostError(f"use the Revert button of {where}")

    def checks(self, snapshot: Snapshot) -> Checks:
        """What the builds of the branch's tip say, beside those of the head."""
        tip = snapshot.branch.oid if snapshot.branch is not None else snapshot.head
        here = self._statuses(snapshot.ref, tip)
        if here is Checks.FAILED and self._statuses(snapshot.ref, snapshot.head) is here:
            return Checks.PASSED
        return here

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

    def _read(self, repository: dict[str, Any], ref: RepositoryRef | None) -> Project:
        host = self._api.root.split("/")[2].removeprefix("api.")
        branch = repository.get("mainbranch") or {}
        return Project(
            ref or RepositoryRef(Kind.BITBUCKET, host, repository["full_name"], self._api.root),
            branch.get("name", ""),
            Traits(
                fork=bool(repository.get("parent")),
                empty=not branch,
                visibility=Visibility.PRIVATE if repository["is_private"] else Visibility.PUBLIC,
            ),
        )


def _pull(request: dict[str, Any]) -> PullRequest:
    return PullRequest(request["id"], request["links"]["html"]["href"], _STATES[request["state"]])
