"""What tests of other folders set up, for these, and the program without a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cci_migrate.__main__ import main
from tests.batch.conftest import batch, clock, github
from tests.cli.conftest import Done, program
from tests.preflight.conftest import circleci

__all__ = ["batch", "circleci", "clock", "github", "program"]


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Done]:
    """Runs ``cci-migrate`` with arguments in ``tmp_path``, in this process: that is quicker."""
    (tmp_path / ".git").mkdir(exist_ok=True)

    def run(*arguments: str | Path) -> Done:
        capfdbinary.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["cci-migrate", *map(str, arguments)])
            for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
                patch.delenv(name, raising=False)
            try:
                code = main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        seen = capfdbinary.readouterr()
        return Done(code, seen.out, seen.err.decode())

    return run
