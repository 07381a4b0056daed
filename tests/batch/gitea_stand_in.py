"""A stand-in for Gitea and Forgejo: the calls that are used, on real bare repositories.

As `rest_stand_ins`; what it refuses, it refuses as routers/api/v1/repo/file.go and pull.go of
https://github.com/go-gitea/gitea do.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote, urlencode

from tests.batch.commits import file_at, files, message
from tests.batch.host_stand_in import Verdicts
from tests.batch.published_gitea import GITEA
from tests.batch.repositories import git
from tests.batch.rest_stand_ins import Hosted, RestCall, RestStandIn
from tests.batch.watching import Canned

#: What a server is set up to show at a time, whatever is asked for.
PAGE = 3
#: The entries of a tree that are shown at a time.
TREE_PAGE = 50


class GiteaStandIn(RestStandIn):
    """Gitea."""

    prefix = "/api/v1"
    source = "gitea:acme"
    listing = "GET orgs"
    reading = "GET repos"
    delivering = committing, opening = ("POST contents", "POST pulls")
    published = GITEA
    verdicts = Verdicts("pending", "success failure", "success")
    labels = ("docker", "one", "two", "three", "ci", "security", "bot")
    #: Those who may review, and not write.
    outsiders: tuple[str, ...] = ()
    #: The approvals that every branch requires.
    required_approvals = 0

    @property
    def authorization(self) -> str:
        return f"token {self.token}"

    @property
    def git_login(self) -> str:
        return f"token:{self.token}"

    def call(self, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/(orgs|users)/([^/]+)/repos", call.path):
            if (found[1] == "users") != (found[2] in self.people):
                return _error(404, "GetOrgByName")
            shown = [self._repository(each) for each in self.owned_by(found[2])]
            return self._page(shown, call) if shown else _error(404, "GetOrgByName")
        if re.fullmatch(r"/orgs/[^/]+/labels", call.path):
            return self._page(self._labels(self.labels[5:], 6), call)
        if found := re.fullmatch(r"/users/([^/]+)", call.path):
            if found[1] in self.strangers:
                return _error(404, "user does not exist")
            return Canned(200, {"id": len(found[1]), "login": found[1]})
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)?", call.path)
        assert found
        repository = self.repositories.get(found[1].lower())
        if repository is None:
            return _error(404, "The target couldn't be found.")
        rest = found[2] or ""
        if not rest:
            return Canned(200, self._repository(repository))
        if rest == "/labels":
            return self._page(self._labels(self.labels[:5], 1), call)
        if rest.startswith(("/pulls", "/issues")):
            return self._pull_call(repository, rest, call)
        return self._git_call(repository, rest, call)

    def _git_call(self, repository: Hosted, path: str, call: RestCall) -> Canned:
        folder = repository.folder
        if path == "/contents":
            return self._change_files(repository, call.body)
        if found := re.fullmatch(r"/branches/([^/]+)", path):
            branch = unquote(found[1])
            tip = repository.tip(branch)
            if tip is None:
                return _error(404, "The target couldn't be found.")
            if call.method == "DELETE":
                return repository.delete(branch)
            commit = {"id": tip, "message": message(folder, tip)}
            rules = {
                "enable_status_check": self.required_approvals > 0,
                "required_approvals": self.required_approvals,
                "user_can_merge": repository.review.can_merge,
            }
            return Canned(200, {"name": branch, "commit": commit, **rules})
        if found := re.fullmatch(r"/git/trees/(\w+)", path):
            return self._tree(repository, found[1], call)
        if found := re.fullmatch(r"/git/blobs/(\w+)", path):
            data = git(folder, "cat-file", "blob", found[1]).encode()
            shown = base64.b64encode(data).decode()
            return Canned(200, {"content": shown, "encoding": "base64", "sha": found[1]})
        if found := re.fullmatch(r"/raw/(.+)", path):
            name, commit_id = unquote(found[1]), call.query["ref"][0]
            if name not in files(folder, commit_id):
                return _error(404, "object does not exist")
            return Canned(200, file_at(folder, commit_id, name))
        found = re.fullmatch(r"/commits/(\w+)/statuses", path)
        assert found, path
        statuses = [
            status
            for at, state in enumerate((repository.verdict(found[1]) or "").split())
            for status in (
                {"id": 2 * at + 2, "status": state, "context": f"ci/{at}"},
                {"id": 2 * at + 1, "status": "pending", "context": f"ci/{at}"},
            )
        ]
        return self._page(statuses, call)

    def _change_files(self, repository: Hosted, body: dict[str, Any]) -> Canned:
        branch, base = body["new_branch"], repository.tip(body["branch"])
        if base is None:
            return _error(404, "branch does not exist")
        if repository.tip(branch):
            return _error(422, f"branch already exists [name: {branch}]")
        there = files(repository.folder, base)
        changed = {}
        for file in body["files"]:
            assert file["operation"] == "update"
            if file["path"] not in there:
                return _error(404, "repository file does not exist")
            oid = there[file["path"]][1]
            if file["sha"] != oid:
                return _error(422, f"sha does not match [given: {file['sha']}, expected: {oid}]")
            changed[file["path"]] = base64.b64decode(file["content"])
        commit = repository.put(branch, base, body["message"], changed)
        return Canned(201, {"commit": {"sha": commit}, "files": []})

    def _tree(self, repository: Hosted, oid: str, call: RestCall) -> Canned:
        options = ["-r", "-t"] if call.query.get("recursive") == ["true"] else []
        listing = git(repository.folder, "ls-tree", "-z", *options, oid)
        entries = []
        for line in filter(None, listing.split("\0")):
            meta, path = line.split("\t", 1)
            mode, kind, sha = meta.split(" ")
            entries.append({"path": path, "mode": mode, "type": kind, "size": 0, "sha": sha})
        shown, following = call.shown(entries, TREE_PAGE)
        answer = {"sha": oid, "tree": shown or None, "truncated": bool(following)}
        return Canned(200, {**answer, "page": call.page})

    def _pull_call(self, repository: Hosted, path: str, call: RestCall) -> Canned:
        if found := re.fullmatch(r"/issues/(\d+)/labels", path):
            pull = repository.pull(found[1])
            every = self._labels(self.labels, 1)
            pull["labels"] = [label for label in every if label["id"] in call.body["labels"]]
            return Canned(200, pull["labels"])
        if found := re.fullmatch(r"/issues/(\d+)/comments", path):
            comments = repository.pull(found[1]).setdefault("notes", [])
            if call.method == "GET":
                return Canned(200, comments)
            comments.append({"id": len(comments) + 1, "body": call.body["body"]})
            return Canned(201, comments[-1])
        if found := re.fullmatch(r"/pulls/(\d+)/requested_reviewers", path):
            pull = repository.pull(found[1])
            if "outsider" in call.body["reviewers"]:
                return _error(422, "reviewer is not a collaborator")
            present = {user["login"] for user in pull.setdefault("reviewers", [])}
            names = sorted({*present, *call.body["reviewers"], *call.body["team_reviewers"]})
            pull["reviewers"] = [{"login": name} for name in names]
            return Canned(201, [{"id": 1}])
        if found := re.fullmatch(r"/pulls/(\d+)/reviews", path):
            review = repository.review
            states = [(name, "REQUEST_REVIEW") for name in review.reviewers]
            states += [(name, "APPROVED") for name in review.approved_by]
            states += [(name, "REQUEST_CHANGES") for name in review.refused_by]
            reviews = [
                {
                    "id": number,
                    "user": {"id": len(name), "login": name},
                    "dismissed": False,
                    "official": name not in self.outsiders,
                    "stale": repository.review.is_stale,
                    "state": state,
                }
                for number, (name, state) in enumerate(states, 1)
            ]
            return self._page(reviews, call)
        if found := re.fullmatch(r"/pulls/(\d+)/merge", path):
            return self._merge(repository, repository.pull(found[1]), call.body)
        if found := re.fullmatch(r"/pulls/(\d+)", path):
            pull = repository.pull(found[1])
            if call.method == "GET":
                return Canned(200, self._shown(repository, pull))
            if "assignees" in call.body:
                names = sorted(call.body["assignees"])
                call.body["assignees"] = [{"id": len(name), "login": name} for name in names]
            pull.update(call.body)
            return Canned(201, self._shown(repository, pull))
        assert path == "/pulls"
        if call.method == "GET":
            assert call.query["state"] == ["all"]
            pulls = [self._shown(repository, pull) for pull in reversed(repository.pulls)]
            return self._page(pulls, call)
        branch = call.body["head"]
        if repository.tip(branch) is None:
            return _error(404, "The target couldn't be found.")
        if any(p["state"] == "open" and p["head"]["label"] == branch for p in repository.pulls):
            return _error(409, "pull request already exists for these targets [id: 1]")
        made = self.request(repository, branch)
        made.update(title=call.body["title"], body=call.body["body"])
        return Canned(201, self._shown(repository, made))

    def request(self, repository: Hosted, branch: str, state: str = "opened") -> dict[str, Any]:
        number = len(repository.pulls) + 1
        made = {
            "number": number,
            "html_url": f"https://gitea.example/{repository.name}/pulls/{number}",
            "state": "open" if state == "opened" else "closed",
            "merged": state == "merged",
            "title": "",
            "body": "",
            "head": {"label": branch, "ref": branch, "repo_id": repository.number},
            "base": {"label": "main", "ref": "main", "repo_id": repository.number},
            "assignees": None,
        }
        repository.pulls.append(made)
        return made

    def _shown(self, repository: Hosted, pull: dict[str, Any]) -> dict[str, Any]:
        """A pull request as it is shown: without a branch, the head has another ref."""
        head, review = pull["head"], repository.review
        tip = repository.tip(head["label"])
        ref = f"refs/pull/{pull['number']}/head" if tip is None else head["label"]
        shown = {
            **pull,
            "head": {**head, "ref": ref, "sha": tip or review.merge_commit or ""},
            "base": {**pull["base"], "ref": review.base, "repo": {"default_merge_style": "squash"}},
            "mergeable": review.status != "conflict",
            "draft": review.is_draft or pull["title"].startswith("WIP: "),
            "created_at": "2026-11-01T10:00:00Z",
            "updated_at": "2026-11-02T10:00:00Z",
            "user": {"id": 1, "login": "campaigner"},
            "merge_commit_sha": review.merge_commit,
        }
        asked = [{"id": len(name), "login": name} for name in review.reviewers]
        return {**shown, "requested_reviewers": asked or None}

    def _merge(self, repository: Hosted, pull: dict[str, Any], body: dict[str, Any]) -> Canned:
        review, branch = repository.review, pull["head"]["label"]
        if not review.can_merge:
            return _error(405, "User not allowed to merge PR")
        if body["head_commit_id"] != repository.tip(branch):
            return _error(409, "head out of date")
        # A merge that is scheduled waits for the rules of the branch.
        is_ready = len(review.approved_by) >= self.required_approvals
        if pull["state"] != "open" or not (is_ready or body.get("merge_when_checks_succeed")):
            return _error(405, "PR is not ready to be merged")
        review.method = body["do"]
        if body.get("merge_when_checks_succeed"):
            review.auto_merge = True
        else:
            repository.merge(branch, pull["number"])
        return Canned(200, None)

    def _page(self, values: list[Any], call: RestCall) -> Canned:
        """A page of a list: its length in a header, and the address of the next in most."""
        shown, following = call.shown(values, PAGE)
        headers = {"X-Total-Count": str(len(values))}
        if following and not call.path.endswith(("/labels", "/reviews")):
            query = urlencode({**call.query, "page": following}, doseq=True)
            headers["Link"] = f'<{self.api}{call.path}?{query}>; rel="next"'
        return Canned(200, shown, headers)

    def _labels(self, names: tuple[str, ...], first: int) -> list[dict[str, Any]]:
        return [{"id": number, "name": name} for number, name in enumerate(names, first)]

    def _repository(self, repository: Hosted) -> dict[str, Any]:
        return {
            "id": repository.number,
            "full_name": repository.name,
            "default_branch": "main",
            "archived": False,
            "empty": repository.tip("main") is None,
            "fork": False,
            "internal": False,
            "mirror": False,
            "private": True,
            "permissions": {"admin": False, "push": True, "pull": True},
            "topics": [],
            **repository.traits,
        }


def _error(status: int, text: str) -> Canned:
    return Canned(status, {"message": text, "url": "https://gitea.example/api/swagger"})
