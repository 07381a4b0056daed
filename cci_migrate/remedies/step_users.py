"""The jobs that run a list of steps, and what a login there must be like for their shells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as SequenceOf

from msgspec import Struct

from cci_migrate.circleci.config import Config, Job
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.step_lists import StepLists
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.docker.shell.dialects import Dialect, dialect_of
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.nodes import Sequence

#: Options of a shell in one word, as ``-Eeuo`` (POSIX, Utility Syntax Guideline 5).
_OPTIONS = lazy_pattern(r"-[A-Za-z]+")


class StepUser(Struct, frozen=True, eq=False):
    """A job that runs a list of steps; ``docker`` is None if it has no Docker."""

    job: Job
    docker: JobDocker | None


def step_users(
    config: Config, dockers: Iterable[JobDocker], lists: StepLists
) -> Mapping[Sequence, SequenceOf[StepUser]]:
    """The jobs of ``config`` that run each list of steps; ``dockers`` are those with a Docker.

    ``lists`` are the steps of the config.
    """
    by_list: dict[Sequence, dict[Job, StepUser]] = defaultdict(dict)
    with_docker: set[Job] = set()
    for docker in dockers:
        with_docker.add(docker.job)
        for step in docker.steps:
            for place in step.path:
                by_list[place.sequence][docker.job] = StepUser(docker.job, docker)
    for home, job in config.all_jobs():
        if job not in with_docker:
            for step in lists.of(home, job, None):
                for place in step.path:
                    by_list[place.sequence][job] = StepUser(job, None)
    return {sequence: tuple(users.values()) for sequence, users in by_list.items()}


def shell_for(users: Iterable[StepUser]) -> str | None:
    """The ``shell`` that a login step needs to run in a POSIX shell for all ``users``, if any."""
    daemons: set[Daemon] = set()
    shells: set[str | None] = set()
    for user in users:
        if user.docker is not None:
            daemons |= user.docker.daemons.kinds
            shells.add(user.docker.defaults.shell)
    if daemons == {Daemon.WINDOWS}:
        return "bash.exe"
    is_foreign = any(dialect_of(shell) is not Dialect.POSIX for shell in shells)
    return "bash" if Daemon.WINDOWS in daemons or is_foreign else None


def has_nounset(user: StepUser) -> bool:
    """Whether the shell of the job's steps fails where an unset variable is read."""
    shell = None if user.docker is None else user.docker.defaults.shell
    words = iter(() if shell is None else shell.split()[1:])
    return any(
        "u" in word or ("o" in word and next(words, "") == "nounset")
        for word in words
        if _OPTIONS.fullmatch(word)
    )
