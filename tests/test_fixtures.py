"""Every case of ``tests/fixtures``: what is found, what is changed, and that once is enough."""

from __future__ import annotations

import pytest

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
