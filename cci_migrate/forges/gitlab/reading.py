"""GitLab's answers as types, and snapshots made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.blob_text import exact_bytes
from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.config_paths import SYMLINK, config_modes, unusual_modes
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.pull_request_hosts import IncompleteError
from cci_migrate.forges.repository import (
    Branch,
    Checks,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
    newest_pull,
    seconds_since_1970,
)
from cci_migrate.transport.graphql import Nodes, NodesPage

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
            campaign=campaign_of_pull_request(self.description or ""),
        )


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


class ProjectName(Struct, frozen=True, rename="camel"):
    """The name of a project whose other data may be incomplete."""

    full_path: str


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
    def has_hidden_requests(self) -> bool:
        """Whether one of its own may be missing: hidden by those of forks, or null."""
        if self.merge_requests is not None and self.merge_requests.has_gaps:
            return True
        shown = self.merge_requests.present if self.merge_requests is not None else []
        return len(shown) >= REQUESTS_SHOWN and own_pull(shown) is None

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


class RestCommit(Struct, frozen=True):
    """https://docs.gitlab.com/api/commits/#get-a-single-commit"""

    id: str
    message: str = ""
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


# -- to snapshots


class ListedProject(Struct, frozen=True):
    """A project without its files."""

    ref: RepositoryRef
    node: str
    default_branch: str
    traits: Traits
    pull: PullRequest | None = None
    renamed_to: str = ""

    def snapshot(
        self,
        head: str = "",
        branch: Branch | None = None,
        files: Mapping[str, bytes] | None = None,
        listed: Mapping[str, str] | None = None,
    ) -> Snapshot:
        """The snapshot of the project at ``head``; ``listed`` are the modes of the listed files."""
        modes = listed or {}
        return Snapshot(
            self.ref,
            head=head,
            default_branch=self.default_branch,
            traits=self.traits,
            files=files or {},
            modes=unusual_modes(config_modes(modes)),
            has_links=SYMLINK in modes.values(),
            branch=branch,
            pull=self.pull,
            node=self.node,
            renamed_to=self.renamed_to,
        )


def read_node(node: ProjectNode, ref: RepositoryRef, read: ReadFiles) -> Snapshot:
    """The snapshot of ``ref`` from ``node``; ``read`` reads files that it lacks.

    Raises IncompleteError if necessary data is missing, and what ``read`` raises.
    """
    repository = node.repository
    if repository is None:
        raise IncompleteError("GitLab does not show its repository")
    project = ListedProject(
        ref,
        node.number,
        repository.root_ref or "",
        Traits(
            archived=bool(node.archived),
            fork=node.is_forked,
            empty=repository.empty,
            visibility=node.visibility,
            topics=node.topics or (),
            may_write=node.user_permissions.push_code,
            active_at=seconds_since_1970(node.last_activity_at),
        ),
        own_pull(node.merge_requests.present if node.merge_requests is not None else ()),
    )
    if node.has_hidden_requests:
        raise IncompleteError("GitLab does not show all of its merge requests")
    if project.traits.empty:
        return project.snapshot()
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
    branch = repository.branch.last_commit if repository.branch is not None else None
    return project.snapshot(
        head,
        None if branch is None else branch_at(branch.sha, head, branch.message or ""),
        {path: contents[path] for path in modes},
        listed,
    )


def read_project(
    project: RestProject,
    requests: Sequence[MergeRequest],
    ref: RepositoryRef | None,
    host: str,
    root: str,
) -> ListedProject:
    """The project from the REST API, with ``requests``, the merge requests from the branch."""
    name = project.path_with_namespace
    is_renamed = ref is not None and ref.name.lower() != name.lower()
    return ListedProject(
        ref or RepositoryRef(Kind.GITLAB, host, name, root),
        str(project.id),
        project.default_branch or "",
        Traits(
            archived=bool(project.archived),
            fork=project.forked_from_project is not UNSET,
            empty=bool(project.empty_repo),
            visibility=project.visibility,
            topics=project.topics or (),
            may_write=project.may_write,
            active_at=seconds_since_1970(project.last_activity_at),
        ),
        own_pull(requests),
        renamed_to=name if is_renamed else "",
    )


def own_pull(requests: Iterable[MergeRequest]) -> PullRequest | None:
    """The open or else the newest merge request that is not from a fork."""
    return newest_pull(
        request.pull
        for request in requests
        if request.source_project_id == request.target_project_id
    )
