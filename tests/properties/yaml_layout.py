"""YAML in two halves: what a document says, and how it is laid out.

The same tree can be written with any layout; the layout changes bytes, never data.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field
from typing_extensions import assert_never


class Word(Struct, frozen=True):
    """A scalar as it is written, quotes and all. ``anchor`` names it."""

    text: str
    anchor: str = ""


class Script(Struct, frozen=True):
    """A literal block scalar."""

    lines: tuple[str, ...]


class Ref(Struct, frozen=True):
    """An alias."""

    name: str


class Items(Struct, frozen=True):
    """A sequence; ``flow`` writes it in brackets."""

    items: tuple[Tree, ...]
    anchor: str = ""
    flow: bool = False


class Entries(Struct, frozen=True):
    """A mapping; ``flow`` writes it in braces."""

    entries: tuple[tuple[str, Tree], ...]
    anchor: str = ""
    flow: bool = False


Tree = Word | Script | Ref | Items | Entries


def entries(*pairs: tuple[str, Tree | str], anchor: str = "", flow: bool = False) -> Entries:
    """A mapping; plain strings stand for words."""
    return Entries(
        tuple((key, Word(value) if isinstance(value, str) else value) for key, value in pairs),
        anchor,
        flow,
    )


def items(*values: Tree | str, anchor: str = "", flow: bool = False) -> Items:
    """A sequence; plain strings stand for words."""
    return Items(
        tuple(Word(value) if isinstance(value, str) else value for value in values), anchor, flow
    )


class Layout(Struct, frozen=True):
    """How a tree is written.

    ``noise`` decides, line by line and over again, what stands around the lines: see `_around`.
    """

    width: int = 2
    flush_items: bool = False
    dash: str = "- "
    eol: str = "\n"
    bom: bool = False
    document_start: bool = False
    final_break: bool = True
    noise: tuple[int, ...] = (0,)


class _Line(Struct, frozen=True):
    text: str
    #: Nothing may be put before it or at its end: it is inside a scalar.
    is_inside: bool = False


class _Writer(Struct):
    layout: Layout
    lines: list[_Line] = field(default_factory=list)

    def mapping(self, tree: Entries, column: int, first: str) -> None:
        """Write the entries at ``column``; ``first`` stands before the first one."""
        for key, value in tree.entries:
            self.value(f"{first or ' ' * column}{key}:", value, column)
            first = ""

    def value(self, lead: str, value: Tree, column: int) -> None:
        """Write ``value`` behind the key ``lead``, whose own column is ``column``."""
        if isinstance(value, Entries | Items) and not value.flow:
            anchor = f" &{value.anchor}" if value.anchor else ""
            self.lines.append(_Line(f"{lead}{anchor}"))
            if isinstance(value, Entries):
                self.mapping(value, column + self.layout.width, "")
            else:
                flush = self.layout.flush_items
                self.sequence(value, column if flush else column + self.layout.width)
        elif isinstance(value, Script):
            self.lines.append(_Line(f"{lead} |"))
            indent = " " * (column + self.layout.width)
            self.lines += [_Line(f"{indent}{line}", is_inside=True) for line in value.lines]
        else:
            self.lines.append(_Line(f"{lead} {_in_line(value)}".rstrip()))

    def sequence(self, tree: Items, column: int) -> None:
        lead = " " * column + self.layout.dash
        inner = len(lead)
        for item in tree.items:
            if isinstance(item, Entries) and not item.flow:
                if item.anchor:
                    self.lines.append(_Line(f"{lead}&{item.anchor}"))
                    self.mapping(item, inner, "")
                else:
                    self.mapping(item, inner, lead)
            else:
                self.lines.append(_Line(f"{lead}{_in_line(item)}"))


def _in_line(tree: Tree) -> str:
    match tree:
        case Word(text, anchor):
            return f"&{anchor} {text}" if anchor else text
        case Ref(name):
            return f"*{name}"
        case Items(values, anchor, _):
            inner = f"[{', '.join(map(_in_line, values))}]"
        case Entries(pairs, anchor, _):
            inner = "{" + ", ".join(f"{key}: {_in_line(value)}" for key, value in pairs) + "}"
        case Script():
            raise ValueError("a literal block has no place in brackets")
        case _:
            assert_never(tree)
    return f"&{anchor} {inner}" if anchor else inner


def write(tree: Entries, layout: Layout) -> str:
    """``tree`` as text."""
    writer = _Writer(layout)
    writer.mapping(tree, 0, "")
    lines = list(_around(writer.lines, layout))
    if layout.document_start:
        lines.insert(0, "---")
    text = layout.eol.join(lines)
    if layout.final_break or writer.lines[-1].is_inside:
        text += layout.eol
    return ("\ufeff" if layout.bom else "") + text


def _around(lines: Iterable[_Line], layout: Layout) -> Iterable[str]:
    for number, line in enumerate(lines):
        noise = 0 if line.is_inside else layout.noise[number % len(layout.noise)]
        indent = " " * (len(line.text) - len(line.text.lstrip()))
        if noise in (1, 5):
            yield ""
        if noise in (2, 5):
            yield f"{indent}# about the next line"
        if noise == 3:
            yield "# at the margin: [not, {data}]"
        if noise == 6:
            yield ""
            yield f"{indent}#---- banner ----"
            yield ""
        yield f"{line.text} # 'aside'" if noise in (4, 5) else line.text
