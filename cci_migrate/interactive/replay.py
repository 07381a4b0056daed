"""The decisions of an earlier session, made again without a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cci_migrate.engine.outcomes import Outcome
from cci_migrate.findings import Decision, FindingKey
from cci_migrate.interactive.answers_file import findings_differ, policy_differs, read, refusal
from cci_migrate.interactive.interview import Interview, Item, in_order
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
    named = [
        {
            entry.key: entry.names.names
            for entry in (saved_config.findings if saved_config is not None else ())
            if entry.names is not None
        }
        for saved_config in (answers.by_name.get(config.name) for config in configs)
    ]
    interview = Interview(
        in_order(session.items()),
        names={
            Item(index, finding).key: named[index][str(finding.key)]
            for index in range(len(configs))
            for finding in session.decidable_findings(index)
            if str(finding.key) in named[index]
        },
    )
    session.apply_names(interview)
    decided: list[Mapping[FindingKey, Decision]] = []
    known = {config.name for config in configs}
    for missing in (
        entry for entry in answers.configs if entry.name not in known and entry.findings
    ):
        raise refusal(answers_file, missing.name, ["the config is not among the given paths"])
    for index, review in enumerate(session.reviews):
        config = review.config
        findings = session.decidable_findings(index)
        saved_config = answers.by_name.get(config.name)
        if saved_config is None:
            if findings:
                raise refusal(answers_file, config.name, ["it has no answers for this config"])
            decided.append({})
            continue
        differences = [
            *policy_differs(saved_config, policy_data(config.policy)),
            *findings_differ(saved_config, findings),
        ]
        if differences and (findings or saved_config.findings):
            raise refusal(answers_file, config.name, differences)
        decisions = {entry.key: entry.decision for entry in saved_config.findings}
        decided.append({entry.key: decisions[str(entry.key)] for entry in findings})
    outcomes = session.decided(decided)
    for index, outcome in enumerate(outcomes):
        saved_config = answers.by_name.get(configs[index].name)
        lines = session.changed_lines(index, outcome)
        if saved_config is not None and lines != saved_config.lines:
            raise refusal(
                answers_file, saved_config.name, list(_lines_differ(saved_config.lines, lines))
            )
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
