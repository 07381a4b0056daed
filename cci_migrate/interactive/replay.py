"""The decisions of an earlier session, made again without a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from cci_migrate.engine.outcomes import Outcome
from cci_migrate.findings import Decision
from cci_migrate.interactive.answers_file import findings_differ, policy_differs, read, refusal
from cci_migrate.interactive.interview import Interview, ItemKey, in_order
from cci_migrate.interactive.reviews import SessionConfig
from cci_migrate.interactive.session_reviews import SessionReviews
from cci_migrate.policy.text import policy_data


def replay(configs: Sequence[SessionConfig], answers_file: Path) -> list[Outcome]:
    """Apply the decisions of an earlier session to ``configs``; returns their outcomes.

    Raises AnswersError if the file can't be read, or does not match the findings.
    """
    answers = read(answers_file)
    session = SessionReviews(configs)
    session.apply_general_answers(session.needs(), answers.general)
    saved = [answers.by_name.get(config.name) for config in configs]
    answered = [
        {entry.key: entry for entry in (() if config is None else config.findings)}
        for config in saved
    ]
    names = {
        item.key: entry.names.names
        for item in session.items()
        if (entry := answered[item.config].get(str(item.finding.key))) and entry.names is not None
    }
    interview = session.apply_names(Interview(in_order(session.items()), names=names))
    known = {config.name for config in configs}
    for config in answers.configs:
        if config.findings and config.name not in known:
            problem = "the config is not among the given paths"
            raise refusal(answers_file, config.name, [problem])
    decided: dict[ItemKey, Decision] = {}
    for index, (review, then) in enumerate(zip(session.reviews, saved, strict=True)):
        name, policy = review.config.name, policy_data(review.config.policy)
        findings = session.decidable_findings(index)
        if then is None and findings:
            raise refusal(answers_file, name, ["it has no answers for this config"])
        if then is not None and (findings or then.findings):
            differences = [*policy_differs(then, policy), *findings_differ(then, findings)]
            if differences:
                raise refusal(answers_file, name, differences)
        for finding in findings:
            decision = answered[index][str(finding.key)].decision
            decided[ItemKey(index, finding.key)] = decision
    outcomes = session.decided(replace(interview, decided=decided))
    for index, (outcome, then) in enumerate(zip(outcomes, saved, strict=True)):
        lines = session.changed_lines(index, outcome)
        if then is not None and lines != then.lines:
            raise refusal(answers_file, then.name, list(_lines_differ(then.lines, lines)))
    return outcomes


def _lines_differ(then: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    for line in dict.fromkeys(now):
        if line not in then:
            yield f"the change would now have the line: {line}"
    for line in dict.fromkeys(then):
        if line not in now:
            yield f"the change had the line: {line}"
    if sorted(then) == sorted(now) or set(then) == set(now):
        yield "the same lines would change in another order or number"
