"""What findings and decisions come to: a plan that does all that is wanted and can be written."""

from __future__ import annotations

from cci_migrate.assessing.assessment import assess
from cci_migrate.circleci.config_reading import MountedDocument, read_config
from cci_migrate.engine.context_grants import placement_of
from cci_migrate.engine.planning import Plan, plan_changes
from cci_migrate.findings import (
    APPLY_ALL,
    Answer,
    Apply,
    Choice,
    Decision,
    Decisions,
    Effect,
    Finding,
    FindingKey,
    FindingState,
    Fix,
    NoFix,
    Place,
    Question,
    Remedy,
    Skip,
    Suppress,
)
from cci_migrate.lossless.edits import apply_edits
from cci_migrate.lossless.merging import value_of
from cci_migrate.lossless.nodes import Mapping
from cci_migrate.lossless.operations import AddEntry, Text
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.settings import Policy

TEXT = "a:\n  x: 1\nb:\n  x: 1\n"
DOCUMENT = parse(SourceText("f.yml", TEXT))
PLACEMENT = placement_of(assess(read_config([MountedDocument(DOCUMENT)]), Policy(), {}))


def mapping(key: str) -> Mapping:
    found = value_of(DOCUMENT.root, key)
    assert isinstance(found, Mapping)
    return found


def add(key: str, name: str = "y", after: str | None = None) -> Fix:
    """The fix that adds ``name`` to the mapping ``key``."""
    return Fix("do it", (AddEntry(mapping(key), name, Text("new"), after),))


def finding(
    route: str, remedy: Remedy | None = None, after: tuple[FindingKey, ...] = ()
) -> Finding:
    """A finding at ``route``, which begins with a mapping; without a ``remedy`` it adds there."""
    key = route.partition(".")[0]
    remedy = remedy or add(key)
    place = Place(mapping(key), route)
    return Finding("rule", place, "m", "ms", "s", "o", Effect.WARNING, "b", remedy, None, after)


def planned(*findings: Finding, decisions: Decisions = APPLY_ALL, writes: bool = True) -> Plan:
    return plan_changes([DOCUMENT], findings, decisions, PLACEMENT, writes=writes)


def states(plan: Plan) -> dict[str, FindingState]:
    return {resolution.finding.place.route: resolution.state for resolution in plan.resolutions}


def result(plan: Plan) -> str:
    return apply_edits(TEXT, plan.edits.get("f.yml", ()))


def test_every_fix_is_made() -> None:
    plan = planned(finding("a"), finding("b"))
    assert states(plan) == {"a": FindingState.FIXED, "b": FindingState.FIXED}
    assert result(plan) == "a:\n  x: 1\n  y: new\nb:\n  x: 1\n  y: new\n"


def test_findings_that_share_an_edit_make_it_once() -> None:
    plan = planned(finding("a.1"), finding("a.2"))
    assert result(plan) == "a:\n  x: 1\n  y: new\nb:\n  x: 1\n"


def test_what_cannot_be_written_is_left_and_the_rest_is_done() -> None:
    plan = planned(finding("a", add("a", after="missing")), finding("b"))
    assert states(plan) == {"a": FindingState.LEFT, "b": FindingState.FIXED}
    assert "can't write the change here" in plan.resolutions[0].reason
    assert result(plan) == "a:\n  x: 1\nb:\n  x: 1\n  y: new\n"


def test_what_rests_on_a_fix_that_is_not_made_is_moot() -> None:
    first = finding("a", add("a", after="missing"))
    plan = planned(first, finding("b", after=(first.key,)))
    assert states(plan) == {"a": FindingState.LEFT}
    assert result(plan) == TEXT


def test_what_rests_on_several_fixes_needs_one_of_them() -> None:
    first, second = finding("a.1", NoFix("no")), finding("a.2")
    plan = planned(first, second, finding("b", after=(first.key, second.key)))
    assert states(plan) == {
        "a.1": FindingState.LEFT,
        "a.2": FindingState.FIXED,
        "b": FindingState.FIXED,
    }


def test_findings_of_one_key_are_each_settled() -> None:
    plan = planned(finding("a", add("a", "y")), finding("a", add("a", "z")))
    assert result(plan) == "a:\n  x: 1\n  y: new\n  z: new\nb:\n  x: 1\n"


def decided(decision: Decision, remedy: Remedy | None = None) -> Plan:
    case = finding("a", remedy)
    return planned(case, decisions=Decisions(by_key={case.key: decision}))


def test_skipped() -> None:
    plan = decided(Skip())
    assert (states(plan), result(plan)) == ({"a": FindingState.LEFT}, TEXT)


def test_suppressed_with_a_reason() -> None:
    plan = decided(Suppress("public\nimage"))
    assert states(plan) == {"a": FindingState.SUPPRESSED}
    assert "# cci-migrate: ignore[rule] public image\n" in result(plan)


def test_a_question_is_left_open_until_it_is_answered() -> None:
    yes = Choice("yes", "yes", "it is done", add("a"))
    no = Choice("no", "no", "nothing happens", NoFix("as you said"))
    for decision, state in (
        (Apply(), FindingState.LEFT),
        (Answer("yes"), FindingState.FIXED),
        (Answer("no"), FindingState.LEFT),
        (Answer("gone"), FindingState.LEFT),
    ):
        plan = decided(decision, Question("well?", (yes, no)))
        assert states(plan) == {"a": state}, decision
        assert bool(plan.operations) is (state is FindingState.FIXED)


def test_only_to_know_what_there_is_to_do() -> None:
    plan = planned(finding("a"), writes=False)
    assert states(plan) == {"a": FindingState.FIXED}
    assert plan.edits == {}
