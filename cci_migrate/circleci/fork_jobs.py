"""Finds the workflow jobs that only do something in builds of forks.

A build of a forked pull request gets no contexts and, unless the project passes them on, no
variables (https://circleci.com/docs/guides/integration/oss/): a job that does nothing in other
builds must not need any. ``CIRCLE_PR_USERNAME``, ``CIRCLE_PR_REPONAME`` and ``CIRCLE_PR_NUMBER``
are only set in such builds (https://circleci.com/docs/reference/variables/), whose branches are
``pull/N``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cci_migrate.circleci.config import Config, Job, WorkflowJob
from cci_migrate.circleci.steps import job_steps, script_node
from cci_migrate.circleci.workflow_jobs import called_job, runs_nothing
from cci_migrate.lossless.merging import items_of, text_of, value_of
from cci_migrate.lossless.nodes import Node, Sequence

_VARIABLE = r'"?\$\{?CIRCLE_PR_(?:USERNAME|REPONAME|NUMBER)(?::?-)?\}?"?'
_HALT = r"(?:circleci(?:-agent)?\s+step\s+halt|exit\s+0)\b"
_OPENING = r"\[\[?\s+"
_CLOSING = r"\s+\]\]?"
_ENDS_ELSEWHERE = re.compile(
    rf"(?:if\s+{_OPENING}-z\s+{_VARIABLE}{_CLOSING}\s*(?:;\s*)?then\s+(?:echo[^;\n]*[;\n]\s*)?{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-z\s+{_VARIABLE}(?:{_CLOSING})?\s*&&\s*{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-n\s+{_VARIABLE}(?:{_CLOSING})?\s*\|\|\s*{_HALT})"
)
#: A script that only does something in builds of forks.
_ACTS_IN_FORKS = re.compile(
    rf"(?:if\s+{_OPENING}-n\s+{_VARIABLE}{_CLOSING}\s*(?:;\s*)?then\b(?P<inside>.*?)\bfi\b)\s*",
    re.DOTALL,
)
_OTHERWISE = re.compile(r"\b(?:else|elif|fi)\b")
_PRINTS = re.compile(r"\s*(?:(?:echo|printf)\b[^;&|`$()<>]*)?")
_FORK_BRANCH = re.compile(r"/\^?pull\\?/[^|]*/")
_FORK_PATTERN = re.compile(r"\^pull\\?/[^|]*")
_BRANCH = re.compile(r"<<\s*pipeline\.git\.branch\s*>>")


def entries_for_forks(config: Config) -> dict[WorkflowJob, bool]:
    """Whether each workflow job that runs something only does so in builds of forks.

    Its filters or conditions exclude other branches, or its steps do nothing in other builds.
    """
    names_forks = any("CIRCLE_PR_" in document.source.text for document in config.documents)
    return {
        entry: _is_filtered(entry)
        or (not entry.is_in_group and _is_conditional(config.workflows.get(entry.workflow)))
        or (names_forks and _does_nothing_elsewhere(entry, config))
        for entry in config.workflow_jobs
        if not runs_nothing(entry, config)
    }


def jobs_only_for_forks(entries: Mapping[WorkflowJob, bool], config: Config) -> tuple[Job, ...]:
    """The jobs that only builds of forks reach, in all workflows: see `entries_for_forks`."""
    only_forks_by_job: dict[Job, bool] = {}
    for entry, only_forks in entries.items():
        job = called_job(entry, config)
        if job is not None:
            only_forks_by_job[job] = only_forks_by_job.get(job, True) and only_forks
    jobs = (job for home in config.body.walk() for job in home.jobs.values())
    return tuple(job for job in jobs if only_forks_by_job.get(job))


def jobs_also_for_forks(entries: Mapping[WorkflowJob, bool], config: Config) -> frozenset[Job]:
    """The jobs that some workflow job runs in builds of forks alone: see `entries_for_forks`."""
    called = (called_job(entry, config) for entry, only_forks in entries.items() if only_forks)
    return frozenset(job for job in called if job is not None)


def _is_filtered(entry: WorkflowJob) -> bool:
    filters = value_of(entry.arguments, "filters")
    if value_of(value_of(filters, "tags"), "only") is not None:
        return False  # it runs for tags too, which no fork pushes here
    only = value_of(value_of(filters, "branches"), "only")
    nodes = items_of(only) if isinstance(only, Sequence) else (only,)
    branches = [text_of(node) for node in nodes]
    return bool(branches) and all(
        branch is not None and _FORK_BRANCH.fullmatch(branch) for branch in branches
    )


def _is_conditional(workflow: Node | None) -> bool:
    """Whether ``when`` of a workflow requires a branch of a fork."""
    matches = value_of(value_of(workflow, "when"), "matches")
    pattern, value = (text_of(value_of(matches, key)) for key in ("pattern", "value"))
    if pattern is None or value is None:
        return False
    return bool(_FORK_PATTERN.fullmatch(pattern) and _BRANCH.fullmatch(value))


def _does_nothing_elsewhere(entry: WorkflowJob, config: Config) -> bool:
    """Whether other builds end before any step that does something, or have no such step."""
    called = config.body.job(entry.calls)
    if called is None:
        return False
    is_about_forks = False
    for step in job_steps(config, *called, entry):
        if step.name == "checkout":
            continue
        command = script_node(step)
        if command is None or step.guards:
            return False
        script = _first_command(command.value)
        if _ENDS_ELSEWHERE.match(script) is not None:
            return True
        if _only_acts_in_forks(script):
            is_about_forks = True
        elif not all(_PRINTS.fullmatch(line) for line in script.splitlines()):
            return False
    return is_about_forks


def _only_acts_in_forks(script: str) -> bool:
    match = _ACTS_IN_FORKS.fullmatch(script)
    return match is not None and _OTHERWISE.search(match["inside"]) is None


def _first_command(script: str) -> str:
    """``script`` from its first command on."""
    lines = script.splitlines()
    while lines and re.fullmatch(r"\s*(?:#.*|set\s.*)?", lines[0]):
        del lines[0]
    return "\n".join(lines).lstrip()
