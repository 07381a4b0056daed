"""What the tool makes of real configs beside what their maintainers made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pairs import PAGE, Comparison, compare, page, unjudged
from tools.shared_data import pairs

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def comparisons(reference: Path) -> list[Comparison]:
    return [compare(pair) for pair in pairs(reference)]


def test_every_difference_has_a_cause_that_was_judged(comparisons: list[Comparison]) -> None:
    assert len(comparisons) > 0
    assert unjudged(comparisons) == []


def test_the_page_is_current(comparisons: list[Comparison]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(comparisons), "run `make pairs`"
