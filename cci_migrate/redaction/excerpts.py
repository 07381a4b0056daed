"""A line of a config to show beside a message, with its secrets withheld. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.source import SourceText, Span
from cci_migrate.redaction.redaction import WITHHELD, Redaction
from cci_migrate.redaction.secret_names import names_a_secret

#: Of a longer line (JSON on one line, say) there is no excerpt.
_LONGEST = 1000

#: How many lines above one are near it, and how far up a line may be that it is nested in.
_NEAR = 3
_FURTHEST = 200
_WORD = lazy_pattern(r"[\w.\-]+")


class Excerpt(Struct, frozen=True):
    """Line number ``line`` of a file. The place is ``text[start:end]``, which may be empty."""

    line: int
    text: str
    start: int
    end: int


def excerpt_of(source: SourceText, span: Span, redaction: Redaction) -> Excerpt | None:
    """The line where ``span`` starts; None if it is too long to show."""
    start, end = source.line_start(span.start), source.line_end(span.start)
    if end - start > _LONGEST:
        return None
    line = source.text[start:end]
    withheld = redaction.withheld_in(line)
    return Excerpt(
        source.position(span.start).line,
        redaction.line(line),
        _moved(span.start - start, withheld),
        _moved(min(span.end, end) - start, withheld, is_end=True),
    )


def excerpt_of_unparsed(source: SourceText, offset: int) -> Excerpt | None:
    """The line of ``offset`` in a file that cannot be parsed, so that its secrets are not known.

    None if it is empty, or if it mentions a secret, or one shortly above it or that it is nested in
    does: only a parser can say where a value ends.
    """
    excerpt = excerpt_of(source, Span(offset, offset), Redaction())
    if excerpt is None or not excerpt.text.strip() or WITHHELD in excerpt.text:
        return None
    indentation = _indentation(excerpt.text)
    for distance in range(min(excerpt.line, _FURTHEST)):
        span = source.line_span(excerpt.line - distance)
        line = source.text[span.start : span.end]
        is_outer = bool(line.strip()) and _indentation(line) < indentation
        if is_outer or distance <= _NEAR:
            indentation = min(indentation, _indentation(line)) if line.strip() else indentation
            if len(line) > _LONGEST or any(map(_mentions_secret, _WORD.findall(line))):
                return None
    is_certain = indentation == 0 or excerpt.line <= _FURTHEST
    return excerpt if is_certain else None


def _mentions_secret(word: str) -> bool:
    return word == "login" or names_a_secret(word)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _moved(offset: int, withheld: Sequence[Span], *, is_end: bool = False) -> int:
    """Where ``offset`` of a line is once ``withheld`` is replaced."""
    moved = offset
    for span in withheld:
        if span.end <= offset:
            moved += len(WITHHELD) - (span.end - span.start)
        elif span.start < offset:
            # Within a secret: to its start, or to its end.
            moved += span.start - offset + (len(WITHHELD) if is_end else 0)
    return moved
