"""Regular expressions that are compiled when they are first used.

A run uses a quarter of those of the modules that it imports, and compiling the others takes a
seventh of the time in which a small config is checked.
"""

from __future__ import annotations

import re
from typing import cast

_METHODS = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")


def lazy_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """``re.compile(text, flags)``, but an error in ``text`` shows at the first use only."""
    # What it has of a `re.Pattern` is all that the code of this package uses.
    return cast("re.Pattern[str]", _LazyPattern(text, flags))


class _LazyPattern:
    """Compiles itself when it is asked for a method, which from then on is its own attribute."""

    def __init__(self, text: str, flags: int) -> None:
        self.pattern = text
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(self.pattern, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
