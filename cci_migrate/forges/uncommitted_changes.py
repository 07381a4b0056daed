"""Which files of a checkout have changes that are in no commit."""

from __future__ import annotations

from pathlib import Path

from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.git.repositories import opened_checkout


def uncommitted_changes(folder: Path) -> tuple[str, ...]:
    """The tracked files of ``folder`` that differ from HEAD, sorted; none outside of git.

    Also none where git can't be asked: then nothing is known of commits.
    """
    if not (folder / ".git").exists():
        return ()
    try:
        with opened_checkout(folder) as checkout:
            listing = checkout.repository.run(
                [
                    # The setting of the checkout is not read, and no config is a program.
                    *("-c", "core.fileMode=false", "status", "--porcelain", "-z"),
                    *("--untracked-files=no", "--ignore-submodules=all", "--no-renames"),
                ]
            )
    except GitError:
        return ()
    entries = listing.decode("utf-8", "surrogateescape").split("\0")
    return tuple(sorted(entry[3:] for entry in entries if entry))
