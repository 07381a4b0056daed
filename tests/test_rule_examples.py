"""The examples in the rules' manual pages are true."""

from __future__ import annotations

import pytest

from cci_migrate.findings import FindingState
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.page import rule_page
from cci_migrate.rules.rule import Example, Fixed, Reported, Rule, Unchanged
from tests.processing import examined, text_after

CASES = [
    pytest.param(rule, example, id=f"{rule.id}: {example.title}")
    for rule in RULES
    for example in rule.examples
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule: Rule, example: Example) -> None:
    text = example.before if isinstance(example, Fixed) else example.text
    outcome = examined(text, example.policy)
    states = [
        resolution.state for resolution in outcome.resolutions if resolution.finding.rule == rule.id
    ]
    if isinstance(example, Fixed):
        assert FindingState.FIXED in states
        assert text_after(outcome) == example.after
        again = examined(example.after, example.policy)
        assert rule.id not in {resolution.finding.rule for resolution in again.resolutions}
    else:
        assert FindingState.LEFT in states if isinstance(example, Reported) else states == []
        assert outcome.change is None


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
