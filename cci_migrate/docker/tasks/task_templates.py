"""Evaluates the templates of a Taskfile as far as its variables determine them.

Go's templates, https://taskfile.dev/docs/reference/templating. A variable that no file sets comes
from the environment, so it becomes shell code: ``${NAME}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cci_migrate.docker.tasks.task_files import EnvironmentDefaults

#: The stand-in for an unknown value.
UNKNOWN = "${TASK_VALUE}"
#: The greatest length of a text with its variables replaced.
_LONGEST = 20_000
_ACTION = re.compile(r"\{\{(-?)((?:[^{}`\"]|\"[^\"\n]*\"|`[^`]*`)*?)(-?)\}\}")
_VARIABLE = re.compile(r"\.([A-Za-z_]\w*)", re.ASCII)
_LITERAL = re.compile(r'"([^"\\]*)"|`([^`]*)`')
_TOKEN = re.compile(r"\"[^\"\\]*\"|`[^`]*`|\||[^\s|\"`]+")
_CONSTANTS = {"OS": "linux", "ARCH": "amd64", "exeExt": ""}
_CONTROL = re.compile(r"(?:if|else|end|range|with|define|template|block|break|continue)\b")


def is_conditional(text: str) -> bool:
    """Whether a template in ``text`` decides what else is in it (``{{if .X}}``)."""
    return any(_CONTROL.match(action[2].strip()) for action in _ACTION.finditer(text))


def expanded(text: str, variables: Mapping[str, str], defaults: EnvironmentDefaults) -> str:
    """``text`` with its templates replaced by their values."""
    if "{{" not in text:
        return text
    parts: list[str] = []
    end = length = 0
    trims = False
    for action in _ACTION.finditer(text):
        literal = text[end : action.start()]
        literal = literal.lstrip() if trims else literal
        parts.append(literal.rstrip() if action[1] else literal)
        parts.append(_value(action[2], variables, defaults))
        length += len(parts[-1]) + len(parts[-2])
        if length > _LONGEST:
            return UNKNOWN
        trims, end = bool(action[3]), action.end()
    rest = text[end:]
    return "".join((*parts, rest.lstrip() if trims else rest))


def _value(action: str, variables: Mapping[str, str], defaults: EnvironmentDefaults) -> str:
    """The value of what is between the braces: a pipeline of functions."""
    functions: list[list[str]] = [[]]
    for word in _TOKEN.findall(action):
        if word == "|":
            functions.append([])
        else:
            functions[-1].append(word)
    first, *others = functions
    value = (
        _operand(first[0], variables) if len(first) == 1 else _called(first, variables, defaults)
    )
    for words in others:
        # A function takes what comes by the pipe as its last argument.
        value = _called(words, variables, defaults, value)
    return UNKNOWN if value is None else value


def _called(
    words: list[str],
    variables: Mapping[str, str],
    defaults: EnvironmentDefaults,
    *piped: str | None,
) -> str | None:
    """The value of the function in ``words``, whose last argument is ``piped`` if that is given."""
    name, arguments = words[0] if words else "", words[1:]
    values = [*(_operand(word, variables) for word in arguments), *piped]
    if name == "index" and arguments[:1] == [".MATCH"] and len(values) == 2 and not piped:
        return variables.get(f"MATCH {arguments[1]}")
    if name == "default" and len(values) == 2:
        # A variable that nothing sets may still be in the environment.
        unset = re.fullmatch(r"\$\{(\w+)\}", values[1] or "")
        if unset is not None and values[0] is not None and unset[0] != UNKNOWN:
            return defaults.of(unset[1], values[0])
        return values[1] or values[0]
    if name in ("trim", "toString", "quote", "q", "shellQuote") and len(values) == 1:
        return values[0]
    if name == "lower" and len(values) == 1 and values[0] and "$" not in values[0]:
        return values[0].lower()
    return None


def _operand(word: str, variables: Mapping[str, str]) -> str | None:
    literal = _LITERAL.fullmatch(word)
    if literal is not None:
        return literal[1] if literal[1] is not None else literal[2]
    variable = _VARIABLE.fullmatch(word)
    if variable is not None:
        return variables.get(variable[1], f"${{{variable[1]}}}")
    return word if word.isdigit() else _CONSTANTS.get(word)
