"""The reviews of a session's configs, each examined once for each set of choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.findings import Apply, ChosenNames, Decision, Decisions, Finding, FindingKey, Skip
from cci_migrate.interactive.answers_file import Answers, SavedConfig, saved
from cci_migrate.interactive.fix_views import diff_lines
from cci_migrate.interactive.interview import Interview, Item, can_be_decided, in_order
from cci_migrate.interactive.policy_questions import (
    ConfigNeeds,
    GeneralAnswers,
    answered_names,
    answered_policy,
    needs_of,
)
from cci_migrate.interactive.reviews import ConfigReview, SessionConfig, TextChange
from cci_migrate.policy.text import policy_data


class SessionReviews:
    """The review of each config under the answers so far."""

    def __init__(self, configs: Sequence[SessionConfig]) -> None:
        self._configs = tuple(configs)
        self._general: Sequence[Mapping[FindingKey, ChosenNames]] = [{} for _ in configs]
        self._initial = tuple(ConfigReview(config, {}) for config in configs)
        self.reviews = [*self._initial]

    @property
    def outcomes(self) -> list[tuple[str, Outcome]]:
        """The name and the outcome of each config, before any decision."""
        return [(review.config.name, review.outcome) for review in self.reviews]

    def needs(self) -> list[ConfigNeeds]:
        """What the fixes of each config need, before any question is answered."""
        return [
            needs_of(review.config, review.assessment if self._has_items(review) else None)
            for review in self._initial
        ]

    def _has_items(self, review: ConfigReview) -> bool:
        return any(can_be_decided(resolution.finding) for resolution in review.resolutions)

    def apply_general_answers(self, needs: Sequence[ConfigNeeds], answers: GeneralAnswers) -> None:
        """Review the configs with ``answers`` in their policies, in place of earlier answers."""
        self._general = [answered_names(need, needs, answers) for need in needs]
        for index, (need, names) in enumerate(zip(needs, self._general, strict=True)):
            policy = answered_policy(need, answers)
            if policy != need.policy or names:
                config = replace(self._configs[index], policy=policy)
                self.reviews[index] = ConfigReview(config, names)
            else:
                self.reviews[index] = self._initial[index]

    def apply_names(self, interview: Interview) -> Interview:
        """Review configs for which ``interview`` has other names; returns it with their items."""
        changed = False
        for index, review in enumerate(self.reviews):
            names = {**self._general[index], **interview.names_of(index)}
            if names != review.names:
                self.reviews[index] = ConfigReview(review.config, names)
                changed = True
        return replace(interview, items=in_order(self.items())) if changed else interview

    def items(self) -> list[Item]:
        """The findings to decide on, config by config."""
        return [
            Item(index, finding)
            for index in range(len(self.reviews))
            for finding in self.decidable_findings(index)
        ]

    def decided(self, interview: Interview) -> list[Outcome]:
        """The outcome of each config as ``interview`` decides; nothing is written."""
        return [
            review.decided(Decisions(Skip(), {**_unfixable(review), **interview.decisions[index]}))
            if isinstance(review.outcome, Examined)
            else review.outcome
            for index, review in enumerate(self.reviews)
        ]

    def decidable_findings(self, index: int) -> list[Finding]:
        """The findings of a config that can be decided on."""
        return [
            resolution.finding
            for resolution in self.reviews[index].resolutions
            if not resolution.state.is_ignored and can_be_decided(resolution.finding)
        ]

    def answers(
        self, general: GeneralAnswers, interview: Interview, outcomes: Sequence[Outcome]
    ) -> Answers:
        """The answers file of a session with ``outcomes``."""
        configs = []
        for index, review in enumerate(self.reviews):
            if not isinstance(review.outcome, Examined):
                continue
            decisions, names = interview.decisions[index], interview.names_of(index)
            findings = tuple(
                saved(finding, decisions.get(finding.key, Skip()), names.get(finding.key))
                for finding in self.decidable_findings(index)
            )
            lines = self.changed_lines(index, outcomes[index])
            configs.append(
                SavedConfig(review.config.name, policy_data(review.config.policy), findings, lines)
            )
        return Answers(general=general, configs=tuple(configs))

    def changed_lines(self, index: int, outcome: Outcome) -> tuple[str, ...]:
        """The lines that ``outcome`` removes and adds, without indentation and secrets."""
        change = outcome.change if isinstance(outcome, Examined) else None
        redact = self.reviews[index].redaction
        lines = []
        for file in change.files if change is not None else ():
            for line in diff_lines(TextChange.of(file), 0):
                lines.append(f"{line.sign} {redact.line(line.text.strip())}")
        return tuple(lines)


def _unfixable(review: ConfigReview) -> Mapping[FindingKey, Decision]:
    """Findings without a fix, as if it was to be made: they keep their reasons."""
    findings = (resolution.finding for resolution in review.resolutions)
    return {finding.key: Apply() for finding in findings if not can_be_decided(finding)}
