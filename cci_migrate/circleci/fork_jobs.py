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
from cci_migrate.groups import grouped
from cci_migrate.lazy_patterns import lazy_pattern

_VARIABLE = r'"?\$\{?CIRCLE_PR_(?:USERNAME|REPONAME|NUMBER)(?::?-)?\}?"?'
_HALT = r"(?:circleci(?:-agent)?\s+step\s+halt|exit\s+0)\b"
_OPENING = r"\[\[?\s+"
_CLOSING = r"\s+\]\]?"
_ENDS_ELSEWHERE = lazy_pattern(
    rf"(?:if\s+{_OPENING}-z\s+{_VARIABLE}{_CLOSING}\s*(?:;\s*)?then\s+(?:echo[^;\n]*[;\n]\s*)?{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-z\s+{_VARIABLE}(?:{_CLOSING})?\s*&&\s*{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-n\s+{_VARIABLE}(?:{_CLOSING})?\s*\|\|\s*{_HALT})"
)
#: A script that only does something in builds of forks.
_ACTS_IN_FORKS = lazy_pattern(
    rf"(?:if\s+{_OPENING}-n\s+{_VARIABLE}{_CLOSING}\s*(?:;\s*)?then\b(?P<inside>.*?)\bfi\b)\s*",
    re.DOTALL,
)
_OTHERWISE = lazy_pattern(r"\b(?:else|elif|fi)\b")
_PRINTS = lazy_pattern(r"\s*(?:(?:echo|printf)\b[^;&|`$()<>]*)?")
#: The branch of a build of a fork, with a slash that is escaped for an expression or for YAML.
_ESCAPED_BRANCH = lazy_pattern(r"pull\\+/")


def entries_for_forks(config: Config) -> dict[WorkflowJob, bool]:
    """Whether each workflow job that runs something only does so in builds of forks.

    Its filters or conditions exclude other branches, or its steps do nothing in other builds.
    """
    on_fork_branches = _entries_on_fork_branches(config)
    names_forks = any("CIRCLE_PR_" in text for text in config.texts)
    return {
        entry: entry in on_fork_branches or (names_forks and _does_nothing_elsewhere(entry, config))
        for entry in config.workflow_jobs
        if not runs_nothing(entry, config)
    }


def jobs_only_for_forks(entries: Mapping[WorkflowJob, bool], config: Config) -> tuple[Job, ...]:
    """The jobs that only builds of forks reach, in all workflows: see `entries_for_forks`."""
    runs = grouped((called_job(entry, config), only_forks) for entry, only_forks in entries.items())
    return tuple(job for _, job in config.all_jobs() if all(runs.get(job, [False])))


def jobs_also_for_forks(entries: Mapping[WorkflowJob, bool], config: Config) -> frozenset[Job]:
    """The jobs that some workflow job runs in builds of forks alone: see `entries_for_forks`."""
    called = (called_job(entry, config) for entry, only_forks in entries.items() if only_forks)
    return frozenset(job for job in called if job is not None)


def _entries_on_fork_branches(config: Config) -> frozenset[WorkflowJob]:
    if not any(
        "pull/" in text or ("pull\\" in text and _ESCAPED_BRANCH.search(text))
        for text in config.texts
    ):
        return frozenset()
    # Few configs name such branches; the others don't pay for reading expressions.
    from cci_migrate.circleci.fork_conditions import entries_on_fork_branches

    return entries_on_fork_branches(config)


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
