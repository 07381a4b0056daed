"""``make demo``: each command of the demonstration ends as its script says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import environment, put
from tools.shared_data import ROOT


def test_the_demonstration(tmp_path: Path) -> None:
    program = put(
        tmp_path / "cci-migrate", f'#!/bin/sh\nexec "{sys.executable}" -m cci_migrate "$@"\n'
    )
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "examples" / "demo.sh"],
        env=environment(BIN=str(tmp_path), TMPDIR=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ cci-migrate --check\n" in done.stdout
