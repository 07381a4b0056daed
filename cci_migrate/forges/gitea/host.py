"""Gitea and Forgejo as sources of repositories and as hosts that changes are delivered to.

https://docs.gitea.com/development/api-usage: version 1 of the API, which Forgejo kept. It has no
GraphQL; a repository with one config takes six requests, and no server of one's own limits them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.blob_text import blob_id
from cci_migrate.forges.config_listing import SYMLINK, ConfigListing, config_modes, find_configs
from cci_migrate.forges.gitea.extras import GiteaExtras
from cci_migrate.forges.gitea.pull_request_reviews import GiteaReviews
from cci_migrate.forges.gitea.reading import (
    CommitStatus,
    GiteaRepository,
    GitEntry,
    PullComment,
    PullRequestAnswer,
    Tree,
    checks_of,
    has_next,
    pages,
)
from cci_migrate.forges.host import NewPullRequest, RepositoryPage
from cci_migrate.forges.repository import (
    Checks,
    Kind,
    Observation,
    RepositoryRef,
    Snapshot,
)
from cci_migrate.forges.rest_reading import RestReadHost, pages_of_group_or_user
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.transport.pace import Lane

_Item = TypeVar("_Item")


def authorization(token: str) -> str:
    """https://docs.gitea.com/development/api-usage#authentication"""
    return f"token {token}"


class Gitea(RestReadHost):
    """Gitea or Forgejo under one identity. ``is_nested``: search for configs below the root too."""

    kind = Kind.GITEA
    # Of a login with a token as its password, the name is not looked at.
    user = "token"
    repositories = "repos"
    branches = "branches"
    pulls = "pulls"
    # A pull request is an issue too.
    comment_lists = "issues/{}/comments"
    closing = ("PATCH", "", {"state": "closed"})
    pull_answer = PullRequestAnswer
    # Labels have ids in each repository, and older servers take no reviewers there.
    opens_with_extras = False

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        self._listed: dict[str, GiteaRepository] = {}
        self.extras = GiteaExtras(self)
        self.reviews = GiteaReviews(self)

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of an organisation, or else of a user.

        The data of each repository is cached until it is observed.
        """
        del known
        name, page = quote(owner, safe=""), cursor or "1"
        return pages_of_group_or_user(
            self._repository_pages(f"/orgs/{name}/repos", page),
            self._repository_pages(f"/users/{name}/repos", page),
        )

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, a few at a time."""
        return self.api.threads.in_order(
            lambda ref: self.observation(ref, partial(self._snapshot, ref)), refs
        )

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """The content of a file in a commit."""
        where = f"{self.path(snapshot)}/raw/{quote(path)}"
        return self.api.read_bytes(where, params={"ref": commit})

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of the last status of each context."""
        path = f"{self.path(snapshot)}/commits/{commit}/statuses"
        return checks_of(self.items(path, CommitStatus))

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
            answer = self.api.write(
                "POST",
                f"{self.path(snapshot)}/contents",
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
        return answer.body(str, "commit", "sha")

    def opening_fields(self, snapshot: Snapshot, opening: NewPullRequest) -> dict[str, object]:
        """A draft is a pull request whose title begins with ``WIP:``.

        https://docs.gitea.com/usage/pull-request#work-in-progress-pull-requests
        """
        return {
            "base": snapshot.default_branch,
            "head": opening.branch,
            "title": f"WIP: {opening.title}" if opening.draft else opening.title,
            "body": opening.body,
        }

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request, which Gitea lists on one page.

        https://docs.gitea.com/api/: GET /repos/{owner}/{repo}/issues/{index}/comments.
        """
        answer = self.api.read("GET", self.comments_path(snapshot))
        return (comment.body for comment in answer.body(tuple[PullComment, ...]))

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

    def pulls_query(self, branch: str) -> dict[str, object]:
        """For all of them: the API does not find closed ones by their branch."""
        del branch
        return {"state": "all", "sort": "recentupdate"}

    def items(self, path: str, kind: type[_Item], /, **query: object) -> Iterator[_Item]:
        """https://docs.gitea.com/development/api-usage#pagination"""
        for page in pages(self.api, path, query):
            yield from page.body(tuple[kind, ...])  # type: ignore[valid-type]

    # -- internals

    def _snapshot(self, ref: RepositoryRef) -> Snapshot:
        listed = self._listed.pop(ref.key, None)
        if listed is None:
            listed = self.api.read("GET", f"/repos/{ref.name}").body(GiteaRepository)
        snapshot = Snapshot(
            ref,
            default_branch=listed.default_branch,
            traits=listed.traits,
            node=str(listed.id),
            renamed_to=ref.new_name(listed.full_name),
        )
        if snapshot.traits.empty:
            return snapshot
        snapshot = self.at_head(snapshot)
        pull = self.find_pull_request(snapshot, self._branch)
        return self._with_configs(replace(snapshot, pull=pull))

    def _with_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with its configs. The whole tree is listed only for links and if nested."""
        name, head = snapshot.current_name, snapshot.head
        entries = {} if self._is_nested else self._folder(name, head, CONFIG_FOLDER)
        if self._is_nested or any(entry.mode == SYMLINK for entry in entries.values()):
            entries = self._tree(name, head, is_recursive=True)
            below = "" if self._is_nested else CONFIG_FOLDER
            configs = find_configs(
                _modes(entries), lambda path: self._blob(name, entries[path].sha), below
            )
        else:
            configs = ConfigListing(config_modes(_modes(entries)))
        files = self.files(snapshot, head, list(configs.modes))
        for path, data in files.items():
            if blob_id(data, like=entries[path].sha) != entries[path].sha:
                raise HostError(f"{path}: {self.api.host} sent another file than it lists")
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
        for page in count(1):
            answer = self.api.read(
                "GET", f"/repos/{name}/git/trees/{oid}", params={**query, "page": page}
            ).body(Tree)
            entries.update({entry.path: entry for entry in answer.tree or ()})
            if not answer.truncated or not answer.tree:
                break
        return entries

    def _blob(self, name: str, oid: str) -> bytes:
        """A blob, such as the text of a link, which `content` may follow."""
        answer = self.api.read("GET", f"/repos/{name}/git/blobs/{oid}")
        return base64.b64decode(answer.body(str, "content"))

    def _blob_id(self, snapshot: Snapshot, path: str) -> str:
        """The id of the blob that a file is at the snapshot's head."""
        data = snapshot.files.get(path)
        if data is None:
            data = self.content(snapshot, snapshot.head, path)
        return blob_id(data, like=snapshot.head)

    def _repository_pages(self, path: str, page: str) -> Iterator[RepositoryPage]:
        answers = pages(self.api, path, {}, int(page))
        for number, answer in enumerate(answers, int(page)):
            repositories = answer.body(tuple[GiteaRepository, ...])
            listed = {self.ref(repository.full_name): repository for repository in repositories}
            self._listed.update({ref.key: repository for ref, repository in listed.items()})
            yield RepositoryPage(tuple(listed), (), str(number + 1) if has_next(answer) else "")


def _modes(entries: Mapping[str, GitEntry]) -> dict[str, str]:
    """The git modes of the files among ``entries``."""
    return {path: entry.mode for path, entry in entries.items() if entry.type == "blob"}
