"""GitLab as a source of projects and as a host that changes are delivered to.

Projects are observed by GraphQL; the REST API (https://docs.gitlab.com/api/rest/) provides what
GraphQL does not show, and makes the changes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.config_listing import config_modes, find_configs
from cci_migrate.forges.gitlab import queries
from cci_migrate.forges.gitlab.access import GitLabAccess
from cci_migrate.forges.gitlab.extras import GitLabExtras
from cci_migrate.forges.gitlab.pull_request_reviews import GitLabReviews
from cci_migrate.forges.gitlab.reading import (
    BlobNode,
    MergeRequest,
    NamedReply,
    Note,
    OwnerReply,
    ProjectNode,
    RestCommit,
    RestProject,
    TreeFile,
    checks_of_status,
    pages,
    read_node,
    read_project,
    with_files,
)
from cci_migrate.forges.host import NewPullRequest, RepositoryPage
from cci_migrate.forges.repository import (
    Checks,
    Kind,
    Observation,
    RepositoryRef,
    Snapshot,
)
from cci_migrate.forges.rest_hosts import IncompleteError
from cci_migrate.forges.rest_reading import RestReadHost, pages_of_group_or_user
from cci_migrate.transport.graphql import Graphql, Nodes, Partial
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
)
from cci_migrate.transport.http import Api, MissingError, documented
from cci_migrate.transport.pace import Lane
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import asking_for_less, read_chunks, read_pages

_Reply = TypeVar("_Reply")
_Item = TypeVar("_Item")


class NoGraphqlError(Exception):
    """This GitLab's GraphQL API cannot answer the query; the REST API has to."""


class GitLab(RestReadHost):
    """GitLab under one identity. ``is_nested``: search for configs below the root too."""

    kind = Kind.GITLAB
    user = "oauth2"
    repositories = "projects"
    #: https://docs.gitlab.com/api/branches/
    branches = "repository/branches"
    #: https://docs.gitlab.com/api/merge_requests/
    pulls = "merge_requests"
    #: https://docs.gitlab.com/api/notes/
    comment_lists = "merge_requests/{}/notes"
    closing = ("PUT", "", {"state_event": "close"})
    pull_answer = MergeRequest
    extras: GitLabExtras

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        # https://docs.gitlab.com/api/graphql/: beside the REST API's version.
        self._graphql = Graphql(api, f"{api.root.removesuffix('/v4')}/graphql")
        self._page = PageSize()
        self._has_graphql = True
        self.extras = GitLabExtras(api)
        self._access = GitLabAccess(api)
        self.reviews = GitLabReviews(self)

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all projects of a group with subgroups, or of a user."""

        def read(after: str, size: int) -> RepositoryPage:
            return self._owner_page(owner, after, size)

        if self._has_graphql and not cursor.isdecimal():
            cursors = [after for after in known if not after.isdecimal()]
            with suppress(OverloadedError, NoGraphqlError):
                yield from read_pages(
                    self.api.threads, self._page, read, cursor, cursors, self._can_retry_smaller
                )
                return
        yield from self._list_by_rest(owner, cursor if cursor.isdecimal() else "1")

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, some forty in a request."""
        return read_chunks(
            self.api.threads,
            self._page,
            self._observe_chunk,
            refs,
            self._can_retry_smaller,
            lambda ref, _: self._observe_by_rest(ref),
        )

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://docs.gitlab.com/api/repository_files/#get-raw-file-from-repository"""
        name = quote(path, safe="")
        return self.api.read_bytes(
            f"{self.path(snapshot)}/repository/files/{name}/raw", params={"ref": commit}
        )

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of all pipelines, including those of other services."""
        path = f"{self.path(snapshot)}/repository/commits/{quote(commit, safe='')}"
        return checks_of_status(self.api.read("GET", path).body(RestCommit).status)

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the snapshot's head, in one call.

        Refused if the branch exists. The commit starts at ``start_sha``, so no newer commit
        of the default branch is overwritten.
        https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
        """
        answer = self.api.write(
            "POST",
            f"{self.path(snapshot)}/repository/commits",
            json={
                "branch": branch,
                "start_sha": snapshot.head,
                "commit_message": message,
                "actions": [
                    {
                        "action": "update",
                        "file_path": path,
                        "encoding": "base64",
                        "content": base64.b64encode(content).decode(),
                    }
                    for path, content in contents.items()
                ],
            },
        )
        return answer.body(RestCommit).id

    def opening_fields(self, snapshot: Snapshot, opening: NewPullRequest) -> dict[str, object]:
        """https://docs.gitlab.com/api/merge_requests/#create-mr"""
        return {
            "source_branch": opening.branch,
            "target_branch": snapshot.default_branch,
            "title": f"Draft: {opening.title}" if opening.draft else opening.title,
            "description": opening.body,
            "labels": ",".join(opening.extras.labels),
            "reviewer_ids": self.extras.user_ids(opening.extras.reviewers),
            "assignee_ids": self.extras.user_ids(opening.extras.assignees),
            "remove_source_branch": True,
        }

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """https://docs.gitlab.com/api/notes/#list-all-merge-request-notes"""
        notes = self.items(self.comments_path(snapshot), Note)
        # GitLab notes by itself who pushed, approved and was asked.
        return (note.body for note in notes if not note.system)

    def pulls_query(self, branch: str) -> dict[str, object]:
        """https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests"""
        return {"source_branch": branch, "state": "all", "order_by": "created_at"}

    def items(self, path: str, kind: type[_Item], /, **query: object) -> Iterator[_Item]:
        """https://docs.gitlab.com/api/rest/#pagination"""
        for page in pages(self.api, path, query):
            yield from page.body(tuple[kind, ...])  # type: ignore[valid-type]

    def path(self, snapshot: Snapshot) -> str:
        """By the project's number, or by its name while that is not known."""
        return f"/{self.repositories}/{snapshot.node or quote(snapshot.ref.name, safe='')}"

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the project."""
        return self._access.read(snapshot)

    # -- GraphQL

    def _can_retry_smaller(self, asked: int, error: OverloadedError) -> bool:
        """Whether to retry with fewer projects; if not, the REST API has to answer."""
        try:
            return asking_for_less(self._page, self.api.pause)(asked, error)
        except HostUnavailable:
            self._has_graphql = False
            return False

    def _owner_page(self, owner: str, after: str, size: int) -> RepositoryPage:
        """A page of the listing. Incomplete projects are observed by name later."""
        variables = {"path": owner, "first": size, "after": after or None}
        reply = self._ask(queries.OWNER, variables, OwnerReply)
        if reply.data.namespace is None:
            raise NoGraphqlError(owner)
        projects = reply.data.namespace.projects
        incomplete = reply.errors_by_item(3)
        refs, observations = [], []
        for at, node in enumerate(projects.nodes or ()):
            if node is None:
                raise OverloadedError("GitLab returned a project without a name")
            name = documented(node, str, "fullPath")
            ref = self.ref(name)
            observation = None if at in incomplete else self._observation(node, ref)
            if observation is None:
                refs.append(ref)
            else:
                observations.append(observation)
        return RepositoryPage(tuple(refs), tuple(observations), projects.cursor)

    def _observe_chunk(self, refs: Sequence[RepositoryRef]) -> list[Observation]:
        nodes: dict[str, dict[str, Any]] = {}
        if self._has_graphql:
            with suppress(NoGraphqlError):
                nodes = self._nodes([ref.name for ref in refs])
        observations: list[Observation] = []
        for ref in refs:
            # The REST API says why a project is missing, or where it moved.
            node = nodes.get(ref.name.lower())
            observation = None if node is None else self._observation(node, ref)
            if observation is None:
                observation = self._observe_by_rest(ref)
            observations.append(observation)
        return observations

    def _nodes(self, paths: list[str]) -> dict[str, dict[str, Any]]:
        """The complete nodes of the projects at ``paths``, by path in lower case."""
        reply = self._ask(queries.NAMED, {"paths": paths, "first": len(paths)}, NamedReply)
        incomplete = reply.errors_by_item(2)
        projects = reply.data.projects
        nodes = (projects.nodes if projects is not None else None) or ()
        return {
            documented(node, str, "fullPath").lower(): node
            for at, node in enumerate(nodes)
            if node is not None and at not in incomplete
        }

    def _observation(self, node: dict[str, Any], ref: RepositoryRef) -> Observation | None:
        """The observation from GraphQL; None if the answer is incomplete."""
        try:
            project = documented(node, ProjectNode)
        except HostError:
            return None

        def files(head: str, paths: Sequence[str]) -> Mapping[str, bytes]:
            return self.files(Snapshot(ref, node=project.number), head, paths)

        def read() -> Snapshot:
            return self._with_further_configs(read_node(project, ref, files))

        try:
            return self.observation(ref, read)
        except IncompleteError:
            return None

    def shown_files(
        self, snapshot: Snapshot, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes | None]:
        """The files that GraphQL shows, if there are several: None for one not shown exactly."""
        if not self._has_graphql or len(paths) < 2:
            return dict.fromkeys(paths)
        variables = {"path": snapshot.ref.name, "commit": commit, "paths": list(paths)}
        route = ("project", "repository", "blobs")
        try:
            answer = self._graphql.ask(queries.FILES, variables, Nodes[BlobNode], *route)
        except (OverloadedError, HostError, RefusedError):
            return dict.fromkeys(paths)
        return {blob.path: blob.data for blob in answer.data.present}

    def _ask(self, query: str, variables: Mapping[str, Any], kind: type[_Reply]) -> Partial[_Reply]:
        """Send a query. Raises OverloadedError if a smaller one may work, or NoGraphqlError."""
        names = {"branch": self._branch, "ref": f"refs/heads/{self._branch}"}
        try:
            reply = self._graphql.ask(query, {**variables, **names}, kind)
        except (HostError, RefusedError) as error:
            self._has_graphql = False
            raise NoGraphqlError(str(error)) from None
        for fault in reply.errors:
            if fault.path:
                continue
            if fault.type:
                # A code: the query does not fit this version's schema.
                self._has_graphql = False
                raise NoGraphqlError(fault.message)
            # "Query has complexity of 300, which exceeds max complexity of 250", or a time-out.
            raise OverloadedError(fault.message)
        return reply

    # -- REST

    def _list_by_rest(self, owner: str, page: str) -> Iterator[RepositoryPage]:
        """The projects of a group with its subgroups, without those shared with it, or of a user.

        https://docs.gitlab.com/api/groups/#list-all-projects,
        https://docs.gitlab.com/api/projects/#list-a-users-projects
        """
        name, sorting = quote(owner, safe=""), {"order_by": "id", "sort": "asc"}
        own = {**sorting, "include_subgroups": "true", "with_shared": "false"}
        return pages_of_group_or_user(
            self._project_pages(f"/groups/{name}/projects", own, page),
            self._project_pages(f"/users/{name}/projects", sorting, page),
        )

    def _project_pages(
        self, path: str, query: Mapping[str, str], page: str
    ) -> Iterator[RepositoryPage]:
        for answer in pages(self.api, path, query, page):
            projects = answer.body(tuple[RestProject, ...])
            refs = tuple(self.ref(project.path_with_namespace) for project in projects)
            yield RepositoryPage(refs, (), answer.headers.get("x-next-page", ""))

    def _observe_by_rest(self, ref: RepositoryRef) -> Observation:
        return self.observation(ref, partial(self._read_by_rest, ref))

    def _read_by_rest(self, ref: RepositoryRef) -> Snapshot:
        """One project: https://docs.gitlab.com/api/projects/#get-a-single-project"""
        answer = self.api.read("GET", self.path(Snapshot(ref))).body(RestProject)
        project = read_project(answer, ref)
        project = replace(project, pull=self.find_pull_request(project, self._branch))
        if project.traits.empty:
            return project
        if not project.default_branch:
            # Of a repository that a role can't read, such as Guest in a private project.
            raise RefusedError("the token's role can't read its repository")
        project = self.at_head(project)
        listed = self._tree(project, "" if self._is_nested else CONFIG_FOLDER)
        files = self.files(project, project.head, list(config_modes(listed)))
        snapshot = with_files(project, project.head, project.branch, files, listed)
        return self._with_further_configs(snapshot) if snapshot.has_links else snapshot

    def _with_further_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with the targets of links, and if nested with configs below the root."""
        if not (self._is_nested or snapshot.has_links) or not snapshot.head:
            return snapshot
        below = "" if self._is_nested else CONFIG_FOLDER
        read_link = partial(self.content, snapshot, snapshot.head)
        configs = find_configs(self._tree(snapshot, ""), read_link, below)
        further = [path for path in configs.modes if path not in snapshot.files]
        return snapshot.with_configs(self.files(snapshot, snapshot.head, further), configs)

    def _tree(self, snapshot: Snapshot, folder: str) -> dict[str, str]:
        """The mode of each file below ``folder`` at the head.

        https://docs.gitlab.com/api/repositories/#list-all-repository-trees-in-a-project
        """
        query = {"ref": snapshot.head, "path": folder, "recursive": "true"}
        entries = self.items(f"{self.path(snapshot)}/repository/tree", TreeFile, **query)
        try:
            return {entry.path: entry.mode for entry in entries if entry.type == "blob"}
        except MissingError:
            return {}
