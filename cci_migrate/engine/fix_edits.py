"""Which edits of a proven change each fix makes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.engine.examination import Examination
from cci_migrate.engine.outcomes import FileEdit
from cci_migrate.engine.planning import Plan, edits_of_fix
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.findings import FindingKey, Fix


def edits_by_finding(
    examined: Examination, plan: Plan, change: ProvenChange
) -> Mapping[FindingKey, tuple[FileEdit, ...]]:
    """The edits of each fix of ``plan`` that ``change`` makes exactly as the fix alone would.

    A fix with an edit that was not proven, or on a line with a secret, is left out: a reader may
    apply these edits, and everybody can read them.
    """
    proven = {file.path: frozenset(file.edits) for file in change.files}
    edits: dict[FindingKey, tuple[FileEdit, ...]] = {}
    for finding in plan.fixed_findings:
        if not isinstance(finding.remedy, Fix):
            continue
        by_path = edits_of_fix(examined.documents, finding.remedy, examined.placement)
        own = tuple(FileEdit(path, edit) for path, each in by_path.items() for edit in each)
        is_proven = all(each.edit in proven.get(each.path, ()) for each in own)
        if own and is_proven and not any(_touches_secret(each, examined) for each in own):
            edits[finding.key] = own
    return edits


def _touches_secret(edited: FileEdit, examined: Examination) -> bool:
    """Whether a line has a secret, as it is or as it becomes: parts of one do not show it."""
    source = next(each.source for each in examined.documents if each.source.path == edited.path)
    span = edited.edit.span
    start, end = source.line_start(span.start), source.line_end(span.end)
    before = source.text[start:end]
    after = source.text[start : span.start] + edited.edit.text + source.text[span.end : end]
    lines = {*before.splitlines(), *after.splitlines()}
    return any(examined.redaction.withheld_in(line) for line in lines)
