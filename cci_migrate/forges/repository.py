"""A repository: its reference, and its state when it was observed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.campaign_identity import campaign_of_commit
from cci_migrate.forges.config_listing import ConfigListing, unusual_modes

#: Why a repository with commits has nothing to read.
MISSING_DEFAULT = "the default branch does not exist; set it to one that does"


class FileHash(Struct, frozen=True):
    """A file that a plan changes: the SHA-256 of its bytes before and after."""

    path: str
    before: str
    after: str

    @classmethod
    def of(cls, path: str, before: bytes, after: bytes) -> FileHash:
        """The hashes of the file ``path`` with these contents."""
        return cls(path, hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest())


class Kind(Enum):
    """The kind of a repository's host; Forgejo has Gitea's API."""

    LOCAL = "local"
    GIT = "git"
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    GITEA = "gitea"


class RepositoryRef(Struct, frozen=True, order=True):
    """A repository. ``name`` is ``owner/name``, or the folder of a local checkout.

    ``address`` is where it is read: the folder, the git URL, or the root of the host's API.
    ``project`` is the folder of one project of a monorepo, ``.`` for the root; empty for all of it.
    ``fork`` is the name of the fork that has the campaign's branch; empty: the branch is in the
    repository itself.
    """

    kind: Kind
    host: str
    name: str
    address: str
    project: str = ""
    fork: str = ""

    @property
    def key(self) -> str:
        """Its name in the ledger: ``github:github.com/acme/api``, ``local:/srv/checkouts/api``."""
        if self.kind is Kind.LOCAL:
            return f"local:{self.label}"
        return f"{self.kind.value}:{self.host}/{self.label}"

    @property
    def server(self) -> tuple[Kind, str]:
        """What it shares with the other repositories of its host, whatever the token."""
        return self.kind, self.host

    @property
    def label(self) -> str:
        """Its name for people: ``acme/api``, ``acme/mono//services/api`` for a project."""
        return f"{self.name}//{self.project}" if self.project else self.name

    def new_name(self, name: str) -> str:
        """``name``, by which the host knows it today, if that is another name; else empty."""
        return "" if name.lower() == self.name.lower() else name


class Visibility(Enum):
    """Who can see a repository."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"
    UNKNOWN = "unknown"


class Traits(Struct, frozen=True):
    """Properties of a repository. ``may_write`` None: the host does not say.

    ``active_at`` is the time of its last push or other activity in seconds since 1970; 0: unknown.
    """

    archived: bool = False
    fork: bool = False
    empty: bool = False
    visibility: Visibility = Visibility.UNKNOWN
    topics: tuple[str, ...] = ()
    may_write: bool | None = None
    active_at: float = 0.0


def seconds_since_1970(at: datetime | None) -> float:
    """The time ``at`` that a host names; 0 for none, and for one before 1970, which means none."""
    return 0.0 if at is None else max(at.timestamp(), 0.0)


class BranchContent(Enum):
    """What the campaign's branch adds to the default branch."""

    NOTHING = "no commit of its own"
    PLANNED = "one commit with exactly the planned change"
    EARLIER = "one commit with a change that this campaign planned or wrote earlier"
    OTHER = "anything else"

    @property
    def is_ours(self) -> bool:
        """Whether it is this campaign's change."""
        return self in (BranchContent.PLANNED, BranchContent.EARLIER)

    @property
    def is_disposable(self) -> bool:
        """Whether replacing or deleting the branch loses nobody's work."""
        return self is not BranchContent.OTHER


class Branch(Struct, frozen=True):
    """The campaign's branch on the host.

    ``campaign`` is the id of the campaign that its last commit names, empty for none. Hosts set
    ``content`` only if it is NOTHING; `ownership.with_ownership` sets the rest.
    """

    oid: str
    content: BranchContent = BranchContent.OTHER
    campaign: str = ""

    @classmethod
    def at(cls, oid: str, head: str, message: str) -> Branch:
        """The branch with the commit ``oid`` at its tip, whose message is ``message``."""
        content = BranchContent.NOTHING if oid == head else BranchContent.OTHER
        return cls(oid, content, campaign_of_commit(message))


class Fork(Struct, frozen=True):
    """The fork that has the campaign's branch: its name on the host, and its id in the API.

    ``is_current``: its default branch is where the repository's is.
    """

    name: str
    node: str
    is_current: bool = True


class PullState(Enum):
    """The state of a pull request."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class PullRequest(Struct, frozen=True):
    """A pull request (GitLab: merge request). ``node`` is its id in the API.

    ``campaign`` is the id of the campaign that its text names, empty for none. ``is_ours``: this
    campaign opened it, as `ownership.with_ownership` decides.
    """

    number: int
    url: str
    state: PullState
    node: str = ""
    campaign: str = ""
    is_ours: bool = False


def newest_pull(pulls: Iterable[PullRequest]) -> PullRequest | None:
    """The newest open one of ``pulls``, else the newest; None if empty."""
    return max(pulls, key=lambda pull: (pull.state is PullState.OPEN, pull.number), default=None)


class Snapshot(Struct, frozen=True):
    """The state of a repository when it was observed.

    ``files`` are its CircleCI files by path from the root, ``modes`` their git modes if they differ
    from ``100644``. ``node`` is the repository's id in the API. ``pull`` is the newest pull request
    from the branch. ``problems`` are CircleCI files that could not be read; ``has_links``: some are
    links that were not followed. ``renamed_to`` is its name on the host, if that is not the one in
    ``ref``. ``fork`` has the branch, if that is not the repository itself.
    """

    ref: RepositoryRef
    head: str = ""
    default_branch: str = ""
    traits: Traits = field(default_factory=Traits)
    files: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[Refused | Failed, ...] = ()
    has_links: bool = False
    modes: Mapping[str, str] = field(default_factory=dict)
    config_tree: str | None = None
    branch: Branch | None = None
    pull: PullRequest | None = None
    node: str = ""
    renamed_to: str = ""
    fork: Fork | None = None

    __repr__ = repr_without("files")

    @property
    def current_name(self) -> str:
        """The name by which the host knows it today."""
        return self.renamed_to or self.ref.name

    @property
    def disposable_branch(self) -> Branch | None:
        """The campaign's branch, unless it holds somebody else's work."""
        branch = self.branch
        return branch if branch is not None and branch.content.is_disposable else None

    @property
    def branch_oid(self) -> str:
        """The commit at the tip of the campaign's branch; empty without a branch."""
        return "" if self.branch is None else self.branch.oid

    @property
    def pull_number(self) -> int:
        """The number of its pull request; 0 without one."""
        return self.pull.number if self.pull is not None else 0

    @property
    def branch_home(self) -> Fork:
        """The name and id of the repository that has the campaign's branch."""
        return self.fork or Fork(self.current_name, self.node)

    @property
    def may_deliver(self) -> bool:
        """Whether a branch may be written: in a fork, or where the host does not forbid it."""
        return self.fork is not None or self.traits.may_write is not False

    def with_configs(self, files: Mapping[str, bytes], configs: ConfigListing) -> Snapshot:
        """The snapshot with ``configs``, which have followed all links; ``files`` are new ones."""
        modes = unusual_modes({path: configs.modes[path] for path in files})
        return replace(
            self,
            files={**self.files, **files},
            modes={**self.modes, **modes},
            problems=self.problems + configs.problems,
            has_links=False,
            config_tree=None,
        )


class Blocker(Enum):
    """Why a repository can't be read."""

    NOT_FOUND = "not found"
    FORBIDDEN = "not permitted"
    FAILED = "failed"


class Unreadable(Struct, frozen=True):
    """A repository that could not be read; ``cause`` says why."""

    ref: RepositoryRef
    blocker: Blocker
    cause: str


Observation = Snapshot | Unreadable


class Checks(Enum):
    """The result of CI for a commit."""

    NONE = "none"
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"

    def beside(self, base: Callable[[], Checks]) -> Checks:
        """The result for the change alone: a failure that ``base`` has too is not its doing."""
        if self is Checks.FAILED and base() is Checks.FAILED:
            return Checks.PASSED
        return self
