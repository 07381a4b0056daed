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
    return data if blob_id(data, oid) == oid else None


def blob_id(data: bytes, like: str) -> str:
    """The id that git gives a blob with ``data``, by the hash with which ``like`` was made.

    https://git-scm.com/docs/hash-function-transition: of 64 digits it is SHA-256.
    """
    hashed = b"blob %d\0%b" % (len(data), data)
    if len(like) == 64:
        return hashlib.sha256(hashed).hexdigest()
    return hashlib.sha1(hashed, usedforsecurity=False).hexdigest()


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
