"""Reads git's trees and blobs, and makes commits, without touching a work tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cci_migrate.bounds.limits import SIZE_LIMIT, total_problem
from cci_migrate.transport.git.process import GitDirectory, GitError, GitOutputError


def tree_paths(repository: GitDirectory, commit: str) -> dict[str, tuple[str, str]]:
    """The files of ``commit``: path to (mode, blob id). Fetches no blobs of a blobless clone."""
    listing = repository.run(["ls-tree", "-r", "-z", "--full-tree", commit])
    files = {}
    for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
        if entry:
            meta, path = entry.split("\t", 1)
            mode, kind, oid = meta.split(" ")
            if kind == "blob":
                files[path] = (mode, oid)
    return files


def commit_message(repository: GitDirectory, commit: str) -> str:
    """The message of ``commit``. Raises GitError."""
    raw = repository.run(["cat-file", "commit", commit])
    return raw.partition(b"\n\n")[2].decode("utf-8", "replace")


def read_blobs(
    repository: GitDirectory, oids: Iterable[str], settings: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """The content of each blob, by id; our own clones fetch missing ones, one by one.

    Leaves out blobs larger than SIZE_LIMIT. Raises GitError if one can't be read, and if together
    they are larger than TOTAL_LIMIT.
    """
    requested = list(dict.fromkeys(oids))
    try:
        # Few are so large that their sizes have to be asked for before.
        blobs = _contents(repository, requested, settings, SIZE_LIMIT)
        sizes = {oid: len(content) for oid, content in blobs.items()}
    except GitOutputError:
        blobs = None
        sizes = {
            oid: size for oid, size in _sizes(repository, requested, settings) if size <= SIZE_LIMIT
        }
    if problem := total_problem(sum(sizes.values())):
        raise GitError(problem)
    if blobs is None:
        blobs = _contents(repository, list(sizes), settings)
    return blobs


def _contents(
    repository: GitDirectory,
    oids: Sequence[str],
    settings: Mapping[str, str] | None,
    most: int | None = None,
) -> dict[str, bytes]:
    """The content of each blob. Raises GitOutputError if that is more than ``most`` bytes."""
    if not oids:
        return {}
    request = "".join(f"{oid}\n" for oid in oids).encode()
    command = ["cat-file", "--batch"]
    output = repository.run(command, stdin=request, settings=settings, most=most)
    blobs, at = {}, 0
    for oid in oids:
        line_end = output.index(b"\n", at)
        header = output[at:line_end].split()
        if header[-1] == b"missing":
            raise GitError(f"git cat-file: {oid} is missing")
        size = int(header[2])
        blobs[oid] = output[line_end + 1 : line_end + 1 + size]
        at = line_end + 1 + size + 1
    return blobs


def _sizes(
    repository: GitDirectory, oids: list[str], settings: Mapping[str, str] | None
) -> Iterator[tuple[str, int]]:
    request = "".join(f"{oid}\n" for oid in oids).encode()
    output = repository.run(["cat-file", "--batch-check"], stdin=request, settings=settings)
    for oid, line in zip(oids, output.decode().splitlines(), strict=True):
        if line.endswith(" missing"):
            raise GitError(f"git cat-file: {oid} is missing")
        yield oid, int(line.split()[2])


def signs_commits(repository: GitDirectory) -> bool:
    """Whether the user, or the checkout, signs all commits. Raises GitError."""
    setting = repository.text(["config", "--type=bool", "--default=false", "commit.gpgSign"])
    return setting == "true"


def commit_files(
    repository: GitDirectory,
    parent: str,
    files: Mapping[str, bytes],
    modes: Mapping[str, str],
    message: str,
    index: Path,
) -> str:
    """Make a commit on top of ``parent`` with ``files`` replaced; return its id.

    Changes neither the work tree, nor the index, nor any ref: ``index`` is a scratch file. The
    commit is signed if the user signs all commits. Raises GitError.
    """
    repository.run(["read-tree", parent], index=index)
    lines = []
    for path, content in files.items():
        oid = repository.text(["hash-object", "-w", "--stdin"], stdin=content)
        lines.append(f"{modes.get(path, '100644')} {oid}\t{path}\0")
    repository.run(
        ["update-index", "-z", "--index-info"],
        stdin="".join(lines).encode("utf-8", "surrogateescape"),
        index=index,
    )
    tree = repository.text(["write-tree", "--missing-ok"], index=index)
    signature = ["-S"] if signs_commits(repository) else []
    return repository.text(
        ["commit-tree", *signature, tree, "-p", parent, "-F", "-"], stdin=message.encode()
    )
