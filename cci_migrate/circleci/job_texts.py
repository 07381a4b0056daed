"""What texts in the steps of a job become when CircleCI replaces the parameters in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import Job
from cci_migrate.circleci.expressions import has_expression, references
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.parameter_values import ParameterValues

#: Separates texts that are expanded together, as a parameter has the same value in all of them.
_SEPARATOR = "\0"


_Fact = TypeVar("_Fact", bound=Struct)


class JobTexts(Struct, frozen=True, eq=False):
    """The texts in the steps of ``job``; ``is_orb``: it is in an inline orb."""

    job: Job
    values: ParameterValues
    is_orb: bool

    def ways(self, text: str) -> tuple[str, ...]:
        """The texts that ``text`` can become; it alone if it has no parameters."""
        if not has_expression(text):
            return (text,)
        return self.values.texts(text, self.job, is_orb=self.is_orb)

    def ways_of(self, fact: _Fact, *fields: str) -> Iterator[_Fact]:
        """``fact`` for each value of the parameters in its ``fields``: texts, lists of them, None.

        A parameter has the same value in all of them.
        """
        values = {field: getattr(fact, field) for field in fields}
        texts = list(chain.from_iterable(map(_texts_in, values.values())))
        whole = _SEPARATOR.join(texts)
        if not has_expression(whole):
            yield fact
            return
        for way in self.ways(whole):
            remaining = iter(way.split(_SEPARATOR))
            changed: dict[str, object] = {}
            for field, value in values.items():
                parts = tuple(islice(remaining, len(_texts_in(value))))
                changed[field] = parts if isinstance(value, tuple) else next(iter(parts), None)
            yield replace(fact, **changed)

    def is_string(self, text: str) -> bool:
        """Whether the first parameter in ``text`` may be any string."""
        for reference in references(text)[:1]:
            parameter = self.job.parameters.get(reference.name)
            return parameter is not None and parameter.type == "string"
        return False

    def value(self, text: str) -> str:
        """``text`` with its parameters replaced if they have only one value."""
        ways = self.ways(text)
        return ways[0] if len(ways) == 1 else text

    def literal_values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables of ``environment`` with literal values.

        CircleCI passes values on as they are: ``$NAME`` in one is not expanded.
        """
        return {
            name: self.value(text)
            for name, text in environment.items()
            if variable_in(text) is None
        }


def _texts_in(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str) else ()
