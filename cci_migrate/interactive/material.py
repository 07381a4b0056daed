"""The configs of a session under the choices made so far, each examined once for each choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.findings import Apply, Decision, Decisions, Finding, FindingKey, Names, Skip
from cci_migrate.interactive.answers_file import Answers, SavedConfig, saved
from cci_migrate.interactive.interview import Interview, Item, can_be_decided
from cci_migrate.interactive.policy_questions import (
    GeneralAnswers,
    Needs,
    names_with,
    needs_of,
    policy_with,
)
from cci_migrate.interactive.reviews import ConfigReview, SessionConfig, TextChange
from cci_migrate.interactive.views import diff_lines
from cci_migrate.policy.text import policy_data
from cci_migrate.redaction.redaction import Redaction


class Material:
    """The configs, what is found in each, and what becomes of each."""

    def __init__(self, configs: Sequence[SessionConfig]) -> None:
        self._configs = tuple(configs)
        self._general: Sequence[Mapping[FindingKey, Names]] = [{} for _ in configs]
        self._at_first = tuple(ConfigReview(config, {}) for config in configs)
        self.reviews = [*self._at_first]

    @property
    def outcomes(self) -> list[tuple[str, Outcome]]:
        """The name of each config and what is found in it."""
        return [(one.config.name, one.outcome) for one in self.reviews]

    def needs(self) -> list[Needs]:
        """What the fixes of each config need to know, before anything is answered."""
        return [
            needs_of(one.config, one.assessment if self._has_something(one) else None)
            for one in self._at_first
        ]

    def _has_something(self, one: ConfigReview) -> bool:
        resolutions = one.outcome.resolutions if isinstance(one.outcome, Examined) else ()
        return any(can_be_decided(found.finding) for found in resolutions)

    def settle(self, needs: Sequence[Needs], answers: GeneralAnswers) -> None:
        """Take what was answered for all into each config's policy, in place of earlier answers."""
        self._general = names_with(needs, answers)
        for index, one in enumerate(needs):
            policy = policy_with(one, answers)
            names = self._general[index]
            if policy != one.policy or names:
                config = self._configs[index].with_policy(policy)
                self.reviews[index] = ConfigReview(config, names)
            else:
                self.reviews[index] = self._at_first[index]

    def take_names(self, interview: Interview) -> Interview:
        """Examine again the configs for which ``interview`` has other names; its items then."""
        changed = False
        for index, one in enumerate(self.reviews):
            names = {**self._general[index], **interview.names_of(index)}
            if names != one.names:
                self.reviews[index] = ConfigReview(one.config, names)
                changed = True
        return interview.with_items(self.items()) if changed else interview

    def items(self) -> list[Item]:
        """What is to be decided on."""
        return [
            Item(index, one.finding)
            for index, review in enumerate(self.reviews)
            if isinstance(review.outcome, Examined)
            for one in review.outcome.resolutions
            if not one.state.is_ignored and can_be_decided(one.finding)
        ]

    def redaction(self, index: int) -> Redaction:
        """How to show parts of a config."""
        return self.reviews[index].redaction

    def decisions(self, index: int, decided: Mapping[FindingKey, Decision]) -> Decisions:
        """``decided`` as decisions on a config: what nobody could decide on is told as it is."""
        outcome = self.reviews[index].outcome
        resolutions = outcome.resolutions if isinstance(outcome, Examined) else ()
        unfixable = [one.finding.key for one in resolutions if not can_be_decided(one.finding)]
        by_key: dict[FindingKey, Decision] = {**dict.fromkeys(unfixable, Apply()), **decided}
        return Decisions(Skip(), by_key)

    def decided(self, decided: Sequence[Mapping[FindingKey, Decision]]) -> list[Outcome]:
        """What becomes of each config, proven; nothing is written."""
        return [
            one.decided(self.decisions(index, decided[index]))
            if isinstance(one.outcome, Examined)
            else one.outcome
            for index, one in enumerate(self.reviews)
        ]

    def found(self, index: int) -> list[Finding]:
        """The findings of a config that can be decided on."""
        return [item.finding for item in self.items() if item.config == index]

    def answers(
        self,
        general: GeneralAnswers,
        decided: Sequence[Mapping[FindingKey, Decision]],
        own_names: Sequence[Mapping[FindingKey, Names]],
        outcomes: Sequence[Outcome],
    ) -> Answers:
        """What is to be saved of a session that came to ``outcomes``."""
        configs = []
        for index, one in enumerate(self.reviews):
            if not isinstance(one.outcome, Examined):
                continue
            findings = tuple(
                saved(finding, decided[index].get(finding.key, Skip()), names)
                for finding in self.found(index)
                for names in [own_names[index].get(finding.key)]
            )
            lines = self.changed_lines(index, outcomes[index])
            configs.append(
                SavedConfig(one.config.name, policy_data(one.config.policy), findings, lines)
            )
        return Answers(general=general, configs=tuple(configs))

    def changed_lines(self, index: int, outcome: Outcome) -> tuple[str, ...]:
        """The lines that ``outcome`` takes away and adds, without indentation and secrets."""
        change = outcome.change if isinstance(outcome, Examined) else None
        redact = self.redaction(index)
        lines = []
        for file in change.files if change is not None else ():
            for line in diff_lines(TextChange.of(file), 0):
                lines.append(f"{line.sign} {redact.line(line.text.strip())}")
        return tuple(lines)
