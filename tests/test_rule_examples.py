"""The examples in the rules' manual pages are true."""

from __future__ import annotations

import pytest

from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import FindingState
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.page import rule_page
from cci_migrate.rules.rule import Example, Fixed, Rule, Unchanged
from tests.processing import process

PATH = ".circleci/config.yml"
CASES = [
    pytest.param(rule, example, id=f"{rule.id}: {example.title}")
    for rule in RULES
    for example in rule.examples
]


def examine(text: str, example: Example) -> Examined:
    outcome = process({PATH: text.encode()}, example.policy)
    assert isinstance(outcome, Examined), outcome
    return outcome


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule: Rule, example: Example) -> None:
    outcome = examine(example.before if isinstance(example, Fixed) else example.text, example)
    states = [
        resolution.state for resolution in outcome.resolutions if resolution.finding.rule == rule.id
    ]
    after = None if outcome.change is None else outcome.change.files[0].after.decode()
    if isinstance(example, Unchanged):
        assert states == []
        assert after is None
    elif isinstance(example, Fixed):
        assert FindingState.FIXED in states
        assert after == example.after
        again = examine(example.after, example)
        assert [
            resolution for resolution in again.resolutions if resolution.finding.rule == rule.id
        ] == []
    else:
        assert FindingState.LEFT in states
        assert after is None


def test_every_rule_has_a_manual_and_an_example_with_a_finding() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert "## " in rule.manual
        assert any(not isinstance(example, Unchanged) for example in rule.examples), rule.id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_page_has_the_same_parts(rule: Rule) -> None:
    page = rule_page(rule)
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    parts = [
        "What it finds",
        "Why it matters",
        "The fix",
        "When to ignore it",
        "References",
        "Examples",
    ]
    assert headings == [f"## {part}" for part in parts]
    assert "https://" in page.split("## References")[1].split("## Examples")[0]
