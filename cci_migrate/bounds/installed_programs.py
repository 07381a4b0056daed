"""Finds the user's programs, never in the current folder, which may be a repository's."""

from __future__ import annotations

import os
from pathlib import Path


def program_folders() -> list[str]:
    """The absolute folders of PATH. A relative one would be a folder of a repository."""
    return [folder for folder in os.get_exec_path() if Path(folder).is_absolute()]


def find_program(name: str) -> str | None:
    """The path of the program ``name``; None if it is not installed.

    Unlike `shutil.which`, and Windows itself, ignores the current folder.
    """
    for folder in program_folders():
        program = Path(folder, f"{name}.exe" if os.name == "nt" else name)
        if program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None
