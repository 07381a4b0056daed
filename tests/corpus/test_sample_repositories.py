"""The tool over invented repositories, judged by the oracle: for whoever has no corpus.

Each folder of `tests/sample_repositories` is one repository. A new one needs nothing else.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.config_schema import ConfigSchema
from tests.published_schemas import published_schema
from tools.corpus import check_repository

SAMPLES = Path(__file__).parent.parent / "sample_repositories"
REPOSITORIES = sorted(SAMPLES.iterdir())


@pytest.fixture(scope="module")
def schema() -> ConfigSchema:
    return ConfigSchema(published_schema("circleciconfig"))


def files_of(repository: Path) -> dict[str, bytes]:
    return {
        path.relative_to(repository).as_posix(): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda path: path.name)
def test_a_repository_gets_what_it_lacks_and_nothing_else(
    repository: Path, schema: ConfigSchema
) -> None:
    files = files_of(repository)
    tally = check_repository(files, {path: path for path in files}, schema)
    assert tally.numbers["files"] == len(files) > 0
    assert tally.shortfalls == ()


def test_most_of_the_repositories_are_changed(schema: ConfigSchema) -> None:
    changed = 0
    for repository in REPOSITORIES:
        files = files_of(repository)
        changed += check_repository(files, dict(zip(files, files, strict=True)), schema).numbers[
            "changed"
        ]
    assert changed > 50
