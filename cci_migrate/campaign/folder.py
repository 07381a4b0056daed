"""A campaign's folder: its ledger, its lock, the diffs and the originals of rewritten files.

ledger.sqlite              the record of each repository
lock                       locked by the command that works on the campaign
diffs/NAME-HASH.diff       the planned change of one repository
originals/HASH/HASH.before local files as they were before they were rewritten in place
results.jsonl              a line for each repository, written at the end of each command

Only the user can read it, whatever the umask: configs may contain secrets.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cci_migrate.campaign.branch_names import DEFAULT_BRANCH, project_branch
from cci_migrate.campaign.campaign_files import diff_name, original_name, read_inside
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.error_kinds import UserError
from cci_migrate.files.output_files import make_private_file, make_private_folder, write_atomically
from cci_migrate.forges.repository import RepositoryRef
from cci_migrate.policy.record import PolicyRecordError, policy_from_json, policy_to_json
from cci_migrate.policy.settings import Policy

LEDGER = "ledger.sqlite"
RESULTS = "results.jsonl"


class CampaignError(UserError):
    """The campaign's folder cannot be used; the text says why and what to do."""


class CampaignInUseError(CampaignError):
    """Another command works on the campaign."""


#: The settings of the ledger that all plans of a campaign share.
_SHARED = ("policy", "branch", "nested", "split", "verify")


def shared_settings(
    policy: Policy, branch: str, *, is_nested: bool, is_split: bool, needs_confirmation: bool
) -> dict[str, str]:
    """What all plans of a campaign share, as the ledger has it."""
    flags = (is_nested or is_split, is_split, needs_confirmation)
    texts = (policy_to_json(policy), branch, *("yes" if flag else "" for flag in flags))
    return dict(zip(_SHARED, texts, strict=True))


class Campaign:
    """An open campaign. ``folder`` None: it exists in memory only."""

    def __init__(self, folder: Path | None, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger

    @property
    def id(self) -> str:
        """A random id, made when the campaign began."""
        return self.ledger.setting("id")

    @property
    def ids(self) -> frozenset[str]:
        """Its id, and those of the campaigns that were merged into it."""
        return frozenset({self.id, *self.ledger.setting("merged").split()})

    def add_ids(self, ids: Iterable[str]) -> None:
        """Take the campaigns with ``ids`` for parts of this one."""
        self.ledger.set({"merged": " ".join(sorted({*self.ids, *ids} - {self.id}))})

    @property
    def policy(self) -> Policy:
        """The policy it was planned with. Raises CampaignError if another version recorded it."""
        try:
            return policy_from_json(self.ledger.setting("policy"))
        except PolicyRecordError as error:
            raise CampaignError(f"can't use the campaign's policy: {error}") from None

    @property
    def branch(self) -> str:
        """The branch that the campaign writes to."""
        return self.ledger.setting("branch", DEFAULT_BRANCH)

    @property
    def needs_confirmation(self) -> bool:
        """Whether CircleCI's compiler must confirm its changes."""
        return bool(self.ledger.setting("verify"))

    @property
    def is_nested(self) -> bool:
        """Whether hosts search for configs below the root too."""
        return bool(self.ledger.setting("nested"))

    @property
    def is_split(self) -> bool:
        """Whether each project of a monorepo gets a pull request of its own."""
        return bool(self.ledger.setting("split"))

    @property
    def settings(self) -> dict[str, str]:
        """What its plans share, as the ledger has it."""
        return {name: self.ledger.setting(name) for name in _SHARED}

    def branch_of(self, ref: RepositoryRef, recorded: str = "") -> str:
        """The branch for ``ref``: the ``recorded`` one, else the usual one of its project."""
        return recorded or project_branch(self.branch, ref.project)

    def store_diff(self, ref: RepositoryRef, diff: bytes) -> None:
        """Replace the stored diff of a repository; an empty ``diff`` removes it. Raises OSError."""
        if self.folder is None:
            return
        path = self.folder / diff_name(ref)
        if diff:
            write_atomically(path, diff, is_private=True)
        else:
            path.unlink(missing_ok=True)

    def read_diff(self, entry: LedgerEntry) -> bytes:
        """The stored diff of a repository, empty if there is none."""
        if self.folder is None or not entry.diff:
            return b""
        return read_inside(self.folder, entry.diff) or b""

    def has_diff(self, entry: LedgerEntry) -> bool:
        """Whether the stored diff of a repository is there, if it has one."""
        return self.folder is None or not entry.diff or (self.folder / entry.diff).is_file()

    def store_original(self, ref: RepositoryRef, path: str, data: bytes) -> None:
        """Store the original ``data`` of the file ``path`` of a local checkout. Raises OSError."""
        if self.folder is not None:
            write_atomically(self.folder / original_name(ref, path), data, is_private=True)

    def read_original(self, ref: RepositoryRef, path: str) -> bytes | None:
        """The stored original of the file ``path``; None if there is none."""
        return None if self.folder is None else read_inside(self.folder, original_name(ref, path))


@contextmanager
def begin_campaign(
    folder: Path, settings: Mapping[str, str], *, again: bool = False, is_dry_run: bool = False
) -> Iterator[Campaign]:
    """Begin a campaign in ``folder``, or go on planning the one that is there.

    A dry run has an empty ledger in memory, and the id of the campaign that is there.
    Raises CampaignError when it was begun with other ``settings``, and ``again`` (plan everything
    anew) is not set, or the branches that it has written to would not be its own any more.
    """
    if is_dry_run:
        ledger = Ledger.in_memory()
        ledger.set({"id": uuid.uuid4().hex, **settings})
        if (folder / LEDGER).is_file():
            with open_read_only(folder) as campaign:
                ledger.set({"id": campaign.id})
        yield Campaign(None, ledger)
        ledger.close()
        return
    try:
        make_private_folder(folder)
    except OSError as error:
        raise CampaignError(f"{folder}: can't create the folder: {error.strerror}") from None
    with _lock(folder):
        path = folder / LEDGER
        try:
            make_private_file(path)
        except OSError as error:
            raise CampaignError(f"{path}: cannot be written: {error.strerror}") from None
        ledger = Ledger.at(path)
        try:
            if not ledger.setting("id"):
                ledger.set({"id": uuid.uuid4().hex, **settings})
            for name, otherwise in planned_otherwise(ledger, settings.get):
                if not again and ledger.counts():
                    raise CampaignError(
                        f"{folder}: this campaign was planned {otherwise}; use the same, "
                        "plan everything again with --again, or use another folder"
                    )
                if _is_lasting(ledger, name):
                    raise CampaignError(
                        f"{folder}: this campaign was planned {otherwise}, and has written to "
                        "branches; use the same, or use another folder"
                    )
                ledger.set({name: settings[name]})
            if again:
                ledger.forget_listing()
            yield Campaign(folder, ledger)
        finally:
            ledger.close()


@contextmanager
def open_campaign(folder: Path) -> Iterator[Campaign]:
    """The campaign in ``folder``, locked.

    Raises CampaignError if there is none or another command has the lock, LedgerError if its
    ledger cannot be used.
    """
    _check_exists(folder)
    with _lock(folder), _opened(folder, Ledger.at) as campaign:
        yield campaign


@contextmanager
def open_read_only(folder: Path) -> Iterator[Campaign]:
    """The campaign in ``folder``, unlocked: another command may be working on it.

    Raises CampaignError if there is none, LedgerError if its ledger cannot be used.
    """
    with _opened(folder, Ledger.read_only) as campaign:
        yield campaign


@contextmanager
def _opened(folder: Path, open_ledger: Callable[[Path], Ledger]) -> Iterator[Campaign]:
    _check_exists(folder)
    ledger = open_ledger(folder / LEDGER)
    try:
        if not ledger.setting("id"):
            raise CampaignError(f"{folder}: not planned yet; run `cci-migrate batch plan` first")
        yield Campaign(folder, ledger)
    finally:
        ledger.close()


def planned_otherwise(
    ledger: Ledger, setting: Callable[[str], str | None]
) -> Iterator[tuple[str, str]]:
    """The settings of ``ledger`` that all plans of a campaign share, and that ``setting`` has not.

    Each with how its own was planned, for people: ``with another policy``, ``without --nested``.
    """
    for name in _SHARED:
        own = ledger.setting(name)
        if own != setting(name):
            is_flag = name in ("nested", "split", "verify")
            flag = f"{'with' if own else 'without'} --{name}"
            yield name, flag if is_flag else f"with another {name}"


def _is_lasting(ledger: Ledger, name: str) -> bool:
    """Whether the setting ``name`` says to which branches the campaign has written.

    With another one, it would open a second pull request with the same change, and forget the
    first. A campaign that becomes split keeps what it has for whole repositories.
    """
    if name == "split" and ledger.setting("split"):
        return any(entry.branch and entry.ref.project for entry in ledger.entries())
    return name == "branch" and any(entry.branch for entry in ledger.entries())


def _check_exists(folder: Path) -> None:
    if not (folder / LEDGER).is_file():
        raise CampaignError(f"{folder}: no campaign here; `cci-migrate batch plan` creates one")


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Lock ``folder``. The system releases the lock when the process dies."""
    from filelock import FileLock, Timeout  # slow to import; reading needs no lock

    path = folder / "lock"
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        make_private_file(path)
        lock.acquire()
    except Timeout:
        raise CampaignInUseError(
            f"{folder}: another command is using this campaign; wait until it ends"
        ) from None
    except OSError as error:
        raise CampaignError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()
