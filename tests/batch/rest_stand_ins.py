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
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from tests.batch import gitlab_graphql
from tests.batch.commits import file_at
from tests.batch.commits import files as files_of
from tests.batch.commits import message as message_of
from tests.batch.git_server import GitHandler
from tests.batch.host_stand_in import HostStandIn, Verdicts, WatchedHandler
from tests.batch.published_apis import BITBUCKET, GITLAB, Call, check_answer, check_request, find
from tests.batch.repositories import bare, commit_bare, git, loose_tip
from tests.batch.watching import Canned, Request, send

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

    def pull(self, number: str) -> dict[str, Any]:
        """A pull request by its number."""
        return self.pulls[int(number) - 1]

    def verdict(self, oid: str) -> str | None:
        """The CI's verdict for a commit, whose id may be abbreviated."""
        known = (state for commit, state in self.statuses.items() if commit.startswith(oid))
        return next(known, self.otherwise)

    @property
    def pull_states(self) -> list[str]:
        """The state of each pull request, as GitHub calls it."""
        names = {"opened": "open", "declined": "closed"}
        states = (pull["state"].lower() for pull in self.pulls)
        return [names.get(state, state) for state in states]

    def tip(self, branch: str) -> str | None:
        """The commit at the tip of a branch."""
        return loose_tip(self.folder, branch) or None

    def oid(self, revision: str) -> str | None:
        """The commit that a branch's name, a ref or an id stands for."""
        name = "main" if revision == "HEAD" else revision.removeprefix("refs/heads/")
        return revision if re.fullmatch("[0-9a-f]{40}", revision) else self.tip(name)

    def put(self, branch: str, start: str, message: str, files: Mapping[str, bytes]) -> str:
        """Put a branch with one commit on top of ``start``."""
        git(self.folder, "update-ref", f"refs/heads/{branch}", start)
        return commit_bare(self.folder, files, branch, message)

    def delete(self, branch: str) -> Canned:
        """Delete a branch; the answer."""
        git(self.folder, "update-ref", "-d", f"refs/heads/{branch}")
        return Canned(204, None)

    def merge(self, branch: str, number: int = 1) -> None:
        """Merge a branch by fast-forward, as if by the host's button."""
        git(self.folder, "update-ref", "refs/heads/main", f"refs/heads/{branch}")
        self.delete(branch)
        pull = self.pulls[number - 1]
        if "merged" in pull:
            pull.update(state="closed", merged=True)
        else:
            pull["state"] = "merged" if pull["state"] == "opened" else "MERGED"
        self.review.merge_commit = self.tip("main")


class RestCall(Struct, frozen=True):
    """A call of an API."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: dict[str, Any]

    @property
    def page(self) -> int:
        """The page of a list that it asks for."""
        return int(self.query.get("page", ["1"])[0])

    def shown(self, values: list[Any], size: int) -> tuple[list[Any], int]:
        """The page of ``values`` that it asks for, and the number of the next; 0: there is none."""
        end = self.page * size
        return values[end - size : end], self.page + 1 if end < len(values) else 0


class RestStandIn(HostStandIn[Hosted]):
    """A host with a REST API below ``prefix``."""

    prefix = ""
    first_token = TOKEN
    #: The request by which a repository is read.
    reading = ""
    published: tuple[Call, ...] = ()
    #: The owners that are people, not groups.
    people: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        super().__init__(root, Handler)

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

    def owned_by(self, owner: str) -> list[Hosted]:
        """The repositories of a person or group."""
        prefix = f"{owner}/"
        return [each for name, each in self.repositories.items() if name.startswith(prefix)]

    def concerned(self, request: Request) -> str:
        word = f"{request.variables.get('path', '')}//".split("/")
        for repository in self.repositories.values():
            if repository.name == "/".join(word[2:4]) or str(repository.number) == word[2]:
                return repository.name.rpartition("/")[2]
        return ""

    def call(self, call: RestCall) -> Canned:
        """Carry out a call."""
        raise NotImplementedError

    def request(self, repository: Hosted, branch: str, state: str = "opened") -> dict[str, Any]:
        """A pull request from ``branch``, in the state that GitLab calls so."""
        raise NotImplementedError


class GitLabStandIn(RestStandIn):
    """GitLab."""

    prefix = "/api/v4"
    source = "gitlab:acme"
    listing = "Owner"
    reading = "GET projects"
    delivering = committing, opening = ("POST commits", "POST merge_requests")
    published = GITLAB
    verdicts = Verdicts("running", "failed", "success")

    def call(self, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/(groups|users)/([^/]+)/projects", call.path):
            if (found[1] == "users") != (unquote(found[2]) in self.people):
                return _not_found()
            projects = [self._project(each) for each in self.owned_by(unquote(found[2]))]
            if not projects:
                return _not_found()
            return _gitlab_page(projects, call, 3)
        if call.path == "/personal_access_tokens/self":
            if self.scopes is None:
                return _not_found()
            return Canned(200, {"scopes": self.scopes.split(",")})
        if call.path == "/users":
            name = call.query["username"][0]
            known = [] if name in self.strangers else [{"id": len(name), "username": name}]
            return Canned(200, known)
        found = re.fullmatch(r"/projects/([^/]+)(/.*)?", call.path)
        assert found
        name = unquote(found[1])
        repository = next(
            (each for each in self.repositories.values() if name in (each.name, str(each.number))),
            None,
        )
        if repository is None:
            return _not_found("404 Project Not Found")
        rest = found[2] or ""
        if not rest:
            return Canned(200, self._project(repository))
        if rest.startswith("/repository/"):
            return self._repository_call(repository, rest[12:], call)
        return self._request_call(repository, rest, call)

    def _request_call(self, repository: Hosted, path: str, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/merge_requests/(\d+)/notes", path):
            notes = repository.pull(found[1]).setdefault("notes", [])
            if call.method == "POST":
                notes.append({"id": len(notes) + 1, "body": call.body["body"]})
                return Canned(201, notes[-1])
            return _gitlab_page(notes, call, 10)
        if found := re.fullmatch(r"/merge_requests/(\d+)/approvals", path):
            approvals = [{"user": {"username": name}} for name in repository.review.approved_by]
            return Canned(200, {"approved_by": approvals})
        if found := re.fullmatch(r"/merge_requests/(\d+)/merge", path):
            return self._merge(repository, repository.pull(found[1]), call.body)
        if found := re.fullmatch(r"/merge_requests/(\d+)", path):
            pull = repository.pull(found[1])
            if call.method == "GET":
                return Canned(200, self._with_review(repository, pull))
            if call.body.get("state_event"):
                pull["state"] = "closed"
            if "add_labels" in call.body:
                pull["labels"] = [*pull.get("labels", []), *call.body["add_labels"].split(",")]
            for role in ("reviewer", "assignee"):
                if f"{role}_ids" in call.body:
                    pull[f"{role}s"] = [{"id": number} for number in call.body[f"{role}_ids"]]
            return Canned(200, pull)
        assert path == "/merge_requests"
        if call.method == "GET":
            branch = call.query["source_branch"][0]
            assert call.query["state"] == ["all"]
            own = [p for p in reversed(repository.pulls) if p["source_branch"] == branch]
            return _gitlab_page(own, call, int(call.query["per_page"][0]) // 10)
        branch = call.body["source_branch"]
        if any(p["state"] == "opened" and p["source_branch"] == branch for p in repository.pulls):
            text = "Another open merge request already exists for this source branch: !1"
            return Canned(409, {"message": [text]})
        if repository.tip(branch) is None:
            return Canned(400, {"message": {"source_branch": ["does not exist"]}})
        made = self.request(repository, branch)
        made["description"] = call.body["description"]
        made["title"] = call.body["title"]
        made["labels"] = list(filter(None, call.body["labels"].split(",")))
        for role in ("reviewer", "assignee"):
            made[f"{role}s"] = [{"id": number} for number in call.body[f"{role}_ids"]]
        return Canned(201, {**made, "title": call.body["title"]})

    def _repository_call(self, repository: Hosted, path: str, call: RestCall) -> Canned:
        if (call.method, path) == ("POST", "commits"):
            branch, start = call.body["branch"], call.body["start_sha"]
            if repository.tip(branch) and not call.body.get("force"):
                text = f"A branch called '{branch}' already exists."
                return Canned(400, {"message": text})
            there = files_of(repository.folder, start)
            files = {}
            for action in call.body["actions"]:
                if action["action"] == "update" and action["file_path"] not in there:
                    return Canned(400, {"message": "A file with this name doesn't exist"})
                files[action["file_path"]] = base64.b64decode(action["content"])
            oid = repository.put(branch, start, call.body["commit_message"], files)
            return Canned(201, {"id": oid, "message": call.body["commit_message"]})
        if found := re.fullmatch(r"branches/([^/]+)", path):
            branch = unquote(found[1])
            tip = repository.tip(branch)
            if tip is None:
                return _not_found("404 Branch Not Found")
            if call.method == "DELETE":
                return repository.delete(branch)
            message = message_of(repository.folder, tip)
            return Canned(200, {"name": branch, "commit": {"id": tip, "message": message}})
        if found := re.fullmatch(r"commits/(\w+)", path):
            commit = repository.oid(found[1])
            assert commit
            return Canned(200, {"id": commit, "status": repository.verdict(commit)})
        if path == "tree":
            folder = call.query["path"][0] if "path" in call.query else ""
            below = [
                {
                    "id": oid,
                    "name": name.rpartition("/")[2],
                    "type": "blob",
                    "path": name,
                    "mode": mode,
                }
                for name, (mode, oid) in files_of(repository.folder, call.query["ref"][0]).items()
                if not folder or name.startswith(f"{folder}/")
            ]
            if not below:
                return _not_found("404 Tree Not Found")
            return _gitlab_page(below, call, 100)
        found = re.fullmatch(r"files/([^/]+)/raw", path)
        assert found, path
        name, commit = unquote(found[1]), call.query["ref"][0]
        if name not in files_of(repository.folder, commit):
            return _not_found("404 File Not Found")
        return Canned(200, file_at(repository.folder, commit, name))

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


def _not_found(message: str = "404 Not Found") -> Canned:
    return Canned(404, {"message": message})


def _gitlab_page(values: list[Any], call: RestCall, size: int) -> Canned:
    shown, following = call.shown(values, size)
    return Canned(200, shown, {"X-Next-Page": str(following or "")})


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
    source = "bitbucket:acme"
    listing = "GET repositories"
    reading = "GET repositories"
    delivering = committing, opening = ("POST src", "POST pullrequests")
    published = BITBUCKET
    #: The one that failed is on another page of the list.
    verdicts = Verdicts("SUCCESSFUL INPROGRESS", f"{'SUCCESSFUL ' * 10}FAILED", "SUCCESSFUL " * 11)
    #: The nicknames of the members of the workspace acme.
    members: tuple[str, ...] = (*(f"member{number}" for number in range(12)), "ada")

    def call(self, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/repositories/([^/]+)", call.path):
            listed = [self._repository(each) for each in self.owned_by(found[1])]
            return self._page(listed, call, 3)
        if call.path == "/user/workspaces/acme/permissions/repositories":
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
            return self._page(permissions, call)
        if call.path == "/workspaces/acme/members":
            members = [
                {
                    "type": "workspace_membership",
                    "user": {"uuid": f"{{{name}}}", "nickname": name, "account_id": f"id-{name}"},
                }
                for name in self.members
            ]
            return self._page(members, call)
        found = re.fullmatch(r"/repositories/([^/]+/[^/]+)(/.*)?", call.path)
        assert found
        repository = self.repositories.get(found[1].lower())
        if repository is None:
            return _missing("Repository not found")
        rest = found[2] or ""
        if not rest:
            return Canned(200, self._repository(repository))
        if rest.startswith("/pullrequests"):
            return self._pull_call(repository, rest, call)
        if (call.method, rest) == ("POST", "/src"):
            files = {p: content for p, content in call.body.items() if isinstance(content, bytes)}
            branch, parent = call.body["branch"], call.body["parents"]
            if repository.tip(branch) not in (None, parent):
                # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/: a parent
                # that is not the branch's tip is answered with 409.
                return _error(409, "parents is not the branch's tip")
            oid = repository.put(branch, parent, call.body["message"], files)
            where = f"{self.api}/repositories/{repository.name}/commit/{oid}"
            return Canned(201, None, {"Location": where})
        if rest == "/refs/branches":
            asked = re.findall('name="([^"]*)"', call.query["q"][0])
            tips = [(name, tip) for name in asked if (tip := repository.tip(name))]
            branches = [
                {
                    "type": "branch",
                    "name": name,
                    "target": {
                        "hash": tip,
                        "message": message_of(repository.folder, tip),
                    },
                }
                for name, tip in tips
            ]
            return self._page(branches, call)
        if found := re.fullmatch(r"/src/(\w+)/(.+/)?", rest):
            entries = self._entries(repository, found[1], unquote(found[2] or ""))
            if found[2] and not entries:
                return _missing("No such file or directory")
            if "q" in call.query:
                asked = re.findall('path="([^"]*)"', call.query["q"][0])
                entries = [entry for entry in entries if entry["path"] in asked]
            return self._page(entries, call)
        if found := re.fullmatch(r"/src/(\w+)/(.+)", rest):
            name = unquote(found[2])
            if name not in files_of(repository.folder, found[1]):
                return _missing("No such file or directory")
            return Canned(200, file_at(repository.folder, found[1], name))
        if found := re.fullmatch(r"/refs/branches/([^/]+)", rest):
            branch = unquote(found[1])
            tip = repository.tip(branch)
            if tip is None:
                return _missing(f"Branch {branch} not found")
            if call.method == "DELETE":
                return repository.delete(branch)
            target = {"hash": tip, "message": message_of(repository.folder, tip)}
            return Canned(200, {"type": "branch", "name": branch, "target": target})
        assert re.fullmatch(r"/commit/\w+/statuses", rest), rest
        states = (repository.verdict(rest.split("/")[2]) or "").split()
        values = [{"type": "commitstatus", "state": state} for state in states]
        return self._page(values, call)

    def _entries(self, repository: Hosted, commit: str, folder: str) -> list[dict[str, Any]]:
        """The files below a folder; of the root, only those that are in it."""
        found = []
        for path, (mode, _) in files_of(repository.folder, commit).items():
            if not path.startswith(folder) or (not folder and "/" in path):
                continue
            size = len(file_at(repository.folder, commit, path))
            attributes = {"100755": ["executable"], "120000": ["link"]}.get(mode, [])
            shown = {"type": "commit_file", "path": path, "attributes": attributes, "size": size}
            found.append(shown)
        return found

    def _page(self, values: list[dict[str, Any]], call: RestCall, size: int = 10) -> Canned:
        """A page of a list with the address of the next."""
        shown, following = call.shown(values, size)
        if not following:
            return Canned(200, {"values": shown})
        query = urlencode({**call.query, "page": following}, doseq=True)
        return Canned(200, {"values": shown, "next": f"{self.api}{call.path}?{query}"})

    def _pull_call(self, repository: Hosted, path: str, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/pullrequests/(\d+)/comments", path):
            comments = repository.pull(found[1]).setdefault("comments", [])
            if call.method == "POST":
                comments.append({"id": len(comments) + 1, "content": call.body["content"]})
                return Canned(201, comments[-1])
            return self._page(comments, call)
        if found := re.fullmatch(r"/pullrequests/(\d+)/decline", path):
            pull = repository.pull(found[1])
            pull["state"] = "DECLINED"
            return Canned(200, pull)
        if found := re.fullmatch(r"/pullrequests/(\d+)", path):
            pull = repository.pull(found[1])
            if call.method == "GET":
                return Canned(200, self._with_review(repository, pull))
            pull.update(call.body)
            return Canned(200, pull)
        if found := re.fullmatch(r"/pullrequests/(\d+)/merge", path):
            return self._merge(repository, repository.pull(found[1]), call.body)
        assert path == "/pullrequests"
        if call.method == "GET":
            branch = call.query["q"][0].split('"')[1]
            assert "DECLINED" in call.query["state"]
            own = [p for p in reversed(repository.pulls) if p["source"]["branch"]["name"] == branch]
            return self._page(own, call)
        branch = call.body["source"]["branch"]["name"]
        if repository.tip(branch) is None:
            return _error(400, f"source: branch {branch} does not exist")
        # Bitbucket takes a second one from the same branch as an update of the first.
        for there in repository.pulls:
            if there["state"] == "OPEN" and there["source"]["branch"]["name"] == branch:
                return Canned(201, there)
        made = self.request(repository, branch)
        made.update({name: call.body[name] for name in ("title", "description", "reviewers")})
        return Canned(201, {**call.body, **made})

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


class Handler(WatchedHandler, GitHandler):
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
            self._serve_api(body, is_graphql)
            return
        if self.headers.get("Authorization") != basic(self.server.git_login):
            self._send(Canned(401, None, {"WWW-Authenticate": "Basic"}))
            return
        super()._serve(body)

    def _serve_api(self, raw: bytes, is_graphql: bool) -> None:
        body = self._read(raw)
        path = urlsplit(self.path).path.removeprefix(self.server.prefix)
        if is_graphql:
            found = re.search(r"\bquery (\w+)", body["query"])
            assert found
            request = Request(found[1], "before", body["variables"])
        else:
            request = Request(f"{self.command} {_last(path)}", "before", {"path": path})
        canned = self.answer(request, lambda: self._carried_out(path, body, is_graphql))
        if canned is not None:
            self._send(canned)

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
        published, query = (
            find(server.published, self.command, path),
            parse_qs(urlsplit(self.path).query),
        )
        check_request(published, query, self.headers.get("Content-Type", ""), body)
        canned = server.call(RestCall(self.command, path, query, body))
        check_answer(published, canned.status, canned.body)
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
