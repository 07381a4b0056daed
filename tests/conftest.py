"""What tests of every part may ask for."""

from __future__ import annotations

import atexit
import compileall
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cci_migrate.__main__ import OBJECTS_BETWEEN_COLLECTIONS
from tools.shared_data import ROOT, shared_folder

#: Far more than the tests need: they are not what fills a small machine's memory.
ROOM_FOR_FILES = 2**32


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests run as the installed program does, and as fast as this machine can."""
    _keep_files_in_memory()
    # Bytecode is kept, even where Python is told to write none: hundreds of tests start the tool,
    # and each worker would rewrite the assertions of every test module again.
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "cci_migrate", quiet=2)
        if config.getoption("numprocesses", None):
            _rewrite_assertions()
    # It collects garbage seldom; the tests, which keep more, more seldom still.
    gc.set_threshold(5 * OBJECTS_BETWEEN_COLLECTIONS)


def pytest_collection_finish() -> None:
    """Leave modules and tests, which stay to the end, out of every collection of garbage."""
    gc.freeze()


def _rewrite_assertions() -> None:
    """Have what the workers will do to each test module done once, where no run has done it yet."""
    tests = ROOT / "tests"
    if (tests / "docs" / "__pycache__").exists():
        return
    modules = sorted(tests.rglob("test_*.py"))
    collect = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:xdist"]
    halves = [
        subprocess.Popen([*collect, *half], cwd=ROOT, stdout=subprocess.DEVNULL)
        for half in (modules[::2], modules[1::2])
    ]
    for half in halves:
        half.wait()


def _keep_files_in_memory() -> None:
    """Put temporary files where there is no disk to wait for: git and the ledger write a lot."""
    memory = Path("/dev/shm")  # noqa: S108 - only the parent of pytest's own folder
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    system = os.statvfs(memory)
    may_run_programs = not system.f_flag & os.ST_NOEXEC
    if may_run_programs and system.f_bavail * system.f_frsize > ROOM_FOR_FILES:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(memory)
        # What a program that is killed leaves behind goes with the folder.
        scratch = tempfile.mkdtemp(prefix="cci-migrate-tests-", dir=memory)
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        # After multiprocessing, which has a folder in it.
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data that may stand beside the repository."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the reference data is not here")
    return folder


@pytest.fixture(scope="session")
def corpus(reference: Path) -> Path:
    """The corpus of real configs."""
    folder = reference / "corpus"
    if not folder.is_dir():
        pytest.skip("the corpus is not here")
    return folder
