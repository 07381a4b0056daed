"""The strongest checks over invented repositories, for whoever has no corpus."""

from __future__ import annotations

from random import Random

import pytest

from cci_migrate.engine.outcomes import Cause, Examined, Outcome, Refused
from cci_migrate.findings import (
    Answer,
    Apply,
    Decision,
    Decisions,
    Finding,
    FindingState,
    Fix,
    Question,
    Skip,
    Suppress,
)
from cci_migrate.policy.settings import Policy
from tests.fixture_cases import changed
from tests.oracle.config_schema import ConfigSchema
from tests.processing import process_repository
from tests.published_schemas import published_schema
from tests.samples import NAMES, configs_of, each_sample, files_of
from tools.corpus import Tally, check_repository

#: Ways through the questions of each repository.
SESSIONS = 4


@pytest.fixture(scope="module")
def schema() -> ConfigSchema:
    return ConfigSchema(published_schema("circleciconfig"))


def judged(sample: str, schema: ConfigSchema) -> Tally:
    files = files_of(sample)
    return check_repository(files, {path: path for path in files}, schema)


@each_sample
def test_a_repository_gets_what_it_lacks_and_nothing_else(
    sample: str, schema: ConfigSchema
) -> None:
    tally = judged(sample, schema)
    assert tally.numbers["files"] == len(files_of(sample)) > 0
    assert tally.shortfalls == ()


def test_most_of_the_repositories_are_changed() -> None:
    runs = [process_repository(configs_of(sample), Policy()) for sample in NAMES]
    changes = [
        any(isinstance(outcome, Examined) and outcome.change for outcome in run) for run in runs
    ]
    assert sum(changes) > len(NAMES) * 0.6


def possible_decisions(finding: Finding) -> list[Decision]:
    """What a person may answer to ``finding``."""
    decisions: list[Decision] = [Skip(), Suppress("ours")]
    if isinstance(finding.remedy, Question):
        decisions += [Answer(choice.key) for choice in finding.remedy.choices]
    elif isinstance(finding.remedy, Fix):
        decisions += [Apply(), Apply()]
    return decisions


def examined(outcomes: tuple[Outcome, ...]) -> list[Examined]:
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert not [outcome for outcome in refused if outcome.cause is Cause.NOT_PROVEN]
    return [outcome for outcome in outcomes if isinstance(outcome, Examined)]


@each_sample
def test_whatever_is_answered_is_proven_and_done(sample: str) -> None:
    files = configs_of(sample)
    findings = [
        settled.finding
        for outcome in examined(process_repository(files, Policy(), read=files_of(sample).get))
        for settled in outcome.resolutions
    ]
    chance = Random(sample)  # noqa: S311 - not a secret
    for _ in range(SESSIONS if findings else 0):
        by_key = {finding.key: chance.choice(possible_decisions(finding)) for finding in findings}
        decisions = Decisions(Skip(), by_key)
        outcomes = process_repository(files, Policy(), decisions, files_of(sample).get)
        fixed = set()
        for outcome in examined(outcomes):
            for settled in outcome.resolutions:
                decision = by_key.get(settled.finding.key, Skip())
                if settled.state is FindingState.FIXED:
                    fixed.add(settled.finding.key)
                    assert isinstance(decision, Apply | Answer), settled
                if isinstance(decision, Suppress) and isinstance(settled.finding.remedy, Fix):
                    assert settled.state is FindingState.SUPPRESSED, settled
        suppressed = [decision for decision in by_key.values() if isinstance(decision, Suppress)]
        if not fixed and not suppressed:
            assert changed(files, outcomes) == files
