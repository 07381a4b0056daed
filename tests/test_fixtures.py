"""Every case of ``tests/fixtures``: what is found, what is changed, and that once is enough."""

from __future__ import annotations

import pytest

from cci_migrate.assessing import known_contexts
from cci_migrate.circleci.config import Config
from tests.fixture_cases import Case, cases, changed, described, left, run

CASES = [pytest.param(case, id=case.name) for case in cases()]


@pytest.mark.parametrize("case", CASES)
def test_fixture(case: Case) -> None:
    before = case.before
    outcomes = run(case, before)
    after = changed(before, outcomes)
    for path, data in case.after.items():
        assert after[path].decode() == data.decode(), path
    assert after.keys() == case.after.keys()
    assert described(case.rules, outcomes) == case.findings
    again = run(case, after)
    assert changed(after, again) == after
    assert left(again) <= left(outcomes)


@pytest.mark.parametrize("case", CASES)
def test_looking_only_and_everywhere_finds_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the document lacks the key that something needs, which ends a search at once."""
    monkeypatch.setattr(Config, "has_key", lambda *_: True)
    assert described(case.rules, run(case, case.before, only_find=True)) == case.findings


@pytest.mark.parametrize("case", CASES)
def test_who_reads_variables_is_found_the_same_for_few_and_for_many(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_contexts, "_FEW", -1)
    outcomes = run(case, case.before)
    assert described(case.rules, outcomes) == case.findings
    assert changed(case.before, outcomes) == case.after
