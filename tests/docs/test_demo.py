"""``make demo``: each command of the demonstration ends as its script says."""

from __future__ import annotations

from pathlib import Path

from tests.processes import make_program, ran
from tools.shared_data import ROOT


def test_the_demonstration(tmp_path: Path) -> None:
    make_program(tmp_path / "cci-migrate")
    folder = str(tmp_path)
    done = ran("bash", ROOT / "examples" / "demo.sh", BIN=folder, TMPDIR=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ cci-migrate --check\n" in done.stdout
