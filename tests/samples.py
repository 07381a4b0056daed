"""The invented repositories in ``tests/sample_repositories``: a corpus for whoever has no other.

Each folder is one repository, and every test over the samples takes it up by itself. They are made
after the kinds of real configs; none is a copy of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "sample_repositories"
NAMES = tuple(sorted(path.name for path in FOLDER.iterdir()))
#: Runs a test once for each repository, with its name.
each_sample = pytest.mark.parametrize("sample", NAMES)


def files_under(root: Path) -> dict[str, bytes]:
    """All files in ``root``, by their paths in it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def configs_among(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of a repository's ``files`` that CircleCI configs are made of."""
    return {
        path: data
        for path, data in files.items()
        if path.startswith((".circleci/", "src/")) and path.endswith((".yml", ".yaml"))
    }


@cache
def files_of(sample: str) -> dict[str, bytes]:
    """The files of the repository called ``sample``."""
    return files_under(FOLDER / sample)


def configs_of(sample: str) -> dict[str, bytes]:
    """Those of its files that CircleCI configs are made of."""
    return configs_among(files_of(sample))
