"""Whether the text that a GraphQL API shows of a file is exactly the file."""

from __future__ import annotations

import hashlib


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
