"""Files from answers of code hosts: exact bytes, within the limit for all of a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cci_migrate.bounds.limits import total_problem
from cci_migrate.transport.host_errors import HostError


def exact_bytes(text: str | None, oid: str) -> bytes | None:
    """The bytes of the blob ``oid``, if ``text`` is exactly its content; else None.

    Hosts decode and truncate texts. ``oid``, git's hash of the bytes, shows whether they did.
    """
    if text is None:
        return None
    data = text.encode("utf-8", "surrogatepass")
    hashed = b"blob %d\0%b" % (len(data), data)
    # The name that git gives a blob, not a matter of security.
    name = hashlib.sha256(hashed) if len(oid) == 64 else hashlib.sha1(hashed, usedforsecurity=False)
    return data if name.hexdigest() == oid else None


def contents_within_limit(files: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """``files`` by path. Raises HostError once their total size exceeds the limit.

    They are read one after the other, so that no more is fetched than the limit allows.
    """
    contents: dict[str, bytes] = {}
    size = 0
    for path, data in files:
        size += len(data)
        if problem := total_problem(size):
            raise HostError(problem)
        contents[path] = data
    return contents
