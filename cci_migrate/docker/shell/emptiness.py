"""Conditions that only test whether variables are empty.

``if [ -n "$PASSWORD" ]`` around a login is a guard: the login is skipped only if there is nothing
to log in with.
"""

from __future__ import annotations

import re

from msgspec import Struct

_VARIABLE = r"\$(?:\{(?P<braced>\w+)(?::?[-+]\w*)?\}|(?P<bare>\w+))"
_UNARY = re.compile(
    rf"(?P<negation>(?:!\s*)?)-(?P<operator>[nzv])\s+(?:\"?x?{_VARIABLE}\"?|(?P<name>[A-Za-z_]\w*))"
)
_COMPARED = re.compile(
    rf"(?P<negation>(?:!\s*)?)(?P<quote>\"?)(?P<mark>[xX_]?){_VARIABLE}(?P=mark)?(?P=quote)\s*"
    r"(?P<operator>==?|!=)\s*(?:\"\"|''|\"?(?P<other>[xX_])\"?)"
)
_ALONE = re.compile(rf"(?P<negation>(?:!\s*)?)\"?{_VARIABLE}\"?")
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
    unary = _UNARY.fullmatch(term)
    if unary is not None:
        name = unary["braced"] or unary["bare"]
        if (unary["operator"] == "v") == bool(name):
            return None
        names = frozenset((name or unary["name"],))
        emptiness = Emptiness(names, unary["operator"] == "z")
        return emptiness.negated() if unary["negation"] else emptiness
    compared = _COMPARED.fullmatch(term)
    if compared is not None:
        if (compared["mark"] or "") != (compared["other"] or ""):
            return None
        names = frozenset((compared["braced"] or compared["bare"],))
        emptiness = Emptiness(names, compared["operator"] != "!=")
        return emptiness.negated() if compared["negation"] else emptiness
    alone = _ALONE.fullmatch(term)
    if alone is not None:
        emptiness = Emptiness(frozenset((alone["braced"] or alone["bare"],)), true_when_empty=False)
        return emptiness.negated() if alone["negation"] else emptiness
    return None
