"""Scratch clones of remotes, to read and change repositories without a full clone or checkout.

A fetch gets one commit without blobs, another the few blobs that are config
(https://git-scm.com/docs/partial-clone). A server without filters sends all blobs of that commit,
which is only slower.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from cci_migrate.forges.branch_content import content_in_git
from cci_migrate.forges.git_trees import GitTree
from cci_migrate.forges.host import Proposal
from cci_migrate.forges.repository import (
    MISSING_DEFAULT,
    Blocker,
    Branch,
    BranchContent,
    FileHash,
    Observation,
    Snapshot,
    Unreadable,
)
from cci_migrate.forges.repository_errors import git_errors_of_host
from cci_migrate.transport.git.objects import commit_files, commit_message, read_blobs
from cci_migrate.transport.git.process import (
    GitDirectory,
    GitError,
    GitLimitedError,
    GitUnreachableError,
)
from cci_migrate.transport.git.pushing import push
from cci_migrate.transport.git.remote_urls import read_remote_url
from cci_migrate.transport.git.repositories import bare_repository
from cci_migrate.transport.git.scratch_folder import ScratchFolder
from cci_migrate.transport.host_errors import HostUnavailable, StaleSnapshot
from cci_migrate.transport.host_patience import HostPatience
from cci_migrate.transport.pace import Lane
from cci_migrate.transport.progress import local_time
from cci_migrate.wording import shortened

_Result = TypeVar("_Result")

#: The number of fetches at the same time. Servers answer bursts with 429.
CONCURRENT_FETCHES = 4
#: The number of scratch clones on disk; each takes a few tens of kilobytes.
MAX_CLONES = 512
#: The number of commits that the default branch may have gained since the branch began. An older
#: branch is taken for somebody else's.
HISTORY = 100
#: What git and servers say of a repository that can't be read, and why that is.
_BLOCKERS = {
    "not found": Blocker.NOT_FOUND,
    "does not exist": Blocker.NOT_FOUND,
    "does not appear": Blocker.NOT_FOUND,
    "permission": Blocker.FORBIDDEN,
}


class GitClones:
    """Scratch clones of remotes: one commit deep, without blobs, without a work tree.

    ``url_of`` is where the repository of a snapshot is, as far as that is known. ``lane`` waits out
    the pauses that the server asks for. ``login`` returns the git settings with
    the current credentials, since tokens expire. ``below`` is the only folder of which configs are
    read. Safe to use from several threads. Methods that use the network raise HostUnavailable if
    the server still limits requests after several pauses.
    """

    def __init__(
        self,
        branch: str,
        lane: Lane,
        url_of: Callable[[Snapshot], str],
        login: Callable[[], Mapping[str, str]] = dict,
        below: str = "",
    ) -> None:
        self._below = below
        self._branch = branch
        self._lane = lane
        self._url_of = url_of
        self._login = login
        self._scratch = ScratchFolder()
        self._clones: OrderedDict[str, GitDirectory] = OrderedDict()
        #: The clones that have the history of a branch: with its tip and the head that it is from.
        self._histories: dict[str, tuple[GitDirectory, str, str]] = {}
        self._guard = threading.Lock()
        self._patience = HostPatience()

    def observe(self, known: Snapshot) -> Observation:
        """``known`` with the current head, configs and branch.

        Raises HostUnavailable if several in a row got no answer: the host is down.
        """
        ref = known.ref
        try:
            snapshot = self._snapshot(known)
        except GitUnreachableError as error:
            self._patience.record_failure(ref.host or ref.address, error)
            return Unreadable(ref, Blocker.FAILED, str(error))
        except GitError as error:
            said = str(error).lower()
            blockers = (blocker for sign, blocker in _BLOCKERS.items() if sign in said)
            return Unreadable(ref, next(blockers, Blocker.FAILED), str(error))
        self._patience.record_answer()
        return snapshot

    def observe_all(self, known: Iterable[Snapshot]) -> Iterator[Observation]:
        """`observe` for each of ``known``, a few at a time."""
        left = iter(known)
        with ThreadPoolExecutor(CONCURRENT_FETCHES) as executor:
            while chunk := list(islice(left, CONCURRENT_FETCHES * 4)):
                # A whole chunk at once: planning in between sets limits on the process, which no
                # git process may inherit.
                yield from list(executor.map(self.observe, chunk))

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> dict[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._tree(self._clone(snapshot), snapshot.head).read(paths)

    @git_errors_of_host()
    def branch_content(
        self, snapshot: Snapshot, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the commit ``tip`` of ``branch`` adds (see `Host.branch_content`).

        Raises HostError if git can't fetch it.
        """
        clone = self._with_history(snapshot, branch, tip)
        return content_in_git(clone, tip, snapshot.head, files, partial(self._blobs, clone))

    def commit(self, snapshot: Snapshot, proposal: Proposal) -> str:
        """Commit ``proposal`` on top of the snapshot's head in the scratch clone; returns its id.

        Raises StaleSnapshot if the repository has another head now, HostError if git makes no such
        commit, and GitError if it can't be fetched: nobody refused anything then.
        """
        clone = self._clone(snapshot)
        if not _is_at(clone, snapshot.head):
            clone = self._fetch_clone(snapshot)
        if not _is_at(clone, snapshot.head):
            raise StaleSnapshot("it changed")
        index = clone.git_dir / "scratch-index"
        contents, modes, message = proposal.contents, snapshot.modes, proposal.message
        with git_errors_of_host():
            return commit_files(clone, snapshot.head, contents, modes, message, index)

    def push(self, snapshot: Snapshot, commit: str) -> None:
        """Push ``commit`` (empty: delete) to the branch if it still is as in ``snapshot``.

        Raises what `pushing.push` raises.
        """
        clone = self._clone(snapshot)
        reference, old = f"refs/heads/{self._branch}", snapshot.branch_oid
        self._obeying(lambda: push(clone, commit, reference, old, self._login()))

    def end(self) -> None:
        """Remove all clones."""
        self._scratch.remove()

    def _obeying(self, command: Callable[[], _Result]) -> _Result:
        """The result of ``command``, again after each pause that the server asks for."""
        from cci_migrate.transport.http import LIMIT_ATTEMPTS, stated_wait

        until, why = 0.0, ""
        for attempt in range(LIMIT_ATTEMPTS):
            self._lane.wait_out()
            try:
                return command()
            except GitLimitedError as error:
                why, now = str(error), self._lane.now()
                until = now + stated_wait(error.retry_after, attempt, now)
                self._lane.pause_until(until)
        raise HostUnavailable(
            f"still limited after {LIMIT_ATTEMPTS - 1} pauses ({why}); "
            f"try again at {local_time(until)}",
            until,
        )

    def _snapshot(self, known: Snapshot) -> Snapshot:
        try:
            clone = self._fetch_clone(known)
        except GitError as error:
            if "couldn't find remote ref HEAD" not in str(error):
                raise
            self._check_is_empty(known)
            return replace(known, traits=replace(known.traits, empty=True))
        tips = _tips(clone)
        head = tips["refs/campaign/head"]
        snapshot = self._tree(clone, head).snapshot(known, self._below)
        oid = tips.get(f"refs/campaign/heads/{self._branch}")
        if oid is None:
            return snapshot
        return replace(snapshot, branch=Branch.at(oid, head, commit_message(clone, oid)))

    def _check_is_empty(self, known: Snapshot) -> None:
        """Raise GitError if the repository has branches, though its HEAD leads to none of them."""
        remote = self._new_repository(known)
        command = ["ls-remote", "--quiet", "--heads", "origin"]
        listed = self._obeying(lambda: remote.text(command, settings=self._login()))
        names = [line.partition("\trefs/heads/")[2] for line in listed.splitlines()]
        if names:
            raise GitError(f"{MISSING_DEFAULT} ({shortened(names, 3)})")

    def _tree(self, clone: GitDirectory, commit: str) -> GitTree:
        return GitTree(clone, commit, partial(self._blobs, clone))

    def _clone(self, snapshot: Snapshot) -> GitDirectory:
        with self._guard:
            clone = self._clones.get(snapshot.ref.key)
        return clone or self._fetch_clone(snapshot)

    def _with_history(self, snapshot: Snapshot, branch: str, tip: str) -> GitDirectory:
        """The clone with the history of ``branch`` down to the head, if that is not too long."""
        key, reference = snapshot.ref.key, f"refs/heads/{branch}"
        with self._guard:
            clone, known = self._clones.get(key), self._histories.get(key)
        if clone is None:
            clone = self._fetch_clone(snapshot, HISTORY, reference)
        elif known != (clone, tip, snapshot.head):
            self._fetch(clone, HISTORY, "HEAD", reference)
        with self._guard:
            self._histories[key] = clone, tip, snapshot.head
        return clone

    def _fetch_clone(self, known: Snapshot, depth: int = 1, *references: str) -> GitDirectory:
        clone, key = self._new_repository(known), known.ref.key
        self._fetch(
            clone,
            depth,
            "+HEAD:refs/campaign/head",
            # A pattern, since a plain name that does not exist would be an error.
            f"+refs/heads/{self._branch}*:refs/campaign/heads/{self._branch}*",
            *references,
        )
        with self._guard:
            self._clones[key] = clone
            self._clones.move_to_end(key)
            while len(self._clones) > MAX_CLONES:
                _, old = self._clones.popitem(last=False)
                shutil.rmtree(old.git_dir, ignore_errors=True)
        return clone

    def _new_repository(self, known: Snapshot) -> GitDirectory:
        with self._guard:
            scratch = self._scratch.path
        folder, url = Path(tempfile.mkdtemp(dir=scratch)), self._url_of(known)
        return bare_repository(folder, url, read_remote_url(url).protocol)

    def _fetch(self, clone: GitDirectory, depth: int, *references: str) -> None:
        command = ("fetch", "--quiet", f"--depth={depth}", "--no-tags", "--filter=blob:none")
        self._obeying(lambda: clone.run([*command, "origin", *references], settings=self._login()))

    def _blobs(self, clone: GitDirectory, oids: Sequence[str]) -> dict[str, bytes]:
        """The blobs, fetched in one request; git itself would fetch them one by one."""
        if len(oids) > 1:
            # A server that does not serve single objects has sent them all before.
            with suppress(GitError):
                self._obeying(lambda: _fetch_blobs(clone, oids, self._login()))
        return self._obeying(lambda: read_blobs(clone, oids, self._login()))


def _fetch_blobs(clone: GitDirectory, oids: Sequence[str], login: Mapping[str, str]) -> None:
    clone.run(
        [
            *("-c", "fetch.negotiationAlgorithm=noop"),
            *("fetch", "--quiet", "origin", "--no-tags", "--no-write-fetch-head"),
            *("--recurse-submodules=no", "--filter=blob:none", "--stdin"),
        ],
        stdin="".join(f"{oid}\n" for oid in oids).encode(),
        settings=login,
    )


def _tips(clone: GitDirectory) -> dict[str, str]:
    """The commit of each fetched ref."""
    output = clone.text(["for-each-ref", "--format=%(refname) %(objectname)", "refs/campaign"])
    tips = (line.rpartition(" ") for line in output.splitlines())
    return {name: oid for name, _, oid in tips}


def _is_at(clone: GitDirectory, head: str) -> bool:
    return clone.text(["rev-parse", "refs/campaign/head"]) == head
