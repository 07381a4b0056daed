"""YAML text in many layouts, for properties.

`values` draws data, `texts` draws a layout of given data: indents, dashes, quotes, block and flow
style, comments, blank lines, line ends. What a text means is known before it is written, and
nothing here comes from the code under test. The hundreds of small choices of a layout come from
one number: drawn one by one, they would take most of the time of every property.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st
from msgspec import Struct

T = TypeVar("T")


class Anchored(Struct, frozen=True):
    """A value with an anchor."""

    name: str
    value: Value


class AliasOf(Struct, frozen=True):
    """An alias; its anchor must stand before it."""

    name: str


class Pairs(Struct, frozen=True):
    """A mapping with duplicate keys or several merges, which a dict cannot hold."""

    entries: tuple[tuple[str, Value], ...]


#: Strings, numbers and nulls; lists and mappings of them; anchors and aliases.
Value: TypeAlias = (
    "str | int | float | list[Value] | dict[str, Value] | Pairs | Anchored | AliasOf | None"
)

_RESERVED = re.compile(r"(?i)~|null|yes|no|y|n|true|false|on|off|[-+.0-9].*|")
_PLAIN = re.compile(r"[\w$/.](?:[\w$/.@-]|:(?=\w))*(?: [\w$/.][\w$/.@-]*)*")


class Layout(Struct, frozen=True):
    """How a document is written, where it is written the same all over."""

    step: int = 2
    sequence_offset: int = 2
    dash_gap: str = " "
    line_break: str = "\n"
    other_line_break: str = "\n"
    final_break: bool = True
    #: In ten places, how many are written in another way than the plainest.
    variety: int = 2
    #: In ten places, how many have comments or blank lines.
    noise: int = 2
    #: Whether there is what people hardly write: brackets over several lines, question marks.
    is_wild: bool = False


_LAYOUTS = st.builds(
    Layout,
    step=st.sampled_from([2, 4, 3, 1]),
    sequence_offset=st.sampled_from([2, 0, 4, 1]),
    dash_gap=st.sampled_from([" ", " ", "   "]),
    line_break=st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    other_line_break=st.sampled_from(["", "", "\n", "\r\n"]),
    final_break=st.booleans(),
    # The plainest first: failures shrink to it.
    variety=st.sampled_from([0, 2, 5]),
    noise=st.sampled_from([0, 2, 5]),
    is_wild=st.just(True),
)


def scalars() -> st.SearchStrategy[str]:
    """Short strings that are easy to get wrong, and easy ones."""
    odd = ["", " x", "a b", "a: b", "a #b", "#", "it's", '"q"', "- a", "yes", "12", "{a}", "a,b"]
    odd += ["é😀", "$X", "a\nb\n", "a\n\n  b", "a:b", "<< p >>", "a\n", "*a", "&a", "x\ty", "!"]
    odd += ["a\\b"]
    return st.one_of(
        st.sampled_from(["a", "b", "image", "cimg/node:20.1", "$VAR"]), st.sampled_from(odd)
    )


def keys() -> st.SearchStrategy[str]:
    """Keys, most of them plain."""
    return st.sampled_from([*"abcdefgh", "image", "user name", "é", "on", "x:", "<<x"])


def values(max_leaves: int = 12) -> st.SearchStrategy[Value]:
    """Data without anchors and aliases; `with_aliases` puts some in."""
    empty: st.SearchStrategy[Value] = st.one_of(st.builds(list), st.builds(dict))
    leaves: st.SearchStrategy[Value] = st.one_of(
        scalars(), scalars(), st.none(), st.integers(0, 99), empty
    )
    return st.recursive(leaves, _collections, max_leaves=max_leaves)


def _collections(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4),
        st.dictionaries(keys(), inner, min_size=1, max_size=4),
    )


def documents() -> st.SearchStrategy[str]:
    """Texts of collections with some anchors, aliases and merges."""
    return _collections(values()).flatmap(with_aliases).flatmap(texts)


@st.composite
def with_aliases(draw: st.DrawFn, value: Value) -> Value:
    """``value`` with some of its parts anchored, and aliases and merges put in behind them."""
    return _Sharing(draw).shared(value)


class _Sharing:
    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        #: The anchors that an alias may mean, and whether they are mappings.
        self._anchors: dict[str, bool] = {}

    def shared(self, value: Value) -> Value:
        name = None
        if self._rarely():
            name = self._draw(st.sampled_from(["a", "b-c", "d_1"]))
            # Until its end no alias may mean the older anchor of that name, or the value itself.
            self._anchors.pop(name, None)
        new = self._inside(value)
        if name is None:
            return new
        self._anchors.pop(name, None)
        self._anchors[name] = isinstance(new, dict | Pairs)
        return Anchored(name, new)

    def _inside(self, value: Value) -> Value:
        if isinstance(value, list):
            items: list[Value] = []
            for item in value:
                items.append(self.shared(item))
                if self._anchors and self._rarely():
                    items.append(self._alias(list(self._anchors)))
            return items
        if isinstance(value, dict):
            entries: list[tuple[str, Value]] = []
            for key, item in value.items():
                mappings = [name for name, is_mapping in self._anchors.items() if is_mapping]
                if mappings and self._rarely():
                    entries.append(("<<", self._alias(mappings)))
                if self._anchors and self._rarely():
                    entries.append((key, self._alias(list(self._anchors))))
                else:
                    entries.append((key, self.shared(item)))
            return Pairs(tuple(entries))
        return value

    def _alias(self, names: list[str]) -> AliasOf:
        return AliasOf(self._draw(st.sampled_from(names)))

    def _rarely(self) -> bool:
        return self._draw(st.integers(0, 5)) == 5


@st.composite
def texts(draw: st.DrawFn, value: Value, layout: Layout | None = None) -> str:
    """A text that means ``value``."""
    chosen = draw(_LAYOUTS) if layout is None else layout
    chance = random.Random(draw(st.integers(0, 2**32 - 1)))  # noqa: S311 - not a secret
    return _Writer(chance, chosen).document(value)


class _Writer(Struct):
    chance: random.Random
    layout: Layout

    def document(self, value: Value) -> str:
        head = ["%YAML 1.1", "---"] if self._noisy() and self._noisy() else []
        body = self._block("", value, -self.layout.step, self.layout.step)
        tail = ["...", "# end"] if self._noisy() and self._noisy() else []
        lines = [*head, *body, *tail]
        ends = [
            self.layout.other_line_break if self.layout.other_line_break and self._odd() else None
            for _ in lines
        ]
        text = "".join(
            line + (end or self.layout.line_break) for line, end in zip(lines, ends, strict=True)
        )
        # The line end of a block scalar's last line is part of it.
        if self.layout.final_break or self._ends_in_block(value) or tail:
            return text
        return re.sub(r"(?:\r\n|\n|\r)\Z", "", text)

    def _ends_in_block(self, value: Value) -> bool:
        while True:
            if isinstance(value, Anchored):
                value = value.value
            elif isinstance(value, list) and value:
                value = value[-1]
            elif entries := _entries(value):
                value = entries[-1][1]
            else:
                return isinstance(value, str) and "\n" in value

    # Choices

    def _odd(self) -> bool:
        return self.chance.randrange(10) < self.layout.variety

    def _wild(self) -> bool:
        return self.layout.is_wild and self._odd()

    def _noisy(self) -> bool:
        return self.chance.randrange(10) < self.layout.noise

    def _pick(self, options: Sequence[T]) -> T:
        return self.chance.choice(options) if self._odd() else options[0]

    def _comment(self, behind: str = "") -> str:
        # Behind a dash, or the colon of an explicit key, a tab does not separate.
        tab = " " if behind.strip(" ") == ":" or behind.endswith("-") else "\t"
        return self._noise(["", " # c", "  # é: - 'x", f"{tab}# t"])

    def _noise(self, options: Sequence[str]) -> str:
        return self.chance.choice(options) if self._noisy() else options[0]

    def _between(self, indent: int) -> list[str]:
        """Blank lines and comment lines before a line at ``indent``."""
        if not self._noisy():
            return []
        lines = ["", " " * indent + "# c", "# ---", " " * (indent + 3) + "# deep - ", "  "]
        return self.chance.choices(lines, k=self.chance.randrange(3))

    # Blocks

    def _block(self, head: str, value: Value, at: int, step: int) -> list[str]:
        """Lines of ``value`` behind ``head``: a key and its colon, a dash, or nothing.

        ``at`` is the column that the value's own lines must exceed, by ``step``.
        """
        properties = ""
        if isinstance(value, Anchored):
            properties = f"&{value.name}"
            value = value.value
        if isinstance(value, AliasOf):
            return [f"{head}{self._gap(head)}*{value.name}{self._comment()}"]
        entries = _entries(value)
        is_item = head.endswith("-")
        if (entries or (isinstance(value, list) and value)) and not self._odd():
            first = f"{head}{self._gap(head)}{properties}" if properties else head
            # `- a: b`: the first line of the value on the line of the dash.
            compact = is_item and not properties and not self._odd()
            if compact:
                gap = self.layout.dash_gap
                column = len(head) + len(gap)
                inner = (
                    self._sequence(value, column - 1, True)
                    if isinstance(value, list)
                    else self._mapping(entries, column)
                )
                while not inner[0].strip() or inner[0].lstrip().startswith("#"):
                    inner.pop(0)
                if len(inner[0]) - len(inner[0].lstrip(" ")) == column:
                    return [head + gap + inner[0][column:], *inner[1:]]
                return [head, *inner]
            below = (
                self._sequence(value, at, is_item)
                if isinstance(value, list)
                else self._mapping(entries, at + step)
            )
            return [first + self._comment(first), *below] if first else below
        gap = self._gap(head) if head else ""
        before = f"{head}{gap}{properties}{' ' if properties else ''}"
        if isinstance(value, str) and "\n" in value and head and self._fits_literal(value):
            return self._literal(before, value, at + step)
        text = self._inline(value, at + step)
        if not text and not properties:
            return [head + self._comment(head)]
        lines = f"{before}{text}".rstrip(" ").split("\n")
        lines[-1] += self._comment()
        return lines

    def _gap(self, head: str) -> str:
        if not head:
            return ""
        return self.layout.dash_gap if head.endswith("-") else self._pick([" ", "   "])

    def _sequence(self, items: list[Value], at: int, is_item: bool) -> list[str]:
        offset = self.layout.sequence_offset
        column = at + max(offset, 1) if is_item or at < 0 else at + offset
        column = max(column, 0)
        lines: list[str] = []
        for item in items:
            lines += self._between(column)
            lines += self._block(" " * column + "-", item, column, self.layout.step)
        return lines

    def _mapping(self, entries: Sequence[tuple[str, Value]], column: int) -> list[str]:
        lines: list[str] = []
        for key, value in entries:
            lines += self._between(column)
            if self._wild() and self._odd() and key != "<<":
                lines.append(" " * column + "? " + self._key(key))
                lines += self._block(" " * column + ":", value, column, self.layout.step)
            else:
                head = " " * column + self._key(key) + ":"
                lines += self._block(head, value, column, self.layout.step)
        return lines

    def _literal(self, before: str, value: str, column: int) -> list[str]:
        body = value.removesuffix("\n")
        ends = len(value) - len(value.rstrip("\n"))
        mark = {0: "-", 1: ""}.get(ends, "+")
        comment = self._noise(["", " # c"])
        lines = [" " * column + line if line else "" for line in body.split("\n")]
        return [f"{before}|{mark}{comment}", *lines]

    def _fits_literal(self, value: str) -> bool:
        first = value.split("\n", 1)[0]
        return bool(first) and first[0] != " " and not self._odd()

    # Flow collections and scalars

    def _inline(self, value: Value, column: int) -> str:
        """``value`` as text that may stand behind a key, in lines indented by ``column``."""
        if isinstance(value, str):
            return self._scalar(value, in_flow=False)
        return self._flow(value, max(column, 1))

    def _flow(self, value: Value, column: int) -> str:
        if isinstance(value, Anchored):
            return f"&{value.name} {self._flow(value.value, column)}"
        if isinstance(value, AliasOf):
            return f"*{value.name}"
        if value is None:
            return self._pick(["", "~", "null"])
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, str):
            return self._scalar(value, in_flow=True)
        if isinstance(value, list):
            parts = [self._flow_item(item, column + 2) for item in value]
            return self._bracketed("[", parts, "]", column)
        pairs = [f"{self._key(k)}: {self._flow(v, column + 2)}" for k, v in _entries(value)]
        return self._bracketed("{", pairs, "}", column)

    def _flow_item(self, item: Value, column: int) -> str:
        entries = _entries(item)
        if len(entries) == 1 and not isinstance(item, Anchored) and self._wild():
            return f"{self._key(entries[0][0])}: {self._flow(entries[0][1], column)}"
        return self._flow(item, column) or "~"

    def _bracketed(self, opening: str, parts: list[str], closing: str, column: int) -> str:
        if not parts:
            return opening + self._pick(["", " "]) + closing
        comma = self._pick(["", ","])
        if self._wild():
            pad = " " * column
            ends = ["," for _ in parts[:-1]] + [comma]
            comments = [self._noise(["", " # c"]) for _ in parts]
            lines = [f"{pad}{p}{e}{c}" for p, e, c in zip(parts, ends, comments, strict=True)]
            return "\n".join([opening, *lines, " " * max(column - 1, 1) + closing])
        padding = self._pick(["", " "])
        # Without a space behind it, a comma would be part of an alias for some parsers.
        joint = self._pick([", ", " , "])
        return f"{opening}{padding}{joint.join(parts)}{comma}{padding}{closing}"

    def _key(self, key: str) -> str:
        return key if key == "<<" else self._scalar(key, in_flow=True)

    def _scalar(self, value: str, *, in_flow: bool) -> str:
        is_plain = _PLAIN.fullmatch(value) and not _RESERVED.fullmatch(value)
        is_plain = is_plain and not value.endswith(":") and not (in_flow and ":" in value)
        styles = ["plain"] if is_plain else []
        styles.append("double")
        if "\n" not in value and "\t" not in value:
            styles.append("single")
        style = self._pick(styles)
        if style == "plain":
            return value
        if style == "single":
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)


def _entries(value: Value) -> Sequence[tuple[str, Value]]:
    if isinstance(value, Pairs):
        return value.entries
    return list(value.items()) if isinstance(value, dict) else []
