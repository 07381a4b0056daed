"""What the jobs of a config require outside it: contexts, and variables for the registries.

Both for the config as it is and for the config with its fixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of, credential_of_login
from cci_migrate.assessing.image_states import Authenticated, Incomplete
from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS
from cci_migrate.circleci.config import Config, ImageItem, WorkflowJob
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.run_conditions import RunCondition, RunConditions
from cci_migrate.circleci.workflow_jobs import image_items, job_contexts, runs_nothing
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.engine.proposing import propose
from cci_migrate.policy.settings import PasswordAuth, Policy
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.workers.limited_work import within

#: The prefix of variables that CircleCI itself sets
#: (https://circleci.com/docs/reference/variables/#built-in-environment-variables).
_BUILT_IN = "CIRCLE_"


class JobRequirements(Struct, frozen=True):
    """What one workflow job requires. ``workflow`` None: the config has no workflows.

    ``variables`` are those that its registry credentials read. ``planned_contexts`` are the
    contexts that only the fix adds. ``step_variables`` are the variables that only logins in its
    steps read, which an orb or a script may set, too.
    ``has_context_expression``: some of its contexts are only known when a pipeline runs.
    ``runs`` is when it runs.
    """

    path: str
    line: int
    workflow: str | None
    name: str
    contexts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    has_context_expression: bool = False
    planned_contexts: frozenset[str] = frozenset()
    step_variables: frozenset[str] = frozenset()
    runs: RunCondition = RunCondition()

    @property
    def title(self) -> str:
        """Its name for people."""
        where = f" of {self.workflow}" if self.workflow else ""
        return f"{self.name}{where} ({self.path}:{self.line})"


class RegistryLogin(Struct, frozen=True):
    """The user name and the variables with which configs log in to the registry ``host``."""

    host: str
    credential: PasswordAuth


class UnreadableConfig(Struct, frozen=True):
    """A config that could not be read, and why.

    ``is_fault``: something has to be corrected; ``is_in_file``: that is the file.
    """

    text: str
    is_fault: bool = True
    is_in_file: bool = True


class Requirements(Struct, frozen=True):
    """What the configs of a repository require. ``unreadable`` are those that could not be read."""

    jobs: tuple[JobRequirements, ...] = ()
    logins: tuple[RegistryLogin, ...] = ()
    unreadable: tuple[UnreadableConfig, ...] = ()


def repository_requirements(
    configs: Iterable[tuple[ConfigFiles, Policy]],
) -> Requirements:
    """What ``configs``, those of a repository with their policies, require together."""
    jobs: dict[tuple[object, ...], JobRequirements] = {}
    logins: dict[RegistryLogin, None] = {}
    unreadable: list[UnreadableConfig] = []
    for files, policy in configs:
        paths = files.paths
        config_result = within(
            DEFAULT_WORK_LIMITS, paths, partial(config_requirements, files, policy)
        )
        if isinstance(config_result, Failed):
            # Beyond the limits, or a fault of ours: the other configs go on.
            unreadable.append(UnreadableConfig(f"{paths[0]}: {config_result.problem}"))
            continue
        for job in config_result.jobs:
            # A packed config and its source tree require the same.
            key = (job.workflow, job.name, job.contexts, job.variables)
            jobs.setdefault(key, job)
        logins.update(dict.fromkeys(config_result.logins))
        unreadable += config_result.unreadable
    return Requirements(tuple(jobs.values()), tuple(logins), tuple(unreadable))


def config_requirements(files: ConfigFiles, policy: Policy) -> Requirements:
    """What the config in ``files`` requires, now and with its fixes."""
    examined = examine(files, policy)
    if isinstance(examined, NotAConfig):
        return Requirements()
    if isinstance(examined, Refused | Failed):
        return Requirements(unreadable=(unreadable_config(examined),))
    before = examined.assessment
    if before.config.is_orb_source:
        return Requirements()
    current = dict(_jobs(before))
    outcome = propose(examined)
    if isinstance(outcome, Examined) and outcome.change is not None:
        changed = {file.path: file.after for file in outcome.change.files}
        fixed = examine(replace(files, files={**files.files, **changed}), policy)
        if isinstance(fixed, Examination):
            after = fixed.assessment
            jobs = [_with_planned_contexts(current.get(route), job) for route, job in _jobs(after)]
            return Requirements(tuple(jobs), tuple(_logins(after)))
    return Requirements(tuple(current.values()), tuple(_logins(before)))


def unreadable_config(outcome: Refused | Failed) -> UnreadableConfig:
    """The unreadable config that ``outcome`` is about."""
    is_fault = isinstance(outcome, Failed)
    reason = outcome.problem if isinstance(outcome, Failed) else outcome.reason
    return UnreadableConfig(Redaction().prose(f"{', '.join(outcome.paths)}: {reason}"), is_fault)


def _with_planned_contexts(
    current: JobRequirements | None, job: JobRequirements
) -> JobRequirements:
    """``job`` of the fixed config, with the line of ``current`` and the contexts it adds to it."""
    if current is None:
        return replace(job, planned_contexts=frozenset(job.contexts))
    planned_contexts = frozenset(job.contexts) - set(current.contexts)
    return replace(job, line=current.line, planned_contexts=planned_contexts)


def _jobs(assessment: Assessment) -> Iterator[tuple[str, JobRequirements]]:
    config = assessment.config
    conditions = RunConditions(config)
    if not config.has_workflows:
        yield from _only_job(assessment)
    for entry in config.workflow_jobs:
        if runs_nothing(entry, config):
            continue
        contexts = job_contexts(entry)
        source = entry.key.source
        by_images = dict.fromkeys(_read_by_images(assessment, entry))
        by_steps = dict.fromkeys(_read_by_steps(assessment, entry))
        yield (
            entry.route,
            JobRequirements(
                path=source.path,
                line=source.position(entry.key.start).line,
                workflow=entry.workflow,
                name=entry.name,
                contexts=tuple(dict.fromkeys(contexts.names)),
                variables=tuple(by_images | by_steps),
                has_context_expression=contexts.has_expression,
                step_variables=frozenset(by_steps) - set(by_images),
                runs=conditions.of(entry),
            ),
        )


def _only_job(assessment: Assessment) -> Iterator[tuple[str, JobRequirements]]:
    """A config without workflows runs its job ``build``, which can have no context.

    https://circleci.com/docs/guides/getting-started/introduction-to-yaml-configurations/
    """
    job = assessment.config.body.jobs.get("build")
    if job is None:
        return
    variables = [name for item in job.runs_on.docker or () for name in _of_item(assessment, item)]
    mapping = job.mapping
    yield (
        job.route,
        JobRequirements(
            path=mapping.source.path,
            line=mapping.source.position((job.key or mapping).start).line,
            workflow=None,
            name=job.name,
            variables=tuple(dict.fromkeys(variables)),
        ),
    )


def _read_by_images(assessment: Assessment, entry: WorkflowJob) -> Iterator[str]:
    for item in image_items(entry, assessment.config, assessment.values):
        yield from _of_item(assessment, item)


def _read_by_steps(assessment: Assessment, entry: WorkflowJob) -> Iterator[str]:
    for login in assessment.dockers.logins_by(entry):
        for name in sorted(login.variables):
            if not name.startswith(_BUILT_IN) and not _is_set_in(assessment.config, name):
                yield name


def _of_item(assessment: Assessment, item: ImageItem) -> tuple[str, ...]:
    state = assessment.uses.image_by_item[item.mapping].state
    return state.auth.variables if isinstance(state, Authenticated | Incomplete) else ()


def _is_set_in(config: Config, name: str) -> bool:
    """Whether the config itself seems to set the variable for its steps."""
    pattern = re.compile(rf"(?<![\w$]){re.escape(name)}\s*[:=]")
    return any(map(pattern.search, config.texts))


def _logins(assessment: Assessment) -> Iterator[RegistryLogin]:
    for assessed in assessment.images:
        if (
            isinstance(assessed.state, Authenticated)
            and assessed.image.host
            and not assessed.misrouted_to
        ):
            credential = credential_of(assessed.state.auth)
            if isinstance(credential, PasswordAuth) and variable_in(credential.password):
                yield RegistryLogin(assessed.image.host, credential)
    for docker in assessment.dockers.all():
        for login in docker.logins:
            if (credential := credential_of_login(login)) is not None:
                for host in login.registries:
                    if "*" not in host:
                        yield RegistryLogin(host, credential)
