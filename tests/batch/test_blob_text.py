"""What is kept of the files that a code host shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.transport.host_errors import HostError


def test_reading_stops_once_one_repository_is_too_large() -> None:
    read = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(1000):
            read.append(number)
            yield f".circleci/{number}.yml", bytes(8 * 2**20)

    with pytest.raises(HostError, match="more than 64 MB"):
        contents_within_limit(files())
    assert len(read) == 9


def test_what_fits_is_kept() -> None:
    assert contents_within_limit([("a.yml", b"a"), ("b.yml", b"")]) == {"a.yml": b"a", "b.yml": b""}
