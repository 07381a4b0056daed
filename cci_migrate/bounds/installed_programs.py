"""Where the user's programs are: never in the current folder, which may be a repository's."""

from __future__ import annotations

import os
from pathlib import Path


def program_folders() -> list[str]:
    """The absolute folders of PATH. A relative one means another folder in each repository."""
    return [folder for folder in os.get_exec_path() if Path(folder).is_absolute()]


def find_program(name: str) -> str | None:
    """The path of a program, None if it is not installed.

    Unlike `shutil.which`, and Windows itself, it does not look in the current folder.
    """
    for folder in program_folders():
        program = Path(folder, f"{name}.exe" if os.name == "nt" else name)
        if program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None
