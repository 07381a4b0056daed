"""What a rule is: an id, a manual page, a detector and examples that are tests at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from cci_migrate.findings import Effect, Finding
from cci_migrate.policy.settings import Policy

if TYPE_CHECKING:
    from cci_migrate.assessing.assessment import Assessment


class Example(Struct, frozen=True):
    """A config, and the policy that it is examined with."""

    title: str
    text: str
    policy: Policy = field(default_factory=Policy)


class Fixed(Example, frozen=True):
    """A config whose findings are fixed. ``text`` is the diff, with every line of the config."""

    @property
    def before(self) -> str:
        """The config as it is."""
        return self._without("+")

    @property
    def after(self) -> str:
        """The config with the fixes."""
        return self._without("-")

    def _without(self, sign: str) -> str:
        lines = self.text.splitlines(keepends=True)
        return "".join(line[1:] for line in lines if line[0] != sign)


class Reported(Example, frozen=True):
    """A config whose findings have no fix."""


class Unchanged(Example, frozen=True):
    """A config without findings."""


class Provision(Enum):
    """What pulls have once a finding is fixed."""

    #: The image of the finding is pulled with credentials.
    CREDENTIALS = "credentials"
    #: The job of the finding has logged in before its pulls.
    LOGIN = "login"


class Rule(Struct, frozen=True):
    """One rule. ``manual`` is its module's docstring: the manual page, in Markdown.

    ``effect`` is that of most of its findings on CircleCI Cloud. ``security_severity`` is the
    score, from 0 to 10, of a rule about exposed credentials.

    ``detect`` yields findings and keeps no state. Findings are reported by ``rank``, the lowest
    first; a rule whose findings depend on those of another (`Finding.after`) has a higher rank.
    ``provides`` is what its fixes give to pulls, None if they give them nothing: the counts of a
    report and the proof go by it.
    """

    id: str
    summary: str
    effect: Effect
    manual: str
    detect: Callable[[Assessment], Iterator[Finding]]
    examples: tuple[Fixed | Reported | Unchanged, ...]
    rank: int = 100
    provides: Provision | None = None
    security_severity: float | None = None
