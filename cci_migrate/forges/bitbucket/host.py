"""Bitbucket Cloud: its REST API lists workspaces and makes changes.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.bitbucket.access import BitbucketAccess, token_problem
from cci_migrate.forges.bitbucket.extras import BitbucketExtras
from cci_migrate.forges.bitbucket.pull_request_reviews import BitbucketReviews
from cci_migrate.forges.bitbucket.reading import (
    STATES,
    BitbucketPage,
    BitbucketRepository,
    Commit,
    CommitStatus,
    FolderEntry,
    NamedBranch,
    PullComment,
    PullRequestAnswer,
    checks_of,
)
from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.config_listing import ConfigListing, config_modes
from cci_migrate.forges.host import NewPullRequest, RepositoryPage
from cci_migrate.forges.repository import (
    MISSING_DEFAULT,
    Branch,
    Checks,
    Kind,
    Observation,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.forges.rest_hosts import BranchTip, IncompleteError, RestHost
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError, Response
from cci_migrate.transport.known_secrets import remember
from cci_migrate.transport.pace import Lane

_Item = TypeVar("_Item")

#: Repositories for which API requests are made before the git requests.
CHUNK = 16
#: The most repositories that are observed by the API alone: with 400 requests.
FEW = 100
#: How deep a config may lie in its folder.
_DEPTH = 20


def authorization(token: str) -> str:
    """The header's value for a token: an access token's, or a personal one's, ``EMAIL:TOKEN``.

    https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication
    """
    _, is_personal, secret = token.partition(":")
    if not is_personal:
        return f"Bearer {token}"
    remember(secret)
    return f"Basic {remember(base64.b64encode(token.encode()).decode())}"


class Bitbucket(RestHost):
    """Bitbucket Cloud under one identity, that of an access token or of a person.

    A repository takes four requests to the API, of which Bitbucket allows 1,000 an hour, or one and
    a few of git, of which it allows sixty times as many
    (https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/). Many repositories are
    therefore observed by git, few by the API.
    """

    kind = Kind.BITBUCKET
    user = "x-token-auth"
    repositories = "repositories"
    #: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/
    branches = "refs/branches"
    #: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
    pulls = "pullrequests"
    comment_lists = "pullrequests/{}/comments"
    closing = ("POST", "/decline", None)
    pull_answer = PullRequestAnswer
    extras: BitbucketExtras

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        #: How many repositories there are to observe, as far as is known.
        self._expected = 0
        self._observed = 0
        self._listed: dict[str, BitbucketRepository] = {}
        self.extras = BitbucketExtras(self)
        self._access = BitbucketAccess(self)
        self.reviews = BitbucketReviews(self)

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of a workspace.

        The data of each repository is cached until it is observed.
        """
        del known
        url = cursor or f"/repositories/{quote(owner)}?pagelen=100"
        for page in self._pages(url, BitbucketRepository, {}):
            self._expected = max(self._expected, page.size)
            listed = {self.ref(each.full_name.lower()): each for each in page.values}
            self._listed.update({ref.key: repository for ref, repository in listed.items()})
            yield RepositoryPage(tuple(listed), (), page.next)

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, from the API alone while they are few."""
        left = iter(refs)
        while chunk := list(islice(left, CHUNK)):
            self._observed += len(chunk)
            if self._is_nested or max(self._expected, self._observed) > FEW:
                yield from self._observe_by_git(chunk)
            else:
                yield from self.api.threads.in_order(self._observe_by_api, chunk)

    def _observe_by_git(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        snapshots: list[Snapshot] = []
        for from_api in self.api.threads.in_order(self._from_api, refs):
            if isinstance(from_api, Unreadable) or from_api.traits.empty:
                yield from_api
            else:
                snapshots.append(from_api)
        yield from self._clones.observe_all(snapshots)

    def _observe_by_api(self, ref: RepositoryRef) -> Observation:
        from_api = self._from_api(ref)
        if isinstance(from_api, Unreadable) or from_api.traits.empty:
            return from_api
        try:
            return self.observation(ref, partial(self._with_configs, from_api))
        except IncompleteError:
            return self._clones.observe(from_api)

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, paths)

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""
        return self.api.read_bytes(f"{self.path(snapshot)}/src/{commit}/{quote(path)}")

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/"""
        path = f"{self.path(snapshot)}/commit/{commit}/statuses"
        return checks_of(self.items(path, CommitStatus))

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the snapshot's head, in one call.

        ``parents`` is the snapshot's head: the answer is 409 if the branch exists at another
        commit.
        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        answer = self.api.write(
            "POST",
            f"{self.path(snapshot)}/src",
            data={"branch": branch, "parents": snapshot.head, "message": message},
            files={path: (path.rpartition("/")[2], content) for path, content in contents.items()},
        )
        oid = answer.headers.get("location", "").rpartition("/")[2]
        if not oid:
            raise StaleSnapshot("the answer does not name the commit")
        return oid

    def opening_fields(self, snapshot: Snapshot, opening: NewPullRequest) -> dict[str, object]:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        return {
            "title": opening.title,
            "description": opening.body,
            "source": {"branch": {"name": opening.branch}},
            "destination": {"branch": {"name": snapshot.default_branch}},
            "reviewers": self.extras.reviewers(snapshot, opening.extras),
            "close_source_branch": True,
            "draft": opening.draft,
        }

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        for comment in self.items(self.comments_path(snapshot), PullComment):
            yield comment.content.raw

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        fields = {"content": {"raw": text}}
        self.api.write("POST", self.comments_path(snapshot), json=fields)

    def read_tip(self, answer: Response) -> BranchTip:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        commit = answer.body(Commit, "target")
        return BranchTip(commit.hash, commit.message)

    def pulls_query(self, branch: str) -> dict[str, object]:
        """https://developer.atlassian.com/cloud/bitbucket/rest/intro/#filtering"""
        return {"q": f'source.branch.name="{_escaped(branch)}"', "state": list(STATES)}

    def items(self, path: str, kind: type[_Item], /, **query: object) -> Iterator[_Item]:
        """https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination"""
        for page in self._pages(path, kind, {"pagelen": 50, **query}):
            yield from page.values

    @property
    def token_problem(self) -> str:
        """What the token lacks for any write."""
        return token_problem(self.api.scopes)

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the repository."""
        return self._access.read(snapshot, self.api.scopes)

    # -- internals

    def _pages(
        self, path: str, kind: type[_Item], query: Mapping[str, object]
    ) -> Iterator[BitbucketPage[_Item]]:
        while path:
            answer = self.api.read("GET", path, params=query)
            page = answer.body(BitbucketPage[kind])  # type: ignore[valid-type]
            yield page
            path, query = page.next, {}

    def git_credentials(self, token: str) -> tuple[str, str]:
        """https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/"""
        email, is_personal, secret = token.partition(":")
        return ("x-bitbucket-api-token-auth", secret) if is_personal else (self.user, email)

    def _with_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with its head, branch and configs, in three requests if it has one config.

        Raises IncompleteError where git shows what the API does not: the targets of links, and
        files in Large File Storage.
        """
        root = self.path(snapshot)
        names = (snapshot.default_branch, self._branch)
        query = " OR ".join(f'name="{_escaped(name)}"' for name in names)
        tips = {
            branch.name: branch.target
            for branch in self.items(f"{root}/refs/branches", NamedBranch, q=query)
        }
        if snapshot.default_branch not in tips:
            raise HostError(MISSING_DEFAULT)
        head, tip = tips[snapshot.default_branch].hash, tips.get(self._branch)
        branch = None if tip is None else Branch.at(tip.hash, head, tip.message)
        files = {entry.path: entry for entry in self._folder(root, head, CONFIG_FOLDER)}
        if any(entry.is_special for entry in files.values()):
            raise IncompleteError("Bitbucket does not show all of its files")
        configs = ConfigListing(config_modes({path: entry.mode for path, entry in files.items()}))
        snapshot = replace(snapshot, head=head, branch=branch)
        contents = contents_within_limit(
            (path, self._sized(snapshot, files[path])) for path in configs.modes
        )
        return snapshot.with_configs(contents, configs)

    def _folder(self, root: str, commit: str, folder: str) -> list[FolderEntry]:
        """The files below ``folder``; a link or a file of that name is one of them.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        of_commit = f"{root}/src/{commit}/"
        try:
            path = f"{of_commit}{folder}/"
            entries = list(self.items(path, FolderEntry, max_depth=_DEPTH))
        except MissingError:
            entries = list(self.items(of_commit, FolderEntry, q=f'path="{folder}"'))
        return [entry for entry in entries if entry.type == "commit_file"]

    def _sized(self, snapshot: Snapshot, entry: FolderEntry) -> bytes:
        """A file, which has the size that its folder says."""
        data = self.content(snapshot, snapshot.head, entry.path)
        if entry.size is not None and len(data) != entry.size:
            raise HostError(f"{entry.path}: Bitbucket sent another file than it lists")
        return data

    def _from_api(self, ref: RepositoryRef) -> Snapshot | Unreadable:
        return self.observation(ref, partial(self._read_from_api, ref))

    def _read_from_api(self, ref: RepositoryRef) -> Snapshot:
        """The snapshot from the API, without files and branch."""
        listed = self._listed.pop(ref.key, None)
        if listed is None:
            listed = self.api.read("GET", f"/repositories/{ref.name}").body(BitbucketRepository)
        from_api = Snapshot(
            ref,
            default_branch=listed.default_branch,
            traits=listed.traits,
            renamed_to=ref.new_name(listed.full_name),
        )
        return replace(from_api, pull=self.find_pull_request(from_api, self._branch))


def _escaped(name: str) -> str:
    """``name`` in a query: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#filtering"""
    return name.replace("\\", "\\\\").replace('"', '\\"')
