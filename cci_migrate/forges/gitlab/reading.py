"""From GitLab's answers to snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cci_migrate.forges.blob_text import exact_bytes
from cci_migrate.forges.config_paths import SYMLINK, config_modes, odd_modes
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.pull_request_hosts import IncompleteError
from cci_migrate.forges.repository import (
    Branch,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
)

#: The file that nearly every project with CircleCI has.
MAIN_CONFIG = ".circleci/config.yml"

#: From this level on one may push (https://docs.gitlab.com/api/members/#roles).
_DEVELOPER = 30
_STATES = {
    "opened": PullState.OPEN,
    "locked": PullState.OPEN,
    "closed": PullState.CLOSED,
    "merged": PullState.MERGED,
}

#: Reads files of a project at a commit: those of the paths that are there.
ReadFiles = Callable[[str, Sequence[str]], Mapping[str, bytes]]


class Project(Struct, frozen=True):
    """What is known of a project beside its files."""

    ref: RepositoryRef
    node: str
    default_branch: str
    traits: Traits
    pull: PullRequest | None = None

    def snapshot(
        self,
        head: str = "",
        branch: Branch | None = None,
        files: Mapping[str, bytes] | None = None,
        listed: Mapping[str, str] | None = None,
    ) -> Snapshot:
        """The project as it was seen at ``head``; ``listed`` are the modes of what was listed."""
        modes = listed or {}
        return Snapshot(
            self.ref,
            head=head,
            default_branch=self.default_branch,
            traits=self.traits,
            files=files or {},
            modes=odd_modes(config_modes(modes)),
            has_links=SYMLINK in modes.values(),
            branch=branch,
            pull=self.pull,
            node=self.node,
        )


def ref_of(node: dict[str, Any], host: str, root: str) -> RepositoryRef:
    """The name of a project in a GraphQL answer."""
    return RepositoryRef(Kind.GITLAB, host, node["fullPath"], root)


def read_node(node: dict[str, Any], ref: RepositoryRef, read: ReadFiles) -> Snapshot:
    """The snapshot that the ``project`` fragment's answer is. ``read`` gets what it does not hold.

    Raises IncompleteError.
    """
    repository = node["repository"]
    if repository is None:
        raise IncompleteError("its repository is not shown")
    project = Project(
        ref,
        node["id"].rpartition("/")[2],
        repository["rootRef"] or "",
        Traits(
            archived=bool(node["archived"]),
            fork=node["isForked"],
            empty=repository["empty"],
            visibility=Visibility(node["visibility"]),
            topics=tuple(node["topics"] or ()),
            may_write=node["userPermissions"]["pushCode"],
        ),
        newest(
            [
                {
                    "iid": int(one["iid"]),
                    "web_url": one["webUrl"],
                    "state": one["state"],
                    "source_project_id": one["sourceProjectId"],
                    "target_project_id": one["targetProjectId"],
                }
                for one in (node["mergeRequests"] or {"nodes": ()})["nodes"] or ()
            ]
        ),
    )
    if project.traits.empty:
        return project.snapshot()
    commit = (repository["head"] or {}).get("lastCommit")
    if commit is None:
        raise IncompleteError("its head is not shown")
    head, listing = commit["sha"], (repository["circleci"] or {"blobs": {}})["blobs"]
    if listing and listing["pageInfo"]["hasNextPage"]:
        raise IncompleteError("not all of its files are shown")
    listed = {one["path"]: one["mode"] for one in listing.get("nodes") or ()}
    modes = config_modes(listed)
    blobs = (repository["main"] or {"nodes": ()})["nodes"] or ()
    texts = {blob["path"]: exact_bytes(blob["rawTextBlob"], blob["oid"]) for blob in blobs}
    known = {path: data for path, data in texts.items() if data is not None and path in modes}
    others = [path for path in modes if path not in known]
    if others:
        known.update(read(head, others))
    branch = (repository["branch"] or {}).get("lastCommit")
    return project.snapshot(
        head,
        None if branch is None else branch_at(branch["sha"], head),
        {path: known[path] for path in modes},
        listed,
    )


def read_project(
    project: dict[str, Any],
    requests: Sequence[dict[str, Any]],
    ref: RepositoryRef | None,
    host: str,
    root: str,
) -> Project:
    """What the REST API says of a project, and of the merge requests from the branch."""
    return Project(
        ref or RepositoryRef(Kind.GITLAB, host, project["path_with_namespace"], root),
        str(project["id"]),
        project.get("default_branch") or "",
        Traits(
            archived=bool(project.get("archived")),
            fork="forked_from_project" in project,
            empty=bool(project.get("empty_repo")),
            visibility=Visibility(project["visibility"]),
            topics=tuple(project.get("topics") or ()),
            may_write=_may_write(project.get("permissions")),
        ),
        newest(requests),
    )


def pull_of(request: dict[str, Any]) -> PullRequest:
    """A merge request of the REST API."""
    return PullRequest(request["iid"], request["web_url"], _STATES[request["state"]])


def newest(requests: Sequence[dict[str, Any]]) -> PullRequest | None:
    """The open or else the newest one of the project itself: forks may have such a branch too."""
    own = [one for one in requests if one["source_project_id"] == one["target_project_id"]]
    found = next((one for one in own if one["state"] == "opened"), own[0] if own else None)
    return None if found is None else pull_of(found)


def _may_write(permissions: dict[str, Any] | None) -> bool | None:
    """Unknown where the API names no role: it may be inherited from above."""
    roles = [role for role in (permissions or {}).values() if role]
    return max(role["access_level"] for role in roles) >= _DEVELOPER if roles else None
