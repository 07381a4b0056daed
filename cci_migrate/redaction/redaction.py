"""Removes secrets from text of a config or about one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.source import Span
from cci_migrate.redaction.line_secrets import secrets_in_line, secrets_in_prose
from cci_migrate.redaction.secret_names import is_throwaway

WITHHELD = "[withheld]"

#: A shorter secret, like a throwaway one, is only withheld where its key identifies it: anywhere
#: else it would be an ordinary word.
_SHORTEST = 4

#: The characters of YAML's line breaks.
_BREAKS = "\r\n\x85\u2028\u2029"


class Redaction(Struct, frozen=True, dict=True):
    """Withholds the ``secrets`` of a config, and anything that looks like one.

    Replaces nothing but the secret: the rest of the text and its lines don't change. ``variables``
    are names that it reads credentials from: ``docker-password: P`` is none where ``$P`` is.
    """

    secrets: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    __repr__ = repr_without("secrets")

    @property
    def has_secrets(self) -> bool:
        """Whether one of the secrets is no throwaway."""
        return bool(self._withheld_anywhere)

    def line(self, line: str) -> str:
        """``line`` of the config with `WITHHELD` for each secret."""
        return self._without(line, self.withheld_in(line))

    def withheld_in(self, line: str) -> list[Span]:
        """What is withheld in ``line`` of the config: spans in it, in order and apart.

        A line for git may be several for YAML, which ends lines at a carriage return too.
        """
        return self._merged(line, _secrets_in_each(line.splitlines(keepends=True)))

    def prose(self, text: str) -> str:
        """``text``, a message of this program, with `WITHHELD` for each secret."""
        clean = self._clean_prose.get(text)
        if clean is None:
            clean = self._without(text, self._merged(text, secrets_in_prose(text)))
            self._clean_prose[text] = clean
        return clean

    @cached_property
    def _clean_prose(self) -> dict[str, str]:
        """What `prose` returned: findings have most of their texts in common."""
        return {}

    @cached_property
    def _withheld_anywhere(self) -> tuple[str, ...]:
        """The secrets to withhold anywhere; longer ones first, as one may begin with another."""
        secrets = (
            secret
            for secret in self.secrets
            if len(secret) >= _SHORTEST and not is_throwaway(secret)
        )
        return tuple(sorted(secrets, key=lambda secret: (-len(secret), secret)))

    def _merged(self, text: str, written: Iterable[Span]) -> list[Span]:
        spans = [span for span in written if text[span.start : span.end] not in self.variables]
        for secret in self._withheld_anywhere:
            if secret in text:
                pattern = rf"(?<!\w){re.escape(secret)}(?!\w)"
                spans += (Span(*match.span()) for match in re.finditer(pattern, text))
        merged: list[Span] = []
        for span in sorted(spans):
            if merged and span.start < merged[-1].end:
                merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
            elif span.end > span.start:
                merged.append(span)
        return merged

    @staticmethod
    def _without(text: str, withheld: Iterable[Span]) -> str:
        parts: list[str] = []
        end = 0
        for span in withheld:
            parts += (text[end : span.start], WITHHELD)
            end = span.end
        return "".join((*parts, text[end:]))


def _secrets_in_each(lines: Iterable[str]) -> Iterator[Span]:
    """The spans of secrets in ``lines``, as offsets in the text that they make."""
    start = 0
    for line in lines:
        for span in secrets_in_line(line.rstrip(_BREAKS)):
            yield Span(span.start + start, span.end + start)
        start += len(line)
