"""A stand-in for GitHub: its published GraphQL schema, executed against real bare repositories.

What it refuses, it refuses in GitHub's words: an existing ref, a stale head, a second pull request,
a missing permission. ``watch`` sees each request before and after it is carried out, and can
answer in its place, drop the connection, or kill the client.
"""

# The signature of a resolver is graphql-core's.
# ruff: noqa: ARG001, ARG002, ARG005

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from graphql import GraphQLError, GraphQLSchema, build_schema
from msgspec import Struct, field
from msgspec.structs import replace

from tests.batch.commits import blob, files, message, shown_text
from tests.batch.graphql_answers import execute
from tests.batch.host_stand_in import HostStandIn, Verdicts, WatchedHandler
from tests.batch.repositories import bare, commit_bare, content, git, loose_tip
from tests.batch.watching import Canned, Request, send

if TYPE_CHECKING:
    from tests.batch.github_app_stand_in import App

_MAIN = "refs/heads/main:refs/heads/main"
#: Who opens the pull requests.
AUTHOR = "campaigner"
SCHEMA = Path(__file__).with_name("github_schema.graphql")


@cache
def published_schema() -> GraphQLSchema:
    """GitHub's schema; it takes half a second to build."""
    return build_schema(SCHEMA.read_text())


class Refusal(Exception):
    """GitHub says no, with one of its error types."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Pull(Struct):
    """A pull request."""

    number: int
    repository: Repository
    head: str
    base: str
    title: str
    body: str
    draft: bool
    state: str = "OPEN"
    cross: bool = False
    #: The fork that has its branch.
    fork: Repository | None = None
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    #: The kind of account of each that submitted a review.
    reviewer_kinds: list[str] = field(default_factory=list)
    #: What rules and people say of it; ``requested`` are code owners, ``reviewers`` others.
    decision: str | None = None
    requested: list[str] = field(default_factory=list)
    opinions: dict[str, str] = field(default_factory=dict)
    #: The commit that each approved.
    approved: dict[str, str | None] = field(default_factory=dict)
    status: str = "BLOCKED"
    mergeable: str = "MERGEABLE"
    can_auto_merge: bool = False
    has_queue: bool = False
    created_at: str = "2026-11-01T10:00:00Z"
    updated_at: str = "2026-11-02T10:00:00Z"
    #: The method of auto-merge or of the merge, and the commit that merged it.
    auto_merge: str | None = None
    method: str = ""
    merge_commit: str = ""

    @property
    def home(self) -> Repository:
        """The repository that has its branch."""
        return self.fork or self.repository

    def approve(self, name: str = "ada") -> None:
        """Have somebody approve it, so that every rule allows the merge."""
        self.opinions[name] = "APPROVED"
        self.approved[name] = self.repository.tip(self.head)
        self.decision = "APPROVED" if self.decision else None
        self.status = "CLEAN"


class Repository(Struct):
    """A repository: what GitHub knows of it beside what is in git."""

    name: str
    folder: Path
    archived: bool = False
    fork: bool = False
    #: The name of the repository that it is a fork of.
    parent: str = ""
    #: How many more times it is not there yet when it is asked for.
    hidden: int = 0
    visibility: str = "PRIVATE"
    permission: str = "WRITE"
    topics: tuple[str, ...] = ()
    pushed_at: str | None = None
    #: The users that nothing can be assigned to here.
    outsiders: tuple[str, ...] = ()
    #: How pull requests may be merged, the usual way first.
    methods: tuple[str, ...] = ("MERGE", "SQUASH", "REBASE")
    pulls: list[Pull] = field(default_factory=list)
    #: The CI's verdict by commit, and what it says of any other.
    statuses: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has no branch."""
        return not any(path.is_file() for path in (self.folder / "refs" / "heads").rglob("*"))

    @property
    def pull_states(self) -> list[str]:
        """The state of each pull request."""
        return [pull.state.lower() for pull in self.pulls]

    def merge(self, branch: str) -> None:
        """Merge its first pull request, from ``branch``, by fast-forward."""
        git(self.folder, "update-ref", "refs/heads/main", f"refs/heads/{branch}")
        self.pulls[0].state = "MERGED"

    def tip(self, branch: str) -> str | None:
        """The commit at the tip of a branch."""
        return loose_tip(self.folder, branch) or None


class GitHubStandIn(HostStandIn[Repository]):
    """GitHub. ``delay`` is the time in seconds before each answer."""

    source = "github:acme"
    listing, committing, opening = "Owner", "CreateCommit", "CreatePullRequest"
    delivering = ("CreateRef", "CreateCommit", "CreatePullRequest")
    first_token = "ghp_0123456789abcdef"
    verdicts = Verdicts("PENDING", "FAILURE", "SUCCESS")

    def __init__(self, root: Path) -> None:
        super().__init__(root, _Handler)
        #: The App whose tokens are valid too.
        self.app: App | None = None
        self.allows_forks = True
        self.delay = 0.0
        #: Whether the token may read the names of teams.
        self.reads_teams = True
        self.schema = published_schema()

    @property
    def api(self) -> str:
        return self.url("api/v3")

    def add(self, name: str, files: Mapping[str, bytes] | None, **traits: Any) -> Repository:
        """A new repository."""
        folder = bare(self.root / f"{name}.git", files)
        self.repositories[name] = Repository(name, folder, **traits)
        return self.repositories[name]

    def request(self, repository: Repository, branch: str, state: str = "OPEN") -> Pull:
        """A pull request from ``branch``."""
        number = len(repository.pulls) + 1
        pull = Pull(number, repository, branch, "main", "", "", False, state=state)
        repository.pulls.append(pull)
        return pull

    def forked(self, repository: Repository, fields: dict[str, Any]) -> Canned:
        """https://docs.github.com/en/rest/repos/forks#create-a-fork

        It has what the repository had then, and is there later than it is answered for.
        """
        assert fields["default_branch_only"] is True
        if not self.allows_forks:
            return Canned(403, {"message": "The repository exists, but forking is disabled."})
        owner, short = fields.get("organization", "me"), repository.name.partition("/")[2]
        names = (f"{owner}/{short}{suffix}" for suffix in ("", "-1"))
        fork = next(
            (
                other
                for other in self.repositories.values()
                if other.parent == repository.name and other.name.startswith(f"{owner}/")
            ),
            None,
        )
        if fork is None:
            name = next(name for name in names if name not in self.repositories)
            folder = bare(self.root / f"{name}.git", None)
            git(folder, "fetch", "--quiet", str(repository.folder), _MAIN)
            fork = Repository(name, folder, fork=True, parent=repository.name, hidden=2)
            self.repositories[name] = fork
        body = {"full_name": fork.name, "parent": {"full_name": fork.parent}}
        return Canned(202, body)

    def synced(self, fork: Repository, branch: str) -> Canned:
        """https://docs.github.com/en/rest/branches/branches#sync-a-fork-branch-with-the-upstream-repository"""
        assert branch == "main"
        upstream = self.repositories[fork.parent].folder
        git(fork.folder, "fetch", "--quiet", "--update-head-ok", str(upstream), _MAIN)
        return Canned(200, {"merge_type": "fast-forward", "base_branch": f"upstream:{branch}"})

    def compared(self, repository: Repository, basehead: str) -> Canned:
        """https://docs.github.com/en/rest/commits/commits#compare-two-commits"""
        (owner, base), (fork_owner, head) = (side.split(":") for side in basehead.split("..."))
        assert repository.name.startswith(f"{owner}/")
        (fork,) = (
            other
            for other in self.repositories.values()
            if other.parent == repository.name and other.name.startswith(f"{fork_owner}/")
        )
        tips = str(repository.tip(base)), str(fork.tip(head))
        network = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository.folder / "objects")}
        ahead = ("rev-list", "--reverse", "..".join(tips))
        shas = _git_with(fork.folder, network, *ahead).split()
        try:
            merge_base = _git_with(fork.folder, network, "merge-base", *tips)
        except subprocess.CalledProcessError:
            return Canned(404, {"message": f"No common ancestor between {base} and {head}."})
        body = {
            "ahead_by": len(shas),
            "merge_base_commit": {"sha": merge_base},
            "commits": [{"sha": sha} for sha in shas],
        }
        return Canned(200, body)

    def concerned(self, request: Request) -> str:
        """The last part of the name of the repository that a mutation is about."""
        fields = request.variables.get("input", {})
        node = _decode(fields.get("repositoryId") or fields.get("pullRequestId", ""))
        node = node.partition("#")[0]
        name: str = fields.get("branch", {}).get("repositoryNameWithOwner", node)
        return name.rpartition("/")[2]

    def node(self, name: str) -> str:
        """A repository's id in GraphQL."""
        return _encode(name)

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answer to a GraphQL request."""
        result = execute(self.schema, query, _Root(self), variables)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_formatted(error) for error in result.errors]
        return body


def _formatted(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if isinstance(error.original_error, Refusal):
        return {"type": error.original_error.kind, **formatted}
    assert error.original_error is None, error.original_error
    return formatted


class _Root:
    """Query and Mutation. A resolver is a method; what it returns are plain dicts and callables."""

    def __init__(self, server: GitHubStandIn) -> None:
        self._server = server

    # -- queries

    def repository(self, info: Any, owner: str, name: str, **_: Any) -> dict[str, Any]:
        full = f"{owner}/{name}"
        found = self._server.repositories.get(self._server.moved.get(full, full))
        if found is not None and found.hidden:
            found.hidden -= 1
            found = None
        if found is None:
            raise Refusal(
                "NOT_FOUND",
                f"Could not resolve to a Repository with the name '{owner}/{name}'.",
            )
        return self._repository(found)

    def repositoryOwner(self, info: Any, login: str) -> dict[str, Any] | None:
        names = [n for n in self._server.repositories if n.startswith(f"{login.lower()}/")]
        if not names:
            return None

        def page(info: Any, first: int, after: str | None = None, **_: Any) -> dict[str, Any]:
            start = int(after or 0)
            end = min(start + first, len(names))
            nodes = [self._repository(self._server.repositories[n]) for n in names[start:end]]
            return {
                "nodes": nodes,
                "totalCount": len(names),
                "pageInfo": {
                    "endCursor": str(end),
                    "hasNextPage": end < len(names),
                    "hasPreviousPage": start > 0,
                },
            }

        return {"__typename": "Organization", "login": login, "repositories": page}

    def node(self, info: Any, id: str) -> dict[str, Any] | None:
        return self._node(id)

    def nodes(self, info: Any, ids: list[str]) -> list[Any]:
        return [self._node_or_error(id) for id in ids]

    def _node(self, id: str) -> dict[str, Any]:
        name, _, number = _decode(id).partition("#")
        repository = self._server.repositories.get(name)
        if repository is None:
            raise Refusal("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")
        return self._pull(repository.pulls[int(number) - 1])

    def _node_or_error(self, id: str) -> Any:
        try:
            return self._node(id)
        except Refusal as error:
            return error

    # -- mutations

    def createRef(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        repository = self._writable(input["repositoryId"])
        branch = input["name"].removeprefix("refs/heads/")
        if repository.tip(branch):
            raise Refusal(
                "UNPROCESSABLE",
                f'A ref named "{input["name"]}" already exists in the repository.',
            )
        try:
            git(repository.folder, "update-ref", input["name"], input["oid"])
        except subprocess.CalledProcessError:
            raise Refusal("UNPROCESSABLE", "Reference does not exist") from None
        return {"ref": self._ref(repository, branch)}

    def updateRefs(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        repository = self._writable(input["repositoryId"])
        (update,) = input["refUpdates"]
        branch = update["name"].removeprefix("refs/heads/")
        if repository.tip(branch) != update["beforeOid"]:
            raise Refusal("UNPROCESSABLE", "Reference cannot be updated")
        assert update["force"]
        is_deletion = not update["afterOid"].strip("0")
        what = ("-d", update["name"]) if is_deletion else (update["name"], update["afterOid"])
        git(repository.folder, "update-ref", *what)
        return {"clientMutationId": None}

    def createCommitOnBranch(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        target = input["branch"]
        repository = self._writable(_encode(target["repositoryNameWithOwner"]))
        branch = target["branchName"]
        if repository.tip(branch) != input["expectedHeadOid"]:
            raise Refusal(
                "STALE_DATA",
                f'Expected branch to point to "{input["expectedHeadOid"]}" but it did not. '
                "Pull and try again.",
            )
        message = input["message"]
        text = message["headline"] + (f"\n\n{message['body']}" if message.get("body") else "")
        files = {
            addition["path"]: base64.b64decode(addition["contents"])
            for addition in input["fileChanges"]["additions"]
        }
        oid = commit_bare(repository.folder, files, branch, text)
        return {"commit": {"__typename": "Commit", "oid": oid}}

    def createPullRequest(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        home = self._writable(input.get("headRepositoryId", input["repositoryId"]))
        repository = self._server.repositories[_decode(input["repositoryId"])]
        fork = None if home is repository else home
        assert fork is None or fork.parent == repository.name
        head, base = input["headRefName"], input["baseRefName"]
        if any(p.head == head and p.state == "OPEN" and p.home is home for p in repository.pulls):
            owner = home.name.split("/", 1)[0]
            raise Refusal("UNPROCESSABLE", f"A pull request already exists for {owner}:{head}.")
        if home.tip(head) in (None, repository.tip(base)):
            raise Refusal("UNPROCESSABLE", f"No commits between {base} and {head}")
        pull = Pull(
            number=len(repository.pulls) + 1,
            repository=repository,
            head=head,
            base=base,
            title=input["title"],
            body=input["body"],
            draft=input["draft"],
            cross=fork is not None,
            fork=fork,
        )
        repository.pulls.append(pull)
        return {"pullRequest": self._pull(pull)}

    def closePullRequest(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        name, number = _decode(input["pullRequestId"]).split("#")
        pull = self._server.repositories[name].pulls[int(number) - 1]
        # Its author may close it.
        if pull.fork is None:
            self._writable(_encode(name))
        pull.state = "CLOSED"
        return {"pullRequest": self._pull(pull)}

    def revertPullRequest(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        pull = self._pull_by_id(input["pullRequestId"])
        if pull.state != "MERGED":
            raise Refusal("UNPROCESSABLE", "Pull request is not merged")
        folder, head = pull.repository.folder, f"revert-{pull.number}-{pull.head}"
        names = git(folder, "diff-tree", "-r", "--name-only", f"{pull.head}^", pull.head)
        before = {name: content(folder, f"{pull.head}^", name) for name in names.splitlines()}
        commit_bare(folder, before, head, base=pull.base)
        back = Pull(
            len(pull.repository.pulls) + 1,
            pull.repository,
            head,
            pull.base,
            f'Revert "{pull.title}"',
            "",
            False,
        )
        pull.repository.pulls.append(back)
        return {"revertPullRequest": self._pull(back)}

    def mergePullRequest(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        pull = self._pull_to_merge(input)
        if pull.status not in ("CLEAN", "HAS_HOOKS", "UNSTABLE"):
            raise Refusal("UNPROCESSABLE", "Pull Request is not mergeable")
        self._merge(pull, input)
        return {"pullRequest": self._pull(pull)}

    def enablePullRequestAutoMerge(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        pull = self._pull_to_merge(input)
        if not pull.can_auto_merge:
            raise Refusal("UNPROCESSABLE", "Auto merge is not allowed for this repository")
        if pull.status == "CLEAN" and not pull.has_queue:
            raise Refusal("UNPROCESSABLE", "Pull request Pull request is in clean status")
        pull.auto_merge = input["mergeMethod"]
        return {"pullRequest": self._pull(pull)}

    def _pull_to_merge(self, input: dict[str, Any]) -> Pull:
        pull = self._pull_by_id(input["pullRequestId"])
        if pull.state != "OPEN":
            raise Refusal("UNPROCESSABLE", "Pull request is closed")
        if pull.draft:
            raise Refusal("UNPROCESSABLE", "Pull request is in draft status")
        if input["expectedHeadOid"] != pull.repository.tip(pull.head):
            raise Refusal(
                "UNPROCESSABLE", "Head branch was modified. Review and try the merge again."
            )
        if input["mergeMethod"] not in pull.repository.methods:
            raise Refusal(
                "UNPROCESSABLE",
                f"{input['mergeMethod'].capitalize()} commits are not allowed on this repository.",
            )
        return pull

    def _merge(self, pull: Pull, input: dict[str, Any]) -> None:
        folder, tip = pull.repository.folder, pull.repository.tip(pull.head)
        assert tip
        main = pull.repository.tip(pull.base)
        parents = ("-p", str(main), "-p", tip) if input["mergeMethod"] == "MERGE" else ("-p", tip)
        pull.merge_commit = git(folder, "commit-tree", f"{tip}^{{tree}}", *parents, "-m", "Merge")
        git(folder, "update-ref", f"refs/heads/{pull.base}", pull.merge_commit)
        pull.state, pull.method = "MERGED", input["mergeMethod"]

    # -- the objects

    def _writable(self, node: str) -> Repository:
        repository = self._server.repositories[_decode(node)]
        if repository.archived:
            raise Refusal("FORBIDDEN", "Repository was archived so is read-only.")
        if repository.permission == "READ":
            raise Refusal("FORBIDDEN", "Resource not accessible by personal access token")
        return repository

    def _pull_by_id(self, node: str) -> Pull:
        name, number = _decode(node).split("#")
        return self._writable(_encode(name)).pulls[int(number) - 1]

    def _repository(self, repository: Repository) -> dict[str, Any]:
        default = repository.tip("main")

        def pulls(
            info: Any, headRefName: str, first: int, states: Any = None, **_: Any
        ) -> dict[str, Any]:
            found = [p for p in reversed(repository.pulls) if p.head == headRefName]
            if states:
                found = [p for p in found if p.state in states]
            return {"nodes": [self._pull(p) for p in found[:first]]}

        def ref(info: Any, qualifiedName: str) -> dict[str, Any] | None:
            branch = qualifiedName.removeprefix("refs/heads/")
            return self._ref(repository, branch) if repository.tip(branch) else None

        def object_(info: Any, expression: str = "", oid: str = "") -> dict[str, Any] | None:
            if oid:
                return self._commit(repository, oid)
            revision, _, path = expression.partition(":")
            commit = revision.replace("HEAD", default or "")
            return _object(repository.folder, commit, path) if commit else None

        return {
            "__typename": "Repository",
            "id": _encode(repository.name),
            "name": repository.name.split("/", 1)[1],
            "nameWithOwner": repository.name,
            "isArchived": repository.archived,
            "isFork": repository.fork,
            "parent": {"id": _encode(repository.parent)} if repository.parent else None,
            "isEmpty": repository.is_empty,
            "visibility": repository.visibility,
            "viewerPermission": repository.permission,
            "pushedAt": repository.pushed_at,
            "repositoryTopics": {
                "nodes": [{"topic": {"name": topic}} for topic in repository.topics]
            },
            "defaultBranchRef": self._ref(repository, "main") if default else None,
            "pullRequests": pulls,
            "ref": ref,
            "object": object_,
        }

    def _ref(self, repository: Repository, branch: str) -> dict[str, Any]:
        oid = repository.tip(branch)
        assert oid

        def compare(info: Any, headRef: str) -> dict[str, Any]:
            ahead = git(repository.folder, "rev-list", "--count", f"{branch}..{headRef}")
            tip = repository.tip(headRef) or headRef
            target = self._commit(repository, tip)
            return {"aheadBy": int(ahead), "behindBy": 0, "headTarget": target}

        return {
            "id": _encode(f"{repository.name}#{branch}"),
            "name": branch,
            "target": self._commit(repository, oid),
            "compare": compare,
        }

    def _commit(self, repository: Repository, oid: str) -> dict[str, Any]:
        state = repository.statuses.get(oid, repository.otherwise)
        folder = repository.folder

        def parents(info: Any, first: int) -> dict[str, Any]:
            oids = git(folder, "rev-list", "--parents", "--max-count=1", oid).split()[1:]
            return {"nodes": [self._commit(repository, parent) for parent in oids[:first]]}

        def changed(info: Any) -> int:
            names = ("--name-only", "--no-commit-id")
            return len(git(folder, "diff-tree", "-r", "--root", *names, oid).splitlines())

        def file(info: Any, path: str) -> dict[str, Any] | None:
            entry = git(folder, "ls-tree", oid, "--", path).split()
            return {"mode": int(entry[0], 8), "oid": entry[2]} if entry else None

        return {
            "__typename": "Commit",
            "oid": oid,
            "parents": parents,
            "changedFilesIfAvailable": changed,
            "file": file,
            "message": lambda info: message(repository.folder, oid),
            "statusCheckRollup": {"state": state} if state else None,
        }

    def _pull(self, pull: Pull) -> dict[str, Any]:
        oid = pull.home.tip(pull.head)
        commits = [{"commit": self._commit(pull.home, oid)}] if oid else []
        merged, is_there = pull.merge_commit, bool(pull.repository.tip(pull.base))
        requests = [
            {"asCodeOwner": name in pull.requested, "requestedReviewer": self._reviewer(name)}
            for name in (*pull.requested, *pull.reviewers)
        ]
        opinions = [
            {
                "state": state,
                "author": {"__typename": "User", "login": name},
                "commit": {"oid": pull.approved.get(name) or oid or "0" * 40},
            }
            for name, state in pull.opinions.items()
        ]
        return {
            "__typename": "PullRequest",
            "id": _encode(f"{pull.repository.name}#{pull.number}"),
            "number": pull.number,
            "url": f"https://github.example/{pull.repository.name}/pull/{pull.number}",
            "state": pull.state,
            "isCrossRepository": pull.cross,
            "headRepository": {"nameWithOwner": pull.home.name}
            if pull.home.name in self._server.repositories
            else None,
            "body": pull.body,
            "commits": {"nodes": commits},
            "isDraft": pull.draft,
            "headRefOid": oid or "0" * 40,
            "baseRefName": pull.base,
            "createdAt": pull.created_at,
            "updatedAt": pull.updated_at,
            "author": {"__typename": "User", "login": AUTHOR},
            "mergeable": pull.mergeable,
            "mergeStateStatus": "DRAFT" if pull.draft else pull.status,
            "reviewDecision": pull.decision,
            "isMergeQueueEnabled": pull.has_queue,
            "viewerCanEnableAutoMerge": pull.can_auto_merge,
            "autoMergeRequest": {"enabledAt": pull.updated_at} if pull.auto_merge else None,
            "repository": {
                "viewerPermission": pull.repository.permission,
                "viewerDefaultMergeMethod": pull.repository.methods[0],
            },
            "reviewRequests": _paging(requests),
            "latestOpinionatedReviews": _paging(opinions),
            "mergeCommit": self._commit(pull.repository, merged) if merged else None,
            "baseRef": self._ref(pull.repository, pull.base) if is_there else None,
        }

    def _reviewer(self, name: str) -> Any:
        if "/" not in name:
            return {"__typename": "User", "login": name}
        if not self._server.reads_teams:
            return Refusal("INSUFFICIENT_SCOPES", "Your token has not been granted read:org")
        return {"__typename": "Team", "combinedSlug": name}


def _paging(items: list[dict[str, Any]]) -> Any:
    """A list, of which a page has at most three items."""

    def page(info: Any, first: int, after: str | None = None, **_: Any) -> dict[str, Any]:
        assert first <= 100
        start = int(after or 0)
        end = min(start + min(first, 3), len(items))
        return {
            "nodes": items[start:end],
            "totalCount": len(items),
            "pageInfo": {"endCursor": str(end), "hasNextPage": end < len(items)},
        }

    return page


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _decode(node: str) -> str:
    return base64.urlsafe_b64decode(node.encode()).decode()


_objects: dict[tuple[str, str], dict[str, Any] | None] = {}


def _object(folder: Path, commit: str, path: str) -> dict[str, Any] | None:
    """A folder with all below it, or a file. Kept: a commit's content never changes."""
    if (commit, path) not in _objects:
        _objects[commit, path] = _read_object(folder, commit, path)
    return _objects[commit, path]


def _read_object(folder: Path, commit: str, path: str) -> dict[str, Any] | None:
    entries = files(folder, commit)
    if path in entries:
        return _blob(folder, entries[path][1])
    tree: dict[str, Any] = {}
    for name, (mode, oid) in entries.items():
        if not name.startswith(f"{path}/"):
            continue
        *folders, last = name.removeprefix(f"{path}/").split("/")
        at = tree
        for part in folders:
            at = at.setdefault(part, {})
        at[last] = (int(mode, 8), oid)
    if not tree:
        return None
    return {**_tree(folder, tree), "oid": git(folder, "rev-parse", f"{commit}:{path}")}


def _tree(folder: Path, tree: Mapping[str, Any]) -> dict[str, Any]:
    entries = []
    for name, what in tree.items():
        if isinstance(what, dict):
            kind, mode, shown = "tree", 0o040000, _tree(folder, what)
        else:
            kind, mode, shown = "blob", what[0], _blob(folder, what[1])
        entries.append({"name": name, "type": kind, "mode": mode, "object": shown})
    return {"__typename": "Tree", "entries": entries}


def _blob(folder: Path, oid: str) -> dict[str, Any]:
    data = blob(folder, oid)
    text = shown_text(data)
    return {
        "__typename": "Blob",
        "oid": oid,
        "byteSize": len(data),
        "isBinary": text is None,
        "isTruncated": False,
        "text": text,
    }


class _Handler(WatchedHandler):
    server: GitHubStandIn

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else {}
        request = self._request(body)
        canned = self.answer(request, lambda: self._carried_out(request, body))
        if canned is not None:
            self._send(canned)

    def _request(self, body: dict[str, Any]) -> Request:
        if not self.path.endswith("/graphql"):
            path = re.sub(r"[0-9a-f]{40}|\b\d+\b", "N", self.path.partition("?")[0])
            return Request(f"{self.command} {path}", "before", body)
        found = re.search(r"\b(?:query|mutation) (\w+)", body["query"])
        assert found
        return Request(found[1], "before", body.get("variables", {}))

    def _carried_out(self, request: Request, body: dict[str, Any]) -> Canned:
        authorization = self.headers.get("Authorization", "")
        app = self.server.app
        if app is not None:
            canned = app.answer(self.command, self.path, authorization)
            if canned is not None:
                return canned
        is_of_app = app is not None and app.accepts(authorization)
        if authorization != f"Bearer {self.server.token}" and not is_of_app:
            return Canned(401, {"message": "Bad credentials"})
        if self.path == "/api/graphql":
            return Canned(200, self.server.answer(body["query"], request.variables))
        path = self.path.removesuffix("?recursive=1")
        if user := re.fullmatch(r"/api/v3/users/([^/]+)", path):
            if user[1] in self.server.strangers:
                return Canned(404, {"message": "Not Found"})
            return Canned(200, {"login": user[1], "id": 1})
        found = re.fullmatch(r"/api/v3/repos/([^/]+/[^/]+)/(.+)", path)
        repository = self.server.repositories.get(found[1]) if found else None
        if found is None or repository is None:
            return Canned(404, {"message": "Not Found"})
        if (self.command, found[2]) == ("POST", "forks"):
            return self.server.forked(repository, body)
        if (self.command, found[2]) == ("POST", "merge-upstream"):
            return self.server.synced(repository, body["branch"])
        if found[2].startswith("compare/"):
            return self.server.compared(repository, unquote(found[2][8:]))
        return _rest(repository, self.command, found[2], body)

    def _send(self, canned: Canned) -> None:
        if self.server.scopes is not None:
            headers = {**canned.headers, "X-OAuth-Scopes": self.server.scopes}
            canned = replace(canned, headers=headers)
        # https://docs.github.com/en/rest/git/blobs#get-a-blob: raw bytes, labelled as JSON.
        raw = "application/vnd.github.raw+json; charset=utf-8"
        time.sleep(self.server.delay)
        self.server.bytes_sent += send(self, canned, raw)


def _rest(repository: Repository, method: str, path: str, body: dict[str, Any]) -> Canned:
    """The few REST calls that GraphQL has no counterpart for (https://docs.github.com/en/rest)."""
    folder = repository.folder
    if method == "GET" and path.startswith("git/blobs/"):
        return Canned(200, blob(folder, path.rpartition("/")[2]))
    if method == "GET" and path.startswith("git/trees/"):
        return Canned(200, {"tree": _listing(folder, path[10:]), "truncated": False})
    if (method, path) == ("POST", "git/blobs"):
        content = base64.b64decode(body["content"])
        return Canned(201, {"sha": git(folder, "hash-object", "-w", "--stdin", stdin=content)})
    if (method, path) == ("POST", "git/trees"):
        index = folder / f"index-{hashlib.sha1(path.encode()).hexdigest()}"  # noqa: S324
        work = ["-c", f"core.worktree={folder}"]
        environment = {"GIT_INDEX_FILE": str(index)}
        _git_with(folder, environment, *work, "read-tree", body["base_tree"])
        for entry in body["tree"]:
            what = f"{entry['mode']},{entry['sha']},{entry['path']}"
            _git_with(folder, environment, *work, "update-index", "--add", "--cacheinfo", what)
        return Canned(201, {"sha": _git_with(folder, environment, *work, "write-tree")})
    if (method, path) == ("POST", "git/commits"):
        parents = [word for oid in body["parents"] for word in ("-p", oid)]
        message = body["message"].encode()
        sha = git(folder, "commit-tree", body["tree"], *parents, stdin=message)
        return Canned(201, {"sha": sha})
    labels = re.fullmatch(r"issues/(\d+)/labels", path)
    if labels:
        pull = repository.pulls[int(labels[1]) - 1]
        pull.labels = sorted({*pull.labels, *body["labels"]})
        return Canned(200, [{"name": name} for name in pull.labels])
    reviewed = re.fullmatch(r"pulls/(\d+)/reviews", path.partition("?")[0])
    if reviewed:
        kinds = repository.pulls[int(reviewed[1]) - 1].reviewer_kinds
        return Canned(200, [{"body": "", "user": {"type": kind}} for kind in kinds])
    commented = re.fullmatch(r"issues/(\d+)/comments", path.partition("?")[0])
    if commented:
        pull = repository.pulls[int(commented[1]) - 1]
        if method == "POST":
            pull.comments.append(body["body"])
            return Canned(201, {"body": body["body"]})
        query = parse_qs(path.partition("?")[2])
        size, page = int(query["per_page"][0]), int(query["page"][0])
        assert size <= 100
        shown = pull.comments[(page - 1) * size : page * size]
        return Canned(200, [{"body": text} for text in shown])
    assigned = re.fullmatch(r"issues/(\d+)/assignees", path)
    if assigned:
        pull = repository.pulls[int(assigned[1]) - 1]
        # https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue: whom it does
        # not accept it leaves out.
        accepted = set(body["assignees"]) - set(repository.outsiders)
        pull.assignees = sorted({*pull.assignees, *accepted})
        return Canned(201, {"assignees": [{"login": name} for name in pull.assignees]})
    if method == "GET" and re.fullmatch(r"pulls/\d+", path):
        return Canned(200, {"user": {"login": AUTHOR}})
    reviewers = re.fullmatch(r"pulls/(\d+)/requested_reviewers", path)
    if reviewers and AUTHOR in map(str.lower, body["reviewers"]):
        return Canned(422, {"message": "Review cannot be requested from pull request author."})
    if reviewers:
        pull = repository.pulls[int(reviewers[1]) - 1]
        asked = {*pull.reviewers, *body["reviewers"], *body["team_reviewers"]}
        pull.reviewers = sorted(asked)
        return Canned(201, {})
    return Canned(404, {"message": "Not Found"})


def _listing(folder: Path, commit: str) -> list[dict[str, str]]:
    """https://docs.github.com/en/rest/git/trees#get-a-tree, recursive."""
    entries = []
    for line in git(folder, "ls-tree", "-r", "-t", commit).splitlines():
        meta, path = line.split("\t")
        mode, kind, oid = meta.split(" ")
        entries.append({"path": path, "mode": mode, "type": kind, "sha": oid})
    return entries


def _git_with(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        capture_output=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout.decode().strip()
