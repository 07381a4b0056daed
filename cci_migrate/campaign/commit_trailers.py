"""Adds trailers to a commit message, as `git interpret-trailers` does.

https://git-scm.com/docs/git-interpret-trailers
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRAILER = re.compile(r"[A-Za-z0-9-]+[ \t]*:|\(cherry picked from commit |[ \t]")


def with_trailers(message: str, trailers: Iterable[str]) -> str:
    """``message`` with ``trailers``, lines that join the trailers at its end if it has some.

    A line that is there already is not repeated.
    """
    text = message.rstrip()
    _, _, body = text.partition("\n\n")
    last_paragraph = body.rpartition("\n\n")[2].splitlines()
    has_trailers = bool(last_paragraph) and all(map(_TRAILER.match, last_paragraph))
    existing = last_paragraph if has_trailers else []
    added = [line for line in dict.fromkeys(trailers) if line not in existing]
    joint = "\n" if has_trailers else "\n\n"
    return f"{text}{joint if added else ''}" + "\n".join(added) + "\n"
