"""Evaluates the expressions of a justfile, as far as its text determines them.

https://just.systems/man/en/expressions-and-substitutions.html. What is not known becomes shell
code: a variable of the environment is ``${NAME}``, a backtick is ``$(…)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

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
      | (?P<sign>==|!=|=~|!~|&&|\|\||[-+/(){},*$@:=?]))""",
    re.VERBOSE | re.DOTALL,
)
#: What is behind the last token: nothing, or a comment.
_END = re.compile(r"\s*(?:#|\Z)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "\n": ""}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class NotJust(Exception):
    """A text that isn't understood."""


class Token(Struct, frozen=True):
    """A piece of an expression: its kind, its text, and where it ends."""

    kind: str
    text: str
    end: int


def tokens_of(text: str) -> list[Token]:
    """The tokens of ``text`` up to a comment. Raises NotJust."""
    tokens: list[Token] = []
    position = 0
    while _END.match(text, position) is None:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise NotJust(text[position : position + 20])
        position = match.end()
        tokens.append(Token(match.lastgroup, match[match.lastgroup], position))
    return tokens


class Expression:
    """Evaluates the expression at the front of ``tokens``; ``at`` is the index of the next token.

    ``lookup`` returns the value of a variable, None if there is none; ``environment`` that of a
    variable of the environment with its default. ``places`` are the values of functions without
    arguments.
    """

    def __init__(
        self,
        tokens: list[Token],
        lookup: Callable[[str], str | None],
        places: Mapping[str, str],
        environment: Callable[[str, str | None], str],
    ) -> None:
        self.at = 0
        self._tokens = tokens
        self._lookup = lookup
        self._places = places
        self._environment = environment
        self._depth = 0

    def peek(self) -> str:
        """The next sign or name; empty at the end, and for a text."""
        token = self._tokens[self.at] if self.at < len(self._tokens) else None
        return token.text if token is not None and token.kind in ("sign", "name") else ""

    def take(self, sign: str) -> None:
        """Pass the next token, which must be ``sign``. Raises NotJust."""
        if self.peek() != sign:
            raise NotJust(sign)
        self.at += 1

    def value(self) -> str:
        """The value of the expression. Raises NotJust."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotJust("too deep")
        left = self._sum()
        while (operator := self.peek()) in ("&&", "||"):
            self.at += 1
            right = self._sum()
            if "$" in left:
                left = UNKNOWN
            elif bool(left) is (operator == "&&"):
                left = right
        self._depth -= 1
        return left

    def _sum(self) -> str:
        value = self.operand()
        while (sign := self.peek()) in ("+", "/"):
            self.at += 1
            value = f"{value}{sign.strip('+')}{self.operand()}"
            if len(value) > _LONGEST:
                raise NotJust("too long")
        return value

    def operand(self) -> str:
        """The value of a text, a variable, a call, or what is in parentheses. Raises NotJust."""
        if self.at >= len(self._tokens):
            raise NotJust("end")
        token = self._tokens[self.at]
        self.at += 1
        if token.kind == "text":
            return _literal(token.text)
        if token.kind == "command":
            return f"$({token.text.strip('`').strip()})"
        if token.text == "/":
            return f"/{self.operand()}"
        if token.text == "(":
            value = self.value()
            self.take(")")
            return value
        if token.text == "if":
            return self._choice()
        if token.kind != "name":
            raise NotJust(token.text)
        if self.peek() == "(":
            return self._call(token.text)
        known = self._lookup(token.text)
        if known is None:
            raise NotJust(token.text)
        return known

    def _choice(self) -> str:
        left = self.value()
        operator = self.peek()
        if operator not in ("==", "!=", "=~", "!~"):
            raise NotJust(operator)
        self.at += 1
        right = self.value()
        self.take("{")
        first = self.value()
        self.take("}")
        self.take("else")
        if self.peek() == "if":
            second = self.operand()
        else:
            self.take("{")
            second = self.value()
            self.take("}")
        if "$" in left + right or operator in ("=~", "!~"):
            return first if first == second else UNKNOWN
        return first if (left == right) is (operator == "==") else second

    def _call(self, name: str) -> str:
        self.take("(")
        arguments: list[str] = []
        while self.peek() != ")":
            arguments.append(self.value())
            if self.peek() == ",":
                self.at += 1
        self.take(")")
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
