"""Where the ``docker`` commands in a job's steps run, if anywhere.

A machine executor has Docker of its own; a Docker executor has none until ``setup_remote_docker``;
macOS has none: https://circleci.com/docs/guides/execution-managed/building-docker-images/.
"""

from __future__ import annotations

from enum import Enum

from cci_migrate.circleci.config import Config, Executor, Job, Namespace
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.lossless.merging import entries_of, text_of, value_of


class Daemon(Enum):
    """Which Docker the steps of a job talk to."""

    MACHINE = "machine"
    WINDOWS = "Windows machine"
    REMOTE = "remote Docker"
    NONE = "none"


def daemon_of(
    job: Job, home: Namespace, config: Config, values: ParameterValues, *, has_remote: bool
) -> Daemon:
    """The Docker of ``job``; ``has_remote``: one of its steps sets up remote Docker."""
    own = _of_executor(job.runs_on)
    if own is not None:
        return _with_remote(own, has_remote=has_remote)
    found: set[Daemon] = set()
    for call in values.executor_calls(job):
        local = home.executor(call.name) or config.body.executor(call.name)
        if local is None:
            found.add(_of_orb_executor(call.name, home))
        else:
            kind = _of_executor(local[1])
            if kind is not None:
                found.add(kind)
    for kind in (Daemon.WINDOWS, Daemon.MACHINE, Daemon.REMOTE):
        if kind in found:
            return _with_remote(kind, has_remote=has_remote)
    # An executor that cannot be told: with remote Docker it is a Docker executor.
    if not found and job.executor is not None and not has_remote:
        return Daemon.MACHINE
    return Daemon.REMOTE if has_remote else Daemon.NONE


def _with_remote(kind: Daemon, *, has_remote: bool) -> Daemon:
    return Daemon.NONE if kind is Daemon.REMOTE and not has_remote else kind


def _of_executor(executor: Executor) -> Daemon | None:
    if executor.docker is not None or executor.docker_expression is not None:
        return Daemon.REMOTE
    if executor.macos is not None:
        return Daemon.NONE
    if executor.machine is None:
        return None
    image = text_of(value_of(executor.machine.value, "image")) or ""
    resources = executor.resource_class or ""
    is_windows = image.startswith("windows") or resources.startswith("windows.")
    return Daemon.WINDOWS if is_windows else Daemon.MACHINE


def _of_orb_executor(name: str, home: Namespace) -> Daemon:
    """An orb's executor: by the orb and the executor's name, as its source is not here."""
    alias, _, executor = name.partition("/")
    orb = home.imported.get(alias)
    if orb is not None and orb.name == "circleci/windows":
        return Daemon.WINDOWS
    if (orb is not None and orb.name == "circleci/macos") or "macos" in executor:
        return Daemon.NONE
    if "machine" in executor:
        return Daemon.MACHINE
    # Executors of orbs are Docker's but for a few, which are named so.
    return Daemon.REMOTE


def runs_on_runner(job: Job) -> bool:
    """Whether ``job`` runs on a self-hosted runner: its resource class has a slash."""
    keys = entries_of(job.mapping)
    entry = keys.get("resource_class")
    return entry is not None and "/" in (text_of(entry.value) or "")
