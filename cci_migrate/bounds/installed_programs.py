"""Finds the user's programs, never in the current folder, which may be a repository's."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path


def program_folders() -> list[str]:
    """The absolute folders of PATH. A relative one would be a folder of a repository."""
    return list(_absolute(tuple(os.get_exec_path())))


@lru_cache(maxsize=1)
def _absolute(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(folder for folder in folders if Path(folder).is_absolute())


def find_program(name: str) -> str | None:
    """The path of the program ``name``; None if it is not installed.

    Unlike `shutil.which`, and Windows itself, ignores the current folder.
    """
    file_name = f"{name}.exe" if os.name == "nt" else name
    for folder in program_folders():
        # Without pathlib: every command of git looks for it.
        program = os.path.join(folder, file_name)  # noqa: PTH118
        if os.path.isfile(program) and os.access(program, os.X_OK):  # noqa: PTH113
            return program
    return None
