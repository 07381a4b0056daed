"""Questions about contexts that fixes leave to the user: asked at once, dropped with the fix."""

from __future__ import annotations

import pytest

from cci_migrate.findings import Answer, Decision, Decisions, FindingKey, FindingState, Skip
from cci_migrate.rule_ids import MISSING_CONTEXT, UNAUTHENTICATED_IMAGE
from tests.processing import PATH, examined, text_after

CONFIG = """\
version: 2.1
jobs:
  lint:
    docker:
      - image: cimg/go:1.22
  test:
    docker:
      - image: cimg/go:1.22
  tag:
    docker:
      - image: cimg/go:1.22
    steps:
      - run: ./tag "$DOCKERHUB_USERNAME"
workflows:
  main:
    jobs: [lint, test, tag]
"""
IMAGE = FindingKey(UNAUTHENTICATED_IMAGE, PATH, "jobs.tag.docker[0]")
CONTEXT = FindingKey(MISSING_CONTEXT, PATH, "workflows.main.jobs[2]")


@pytest.mark.parametrize(
    ("decisions", "context_state", "jobs"),
    [
        ({}, FindingState.LEFT, "{test: {context: [docker-hub-creds]}}, tag]"),
        ({CONTEXT: Answer("leave")}, FindingState.LEFT, "docker-hub-creds]}}, tag]"),
        ({CONTEXT: Answer("add")}, FindingState.FIXED, "{tag: {context: [docker-hub-creds]}}]"),
        # Without the fix nothing is to be asked.
        ({IMAGE: Skip()}, None, "docker-hub-creds]}}, tag]"),
        ({IMAGE: Skip(), CONTEXT: Answer("add")}, None, "docker-hub-creds]}}, tag]"),
    ],
)
def test_a_job_that_reads_half_of_the_variables_without_a_context(
    decisions: dict[FindingKey, Decision], context_state: FindingState | None, jobs: str
) -> None:
    outcome = examined(CONFIG, decisions=Decisions(by_key=decisions))
    states = {resolution.finding.key: resolution.state for resolution in outcome.resolutions}
    assert states.get(CONTEXT) is context_state
    after = text_after(outcome)
    assert jobs in after
    again = examined(after, decisions=Decisions(by_key=decisions))
    assert {each.finding.key for each in again.resolutions} <= states.keys()
