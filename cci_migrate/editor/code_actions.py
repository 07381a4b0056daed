"""Fixes as code actions: each is the proven change that the command line would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lsprotocol.types import (
    CodeAction,
    CodeActionKind,
    Diagnostic,
    OptionalVersionedTextDocumentIdentifier,
    Range,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
)
from msgspec import Struct, ValidationError, convert, to_builtins
from typing_extensions import assert_never

from cci_migrate.editor.config_reviews import Review
from cci_migrate.editor.text_positions import TextPositions
from cci_migrate.engine.proof import ProvenFile
from cci_migrate.findings import (
    APPLY_ALL,
    Answer,
    Apply,
    Decision,
    Decisions,
    Finding,
    Fix,
    NoFix,
    Question,
    Skip,
    Suppress,
)
from cci_migrate.lossless.edits import with_none_behind_the_last_line
from cci_migrate.lossless.source import SourceText

#: Identifies the file at a path as the editor does, with the version of its text.
DocumentOf = Callable[[Path], OptionalVersionedTextDocumentIdentifier]
#: For the user to replace.
_REASON = "TODO: add a reason"


class ActionData(Struct, frozen=True, forbid_unknown_fields=True):
    """What a code action is to do: it comes back when the user chooses it.

    ``path`` is the config's first file. ``key`` names the finding, ``rule`` all findings of a rule;
    neither: the whole config. ``choice`` answers its question, ``ignores`` writes a comment.
    """

    path: str
    key: str = ""
    rule: str = ""
    choice: str = ""
    ignores: bool = False


def code_actions(
    review: Review, path: Path, selected: Range, shown: Sequence[Diagnostic]
) -> Iterator[CodeAction]:
    """What can be done about the findings in the lines of ``selected`` of the file ``path``.

    ``shown`` are the diagnostics that the editor has there. Their edits are made on demand.
    """
    config = str(review.config.path_of(review.config.files.paths[0]))
    lines = range(selected.start.line, selected.end.line + 1)
    there = [finding for finding in _fixable(review) if review.is_at(finding, path, lines)]
    for finding in there:
        key = str(finding.key)
        about = [diagnostic for diagnostic in shown if diagnostic.data == key]
        for title, data in _ways_to_fix(finding, config):
            yield _action(title, data, about, is_preferred=isinstance(finding.remedy, Fix))
        yield _action(f"Ignore {finding.rule} here", ActionData(config, key, ignores=True), about)
    all_fixable = [finding for finding in _fixable(review) if isinstance(finding.remedy, Fix)]
    for rule in dict.fromkeys(finding.rule for finding in there):
        count = sum(finding.rule == rule for finding in all_fixable)
        if count > 1:
            yield _action(f"Fix all {count} {rule} findings", ActionData(config, rule=rule), [])
    if all_fixable:
        title = "Fix all findings of cci-migrate"
        yield _action(title, ActionData(config), [], CodeActionKind.SourceFixAll)
        if len(all_fixable) > 1 and there:
            yield _action(title, ActionData(config), [])


def action_data(raw: Any) -> ActionData | None:
    """What an editor sent back; None for anything that is not of ours."""
    try:
        return convert(raw, ActionData)
    except ValidationError:
        return None


def edit_of(review: Review, data: ActionData, document: DocumentOf) -> WorkspaceEdit | None:
    """The edit that carries out ``data``; None if the text has changed or it can't be proven.

    ``document`` identifies a file as the editor does.
    """
    decisions = _decisions(review, data)
    change = None if decisions is None else review.change(decisions)
    if change is None:
        return None
    edits = [
        TextDocumentEdit(document(review.config.path_of(file.path)), _text_edits(review, file))
        for file in change.files
    ]
    return WorkspaceEdit(document_changes=edits)


def _decisions(review: Review, data: ActionData) -> Decisions | None:
    if data.key:
        resolution = review.resolution(data.key)
        if resolution is None:
            return None
        decision: Decision = Apply()
        if data.ignores:
            decision = Suppress(_REASON)
        elif data.choice:
            decision = Answer(data.choice)
        return Decisions(Skip(), {resolution.finding.key: decision})
    if data.rule:
        findings = [resolution.finding for resolution in review.resolutions]
        of_rule = (finding for finding in findings if finding.rule == data.rule)
        return Decisions(Skip(), {finding.key: Apply() for finding in of_rule})
    return APPLY_ALL


def _fixable(review: Review) -> Iterator[Finding]:
    for resolution in review.resolutions:
        if not isinstance(resolution.finding.remedy, NoFix):
            yield resolution.finding


def _ways_to_fix(finding: Finding, config: str) -> Iterator[tuple[str, ActionData]]:
    key = str(finding.key)
    match finding.remedy:
        case Fix(summary=summary):
            yield f"Fix: {summary}", ActionData(config, key)
        case Question(choices=choices):
            for choice in choices:
                if isinstance(choice.remedy, Fix):
                    yield f"Fix: {choice.label}", ActionData(config, key, choice=choice.key)
        case NoFix():
            pass
        case _:
            assert_never(finding.remedy)


def _action(
    title: str,
    data: ActionData,
    about: list[Diagnostic],
    kind: CodeActionKind = CodeActionKind.QuickFix,
    *,
    is_preferred: bool = False,
) -> CodeAction:
    return CodeAction(
        title, kind, about or None, is_preferred=is_preferred or None, data=to_builtins(data)
    )


def _text_edits(review: Review, file: ProvenFile) -> list[TextEdit]:
    source = SourceText.decode(file.path, file.before)
    positions = TextPositions(source.text, review.encoding)
    return [
        TextEdit(positions.range(edit.span.start, edit.span.end), edit.text)
        for edit in with_none_behind_the_last_line(source.text, file.edits)
    ]
