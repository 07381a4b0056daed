"""What tests of every part may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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
