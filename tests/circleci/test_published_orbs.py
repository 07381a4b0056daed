"""What is known of published orbs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from cci_migrate.circleci.published_orbs import published_orb

DATA = sorted(
    (files("cci_migrate.circleci") / "orbs").iterdir(),
    key=lambda file: file.name,
)


def test_knows_the_orbs_that_are_used_most() -> None:
    assert len(DATA) >= 40


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.name)
def test_every_release_reads_as_an_orb(file: Any) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["source"].startswith("https://github.com/")
    for release in data["releases"]:
        orb = published_orb(data["orb"], release["from"])
        assert orb is not None
        assert set(orb.jobs) == set(release["jobs"])
        assert set(orb.executors) == set(release["executors"])
        for executor in orb.executors.values():
            where = (executor.docker, executor.machine, executor.macos)
            assert any(place is not None for place in where), executor.name


@pytest.mark.parametrize(
    ("version", "takes_executor"), [("5.0.0", False), ("6", False), ("7.1", True), ("7.2.1", True)]
)
def test_a_version_is_described_by_the_release_it_means(version: str, takes_executor: bool) -> None:
    orb = published_orb("circleci/node", version)
    assert orb is not None
    assert ("executor" in orb.jobs["test"].parameters) is takes_executor


@pytest.mark.parametrize("version", ["99", "dev:first", "<< pipeline.parameters.version >>", ""])
def test_a_version_that_was_not_read_is_not_known(version: str) -> None:
    assert published_orb("circleci/node", version) is None


@pytest.mark.parametrize("name", ["acme/own", "circleci/../node", "node", ""])
def test_an_orb_that_was_not_read_is_not_known(name: str) -> None:
    assert published_orb(name, "1") is None
