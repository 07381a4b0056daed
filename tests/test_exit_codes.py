"""The exit code follows from the outcomes, and from nothing else."""

from __future__ import annotations

import pytest

from cci_migrate.engine.outcomes import Cause, Failed, NotAConfig, Outcome, Refused
from cci_migrate.reports.report import Mode, Report, Result
from tests.processing import examined

HEAD = "version: 2.1\njobs:\n  a:\n    docker:\n"


CLEAN = examined(f"{HEAD}      - image: quay.io/a/b:1\n")
FIXED = examined(f"{HEAD}      - image: cimg/base:2024.01\n")
LEFT = examined(f"{HEAD}      - image: $IMAGE\n")
REFUSED = Refused(("a",), Cause.GENERATED, "generated")
FAILED = Failed(("a",), "unreadable")
OTHER = NotAConfig(("a",), "something else")


@pytest.mark.parametrize(
    ("outcomes", "written", "not_written"),
    [
        ([], 0, 0),
        ([CLEAN, OTHER], 0, 0),
        ([FIXED], 0, 1),
        ([LEFT], 1, 1),
        ([CLEAN, REFUSED], 1, 1),
        ([FAILED, LEFT], 3, 3),
        ([FIXED, FAILED], 3, 3),
    ],
)
def test_exit_codes(outcomes: list[Outcome], written: int, not_written: int) -> None:
    results = tuple(Result("", outcome) for outcome in outcomes)
    assert Report(Mode.WRITE, results).exit_code == written
    assert Report(Mode.CHECK, results).exit_code == not_written
    assert Report(Mode.DRY_RUN, results).exit_code == not_written
