"""Conditions that only ask whether variables are empty.

``if [ -n "$PASSWORD" ]`` in front of a login is a guard: it leaves the login out only where there
is nothing to log in with.
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
    """A condition about ``names`` alone.

    ``true_when_empty``: if it holds, one of them is empty; else: if it does not hold, one is.
    """

    names: frozenset[str]
    true_when_empty: bool

    def negated(self) -> Emptiness:
        """The opposite condition."""
        return Emptiness(self.names, not self.true_when_empty)


def joined(first: Emptiness | None, second: Emptiness | None) -> Emptiness | None:
    """Both conditions together, by "and" or by "or" alike; None where they say different things.

    "A is empty or B is" and "A and B are" both hold only if one is empty; the same for set ones
    that fail.
    """
    if first is None or second is None or first.true_when_empty != second.true_when_empty:
        return None
    return Emptiness(first.names | second.names, first.true_when_empty)


def emptiness_of(test: str) -> Emptiness | None:
    """What the inside of ``[ ... ]`` or ``[[ ... ]]`` says of variables; None if anything else."""
    terms = _AND_OR.split(test.strip())
    found = _of_term(terms[0].strip())
    for term in terms[2::2]:
        found = joined(found, _of_term(term.strip()))
    return found


def _of_term(term: str) -> Emptiness | None:
    unary = _UNARY.fullmatch(term)
    if unary is not None:
        name = unary["braced"] or unary["bare"]
        if (unary["operator"] == "v") == bool(name):
            return None
        names = frozenset((name or unary["name"],))
        found = Emptiness(names, unary["operator"] == "z")
        return found.negated() if unary["negation"] else found
    compared = _COMPARED.fullmatch(term)
    if compared is not None:
        if (compared["mark"] or "") != (compared["other"] or ""):
            return None
        names = frozenset((compared["braced"] or compared["bare"],))
        found = Emptiness(names, compared["operator"] != "!=")
        return found.negated() if compared["negation"] else found
    alone = _ALONE.fullmatch(term)
    if alone is not None:
        found = Emptiness(frozenset((alone["braced"] or alone["bare"],)), true_when_empty=False)
        return found.negated() if alone["negation"] else found
    return None
