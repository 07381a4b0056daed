"""Names of the files in a campaign's folder, generated from hashes.

A repository's name and its paths may be anything a host or a file system takes, and another file
system takes less: they may differ in case only, be too long, not be UTF-8, or mean a device on
Windows. A hash tells them apart; the words before it are for people.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from cci_migrate.forges.repository import RepositoryRef

#: As long as it may be for people to tell repositories apart.
_READABLE = 60


def diff_name(ref: RepositoryRef) -> str:
    """The path of a repository's diff within the folder."""
    words = re.sub(r"[^A-Za-z0-9_]+", "-", ref.label)[-_READABLE:].strip("-")
    return f"diffs/{words}-{_hash(ref.key)}.diff"


def original_name(ref: RepositoryRef, path: str) -> str:
    """The path, within the folder, of what a local file was before it was rewritten in place."""
    return f"originals/{_hash(ref.key)}/{_hash(path)}.before"


def read_inside(folder: Path, name: str) -> bytes | None:
    """The file ``name`` of a campaign's folder; None if it is not there.

    None as well for one that a symbolic link has outside: the folder may be somebody else's.
    """
    try:
        path = (folder / name).resolve(strict=True)
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            return None
        return path.read_bytes()
    except (OSError, RuntimeError):
        return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
