"""What the configs of a session are and what there is to decide on, before anything is asked.

Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from cci_migrate.assessing.impact import registry_name
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Refused
from cci_migrate.findings import Finding, FindingState, NoFix, Question, Severity
from cci_migrate.interactive.interview import Item
from cci_migrate.interactive.shown_lines import Line, Look, Prose
from cci_migrate.wording import counted, shortened, tally

_FEW = 5
_ACCESS_WORDS = {
    Access.AUTHENTICATED: "authenticated",
    Access.UNAUTHENTICATED: "not authenticated",
    Access.INCOMPLETE: "with incomplete credentials",
    Access.UNKNOWN: "unknown",
    Access.NOT_NEEDED: "need no credentials",
}


def overview(names: Sequence[tuple[str, Outcome]], items: Sequence[Item]) -> Iterator[Line]:
    """One look at the whole, before anything is asked.

    ``names`` are the configs with what is found in each, ``items`` what is to be decided on.
    """
    yield from overview_of_configs(names)
    unfixable = [
        resolution.finding
        for _, outcome in names
        if isinstance(outcome, Examined)
        for resolution in outcome.resolutions
        if resolution.state is FindingState.LEFT and isinstance(resolution.finding.remedy, NoFix)
    ]
    yield from _to_decide(items, unfixable)


def overview_of_configs(names: Sequence[tuple[str, Outcome]]) -> Iterator[Line]:
    """The configs, their pulls by registry, and the files that were not examined."""
    examined = [(name, outcome) for name, outcome in names if isinstance(outcome, Examined)]
    files = sum(len(outcome.paths) for _, outcome in examined)
    few = shortened([name for name, _ in examined], _FEW)
    title = counted(len(examined), "config")
    if files != len(examined):
        title += f" in {counted(files, 'file')}"
    yield Prose(f"{title}: {few}" if few else title, Look.HEADING)
    yield from _registries([pull for _, outcome in examined for pull in outcome.pulls])
    for name, outcome in names:
        remark = _not_examined(outcome)
        if remark is not None:
            yield Prose(f"{name}: {remark}", Look.WARNING)


def _registries(pulls: Sequence[ExplainedPull]) -> Iterator[Line]:
    places = {
        (pull.path, pull.line, pull.source, pull.image, pull.registry): pull.access
        for pull in pulls
    }
    by_registry: dict[str | None, Counter[Access]] = defaultdict(Counter)
    for (*_, registry), access in places.items():
        by_registry[registry][access] += 1
    for registry, accesses in sorted(
        by_registry.items(), key=lambda item: (-item[1].total(), item[0] or "")
    ):
        name = "registry unknown" if registry is None else registry_name(registry)
        summary = f"{name}: {counted(accesses.total(), 'pull')}"
        parts = tally((accesses[access], words) for access, words in _ACCESS_WORDS.items())
        yield Prose(f"{summary}, {parts}", indent=2)


def _not_examined(outcome: Outcome) -> str | None:
    match outcome:
        case Refused(reason=reason):
            return f"skipped: {reason}"
        case Failed(problem=problem):
            return problem
        case _:
            return None


def _to_decide(items: Sequence[Item], unfixable: Sequence[Finding]) -> Iterator[Line]:
    questions = sum(isinstance(item.finding.remedy, Question) for item in items)
    fixes = len(items) - questions
    parts = [
        *([counted(fixes, "fix", "fixes")] if fixes else []),
        *([counted(questions, "question")] if questions else []),
    ]
    yield Prose(f"{' and '.join(parts) or 'Nothing'} to decide.")
    serious = sum(item.severity is not Severity.NOTE for item in unfixable)
    if serious:
        words = "finding has no fix" if serious == 1 else "findings have no fix"
        yield Prose(f"{serious} {words}; the report at the end says why.", Look.QUIET)
