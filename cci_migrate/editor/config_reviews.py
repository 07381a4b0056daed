"""The review of a config in an editor: its findings, and on demand its pulls and its fixes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from lsprotocol.types import Range
from msgspec import Struct

from cci_migrate.bounds.limits import SIZE_LIMIT, WorkLimits
from cci_migrate.editor.open_files import OpenConfig
from cci_migrate.editor.text_positions import TextPositions
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.explanation import ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Unexamined
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.engine.proposing import propose
from cci_migrate.files.discovery import too_large
from cci_migrate.findings import Decisions, Finding, Resolution
from cci_migrate.policy.settings import Policy
from cci_migrate.reports.report import resolutions_of
from cci_migrate.workers.limited_work import within


class Review(Struct, frozen=True, eq=False, dict=True):
    """A config as it was examined. ``outcome`` has its findings, without changes.

    ``encoding`` names the units of positions in its files.
    """

    config: OpenConfig
    examination: Examination | Unexamined
    outcome: Outcome
    limits: WorkLimits
    encoding: str

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """Its findings that are not ignored."""
        return tuple(
            resolution
            for resolution in resolutions_of(self.outcome)
            if not resolution.state.is_ignored
        )

    @cached_property
    def pulls(self) -> tuple[ExplainedPull, ...]:
        """Its pulls, each with the chain that authenticates it or does not."""
        explained = self._proposed(Decisions(), explain=True)
        return explained.pulls if isinstance(explained, Examined) else ()

    def resolution(self, key: str) -> Resolution | None:
        """The finding with the key ``key``, None if it is no longer there."""
        alike = (known for known in self.resolutions if str(known.finding.key) == key)
        return next(alike, None)

    def change(self, decisions: Decisions) -> ProvenChange | None:
        """The proven change that ``decisions`` make; None if there is none."""
        outcome = self._proposed(decisions)
        return outcome.change if isinstance(outcome, Examined) else None

    def range_of(self, finding: Finding) -> Range:
        """What to underline for ``finding``."""
        span = finding.place.span
        return self._positions[finding.place.source.path].on_one_line(span.start, span.end)

    def is_at(self, finding: Finding, path: Path, lines: range) -> bool:
        """Whether ``finding`` is in one of ``lines``, counted from 0, of the file ``path``."""
        is_in_file = self.config.path_of(finding.place.source.path) == path
        return is_in_file and self.range_of(finding).start.line in lines

    @cached_property
    def _positions(self) -> Mapping[str, TextPositions]:
        """The positions in each file with a finding."""
        sources = {resolution.finding.place.source for resolution in self.resolutions}
        return {source.path: TextPositions(source.text, self.encoding) for source in sources}

    def _proposed(self, decisions: Decisions, *, explain: bool = False) -> Outcome:
        return within(
            self.limits,
            self.config.files.paths,
            lambda: propose(self.examination, decisions, explain=explain, only_find=explain),
        )


def review(config: OpenConfig, policy: Policy, limits: WorkLimits, encoding: str) -> Review:
    """The review of ``config``, with positions in ``encoding``. Raises nothing for bad input."""
    files = config.files
    examination: Examination | Unexamined | None = _too_large(config)
    if examination is None:
        examination = within(limits, files.paths, lambda: examine(files, policy))
    outcome = within(limits, files.paths, lambda: propose(examination, only_find=True))
    return Review(config, examination, outcome, limits, encoding)


def _too_large(config: OpenConfig) -> Failed | None:
    for name, data in config.files.files.items():
        if len(data) > SIZE_LIMIT:
            return too_large(name, len(data))
    return None
