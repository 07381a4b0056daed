"""Conditions that only test whether variables are empty.

``if [ -n "$PASSWORD" ]`` around a login is a guard: the login is skipped only if there is nothing
to log in with.
"""

from __future__ import annotations

import re

from msgspec import Struct

_VARIABLE = r"\$(?:\{(?P<braced>\w+)(?::?[-+]\w*)?\}|(?P<bare>\w+))"
_UNARY = re.compile(rf"-(?P<operator>[nzv])\s+(?:\"?x?{_VARIABLE}\"?|(?P<name>[A-Za-z_]\w*))")
_COMPARED = re.compile(
    rf"(?P<quote>\"?)(?P<mark>[xX_]?){_VARIABLE}(?P=mark)?(?P=quote)\s*"
    r"(?P<operator>==?|!=)\s*(?:\"\"|''|\"?(?P<other>[xX_])\"?)"
)
_ALONE = re.compile(rf"\"?{_VARIABLE}\"?")
_AND_OR = re.compile(r"(?<!\s)\s+(&&|\|\||-a|-o)\s+")


class Emptiness(Struct, frozen=True):
    """A condition on the variables ``names``.

    ``true_when_empty``: if it holds, one of them is empty. Otherwise: if it fails, one is.
    """

    names: frozenset[str]
    true_when_empty: bool

    def negated(self) -> Emptiness:
        """The opposite condition."""
        return Emptiness(self.names, not self.true_when_empty)


def joined(first: Emptiness | None, second: Emptiness | None) -> Emptiness | None:
    """Both conditions combined, by "and" or by "or"; None if they test for different things.

    "A or B is empty" and "A and B are empty" both hold only if one is empty; likewise, tests for
    set variables fail only if one is empty.
    """
    if first is None or second is None or first.true_when_empty != second.true_when_empty:
        return None
    return Emptiness(first.names | second.names, first.true_when_empty)


def emptiness_of(test: str) -> Emptiness | None:
    """The inside of ``[ ... ]`` or ``[[ ... ]]`` as a test for empty variables, or None."""
    terms = _AND_OR.split(test.strip())
    emptiness = _term_emptiness(terms[0].strip())
    for term in terms[2::2]:
        emptiness = joined(emptiness, _term_emptiness(term.strip()))
    return emptiness


def _term_emptiness(term: str) -> Emptiness | None:
    bare = term.removeprefix("!").lstrip()
    true_when_empty = False
    if (unary := _UNARY.fullmatch(bare)) is not None:
        name = unary["braced"] or unary["bare"]
        if (unary["operator"] == "v") == bool(name):
            return None
        name = name or unary["name"]
        true_when_empty = unary["operator"] == "z"
    elif (compared := _COMPARED.fullmatch(bare)) is not None:
        if (compared["mark"] or "") != (compared["other"] or ""):
            return None
        name = compared["braced"] or compared["bare"]
        true_when_empty = compared["operator"] != "!="
    elif (alone := _ALONE.fullmatch(bare)) is not None:
        name = alone["braced"] or alone["bare"]
    else:
        return None
    emptiness = Emptiness(frozenset((name,)), true_when_empty)
    return emptiness.negated() if term.startswith("!") else emptiness
