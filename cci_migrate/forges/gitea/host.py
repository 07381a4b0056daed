"""Gitea and Forgejo as sources of repositories and as hosts that changes are delivered to.

https://docs.gitea.com/development/api-usage: version 1 of the API, which Forgejo kept. It has no
GraphQL; a repository with one config takes six requests, and no server of one's own limits them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.blob_text import blob_id, contents_within_limit
from cci_migrate.forges.config_paths import (
    SYMLINK,
    ConfigListing,
    config_modes,
    find_configs,
)
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.gitea.pull_request_reviews import GiteaReviews
from cci_migrate.forges.gitea.reading import (
    Assigned,
    Commit,
    CommitStatus,
    FilesAnswer,
    GiteaRepository,
    GitEntry,
    Label,
    PullComment,
    PullRequestAnswer,
    Tree,
    checks_of,
    own_pull,
)
from cci_migrate.forges.host import Extras, NewPullRequest, RepositoryPage, WantedFiles, read_wanted
from cci_migrate.forges.pull_request_hosts import PullRequestHost
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
from cci_migrate.forges.user_names import UserNames
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError, Response
from cci_migrate.transport.pace import OTHER, PULL_REQUEST, Lane
from cci_migrate.transport.reading_threads import PendingRead

#: The most that a server shows at a time unless it is set up otherwise
#: (https://docs.gitea.com/administration/config-cheat-sheet#api-api, ``MAX_RESPONSE_ITEMS``).
PAGE = 50


def authorization(token: str) -> str:
    """https://docs.gitea.com/development/api-usage#authentication"""
    return f"token {token}"


class Gitea(PullRequestHost):
    """Gitea or Forgejo under one identity. ``is_nested``: search for configs below the root too."""

    # Of a login with a token as its password, the name is not looked at.
    user = "token"
    # Labels have ids in each repository, and older servers take no reviewers there.
    opens_with_extras = False
    #: A request has one file; several are under way.
    files_together = 1

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        self._host = api.root.split("/")[2]
        self._listed: dict[str, GiteaRepository] = {}
        self._label_ids: dict[str, dict[str, int]] = {}
        self._users = UserNames(self._api)

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of an organisation, or else of a user.

        The data of each repository is cached until it is observed.
        """
        del known
        name, page = quote(owner, safe=""), cursor or "1"
        try:
            yield from self._repository_pages(f"/orgs/{name}/repos", page)
        except MissingError as no_organisation:
            try:
                yield from self._repository_pages(f"/users/{name}/repos", page)
            except MissingError:
                raise no_organisation from None

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, a few at a time."""
        return self._api.threads.in_order(lambda ref: self.observation(ref, self._snapshot), refs)

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head. Links are not followed."""
        contents = self._files(snapshot.current_name, snapshot.head, paths)
        return {path: contents.get(path) for path in paths}

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> PendingRead[Mapping[str, Mapping[str, bytes | None]]]:
        """Read the wanted files, one by one."""
        return self._api.threads.begin(partial(read_wanted, self.read, wanted))

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """The content of a file in a commit."""
        return self._raw(snapshot.current_name, commit, path)

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of the last status of each context."""
        pages = self._pages(f"/repos/{snapshot.current_name}/commits/{commit}/statuses", {})
        return checks_of(s for page in pages for s in page.body(tuple[CommitStatus, ...]))

    @property
    def reviews(self) -> GiteaReviews:
        """Its pull requests."""

        def checks_of(ref: RepositoryRef, commit: str) -> Checks:
            return self.commit_checks(Snapshot(ref), commit)

        return GiteaReviews(
            self._api, self.observation, checks_of, lambda path: self._pages(path, {})
        )

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the default branch, in one call.

        Refused if the branch exists. The commit starts at the tip of the default branch, which may
        be newer than the snapshot's head: ``sha``, the blob that each file must have there, keeps
        newer changes of the same files from being overwritten.
        """
        try:
            answer = self._api.write(
                OTHER,
                "POST",
                f"/repos/{snapshot.current_name}/contents",
                json={
                    "branch": snapshot.default_branch,
                    "new_branch": branch,
                    "message": message,
                    "files": [
                        {
                            "operation": "update",
                            "path": path,
                            "content": base64.b64encode(content).decode(),
                            "sha": self._blob_id(snapshot, path),
                        }
                        for path, content in contents.items()
                    ],
                },
            )
        except HostError as error:
            if "does not match" in str(error) or isinstance(error, MissingError):
                raise StaleSnapshot(str(error)) from None
            raise
        return answer.body(FilesAnswer).commit.sha

    def create_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Open a pull request. A draft is one whose title begins with ``WIP:``.

        https://docs.gitea.com/usage/pull-request#work-in-progress-pull-requests
        """
        answer = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/repos/{snapshot.current_name}/pulls",
            json={
                "base": snapshot.default_branch,
                "head": opening.branch,
                "title": f"WIP: {opening.title}" if opening.draft else opening.title,
                "body": opening.body,
            },
        )
        return answer.body(PullRequestAnswer).pull

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[str, ...]:
        """Why for each user that the host does not know, and each team of somebody else.

        A label that one repository lacks, another may have.
        """
        people = [("reviewer", name) for name in extras.reviewers if "/" not in name]
        people += [("assignee", name) for name in extras.assignees]
        teams = [name for name in extras.reviewers if "/" in name]
        return (
            *(
                f"reviewer {name}: not a team of {owner}, which owns the repositories"
                for name in teams
                if name.partition("/")[0].lower() != owner.lower()
            ),
            *(f"{role} {name}: no such user" for role, name in people if not self._users.has(name)),
        )

    def extend_pull_request(
        self, snapshot: Snapshot, pull: PullRequest, extras: Extras
    ) -> tuple[str, ...]:
        """Add ``extras``; returns why for each that this repository refuses.

        The host refuses all reviewers for one, so that they are then added one by one.
        """
        owner = snapshot.current_name.partition("/")[0].lower()
        reviewers = [
            name
            for name in extras.reviewers
            if (name.partition("/")[0].lower() == owner if "/" in name else self._users.has(name))
        ]
        assignees = [name for name in extras.assignees if self._users.has(name)]
        return (
            *self._add_labels(snapshot, pull, extras.labels),
            *self._add_reviewers(snapshot, pull, reviewers),
            *self._add_assignees(snapshot, pull, assignees),
        )

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request, which Gitea lists on one page.

        https://docs.gitea.com/api/: GET /repos/{owner}/{repo}/issues/{index}/comments.
        """
        comments = self._api.read("GET", _comments_path(snapshot)).body(tuple[PullComment, ...])
        return (comment.body for comment in comments)

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """Comment on the pull request, which is an issue too."""
        self._api.write(OTHER, "POST", _comments_path(snapshot), json={"body": text})

    def close_pull_request(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """Close ``pull``, the campaign's; its branch stays."""
        path = f"/repos/{snapshot.current_name}/pulls/{pull.number}"
        self._api.write(OTHER, "PATCH", path, json={"state": "closed"})

    def delete_branch(self, snapshot: Snapshot) -> None:
        """Delete the campaign's branch."""
        name = quote(self._branch, safe="")
        self._api.write(OTHER, "DELETE", f"/repos/{snapshot.current_name}/branches/{name}")

    @property
    def token_problem(self) -> str:
        """None: the API does not show the scopes of a token."""
        return ""

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token's owner may do in the repository; the scopes of a token stay unknown.

        https://docs.gitea.com/development/oauth2-provider#scopes
        """
        if snapshot.traits.may_write is False:
            problem = "the token's owner has no write access to the repository"
            return TokenAccess(False, False, (problem,))
        problem = (
            "the host does not show the scopes of tokens; this one needs write:repository, and "
            "write:issue for labels and assignees"
        )
        return TokenAccess(problems=(problem,))

    def find_branch(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """The branch called ``branch``; None if it does not exist."""
        tip = self._tip(snapshot.current_name, branch)
        return None if tip is None else branch_at(tip.id, snapshot.head, tip.message)

    def find_pull_request(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The open or else the newest pull request from ``branch``; None if there is none.

        The API does not find closed ones by their branch, so that all are listed.
        """
        query = {"state": "all", "sort": "recentupdate"}
        pages = self._pages(f"/repos/{snapshot.current_name}/pulls", query)
        pulls = (pull for page in pages for pull in page.body(tuple[PullRequestAnswer, ...]))
        return own_pull(pulls, branch)

    # -- internals

    def _snapshot(self, ref: RepositoryRef) -> Snapshot:
        listed = self._listed.pop(ref.key, None)
        if listed is None:
            listed = self._api.read("GET", f"/repos/{ref.name}").body(GiteaRepository)
        name = listed.full_name
        snapshot = Snapshot(
            ref,
            default_branch=listed.default_branch,
            traits=listed.traits,
            node=str(listed.id),
            renamed_to=name if name.lower() != ref.name.lower() else "",
        )
        if snapshot.traits.empty:
            return snapshot
        tip = self._tip(name, snapshot.default_branch)
        if tip is None:
            raise HostError(MISSING_DEFAULT)
        snapshot = replace(snapshot, head=tip.id)
        snapshot = replace(
            snapshot,
            branch=self.find_branch(snapshot, self._branch),
            pull=self.find_pull_request(snapshot, self._branch),
        )
        return self._with_configs(snapshot)

    def _with_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with its configs. The whole tree is listed only for links and if nested."""
        name, head = snapshot.current_name, snapshot.head
        entries = {} if self._is_nested else self._folder(name, head, ".circleci")
        if self._is_nested or any(entry.mode == SYMLINK for entry in entries.values()):
            entries = self._tree(name, head, is_recursive=True)
            below = "" if self._is_nested else ".circleci"
            configs = find_configs(
                _modes(entries), lambda path: self._blob(name, entries[path].sha), below
            )
        else:
            configs = ConfigListing(config_modes(_modes(entries)))
        files = self._files(name, head, list(configs.modes))
        for path, data in files.items():
            if blob_id(data, like=entries[path].sha) != entries[path].sha:
                raise HostError(f"{path}: {self._host} sent another file than it lists")
        return snapshot.with_configs(files, configs)

    def _folder(self, name: str, commit: str, folder: str) -> dict[str, GitEntry]:
        """The files below a folder of the root, by path. A link of that name is one of them."""
        root = self._tree(name, commit)
        entry = root.get(folder)
        if entry is None or entry.type != "tree":
            return {} if entry is None else {folder: entry}
        below = self._tree(name, entry.sha, is_recursive=True)
        return {f"{folder}/{path}": entry for path, entry in below.items()}

    def _tree(self, name: str, oid: str, *, is_recursive: bool = False) -> dict[str, GitEntry]:
        """The entries of a tree or of a commit's, by path; with those below it if recursive."""
        entries: dict[str, GitEntry] = {}
        query: dict[str, object] = {"recursive": "true"} if is_recursive else {}
        page = 1
        while True:
            answer = self._api.read(
                "GET", f"/repos/{name}/git/trees/{oid}", params={**query, "page": page}
            ).body(Tree)
            entries.update({entry.path: entry for entry in answer.tree or ()})
            if not answer.truncated or not answer.tree:
                return entries
            page += 1

    def _files(self, name: str, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Those of ``paths`` that are there."""
        return contents_within_limit(self._contents(name, commit, paths))

    def _contents(
        self, name: str, commit: str, paths: Sequence[str]
    ) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            try:
                yield path, self._raw(name, commit, path)
            except MissingError:
                continue

    def _raw(self, name: str, commit: str, path: str) -> bytes:
        return self._api.read_bytes(f"/repos/{name}/raw/{quote(path)}", params={"ref": commit})

    def _blob(self, name: str, oid: str) -> bytes:
        """A blob, such as the text of a link, which `_raw` may follow."""
        answer = self._api.read("GET", f"/repos/{name}/git/blobs/{oid}")
        return base64.b64decode(answer.body(str, "content"))

    def _blob_id(self, snapshot: Snapshot, path: str) -> str:
        """The id of the blob that a file is at the snapshot's head."""
        data = snapshot.files.get(path)
        if data is None:
            data = self.content(snapshot, snapshot.head, path)
        return blob_id(data, like=snapshot.head)

    def _tip(self, name: str, branch: str) -> Commit | None:
        """The commit at a branch's tip."""
        try:
            answer = self._api.read("GET", f"/repos/{name}/branches/{quote(branch, safe='')}")
        except MissingError:
            return None
        return answer.body(Commit, "commit")

    def _repository_pages(self, path: str, page: str) -> Iterator[RepositoryPage]:
        number = int(page)
        for answer in self._pages(path, {}, number):
            repositories = answer.body(tuple[GiteaRepository, ...])
            refs = []
            for repository in repositories:
                name = repository.full_name
                ref = RepositoryRef(Kind.GITEA, self._host, name, self._api.root)
                self._listed[ref.key] = repository
                refs.append(ref)
            number += 1
            yield RepositoryPage(tuple(refs), (), str(number) if _has_next(answer) else "")

    def _pages(self, path: str, query: Mapping[str, object], page: int = 1) -> Iterator[Response]:
        """The answers with all pages of a list, from ``page`` on.

        https://docs.gitea.com/development/api-usage#pagination
        """
        seen = 0
        while True:
            params = {**query, "page": page, "limit": PAGE}
            answer = self._api.read("GET", path, params=params)
            yield answer
            shown = len(answer.json) if isinstance(answer.json, list) else 0
            seen += shown
            # Lists of labels and reviews have no Link, but a count.
            total = answer.headers.get("x-total-count", "")
            is_counted = "link" not in answer.headers and total.isdecimal() and shown > 0
            if not _has_next(answer) and not (is_counted and seen < int(total)):
                return
            page += 1

    # -- labels, reviewers and assignees

    def _add_labels(
        self, snapshot: Snapshot, pull: PullRequest, names: Sequence[str]
    ) -> Iterator[str]:
        ids = self._labels(snapshot.current_name) if names else {}
        known = [name for name in names if name.lower() in ids]
        path = f"/repos/{snapshot.current_name}/issues/{pull.number}/labels"
        for name in names:
            if name not in known:
                yield f"label {name}: neither the repository nor its organisation has it"
        if known:
            numbers = [ids[name.lower()] for name in known]
            yield from self._add(path, [f"label {name}" for name in known], {"labels": numbers})

    def _add_reviewers(
        self, snapshot: Snapshot, pull: PullRequest, names: Sequence[str]
    ) -> Iterator[str]:
        path = f"/repos/{snapshot.current_name}/pulls/{pull.number}/requested_reviewers"
        whats = [f"reviewer {name}" for name in names]
        if not names:
            return
        problems = list(self._add(path, whats, _reviewers(names)))
        if problems and len(names) > 1:
            for name, what in zip(names, whats, strict=True):
                yield from self._add(path, [what], _reviewers([name]))
        else:
            yield from problems

    def _add_assignees(
        self, snapshot: Snapshot, pull: PullRequest, names: Sequence[str]
    ) -> Iterator[str]:
        """Add to those that are there: the API replaces them."""
        if not names:
            return
        path = f"/repos/{snapshot.current_name}/pulls/{pull.number}"
        current = self._api.read("GET", path).body(Assigned)
        present = [user.login for user in current.assignees or ()]
        lower = {name.lower() for name in present}
        new = [name for name in names if name.lower() not in lower]
        if new:
            whats = [f"assignee {name}" for name in new]
            yield from self._add(path, whats, {"assignees": [*present, *new]}, "PATCH")

    def _add(
        self, path: str, whats: Sequence[str], body: Mapping[str, object], method: str = "POST"
    ) -> Iterator[str]:
        """Send ``body`` with all of ``whats``; why for each if that is refused."""
        try:
            self._api.write(OTHER, method, path, json=body)
        except (HostError, RefusedError, StaleSnapshot) as error:
            for what in whats:
                yield f"{what}: {error}"

    def _labels(self, name: str) -> dict[str, int]:
        """The ids of the labels of a repository and of its organisation, by lower-case name."""
        owner = name.partition("/")[0]
        of_owner = f"/orgs/{quote(owner, safe='')}/labels"
        return self._labels_at(of_owner) | self._labels_at(f"/repos/{name}/labels")

    def _labels_at(self, path: str) -> dict[str, int]:
        if path not in self._label_ids:
            labels: list[Label] = []
            # A user has no labels.
            with suppress(MissingError):
                for answer in self._pages(path, {}):
                    labels += answer.body(tuple[Label, ...])
            self._label_ids[path] = {label.name.lower(): label.id for label in labels}
        return self._label_ids[path]


def _comments_path(snapshot: Snapshot) -> str:
    number = snapshot.pull.number if snapshot.pull is not None else 0
    return f"/repos/{snapshot.current_name}/issues/{number}/comments"


def _modes(entries: Mapping[str, GitEntry]) -> dict[str, str]:
    """The git modes of the files among ``entries``."""
    return {path: entry.mode for path, entry in entries.items() if entry.type == "blob"}


def _has_next(answer: Response) -> bool:
    """Whether there is a next page: https://docs.gitea.com/development/api-usage#pagination"""
    return 'rel="next"' in answer.headers.get("link", "")


def _reviewers(names: Sequence[str]) -> dict[str, list[str]]:
    return {
        "reviewers": [name for name in names if "/" not in name],
        "team_reviewers": [name.partition("/")[2] for name in names if "/" in name],
    }
