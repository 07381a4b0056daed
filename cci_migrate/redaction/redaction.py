"""Text of a config, or about one, with the secrets taken out of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.source import Span
from cci_migrate.redaction.secret_names import is_known_to_everybody
from cci_migrate.redaction.secret_text import secrets_in_line, secrets_in_prose

WITHHELD = "[withheld]"

#: A shorter secret, or one that is a word of everybody's, is withheld in the lines where its key
#: says what it is: in every other place it would be an ordinary word.
_SHORTEST = 4


class Redaction(Struct, frozen=True, dict=True):
    """Withholds secrets: the ``known`` ones of a config, and what is written as one.

    Only the secret goes; the rest of the text stays as it is, its lines as well.
    """

    known: frozenset[str] = frozenset()

    __repr__ = repr_without("known")

    def line(self, line: str) -> str:
        """``line`` of the config with `WITHHELD` for each secret."""
        return self._without(line, secrets_in_line(line))

    def prose(self, text: str) -> str:
        """``text``, sentences of ours, with `WITHHELD` for each secret."""
        return self._without(text, secrets_in_prose(text))

    @cached_property
    def _words(self) -> tuple[str, ...]:
        """The known secrets that may be withheld anywhere. One may begin with another."""
        words = (one for one in self.known if len(one) >= _SHORTEST)
        words = (word for word in words if not is_known_to_everybody(word))
        return tuple(sorted(words, key=lambda word: (-len(word), word)))

    def _without(self, text: str, written: Iterable[Span]) -> str:
        spans = list(written)
        for word in self._words:
            if word in text:
                pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
                spans += (Span(*match.span()) for match in re.finditer(pattern, text))
        parts: list[str] = []
        end = 0
        for span in sorted(spans):
            if span.start >= end and span.end > span.start:
                parts += (text[end : span.start], WITHHELD)
            end = max(end, span.end)
        return "".join((*parts, text[end:]))


def redaction_of(secrets: Iterable[str]) -> Redaction:
    """How to show a config with ``secrets`` in it."""
    return Redaction(frozenset(secret for secret in secrets if secret))
