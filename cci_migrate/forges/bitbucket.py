"""Bitbucket Cloud: its REST API lists workspaces and makes changes.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.bitbucket_access import BitbucketAccess, Permission, token_problem
from cci_migrate.forges.bitbucket_reviews import STATES, BitbucketReviews
from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.config_paths import PLAIN, ConfigListing, config_modes
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.host import Extras, NewPullRequest, RepositoryPage
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
    Traits,
    Unreadable,
    Visibility,
    newest_pull,
    seconds_since_1970,
)
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.transport.known_secrets import remember
from cci_migrate.transport.pace import OTHER, PULL_REQUEST, Lane

#: Repositories for which API requests are made before the git requests.
CHUNK = 16
#: The most repositories that are observed by the API alone: with 400 requests.
FEW = 100
#: How deep a config may lie in its folder.
_DEPTH = 20

_Item = TypeVar("_Item")


class _Page(Struct, Generic[_Item], frozen=True):
    """https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination"""

    values: tuple[_Item, ...]
    next: str = ""
    size: int = 0


class _MainBranch(Struct, frozen=True):
    name: str = ""


class _Repository(Struct, frozen=True):
    full_name: str
    is_private: bool
    mainbranch: _MainBranch | None = None
    updated_on: datetime | None = None
    parent: object = None


class _Commit(Struct, frozen=True):
    hash: str
    message: str = ""


class _NamedBranch(Struct, frozen=True):
    name: str
    target: _Commit


class _Entry(Struct, frozen=True):
    """An entry of a folder: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""

    type: str
    path: str
    size: int | None = None
    attributes: tuple[str, ...] | None = None

    @property
    def mode(self) -> str:
        """Its git mode."""
        return "100755" if "executable" in (self.attributes or ()) else PLAIN

    @property
    def is_special(self) -> bool:
        """Whether it is a link, or its content is elsewhere."""
        return not {"link", "lfs"}.isdisjoint(self.attributes or ())


class _Status(Struct, frozen=True):
    state: str


class _Address(Struct, frozen=True):
    href: str


class _Links(Struct, frozen=True):
    html: _Address


class _User(Struct, frozen=True):
    uuid: str
    nickname: str = ""
    account_id: str = ""


class _Membership(Struct, frozen=True):
    user: _User


class _Reviewed(Struct, frozen=True):
    title: str
    reviewers: tuple[_User, ...] = ()


class _Text(Struct, frozen=True):
    raw: str = ""


class _Comment(Struct, frozen=True):
    content: _Text = _Text()


class _Name(Struct, frozen=True):
    full_name: str


class _Source(Struct, frozen=True):
    repository: _Name | None = None


class _PullRequest(Struct, frozen=True):
    id: int
    links: _Links
    state: Literal["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]
    source: _Source
    description: str | None = None

    @property
    def pull(self) -> PullRequest:
        return PullRequest(
            self.id,
            self.links.html.href,
            STATES[self.state],
            campaign=campaign_of_pull_request(self.description or ""),
        )

    @property
    def source_name(self) -> str | None:
        """The repository of its branch; None if it no longer exists."""
        return self.source.repository.full_name if self.source.repository is not None else None


def authorization(token: str) -> str:
    """The header's value for a token: an access token's, or a personal one's, ``EMAIL:TOKEN``.

    https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication
    """
    _, is_personal, secret = token.partition(":")
    if not is_personal:
        return f"Bearer {token}"
    remember(secret)
    return f"Basic {remember(base64.b64encode(token.encode()).decode())}"


class ListedRepository(Struct, frozen=True):
    """A repository as the API lists it."""

    ref: RepositoryRef
    default_branch: str
    traits: Traits
    name: str = ""


class Bitbucket(PullRequestHost):
    """Bitbucket Cloud under one identity, that of an access token or of a person.

    A repository takes four requests to the API, of which Bitbucket allows 1,000 an hour, or one and
    a few of git, of which it allows sixty times as many
    (https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/). Many repositories are
    therefore observed by git, few by the API.
    """

    user = "x-token-auth"

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        super().__init__(api, lane, branch, is_nested=is_nested)
        #: How many repositories there are to observe, as far as is known.
        self._expected = 0
        self._observed = 0
        self._listed: dict[str, ListedRepository] = {}
        #: The ids of the members of each workspace, by their names.
        self._members: dict[str, dict[str, str]] = {}
        self._access = BitbucketAccess(lambda path: self._items(path, Permission))

    @property
    def reviews(self) -> BitbucketReviews:
        """Its pull requests."""

        def checks_of(ref: RepositoryRef, commit: str) -> Checks:
            return self.commit_checks(Snapshot(ref), commit)

        return BitbucketReviews(self._api, self.observation, checks_of)

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of a workspace.

        The data of each repository is cached until it is observed.
        """
        del known
        url = cursor or f"/repositories/{quote(owner)}?pagelen=100"
        while url:
            page = self._api.read("GET", url).body(_Page[_Repository])
            url = page.next
            self._expected = max(self._expected, page.size)
            listed_repositories = [self._read(repository, None) for repository in page.values]
            self._listed.update({listed.ref.key: listed for listed in listed_repositories})
            yield RepositoryPage(tuple(listed.ref for listed in listed_repositories), (), url)

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, from the API alone while they are few."""
        left = iter(refs)
        while chunk := list(islice(left, CHUNK)):
            self._observed += len(chunk)
            if self._is_nested or max(self._expected, self._observed) > FEW:
                yield from self._observe_by_git(chunk)
            else:
                yield from self._api.threads.in_order(self._observe_by_api, chunk)

    def _observe_by_git(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        snapshots: dict[str, Snapshot] = {}
        for from_api in self._api.threads.in_order(self._from_api, refs):
            if isinstance(from_api, Unreadable) or from_api.traits.empty:
                yield from_api
            else:
                snapshots[from_api.ref.key] = from_api
        remotes = [(snapshot.ref, self.git_url(snapshot)) for snapshot in snapshots.values()]
        for observation in self._clones.observe_all(remotes):
            yield _with_api_data(observation, snapshots[observation.ref.key])

    def _observe_by_api(self, ref: RepositoryRef) -> Observation:
        from_api = self._from_api(ref)
        if isinstance(from_api, Unreadable) or from_api.traits.empty:
            return from_api
        try:
            return self.observation(ref, lambda _: self._with_configs(from_api))
        except IncompleteError:
            observed = self._clones.observe(ref, self.git_url(from_api))
            return _with_api_data(observed, from_api)

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, self.git_url(snapshot), paths)

    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""
        root = f"/repositories/{snapshot.current_name}/src"
        return self._api.read_bytes(f"{root}/{commit}/{quote(path)}")

    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/"""
        path = f"/repositories/{snapshot.current_name}/commit/{commit}/statuses"
        states = {status.state for status in self._items(path, _Status)}
        if not states:
            return Checks.NONE
        if states & {"FAILED", "STOPPED"}:
            return Checks.FAILED
        return Checks.PENDING if "INPROGRESS" in states else Checks.PASSED

    # -- writing

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """A new branch with one commit on top of the snapshot's head, in one call.

        ``parents`` is the snapshot's head: the answer is 409 if the branch exists at another
        commit.
        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        answer = self._api.write(
            OTHER,
            "POST",
            f"/repositories/{snapshot.current_name}/src",
            data={"branch": branch, "parents": snapshot.head, "message": message},
            files={path: (path.rpartition("/")[2], content) for path, content in contents.items()},
        )
        oid = answer.headers.get("location", "").rpartition("/")[2]
        if not oid:
            raise StaleSnapshot("the answer does not name the commit")
        return oid

    def create_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        answer = self._api.write(
            PULL_REQUEST,
            "POST",
            f"/repositories/{snapshot.current_name}/pullrequests",
            json={
                "title": opening.title,
                "description": opening.body,
                "source": {"branch": {"name": opening.branch}},
                "destination": {"branch": {"name": snapshot.default_branch}},
                "reviewers": self._reviewers(snapshot.ref, opening.extras.reviewers),
                "close_source_branch": True,
                "draft": opening.draft,
            },
        )
        return answer.body(_PullRequest).pull

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        for comment in self._items(_comments_path(snapshot), _Comment):
            yield comment.content.raw

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""
        self._api.write(OTHER, "POST", _comments_path(snapshot), json={"content": {"raw": text}})

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[str, ...]:
        """Why for labels and assignees, which Bitbucket lacks, and each unknown reviewer."""
        return (
            *(f"label {name}: Bitbucket has no labels" for name in extras.labels),
            *(f"assignee {name}: Bitbucket has no assignees" for name in extras.assignees),
            *(
                f"reviewer {name}: not a member of {owner} that the token can list; Bitbucket "
                "takes nicknames, account ids and {UUID}s"
                for name in extras.reviewers
                if self._uuid(owner, name) is None
            ),
        )

    def extend_pull_request(
        self, snapshot: Snapshot, pull: PullRequest, extras: Extras
    ) -> tuple[str, ...]:
        """Add reviewers to those that are there: Bitbucket replaces them.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
        """
        path = f"/repositories/{snapshot.current_name}/pullrequests/{pull.number}"
        current = self._api.read("GET", path).body(_Reviewed)
        present = [{"uuid": reviewer.uuid} for reviewer in current.reviewers]
        new = [
            reviewer
            for reviewer in self._reviewers(snapshot.ref, extras.reviewers)
            if reviewer not in present
        ]
        if new:
            changes = {"title": current.title, "reviewers": [*present, *new]}
            self._api.write(OTHER, "PUT", path, json=changes)
        return ()

    def close_pull_request(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """Decline it."""
        root = f"/repositories/{snapshot.current_name}/pullrequests"
        self._api.write(OTHER, "POST", f"{root}/{pull.number}/decline")

    def delete_branch(self, snapshot: Snapshot) -> None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        name = quote(self._branch, safe="")
        self._api.write(
            OTHER, "DELETE", f"/repositories/{snapshot.current_name}/refs/branches/{name}"
        )

    def find_branch(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        root = f"/repositories/{snapshot.current_name}/refs/branches"
        try:
            answer = self._api.read("GET", f"{root}/{quote(branch, safe='')}")
        except MissingError:
            return None
        tip = answer.body(_Commit, "target")
        return branch_at(tip.hash, snapshot.head, tip.message)

    def find_pull_request(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The newest pull request from a branch, in any state."""
        requests = self._items(
            f"/repositories/{snapshot.current_name}/pullrequests",
            _PullRequest,
            q=f'source.branch.name="{_escaped(branch)}"',
            state=list(STATES),
            sort="-created_on",
        )
        return newest_pull(
            request.pull
            for request in requests
            if (request.source_name or "").lower() == snapshot.current_name.lower()
        )

    @property
    def token_problem(self) -> str:
        """What the token lacks for any write."""
        return token_problem(self._api.scopes)

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the repository."""
        return self._access.read(snapshot, self._api.scopes)

    # -- internals

    def git_credentials(self, token: str) -> tuple[str, str]:
        """https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/"""
        email, is_personal, secret = token.partition(":")
        return ("x-bitbucket-api-token-auth", secret) if is_personal else (self.user, email)

    def _reviewers(self, ref: RepositoryRef, names: Sequence[str]) -> list[dict[str, str]]:
        """Those of ``names`` that are members of the workspace, as the API takes them."""
        owner = ref.name.partition("/")[0]
        uuids = (self._uuid(owner, name) for name in names)
        return [{"uuid": uuid} for uuid in uuids if uuid is not None]

    def _uuid(self, owner: str, name: str) -> str | None:
        """The id of a member of the workspace ``owner``; a UUID in braces is one as it is.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/
        """
        if name.startswith("{"):
            return name
        if owner not in self._members:
            members: dict[str, str] = {}
            # A token without the scope for it can list nobody.
            with suppress(HostError, RefusedError):
                for membership in self._items(f"/workspaces/{quote(owner)}/members", _Membership):
                    user = membership.user
                    for known_as in (user.nickname, user.account_id):
                        members.setdefault(known_as.lower(), user.uuid)
            self._members[owner] = members
        return self._members[owner].get(name.lower())

    def _items(self, path: str, kind: type[_Item], **query: object) -> Iterator[_Item]:
        """The items on all pages of a list.

        https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
        """
        page = self._api.read("GET", path, params={"pagelen": 50, **query}).body(_Page[kind])  # type: ignore[valid-type]
        yield from page.values
        while page.next:
            page = self._api.read("GET", page.next).body(_Page[kind])  # type: ignore[valid-type]
            yield from page.values

    def _with_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with its head, branch and configs, in three requests if it has one config.

        Raises IncompleteError where git shows what the API does not: the targets of links, and
        files in Large File Storage.
        """
        root = f"/repositories/{snapshot.current_name}"
        names = (snapshot.default_branch, self._branch)
        query = " OR ".join(f'name="{_escaped(name)}"' for name in names)
        tips = {
            branch.name: branch.target
            for branch in self._items(f"{root}/refs/branches", _NamedBranch, q=query)
        }
        if snapshot.default_branch not in tips:
            raise HostError(MISSING_DEFAULT)
        head, tip = tips[snapshot.default_branch].hash, tips.get(self._branch)
        branch = None if tip is None else branch_at(tip.hash, head, tip.message)
        files = {entry.path: entry for entry in self._folder(root, head, ".circleci")}
        if any(entry.is_special for entry in files.values()):
            raise IncompleteError("Bitbucket does not show all of its files")
        configs = ConfigListing(config_modes({path: entry.mode for path, entry in files.items()}))
        snapshot = replace(snapshot, head=head, branch=branch)
        contents = contents_within_limit(
            (path, self._sized(snapshot, files[path])) for path in configs.modes
        )
        return snapshot.with_configs(contents, configs)

    def _folder(self, root: str, commit: str, folder: str) -> list[_Entry]:
        """The files below ``folder``; a link or a file of that name is one of them.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        """
        of_commit = f"{root}/src/{commit}/"
        try:
            entries = list(self._items(f"{of_commit}{folder}/", _Entry, max_depth=_DEPTH))
        except MissingError:
            entries = list(self._items(of_commit, _Entry, q=f'path="{folder}"'))
        return [entry for entry in entries if entry.type == "commit_file"]

    def _sized(self, snapshot: Snapshot, entry: _Entry) -> bytes:
        """A file, which has the size that its folder says."""
        data = self.content(snapshot, snapshot.head, entry.path)
        if entry.size is not None and len(data) != entry.size:
            raise HostError(f"{entry.path}: Bitbucket sent another file than it lists")
        return data

    def _from_api(self, ref: RepositoryRef) -> Snapshot | Unreadable:
        return self.observation(ref, self._read_from_api)

    def _read_from_api(self, ref: RepositoryRef) -> Snapshot:
        """The snapshot from the API, without files and branch."""
        listed = self._listed.pop(ref.key, None)
        if listed is None:
            answer = self._api.read("GET", f"/repositories/{ref.name}")
            listed = self._read(answer.body(_Repository), ref)
        is_renamed = listed.name.lower() != ref.name.lower()
        from_api = Snapshot(
            ref,
            default_branch=listed.default_branch,
            traits=listed.traits,
            renamed_to=listed.name if is_renamed else "",
        )
        return replace(from_api, pull=self.find_pull_request(from_api, self._branch))

    def _read(self, repository: _Repository, ref: RepositoryRef | None) -> ListedRepository:
        host = self._api.root.split("/")[2].removeprefix("api.")
        branch = repository.mainbranch.name if repository.mainbranch is not None else ""
        return ListedRepository(
            ref
            or RepositoryRef(Kind.BITBUCKET, host, repository.full_name.lower(), self._api.root),
            branch,
            Traits(
                fork=bool(repository.parent),
                empty=not branch,
                active_at=seconds_since_1970(repository.updated_on),
                visibility=Visibility.PRIVATE if repository.is_private else Visibility.PUBLIC,
            ),
            repository.full_name,
        )


def _escaped(name: str) -> str:
    """``name`` in a query: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#filtering"""
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _comments_path(snapshot: Snapshot) -> str:
    number = snapshot.pull.number if snapshot.pull is not None else 0
    return f"/repositories/{snapshot.current_name}/pullrequests/{number}/comments"


def _with_api_data(observation: Observation, from_api: Snapshot) -> Observation:
    """``observation`` of git with the data of ``from_api``."""
    if isinstance(observation, Unreadable):
        return observation
    traits = replace(from_api.traits, empty=observation.traits.empty)
    return replace(
        observation,
        traits=traits,
        default_branch=from_api.default_branch,
        pull=from_api.pull,
        renamed_to=from_api.renamed_to,
    )
