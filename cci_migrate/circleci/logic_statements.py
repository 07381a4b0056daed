"""Conditions of ``when`` and ``unless`` steps: which are equal, and which are certain to hold.

https://circleci.com/docs/reference/configuration-reference/#logic-statements
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import is_null, items_or_itself, values_by_key
from cci_migrate.lossless.nodes import Mapping, Node, Scalar, Sequence, resolved

#: Insignificant white space inside ``<< >>``.
_SPACE = lazy_pattern(r"(?<=<<)\s+|(?<!\s)\s+(?=>>)")
#: Booleans of YAML 1.1.
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Condition(Struct, frozen=True):
    """A condition. Equal conditions have equal ``text``.

    ``holds`` is None if that depends on something that is only known when a pipeline runs.
    """

    text: str
    holds: bool | None


def condition_of(
    node: Node | None, expand: Callable[[str], str], spend: Callable[[], None]
) -> Condition:
    """The condition ``node``; ``expand`` replaces known parameters in its strings.

    ``spend`` is called for each part of it; what it raises is not caught.
    """
    spend()
    value = None if node is None else resolved(node)
    if isinstance(value, Scalar):
        text = "" if is_null(value) else expand(value.value).strip()
        if "<<" in text or ">>" in text:
            text = _SPACE.sub("", text)
        return Condition(repr(text), None if "<<" in text else is_truthy(text))
    if isinstance(value, Sequence):
        # A list is only valid as the arguments of a statement; alone it means nothing.
        parts = [condition_of(item, expand, spend) for item in value.items]
        return Condition(f"[{', '.join(part.text for part in parts)}]", None)
    if not isinstance(value, Mapping):
        return Condition("", None)
    parts = [
        _statement(name, argument, expand, spend) for name, argument in values_by_key(value).items()
    ]
    text = f"{{{', '.join(part.text for part in parts)}}}"
    return Condition(text, parts[0].holds if len(parts) == 1 else None)


def boolean(text: str) -> bool | None:
    """The boolean that the plain scalar ``text`` is in YAML 1.1; None if it isn't one."""
    return _BOOLEANS.get(text.lower())


def is_truthy(text: str) -> bool:
    """Whether a condition that is the scalar ``text`` holds: not if it is empty, 0 or false."""
    return text not in ("", "0") and boolean(text) is not False


def _statement(
    name: str, node: Node, expand: Callable[[str], str], spend: Callable[[], None]
) -> Condition:
    parts = [condition_of(item, expand, spend) for item in items_or_itself(node)]
    text = f"{name}: [{', '.join(part.text for part in parts)}]"
    outcomes = [part.holds for part in parts]
    holds: bool | None = None
    if name == "not" and len(outcomes) == 1 and outcomes[0] is not None:
        holds = not outcomes[0]
    elif name == "and" and False in outcomes:
        holds = False
    elif name == "or" and True in outcomes:
        holds = True
    elif name in ("and", "or") and outcomes and None not in outcomes:
        holds = name == "and"
    elif name == "equal" and outcomes and None not in outcomes:
        holds = len({part.text for part in parts}) == 1
    return Condition(text, holds)
