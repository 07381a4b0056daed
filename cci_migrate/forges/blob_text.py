"""The files that a code host shows of a repository: exactly, and not too many at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cci_migrate.bounds.config_sizes import total_problem
from cci_migrate.transport.host_errors import HostError


def exact_bytes(text: str | None, oid: str) -> bytes | None:
    """The file's bytes, None where ``text`` is not all of it or shows it otherwise.

    A host decodes and cuts text as it sees fit. Whether the text is what the bytes were is told
    by ``oid``, git's own hash of them.
    """
    if text is None:
        return None
    data = text.encode("utf-8", "surrogatepass")
    hashed = b"blob %d\0%b" % (len(data), data)
    # What git names a blob by, not a matter of security.
    name = hashlib.sha256(hashed) if len(oid) == 64 else hashlib.sha1(hashed, usedforsecurity=False)
    return data if name.hexdigest() == oid else None


def within_limit(files: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """``files`` by path, read one after the other.

    Raises HostError once they are too much in all.
    """
    kept: dict[str, bytes] = {}
    size = 0
    for path, data in files:
        size += len(data)
        if problem := total_problem(size):
            raise HostError(problem)
        kept[path] = data
    return kept
