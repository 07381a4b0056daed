"""The pulls in steps that the tool finds in real configs, held against a person's reading."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined
from cci_migrate.policy.model import Policy
from tests.processing import process

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.corpus

PATH = ".circleci/config.yml"
VERDICTS: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = tomllib.loads(
    (Path(__file__).parent / "step_pull_verdicts.toml").read_text(encoding="utf-8")
)


def examined(data: bytes) -> Examined:
    outcome = process({PATH: data}, Policy(), explain=True)
    assert isinstance(outcome, Examined)
    return outcome


def step_pulls(outcome: Examined) -> dict[str, list[ExplainedPull]]:
    found: dict[str, list[ExplainedPull]] = defaultdict(list)
    for pull in outcome.pulls:
        if pull.daemon is not None:
            found[pull.job.removeprefix("job ")].append(pull)
    return found


#: What the reasons for not telling have in common, by what a person calls it.
CAUSES = {
    "loaded image": "docker load",
    "variable": "depends on an unknown value",
    "Compose file": "compose",
    "Dockerfile": "dockerfile",
}


def cause(reason: str) -> str:
    found = [name for name, words in CAUSES.items() if words in reason.lower()]
    return found[0] if found else reason


def verdict(pulls: list[ExplainedPull]) -> dict[str, list[str]]:
    by_registry: dict[str, set[Access]] = defaultdict(set)
    undecidable = {cause(pull.reason) for pull in pulls if pull.registry is None}
    for pull in pulls:
        if pull.registry is not None:
            by_registry[pull.registry].add(pull.access)
    logged_in = {host for host, seen in by_registry.items() if seen == {Access.AUTHENTICATED}}
    return {
        name: sorted(values)
        for name, values in (
            ("logged_in", logged_in),
            ("anonymous", by_registry.keys() - logged_in),
            ("undecidable", undecidable),
        )
        if values
    }


def test_enough_files_were_read() -> None:
    assert len(VERDICTS) >= 30


@pytest.mark.parametrize("name", VERDICTS)
def test_the_tool_sees_what_a_person_saw(corpus: Path, name: str) -> None:
    found = step_pulls(examined((corpus / name).read_bytes()))
    assert {job: verdict(pulls) for job, pulls in found.items()} == {
        job: {kind: sorted(values) for kind, values in kinds.items()}
        for job, kinds in VERDICTS[name].items()
    }


@pytest.mark.parametrize("name", VERDICTS)
def test_every_pull_from_docker_hub_has_a_login_after_the_fix(corpus: Path, name: str) -> None:
    before = examined((corpus / name).read_bytes())
    anonymous = {host for job in VERDICTS[name].values() for host in job.get("anonymous", ())}
    assert before.change is not None or DOCKER_HUB not in anonymous
    if before.change is None:
        return
    after = step_pulls(examined(before.change.files[0].after))
    hub = [pull for pulls in after.values() for pull in pulls if pull.registry == DOCKER_HUB]
    assert {pull.access for pull in hub} <= {Access.AUTHENTICATED}
    assert after.keys() == VERDICTS[name].keys()
