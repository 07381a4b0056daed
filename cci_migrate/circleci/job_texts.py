"""What texts in the steps of a job become when CircleCI replaces the parameters in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cci_migrate.circleci.config import Job, Namespace
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.parameter_values import ParameterValues

#: Separates texts that are expanded together, as a parameter has the same value in all of them.
_SEPARATOR = "\0"


class JobTexts(Struct, frozen=True, eq=False):
    """The texts in the steps of ``job``, which is in the namespace ``home``."""

    job: Job
    home: Namespace
    values: ParameterValues

    def ways(self, text: str) -> tuple[str, ...]:
        """The texts that ``text`` can become; it alone if it has no parameters."""
        if not has_expression(text):
            return (text,)
        return self.values.texts(text, self.job, is_orb=self.home.is_orb)

    def ways_together(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """What ``texts`` can become, all with the same values of their parameters."""
        for way in self.ways(_SEPARATOR.join(texts)):
            yield way.split(_SEPARATOR) if texts else []

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
