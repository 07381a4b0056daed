"""Edits: spans of a text and their replacements. The only module that cuts strings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

from cci_migrate.lossless.source import Span


class EditConflictError(ValueError):
    """Two edits touch the same characters."""


class Edit(Struct, frozen=True):
    """Replace the characters of ``span``, which are ``removed``, by ``text``.

    ``removed`` makes an edit reversible: see `undo_edits`.
    """

    span: Span
    removed: str
    text: str


def insertion(at: int, text: str) -> Edit:
    """An edit that inserts ``text`` at the offset ``at``."""
    return Edit(Span(at, at), "", text)


def replacement(text: str, start: int, end: int, new: str) -> Edit:
    """An edit that replaces ``text[start:end]`` by ``new``."""
    return Edit(Span(start, end), text[start:end], new)


def in_order(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """``edits`` sorted by position; edits at the same position keep their order.

    Raises EditConflictError if two overlap.
    """
    ordered = tuple(sorted(edits, key=lambda edit: edit.span))
    for first, second in pairwise(ordered):
        if second.span.start < first.span.end:
            raise EditConflictError(
                f"two edits overlap at {second.span.start}: {first.text!r} and {second.text!r}"
            )
    return ordered


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with all ``edits`` applied.

    Raises EditConflictError if two overlap, or if ``text`` differs from what an edit removes.
    """
    parts: list[str] = []
    done = 0
    for edit in in_order(edits):
        start, end = edit.span.start, edit.span.end
        if text[start:end] != edit.removed or end > len(text):
            raise EditConflictError(f"an edit does not fit the text at {start}")
        parts.append(text[done:start])
        parts.append(edit.text)
        done = end
    parts.append(text[done:])
    return "".join(parts)


def undo_edits(text: str, edits: Iterable[Edit]) -> str | None:
    """The text before ``edits`` made it ``text``; None if ``text`` is not their result.

    Works from the end of the text to its start, and so shares nothing with `apply_edits`.
    """
    ordered = sorted(edits, key=lambda edit: edit.span)
    shift = sum(len(edit.text) - len(edit.removed) for edit in ordered)
    parts: list[str] = []
    rest = len(text)
    for edit in reversed(ordered):
        shift -= len(edit.text) - len(edit.removed)
        start = edit.span.start + shift
        end = start + len(edit.text)
        if text[start:end] != edit.text or end > rest:
            return None
        parts += (text[end:rest], edit.removed)
        rest = start
    parts.append(text[:rest])
    return "".join(reversed(parts))


def with_none_behind_the_last_line(text: str, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits that change ``text`` as ``edits`` do, with no insertion behind its last line break.

    Lines that are appended begin with that line break instead of ending with one. Neovim adds an
    empty line where a server inserts text behind the last line (0.11, ``apply_text_edits`` in
    https://github.com/neovim/neovim/blob/master/runtime/lua/vim/lsp/util.lua).
    """
    ordered = in_order(edits)
    before = [edit for edit in ordered if edit.span.start < len(text)]
    appended = "".join(edit.text for edit in ordered[len(before) :])
    line_break = next((end for end in ("\r\n", "\n", "\r") if text.endswith(end)), "")
    at = len(text) - len(line_break)
    if not line_break or not appended.endswith(line_break) or (before and before[-1].span.end > at):
        return ordered
    moved = insertion(at, line_break + appended.removesuffix(line_break))
    while before and before[-1].span.end == at:
        last = before.pop()
        moved = Edit(Span(last.span.start, at), last.removed, last.text + moved.text)
    return (*before, moved)
