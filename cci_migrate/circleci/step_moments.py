"""The order of events in the steps of a job, and which ones surely happened before others."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cci_migrate.circleci.steps import Step
from cci_migrate.docker.shell.facts import Fact, Script
from cci_migrate.docker.shell.script_reading import logged_in_at_end, logged_in_before


class Moment(Struct, frozen=True, eq=False):
    """When something happens: in a step, at a fact of its script or of a script that it calls.

    ``facts`` leads from the step's own script to the innermost one, each fact with its script; it
    is empty for a step without a script. ``order`` is the index of the step. ``is_reliable``: later
    steps can rely on its effect.
    """

    order: int
    step: Step
    facts: tuple[tuple[Script, Fact], ...]
    is_reliable: bool = True


def surely_before(moments: Sequence[Moment], target: Moment) -> bool:
    """Whether one of ``moments`` has always happened before ``target``.

    Several are combined only if they are facts of one script: one in each branch.
    """
    first = moments[0]
    if first.order == target.order:
        return _before_in_step(
            [moment.facts for moment in moments if moment.order == target.order], target
        )
    if first.order > target.order or not first.is_reliable:
        return False
    if not first.step.guards <= target.step.guards:
        return False
    if not first.facts:
        return True
    alternatives = [moment for moment in moments if moment.order == first.order]
    script = first.facts[0][0]
    outermost = [moment.facts[0][1] for moment in alternatives if moment.facts]
    inner = all(logged_in_at_end([fact], inside) for inside, fact in first.facts[1:])
    return inner and logged_in_at_end(outermost, script)


def surely_done(moment: Moment) -> bool:
    """Whether ``moment`` has always happened by the end of its step."""
    return all(logged_in_at_end([fact], script) for script, fact in moment.facts)


def _before_in_step(ways: list[tuple[tuple[Script, Fact], ...]], target: Moment) -> bool:
    if not ways or not ways[0] or not target.facts:
        return False
    first = ways[0]
    depth = 0
    while depth < min(len(first), len(target.facts)) and first[depth][1] is target.facts[depth][1]:
        depth += 1
    if depth >= min(len(first), len(target.facts)):
        return False
    if not all(logged_in_at_end([fact], script) for script, fact in first[depth + 1 :]):
        return False
    here = [way[depth][1] for way in ways if len(way) > depth and way[depth][0] is first[depth][0]]
    return logged_in_before(here, target.facts[depth][1])
