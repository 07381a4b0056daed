"""A recorded session of a terminal, as an asciicast and as an SVG that moves.

asciicast v2: https://docs.asciinema.org/manual/asciicast/v2/. The SVG is a strip of frames behind a
window; CSS moves it, so nothing is fetched or run, and it stands still for those who ask for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from io import StringIO

from msgspec import Struct
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

_CELL, _LINE, _MARGIN, _BAR = 8.4, 19, 14, 30
_BACKGROUND, _FOREGROUND = "#0c1017", "#d5d8dc"
#: Of the colours that a terminal's user chooses: red, green, yellow, blue, magenta, cyan.
_COLOURS = ("", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "")


class Frame(Struct, frozen=True):
    """All lines that were printed so far, with their colours, and for how long nothing changes."""

    rows: tuple[str, ...]
    seconds: float


class Size(Struct, frozen=True):
    """The size of a terminal."""

    columns: int
    rows: int


def asciicast(frames: Sequence[Frame], size: Size, title: str) -> str:
    """The frames as an asciicast v2."""
    header = {"version": 2, "width": size.columns, "height": size.rows, "title": title}
    lines = [json.dumps(header)]
    at = 0.0
    before: tuple[str, ...] = ("",)
    for frame in frames:
        lines.append(json.dumps([round(at, 3), "o", _redrawn(before, frame.rows)]))
        at += frame.seconds
        before = frame.rows
    lines.append(json.dumps([round(at, 3), "o", "\r\n"]))
    return "\n".join(lines) + "\n"


def _redrawn(before: Sequence[str], after: Sequence[str]) -> str:
    """What turns ``before``, with the cursor at its end, into ``after``."""
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    if same == len(before):
        return "".join(f"\r\n{row}" for row in after[same:])
    up = len(before) - 1 - same
    return (f"\x1b[{up}A" if up else "") + "\r\x1b[J" + "\r\n".join(after[same:])


def moving_svg(frames: Sequence[Frame], size: Size, title: str, still: int) -> str:
    """The frames as an SVG that moves. ``still`` is the frame for those who want no motion."""
    width = size.columns * _CELL + 2 * _MARGIN
    height = size.rows * _LINE
    whole = height + _BAR + 2 * _MARGIN
    numbers: dict[str, int] = {}
    strip = []
    for number, frame in enumerate(frames):
        for at, row in enumerate(frame.rows[-size.rows :]):
            if row:
                line = numbers.setdefault(row, len(numbers))
                y = number * height + at * _LINE
                strip.append(f'<use href="#l{line}" y="{y}"/>')
    seconds = sum(frame.seconds for frame in frames)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {whole:g}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{_css(frames, height, seconds, still)}</style>",
        f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>',
        *(
            f'<circle cx="{20 + 18 * place}" cy="17" r="5.5" fill="{colour}"/>'
            for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        ),
        f'<text class="t" x="50%" y="22" text-anchor="middle">{escape(title)}</text>',
        f'<rect class="bar" y="{whole - 3:g}" width="100%" height="3" fill="#2dd4bf"/>',
        "<defs>",
        *(f'<g id="l{number}">{_text(row)}</g>' for row, number in numbers.items()),
        "</defs>",
        f'<svg x="{_MARGIN}" y="{_BAR + _MARGIN}" width="{width - _MARGIN:g}" height="{height}">',
        '<g class="film">',
        *strip,
        "</g>",
        "</svg>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _css(frames: Sequence[Frame], height: int, seconds: float, still: int) -> str:
    at = 0.0
    steps = []
    for number, frame in enumerate(frames):
        steps.append(f"{100 * at / seconds:.3f}%{{transform:translateY({-number * height}px)}}")
        at += frame.seconds
    stands = f".film{{animation:none;transform:translateY({-still * height}px)}}"
    return (
        f"text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"fill:{_FOREGROUND};white-space:pre}}.t{{font-size:13px;opacity:.7}}"
        f".b{{font-weight:bold}}.d{{opacity:.6}}"
        f".film{{animation:film {seconds:g}s step-end infinite}}"
        f".bar{{animation:bar {seconds:g}s linear infinite}}"
        f"@keyframes film{{{''.join(steps)}}}"
        "@keyframes bar{from{transform:scaleX(0)}to{transform:scaleX(1)}}"
        f"@media(prefers-reduced-motion:reduce){{{stands}.bar{{display:none}}}}"
    )


def _text(row: str) -> str:
    """The words of a line, each stretched to the cells that it takes, whatever the font is."""
    return "".join(_spans(row))


def _spans(row: str) -> Iterator[str]:
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=500)
    column = 0
    for segment in Text.from_ansi(row).render(console):
        text = segment.text.rstrip("\n")
        start = len(text) - len(text.lstrip(" "))
        shown = text.strip(" ")
        if shown:
            x, length = (column + start) * _CELL, len(shown) * _CELL
            yield (
                f'<text x="{x:.1f}" y="14" textLength="{length:.1f}"{_look(segment)}>'
                f"{escape(shown, quote=False)}</text>"
            )
        column += len(text)


def _look(segment: Segment) -> str:
    style = segment.style or Style()
    classes = [name for name, is_on in (("b", style.bold), ("d", style.dim)) if is_on]
    look = f' class="{" ".join(classes)}"' if classes else ""
    if style.color is None or style.color.is_default:
        return look
    number = style.color.number
    own = _COLOURS[number] if number is not None and number < len(_COLOURS) else ""
    return f'{look} style="fill:{own or style.color.get_truecolor(MONOKAI).hex}"'
