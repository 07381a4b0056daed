"""Where the ``docker`` commands in a job's steps run, if anywhere.

A machine executor has Docker of its own; a Docker executor has none until ``setup_remote_docker``;
macOS has none: https://circleci.com/docs/guides/execution-managed/building-docker-images/.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from cci_migrate.circleci.config import Config, Executor, ExecutorCall
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.orb_jobs import orb_executor
from cci_migrate.lossless.merging import text_of, value_of


class Daemon(Enum):
    """The Docker daemon that the steps of a job use."""

    MACHINE = "machine"
    WINDOWS = "Windows machine"
    REMOTE = "remote Docker"
    NONE = "none"


#: If a job runs on several kinds, it is judged by the first of them.
_BY_WEIGHT = (Daemon.WINDOWS, Daemon.MACHINE, Daemon.REMOTE, Daemon.NONE)


class JobDaemons(Struct, frozen=True):
    """The daemons of a job: several, if executors are passed to it.

    ``is_known``: nothing that runs the job can bring another.
    """

    kinds: frozenset[Daemon]
    is_known: bool = True

    @property
    def main(self) -> Daemon:
        """The daemon that the job is judged by."""
        if len(self.kinds) == 1:  # as nearly all have it
            return next(iter(self.kinds))
        return next(kind for kind in _BY_WEIGHT if kind in self.kinds)

    @property
    def is_mixed(self) -> bool:
        """Whether there are several: what is right for one run may be wrong for another."""
        return len(self.kinds) > 1 or not self.is_known


def daemons_on(executor: Executor, resource_class: str | None, *, has_remote: bool) -> JobDaemons:
    """The daemons of a job that runs on ``executor``: see `daemons_of`."""
    kind = _executor_daemon(executor, resource_class) or Daemon.REMOTE
    if kind is Daemon.REMOTE and not has_remote:
        kind = Daemon.NONE
    return JobDaemons(frozenset({kind}))


def daemons_of(declared: DeclaredJob, *, has_remote: bool) -> JobDaemons:
    """The daemons of a job; ``has_remote``: one of its steps sets up remote Docker."""
    kinds = set(_kinds(declared))
    is_known = bool(kinds)
    if not kinds:
        kinds = _unknown_kinds(declared, has_remote=has_remote)
    if not has_remote:
        kinds = {Daemon.NONE if kind is Daemon.REMOTE else kind for kind in kinds}
    return JobDaemons(frozenset(kinds), is_known)


@lru_cache(maxsize=4)
def may_set_up_remote(config: Config) -> bool:
    """Whether any job of ``config`` may set up remote Docker, going by its text."""
    unfolded = () if config.unfolded is None else config.unfolded.documents
    texts = [document.source.text for document in (*config.documents, *unfolded)]
    return any("setup_remote_docker" in text or "setup-remote-docker" in text for text in texts)


def _kinds(declared: DeclaredJob) -> Iterator[Daemon]:
    runs_on = declared.job.runs_on
    own = _executor_daemon(runs_on)
    if own is not None:
        yield own
        return
    for call, executor in declared.executors():
        kind = (
            _orb_executor_daemon(call, declared)
            if executor is None
            else _executor_daemon(executor[1], runs_on.resource_class)
        )
        if kind is not None:
            yield kind


def _unknown_kinds(declared: DeclaredJob, *, has_remote: bool) -> set[Daemon]:
    """The daemons of a job whose executor can't be determined."""
    job, home, config = declared.job, declared.home, declared.config
    if job.executor is None or has_remote:
        # With remote Docker it is a Docker executor.
        return {Daemon.REMOTE}
    if home.imported or config.body.imported or config.is_orb_source:
        # It may be one of an orb, or come from whoever uses this one.
        return {Daemon.MACHINE}
    executors = (*home.executors.values(), *config.body.executors.values())
    kinds = {_executor_daemon(executor, job.runs_on.resource_class) for executor in executors}
    return {kind for kind in kinds if kind is not None} or {Daemon.MACHINE}


def _executor_daemon(executor: Executor, resource_class: str | None = None) -> Daemon | None:
    if executor.docker is not None or executor.docker_expression is not None:
        return Daemon.REMOTE
    if executor.macos is not None:
        return Daemon.NONE
    if executor.machine is None:
        return None
    # ``machine: true`` and ``machine: image-name`` are valid too.
    image = text_of(value_of(executor.machine, "image")) or text_of(executor.machine)
    resources = resource_class or executor.resource_class or ""
    is_windows = (image or "").startswith("windows") or resources.startswith("windows.")
    return Daemon.WINDOWS if is_windows else Daemon.MACHINE


def _orb_executor_daemon(call: ExecutorCall, declared: DeclaredJob) -> Daemon:
    """The daemon of an orb's executor, by its name if the orb is unknown."""
    known = orb_executor(call, declared.home, declared.config)
    kind = None if known is None else _executor_daemon(known[1])
    if kind is not None:
        return kind
    alias, _, executor = call.name.partition("/")
    orb = declared.home.imported.get(alias)
    if orb is not None and orb.name == "circleci/windows":
        return Daemon.WINDOWS
    if (orb is not None and orb.name == "circleci/macos") or "macos" in executor:
        return Daemon.NONE
    if "machine" in executor:
        return Daemon.MACHINE
    # Executors of orbs are Docker's, except a few with such names.
    return Daemon.REMOTE


def runs_on_runner(declared: DeclaredJob) -> bool:
    """Whether a job runs on a self-hosted runner: its resource class has a slash.

    https://circleci.com/docs/guides/execution-runner/runner-overview/
    """
    own = declared.job.runs_on.resource_class
    if own is not None:
        return "/" in own
    return any(
        executor is not None and "/" in (executor[1].resource_class or "")
        for _, executor in declared.executors()
    )
