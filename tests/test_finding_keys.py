"""What names findings and rules: each id is written once, each key means one finding."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from cci_migrate.engine.config_files import configs_in
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.rules.catalogue import RULES
from tests.fixture_cases import Case, cases

PACKAGE = Path(__file__).resolve().parent.parent / "cci_migrate"


def examinations(case: Case) -> list[Examination]:
    files = case.before
    policy = replace(case.policy, select=None)
    examined = (examine(config, policy) for config in configs_in(files, files.get))
    return [examination for examination in examined if isinstance(examination, Examination)]


def test_each_rule_id_is_written_once() -> None:
    ids = {rule.id for rule in RULES}
    texts = [path.read_text() for path in PACKAGE.rglob("*.py")]
    written = Counter(
        node.value
        for text in texts
        if any(f'"{id_}"' in text for id_ in ids)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ids
    )
    assert written == dict.fromkeys(ids, 1)


def test_each_key_means_one_finding_and_each_mention_of_one_is_of_a_finding() -> None:
    for case in cases():
        for examination in examinations(case):
            findings, assessment = examination.findings, examination.assessment
            keys = Counter(finding.key for finding in findings)
            assert set(keys.values()) <= {1}, case.name
            mentioned = {
                key for finding in findings for key in (*finding.after, *finding.after_all)
            }
            # Where pulls stay with Docker Hub after all, the login to its mirror is not missed.
            if assessment.policy.revert is None and assessment.policy.mirror is None:
                uses = [use for assessed in assessment.uses.entries for use in assessed.uses]
                uses += (*assessment.uses.without_workflow, *assessment.uses.of_images)
                mentioned |= {use.after for use in uses if use.after is not None}
            assert mentioned <= keys.keys(), case.name
