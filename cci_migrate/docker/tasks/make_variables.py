"""Expands the variables and functions of make, as far as files and the command line set them.

https://www.gnu.org/software/make/manual/html_node/Using-Variables.html. Unknown values become
equivalent shell code: a variable that no file sets comes from the environment, and ``$(shell x)``
is ``$(x)``. The usual text functions are evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from msgspec import Struct

from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.docker.shell.facts import folder_of
from cci_migrate.docker.tasks.task_script import MOST_TEXT, UnreadableTask
from cci_migrate.docker.word_sets import names
from cci_migrate.escaping.hidden_fields import repr_without

#: The greatest depth of variables inside variables.
_DEEPEST = 40
#: The cost of a variable in addition to the length of its value.
_COST = 16
NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_FUNCTION = re.compile(r"([a-z-]+)[ \t]+(.*)", re.DOTALL)
_SUBSTITUTED = re.compile(r"([^:=\s]+):([^=]*)=(.*)", re.DOTALL)
_BRACKETS = {"(": re.compile("[()]"), "{": re.compile("[{}]")}
#: The stand-in for an unknown text that isn't a variable of the environment.
UNKNOWN = "${MAKE_VALUE}"
TOO_LARGE = "its Makefile is too large to follow"


class Variable(Struct, frozen=True):
    """A variable of a Makefile.

    ``is_default``: the environment overrides it (``?=``). ``value`` is None if it is unknown which
    of several it has.
    """

    value: str | None
    is_default: bool = False

    __repr__ = repr_without("value")


class MakeVariables:
    """The variables of a Makefile. ``environment`` has the known variables of the step."""

    def __init__(self, environment: Mapping[str, str], overrides: Mapping[str, str]) -> None:
        self._environment = environment
        self._overrides = overrides
        self._variables: dict[str, Variable] = {}
        self._local: list[Mapping[str, str]] = []
        self._spent = 0
        self._depth = 0
        #: Part of a text that is not evaluated and mentions Docker.
        self.unread: str | None = None

    def set(self, name: str, operator: str, text: str, guards: tuple[str, ...]) -> None:
        """Execute an assignment, which under ``guards`` may not happen."""
        if operator == "!=":
            operator, text = ":=", f"$(shell {text})"
        before = self._variables.get(name)
        if guards:
            is_default = guards[-1] == f'[ -z "${{{name}}}" ]' and len(guards) == 1
            self._variables[name] = Variable(text if is_default else None, is_default)
        elif operator == "?=":
            if before is None:
                self._variables[name] = Variable(text, is_default=True)
        elif operator == "+=" and before is not None:
            joined = None if before.value is None else f"{before.value} {text}"
            self._variables[name] = Variable(joined, before.is_default)
        elif operator == "+=":
            inherited = self._environment.get(name, f"${{{name}}}")
            self._variables[name] = Variable(f"{inherited.replace('$', '$$')} {text}")
        else:
            is_simple = operator.startswith(":")
            value = self.expand(text).replace("$", "$$") if is_simple else text
            self._variables[name] = Variable(value)

    def is_set(self, name: str) -> bool | None:
        """Whether ``name`` has a non-empty value; None if unknown."""
        variable = self._variables.get(name)
        text = self._environment.get(name, None if variable is None else variable.value)
        if name in self._overrides:
            text = self._overrides[name]
        return None if text is None else bool(text)

    @contextmanager
    def within(self, local: Mapping[str, str]) -> Iterator[None]:
        """Add ``local``, already expanded: automatic variables or a call's arguments."""
        self._local.append(local)
        yield
        self._local.pop()

    def expand(self, text: str, *, is_exact: bool = False) -> str:
        """``text`` with its variables and functions expanded.

        ``is_exact``: a default becomes ``${NAME:-default}``, as the environment may override it.
        Raises UnreadableTask.
        """
        if "$" not in text:
            return text
        if self._depth > _DEEPEST:
            return UNKNOWN
        self._depth += 1
        parts: list[str] = []
        index = 0
        while 0 <= (dollar := text.find("$", index)) < len(text) - 1:
            parts.append(text[index:dollar])
            following = text[dollar + 1]
            if following in "({":
                end = _closing(text, dollar + 1)
                index = end + 1
                parts.append(self._reference(text[dollar + 2 : end], is_exact))
            else:
                index = dollar + 2
                parts.append("$" if following == "$" else self._value(following, is_exact))
            self.spend(len(parts[-1]) + _COST)
        self._depth -= 1
        return "".join((*parts, text[index:]))

    def spend(self, amount: int) -> None:
        """Count work. Raises UnreadableTask past the limit."""
        self._spent += amount
        if self._spent > MOST_TEXT:
            raise UnreadableTask(TOO_LARGE)

    def _reference(self, inner: str, is_exact: bool) -> str:
        self.spend(len(inner))
        function = _FUNCTION.fullmatch(inner)
        if function is not None and (function[1] in _TEXTUAL or function[1] in _OTHERS):
            return self._function(function[1], function[2], is_exact)
        name = self.expand(inner)
        substituted = _SUBSTITUTED.fullmatch(name)
        if substituted is None:
            return self._value(name, is_exact)
        value = self._value(substituted[1], is_exact)
        before, after = substituted[2], substituted[3]
        if "%" not in before:
            before, after = f"%{before}", f"%{after}"
        return UNKNOWN if "$" in value else _patsubst(before, after, value)

    def _value(self, name: str, is_exact: bool) -> str:
        for local in reversed(self._local):
            if name in local:
                return local[name]
        if name in self._overrides:
            return self._overrides[name]
        variable = self._variables.get(name)
        inherited = self._environment.get(name)
        if inherited is not None and (variable is None or variable.is_default):
            return inherited
        if variable is None or variable.value is None:
            return self._outside(name)
        value = self.expand(variable.value, is_exact=is_exact)
        if variable.is_default and (is_exact or not value):
            return f"${{{name}:-{value}}}" if value else self._outside(name)
        return value

    @staticmethod
    def _outside(name: str) -> str:
        return f"${{{name}}}" if NAME.fullmatch(name) else UNKNOWN

    def _function(self, name: str, text: str, is_exact: bool) -> str:
        expanded = partial(self.expand, is_exact=is_exact)
        arguments = arguments_in(text)
        if name == "shell":
            return f"$({expanded(text)})"
        if name in ("info", "warning", "error", "eval"):
            return ""
        if name == "call":
            return self._call([expanded(argument.strip()) for argument in arguments], is_exact)
        if name == "value" and text in self._variables:
            return self._variables[text].value or UNKNOWN
        if name == "foreach" and len(arguments) == 3:
            variable, words = expanded(arguments[0]).strip(), expanded(arguments[1])
            if "$" not in words:
                rounds: list[str] = []
                for word in words.split():
                    with self.within({variable: word}):
                        rounds.append(expanded(arguments[2]))
                return " ".join(rounds)
        if name == "if" and len(arguments) > 1:
            condition = expanded(arguments[0].strip())
            if "$" not in condition:
                return expanded("".join(arguments[1:2] if condition else arguments[2:3]))
        if name in _TEXTUAL:
            # White space counts in what is substituted only.
            values = [
                expanded(argument if name == "subst" else argument.strip())
                for argument in arguments
            ]
            if not any("$" in value for value in values):
                return _TEXTUAL[name](values)
        if "MAKEFILE_LIST" in text or (name in ("abspath", "realpath", "dir") and text == "."):
            return "./" if name == "dir" else "."
        if name in ("abspath", "realpath"):
            return expanded(text)
        if mentions_docker(text):
            self.unread = f"$({name} ...) isn't evaluated"
        return UNKNOWN

    def _call(self, arguments: list[str], is_exact: bool) -> str:
        variable = self._variables.get(arguments[0])
        if variable is None or variable.value is None:
            return UNKNOWN
        with self.within({str(index): text for index, text in enumerate(arguments)}):
            return self.expand(variable.value, is_exact=is_exact)


def _closing(text: str, start: int) -> int:
    """Where the bracket at ``start`` closes; the end of the text if it doesn't."""
    opening = text[start]
    depth = 0
    for match in _BRACKETS[opening].finditer(text, start):
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return match.start()
    return len(text)


def arguments_in(text: str) -> list[str]:
    """Split ``text`` at commas outside of brackets."""
    parts: list[str] = []
    depth = start = 0
    for match in re.finditer(r"[(){},]", text):
        if match[0] == "," and depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
        elif match[0] != ",":
            depth += 1 if match[0] in "({" else -1
    return [*parts, text[start:]]


def pattern_stem(pattern: str, name: str) -> str | None:
    """What ``%`` of ``pattern`` matches in ``name``; None if it doesn't match."""
    before, _, after = pattern.partition("%")
    is_longer = len(name) > len(before) + len(after)
    if is_longer and name.startswith(before) and name.endswith(after):
        return name[len(before) : len(name) - len(after)]
    return None


def _patsubst(pattern: str, replacement: str, words: str) -> str:
    def replaced(word: str) -> str:
        if word == pattern:
            return replacement
        stem = pattern_stem(pattern, word) if "%" in pattern else None
        return word if stem is None else replacement.replace("%", stem, 1)

    return " ".join(map(replaced, words.split()))


def _filtered(patterns: str, words: str, *, keep: bool) -> str:
    listed = patterns.split()

    def fits(word: str) -> bool:
        return any(word == pattern or pattern_stem(pattern, word) is not None for pattern in listed)

    return " ".join(word for word in words.split() if fits(word) is keep)


def _each(change: Callable[[str], str]) -> Callable[[list[str]], str]:
    return lambda values: " ".join(map(change, values[-1].split()))


#: Functions of texts alone.
_TEXTUAL: Mapping[str, Callable[[list[str]], str]] = {
    "strip": lambda values: " ".join(",".join(values).split()),
    "subst": lambda values: values[2].replace(values[0], values[1]) if len(values) == 3 else "",
    "patsubst": lambda values: _patsubst(*values) if len(values) == 3 else "",
    "addprefix": lambda values: " ".join(f"{values[0]}{value}" for value in values[-1].split()),
    "addsuffix": lambda values: " ".join(f"{value}{values[0]}" for value in values[-1].split()),
    "firstword": lambda values: (values[-1].split() or [""])[0],
    "lastword": lambda values: (values[-1].split() or [""])[-1],
    "sort": lambda values: " ".join(sorted(set(values[-1].split()))),
    "filter": lambda values: _filtered(values[0], values[-1], keep=True),
    "filter-out": lambda values: _filtered(values[0], values[-1], keep=False),
    "notdir": _each(lambda word: word.rpartition("/")[2]),
    "basename": _each(lambda word: re.sub(r"\.[^./]*$", "", word)),
    "dir": _each(lambda word: f"{folder_of(word)}/"),
    "or": lambda values: next((value for value in values if value), ""),
    "and": lambda values: values[-1] if all(values) else "",
}
_OTHERS = names(
    "shell info warning error eval call value foreach if abspath realpath wildcard word words"
    " wordlist join suffix file"
)
