"""Evaluates the expressions of a justfile, as far as its text determines them.

https://just.systems/man/en/expressions-and-substitutions.html. What is not known becomes shell
code: a variable of the environment is ``${NAME}``, a backtick is ``$(…)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

#: The stand-in for an unknown value.
UNKNOWN = "${JUST_VALUE}"
#: The greatest depth of nested expressions, and the greatest length of a value.
_DEEPEST = 50
_LONGEST = 20_000
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>x?(?:'''[^']*(?:'(?!'')[^']*)*'''|\"{3}[^"]*(?:"(?!"")[^"]*)*\"{3}|'[^']*'
          |"(?:\\.|[^"\\])*"))
      | (?P<command>```[^`]*```|`[^`]*`)
      | (?P<name>[A-Za-z_][\w-]*)
      | (?P<sign>==|!=|=~|!~|&&|\|\||::|[-+/(){},*$@:=?]))""",
    re.VERBOSE | re.DOTALL,
)
#: What is behind the last token: nothing, or a comment.
_END = re.compile(r"\s*(?:#|\Z)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "\n": ""}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class NotJust(Exception):
    """A text that isn't understood."""


class Token(Struct, frozen=True):
    """A piece of an expression: its kind and its text."""

    kind: str
    text: str


def tokens_of(text: str) -> list[Token]:
    """The tokens of ``text`` up to a comment. Raises NotJust."""
    tokens: list[Token] = []
    position = 0
    while _END.match(text, position) is None:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise NotJust(text[position : position + 20])
        position = match.end()
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
    return tokens


class TokenReader:
    """Takes ``tokens`` one after the other. Its methods raise NotJust if others are expected."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self._tokens)

    def peek(self) -> str:
        """The next sign or name; empty at the end, and for a text."""
        token = None if self.is_over else self._tokens[self._at]
        return token.text if token is not None and token.kind in ("sign", "name") else ""

    def taken(self) -> Token:
        """The next token, whatever it is."""
        if self.is_over:
            raise NotJust("end")
        self._at += 1
        return self._tokens[self._at - 1]

    def take(self, sign: str) -> None:
        """Pass the next token, which must be ``sign``."""
        if not self.accepted(sign):
            raise NotJust(sign)

    def accepted(self, *signs: str) -> str:
        """The next token, which is passed, if it is one of ``signs``; else empty."""
        sign = self.peek()
        if sign not in signs:
            return ""
        self._at += 1
        return sign

    def path(self) -> str:
        """The name of a recipe, perhaps of a module's."""
        name = self.taken()
        if name.kind != "name":
            raise NotJust("name")
        parts = [name.text]
        while self.accepted("::"):
            parts.append(self.taken().text)
        return "::".join(parts)

    def operands(self, *joints: str) -> Sequence[Token]:
        """The tokens of operands between ``joints``: texts, names, calls, and parentheses."""
        start, depth = self._at, 0
        while True:
            token = self.taken()
            if token.kind == "sign":
                depth += (token.text == "(") - (token.text == ")")
            is_called = token.kind == "name" and self.peek() == "("
            if depth == 0 and not is_called and not self.accepted(*joints):
                return self._tokens[start : self._at]


class Expression(TokenReader):
    """Evaluates the expression at the front of ``tokens``.

    ``lookup`` returns the value of a variable, None if there is none; ``environment`` that of a
    variable of the environment with its default. ``places`` are the values of functions without
    arguments.
    """

    def __init__(
        self,
        tokens: Sequence[Token],
        lookup: Callable[[str], str | None],
        places: Mapping[str, str],
        environment: Callable[[str, str | None], str],
    ) -> None:
        super().__init__(tokens)
        self._lookup = lookup
        self._places = places
        self._environment = environment
        self._depth = 0

    def value(self) -> str:
        """The value of the expression. Raises NotJust."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotJust("too deep")
        left = self._sum()
        while operator := self.accepted("&&", "||"):
            right = self._sum()
            if "$" in left:
                left = UNKNOWN
            elif bool(left) is (operator == "&&"):
                left = right
        self._depth -= 1
        return left

    def _sum(self) -> str:
        value = self.operand()
        while sign := self.accepted("+", "/"):
            value = f"{value}{sign.strip('+')}{self.operand()}"
            if len(value) > _LONGEST:
                raise NotJust("too long")
        return value

    def operand(self) -> str:
        """The value of a text, a variable, a call, or what is in parentheses. Raises NotJust."""
        token = self.taken()
        if token.kind == "text":
            return _literal(token.text)
        if token.kind == "command":
            return f"$({token.text.strip('`').strip()})"
        if token.text == "/":
            return f"/{self.operand()}"
        if token.text == "(":
            return self._value_before(")")
        if token.text == "if":
            return self._choice()
        if token.kind != "name":
            raise NotJust(token.text)
        if self.accepted("("):
            return self._call(token.text)
        known = self._lookup(token.text)
        if known is None:
            raise NotJust(token.text)
        return known

    def _value_before(self, sign: str) -> str:
        value = self.value()
        self.take(sign)
        return value

    def _choice(self) -> str:
        left = self.value()
        operator = self.accepted("==", "!=", "=~", "!~")
        if not operator:
            raise NotJust(self.peek())
        right = self._value_before("{")
        first = self._value_before("}")
        self.take("else")
        if self.peek() == "if":
            second = self.operand()
        else:
            self.take("{")
            second = self._value_before("}")
        if "$" in left + right or operator in ("=~", "!~"):
            return first if first == second else UNKNOWN
        return first if (left == right) is (operator == "==") else second

    def _call(self, name: str) -> str:
        arguments: list[str] = []
        while not self.accepted(")"):
            arguments.append(self.value())
            self.accepted(",")
        if name in ("env", "env_var", "env_var_or_default") and arguments:
            return self._environment(arguments[0], arguments[1] if arguments[1:] else None)
        if name in self._places:
            return self._places[name]
        if name in ("trim", "quote") and len(arguments) == 1:
            return arguments[0].strip()
        if name == "shell" and arguments:
            return f"$({arguments[0]})"
        return UNKNOWN


def _literal(text: str) -> str:
    is_expanded = text.startswith("x")
    text = text.removeprefix("x")
    for mark in ("'''", '"""', "'", '"'):
        if text.startswith(mark):
            inner = text[len(mark) : -len(mark)]
            if mark[0] == '"':
                inner = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), inner)
            return inner if not is_expanded or "$" not in inner else inner.replace("~", "${HOME}")
    raise NotJust(text[:20])
