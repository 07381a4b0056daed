"""Questions to CircleCI that do not depend on each other, a few at a time.

CircleCI publishes no number of requests that it allows. It answers 429 with the time to wait, which
then holds for all threads (https://circleci.com/docs/guides/toolkit/api-developers-guide/).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from cci_migrate.transport.reading_pace import ReadLimits
from cci_migrate.transport.reading_threads import ReadingThreads

#: Below the 10 connections that the HTTP library keeps open to a host.
_THREADS = 8
#: CircleCI counts no time of answers.
READ_LIMITS = ReadLimits(_THREADS, math.inf)

_Subject = TypeVar("_Subject")
_Answer = TypeVar("_Answer")


def in_parallel(
    query: Callable[[_Subject], _Answer], subjects: Iterable[_Subject]
) -> Mapping[_Subject, _Answer]:
    """What ``query`` returns for each of ``subjects``; raises what it raises first."""
    different = list(dict.fromkeys(subjects))
    if len(different) < 2:
        return {subject: query(subject) for subject in different}
    threads = ReadingThreads(min(_THREADS, len(different)))
    try:
        return dict(zip(different, threads.in_order(query, different), strict=True))
    finally:
        threads.end()
