"""Checks that a checkout owns its git storage.

The ``.git`` of a checkout can name, or link to, the storage of any other repository on the machine:
a branch would be created there, and a push would send its contents.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cci_migrate.transport.git.process import GitError

#: Where git writes, or reads what to send. It accesses ``refs`` by name.
_WRITTEN = ("HEAD", "logs", "logs/HEAD", "objects", "packed-refs", "refs", "reftable")


def check_own_storage(folder: Path, git_dir: Path, shared: Path, work_tree: str | None) -> None:
    """Raise GitError unless ``git_dir`` and ``shared`` belong to the checkout in ``folder``.

    ``shared`` is ``git_dir`` or, for a linked work tree, that of the repository
    (https://git-scm.com/docs/gitrepository-layout, ``commondir``). ``work_tree`` is the value of
    ``core.worktree``, with which a submodule's git folder names its checkout.
    """
    place = folder.resolve() / ".git"
    if git_dir != shared:
        named = _first_line(git_dir / "gitdir")
        is_own = git_dir.parent == shared / "worktrees" and _leads_to(git_dir, named, place)
    else:
        is_own = git_dir.is_relative_to(folder.resolve()) or _leads_to(
            git_dir, work_tree, folder.resolve()
        )
    if not is_own:
        raise GitError(f"the git folder {git_dir} is shared with another checkout")
    for top in {git_dir, shared}:
        for path in _links(top):
            if not path.resolve().is_relative_to(top):
                raise GitError(f"{path} is a symbolic link that leaves the git folder")


def _leads_to(start: Path, named: str | None, place: Path) -> bool:
    return named is not None and (start / named).resolve() == place.resolve()


def _first_line(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return os.fsdecode(opened.readline(4096)).rstrip("\r\n")
    except OSError:
        return None


def _links(top: Path) -> Iterator[Path]:
    """The symbolic links at the places that git writes to."""
    yield from (top / name for name in _WRITTEN if (top / name).is_symlink())
    waiting = [(top / "refs", True), (top / "objects", False)]
    while waiting:
        folder, is_deep = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield Path(entry.path)
                    elif is_deep and entry.is_dir():
                        waiting.append((Path(entry.path), True))
        except OSError:
            continue  # git says it better
