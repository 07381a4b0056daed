"""What findings and decisions come to: a plan that does all that is wanted and can be written."""

from __future__ import annotations

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
from cci_migrate.lossless.nodes import Document, Mapping
from cci_migrate.lossless.operations import AddEntry, Operation, Text
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText

TEXT = "a:\n  x: 1\nb:\n  x: 1\n"


def document(text: str = TEXT) -> Document:
    return parse(SourceText("f.yml", text))


def mapping(of: Document, key: str) -> Mapping:
    found = value_of(of.root, key)
    assert isinstance(found, Mapping)
    return found


def add(of: Document, key: str, name: str = "y", after: str | None = None) -> Operation:
    return AddEntry(mapping(of, key), name, Text("new"), after)


def finding(
    of: Document, route: str, remedy: Remedy, after: tuple[FindingKey, ...] = (), rule: str = "rule"
) -> Finding:
    place = Place(mapping(of, route.partition(".")[0]), route)
    return Finding(rule, place, "m", "ms", "s", "o", Effect.WARNING, "b", remedy, None, after)


def fix(*operations: Operation) -> Fix:
    return Fix("do it", operations)


def states(plan: Plan) -> dict[str, FindingState]:
    return {resolution.finding.place.route: resolution.state for resolution in plan.resolutions}


def result(of: Document, plan: Plan) -> str:
    return apply_edits(of.source.text, plan.edits.get("f.yml", ()))


def test_every_fix_is_made() -> None:
    doc = document()
    plan = plan_changes(
        [doc],
        [finding(doc, "a", fix(add(doc, "a"))), finding(doc, "b", fix(add(doc, "b")))],
        APPLY_ALL,
    )
    assert states(plan) == {"a": FindingState.FIXED, "b": FindingState.FIXED}
    assert result(doc, plan) == "a:\n  x: 1\n  y: new\nb:\n  x: 1\n  y: new\n"


def test_findings_that_share_an_edit_make_it_once() -> None:
    doc = document()
    findings = [finding(doc, route, fix(add(doc, "a"))) for route in ("a.1", "a.2")]
    plan = plan_changes([doc], findings, APPLY_ALL)
    assert result(doc, plan) == "a:\n  x: 1\n  y: new\nb:\n  x: 1\n"


def test_what_cannot_be_written_is_left_and_the_rest_is_done() -> None:
    doc = document()
    impossible = finding(doc, "a", fix(add(doc, "a", after="missing")))
    plan = plan_changes([doc], [impossible, finding(doc, "b", fix(add(doc, "b")))], APPLY_ALL)
    assert states(plan) == {"a": FindingState.LEFT, "b": FindingState.FIXED}
    assert "can't write the change here" in plan.resolutions[0].reason
    assert result(doc, plan) == "a:\n  x: 1\nb:\n  x: 1\n  y: new\n"


def test_what_rests_on_a_fix_that_is_not_made_is_moot() -> None:
    doc = document()
    first = finding(doc, "a", fix(add(doc, "a", after="missing")))
    second = finding(doc, "b", fix(add(doc, "b")), after=(first.key,))
    plan = plan_changes([doc], [first, second], APPLY_ALL)
    assert states(plan) == {"a": FindingState.LEFT}
    assert result(doc, plan) == TEXT


def test_what_rests_on_several_fixes_needs_one_of_them() -> None:
    doc = document()
    first = finding(doc, "a.1", NoFix("no"))
    second = finding(doc, "a.2", fix(add(doc, "a")))
    third = finding(doc, "b", fix(add(doc, "b")), after=(first.key, second.key))
    plan = plan_changes([doc], [first, second, third], APPLY_ALL)
    assert states(plan) == {
        "a.1": FindingState.LEFT,
        "a.2": FindingState.FIXED,
        "b": FindingState.FIXED,
    }


def test_findings_of_one_key_are_each_settled() -> None:
    doc = document()
    findings = [finding(doc, "a", fix(add(doc, "a", name))) for name in ("y", "z")]
    plan = plan_changes([doc], findings, APPLY_ALL)
    assert result(doc, plan) == "a:\n  x: 1\n  y: new\n  z: new\nb:\n  x: 1\n"


def decided(decision: Decision, remedy: Remedy | None = None) -> tuple[Plan, str]:
    doc = document()
    case = finding(doc, "a", remedy or fix(add(doc, "a")))
    plan = plan_changes([doc], [case], Decisions(by_key={case.key: decision}))
    return plan, result(doc, plan)


def test_skipped() -> None:
    plan, text = decided(Skip())
    assert (states(plan), text) == ({"a": FindingState.LEFT}, TEXT)


def test_suppressed_with_a_reason() -> None:
    plan, text = decided(Suppress("public\nimage"))
    assert states(plan) == {"a": FindingState.SUPPRESSED}
    assert "# cci-migrate: ignore[rule] public image\n" in text


def test_a_question_is_left_open_until_it_is_answered() -> None:
    doc = document()
    yes = Choice("yes", "yes", "it is done", fix(add(doc, "a")))
    no = Choice("no", "no", "nothing happens", NoFix("as you said"))
    case = finding(doc, "a", Question("well?", (yes, no)))
    for decision, state in (
        (Apply(), FindingState.LEFT),
        (Answer("yes"), FindingState.FIXED),
        (Answer("no"), FindingState.LEFT),
        (Answer("gone"), FindingState.LEFT),
    ):
        plan = plan_changes([doc], [case], Decisions(by_key={case.key: decision}))
        assert states(plan) == {"a": state}, decision
        assert bool(plan.operations) is (state is FindingState.FIXED)


def test_only_to_know_what_there_is_to_do() -> None:
    doc = document()
    plan = plan_changes([doc], [finding(doc, "a", fix(add(doc, "a")))], APPLY_ALL, writes=False)
    assert states(plan) == {"a": FindingState.FIXED}
    assert plan.edits == {}
