"""CircleCI's expressions over pipeline values: ``pipeline.git.branch == "main" and not x``.

Contexts are restricted by them, and ``when``, ``unless`` and ``filters`` take them
(https://circleci.com/docs/reference/expressions-reference/). Grammar and meaning are those of the
library that CircleCI evaluates them with (https://github.com/CircleCI-Public/expr): ``matches`` is
about the whole text, and a comparison with a value that a pipeline lacks does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct
from typing_extensions import assert_never

#: The longest expression that is read, and the deepest nesting in it.
_LONGEST = 4000
_DEEPEST = 40
_TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<pattern>/(?:[^/\\]|\\.)*/)|(?P<number>\d+)'
    r"|(?P<name>[A-Za-z][\w?-]*(?:\.[\w?-]+)*)|(?P<symbol>==|!=|>=|<=|[<>!()]))"
)
#: In lower or upper case, not mixed.
_KEYWORDS = frozenset(["and", "or", "not", "true", "false", "AND", "OR", "NOT", "TRUE", "FALSE"])
_RELATIONS = ("==", "!=", "starts-with", "contains", "matches")
_ORDERS = (">=", ">", "<=", "<")

Value = str | int | bool


class Absent(Struct, frozen=True):
    """A value that this kind of pipeline lacks, as one for a branch lacks the tag.

    CircleCI documents it as the empty string in configs; whether it is that or undefined in an
    expression is not documented.
    """


ABSENT = Absent()


class Sample(str):
    """A text like any that begins as it does: only its beginning is known."""

    __slots__ = ()


class Literal(Struct, frozen=True):
    """A text, a number, or a truth value."""

    value: Value


class Pattern(Struct, frozen=True):
    """A regular expression, which is about the whole text."""

    text: str


class PipelineVariable(Struct, frozen=True):
    """A pipeline value, a pipeline parameter, or ``job.ssh.enabled``.

    ``is_substituted``: the compiler puts it in as text, so one that is absent is an empty text.
    """

    name: str
    is_substituted: bool = False


class Negation(Struct, frozen=True):
    """``not operand``."""

    operand: Expression


class Junction(Struct, frozen=True):
    """``and`` or ``or`` of two or more parts."""

    operator: str
    parts: tuple[Expression, ...]


class Operation(Struct, frozen=True):
    """A comparison: ``left operator right``."""

    operator: str
    left: Expression
    right: Expression


class UnreadExpression(Struct, frozen=True):
    """What is not evaluated here; equal ones have the same value in the same pipeline."""

    text: str


Expression = (
    Literal | Pattern | PipelineVariable | Negation | Junction | Operation | UnreadExpression
)

TRUE, FALSE = Literal(True), Literal(False)


def all_of(*parts: Expression) -> Expression:
    """The conjunction of ``parts``."""
    return _joined("and", TRUE, parts)


def any_of(*parts: Expression) -> Expression:
    """The disjunction of ``parts``."""
    return _joined("or", FALSE, parts)


def _joined(operator: str, neutral: Expression, parts: tuple[Expression, ...]) -> Expression:
    kept = tuple(part for part in parts if part != neutral)
    if len(kept) > 1:
        return Junction(operator, kept)
    return kept[0] if kept else neutral


def matching(variable: PipelineVariable, pattern: str) -> Expression:
    """Whether ``variable`` matches ``pattern``; without a pattern where it is simple enough."""
    alternatives = _alternatives(pattern)
    if alternatives is None:
        matches = Operation("matches", variable, Pattern(pattern))
        beginning = _BEGINNING.match(pattern)
        if beginning is None or "|" in pattern:
            return matches
        # As the whole text matches, its beginning is known even where the rest is not evaluated.
        text = re.sub(r"\\(.)", r"\1", beginning[1])
        return all_of(Operation("starts-with", variable, Literal(text)), matches)
    return any_of(
        *(
            Operation("starts-with" if is_prefix else "==", variable, Literal(text))
            for text, is_prefix in alternatives
        )
    )


_TEXT = r"(?:[\w/ @:,=~#%&;!<>'\"-]|\\[^\w\s])"
_SIMPLE = re.compile(rf"\^?({_TEXT}*)(\.\*)?\$?")
#: The characters that every text that matches begins with; none that may be repeated or missing.
_BEGINNING = re.compile(rf"\^?((?:{_TEXT}(?![*+?{{]))+)")


def _alternatives(pattern: str) -> list[tuple[str, bool]] | None:
    """The texts that match ``pattern``, and whether each is only the beginning of them."""
    group = re.fullmatch(r"\^?\((?:\?:)?([^()]*)\)\$?", pattern)
    alternatives = []
    for part in (group[1] if group is not None else pattern).split("|"):
        match = _SIMPLE.fullmatch(part)
        if match is None:
            return None
        alternatives.append((re.sub(r"\\(.)", r"\1", match[1]), match[2] is not None))
    return alternatives


def parse_expression(text: str) -> Expression:
    """The expression ``text``; `UnreadExpression` if it is not one."""
    whole = " ".join(text.split())
    if len(text) > _LONGEST:
        return UnreadExpression(whole)
    try:
        return _Parser(text).parse()
    except _SyntaxError:
        return UnreadExpression(whole)


class _SyntaxError(Exception):
    """The text is no expression."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._next = 0
        self._depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise _SyntaxError
            kind, word = match.lastgroup, match[match.lastgroup]
            if kind == "name" and word in _KEYWORDS:
                kind, word = "symbol", word.lower()
            self._tokens.append((kind, "not" if word == "!" else word))
            position = match.end()

    def parse(self) -> Expression:
        expression = self._or()
        if self._next < len(self._tokens):
            raise _SyntaxError
        return expression

    def _or(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _SyntaxError
        parts = [self._and()]
        while self._takes("or"):
            parts.append(self._and())
        self._depth -= 1
        return any_of(*parts)

    def _and(self) -> Expression:
        parts = [self._relation()]
        while self._takes("and"):
            parts.append(self._relation())
        return all_of(*parts)

    def _relation(self) -> Expression:
        left = self._order()
        while (operator := self._takes(*_RELATIONS)) is not None:
            right = self._order()
            if (
                operator == "matches"
                and isinstance(left, PipelineVariable)
                and isinstance(right, Pattern)
            ):
                left = matching(left, right.text)
            else:
                left = Operation(operator, left, right)
        return left

    def _order(self) -> Expression:
        left = self._unary()
        while (operator := self._takes(*_ORDERS)) is not None:
            left = Operation(operator, left, self._unary())
        return left

    def _unary(self) -> Expression:
        count = 0
        while self._takes("not"):
            count += 1
        operand = self._primary()
        # Two of them cancel out, but for what is not a truth value.
        for _ in range(count if count < 2 else 2 - count % 2):
            operand = Negation(operand)
        return operand

    def _primary(self) -> Expression:
        if self._next >= len(self._tokens):
            raise _SyntaxError
        kind, word = self._tokens[self._next]
        self._next += 1
        if kind == "string":
            return Literal(re.sub(r'\\(["\\])', r"\1", word[1:-1]))
        if kind == "pattern":
            return Pattern(word[1:-1].replace("\\/", "/"))
        if kind == "number":
            return Literal(int(word))
        if kind == "name":
            return PipelineVariable(word)
        if word in ("true", "false"):
            return Literal(word == "true")
        if word == "(":
            inner = self._or()
            if self._takes(")"):
                return inner
        raise _SyntaxError

    def _takes(self, *words: str) -> str | None:
        if self._next < len(self._tokens):
            kind, word = self._tokens[self._next]
            if word in words and kind in ("symbol", "name"):
                self._next += 1
                return word
        return None


#: The value of a variable in a pipeline; None if it is not known.
Lookup = Callable[[str], "Value | Absent | None"]
#: Whether a part that can't be evaluated holds; None if it is not known.
Decide = Callable[[Expression], "bool | None"]


def holds(expression: Expression, lookup: Lookup, decide: Decide) -> bool | None:
    """Whether ``expression`` holds in the pipeline of ``lookup``; None if that is not known."""
    match expression:
        case Junction(operator=operator, parts=parts):
            outcomes = [holds(part, lookup, decide) for part in parts]
            decisive = operator == "or"
            if decisive in outcomes:
                return decisive
            return None if None in outcomes else not decisive
        case Negation(operand=operand):
            outcome = holds(operand, lookup, decide)
            return None if outcome is None else not outcome
        case Literal(value=value):
            return bool(value)
        case Operation() | PipelineVariable():
            outcome = _evaluated(expression, lookup)
            return decide(expression) if outcome is None else outcome
        case Pattern() | UnreadExpression():
            return decide(expression)
        case _:
            assert_never(expression)


def _evaluated(expression: Operation | PipelineVariable, lookup: Lookup) -> bool | None:
    if isinstance(expression, PipelineVariable):
        value = _value(expression, lookup)
        return None if value is None else not isinstance(value, Absent) and bool(value)
    operator = expression.operator
    left = _value(expression.left, lookup)
    if isinstance(expression.right, Pattern):
        return _matches(left, expression.right.text) if operator == "matches" else None
    right = _value(expression.right, lookup)
    if left is None or right is None or (isinstance(left, Sample) and operator == "contains"):
        return None
    if isinstance(left, Absent) or isinstance(right, Absent):
        return _with_absent(operator, left, right)
    match operator:
        case "==" | "!=":
            is_equal = isinstance(left, bool) == isinstance(right, bool) and left == right
            return is_equal == (operator == "==")
        case "starts-with" if isinstance(left, str) and isinstance(right, str):
            return left.startswith(right)
        case "contains" if isinstance(left, str) and isinstance(right, str):
            return right in left
        case _:
            return None


def _with_absent(operator: str, left: Value | Absent, right: Value | Absent) -> bool | None:
    """What holds whether an absent value is an empty text or undefined."""
    if operator in ("==", "starts-with", "contains") and isinstance(left, Absent) and right:
        return None if isinstance(right, Absent) else False
    if operator == "==" and isinstance(right, Absent) and left:
        return False
    return False if operator == "!=" and (left == "" or right == "") else None


def _value(expression: Expression, lookup: Lookup) -> Value | Absent | None:
    if isinstance(expression, Literal):
        return expression.value
    if not isinstance(expression, PipelineVariable):
        return None
    value = lookup(expression.name)
    return "" if isinstance(value, Absent) and expression.is_substituted else value


#: What Python's ``re`` surely reads as CircleCI's engine (RE2) does, in no time: no groups with a
#: sign of their own, none that repeats, and few repeats at all.
_PLAIN_PATTERN = re.compile(
    r"(?:[^\\()*+?{]|\\[^\w]|\\[dws]|\((?!\?)|\)(?![*+?{])|[*+?](?![*+?{]))*"
)
_REPEAT = re.compile(r"[*+?]")
_MOST_REPEATS = 3
_LONGEST_TEXT = 64


def _matches(text: Value | Absent | None, pattern: str) -> bool | None:
    """Whether the whole of ``text`` matches; None if that is not certain."""
    if isinstance(text, Absent):
        return False if _matches("", pattern) is False else None
    if (
        not isinstance(text, str)
        or isinstance(text, Sample)
        or len(text) > _LONGEST_TEXT
        or len(_REPEAT.findall(pattern)) > _MOST_REPEATS
        or _PLAIN_PATTERN.fullmatch(pattern) is None
    ):
        return None
    try:
        return re.fullmatch(pattern, text, re.ASCII) is not None
    except re.error:
        return None
