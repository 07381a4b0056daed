"""What the jobs of a config, and those of published orbs, do with Docker in their steps."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from cci_migrate.bounds.allowance import Allowance
from cci_migrate.circleci.checked_out_files import ReadText
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.docker_daemon import Daemon, daemons_of, daemons_on, may_set_up_remote
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.orb_jobs import OrbJob
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.primary_images import primary_images
from cci_migrate.circleci.step_lists import StepLists
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.circleci.step_reading import StepReader, may_log_in
from cci_migrate.circleci.steps import StepDefaults, orb_job_steps, sets_up_docker, step_defaults
from cci_migrate.circleci.variable_settings import image_environment
from cci_migrate.lossless.merging import text_of, value_of


def job_docker(
    declared: DeclaredJob,
    entry: WorkflowJob | None,
    read: ReadText | None,
    lists: StepLists | None = None,
    *,
    logins_count: bool = False,
) -> JobDocker | None:
    """What the steps of a job do with Docker; None if it has no Docker to talk to.

    With ``logins_count`` such a job has the logins that name a password, if it makes any.
    ``lists`` are the steps of the config. Raises TooComplexError.
    """
    config = declared.config
    may_be_remote = may_set_up_remote(config)
    perhaps = daemons_of(declared, has_remote=may_be_remote)
    if perhaps.main is Daemon.NONE and not logins_count:
        return None
    steps = (lists or StepLists(config)).counted(declared.home, declared.job, entry)
    has_remote = any(sets_up_docker(step) for step in steps)
    daemons = perhaps
    if has_remote is not may_be_remote:
        daemons = daemons_of(declared, has_remote=has_remote)
    if daemons.main is Daemon.NONE and not (
        logins_count and any(may_log_in(step, has_repository=read is not None) for step in steps)
    ):
        return None
    images = primary_images(declared)
    reader = StepReader(
        JobTexts(declared.job, declared.values, declared.home.is_orb),
        read,
        daemons.main,
        step_defaults(declared),
        image_environment(declared),
        as_root=images.may_run_as_root,
    )
    docker = reader.job_docker(declared, entry, daemons, steps)
    if docker.has_docker:
        return replace(docker, has_client=images.have_client)
    logins = tuple(login for login in docker.logins if login.names_password)
    return replace(docker, logins=logins) if logins or docker.client_uses else None


def orb_job_dockers(
    config: Config,
    orb_job: OrbJob,
    values: ParameterValues,
    read: ReadText | None,
    allowance: Allowance | None = None,
) -> Iterator[JobDocker]:
    """What the steps of an orb's job do with Docker, in each of its ways.

    Ways in which it has no Docker to talk to, or where it runs is not known, are left out. Raises
    TooComplexError.
    """
    home, job, entry = orb_job.home, orb_job.job, orb_job.entry
    for way, place in zip(orb_job.ways, orb_job.places(config), strict=True):
        if place is None:
            continue
        steps = orb_job_steps(config, home, way.job, entry, way.arguments, allowance)
        has_remote = any(sets_up_docker(step) for step in steps)
        resource_class = way.job.runs_on.resource_class
        daemons = daemons_on(place.executor, resource_class, has_remote=has_remote)
        if daemons.main is Daemon.NONE:
            continue
        directory = text_of(value_of(way.job.mapping, "working_directory"))
        defaults = StepDefaults(
            None, None if directory is None else place.bindings.expand(directory), {}
        )
        if orb_job.is_compiled:
            defaults = step_defaults(DeclaredJob(home, way.job, values))
        texts = JobTexts(job, values, config.body.is_orb)
        reader = StepReader(texts, read, daemons.main, defaults)
        yield reader.job_docker(DeclaredJob(home, job, values), entry, daemons, steps)
