"""Which workflow jobs only builds of forks reach.

A build of a forked pull request gets no contexts, nor, unless the project passes them on, any
variables (https://circleci.com/docs/guides/integration/oss/): a job that works in no other build
must not need any. ``CIRCLE_PR_USERNAME``, ``CIRCLE_PR_REPONAME`` and ``CIRCLE_PR_NUMBER`` are only
set in such builds (https://circleci.com/docs/reference/variables/), whose branches are ``pull/N``.
"""

from __future__ import annotations

import re

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.steps import job_steps
from cci_migrate.lossless.merging import items_of, text_of, value_of
from cci_migrate.lossless.nodes import Sequence

_VARIABLE = r'"?\$\{?CIRCLE_PR_(?:USERNAME|REPONAME|NUMBER)(?::?-)?\}?"?'
_HALT = r"(?:circleci(?:-agent)?\s+step\s+halt|exit\s+0)\b"
_OPENING = r"\[\[?\s+"
_CLOSING = r"\s+\]\]?"
_ENDS_ELSEWHERE = re.compile(
    rf"(?:if\s+{_OPENING}-z\s+{_VARIABLE}{_CLOSING}\s*(?:;\s*)?then\s+(?:echo[^;\n]*[;\n]\s*)?{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-z\s+{_VARIABLE}(?:{_CLOSING})?\s*&&\s*{_HALT})"
    rf"|(?:(?:{_OPENING}|test\s+)-n\s+{_VARIABLE}(?:{_CLOSING})?\s*\|\|\s*{_HALT})"
)
_FORK_BRANCH = re.compile(r"/\^?pull(?:\\)?/.*/")


def only_builds_of_forks(entry: WorkflowJob, config: Config) -> bool:
    """Whether ``entry`` runs for branches of forks alone, or ends at once in other builds."""
    return _is_filtered(entry) or _ends_elsewhere(entry, config)


def _is_filtered(entry: WorkflowJob) -> bool:
    only = value_of(value_of(value_of(entry.arguments, "filters"), "branches"), "only")
    nodes = items_of(only) if isinstance(only, Sequence) else (only,)
    branches = [text_of(node) for node in nodes]
    return bool(branches) and all(
        branch is not None and _FORK_BRANCH.fullmatch(branch) for branch in branches
    )


def _ends_elsewhere(entry: WorkflowJob, config: Config) -> bool:
    found = config.body.job(entry.calls)
    if found is None or not any("CIRCLE_PR_" in one.source.text for one in config.documents):
        return False
    for step in job_steps(config, *found, entry):
        if step.name == "checkout":
            continue
        if step.name != "run":
            return False
        command = text_of(step.value) or text_of(value_of(step.value, "command")) or ""
        return not step.guards and _ENDS_ELSEWHERE.match(_first_command(command)) is not None
    return False


def _first_command(script: str) -> str:
    """``script`` from its first command on."""
    lines = script.splitlines()
    while lines and re.fullmatch(r"\s*(?:#.*|set\s.*)?", lines[0]):
        del lines[0]
    return "\n".join(lines).lstrip()
