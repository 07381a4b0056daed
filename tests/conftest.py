"""What tests of every part may ask for."""

from __future__ import annotations

import compileall
import gc
from pathlib import Path

import pytest

from cci_migrate.__main__ import OBJECTS_BETWEEN_COLLECTIONS

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests run as the installed program does."""
    # Its bytecode is there, even where Python is told to write none: hundreds of tests start it.
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "cci_migrate", quiet=2)
    # It collects garbage seldom.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data that may stand beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference data is not here")
    return folder


@pytest.fixture(scope="session")
def corpus(reference: Path) -> Path:
    """The corpus of real configs."""
    folder = reference / "corpus"
    if not folder.is_dir():
        pytest.skip("the corpus is not here")
    return folder
