"""What a rule is: an id, a manual page, a detector and examples that are tests at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from cci_migrate.findings import Finding
from cci_migrate.policy.model import Policy

if TYPE_CHECKING:
    from cci_migrate.assessing.assessment import Assessment


class Example(Struct, frozen=True):
    """A config the rule finds fault with, and what the fix makes of it.

    ``after`` None: the rule finds something and leaves the file as it is.
    """

    title: str
    before: str
    after: str | None
    policy: Policy = field(default_factory=Policy)


class Unchanged(Struct, frozen=True):
    """A config in which the rule finds nothing."""

    title: str
    text: str
    policy: Policy = field(default_factory=Policy)


class Rule(Struct, frozen=True):
    """One rule. ``manual`` is its module's docstring: the manual page, in Markdown.

    ``detect`` yields findings and keeps no state. Rules are told by ``rank``, the least first; one
    whose findings rest on those of another (`Finding.after`) has a greater one.
    """

    id: str
    summary: str
    manual: str
    detect: Callable[[Assessment], Iterator[Finding]]
    examples: tuple[Example | Unchanged, ...] = ()
    rank: int = 100
