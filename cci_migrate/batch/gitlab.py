"""GitLab: groups listed and changes made by its REST API (https://docs.gitlab.com/api/rest/)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cci_migrate.batch.host import HostError, Page, Proposal
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

#: From this level on one may push (https://docs.gitlab.com/api/members/#roles).
_DEVELOPER = 30

_STATES = {
    "opened": PullState.OPEN,
    "locked": PullState.OPEN,
    "closed": PullState.CLOSED,
    "merged": PullState.MERGED,
}


class GitLab(PullRequestHost):
    """One GitLab under one identity."""

    user = "oauth2"

    def git_url(self, ref: RepositoryRef) -> str:
        """Where git finds a project."""
        return f"{web_root(self._api.root)}/{ref.name}.git"

    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All projects of a group and its subgroups.

        https://docs.gitlab.com/api/groups/#list-all-projects
        """
        page = cursor or "1"
        while page:
            answer = self._api.read(
                "GET",
                f"/groups/{quote(owner, safe='')}/projects",
                params={
                    "include_subgroups": "true",
                    "per_page": 100,
                    "page": page,
                    "order_by": "id",
                    "sort": "asc",
                },
            )
            page = answer.headers.get("x-next-page", "")
            yield self.listed([self._read(project, None) for project in answer.json], page)

    def project(self, ref: RepositoryRef) -> Project:
        """https://docs.gitlab.com/api/projects/#get-a-single-project"""
        answer = self._api.read("GET", f"/projects/{quote(ref.name, safe='')}")
        return self._read(answer.json, ref)

    def pull_request(self, project: Project) -> PullRequest | None:
        """https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests"""
        found = self._api.read(
            "GET",
            f"/projects/{project.node}/merge_requests",
            params={"source_branch": self._branch, "state": "all", "order_by": "created_at"},
        ).json
        own = [mr for mr in found if mr["source_project_id"] == mr["target_project_id"]]
        newest = next((mr for mr in own if mr["state"] == "opened"), own[0] if own else None)
        return None if newest is None else _pull(newest)

    def commit(self, snapshot: Snapshot, proposal: Proposal) -> str:
        """Branch and commit in one call; an own branch is replaced.

        https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
        """
        made = self._api.write(
            OTHER,
            "POST",
            f"/projects/{snapshot.node}/repository/commits",
            json={
                "branch": proposal.branch,
                "start_sha": snapshot.head,
                "force": snapshot.branch is not None,
                "commit_message": proposal.message,
                "actions": [
                    {
                        "action": "update",
                        "file_path": path,
                        "encoding": "base64",
                        "content": base64.b64encode(content).decode(),
                    }
                    for path, content in proposal.contents.items()
                ],
            },
        )
        return str(made.json["id"])

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """https://docs.gitlab.com/api/merge_requests/#create-mr"""
        made = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/projects/{snapshot.node}/merge_requests",
            json={
                "source_branch": proposal.branch,
                "target_branch": snapshot.default_branch,
                "title": f"Draft: {proposal.title}" if proposal.draft else proposal.title,
                "description": proposal.body,
                "labels": ",".join(proposal.labels),
                "reviewer_ids": [self._user_id(name) for name in proposal.reviewers],
                "remove_source_branch": True,
            },
        )
        return _pull(made.json)

    def close(self, snapshot: Snapshot) -> None:
        """Close the merge request, then delete the branch if the commit on it is ours."""
        root = f"/projects/{snapshot.node}"
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            number = snapshot.pull.number
            self._api.write(
                OTHER, "PUT", f"{root}/merge_requests/{number}", json={"state_event": "close"}
            )
        if snapshot.branch is not None and is_disposable(snapshot.branch):
            name = quote(self._branch, safe="")
            self._api.write(OTHER, "DELETE", f"{root}/repository/branches/{name}")

    def revert(self, snapshot: Snapshot) -> str:
        """Not offered: GitLab's API reverts commits only on a branch that is there."""
        where = snapshot.pull.url if snapshot.pull is not None else snapshot.ref.label
        raise HostError(f"use the Revert button of {where}")

    def checks(self, snapshot: Snapshot) -> Checks:
        """What the pipelines say, those of other services included.

        https://docs.gitlab.com/api/commits/#get-a-single-commit
        """
        root = f"/projects/{snapshot.node}/repository/commits"
        tip = snapshot.branch.oid if snapshot.branch is not None else snapshot.head
        here = _checks(self._api.read("GET", f"{root}/{tip}").json.get("status"))
        if here is Checks.FAILED:
            base = _checks(self._api.read("GET", f"{root}/{snapshot.head}").json.get("status"))
            return Checks.PASSED if base is Checks.FAILED else here
        return here

    def _read(self, project: dict[str, Any], ref: RepositoryRef | None) -> Project:
        name, host = project["path_with_namespace"], self._api.root.split("/")[2]
        return Project(
            ref or RepositoryRef(Kind.GITLAB, host, name, self._api.root),
            project.get("default_branch") or "",
            Traits(
                archived=bool(project.get("archived")),
                fork="forked_from_project" in project,
                empty=bool(project.get("empty_repo")),
                visibility=Visibility(project["visibility"]),
                topics=tuple(project.get("topics") or ()),
                may_write=_may_write(project.get("permissions")),
            ),
            str(project["id"]),
        )

    def _user_id(self, name: str) -> int:
        found = self._api.read("GET", "/users", params={"username": name}).json
        if not found:
            raise HostError(f"GitLab knows no user {name}")
        return int(found[0]["id"])


def _may_write(permissions: dict[str, Any] | None) -> bool | None:
    """Unknown where the API names no role: it may be inherited from above."""
    roles = [role for role in (permissions or {}).values() if role]
    return max(role["access_level"] for role in roles) >= _DEVELOPER if roles else None


def _pull(request: dict[str, Any]) -> PullRequest:
    return PullRequest(request["iid"], request["web_url"], _STATES[request["state"]])


def _checks(status: str | None) -> Checks:
    if status is None:
        return Checks.NONE
    if status in ("success", "skipped", "manual"):
        return Checks.PASSED
    return Checks.FAILED if status in ("failed", "canceled") else Checks.PENDING
