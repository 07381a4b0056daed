"""Findings of one kind in one file, which every report for people shows together."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.findings import (
    Effect,
    Finding,
    FindingState,
    Fix,
    NoFix,
    Question,
    Resolution,
    summary_of,
)
from cci_migrate.groups import grouped
from cci_migrate.reports.report import Report, Result, resolutions_of
from cci_migrate.wording import with_advice

_EFFECTS = tuple(Effect)


class GroupKind(Struct, frozen=True):
    """What findings of a group have in common. ``remedy`` is what is done, or why nothing is."""

    effect: Effect
    rule: str
    plural: str
    because: str
    state: FindingState
    remedy: str


class FindingGroup(Struct, frozen=True):
    """The findings of one kind in the file at ``path`` of ``result``, sorted by their places."""

    kind: GroupKind
    result: Result
    path: str
    resolutions: tuple[Resolution, ...]

    @property
    def first(self) -> Finding:
        """The first finding."""
        return self.resolutions[0].finding

    @property
    def location(self) -> str:
        """The place of the first finding, which editors open: ``path:line:column``."""
        return location(self.result, self.first)

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the other findings, each once."""
        findings = (resolution.finding for resolution in self.resolutions)
        lines = dict.fromkeys(finding.place.position.line for finding in findings)
        return tuple(line for line in lines if line != self.first.place.position.line)

    @property
    def headline(self) -> str:
        """What is wrong: the only message, or what the findings are."""
        return headline((self,))

    def others(self, limit: int | None = None) -> str:
        """``and 11 more: lines 12, 40, …``, with up to ``limit`` lines; empty if there are none."""
        count = len(self.resolutions) - 1
        lines = self.lines
        if not count:
            return ""
        if not lines:
            return f"and {count} more on that line"
        some = lines[:limit]
        numbers = ", ".join([*map(str, some), *(["…"] if len(lines) > len(some) else [])])
        return f"and {count} more: {'line' if len(lines) == 1 else 'lines'} {numbers}"

    @property
    def remedy(self) -> str:
        """What a fix does, or why there is none and what to do instead."""
        return remedy_of(self.resolutions)


def groups_of(report: Report, is_listed: Callable[[Resolution], bool]) -> list[FindingGroup]:
    """The listed findings of ``report``: what is limited today first, what is ignored last."""
    alike = grouped(
        ((_kind(resolution), result, resolution.finding.place.source.path), resolution)
        for result in report.results
        for resolution in filter(is_listed, resolutions_of(result.outcome))
    )
    groups = [FindingGroup(*key, tuple(resolutions)) for key, resolutions in alike.items()]
    return sorted(groups, key=lambda group: _rank(group.kind))


def location(result: Result, finding: Finding) -> str:
    """Where ``finding`` is: ``path:line:column``, with control characters escaped."""
    return result.display_place(finding.place.source.path, finding.place.position)


def headline(groups: tuple[FindingGroup, ...]) -> str:
    """What the findings of ``groups``, all of one kind, are."""
    count = sum(len(group.resolutions) for group in groups)
    if count == 1:
        return f"{groups[0].first.message} ({groups[0].first.owner})"
    files = f" in {len(groups)} files" if len(groups) > 1 else ""
    return f"{count} {groups[0].kind.plural}{files}"


def remedy_of(resolutions: tuple[Resolution, ...]) -> str:
    """What is done about ``resolutions``, all of one kind, or why nothing is.

    "fix: add auth under 11 images", "no fix: REASON; DO THIS INSTEAD"
    """
    first = resolutions[0]
    remedy = first.finding.remedy
    match first.state:
        case FindingState.SUPPRESSED:
            return f"ignored: {first.reason}" if first.reason else "ignored"
        case FindingState.BASELINE:
            return first.reason
        case FindingState.FIXED if isinstance(remedy, Question):
            return "fix: as you answered"
        case FindingState.FIXED:
            fixes = [resolution.finding.remedy for resolution in resolutions]
            return f"fix: {summary_of([fix for fix in fixes if isinstance(fix, Fix)])}"
        case FindingState.LEFT:
            return _why_left(first)
        case _:
            assert_never(first.state)


def _why_left(resolution: Resolution) -> str:
    remedy = resolution.finding.remedy
    match remedy:
        case Fix():
            return f"not fixed: {resolution.reason}"
        case NoFix(reason, instead):
            return f"no fix: {with_advice(resolution.reason or reason, instead)}"
        case Question(text):
            reason = f"needs a decision: {text}"
            asked = resolution.reason == reason
            return f"{reason} (--interactive asks)" if asked else f"not fixed: {resolution.reason}"
        case _:
            assert_never(remedy)


def _kind(resolution: Resolution) -> GroupKind:
    finding = resolution.finding
    is_fixed = resolution.state is FindingState.FIXED
    fixed = finding.remedy.title if isinstance(finding.remedy, Fix) else ""
    return GroupKind(
        finding.effect,
        finding.rule,
        finding.plural,
        finding.because,
        resolution.state,
        fixed if is_fixed else remedy_of((resolution,)),
    )


def _rank(kind: GroupKind) -> tuple[bool, int]:
    return kind.state.is_ignored, _EFFECTS.index(kind.effect)
