"""What was meant to be ignored and is no longer there: such comments and entries can go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from cci_migrate.engine.accepted_findings import accepted_findings
from cci_migrate.engine.ignore_comments import (
    IgnoreComment,
    ignore_comments,
    ignored_by,
    misspelt_comments,
)
from cci_migrate.findings import Finding, Fix
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.source import Position
from cci_migrate.policy.baseline import WHOLE_FILE
from cci_migrate.policy.settings import Policy
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.rules.catalogue import RULES


class UnusedSuppression(Struct, frozen=True):
    """A comment (with its ``position``) or an entry of the baseline that ignores nothing."""

    path: str
    position: Position | None
    text: str


def unused_suppressions(
    documents: Sequence[Document], findings: Iterable[Finding], policy: Policy
) -> Iterator[UnusedSuppression]:
    """What ignores none of ``findings``, as far as the rules it is about were asked for."""
    if not policy.applies_ignores or policy.revert is not None:
        return
    all_findings = list(findings)
    comments = {document.source: tuple(ignore_comments(document.source)) for document in documents}
    used = _used_rules(all_findings) if any(comments.values()) else {}
    for source, comments_of_file in comments.items():
        for comment in comments_of_file:
            what = _unused_part(comment, used.get((source.path, comment.start), set()), policy)
            if what is not None:
                yield UnusedSuppression(source.path, source.position(comment.start), what)
        for start in misspelt_comments(source):
            text = "unknown comment; write # cci-migrate: ignore[RULE] reason"
            yield UnusedSuppression(source.path, source.position(start), text)
    if not policy.baseline.entries:
        return
    needed = Counter(accepted_findings(all_findings, policy.baseline).values())
    for entry in sorted((Counter(policy.baseline.entries) - needed).elements()):
        if entry.place == WHOLE_FILE:
            text = f"the baseline's entry for the whole file ({entry.rule}) is no longer needed"
            yield UnusedSuppression(entry.path, None, text)
        elif policy.is_selected(entry.rule):
            text = f"the baseline's {entry.rule} at {entry.place} ({entry.subject})"
            yield UnusedSuppression(entry.path, None, f"{text} no longer occurs")


def _used_rules(findings: list[Finding]) -> dict[tuple[str, int], set[str]]:
    """Which rules each comment, named by its file and its start, ignores findings of.

    One that keeps a fix from adding a context counts too.
    """
    used: dict[tuple[str, int], set[str]] = defaultdict(set)
    places = [(finding.place, finding.rule) for finding in findings]
    for finding in findings:
        if isinstance(finding.remedy, Fix):
            places += ((grant.place, MISSING_CONTEXT) for grant in finding.remedy.withheld)
    for place, rule in places:
        comment = ignored_by(place, rule)
        if comment is not None:
            used[place.source.path, comment.start].add(rule)
    return used


def _unused_part(comment: IgnoreComment, used: set[str], policy: Policy) -> str | None:
    """The part of ``comment`` that ignores nothing; None if there is none or it is not known.

    ``used`` are the rules that it ignores findings of.
    """
    known = {rule.id for rule in RULES}
    strangers = sorted(comment.rules - known)
    if strangers:
        return f"no rule is called {' or '.join(strangers)}"
    asked = comment.rules or known
    if not all(policy.is_selected(rule) for rule in asked):
        return None
    if not comment.rules:
        return None if used else "no finding here"
    unused = sorted(comment.rules - used)
    return f"no {' or '.join(unused)} finding here" if unused else None
