"""Which jobs of a config have Docker in their steps, and run something there that may pull.

A few regular expressions over the plain data, on purpose: a second opinion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.oracle.plain_yaml import Data, list_of, mapping_of, value_at
from tests.oracle.step_logins import script_of

SETUP = "setup_remote_docker"
#: Commands that may pull, where they begin a command.
_PULLS = re.compile(
    r"(?m)(?:^|[;&|(]|\bsudo)[ \t]*(?:docker(?:[ \t]+(?:buildx|image|container))?[ \t]+"
    r"(?:pull|run|create|build)|docker(?:-|[ \t]+)compose[ \t](?:[^\n;&|]*[ \t])?"
    r"(?:up|run|build|pull|create))\b"
)
#: Commands that run something of the repository.
_TASKS = re.compile(
    r"(?m)(?:^|[;&|(]|\bsudo)[ \t]*(?:make\b|just\b|npm[ \t]+(?:run|test)|yarn[ \t]+run|rake\b"
    r"|\./(?:gradlew|mvnw)\b|(?:ba)?sh[ \t]+[\w./-]+\.sh\b|\./[\w./-]+\.sh\b"
    # setup.py installs, and a script at an absolute path is not the repository's.
    r"|python3?[ \t]+(?!/|setup\.py|get-pip\.py)[\w./-]+\.py)"
)


class StepDocker:
    """The jobs of one config whose steps have Docker, by name."""

    def __init__(self, config: Mapping[str, Data]) -> None:
        self._commands = mapping_of(config, "commands")
        self._executors = mapping_of(config, "executors")
        self._jobs = mapping_of(config, "jobs")

    def jobs(self) -> Iterator[str]:
        """Those with a daemon in which something is seen to run that may pull."""
        for name, job in self._jobs.items():
            steps = list(self._steps(value_at(job, "steps")))
            if "macos" in mapping_of(job):
                continue  # has no Docker
            is_machine = self._is_machine(mapping_of(job))
            at = 0 if is_machine else steps.index(SETUP) + 1 if SETUP in steps else len(steps)
            scripts = "\n".join(steps[at:])
            # What is loaded was built by another job.
            if (
                at < len(steps)
                and "docker load" not in scripts
                and (_PULLS.search(scripts) or _TASKS.search(scripts))
            ):
                yield name

    def _is_machine(self, job: Mapping[str, Data]) -> bool:
        if "machine" in job or "docker" in job or "macos" in job:
            return bool(job.get("machine"))
        executor = job.get("executor")
        name = value_at(executor, "name") if not isinstance(executor, str) else executor
        return bool(value_at(self._executors, str(name), "machine"))

    def _steps(self, steps: Data, depth: int = 0) -> Iterator[str]:
        """The scripts of ``steps`` in order, and `SETUP` where remote Docker is set up."""
        for step in list_of(steps) if depth < 8 else ():
            named = {step: None} if isinstance(step, str) else mapping_of(step)
            for name, value in named.items():
                if name == SETUP:
                    yield SETUP
                elif name in ("run", "deploy"):
                    yield script_of(value)
                elif name in ("when", "unless"):
                    yield from self._steps(value_at(value, "steps"), depth + 1)
                elif name in self._commands:
                    yield from self._steps(value_at(self._commands[name], "steps"), depth + 1)
