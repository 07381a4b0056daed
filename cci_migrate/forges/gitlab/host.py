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

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.config_paths import config_modes, find_configs
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.gitlab import queries
from cci_migrate.forges.gitlab.access import GitLabAccess
from cci_migrate.forges.gitlab.pull_request_reviews import GitLabReviews
from cci_migrate.forges.gitlab.reading import (
    BlobNode,
    ListedProject,
    MergeRequest,
    MergeRequestExtras,
    NamedReply,
    Note,
    OwnerReply,
    ProjectName,
    ProjectNode,
    RestCommit,
    RestProject,
    TreeFile,
    User,
    checks_of_status,
    own_pull,
    read_node,
    read_project,
)
from cci_migrate.forges.host import Extras, NewPullRequest, RepositoryPage, WantedFiles, read_wanted
from cci_migrate.forges.pull_request_hosts import (
    IncompleteError,
    PullRequestHost,
)
from cci_migrate.forges.repository import (
    MISSING_DEFAULT,
    Branch,
    Checks,
    Kind,
    Observation,
    PullRequest,
    RepositoryRef,
    Snapshot,
)
from cci_migrate.transport.graphql import GraphqlError, Nodes, Partial, ask
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
)
from cci_migrate.transport.http import Api, MissingError, Response, documented
from cci_migrate.transport.pace import OTHER, PULL_REQUEST, Lane
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import read_chunks, read_pages
from cci_migrate.transport.reading_threads import PendingRead

_Reply = TypeVar("_Reply")


class NoGraphqlError(Exception):
    """This GitLab's GraphQL API cannot answer the query; the REST API has to."""


class GitLab(PullRequestHost):
    """GitLab under one identity. ``is_nested``: search for configs below the root too."""

    user = "oauth2"
    #: A query has files of one project; several are under way.
    files_together = 1

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        # https://docs.gitlab.com/api/graphql/: beside the REST API's version.
        self._url = f"{api.root.removesuffix('/v4')}/graphql"
        self._host = api.root.split("/")[2]
        self._page = PageSize()
        self._has_graphql = True
        self._users: dict[str, int | None] = {}
        self._access = GitLabAccess(api)

    @property
    def reviews(self) -> GitLabReviews:
        """Its merge requests."""
        return GitLabReviews(self._api, self.observation)

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
                    self._api.threads, self._page, read, cursor, cursors, self._can_retry_smaller
                )
                return
        yield from self._list_by_rest(owner, cursor if cursor.isdecimal() else "1")

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, some forty in a request."""
        for chunk, result in read_chunks(
            self._api.threads, self._page, self._observe_chunk, refs, self._can_retry_smaller
        ):
            if isinstance(result, OverloadedError):
                yield self.observation(chunk[0], self._observe_by_rest)
            else:
                yield from result

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head; None for a missing file."""
        contents = self._files(snapshot.ref.name, snapshot.node, snapshot.head, paths)
        return {path: contents.get(path) for path in paths}

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> PendingRead[Mapping[str, Mapping[str, bytes | None]]]:
        """Read the wanted files, repository by repository."""
        return self._api.threads.begin(partial(read_wanted, self.read, wanted))

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://docs.gitlab.com/api/repository_files/#get-raw-file-from-repository"""
        return self._raw(snapshot.node, commit, path)

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of all pipelines, including those of other services."""
        path = f"/projects/{snapshot.node}/repository/commits/{commit}"
        return checks_of_status(self._api.read("GET", path).body(RestCommit).status)

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the snapshot's head, in one call.

        Refused if the branch exists. The commit starts at ``start_sha``, so no newer commit
        of the default branch is overwritten.
        https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
        """
        answer = self._api.write(
            OTHER,
            "POST",
            f"/projects/{snapshot.node}/repository/commits",
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

    def create_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """https://docs.gitlab.com/api/merge_requests/#create-mr"""
        answer = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/projects/{snapshot.node}/merge_requests",
            json={
                "source_branch": opening.branch,
                "target_branch": snapshot.default_branch,
                "title": f"Draft: {opening.title}" if opening.draft else opening.title,
                "description": opening.body,
                "labels": ",".join(opening.extras.labels),
                "reviewer_ids": self._user_ids(opening.extras.reviewers),
                "assignee_ids": self._user_ids(opening.extras.assignees),
                "remove_source_branch": True,
            },
        )
        return answer.body(MergeRequest).pull

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """https://docs.gitlab.com/api/notes/#list-all-merge-request-notes"""
        for page in self._pages(_notes_path(snapshot), {}):
            notes = page.body(tuple[Note, ...])
            # GitLab notes by itself who pushed, approved and was asked.
            yield from (note.body for note in notes if not note.system)

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """https://docs.gitlab.com/api/notes/#create-new-merge-request-note"""
        self._api.write(OTHER, "POST", _notes_path(snapshot), json={"body": text})

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[str, ...]:
        """Why for each reviewer and assignee that GitLab does not know; it creates labels."""
        del owner
        people = [("reviewer", name) for name in extras.reviewers]
        people += [("assignee", name) for name in extras.assignees]
        return tuple(
            f"{role} {name}: GitLab has no such user; groups can't be asked"
            for role, name in people
            if self._user_id(name) is None
        )

    def extend_pull_request(
        self, snapshot: Snapshot, pull: PullRequest, extras: Extras
    ) -> tuple[str, ...]:
        """Add to those that are there: GitLab replaces reviewers and assignees.

        https://docs.gitlab.com/api/merge_requests/#get-single-mr,
        https://docs.gitlab.com/api/merge_requests/#update-mr
        """
        path = f"/projects/{snapshot.node}/merge_requests/{pull.number}"
        current = self._api.read("GET", path).body(MergeRequestExtras)
        reviewers = {user.id for user in current.reviewers}
        assignees = {user.id for user in current.assignees}
        changes: dict[str, object] = {}
        if labels := set(extras.labels) - set(current.labels):
            changes["add_labels"] = ",".join(sorted(labels))
        if added := set(self._user_ids(extras.reviewers)) - reviewers:
            changes["reviewer_ids"] = sorted(reviewers | added)
        if added := set(self._user_ids(extras.assignees)) - assignees:
            changes["assignee_ids"] = sorted(assignees | added)
        if changes:
            self._api.write(OTHER, "PUT", path, json=changes)
        return ()

    def close_pull_request(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """https://docs.gitlab.com/api/merge_requests/#update-mr"""
        path = f"/projects/{snapshot.node}/merge_requests/{pull.number}"
        self._api.write(OTHER, "PUT", path, json={"state_event": "close"})

    def delete_branch(self, snapshot: Snapshot) -> None:
        """https://docs.gitlab.com/api/branches/#delete-repository-branch"""
        name = quote(self._branch, safe="")
        path = f"/projects/{snapshot.node}/repository/branches/{name}"
        self._api.write(OTHER, "DELETE", path)

    def find_branch(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """https://docs.gitlab.com/api/branches/#get-single-repository-branch"""
        tip = self._tip(snapshot.node, branch)
        return None if tip is None else branch_at(tip.id, snapshot.head, tip.message)

    def find_pull_request(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The open or else the newest merge request from ``branch``; None if there is none."""
        return own_pull(self._requests(snapshot.node, branch))

    @property
    def token_problem(self) -> str:
        """Not known: only a request of its own shows the scopes."""
        return ""

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the project."""
        return self._access.read(snapshot)

    # -- GraphQL

    def _can_retry_smaller(self, asked: int, error: OverloadedError) -> bool:
        """Whether to retry with fewer projects; if not, the REST API has to answer."""
        try:
            seconds = self._page.shrink(asked, error)
        except HostUnavailable:
            self._has_graphql = False
            return False
        if asked == 1 and self._page.is_hopeless:
            return False
        self._api.pause(seconds)
        return True

    def _owner_page(self, owner: str, after: str, size: int) -> RepositoryPage:
        """A page of the listing. Incomplete projects are observed by name later."""
        variables = {"path": owner, "first": size, "after": after or None}
        reply = self._ask(queries.OWNER, variables, OwnerReply)
        if reply.data.namespace is None:
            raise NoGraphqlError(owner)
        projects = reply.data.namespace.projects
        incomplete = _positions(reply.errors, 3)
        refs, observations = [], []
        for at, node in enumerate(projects.nodes or ()):
            if node is None:
                raise OverloadedError("GitLab returned a project without a name")
            name = documented(node, ProjectName).full_path
            ref = RepositoryRef(Kind.GITLAB, self._host, name, self._api.root)
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
                observation = self.observation(ref, self._observe_by_rest)
            observations.append(observation)
        return observations

    def _nodes(self, paths: list[str]) -> dict[str, dict[str, Any]]:
        """The complete nodes of the projects at ``paths``, by path in lower case."""
        reply = self._ask(queries.NAMED, {"paths": paths, "first": len(paths)}, NamedReply)
        incomplete = _positions(reply.errors, 2)
        projects = reply.data.projects
        nodes = (projects.nodes if projects is not None else None) or ()
        return {
            documented(node, ProjectName).full_path.lower(): node
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
            return self._files(ref.name, project.number, head, paths)

        def read(_: RepositoryRef) -> Snapshot:
            return self._with_further_configs(read_node(project, ref, files))

        try:
            return self.observation(ref, read)
        except IncompleteError:
            return None

    def _files(self, name: str, node: str, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Those of ``paths`` that are there. What GraphQL does not show exactly comes by REST."""
        oids: dict[str, bytes | None] = dict.fromkeys(paths)
        if self._has_graphql and len(paths) > 1:
            try:
                variables = {"path": name, "commit": commit, "paths": list(paths)}
                route = ("project", "repository", "blobs")
                answer = ask(
                    self._api, self._url, queries.FILES, variables, Nodes[BlobNode], *route
                )
            except (OverloadedError, HostError, RefusedError):
                pass
            else:
                oids = {blob.path: blob.data for blob in answer.data.present}
        return contents_within_limit(self._contents(node, commit, oids))

    def _contents(
        self, node: str, commit: str, shown: Mapping[str, bytes | None]
    ) -> Iterator[tuple[str, bytes]]:
        """The files that are there, by REST where ``shown`` has not all of one."""
        for path, data in shown.items():
            try:
                yield path, self._raw(node, commit, path) if data is None else data
            except MissingError:
                continue

    def _ask(self, query: str, variables: Mapping[str, Any], kind: type[_Reply]) -> Partial[_Reply]:
        """Send a query. Raises OverloadedError if a smaller one may work, or NoGraphqlError."""
        names = {"branch": self._branch, "ref": f"refs/heads/{self._branch}"}
        try:
            reply = ask(self._api, self._url, query, {**variables, **names}, kind)
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
        try:
            yield from self._project_pages(f"/groups/{name}/projects", own, page)
        except MissingError as no_group:
            try:
                yield from self._project_pages(f"/users/{name}/projects", sorting, page)
            except MissingError:
                raise no_group from None

    def _project_pages(
        self, path: str, query: Mapping[str, str], page: str
    ) -> Iterator[RepositoryPage]:
        for answer in self._pages(path, query, page):
            projects = (
                read_project(project, (), None, self._host, self._api.root)
                for project in answer.body(tuple[RestProject, ...])
            )
            refs = tuple(project.ref for project in projects)
            yield RepositoryPage(refs, (), answer.headers.get("x-next-page", ""))

    def _observe_by_rest(self, ref: RepositoryRef) -> Snapshot:
        """One project: https://docs.gitlab.com/api/projects/#get-a-single-project"""
        project_data = self._api.read("GET", f"/projects/{quote(ref.name, safe='')}").body(
            RestProject
        )
        node = str(project_data.id)
        requests = self._requests(node, self._branch)
        project: ListedProject = read_project(
            project_data, requests, ref, self._host, self._api.root
        )
        if project.traits.empty:
            return project.snapshot()
        if not project.default_branch:
            # Of a repository that a role can't read, such as Guest in a private project.
            raise RefusedError("the token's role can't read its repository")
        tip, branch_tip = self._tip(node, project.default_branch), self._tip(node, self._branch)
        if tip is None:
            raise HostError(MISSING_DEFAULT)
        head = tip.id
        listed = self._tree(node, head, "" if self._is_nested else ".circleci")
        snapshot = project.snapshot(
            head,
            None if branch_tip is None else branch_at(branch_tip.id, head, branch_tip.message),
            self._files(ref.name, node, head, list(config_modes(listed))),
            listed,
        )
        return self._with_further_configs(snapshot) if snapshot.has_links else snapshot

    def _with_further_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with the targets of links, and if nested with configs below the root."""
        if not (self._is_nested or snapshot.has_links) or not snapshot.head:
            return snapshot
        node, head = snapshot.node, snapshot.head
        below = "" if self._is_nested else ".circleci"
        configs = find_configs(
            self._tree(node, head, ""), lambda path: self._raw(node, head, path), below
        )
        further = [path for path in configs.modes if path not in snapshot.files]
        contents = self._files(snapshot.ref.name, node, head, further)
        return snapshot.with_configs(contents, configs)

    def _tip(self, node: str, branch: str) -> RestCommit | None:
        """The commit at a branch's tip."""
        name = quote(branch, safe="")
        try:
            answer = self._api.read("GET", f"/projects/{node}/repository/branches/{name}")
        except MissingError:
            return None
        return answer.body(RestCommit, "commit")

    def _requests(self, node: str, branch: str) -> tuple[MergeRequest, ...]:
        """https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests"""
        query = {"source_branch": branch, "state": "all", "order_by": "created_at"}
        pages = self._pages(f"/projects/{node}/merge_requests", query)
        return tuple(request for page in pages for request in page.body(tuple[MergeRequest, ...]))

    def _pages(self, path: str, query: Mapping[str, str], page: str = "1") -> Iterator[Response]:
        """The answers with all pages of a list. https://docs.gitlab.com/api/rest/#pagination"""
        while page:
            params = {**query, "per_page": 100, "page": page}
            answer = self._api.read("GET", path, params=params)
            yield answer
            page = answer.headers.get("x-next-page", "")

    def _tree(self, node: str, commit: str, folder: str) -> dict[str, str]:
        """The mode of each file below ``folder``.

        https://docs.gitlab.com/api/repositories/#list-all-repository-trees-in-a-project
        """
        query = {"ref": commit, "path": folder, "recursive": "true"}
        modes = {}
        with suppress(MissingError):
            for page in self._pages(f"/projects/{node}/repository/tree", query):
                entries = page.body(tuple[TreeFile, ...])
                modes.update({entry.path: entry.mode for entry in entries if entry.type == "blob"})
        return modes

    def _raw(self, node: str, commit: str, path: str) -> bytes:
        name = quote(path, safe="")
        return self._api.read_bytes(
            f"/projects/{node}/repository/files/{name}/raw", params={"ref": commit}
        )

    def _user_ids(self, names: Sequence[str]) -> list[int]:
        """The ids of those of ``names`` that GitLab knows."""
        ids = (self._user_id(name) for name in names)
        return [number for number in ids if number is not None]

    def _user_id(self, name: str) -> int | None:
        """https://docs.gitlab.com/api/users/#list-users; each name is looked up once."""
        if name not in self._users:
            answer = self._api.read("GET", "/users", params={"username": name})
            users = answer.body(tuple[User, ...])
            self._users[name] = users[0].id if users else None
        return self._users[name]


def _notes_path(snapshot: Snapshot) -> str:
    number = snapshot.pull.number if snapshot.pull is not None else 0
    return f"/projects/{snapshot.node}/merge_requests/{number}/notes"


def _positions(errors: Sequence[GraphqlError], depth: int) -> set[str | int]:
    """The positions of incomplete projects in the list, at ``depth`` of the errors' paths.

    Raises OverloadedError for an error that is not about a single project.
    """
    for error in errors:
        if len(error.path) <= depth:
            raise OverloadedError(error.message)
    return {error.path[depth] for error in errors}
