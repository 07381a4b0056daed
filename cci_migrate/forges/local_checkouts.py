"""Local checkouts: finding and reading them, and writing changes in place or to a branch."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from cci_migrate.bounds.limits import total_problem
from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.engine.proof import FileChange, ProvenChange
from cci_migrate.files.config_paths import SKIPPED_FOLDERS
from cci_migrate.files.config_writing import Restoration, WriteError, write
from cci_migrate.files.discovery import (
    discover,
    read_candidate,
    reader_of,
    root_of,
)
from cci_migrate.forges.branch_content import content_in_git
from cci_migrate.forges.campaign_identity import campaign_of_commit
from cci_migrate.forges.git_trees import GitTree
from cci_migrate.forges.host import DeliveredChange, Delivery, Proposal, RepositoryPage
from cci_migrate.forges.repository import (
    Blocker,
    Branch,
    BranchContent,
    FileHash,
    Kind,
    Observation,
    RepositoryRef,
    Snapshot,
    Traits,
    Unreadable,
)
from cci_migrate.forges.repository_errors import git_errors_of_host
from cci_migrate.forges.uncommitted_changes import uncommitted_changes
from cci_migrate.forges.without_pull_requests import WithoutPullRequests
from cci_migrate.transport.git.objects import commit_files, commit_message, read_blobs
from cci_migrate.transport.git.process import GitDirectory, GitError
from cci_migrate.transport.git.pushing import push
from cci_migrate.transport.git.repositories import Checkout, opened_checkout
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.wording import shortened

#: The depth to which a source folder is searched for repositories: HOST/OWNER/NAME.
DEPTH = 3


class LocalMode(Enum):
    """How a change is written to a local checkout."""

    IN_PLACE = "in-place"
    BRANCH = "branch"
    PUSH = "push"


class Originals(Protocol):
    """A store of files as they were before they were rewritten in place."""

    def store_original(self, ref: RepositoryRef, path: str, data: bytes) -> None:
        """Store the original ``data`` of the file ``path`` of a checkout. Raises OSError."""

    def read_original(self, ref: RepositoryRef, path: str) -> bytes | None:
        """The stored original of the file ``path``; None if there is none."""


class LocalSource:
    """A folder that is a checkout, or contains some."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.name = str(self._folder)

    def pages(self, cursor: str, known: Sequence[str]) -> Iterator[RepositoryPage]:
        """One page with every checkout, sorted. Raises HostError if there is none."""
        del cursor, known
        refs = tuple(local_ref(folder) for folder in sorted(_checkouts(self._folder, DEPTH)))
        if not refs:
            raise HostError(f"no checkout in it, nor in its folders down to {DEPTH} levels")
        yield RepositoryPage(refs)


def local_ref(folder: Path) -> RepositoryRef:
    """The checkout in ``folder``."""
    return RepositoryRef(Kind.LOCAL, "", str(folder), str(folder))


def _checkouts(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / ".git").exists() or (folder / CONFIG_FOLDER).is_dir():
        yield folder
        return
    if depth == 0:
        return
    try:
        children = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return
    for child in children:
        if child.name not in SKIPPED_FOLDERS and not child.is_symlink():
            yield from _checkouts(child, depth - 1)


class LocalHost(WithoutPullRequests):
    """Local checkouts. ``originals`` stores files before they are rewritten in place.

    ``allows_dirty``: rewrite files also in checkouts with uncommitted changes.
    """

    def __init__(
        self, mode: LocalMode, branch: str, originals: Originals, *, allows_dirty: bool = False
    ) -> None:
        self._allows_dirty = allows_dirty
        self._mode = mode
        self._branch = branch
        self._originals = originals
        self.delivery = Delivery.FILES if mode is LocalMode.IN_PLACE else Delivery.BRANCH

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The work tree of each folder, or its HEAD if changes go to a branch."""
        for ref in refs:
            folder = Path(ref.name)
            try:
                if not folder.is_dir():
                    yield Unreadable(ref, Blocker.NOT_FOUND, f"{folder}: no such folder")
                elif self._mode is LocalMode.IN_PLACE:
                    yield self._work_tree(ref, folder)
                else:
                    yield self._head(ref, folder)
            except GitError as error:
                yield Unreadable(ref, Blocker.FAILED, f"{folder}: {error}")
            except OSError as error:
                yield Unreadable(ref, Blocker.FAILED, f"{error.filename}: {error.strerror}")

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Files of the work tree, or of the snapshot's head; None for one that does not exist."""
        folder = Path(snapshot.ref.name)
        if snapshot.head:
            with opened_checkout(folder) as checkout:
                return _tree(checkout.repository, snapshot.head).read(paths)
        read = reader_of(folder)
        return {path: read(path) for path in paths}

    @git_errors_of_host()
    def branch_content(
        self, snapshot: Snapshot, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the branch adds to HEAD. Raises HostError if git can't read it."""
        with opened_checkout(Path(snapshot.ref.name)) as checkout:
            return _content(checkout.repository, tip, snapshot.head, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Rewrite the files (returns None), or commit them to the branch, and push it if so set."""
        folder = Path(snapshot.ref.name)
        if self._mode is LocalMode.IN_PLACE:
            if not self._allows_dirty:
                self._check_is_clean(snapshot.ref, folder)
            for change in proposal.changes:
                self._replace(snapshot.ref, folder, change)
            return None
        return self._commit(snapshot, folder, proposal)

    @git_errors_of_host()
    def close(self, snapshot: Snapshot) -> None:
        """Delete the branch; of one that was pushed, also the local one if it is the same.

        Raises HostError if it is not disposable.
        """
        if snapshot.disposable_branch is None:
            raise HostError("this campaign has no branch there")
        reference, old = f"refs/heads/{self._branch}", snapshot.branch_oid
        with opened_checkout(Path(snapshot.ref.name)) as checkout:
            checkout.check_reference(reference)
            if self._mode is LocalMode.PUSH:
                push(checkout.connected(), "", reference, old, checkout.login)
                if _tip(checkout.repository, reference) != old:
                    return
            checkout.repository.run(["update-ref", "-d", reference, old])

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Restore the original files, or delete the branch; returns the folder or the branch.

        Raises HostError if a file has changed since the campaign wrote it.
        """
        if self._mode is not LocalMode.IN_PLACE:
            self.close(snapshot)
            return self._branch
        folder = Path(snapshot.ref.name)
        changes = []
        for file in delivered.files:
            current = read_candidate(folder, file.path)
            before = self._originals.read_original(snapshot.ref, file.path)
            if before is None or hashlib.sha256(before).hexdigest() != file.before:
                raise HostError(f"the campaign has no original of {file.path}")
            if isinstance(current, Failed):
                raise HostError(f"{file.path}: {current.problem}; revert it by hand")
            if hashlib.sha256(current).hexdigest() not in (file.before, file.after):
                raise HostError(f"{file.path} has changed since; revert it by hand")
            changes.append(FileChange(file.path, current, before))
        if not changes:
            raise HostError("the campaign has no originals of it")
        _write(Restoration(tuple(changes)), folder)
        return str(folder)

    def end(self) -> None:
        """Do nothing: there are no connections."""

    def _work_tree(self, ref: RepositoryRef, folder: Path) -> Observation:
        files: dict[str, bytes] = {}
        size = 0
        discovery = discover([folder])
        problems = [
            problem.outcome
            for problem in discovery.problems
            if problem.root == folder.resolve() and isinstance(problem.outcome, Refused | Failed)
        ]
        for repository in discovery.repositories:
            if repository.root != folder.resolve():
                continue  # a nested repository is a separate one
            for path in repository.files:
                content = read_candidate(folder, path)
                if isinstance(content, Failed):
                    problems.append(content)
                    continue
                files[path] = content
                size += len(content)
                if problem := total_problem(size):
                    raise GitError(problem)
        return Snapshot(ref, files=files, problems=tuple(problems))

    def _head(self, ref: RepositoryRef, folder: Path) -> Snapshot:
        top = root_of(folder)
        if top != folder.resolve():
            raise GitError(f"a folder inside the repository {top}; name the repository")
        with opened_checkout(folder) as checkout:
            repository = checkout.repository
            try:
                head = repository.text(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            except GitError:
                if repository.run(["for-each-ref", "--count=1", "refs/heads", "refs/remotes"]):
                    name = repository.text(["symbolic-ref", "--quiet", "--short", "HEAD"])
                    raise GitError(
                        f"HEAD is on the branch {name}, which has no commit; switch to one that has"
                    ) from None
                return Snapshot(ref, traits=Traits(empty=True))
            snapshot = _tree(repository, head).snapshot(Snapshot(ref))
            return replace(snapshot, branch=self._find_branch(checkout, head))

    def _find_branch(self, checkout: Checkout, head: str) -> Branch | None:
        reference = f"refs/heads/{self._branch}"
        repository = checkout.repository
        if self._mode is LocalMode.PUSH:
            # The remote's branch is the one that others see.
            remote, login = checkout.connected(), checkout.login
            listed = remote.text(["ls-remote", "--quiet", "origin", reference], settings=login)
            oid = listed.split("\t")[0] if listed else ""
            if oid and not _has_object(repository, oid):
                remote.run(
                    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", reference],
                    settings=login,
                )
        else:
            oid = _tip(repository, reference)
        if not oid:
            return None
        commits = repository.text(["rev-list", "--max-count=1", oid, f"^{head}"])
        return Branch(
            oid,
            BranchContent.OTHER if commits else BranchContent.NOTHING,
            campaign=campaign_of_commit(commit_message(repository, oid)),
        )

    @git_errors_of_host()
    def _commit(self, snapshot: Snapshot, folder: Path, proposal: Proposal) -> Branch:
        reference, old = f"refs/heads/{proposal.branch}", snapshot.branch_oid
        with (
            opened_checkout(folder) as checkout,
            tempfile.TemporaryDirectory(prefix="cci-migrate-") as scratch,
        ):
            checkout.check_reference(reference)
            commit = self._reviewed_commit(checkout.repository, snapshot, proposal)
            commit = commit or commit_files(
                checkout.repository,
                snapshot.head,
                proposal.contents,
                snapshot.modes,
                proposal.message,
                Path(scratch) / "index",
            )
            if self._mode is LocalMode.PUSH:
                push(checkout.connected(), commit, reference, old, checkout.login)
                old = ""
            self._set_branch(checkout.repository, reference, commit, old)
        return Branch(commit, BranchContent.PLANNED)

    def _reviewed_commit(
        self, repository: GitDirectory, snapshot: Snapshot, proposal: Proposal
    ) -> str:
        """The commit of an earlier `--local branch`, which is to be pushed; empty if there is none.

        Raises HostError if the local branch holds anything else, which a push would replace.
        """
        reference = f"refs/heads/{proposal.branch}"
        tip = _tip(repository, reference)
        if self._mode is not LocalMode.PUSH or not tip:
            return ""
        if tip == snapshot.branch_oid:
            return ""  # the remote's branch, decided before
        content = _content(repository, tip, snapshot.head, proposal.files)
        if content is BranchContent.NOTHING:
            return ""
        campaign = campaign_of_commit(commit_message(repository, tip))
        if content is BranchContent.PLANNED and campaign == campaign_of_commit(proposal.message):
            return tip
        raise HostError(
            f"the local branch {proposal.branch} holds other work; rename or delete it first"
        )

    def _set_branch(self, repository: GitDirectory, reference: str, commit: str, old: str) -> None:
        current = repository.text(["symbolic-ref", "--quiet", "HEAD"]) if old else ""
        if current == reference:
            raise HostError(f"the branch {reference} is checked out; switch to another one first")
        arguments = ["update-ref", reference, commit]
        if self._mode is LocalMode.BRANCH:
            arguments.append(old or "0" * len(commit))
        try:
            repository.run(arguments)
        except GitError as error:
            raise StaleSnapshot(str(error)) from None

    def _check_is_clean(self, ref: RepositoryRef, folder: Path) -> None:
        """Raise HostError if the checkout has uncommitted changes that are not the campaign's."""
        theirs = [
            path
            for path in uncommitted_changes(folder)
            if self._originals.read_original(ref, path) is None
        ]
        if theirs:
            raise HostError(
                f"has uncommitted changes ({shortened(theirs, 3)}); commit or stash them, or pass "
                "--allow-dirty"
            )

    def _replace(self, ref: RepositoryRef, folder: Path, change: ProvenChange) -> None:
        for file in change.files:
            self._originals.store_original(ref, file.path, file.before)
        _write(change, folder)


def _write(change: ProvenChange | Restoration, folder: Path) -> None:
    try:
        write(change, folder)
    except WriteError as error:
        raise HostError(f"{error.path} {error.problem}") from None


def _tip(repository: GitDirectory, reference: str) -> str:
    """The commit at the tip of a local branch; empty if it does not exist."""
    return repository.text(["for-each-ref", "--format=%(objectname)", reference])


def _tree(repository: GitDirectory, commit: str) -> GitTree:
    return GitTree(repository, commit, partial(read_blobs, repository))


def _content(
    repository: GitDirectory, tip: str, head: str, files: Sequence[FileHash]
) -> BranchContent:
    return content_in_git(repository, tip, head, files, partial(read_blobs, repository))


def _has_object(repository: GitDirectory, oid: str) -> bool:
    try:
        repository.run(["cat-file", "-e", oid])
    except GitError:
        return False
    return True
