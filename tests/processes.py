"""Programs that tests run to their end, and programs that they make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import ROOT, environment, put

#: What a script does that stands for ``cci-migrate`` where it is not installed.
OURS = f'exec "{sys.executable}" -m cci_migrate "$@"'


def ran(
    *command: str | Path, cwd: Path = ROOT, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """The end of ``command``, with these ``variables`` in its environment."""
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def ran_python(
    *arguments: str | Path, cwd: Path = ROOT, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """`ran`, for this Python."""
    return ran(sys.executable, *arguments, cwd=cwd, stdin=stdin, **variables)


def git(folder: Path, *words: str | Path, stdin: bytes = b"") -> bytes:
    """What git prints, which must succeed, run in ``folder`` by somebody with a name."""
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", *name, "-c", "tag.gpgsign=false", *words]
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=True)
    return done.stdout


def make_program(path: Path, script: str = OURS) -> Path:
    """Make a program at ``path`` that runs ``script``."""
    put(path, f"#!/bin/sh\n{script}\n").chmod(0o755)
    return path
