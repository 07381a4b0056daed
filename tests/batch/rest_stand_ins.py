"""Stand-ins for GitLab and Bitbucket: the calls that are used, on real bare repositories.

Every REST request and answer is held to what `published_apis` says of it, and GitLab's GraphQL
queries are executed against the excerpt of its schema; git is served beside them, as there. What
they refuse, they refuse as those hosts do: a branch or merge request that is there already, a head
that moved, an expired token.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from tests.batch import gitlab_graphql
from tests.batch.git_server import GitHandler, GitServer
from tests.batch.published_apis import BITBUCKET, GITLAB, Call, check_answer, check_request, find
from tests.batch.repositories import bare, commit_bare, git
from tests.batch.watching import Canned, Request, Watch, send, truly

TOKEN = "glpat-0123456789abcdef"


class Review(Struct):
    """What people and rules say of a pull request, and how it is merged."""

    approved_by: list[str] = field(default_factory=list)
    refused_by: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    #: GitLab's word for what stops the merge.
    status: str = "not_approved"
    is_draft: bool = False
    #: Gitea: the approvals are of an earlier commit.
    is_stale: bool = False
    #: The branch that it would be merged into.
    base: str = "main"
    can_merge: bool = True
    auto_merge: bool = False
    merge_commit: str | None = None
    method: str = ""
    #: Bitbucket answers that the merge takes longer.
    is_slow: bool = False

    def approve(self, name: str = "ada") -> None:
        """Have somebody approve it, so that every rule allows the merge."""
        self.approved_by.append(name)
        self.status = "mergeable"


class Hosted(Struct):
    """A repository and what the host knows of it beside what is in git."""

    name: str
    folder: Path
    number: int
    traits: dict[str, Any]
    pulls: list[dict[str, Any]] = field(default_factory=list)
    #: The CI's verdict by commit, and what it says of any other.
    statuses: dict[str, str] = field(default_factory=dict)
    #: What the token's owner may do, on Bitbucket.
    permission: str = "write"
    otherwise: str | None = None
    #: What reviewers and rules say of its pull requests.
    review: Review = field(default_factory=lambda: Review())

    def verdict(self, oid: str) -> str | None:
        """The CI's verdict for a commit, whose id may be abbreviated."""
        known = (state for commit, state in self.statuses.items() if commit.startswith(oid))
        return next(known, self.otherwise)

    def tip(self, branch: str) -> str | None:
        """The commit at the tip of a branch."""
        reference = self.folder / "refs" / "heads" / branch
        return reference.read_text().strip() if reference.is_file() else None

    def oid(self, revision: str) -> str | None:
        """The commit that a branch's name, a ref or an id stands for."""
        name = "main" if revision == "HEAD" else revision.removeprefix("refs/heads/")
        return revision if re.fullmatch("[0-9a-f]{40}", revision) else self.tip(name)

    def put(self, branch: str, start: str, message: str, files: Mapping[str, bytes]) -> str:
        """Put a branch with one commit on top of ``start``."""
        git(self.folder, "update-ref", f"refs/heads/{branch}", start)
        return commit_bare(self.folder, files, branch, message)

    def merge(self, branch: str, number: int = 1) -> None:
        """Merge a branch by fast-forward, as if by the host's button."""
        git(self.folder, "update-ref", "refs/heads/main", f"refs/heads/{branch}")
        git(self.folder, "update-ref", "-d", f"refs/heads/{branch}")
        pull = self.pulls[number - 1]
        if "merged" in pull:
            pull.update(state="closed", merged=True)
        else:
            pull["state"] = "merged" if pull["state"] == "opened" else "MERGED"
        self.review.merge_commit = self.tip("main")


class RestStandIn(GitServer):
    """A host with a REST API below ``prefix``. ``token`` is the one that is valid."""

    prefix = ""
    variable = ""
    source = ""
    #: Where an owner is listed, where a repository is read, where the pull request is opened, and
    #: where the branch is made.
    listing = ""
    reading = ""
    opening = ""
    committing = ""
    published: tuple[Call, ...] = ()
    #: What CI reports while it runs, and when it has failed and passed.
    ci_states = ("running", "failed", "success")
    #: The owners that are people, not groups.
    people: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        super().__init__(root, Handler)
        self.repositories: dict[str, Hosted] = {}
        self.operations: list[str] = []
        #: The names that no user of this host has.
        self.strangers: set[str] = set()
        #: What the host says of the token's scopes; None if it says nothing.
        self.scopes: str | None = None
        self.watch_call: Watch = truly
        self.token = TOKEN
        self.lock = Lock()
        #: What a client waits for whose answer a watch withheld by raising TimeoutError.
        self.silence = Event()
        #: The names that repositories had before, and their names today.
        self.moved: dict[str, str] = {}
        #: What was wrong with a request or an answer.
        self.faults: list[str] = []

    @property
    def authorization(self) -> str:
        """The header that a valid request to the API has."""
        return f"Bearer {self.token}"

    @property
    def git_login(self) -> str:
        """The name and password that a valid request of git has."""
        return f"oauth2:{self.token}"

    @property
    def api(self) -> str:
        """The root of the API."""
        return self.url(self.prefix.strip("/"))

    def add(self, name: str, files: Mapping[str, bytes] | None, **traits: Any) -> Hosted:
        """A new repository."""
        folder = bare(self.root / f"{name}.git", files)
        made = Hosted(name, folder, len(self.repositories) + 1, traits)
        self.repositories[name] = made
        return made

    def concerned(self, request: Request) -> str:
        """The last part of the name of the repository that a REST call is about."""
        word = f"{request.variables.get('path', '')}//".split("/")
        for repository in self.repositories.values():
            if repository.name == "/".join(word[2:4]) or str(repository.number) == word[2]:
                return repository.name.rpartition("/")[2]
        return ""

    def writes(self) -> list[str]:
        """The writes so far."""
        return [name for name in self.operations if Request(name, "", {}).is_write]

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Canned:
        """Carry out a call."""
        raise NotImplementedError

    def request(self, repository: Hosted, branch: str, state: str = "opened") -> dict[str, Any]:
        """A pull request from ``branch``, in the state that GitLab calls so."""
        raise NotImplementedError


class GitLabStandIn(RestStandIn):
    """GitLab."""

    prefix = "/api/v4"
    variable = "GITLAB_TOKEN"
    source = "gitlab:acme"
    listing = "Owner"
    reading = "GET projects"
    opening = "POST merge_requests"
    committing = "POST commits"
    published = GITLAB

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Canned:
        if found := re.fullmatch(r"/(groups|users)/([^/]+)/projects", path):
            if (found[1] == "users") != (unquote(found[2]) in self.people):
                return Canned(404, {"message": "404 Not Found"})
            owner, page = unquote(found[2]), int(query["page"][0])
            names = [name for name in self.repositories if name.startswith(f"{owner}/")]
            if not names:
                return Canned(404, {"message": "404 Not Found"})
            shown = names[(page - 1) * 3 : page * 3]
            following = str(page + 1) if page * 3 < len(names) else ""
            projects = [self._project(self.repositories[name]) for name in shown]
            return Canned(200, projects, {"X-Next-Page": following})
        if path == "/personal_access_tokens/self":
            if self.scopes is None:
                return Canned(404, {"message": "404 Not Found"})
            return Canned(200, {"scopes": self.scopes.split(",")})
        if path == "/users":
            name = query["username"][0]
            known = [] if name in self.strangers else [{"id": len(name), "username": name}]
            return Canned(200, known)
        found = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
        assert found
        name = unquote(found[1])
        repository = self.repositories.get(name) or next(
            (
                repository
                for repository in self.repositories.values()
                if str(repository.number) == name
            ),
            None,
        )
        if repository is None:
            return Canned(404, {"message": "404 Project Not Found"})
        rest = found[2] or ""
        if not rest:
            return Canned(200, self._project(repository))
        if rest.startswith("/repository/"):
            return self._repository_call(method, repository, rest[12:], query, body)
        return self._request_call(method, repository, rest, query, body)

    def _request_call(
        self,
        method: str,
        repository: Hosted,
        path: str,
        query: dict[str, list[str]],
        body: dict[str, Any],
    ) -> Canned:
        if found := re.fullmatch(r"/merge_requests/(\d+)/notes", path):
            notes = repository.pulls[int(found[1]) - 1].setdefault("notes", [])
            if method == "POST":
                notes.append({"id": len(notes) + 1, "body": body["body"]})
                return Canned(201, notes[-1])
            page = int(query["page"][0])
            following = str(page + 1) if page * 10 < len(notes) else ""
            return Canned(200, notes[page * 10 - 10 : page * 10], {"X-Next-Page": following})
        if found := re.fullmatch(r"/merge_requests/(\d+)/approvals", path):
            approvals = [{"user": {"username": name}} for name in repository.review.approved_by]
            return Canned(200, {"approved_by": approvals})
        if found := re.fullmatch(r"/merge_requests/(\d+)/merge", path):
            return self._merge(repository, repository.pulls[int(found[1]) - 1], body)
        if found := re.fullmatch(r"/merge_requests/(\d+)", path):
            if method == "GET":
                pull = repository.pulls[int(found[1]) - 1]
                return Canned(200, self._with_review(repository, pull))
            pull = repository.pulls[int(found[1]) - 1]
            if body.get("state_event"):
                pull["state"] = "closed"
            if "add_labels" in body:
                pull["labels"] = [*pull.get("labels", []), *body["add_labels"].split(",")]
            for role in ("reviewer", "assignee"):
                if f"{role}_ids" in body:
                    pull[f"{role}s"] = [{"id": number} for number in body[f"{role}_ids"]]
            return Canned(200, pull)
        assert path == "/merge_requests"
        if method == "GET":
            branch = query["source_branch"][0]
            assert query["state"] == ["all"]
            own = [p for p in reversed(repository.pulls) if p["source_branch"] == branch]
            size, page = int(query["per_page"][0]) // 10, int(query["page"][0])
            following = str(page + 1) if page * size < len(own) else ""
            shown = own[(page - 1) * size : page * size]
            return Canned(200, shown, {"X-Next-Page": following})
        branch = body["source_branch"]
        if any(p["state"] == "opened" and p["source_branch"] == branch for p in repository.pulls):
            text = "Another open merge request already exists for this source branch: !1"
            return Canned(409, {"message": [text]})
        if repository.tip(branch) is None:
            return Canned(400, {"message": {"source_branch": ["does not exist"]}})
        made = self.request(repository, branch)
        made["description"] = body["description"]
        made["title"] = body["title"]
        made["labels"] = list(filter(None, body["labels"].split(",")))
        for role in ("reviewer", "assignee"):
            made[f"{role}s"] = [{"id": number} for number in body[f"{role}_ids"]]
        return Canned(201, {**made, "title": body["title"]})

    def _repository_call(
        self,
        method: str,
        repository: Hosted,
        path: str,
        query: dict[str, list[str]],
        body: dict[str, Any],
    ) -> Canned:
        if (method, path) == ("POST", "commits"):
            branch, start = body["branch"], body["start_sha"]
            if repository.tip(branch) and not body.get("force"):
                text = f"A branch called '{branch}' already exists."
                return Canned(400, {"message": text})
            there = gitlab_graphql.files(repository.folder, start)
            files = {}
            for action in body["actions"]:
                if action["action"] == "update" and action["file_path"] not in there:
                    return Canned(400, {"message": "A file with this name doesn't exist"})
                files[action["file_path"]] = base64.b64decode(action["content"])
            oid = repository.put(branch, start, body["commit_message"], files)
            return Canned(201, {"id": oid, "message": body["commit_message"]})
        if found := re.fullmatch(r"branches/([^/]+)", path):
            branch = unquote(found[1])
            tip = repository.tip(branch)
            if tip is None:
                return Canned(404, {"message": "404 Branch Not Found"})
            if method == "DELETE":
                git(repository.folder, "update-ref", "-d", f"refs/heads/{branch}")
                return Canned(204, None)
            message = gitlab_graphql.message(repository.folder, tip)
            return Canned(200, {"name": branch, "commit": {"id": tip, "message": message}})
        if found := re.fullmatch(r"commits/(\w+)", path):
            commit = repository.oid(found[1])
            assert commit
            return Canned(200, {"id": commit, "status": repository.verdict(commit)})
        if path == "tree":
            folder, page = query["path"][0] if "path" in query else "", int(query["page"][0])
            below = [
                {
                    "id": oid,
                    "name": name.rpartition("/")[2],
                    "type": "blob",
                    "path": name,
                    "mode": mode,
                }
                for name, (mode, oid) in gitlab_graphql.files(
                    repository.folder, query["ref"][0]
                ).items()
                if not folder or name.startswith(f"{folder}/")
            ]
            if not below:
                return Canned(404, {"message": "404 Tree Not Found"})
            following = str(page + 1) if len(below) > page * 100 else ""
            return Canned(200, below[page * 100 - 100 : page * 100], {"X-Next-Page": following})
        found = re.fullmatch(r"files/([^/]+)/raw", path)
        assert found, path
        name, commit = unquote(found[1]), query["ref"][0]
        if name not in gitlab_graphql.files(repository.folder, commit):
            return Canned(404, {"message": "404 File Not Found"})
        return Canned(200, gitlab_graphql.content(repository.folder, commit, name))

    def _with_review(self, repository: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
        review, tip = repository.review, repository.tip(pull["source_branch"])
        asked = [{"id": 8, "username": name} for name in review.reviewers]
        asked += [{"username": f"user {user['id']}", **user} for user in pull.get("reviewers", [])]
        status = repository.verdict(tip) if tip else None
        return {
            **pull,
            "sha": tip or review.merge_commit,
            "created_at": "2026-11-01T10:00:00.000Z",
            "updated_at": "2026-11-02T10:00:00.000Z",
            "target_branch": review.base,
            "detailed_merge_status": "draft_status" if review.is_draft else review.status,
            "has_conflicts": review.status == "conflict",
            "draft": review.is_draft,
            "author": {"username": "campaigner"},
            "reviewers": asked,
            "head_pipeline": {"status": status} if status else None,
            "merge_when_pipeline_succeeds": review.auto_merge,
            "user": {"can_merge": review.can_merge},
            "merge_commit_sha": review.merge_commit,
            "squash_commit_sha": None,
        }

    def _merge(self, repository: Hosted, pull: dict[str, Any], body: dict[str, Any]) -> Canned:
        review, branch = repository.review, pull["source_branch"]
        if not review.can_merge:
            return Canned(401, {"message": "401 Unauthorized"})
        if body["sha"] != repository.tip(branch):
            return Canned(409, {"message": "SHA does not match HEAD of source branch"})
        status = repository.verdict(body["sha"])
        is_automatic = body.get("auto_merge") and body["merge_when_pipeline_succeeds"]
        if is_automatic and status in ("running", "pending", "success"):
            review.auto_merge = True
        elif pull["state"] != "opened" or review.is_draft or review.status != "mergeable":
            return Canned(405, {"message": "405 Method Not Allowed"})
        else:
            review.method = "squash" if body.get("squash") else "merge"
            repository.merge(branch, pull["iid"])
        return Canned(200, self._with_review(repository, pull))

    def request(self, repository: Hosted, branch: str, state: str = "opened") -> dict[str, Any]:
        number = len(repository.pulls) + 1
        made = {
            "iid": number,
            "web_url": f"https://gitlab.example/{repository.name}/-/merge_requests/{number}",
            "state": state,
            "source_branch": branch,
            "source_project_id": repository.number,
            "target_project_id": repository.number,
        }
        repository.pulls.append(made)
        return made

    def _project(self, repository: Hosted) -> dict[str, Any]:
        return {
            "id": repository.number,
            "path_with_namespace": repository.name,
            "default_branch": "main",
            "archived": False,
            "empty_repo": repository.tip("main") is None,
            "visibility": "private",
            "topics": [],
            "can_create_merge_request_in": True,
            "permissions": {"project_access": None, "group_access": {"access_level": 40}},
            **repository.traits,
        }


class BitbucketStandIn(RestStandIn):
    """Bitbucket Cloud."""

    @property
    def authorization(self) -> str:
        return basic(self.token) if ":" in self.token else f"Bearer {self.token}"

    @property
    def git_login(self) -> str:
        _, is_personal, secret = self.token.partition(":")
        if is_personal:
            return f"x-bitbucket-api-token-auth:{secret}"
        return f"x-token-auth:{self.token}"

    prefix = "/2.0"
    variable = "BITBUCKET_TOKEN"
    source = "bitbucket:acme"
    listing = "GET repositories"
    reading = "GET repositories"
    opening = "POST pullrequests"
    committing = "POST src"
    published = BITBUCKET
    ci_states = ("INPROGRESS", "FAILED", "SUCCESSFUL")
    #: The nicknames of the members of the workspace acme.
    members: tuple[str, ...] = (*(f"member{number}" for number in range(12)), "ada")

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Canned:
        if found := re.fullmatch(r"/repositories/([^/]+)", path):
            page = int(query.get("page", ["1"])[0])
            names = [name for name in self.repositories if name.startswith(f"{found[1]}/")]
            shown = names[(page - 1) * 3 : page * 3]
            listing: dict[str, Any] = {
                "values": [self._repository(self.repositories[name]) for name in shown]
            }
            if page * 3 < len(names):
                listing["next"] = f"{self.api}{path}?pagelen=100&page={page + 1}"
            return Canned(200, listing)
        if path == "/user/workspaces/acme/permissions/repositories":
            if self.scopes is None:
                return _error(403, "Your credentials lack one or more required privilege scopes.")
            permissions = [
                {
                    "type": "repository_permission",
                    "permission": repository.permission,
                    "repository": {"full_name": repository.name},
                }
                for repository in self.repositories.values()
            ]
            return self._page(permissions, path, query)
        if path == "/workspaces/acme/members":
            members = [
                {
                    "type": "workspace_membership",
                    "user": {"uuid": f"{{{name}}}", "nickname": name, "account_id": f"id-{name}"},
                }
                for name in self.members
            ]
            return self._page(members, path, query)
        found = re.fullmatch(r"/repositories/([^/]+/[^/]+)(/.*)?", path)
        assert found
        repository = self.repositories.get(found[1].lower())
        if repository is None:
            return _missing("Repository not found")
        rest = found[2] or ""
        if not rest:
            return Canned(200, self._repository(repository))
        if rest.startswith("/pullrequests"):
            return self._pull_call(method, repository, rest, query, body)
        if (method, rest) == ("POST", "/src"):
            files = {p: content for p, content in body.items() if isinstance(content, bytes)}
            branch, parent = body["branch"], body["parents"]
            if repository.tip(branch) not in (None, parent):
                # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/: a parent
                # that is not the branch's tip is answered with 409.
                return _error(409, "parents is not the branch's tip")
            oid = repository.put(branch, parent, body["message"], files)
            where = f"{self.api}/repositories/{repository.name}/commit/{oid}"
            return Canned(201, None, {"Location": where})
        if rest == "/refs/branches":
            asked = re.findall('name="([^"]*)"', query["q"][0])
            tips = [(name, tip) for name in asked if (tip := repository.tip(name))]
            branches = [
                {
                    "type": "branch",
                    "name": name,
                    "target": {
                        "hash": tip,
                        "message": gitlab_graphql.message(repository.folder, tip),
                    },
                }
                for name, tip in tips
            ]
            return self._page(branches, f"/repositories/{repository.name}{rest}", query)
        if found := re.fullmatch(r"/src/(\w+)/(.+/)?", rest):
            entries = self._entries(repository, found[1], unquote(found[2] or ""))
            if found[2] and not entries:
                return _missing("No such file or directory")
            if "q" in query:
                asked = re.findall('path="([^"]*)"', query["q"][0])
                entries = [entry for entry in entries if entry["path"] in asked]
            return self._page(entries, f"/repositories/{repository.name}{rest}", query)
        if found := re.fullmatch(r"/src/(\w+)/(.+)", rest):
            name = unquote(found[2])
            if name not in gitlab_graphql.files(repository.folder, found[1]):
                return _missing("No such file or directory")
            return Canned(200, gitlab_graphql.content(repository.folder, found[1], name))
        if found := re.fullmatch(r"/refs/branches/([^/]+)", rest):
            branch = unquote(found[1])
            tip = repository.tip(branch)
            if tip is None:
                return _missing(f"Branch {branch} not found")
            if method == "DELETE":
                git(repository.folder, "update-ref", "-d", f"refs/heads/{branch}")
                return Canned(204, None)
            target = {"hash": tip, "message": gitlab_graphql.message(repository.folder, tip)}
            return Canned(200, {"type": "branch", "name": branch, "target": target})
        assert re.fullmatch(r"/commit/\w+/statuses", rest), rest
        states = (repository.verdict(rest.split("/")[2]) or "").split()
        values = [{"type": "commitstatus", "state": state} for state in states]
        return self._page(values, f"/repositories/{repository.name}{rest}", query)

    def _entries(self, repository: Hosted, commit: str, folder: str) -> list[dict[str, Any]]:
        """The files below a folder; of the root, only those that are in it."""
        found = []
        for path, (mode, _) in gitlab_graphql.files(repository.folder, commit).items():
            if not path.startswith(folder) or (not folder and "/" in path):
                continue
            size = len(gitlab_graphql.content(repository.folder, commit, path))
            attributes = {"100755": ["executable"], "120000": ["link"]}.get(mode, [])
            shown = {"type": "commit_file", "path": path, "attributes": attributes, "size": size}
            found.append(shown)
        return found

    def _page(self, values: list[dict[str, Any]], path: str, query: dict[str, list[str]]) -> Canned:
        """A page of a list, of at most ten, with the address of the next."""
        at = int(query.get("page", ["1"])[0])
        listing: dict[str, Any] = {"values": values[(at - 1) * 10 : at * 10]}
        if at * 10 < len(values):
            following = urlencode({**query, "page": at + 1}, doseq=True)
            listing["next"] = f"{self.api}{path}?{following}"
        return Canned(200, listing)

    def _pull_call(
        self,
        method: str,
        repository: Hosted,
        path: str,
        query: dict[str, list[str]],
        body: dict[str, Any],
    ) -> Canned:
        if found := re.fullmatch(r"/pullrequests/(\d+)/comments", path):
            comments = repository.pulls[int(found[1]) - 1].setdefault("comments", [])
            if method == "POST":
                comments.append({"id": len(comments) + 1, "content": body["content"]})
                return Canned(201, comments[-1])
            return self._page(comments, f"/repositories/{repository.name}{path}", query)
        if found := re.fullmatch(r"/pullrequests/(\d+)/decline", path):
            pull = repository.pulls[int(found[1]) - 1]
            pull["state"] = "DECLINED"
            return Canned(200, pull)
        if found := re.fullmatch(r"/pullrequests/(\d+)", path):
            pull = repository.pulls[int(found[1]) - 1]
            if method == "GET":
                return Canned(200, self._with_review(repository, pull))
            pull.update(body)
            return Canned(200, pull)
        if found := re.fullmatch(r"/pullrequests/(\d+)/merge", path):
            return self._merge(repository, repository.pulls[int(found[1]) - 1], body)
        assert path == "/pullrequests"
        if method == "GET":
            branch = query["q"][0].split('"')[1]
            assert "DECLINED" in query["state"]
            own = [p for p in reversed(repository.pulls) if p["source"]["branch"]["name"] == branch]
            return self._page(own, f"/repositories/{repository.name}{path}", query)
        branch = body["source"]["branch"]["name"]
        if repository.tip(branch) is None:
            return _error(400, f"source: branch {branch} does not exist")
        # Bitbucket takes a second one from the same branch as an update of the first.
        for there in repository.pulls:
            if there["state"] == "OPEN" and there["source"]["branch"]["name"] == branch:
                return Canned(201, there)
        made = self.request(repository, branch)
        made.update({name: body[name] for name in ("title", "description", "reviewers")})
        return Canned(201, {**body, **made})

    def _with_review(self, repository: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
        review, branch = repository.review, pull["source"]["branch"]["name"]
        states = {
            **dict.fromkeys(review.reviewers),
            **dict.fromkeys(review.approved_by, "approved"),
            **dict.fromkeys(review.refused_by, "changes_requested"),
        }
        return {
            **pull,
            "draft": review.is_draft,
            "created_on": "2026-11-01T10:00:00.000000+00:00",
            "updated_on": "2026-11-02T10:00:00.000000+00:00",
            "author": {"display_name": "Campaigner"},
            "source": {
                "branch": {"name": branch},
                "commit": {"hash": (repository.tip(branch) or review.merge_commit or "")[:12]},
            },
            "destination": {
                "branch": {"name": review.base, "default_merge_strategy": "squash"},
                "commit": {"hash": str(repository.tip("main"))[:12]},
                "repository": {"type": "repository", "full_name": repository.name},
            },
            "participants": [
                {
                    "type": "participant",
                    "user": {"display_name": name},
                    "role": "REVIEWER",
                    "approved": state == "approved",
                    "state": state,
                }
                for name, state in states.items()
            ],
            "merge_commit": {"hash": review.merge_commit[:12]} if review.merge_commit else None,
        }

    def _merge(self, repository: Hosted, pull: dict[str, Any], body: dict[str, Any]) -> Canned:
        review = repository.review
        if not review.can_merge:
            return _error(403, "You can't merge this pull request")
        if pull["state"] != "OPEN":
            return _error(400, "This pull request is already closed.")
        review.method = body["merge_strategy"]
        repository.merge(pull["source"]["branch"]["name"], pull["id"])
        if review.is_slow:
            return Canned(202, None, {"Location": f"{self.api}/merge/task-status/1"})
        return Canned(200, self._with_review(repository, pull))

    def request(self, repository: Hosted, branch: str, state: str = "opened") -> dict[str, Any]:
        number = len(repository.pulls) + 1
        url = f"https://bitbucket.example/{repository.name}/pull-requests/{number}"
        made = {
            "type": "pullrequest",
            "id": number,
            "state": {"opened": "OPEN", "closed": "DECLINED", "merged": "MERGED"}[state],
            "links": {"html": {"href": url}},
            "source": {
                "branch": {"name": branch},
                "repository": {"type": "repository", "full_name": repository.name},
            },
        }
        repository.pulls.append(made)
        return made

    def _repository(self, repository: Hosted) -> dict[str, Any]:
        is_empty = repository.tip("main") is None
        return {
            "type": "repository",
            "full_name": repository.name,
            "is_private": True,
            "mainbranch": None if is_empty else {"name": "main"},
            **repository.traits,
        }


def basic(login: str) -> str:
    """The header's value for a name and password."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def _error(status: int, message: str) -> Canned:
    return Canned(status, {"type": "error", "error": {"message": message}})


def _missing(message: str) -> Canned:
    return _error(404, message)


class Handler(GitHandler):
    """The API, and git for every other path."""

    server: RestStandIn

    def do_PUT(self) -> None:
        self.do_POST()

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self._serve(b"")

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        is_gitlab = self.server.prefix.endswith("/api/v4")
        is_graphql = is_gitlab and parts.path == f"{self.server.prefix.removesuffix('v4')}graphql"
        if is_graphql or parts.path.startswith(f"{self.server.prefix}/"):
            self._answer(body, is_graphql)
            return
        if self.headers.get("Authorization") != basic(self.server.git_login):
            self._send(Canned(401, None, {"WWW-Authenticate": "Basic"}))
            return
        super()._serve(body)

    def _answer(self, raw: bytes, is_graphql: bool) -> None:
        body = self._read(raw)
        path = urlsplit(self.path).path.removeprefix(self.server.prefix)
        with self.server.lock:
            if is_graphql:
                found = re.search(r"\bquery (\w+)", body["query"])
                assert found
                request = Request(found[1], "before", body["variables"])
            else:
                request = Request(f"{self.command} {_last(path)}", "before", {"path": path})
            self.server.operations.append(request.operation)
            is_silent = False
            try:
                canned = self.server.watch_call(request)
                if canned is None:
                    canned = self._carried_out(path, body, is_graphql)
                    request.moment, request.body = "after", canned.body
                    canned = self.server.watch_call(request) or canned
            except (ConnectionError, TimeoutError) as error:
                self.close_connection = True
                canned, is_silent = None, isinstance(error, TimeoutError)
            except AssertionError as error:
                self.server.faults.append(str(error))
                canned = Canned(500, {"message": str(error)})
        if canned is not None:
            self._send(canned)
        elif is_silent:
            self.server.silence.wait(60)

    def _carried_out(self, path: str, body: dict[str, Any], is_graphql: bool) -> Canned:
        if self.headers.get("Authorization") != self.server.authorization:
            return Canned(401, {"message": "401 Unauthorized"})
        server = self.server
        if is_graphql:
            variables = body["variables"]
            return Canned(200, gitlab_graphql.answer(body["query"], variables, server.repositories))
        for old, new in server.moved.items():
            name, to = (quote(n, safe="") if server.published is GITLAB else n for n in (old, new))
            if f"/{name}" in path and self.command == "GET":
                where = self.path.replace(f"/{name}", f"/{to}")
                return Canned(301, {}, {"Location": where})
        call, query = (
            find(server.published, self.command, path),
            parse_qs(urlsplit(self.path).query),
        )
        check_request(call, query, self.headers.get("Content-Type", ""), body)
        canned = server.call(self.command, path, query, body)
        check_answer(call, canned.status, canned.body)
        if server.scopes is not None and server.prefix == BitbucketStandIn.prefix:
            return replace(canned, headers={**canned.headers, "X-OAuth-Scopes": server.scopes})
        return canned

    def _read(self, body: bytes) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            fields: dict[str, Any] = {}
            for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                name = str(part.get_param("name", header="content-disposition"))
                fields[name] = content if part.get_filename() else content.decode()
            return fields
        return json.loads(body) if body else {}

    def _send(self, canned: Canned) -> None:
        if canned.body is None:
            canned = replace(canned, body=b"")
        send(self, canned, "application/json" if ".json" in self.path else "text/plain")


def _last(path: str) -> str:
    """What a call is about: the last word of its path that is no name or number."""
    known = (
        *("src", "commits", "branches", "statuses", "decline", "tree", "raw", "pullrequests"),
        *("merge_requests", "users", "members", "permissions", "self", "merge", "approvals"),
        *("contents", "pulls", "trees", "blobs", "labels", "requested_reviewers", "reviews"),
        *("notes", "comments"),
    )
    return next((word for word in reversed(path.split("/")) if word in known), path.split("/")[1])
