"""Stand-ins for GitLab and Bitbucket: the REST calls that are used, on real bare repositories.

The requests and answers are those of https://docs.gitlab.com/api/rest/ and
https://developer.atlassian.com/cloud/bitbucket/rest/; git is served beside them, as there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.batch.git_server import GitHandler, GitServer
from tests.batch.repositories import bare, commit_bare, git

TOKEN = "glpat-0123456789abcdef"


@dataclass
class Hosted:
    """A repository and what the host knows of it beside what is in git."""

    name: str
    folder: Path
    number: int
    traits: dict[str, Any]
    pulls: list[dict[str, Any]] = field(default_factory=list)
    #: The CI's verdict by commit.
    statuses: dict[str, str] = field(default_factory=dict)

    def tip(self, branch: str) -> str | None:
        """The commit at the tip of a branch."""
        reference = self.folder / "refs" / "heads" / branch
        return reference.read_text().strip() if reference.is_file() else None

    def put(self, branch: str, start: str, message: str, files: Mapping[str, bytes]) -> str:
        """Put a branch with one commit on top of ``start``."""
        git(self.folder, "update-ref", f"refs/heads/{branch}", start)
        return commit_bare(self.folder, files, branch, message)


@dataclass
class Answer:
    """What is answered."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class RestStandIn(GitServer):
    """A host with a REST API below ``prefix``. ``lost`` names a call whose answer gets lost."""

    prefix = ""
    variable = ""

    def __init__(self, root: Path) -> None:
        super().__init__(root, Handler)
        self.repositories: dict[str, Hosted] = {}
        self.calls: list[str] = []
        self.watch_call: Callable[[str, str], object] = lambda call, moment: (call, moment)

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

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Answer:
        """Carry out a call."""
        raise NotImplementedError


class GitLabStandIn(RestStandIn):
    """GitLab."""

    prefix = "/api/v4"
    variable = "GITLAB_TOKEN"

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Answer:
        if found := re.fullmatch(r"/groups/([^/]+)/projects", path):
            owner, page = unquote(found[1]), int(query["page"][0])
            names = [name for name in self.repositories if name.startswith(f"{owner}/")]
            shown = names[(page - 1) * 3 : page * 3]
            following = str(page + 1) if page * 3 < len(names) else ""
            projects = [self._project(self.repositories[name]) for name in shown]
            return Answer(200, projects, {"X-Next-Page": following})
        found = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
        assert found
        name = unquote(found[1])
        repository = self.repositories.get(name) or next(
            (one for one in self.repositories.values() if str(one.number) == name), None
        )
        if repository is None:
            return Answer(404, {"message": "404 Project Not Found"})
        return self._project_call(method, repository, found[2] or "", query, body)

    def _project_call(
        self,
        method: str,
        repository: Hosted,
        path: str,
        query: dict[str, list[str]],
        body: dict[str, Any],
    ) -> Answer:
        if not path:
            return Answer(200, self._project(repository))
        if (method, path) == ("GET", "/merge_requests"):
            branch = query["source_branch"][0]
            assert query["state"] == ["all"]
            own = [p for p in reversed(repository.pulls) if p["source_branch"] == branch]
            return Answer(200, own)
        if (method, path) == ("POST", "/merge_requests"):
            open_ones = [p for p in repository.pulls if p["state"] == "opened"]
            if open_ones:
                text = "Another open merge request already exists for this source branch: !1"
                return Answer(409, {"message": [text]})
            return Answer(201, self.merge_request(repository, body))
        if (method, path) == ("POST", "/repository/commits"):
            branch = body["branch"]
            if repository.tip(branch) and not body["force"]:
                text = f"A branch called '{branch}' already exists."
                return Answer(400, {"message": text})
            files = {
                action["file_path"]: base64.b64decode(action["content"])
                for action in body["actions"]
                if action["action"] == "update"
            }
            oid = repository.put(branch, body["start_sha"], body["commit_message"], files)
            return Answer(201, {"id": oid})
        if found := re.fullmatch(r"/merge_requests/(\d+)", path):
            assert body == {"state_event": "close"}
            pull = repository.pulls[int(found[1]) - 1]
            pull["state"] = "closed"
            return Answer(200, pull)
        if found := re.fullmatch(r"/repository/branches/([^/]+)", path):
            git(repository.folder, "update-ref", "-d", f"refs/heads/{unquote(found[1])}")
            return Answer(204)
        if re.fullmatch(r"/repository/commits/\w+", path):
            return Answer(200, {"status": repository.statuses.get(path.rpartition("/")[2])})
        return Answer(404, {"error": "404 Not Found"})

    def merge_request(self, repository: Hosted, given: Mapping[str, Any]) -> dict[str, Any]:
        """A new merge request."""
        number = len(repository.pulls) + 1
        made = {
            "iid": number,
            "web_url": f"https://gitlab.example/{repository.name}/-/merge_requests/{number}",
            "state": "opened",
            "source_project_id": repository.number,
            "target_project_id": repository.number,
            **given,
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
            "permissions": {"project_access": None, "group_access": {"access_level": 40}},
            **repository.traits,
        }


class BitbucketStandIn(RestStandIn):
    """Bitbucket Cloud."""

    prefix = "/2.0"
    variable = "BITBUCKET_TOKEN"

    def call(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Answer:
        if found := re.fullmatch(r"/repositories/([^/]+)", path):
            page = int(query.get("page", ["1"])[0])
            names = [name for name in self.repositories if name.startswith(f"{found[1]}/")]
            shown = names[(page - 1) * 3 : page * 3]
            listing: dict[str, Any] = {
                "values": [self._repository(self.repositories[name]) for name in shown]
            }
            if page * 3 < len(names):
                listing["next"] = f"{self.api}{path}?pagelen=100&page={page + 1}"
            return Answer(200, listing)
        found = re.fullmatch(r"/repositories/([^/]+/[^/]+)(/.*)?", path)
        assert found
        repository = self.repositories.get(found[1])
        if repository is None:
            return Answer(404, {"type": "error", "error": {"message": "Repository not found"}})
        path = found[2] or ""
        if not path:
            return Answer(200, self._repository(repository))
        if (method, path) == ("GET", "/pullrequests"):
            branch = query["q"][0].split('"')[1]
            assert "DECLINED" in query["state"]
            found_pulls = [
                p for p in reversed(repository.pulls) if p["source"]["branch"]["name"] == branch
            ]
            return Answer(200, {"values": found_pulls})
        if (method, path) == ("POST", "/pullrequests"):
            return Answer(201, self.merge_request(repository, body))
        if (method, path) == ("POST", "/src"):
            files = {p: content for p, content in body.items() if isinstance(content, bytes)}
            if repository.tip(body["branch"]):
                return Answer(400, {"error": {"message": "parents is not the branch's tip"}})
            oid = repository.put(body["branch"], body["parents"], body["message"], files)
            where = f"{self.api}/repositories/{repository.name}/commit/{oid}"
            return Answer(201, None, {"Location": where})
        if found := re.fullmatch(r"/pullrequests/(\d+)/decline", path):
            pull = repository.pulls[int(found[1]) - 1]
            pull["state"] = "DECLINED"
            return Answer(200, pull)
        if found := re.fullmatch(r"/refs/branches/([^/]+)", path):
            git(repository.folder, "update-ref", "-d", f"refs/heads/{unquote(found[1])}")
            return Answer(204)
        if re.fullmatch(r"/commit/\w+/statuses", path):
            state = repository.statuses.get(path.split("/")[2])
            values = [{"state": state}] if state else []
            return Answer(200, {"values": values})
        return Answer(404, {"type": "error", "error": {"message": "Not found"}})

    def merge_request(self, repository: Hosted, given: Mapping[str, Any]) -> dict[str, Any]:
        """A new pull request."""
        number = len(repository.pulls) + 1
        url = f"https://bitbucket.example/{repository.name}/pull-requests/{number}"
        made = {"id": number, "state": "OPEN", "links": {"html": {"href": url}}, **given}
        made["source"] = {**given["source"], "repository": {"full_name": repository.name}}
        repository.pulls.append(made)
        return made

    def _repository(self, repository: Hosted) -> dict[str, Any]:
        is_empty = repository.tip("main") is None
        return {
            "full_name": repository.name,
            "is_private": True,
            "mainbranch": None if is_empty else {"name": "main"},
            **repository.traits,
        }


class Handler(GitHandler):
    """The API, and git for every other path."""

    server: RestStandIn

    def do_PUT(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self._serve(b"")

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        if not parts.path.startswith(f"{self.server.prefix}/"):
            user = "oauth2" if self.server.prefix == "/api/v4" else "x-token-auth"
            login = base64.b64encode(f"{user}:{TOKEN}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {login}":
                self._send(Answer(401, None, {"WWW-Authenticate": "Basic"}))
                return
            super()._serve(body)
            return
        path = parts.path.removeprefix(self.server.prefix)
        call = f"{self.command} {path.rpartition('/')[2]}"
        self.server.calls.append(call)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(Answer(401, {"message": "401 Unauthorized"}))
            return
        try:
            self.server.watch_call(call, "before")
            answer = self.server.call(self.command, path, parse_qs(parts.query), self._read(body))
            self.server.watch_call(call, "after")
        except ConnectionError:
            self.close_connection = True
            return
        self._send(answer)

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

    def _send(self, answer: Answer) -> None:
        data = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
