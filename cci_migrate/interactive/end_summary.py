"""What accepted fixes do, in numbers, and what does not work after them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Refused
from cci_migrate.engine.proof import ProvenFile
from cci_migrate.findings import (
    Answer,
    Apply,
    Effect,
    FindingState,
    Fix,
    Skip,
    Suppress,
    summary_of,
)
from cci_migrate.interactive.fix_views import diff_lines
from cci_migrate.interactive.interview import Interview, accepted_fix
from cci_migrate.interactive.reviews import ConfigReview, TextChange
from cci_migrate.interactive.shown_lines import BLANK, Line, Look, Prose
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.wording import counted, tally

_MOST_REASONS = 3


def files_of(outcome: Outcome) -> Sequence[ProvenFile]:
    """The files that ``outcome`` changes."""
    if isinstance(outcome, Examined) and outcome.change is not None:
        return outcome.change.files
    return ()


def end_summary(
    interview: Interview, reviews: Sequence[ConfigReview], outcomes: Sequence[Outcome]
) -> Iterator[Line]:
    """The changes and the decisions in numbers, then what does not work.

    ``outcomes`` are those of the configs with ``reviews``, once what was decided is done.
    """
    yield BLANK
    for review, outcome in zip(reviews, outcomes, strict=True):
        for file in files_of(outcome):
            yield Prose(_line_counts(review.config.display_path(file.path), TextChange.of(file)))
    decisions = [(item.finding, interview.decided.get(item.key)) for item in interview.items]
    fixes = [fix for finding, decision in decisions if (fix := accepted_fix(finding, decision))]
    by_title: dict[str, list[Fix]] = {}
    for fix in fixes:
        by_title.setdefault(fix.title, []).append(fix)
    yield Prose(f"{counted(len(fixes), 'fix', 'fixes')} accepted:")
    for alike in by_title.values():
        yield Prose(summary_of(alike), indent=2)
    kinds = Counter(type(decision) for _, decision in decisions)
    rest = tally(
        [
            (kinds[Suppress], "ignored with a comment"),
            (kinds[Skip] + kinds[Answer] + kinds[Apply] - len(fixes), "skipped"),
            (len(interview.remaining), "not decided on"),
        ]
    )
    if rest:
        yield Prose(f"{rest}.")
    for review, outcome in zip(reviews, outcomes, strict=True):
        if isinstance(outcome, Refused | Failed) and isinstance(review.untouched, Examined):
            text = f"{review.config.name} is not changed: {outcome.explanation}"
            yield Prose(text, Look.ERROR)
    for text in _not_working(interview, reviews, outcomes):
        yield Prose(text, Look.WARNING)


def _line_counts(name: str, change: TextChange) -> str:
    """``name: 6 lines added, 1 removed``."""
    signs = Counter(line.sign for line in diff_lines(change, 0))
    added = f"{name}: {counted(signs['+'], 'line')} added"
    return f"{added}, {signs['-']} removed" if signs["-"] else added


def _not_working(
    interview: Interview, reviews: Iterable[ConfigReview], outcomes: Iterable[Outcome]
) -> Iterator[str]:
    """What does not work after the change, with how often."""
    without_context = limited = unprovided = 0
    unmade: Counter[str] = Counter()
    for index, (review, outcome) in enumerate(zip(reviews, outcomes, strict=True)):
        untouched = review.untouched
        if not isinstance(outcome, Examined) or not isinstance(untouched, Examined):
            continue
        unprovided += max(0, outcome.unprovided - untouched.unprovided)
        for resolution in outcome.resolutions:
            finding = resolution.finding
            if resolution.state is not FindingState.LEFT:
                continue
            if accepted_fix(finding, interview.decisions[index].get(finding.key)) is not None:
                unmade[resolution.reason] += 1
            without_context += finding.rule == MISSING_CONTEXT
            limited += finding.effect is Effect.LIMITED
    for reason, count in unmade.most_common(_MOST_REASONS):
        yield f"{counted(count, 'fix', 'fixes')} can't be made: {reason}."
    if without_context:
        jobs = counted(without_context, "workflow job")
        still, their = ("still needs", "its") if without_context == 1 else ("still need", "their")
        yield (
            f"{jobs} {still} a context: unless the project's settings provide the variables, "
            f"{their} auth is empty."
        )
    if unprovided:
        images = counted(unprovided, "image")
        get = "gets" if unprovided == 1 else "get"
        yield (
            f"{images} {get} auth whose variables no context provides: it is empty unless the "
            "project's settings have them."
        )
    if limited:
        yield f"{counted(limited, 'finding')} left that Docker Hub limits today."
