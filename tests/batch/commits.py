"""What is in commits, whatever repository they are in: most are copies of a few."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.batch.repositories import git

#: Kept: what an id names never changes.
_FILES: dict[str, dict[str, tuple[str, str]]] = {}
_BLOBS: dict[str, bytes] = {}


def files(folder: Path, commit: str) -> dict[str, tuple[str, str]]:
    """Each file of a commit: its mode and blob."""
    assert re.fullmatch("[0-9a-f]{40}", commit), "a branch is not the same everywhere"
    if commit not in _FILES:
        _FILES[commit] = {}
        for line in filter(None, git(folder, "ls-tree", "-r", "-z", commit).split("\0")):
            meta, path = line.split("\t", 1)
            mode, _, oid = meta.split(" ")
            _FILES[commit][path] = (mode, oid)
    return _FILES[commit]


def blob(folder: Path, oid: str) -> bytes:
    """A blob's bytes."""
    if oid not in _BLOBS:
        command = ["git", "cat-file", "blob", oid]
        _BLOBS[oid] = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    return _BLOBS[oid]


def file_at(folder: Path, commit: str, path: str) -> bytes:
    """A file as it is in a commit."""
    return blob(folder, files(folder, commit)[path][1])


def shown_text(data: bytes) -> str | None:
    """A file as GraphQL shows it: nothing of what is binary, and what is no UTF-8 as a guess."""
    return None if b"\0" in data else data.decode("utf-8", "replace").removeprefix("\ufeff")


def message(folder: Path, commit: str) -> str:
    """A commit's message."""
    return git(folder, "log", "-1", "--format=%B", commit)
