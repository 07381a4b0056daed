"""What several threads do that meet the limit of a host."""

from __future__ import annotations

import io
import time

import pytest

from cci_migrate.preflight.parallel_queries import in_parallel
from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.transport.pace import DEFAULT_PACE_LIMITS, Lane
from cci_migrate.transport.progress import Lines
from cci_migrate.transport.write_record import WriteRecord
from tests.batch.clocks import QuickClock


def test_one_pause_is_announced_once() -> None:
    stream = io.StringIO()
    record = WriteRecord.in_memory()
    clock = QuickClock()
    lane = Lane("circleci", record, DEFAULT_PACE_LIMITS, clock, 0.0, Lines(stream))
    begin = clock.now()
    for later in (90.0, 90.2, 90.1):
        lane.pause_until(begin + later)
        lane.wait_out()
    assert stream.getvalue().count("waiting until") == 1
    assert 90 < sum(clock.slept) < 91
    record.close()


def test_what_is_raised_ends_all() -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        time.sleep(0.01)
        raise HostUnavailable("no more")

    with pytest.raises(HostUnavailable):
        in_parallel(ask, range(1000))
    assert len(asked) < 1000
    assert in_parallel(str, [3, 1, 3]) == {3: "3", 1: "1"}
