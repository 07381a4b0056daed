"""What an editor shows of a finding or a pull under the pointer, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lsprotocol.types import Hover, MarkupContent, MarkupKind

from cci_migrate.editor.config_reviews import Review
from cci_migrate.engine.explanation import ExplainedPull
from cci_migrate.findings import Finding
from cci_migrate.reports.explanation_tree import explanation_tree
from cci_migrate.reports.terminal_page import Page
from cci_migrate.rules.catalogue import RULES

_SUMMARIES = {rule.id: rule.summary for rule in RULES}


def hover_at(review: Review, path: Path, line: int) -> Hover | None:
    """The findings and the pulls on ``line`` (from 0) of the file ``path``; None if none."""
    texts = [
        *(
            _of_finding(resolution.finding)
            for resolution in review.resolutions
            if review.is_at(resolution.finding, path, range(line, line + 1))
        ),
        *_of_pulls([pull for pull in review.pulls if _is_on(review, pull, path, line)]),
    ]
    if not texts:
        return None
    return Hover(MarkupContent(MarkupKind.Markdown, "\n\n---\n\n".join(texts)))


def _of_finding(finding: Finding) -> str:
    because = f"\n\n{finding.because}" if finding.because else ""
    return f"**{finding.rule}**: {_SUMMARIES[finding.rule]}{because}"


def _is_on(review: Review, pull: ExplainedPull, path: Path, line: int) -> bool:
    return review.config.path_of(pull.path) == path and pull.line - 1 == line


def _of_pulls(pulls: list[ExplainedPull]) -> Iterator[str]:
    if pulls:
        tree = "\n".join(explanation_tree(pulls, Page()))
        yield f"```text\n{tree}\n```"
