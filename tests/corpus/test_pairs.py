"""What the tool makes of real configs beside what their maintainers made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pairs import compare, unjudged
from tools.shared_data import pairs

pytestmark = pytest.mark.corpus


def test_every_difference_has_a_cause_that_was_judged(reference: Path) -> None:
    comparisons = [compare(pair) for pair in pairs(reference)]
    assert len(comparisons) > 0
    assert unjudged(comparisons) == []
