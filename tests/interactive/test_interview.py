"""What is asked next, and what each answer makes of the rest: without a terminal."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import Answer, Apply, Decisions, FindingState, Resolution, Skip, Suppress
from cci_migrate.interactive.fix_keys import Action
from cci_migrate.interactive.interview import (
    AskAtEnd,
    AskFix,
    AskGroup,
    Ending,
    Interview,
    Item,
    Reply,
    after,
    can_be_decided,
    in_order,
    next_step,
)
from cci_migrate.interactive.reviews import ConfigReview, SessionConfig
from cci_migrate.interactive.session_reviews import SessionReviews
from cci_migrate.lossless.edits import apply_edits
from cci_migrate.policy.settings import Policy
from tests.interactive.conftest import CONFIG, HARD
from tests.processing import process

FILES = {".circleci/config.yml": CONFIG.encode()}
#: With two more images, five that are alike: a group.
GROUP_FILES = {
    path: config.replace(
        b"      - image: postgres:16\n",
        b"".join(b"      - image: postgres:1%d\n" % number for number in range(3)),
    )
    for path, config in FILES.items()
}
HARD_FILES = {".circleci/config.yml": HARD.encode()}


#: Two configs are processed for each.
FEWER = settings(deadline=None, max_examples=40)


def _interview(*files: dict[str, bytes]) -> Interview:
    return Interview(
        in_order(
            Item(number, resolution.finding)
            for number, each in enumerate(files)
            for resolution in _resolutions(each)
            if can_be_decided(resolution.finding)
        )
    )


def _resolutions(files: dict[str, bytes]) -> tuple[Resolution, ...]:
    return _resolutions_of(tuple(files.items()))


@cache
def _resolutions_of(files: tuple[tuple[str, bytes], ...]) -> tuple[Resolution, ...]:
    outcome = process(dict(files), Policy())
    assert isinstance(outcome, Examined)
    return outcome.resolutions


def _replies() -> st.SearchStrategy[list[Reply]]:
    reply: st.SearchStrategy[Reply] = st.one_of(
        st.sampled_from([action for action in Action if action is not Action.QUIT]),
        st.sampled_from(["docker.io", "leave", "remove", "keep"]).map(Answer),
        st.just(Suppress("ours")),
    )
    return st.lists(reply, max_size=25)


@FEWER
@given(_replies())
def test_whatever_is_answered_can_be_proven_and_going_back_returns(replies: list[Reply]) -> None:
    interview = _interview(GROUP_FILES, HARD_FILES)
    for reply in replies:
        step = next_step(interview)
        now = after(interview, reply)
        if isinstance(step, AskFix) and now.decided != interview.decided:
            assert reply is Action.BACK or after(now, Action.BACK).decided == interview.decided
        interview = now
    for number, files in enumerate((GROUP_FILES, HARD_FILES)):
        decided = {
            key.finding: decision
            for key, decision in interview.decided.items()
            if key.config == number
        }
        outcome = process(files, Policy(), Decisions(Skip(), decided))
        assert isinstance(outcome, Examined), outcome
        found = {resolution.finding.key: resolution.state for resolution in outcome.resolutions}
        for key, decision in decided.items():
            if isinstance(decision, Apply) and key in found:
                assert found[key] is FindingState.FIXED
            elif isinstance(decision, Suppress) and key in found:
                assert found[key] is FindingState.SUPPRESSED


@FEWER
@given(st.lists(st.sampled_from([Action.APPLY, Action.SKIP, Action.IGNORE]), max_size=12))
def test_each_item_is_asked_about_once(actions: list[Action]) -> None:
    interview = _interview(FILES)
    asked = []
    for action in actions:
        step = next_step(interview)
        if not isinstance(step, AskFix):
            break
        asked.append(step.item.key)
        reply = Suppress("ours") if action is Action.IGNORE else action
        interview = after(interview, reply)
    assert len(asked) == len(set(asked))


def test_a_group_is_asked_about_before_its_items_and_only_until_it_is_opened() -> None:
    interview = _interview(GROUP_FILES)
    group = next_step(interview)
    assert isinstance(group, AskGroup)
    assert len(group.items) == 5
    assert after(interview, Action.APPLY).accepted == 5
    assert len(after(interview, Action.SKIP).decided) == 5
    opened = after(interview, Action.EACH)
    assert isinstance(next_step(opened), AskFix)
    assert next_step(after(opened, Action.BACK)) == group
    assert isinstance(next_step(after(opened, Action.SKIP)), AskFix)


def test_a_question_is_never_answered_in_passing() -> None:
    interview = _interview(HARD_FILES)
    for action in (Action.ALL_OF_RULE, Action.REST_OF_FILE, Action.APPLY):
        assert not any(
            item.finding.rule in ("undecidable-image", "misrouted-credential")
            for item in interview.items
            if item.key in after(interview, action).decided
        )
    answered = after(interview, Answer("docker.io"))
    assert list(answered.decided.values()) == [Answer("docker.io")]
    assert answered.accepted == 1
    assert after(interview, Answer("leave")).accepted == 0


def test_what_rests_on_another_fix_comes_after_it_wherever_it_stands() -> None:
    jobs, workflows = CONFIG.removeprefix("version: 2.1\n").split("workflows:")
    turned = f"version: 2.1\nworkflows:{workflows}{jobs}"
    rules = [item.finding.rule for item in _interview({"config.yml": turned.encode()}).items]
    assert rules == ["unauthenticated-image"] * 3


def test_it_ends_when_nothing_is_accepted_and_asks_when_something_is() -> None:
    interview = _interview(FILES)
    assert next_step(after(interview, Action.SKIP_FILE)) is Ending.NOTHING
    assert next_step(after(interview, Action.QUIT)) is Ending.NOTHING
    assert isinstance(next_step(after(interview, Action.REST_OF_FILE)), AskAtEnd)


def test_a_preview_is_the_fix_alone_and_all_previews_make_the_change() -> None:
    for files in (FILES, HARD_FILES):
        review = ConfigReview(SessionConfig("", ConfigFiles(files), Policy()), {})
        material = SessionReviews([review.config])
        added = 0
        for item in material.items():
            for change in review.preview(item.finding.key, Apply()):
                source = change.source
                after = apply_edits(source.text, change.edits)
                lines = after.count("\n") - source.text.count("\n")
                assert source.encode() == files[source.path]
                assert 0 <= lines < 12
                added += lines
        items = tuple(material.items())
        interview = Interview(items, {item.key: Apply() for item in items})
        (outcome,) = material.decided(interview)
        assert isinstance(outcome, Examined)
        assert outcome.change is not None
        (file,) = outcome.change.files
        # Two images of one job bring the same context along: it is added once.
        assert 0 < file.after.count(b"\n") - file.before.count(b"\n") <= added
