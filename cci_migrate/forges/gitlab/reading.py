"""GitLab's answers as types, the snapshots made from them, and lists read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct
from msgspec.structs import replace

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.blob_text import exact_bytes
from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.config_listing import SYMLINK, config_modes, unusual_modes
from cci_migrate.forges.repository import (
    Branch,
    Checks,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
    newest_pull,
    seconds_since_1970,
)
from cci_migrate.forges.rest_hosts import BranchTip, IncompleteError
from cci_migrate.transport.graphql import Nodes, NodesPage
from cci_migrate.transport.http import Api, Response

#: The file that nearly every project with CircleCI has.
MAIN_CONFIG = ".circleci/config.yml"

#: Merge requests from the branch that are shown of a project; nearly all have at most one.
REQUESTS_SHOWN = 5

#: The access level from which one may push (https://docs.gitlab.com/api/members/#roles).
_DEVELOPER = 30
STATES = {
    "opened": PullState.OPEN,
    "locked": PullState.OPEN,
    "closed": PullState.CLOSED,
    "merged": PullState.MERGED,
}

#: Reads those of some files that exist in a commit of a project.
ReadFiles = Callable[[str, Sequence[str]], Mapping[str, bytes]]


class MergeRequest(Struct, frozen=True):
    """A merge request; GraphQL has its number as a text."""

    iid: int | str
    web_url: str
    state: Literal["opened", "locked", "closed", "merged"]
    source_project_id: int | None
    target_project_id: int
    description: str | None = None

    @property
    def pull(self) -> PullRequest:
        """The merge request as a campaign has it."""
        return PullRequest(
            int(self.iid),
            self.web_url,
            STATES[self.state],
            campaign=campaign_of_pull_request(self.description),
        )

    @property
    def is_own(self) -> bool:
        """Whether it is not from a fork."""
        return self.source_project_id == self.target_project_id

    def is_from(self, repository: str, branch: str) -> bool:
        """Whether it, whose branch and project were asked for, is not from a fork."""
        del repository, branch
        return self.is_own


class User(Struct, frozen=True):
    """A user, by the number in the REST API."""

    id: int


class MergeRequestExtras(Struct, frozen=True):
    """What a merge request has besides its text."""

    labels: tuple[str, ...] = ()
    reviewers: tuple[User, ...] = ()
    assignees: tuple[User, ...] = ()


class Note(Struct, frozen=True):
    """A comment, or what GitLab notes by itself."""

    body: str
    system: bool = False


class TreeFile(Struct, frozen=True):
    """An entry of a listing; the REST API lists folders too."""

    path: str
    mode: str
    type: str = "blob"


# -- GraphQL: https://docs.gitlab.com/api/graphql/reference/


class BlobNode(Struct, frozen=True, rename="camel"):
    """A file, whose text GitLab may have decoded or truncated."""

    path: str
    oid: str
    raw_text_blob: str | None

    __repr__ = repr_without("raw_text_blob")

    @property
    def data(self) -> bytes | None:
        """Its bytes; None if the text is not exact."""
        return exact_bytes(self.raw_text_blob, self.oid)


class _Commit(Struct, frozen=True):
    sha: str
    message: str | None = None


class _Tree(Struct, frozen=True, rename="camel"):
    last_commit: _Commit | None


class _Listing(Struct, frozen=True):
    blobs: NodesPage[TreeFile]


class _Repository(Struct, frozen=True, rename="camel"):
    empty: bool
    root_ref: str | None
    head: _Tree | None
    branch: _Tree | None
    circleci: _Listing | None
    main: Nodes[BlobNode] | None


class _Permissions(Struct, frozen=True, rename="camel"):
    push_code: bool


class ProjectNode(Struct, frozen=True, rename="camel"):
    """The answer to the ``project`` fragment."""

    id: str
    archived: bool | None
    visibility: Visibility
    topics: tuple[str, ...] | None
    is_forked: bool
    user_permissions: _Permissions
    merge_requests: Nodes[MergeRequest] | None
    repository: _Repository | None
    last_activity_at: datetime | None = None

    @property
    def pull(self) -> PullRequest | None:
        """Its open or else its newest merge request that is not from a fork.

        Raises IncompleteError if that may be missing: hidden by those of forks, or null.
        """
        shown = self.merge_requests or Nodes[MergeRequest]()
        own = newest_pull(request.pull for request in shown.present if request.is_own)
        if shown.has_gaps or (own is None and len(shown.present) >= REQUESTS_SHOWN):
            raise IncompleteError("GitLab does not show all of its merge requests")
        return own

    @property
    def number(self) -> str:
        """Its id in the REST API."""
        return self.id.rpartition("/")[2]


class Projects(Struct, frozen=True):
    """The list of a namespace's projects, each a `ProjectNode` if it is complete."""

    projects: NodesPage[dict[str, Any]]


class OwnerReply(Struct, frozen=True):
    """The answer to `queries.OWNER`."""

    namespace: Projects | None = None


class NamedReply(Struct, frozen=True):
    """The answer to `queries.NAMED`."""

    projects: Nodes[dict[str, Any]] | None = None


# -- REST: https://docs.gitlab.com/api/rest/


class _Access(Struct, frozen=True):
    access_level: int


class RestProject(Struct, frozen=True):
    """https://docs.gitlab.com/api/projects/#get-a-single-project"""

    id: int
    path_with_namespace: str
    visibility: Visibility
    default_branch: str | None = None
    archived: bool | None = None
    empty_repo: bool | None = None
    forked_from_project: object = UNSET
    topics: tuple[str, ...] | None = None
    last_activity_at: datetime | None = None
    permissions: dict[str, _Access | None] | None = None

    @property
    def may_write(self) -> bool | None:
        """Whether the role permits pushes; None without a role, which may be inherited."""
        roles = [role for role in (self.permissions or {}).values() if role is not None]
        return max(role.access_level for role in roles) >= _DEVELOPER if roles else None


class RestCommit(BranchTip, frozen=True):
    """https://docs.gitlab.com/api/commits/#get-a-single-commit"""

    status: str | None = None


def checks_of_status(status: str | None) -> Checks:
    """The result of CI that a pipeline's or commit's ``status`` means; None: there was none.

    Nothing ran in a ``skipped`` pipeline. In a ``manual`` one all has passed that starts by itself.

    https://docs.gitlab.com/api/pipelines/#list-project-pipelines
    """
    if status is None or status == "skipped":
        return Checks.NONE
    if status in ("success", "manual"):
        return Checks.PASSED
    return Checks.FAILED if status in ("failed", "canceled") else Checks.PENDING


def pages(api: Api, path: str, query: Mapping[str, object], page: str = "1") -> Iterator[Response]:
    """The answers with all pages of a list. https://docs.gitlab.com/api/rest/#pagination"""
    while page:
        answer = api.read("GET", path, params={**query, "per_page": 100, "page": page})
        yield answer
        page = answer.headers.get("x-next-page", "")


# -- to snapshots


def with_files(
    project: Snapshot,
    head: str,
    branch: Branch | None,
    files: Mapping[str, bytes],
    listed: Mapping[str, str],
) -> Snapshot:
    """``project`` with its ``files`` at ``head``; ``listed`` are the modes of the listed files."""
    return replace(
        project,
        head=head,
        branch=branch,
        files=files,
        modes=unusual_modes(config_modes(listed)),
        has_links=SYMLINK in listed.values(),
    )


def read_node(node: ProjectNode, ref: RepositoryRef, read: ReadFiles) -> Snapshot:
    """The snapshot of ``ref`` from ``node``; ``read`` reads files that it lacks.

    Raises IncompleteError if necessary data is missing, and what ``read`` raises.
    """
    repository = node.repository
    if repository is None:
        raise IncompleteError("GitLab does not show its repository")
    project = Snapshot(
        ref,
        node=node.number,
        default_branch=repository.root_ref or "",
        traits=Traits(
            archived=bool(node.archived),
            fork=node.is_forked,
            empty=repository.empty,
            visibility=node.visibility,
            topics=node.topics or (),
            may_write=node.user_permissions.push_code,
            active_at=seconds_since_1970(node.last_activity_at),
        ),
        pull=node.pull,
    )
    if project.traits.empty:
        return project
    if repository.head is None or repository.head.last_commit is None:
        raise IncompleteError("GitLab does not show its head")
    head, listing = repository.head.last_commit.sha, repository.circleci
    if listing is not None and (listing.blobs.page_info.has_next_page or listing.blobs.has_gaps):
        raise IncompleteError("GitLab does not show all of its files")
    entries = listing.blobs.present if listing is not None else ()
    listed = {entry.path: entry.mode for entry in entries}
    modes = config_modes(listed)
    texts = {blob.path: blob.data for blob in (repository.main or Nodes[BlobNode]()).present}
    contents = {path: data for path, data in texts.items() if data is not None and path in modes}
    others = [path for path in modes if path not in contents]
    if others:
        contents.update(read(head, others))
    tip = repository.branch.last_commit if repository.branch is not None else None
    branch = None if tip is None else Branch.at(tip.sha, head, tip.message or "")
    return with_files(project, head, branch, {path: contents[path] for path in modes}, listed)


def read_project(project: RestProject, ref: RepositoryRef) -> Snapshot:
    """The project from the REST API, without its files, branch and merge request."""
    return Snapshot(
        ref,
        node=str(project.id),
        default_branch=project.default_branch or "",
        traits=Traits(
            archived=bool(project.archived),
            fork=project.forked_from_project is not UNSET,
            empty=bool(project.empty_repo),
            visibility=project.visibility,
            topics=project.topics or (),
            may_write=project.may_write,
            active_at=seconds_since_1970(project.last_activity_at),
        ),
        renamed_to=ref.new_name(project.path_with_namespace),
    )
