r"""A unified diff that ``git apply`` takes and that gives the same bytes.

It works on bytes and splits at ``\n`` only: whatever else ends a line for YAML, a carriage return
included, stays inside the line, as it does in git's own diffs
(https://git-scm.com/docs/diff-format, https://git-scm.com/docs/git-apply).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from msgspec import Struct

_NO_NEWLINE = b"\\ No newline at end of file\n"

#: How many lines must agree for two texts to count as being in step again.
_IN_STEP = 3
#: How far to look for that, in lines skipped on both sides together.
_NEAR = 60
#: Gaps up to this many lines on both sides together are looked at line by line.
_SMALL_GAP = 400

#: What git writes for a byte of a name after a backslash (``quote.c`` in git's source).
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


class _Gap(Struct, frozen=True):
    """Lines ``a_start:a_end`` of the old text that are lines ``b_start:b_end`` of the new one."""

    a_start: int
    a_end: int
    b_start: int
    b_end: int


def unified_diff(
    path: str,
    before: bytes,
    after: bytes,
    context: int = 3,
    shown: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """The change of ``before`` to ``after`` in the file ``path``; empty when they are the same.

    ``path`` is relative to the folder that ``git apply`` will run in, with forward slashes.
    ``shown`` gives what is shown of a line, which is not the last of its file if it ends in a line
    feed. A line of context that must not be shown as it is is left out where git can do without.
    Takes linear time, but for the lines around each place of change.
    """
    if before == after:
        return b""
    a, b = _lines(before), _lines(after)
    old, new = _quoted("a/" + path), _quoted("b/" + path)
    out = [f"diff --git {old} {new}\n", f"--- {_ended(old)}\n", f"+++ {_ended(new)}\n"]
    return "".join(out).encode() + b"".join(_hunks(a, b, context, shown))


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _quoted(name: str) -> str:
    """``name`` as git writes it: in quotes, with escapes, if it has odd bytes."""
    data = name.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in _ESCAPES for byte in data):
        return name
    return '"' + "".join(_escaped(byte) for byte in data) + '"'


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return "\\" + _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _ended(name: str) -> str:
    """``name`` with the tab that tells git where a name with a space in it ends."""
    return name + "\t" if " " in name else name


def _hunks(
    a: list[bytes], b: list[bytes], context: int, shown: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    hunk: list[_Gap] = []
    lead = 0
    for gap in _gaps(a, b):
        between = a[hunk[-1].a_end : gap.a_start] if hunk else []
        if hunk and (len(between) > 2 * context or _can_be_parted(between, shown)):
            yield from _hunk(a, b, hunk, lead, context, shown)
            hunk = []
        if not hunk:
            lead = _plain_count(a[max(0, gap.a_start - context) : gap.a_start][::-1], shown)
        hunk.append(gap)
    if hunk:
        yield from _hunk(a, b, hunk, lead, context, shown)


def _plain_count(lines: Sequence[bytes], shown: Callable[[bytes], bytes]) -> int:
    """How many of ``lines``, from the first, are shown as they are."""
    return next((at for at, line in enumerate(lines) if shown(line) != line), len(lines))


def _can_be_parted(between: Sequence[bytes], shown: Callable[[bytes], bytes]) -> bool:
    """Whether a hunk can end in ``between``, so that what must not be shown there is left out."""
    return 0 < _plain_count(between, shown) < len(between)


def _hunk(
    a: list[bytes],
    b: list[bytes],
    gaps: list[_Gap],
    lead: int,
    context: int,
    shown: Callable[[bytes], bytes],
) -> Iterator[bytes]:
    first, last = gaps[0], gaps[-1]
    trail = min(context, len(a) - last.a_end)
    # A hunk without lines at its end is one at the end of the file, to git.
    trail = _plain_count(a[last.a_end : last.a_end + trail], shown) or trail
    if first.a_start + trail == last.a_end:
        # An insertion must hang on to something.
        lead = lead or min(context, first.a_start)
    a_start, b_start = first.a_start - lead, first.b_start - lead
    a_count = last.a_end + trail - a_start
    b_count = last.b_end + trail - b_start
    yield f"@@ -{_range(a_start, a_count)} +{_range(b_start, b_count)} @@\n".encode()
    done = a_start
    for gap in gaps:
        yield from (_line(b" ", shown(line)) for line in a[done : gap.a_start])
        yield from (_line(b"-", shown(line)) for line in a[gap.a_start : gap.a_end])
        yield from (_line(b"+", shown(line)) for line in b[gap.b_start : gap.b_end])
        done = gap.a_end
    yield from (_line(b" ", shown(line)) for line in a[done : last.a_end + trail])


def _range(start: int, count: int) -> str:
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _line(sign: bytes, line: bytes) -> bytes:
    return sign + line if line.endswith(b"\n") else sign + line + b"\n" + _NO_NEWLINE


def _gaps(a: list[bytes], b: list[bytes]) -> Iterator[_Gap]:
    """Where ``a`` and ``b`` differ, in order. What lies between two gaps is the same in both."""
    i = j = 0
    while True:
        while i < len(a) and j < len(b) and a[i] == b[j]:
            i, j = i + 1, j + 1
        if i == len(a) and j == len(b):
            return
        skip_a, skip_b = _way_to_agreement(a, b, i, j)
        yield from _refined(a, b, _Gap(i, i + skip_a, j, j + skip_b))
        i, j = i + skip_a, j + skip_b


def _way_to_agreement(a: list[bytes], b: list[bytes], i: int, j: int) -> tuple[int, int]:
    """How many lines to skip in ``a`` from ``i`` and in ``b`` from ``j`` to be in step again."""
    rest_a, rest_b = len(a) - i, len(b) - j
    for total in range(1, _NEAR + 1):
        for skip_a in range(max(0, total - rest_b), min(total, rest_a) + 1):
            if _in_step(a, b, i + skip_a, j + total - skip_a):
                return skip_a, total - skip_a
    # Far apart: one long insertion or deletion, or else the rest is another text.
    for skip in range(_NEAR + 1, max(rest_a, rest_b) + 1):
        if skip <= rest_b and _in_step(a, b, i, j + skip):
            return 0, skip
        if skip <= rest_a and _in_step(a, b, i + skip, j):
            return skip, 0
    return rest_a, rest_b


def _in_step(a: list[bytes], b: list[bytes], i: int, j: int) -> bool:
    return a[i : i + _IN_STEP] == b[j : j + _IN_STEP]


def _refined(a: list[bytes], b: list[bytes], gap: _Gap) -> Iterator[_Gap]:
    """``gap`` without the lines inside it that are the same on both sides."""
    old, new = a[gap.a_start : gap.a_end], b[gap.b_start : gap.b_end]
    if not old or not new or len(old) + len(new) > _SMALL_GAP:
        yield gap
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        if tag != "equal":
            yield _Gap(
                gap.a_start + a_start,
                gap.a_start + a_end,
                gap.b_start + b_start,
                gap.b_start + b_end,
            )
