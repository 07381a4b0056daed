"""No regular expression of the package takes more than linear time, whatever it is given.

Each is read from the source code, with the methods it is called by. The texts it is tried on are
made from the expression itself: every repeat in it is pumped, alone and with what precedes it.
"""

from __future__ import annotations

import ast
import importlib
import re
import signal
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

import cci_migrate

# Warns of nothing and has no public name since Python 3.11.
sre_parse: Any = importlib.import_module(
    "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
)

PACKAGE = Path(cci_migrate.__file__).parent
#: Exponential expressions show with few repeats, quadratic ones in a long text.
FEW, LONG = 30, 4_000
#: In seconds of processor time: a linear expression needs a tenth of it for a long text.
SUSPICIOUS = 0.002
#: Nothing, and what next to no expression takes.
ENDINGS = ("", "\x07\n")
#: The calls that go through a text from any place in it take the same time.
ANYWHERE = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
CALLS = ANYWHERE | {"match", "fullmatch"}
SPECIMENS = " \t\n\ra1_-./:@$\"'{}()[]<>#&*!|=,;\\~%é"


class Expression(Struct, frozen=True):
    """A regular expression at a place in the source code."""

    place: str
    pattern: re.Pattern[str]
    calls: frozenset[str]


class _Names(dict[str, object]):
    """A module's names; what only exists while a function runs counts as an ``x``."""

    def __missing__(self, name: str) -> object:
        if name in __builtins__:  # type: ignore[operator]
            raise KeyError(name)
        return "x"


def expressions_in(source: str, place: str, names: dict[str, object]) -> Iterator[Expression]:
    """The expressions that the code ``source`` compiles or calls."""
    nodes = list(ast.walk(ast.parse(source)))
    assigned = {
        id(node.value): target.id
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    scope = _Names(names)
    for node in nodes:
        call = _call_of_an_expression(node)
        if call is None or not isinstance(node, ast.Call):
            continue
        flags = [word.value for word in node.keywords if word.arg == "flags"]
        if call == "compile":
            flags += node.args[1:2]
            calls = used.get(assigned.get(id(node), ""), set()) & CALLS or {"search"}
        else:
            calls = {call}
        values = [
            eval(compile(ast.Expression(part), place, "eval"), {"re": re}, scope)  # noqa: S307
            for part in (node.args[0], *flags)
        ]
        pattern = values[0]
        if isinstance(pattern, bytes):
            pattern = pattern.decode("latin-1")
        yield Expression(
            f"{place}:{node.lineno}", re.compile(pattern, *values[1:]), frozenset(calls)
        )


def _call_of_an_expression(node: ast.AST) -> str | None:
    """The method by which ``node`` calls an expression, or ``compile``; None if it does neither."""
    match node:
        case ast.Call(func=ast.Name("lazy_pattern")):
            return "compile"
        case ast.Call(func=ast.Attribute(ast.Name("re"), method)):
            return method if method in {*CALLS, "compile"} else None
        case _:
            return None


@cache
def expressions() -> tuple[Expression, ...]:
    """Those of the whole package."""
    found: list[Expression] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path.name in {"__main__.py", "lazy_patterns.py"}:
            continue
        if not re.search(r"\bre\.|\blazy_pattern\(", source):
            continue
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        names = vars(importlib.import_module(module.removesuffix(".__init__")))
        found += expressions_in(source, str(path.relative_to(PACKAGE.parent)), names)
    return tuple(found)


class _Sampler:
    """Writes texts that parts of an expression match."""

    def __init__(self) -> None:
        self._groups: dict[int, str] = {}

    def sample(self, parts: Any, turn: int) -> str:
        """A text that ``parts`` match; another ``turn`` takes other branches and characters."""
        return "".join(self._item(kind, value, turn) for kind, value in parts)

    def _item(self, kind: Any, value: Any, turn: int) -> str:
        name = str(kind)
        if name == "LITERAL":
            return chr(value)
        if name in ("NOT_LITERAL", "ANY", "IN"):
            choices = characters(kind, value)
            return choices[turn % len(choices)] if choices else ""
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, _, inner = value
            return self.sample(inner, turn) * (least or turn % 2)
        if name == "BRANCH":
            return self.sample(value[1][turn % len(value[1])], turn // len(value[1]))
        if name == "SUBPATTERN":
            text = self.sample(value[3], turn)
            self._groups[value[0]] = text
            return text
        if name == "ATOMIC_GROUP":
            return self.sample(value, turn)
        return self._groups.get(value, "") if name == "GROUPREF" else ""


#: What `characters` says of each class: the same few stand in most of the expressions.
_characters: dict[str, str] = {}


def characters(kind: Any, value: Any) -> str:
    """Characters of `SPECIMENS`, and those it names itself, that the class takes."""
    key = f"{kind} {value!r}"
    if key not in _characters:
        named = value if str(kind) == "IN" else ()
        own = "".join(chr(part) for name, part in named if str(name) == "LITERAL")
        choices = dict.fromkeys(own + SPECIMENS)
        _characters[key] = "".join(char for char in choices if _takes(kind, value, char))
    return _characters[key]


def _takes(kind: Any, value: Any, char: str) -> bool:
    name = str(kind)
    if name == "ANY":
        return char != "\n"
    if name == "NOT_LITERAL":
        return bool(ord(char) != value)
    negated = value and str(value[0][0]) == "NEGATE"
    return any(_in(str(part), what, char) for part, what in value) is not bool(negated)


def _in(part: str, what: Any, char: str) -> bool:
    if part == "LITERAL":
        return bool(ord(char) == what)
    if part == "RANGE":
        return bool(what[0] <= ord(char) <= what[1])
    if part == "CATEGORY":
        kind = str(what).removeprefix("CATEGORY_")
        code = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[kind.removeprefix("NOT_")]
        return (re.match(code, char) is None) is kind.startswith("NOT_")
    return False


def hostile_texts(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    """Beginnings and pumps: the text is a beginning and then the pump, many times."""
    found: set[tuple[str, str]] = set()
    sampler = _Sampler()

    def visit(parts: Any, before: str) -> None:
        prefix = before
        for kind, value in parts:
            name = str(kind)
            if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
                _, most, inner = value
                if most > 8:
                    pumps = {sampler.sample(inner, turn) for turn in range(8)} - {""}
                    found.update((prefix, pump) for pump in pumps)
                    # Where a search may start again at each repeat of what precedes.
                    found.update(("", prefix + pump) for pump in list(pumps)[:3])
                    if prefix:
                        found.add(("", prefix))
                visit(inner, prefix)
            elif name == "SUBPATTERN":
                visit(value[3], prefix)
            elif name == "ATOMIC_GROUP":
                visit(value, prefix)
            elif name == "BRANCH":
                for branch in value[1]:
                    visit(branch, prefix)
            elif name in ("ASSERT", "ASSERT_NOT"):
                visit(value[1], prefix)
            prefix += sampler._item(kind, value, 0)

    visit(sre_parse.parse(pattern.pattern, pattern.flags), "")
    return found


class _TooSlowError(Exception):
    pass


def seconds(pattern: re.Pattern[str], call: str, text: str) -> float:
    """The processor time of one call."""
    start = time.process_time()
    match call:
        case "match":
            pattern.match(text)
        case "fullmatch":
            pattern.fullmatch(text)
        case _:
            pattern.findall(text)
    return time.process_time() - start


def is_slow(pattern: re.Pattern[str], call: str, beginning: str, pump: str) -> str | None:
    """The ending with which the time grows faster than the text, if there is one."""
    for ending in ENDINGS:
        for count in (FEW, LONG // len(pump)):
            text = beginning + pump * count + ending
            if seconds(pattern, call, text) < SUSPICIOUS:
                continue
            shorter = beginning + pump * (count // 4) + ending
            # A linear one needs 4 times as long, a quadratic one 16 times. A busy machine can spoil
            # a measurement, but not each one of a long series.
            for _ in range(12):
                longest = min(seconds(pattern, call, text) for _ in range(3))
                shortest = min(seconds(pattern, call, shorter) for _ in range(3))
                if longest <= max(SUSPICIOUS, 8 * shortest):
                    break
            else:
                return f"{call} of {beginning[:20]!r} + {pump[:20]!r} * {count} + {ending!r}"
    return None


def slow_texts(expression: Expression, patience: float = 1) -> list[str]:
    """What ``expression`` needs too long for; ``patience`` is for one text, in seconds."""

    def give_up(*_: object) -> None:
        raise _TooSlowError

    # Exponential ones would not come back.
    before = signal.signal(signal.SIGVTALRM, give_up)
    found: list[str] = []
    try:
        kinds = {"anywhere" if call in ANYWHERE else call for call in expression.calls}
        for call in sorted(kinds - ({"match"} if "anywhere" in kinds else set())):
            for beginning, pump in sorted(hostile_texts(expression.pattern)):
                signal.setitimer(signal.ITIMER_VIRTUAL, patience)
                try:
                    slow = is_slow(expression.pattern, call, beginning, pump)
                except _TooSlowError:
                    slow = f"{call} of {beginning!r} + many {pump!r}: no end"
                if slow is not None:
                    found.append(slow)
                    break
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return found


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of processor time")
def test_every_expression_takes_linear_time() -> None:
    slow = {
        f"{expression.place}: {expression.pattern.pattern}": texts
        for expression in expressions()
        if (texts := slow_texts(expression))
    }
    assert not slow


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of processor time")
@pytest.mark.parametrize(
    ("pattern", "call"),
    [
        (r"(?:[ \t]*(?:\r\n|[\r\n]))+:", "match"),
        (r"(a|a\w)*b", "match"),
        (r'"(?:\\.|[^"])*"', "match"),
        (r".*:[^/]*x", "match"),
        (r"<<.*?>>", "search"),
        (r"\s+x", "sub"),
        (r"\w+://", "findall"),
        (r"(?:.*_)?retry(?:_\w+)?", "fullmatch"),
    ],
)
def test_slow_ones_are_recognised(pattern: str, call: str) -> None:
    source = f"import re\nX = re.compile({pattern!r})\nX.{call}\n"
    (expression,) = expressions_in(source, "example", {})
    assert slow_texts(expression, patience=0.1)


_CALL = r"\bre\.(?:compile|match|fullmatch|search|sub|subn|split|find\w+)\("


def test_all_of_the_package_are_read() -> None:
    calls = sum(
        len(re.findall(rf"{_CALL}|(?<!def )\blazy_pattern\(", text))
        for path in PACKAGE.rglob("*.py")
        if path.name != "lazy_patterns.py"
        for text in [path.read_text(encoding="utf-8")]
    )
    assert calls == len(expressions())
