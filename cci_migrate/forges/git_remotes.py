"""Repositories behind plain git URLs: read without a full clone or a checkout, changed by push.

One fetch of one commit without blobs, then the few blobs that are config
(https://git-scm.com/docs/partial-clone). A server without filters sends the blobs of that one
commit, which is slower and as good.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from cci_migrate.forges.branch_content import content_in_git
from cci_migrate.forges.git_trees import GitTree
from cci_migrate.forges.host import Delivered, Delivery, Page, Proposal
from cci_migrate.forges.local_checkouts import push
from cci_migrate.forges.repository import (
    Blocker,
    Branch,
    BranchContent,
    Checks,
    FileHash,
    Kind,
    Observation,
    PullRequest,
    RepositoryRef,
    Snapshot,
    Traits,
    Unreadable,
)
from cci_migrate.transport.git.objects import commit_files, read_blobs
from cci_migrate.transport.git.process import GitDirectory, GitError
from cci_migrate.transport.git.remote_urls import read_remote_url
from cci_migrate.transport.git.repositories import bare_repository
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.pace import PULL_REQUEST, Lane

#: Fetches at the same time. Servers answer bursts with 429.
LANES = 4
#: Scratch clones kept at the same time; one is a few tens of kilobytes.
KEPT = 512
#: How many commits the default branch may have got since the branch began. What began before
#: cannot be told from somebody else's.
HISTORY = 100


class GitSource:
    """One git URL."""

    def __init__(self, url: str) -> None:
        self._ref = git_ref(url)

    @property
    def name(self) -> str:
        """The URL."""
        return self._ref.address

    def pages(self, cursor: str) -> Iterator[Page]:
        """The one repository."""
        del cursor
        yield Page(refs=(self._ref,))


def git_ref(url: str) -> RepositoryRef:
    """The repository at ``url``. Raises ValueError for a URL with a login in it, or of no server.

    Of ssh the user is part of the address; any other may be a token.
    """
    if read_remote_url(url).url != url:
        raise ValueError(
            "a URL with a user or password in it would end up in logs; use a git credential helper"
        )
    return ref_at(url)


def ref_at(url: str) -> RepositoryRef:
    """The repository at ``url``, whatever login is in it. Raises ValueError."""
    remote = read_remote_url(url)
    if "://" in remote.url:
        parts = urlsplit(remote.url)
        host, path = parts.netloc, parts.path
    elif remote.protocol == "ssh":
        host, _, path = remote.url.partition(":")
    else:
        host, path = "", remote.url
    return RepositoryRef(
        Kind.GIT, host.rpartition("@")[2], path.strip("/").removesuffix(".git"), remote.url
    )


class GitClones:
    """Scratch clones of remotes: one commit deep, without blobs, without a work tree.

    ``login`` gives the settings by which git is let in, as they are at that moment: tokens expire.
    Safe to use from several threads.
    """

    def __init__(self, branch: str, login: Callable[[], Mapping[str, str]] = dict) -> None:
        self._branch = branch
        self._login = login
        self._scratch = Path(tempfile.mkdtemp(prefix="cci-migrate-"))
        self._clones: OrderedDict[str, GitDirectory] = OrderedDict()
        self._guard = threading.Lock()

    def see(self, ref: RepositoryRef, url: str) -> Observation:
        """The repository's head, its configs and the branch."""
        try:
            return self._snapshot(ref, url)
        except GitError as error:
            said = str(error).lower()
            if "not found" in said or "does not exist" in said or "does not appear" in said:
                return Unreadable(ref, Blocker.NOT_FOUND, str(error))
            if "authentication" in said or "permission" in said or "could not read user" in said:
                return Unreadable(ref, Blocker.FORBIDDEN, str(error))
            return Unreadable(ref, Blocker.FAILED, str(error))

    def see_all(self, wanted: Sequence[tuple[RepositoryRef, str]]) -> Iterator[Observation]:
        """`see`, a few at a time."""
        with ThreadPoolExecutor(LANES) as lanes:
            for start in range(0, len(wanted), LANES * 4):
                chunk = wanted[start : start + LANES * 4]
                # All of it at once: what is computed in between has limits of the whole process,
                # which no git that is started then may inherit.
                yield from list(lanes.map(lambda one: self.see(*one), chunk))

    def read(self, snapshot: Snapshot, url: str, paths: Sequence[str]) -> dict[str, bytes | None]:
        """Other files at the snapshot's head."""
        clone = self._clone(snapshot.ref, url)
        return self._tree(clone, snapshot.head).read(paths)

    def branch_content(
        self, snapshot: Snapshot, url: str, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the commit ``tip`` of ``branch`` adds (see `Host.branch_content`)."""
        clone = self._clone(snapshot.ref, url)
        login = self._login()
        try:
            self._fetch(clone, f"--depth={HISTORY}", "HEAD", f"refs/heads/{branch}")
            return content_in_git(
                clone, tip, snapshot.head, files, lambda oids: read_blobs(clone, oids, login)
            )
        except GitError as error:
            raise HostError(str(error)) from None

    def commit(self, snapshot: Snapshot, url: str, proposal: Proposal) -> str:
        """Make the commit on top of the snapshot's head; it is only here as yet.

        Raises StaleSnapshot when the repository is at another head by now.
        """
        clone = self._clone(snapshot.ref, url)
        try:
            if not _is_at(clone, snapshot.head):
                clone = self._fetched(snapshot.ref, url)
            if not _is_at(clone, snapshot.head):
                raise StaleSnapshot("it moved on")
            return commit_files(
                clone,
                snapshot.head,
                proposal.contents,
                snapshot.modes,
                proposal.message,
                clone.git_dir / "scratch-index",
            )
        except GitError as error:
            raise HostError(str(error)) from None

    def push(self, snapshot: Snapshot, url: str, commit: str) -> None:
        """Push ``commit`` (empty: delete) to the branch, if that is as the snapshot saw it."""
        old = snapshot.branch.oid if snapshot.branch is not None else ""
        clone = self._clone(snapshot.ref, url)
        push(clone, commit, f"refs/heads/{self._branch}", old, self._login())

    def end(self) -> None:
        """Remove them."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _snapshot(self, ref: RepositoryRef, url: str) -> Snapshot:
        try:
            clone = self._fetched(ref, url)
        except GitError as error:
            if "couldn't find remote ref HEAD" in str(error):
                return Snapshot(ref, traits=Traits(empty=True))
            raise
        tips = _tips(clone)
        head = tips["refs/campaign/head"]
        snapshot = self._tree(clone, head).snapshot(ref)
        return replace(snapshot, branch=self._branch_seen(tips, head))

    def _branch_seen(self, tips: Mapping[str, str], head: str) -> Branch | None:
        oid = tips.get(f"refs/campaign/heads/{self._branch}")
        return None if oid is None else branch_at(oid, head)

    def _tree(self, clone: GitDirectory, commit: str) -> GitTree:
        return GitTree(clone, commit, lambda oids: self._blobs(clone, oids))

    def _clone(self, ref: RepositoryRef, url: str) -> GitDirectory:
        with self._guard:
            clone = self._clones.get(ref.key)
        return clone or self._fetched(ref, url)

    def _fetched(self, ref: RepositoryRef, url: str) -> GitDirectory:
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        clone = bare_repository(folder, url, read_remote_url(url).protocol)
        self._fetch(
            clone,
            "--depth=1",
            "+HEAD:refs/campaign/head",
            # A pattern, since a plain name that is not there would be an error.
            f"+refs/heads/{self._branch}*:refs/campaign/heads/{self._branch}*",
        )
        with self._guard:
            self._clones[ref.key] = clone
            self._clones.move_to_end(ref.key)
            while len(self._clones) > KEPT:
                _, old = self._clones.popitem(last=False)
                shutil.rmtree(old.git_dir, ignore_errors=True)
        return clone

    def _fetch(self, clone: GitDirectory, depth: str, *references: str) -> None:
        clone.run(
            [
                *("fetch", "--quiet", depth, "--no-tags", "--filter=blob:none", "origin"),
                *references,
            ],
            settings=self._login(),
        )

    def _blobs(self, clone: GitDirectory, oids: Sequence[str]) -> dict[str, bytes]:
        """The blobs, fetched in one request; by itself git would ask for them one by one."""
        if len(oids) > 1:
            # A server that gives no single objects sent them all before.
            with suppress(GitError):
                clone.run(
                    [
                        *("-c", "fetch.negotiationAlgorithm=noop"),
                        *("fetch", "--quiet", "origin", "--no-tags", "--no-write-fetch-head"),
                        *("--recurse-submodules=no", "--filter=blob:none", "--stdin"),
                    ],
                    stdin="".join(f"{oid}\n" for oid in oids).encode(),
                    settings=self._login(),
                )
        return read_blobs(clone, oids, self._login())


def branch_at(oid: str, head: str) -> Branch:
    """The campaign's branch with the commit ``oid`` at its tip."""
    return Branch(oid, BranchContent.NOTHING if oid == head else BranchContent.OTHER)


def _tips(clone: GitDirectory) -> dict[str, str]:
    """What was fetched: each ref's commit."""
    shown = clone.text(["for-each-ref", "--format=%(refname) %(objectname)", "refs/campaign"])
    tips = (line.rpartition(" ") for line in shown.splitlines())
    return {name: oid for name, _, oid in tips}


def _is_at(clone: GitDirectory, head: str) -> bool:
    return clone.text(["rev-parse", "refs/campaign/head"]) == head


class GitHost:
    """Repositories behind git URLs. The end of the road is the pushed branch."""

    def __init__(self, branch: str, lane: Lane) -> None:
        self._branch = branch
        self._lane = lane
        self._clones = GitClones(branch)

    @property
    def delivery(self) -> Delivery:
        """A pushed branch."""
        return Delivery.BRANCH

    def observe(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        """Each repository's head and the branch."""
        return self._clones.see_all([(ref, ref.address) for ref in refs])

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, snapshot.ref.address, paths)

    def branch_content(self, snapshot: Snapshot, files: Sequence[FileHash]) -> BranchContent:
        """What the branch adds to the default branch."""
        if snapshot.branch is None:
            return BranchContent.NOTHING
        url, tip = snapshot.ref.address, snapshot.branch.oid
        return self._clones.branch_content(snapshot, url, self._branch, tip, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Push the branch with one commit on top of the head."""
        commit = self._clones.commit(snapshot, snapshot.ref.address, proposal)
        self._lane.take(PULL_REQUEST)  # each starts a build, as a pull request does
        self._clones.push(snapshot, snapshot.ref.address, commit)
        return Branch(commit, BranchContent.PLANNED)

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """Plain git has none."""
        del snapshot, proposal
        raise HostError("a plain git server has no pull requests")

    def set_labels_and_reviewers(self, snapshot: Snapshot, proposal: Proposal) -> None:
        """There is nothing to decorate."""

    def close(self, snapshot: Snapshot) -> None:
        """Delete the branch, where it is disposable."""
        if snapshot.branch is None or not snapshot.branch.content.is_disposable:
            raise HostError("there is no branch of ours")
        self._clones.push(snapshot, snapshot.ref.address, "")

    def revert(self, snapshot: Snapshot, delivered: Delivered) -> str:
        """Delete the branch."""
        del delivered
        self.close(snapshot)
        return self._branch

    def checks(self, snapshot: Snapshot) -> Checks:
        """Plain git tells nothing of CI."""
        del snapshot
        return Checks.NONE

    def end(self) -> None:
        """Remove the scratch clones."""
        self._clones.end()
