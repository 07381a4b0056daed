"""What the jobs of a config rely on outside it: contexts, and variables for the registries.

It is told twice: of the config as it is, and as it will be once its fixes are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of, is_safe
from cci_migrate.assessing.image_states import Authenticated, Incomplete
from cci_migrate.circleci.config import Config, ImageItem, WorkflowJob
from cci_migrate.circleci.workflow_jobs import held_contexts, image_items, runs_nothing
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.engine.proposing import propose
from cci_migrate.lossless.merging import entry_of
from cci_migrate.policy.model import PasswordAuth, Policy
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.workers.work_limits import DEFAULT_LIMITS, within

#: So begin the variables that CircleCI itself sets
#: (https://circleci.com/docs/reference/variables/#built-in-environment-variables).
_BUILT_IN = "CIRCLE_"


class JobDemand(Struct, frozen=True):
    """What one workflow job relies on. ``workflow`` None: the config has no workflows.

    ``variables`` are those that its registry credentials are read from. ``planned`` are the
    contexts that it only gets by the fix. ``in_steps`` are the variables that only logins in its
    steps read, which an orb or a script may set, too.
    ``has_expression``: some of its contexts are only known when a pipeline runs.
    ``is_filtered``: it has ``filters``, so not every branch runs it.
    """

    path: str
    line: int
    workflow: str | None
    name: str
    contexts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    has_expression: bool = False
    is_filtered: bool = False
    planned: frozenset[str] = frozenset()
    in_steps: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Its name for people."""
        where = f" of {self.workflow}" if self.workflow else ""
        return f"{self.name}{where} ({self.path}:{self.line})"


class LoginDemand(Struct, frozen=True):
    """The names with which a registry is logged in to."""

    host: str
    credential: PasswordAuth


class Unread(Struct, frozen=True):
    """A file of which nothing can be told, and why. ``is_fault``: it is to be corrected."""

    text: str
    is_fault: bool = True


class Demands(Struct, frozen=True):
    """What the configs of a repository rely on. ``unread`` are those that could not be read."""

    jobs: tuple[JobDemand, ...] = ()
    logins: tuple[LoginDemand, ...] = ()
    unread: tuple[Unread, ...] = ()


def repository_demands(
    configs: Iterable[tuple[ConfigFiles, Policy]],
) -> Demands:
    """What ``configs``, those of a repository, rely on, each with its policy."""
    jobs: dict[tuple[object, ...], JobDemand] = {}
    logins: dict[LoginDemand, None] = {}
    unread: list[Unread] = []
    for files, policy in configs:
        paths = files.paths
        found = within(DEFAULT_LIMITS, paths, partial(config_demands, files, policy))
        if isinstance(found, Failed):
            # Past the limits, or too much for us: the other configs go on.
            unread.append(Unread(f"{paths[0]}: {found.problem}"))
            continue
        for job in found.jobs:
            # A packed config and the tree that it is packed from say the same.
            key = (job.workflow, job.name, job.contexts, job.variables)
            jobs.setdefault(key, job)
        logins.update(dict.fromkeys(found.logins))
        unread += found.unread
    return Demands(tuple(jobs.values()), tuple(logins), tuple(unread))


def config_demands(files: ConfigFiles, policy: Policy) -> Demands:
    """What the config that ``files`` make up relies on, today and once it is fixed."""
    examined = examine(files, policy)
    if isinstance(examined, NotAConfig):
        return Demands()
    if isinstance(examined, Refused | Failed):
        return Demands(unread=(unread_of(examined),))
    before = examined.assessment
    if before.config.is_orb_source:
        return Demands()
    today = dict(_jobs(before))
    outcome = propose(examined)
    if not isinstance(outcome, Examined) or outcome.change is None:
        return Demands(tuple(today.values()), tuple(_logins(before)))
    changed = {file.path: file.after for file in outcome.change.files}
    fixed = examine(replace(files, files={**files.files, **changed}), policy)
    if not isinstance(fixed, Examination):
        return Demands(tuple(today.values()), tuple(_logins(before)))
    after = fixed.assessment
    jobs = [_with_plan(today.get(route), job) for route, job in _jobs(after)]
    return Demands(tuple(jobs), tuple(_logins(after)))


def unread_of(outcome: Refused | Failed) -> Unread:
    """A file that is not read, for the reason that ``outcome`` has."""
    is_fault = isinstance(outcome, Failed)
    reason = outcome.problem if isinstance(outcome, Failed) else outcome.reason
    return Unread(Redaction().prose(f"{', '.join(outcome.paths)}: {reason}"), is_fault)


def _with_plan(today: JobDemand | None, job: JobDemand) -> JobDemand:
    """``job``, as it will be, with its line and its contexts of ``today`` for comparison."""
    if today is None:
        return replace(job, planned=frozenset(job.contexts))
    planned = frozenset(job.contexts) - set(today.contexts)
    return replace(job, line=today.line, planned=planned)


def _jobs(assessment: Assessment) -> Iterator[tuple[str, JobDemand]]:
    config = assessment.config
    if not config.has_workflows:
        yield from _only_job(assessment)
    for entry in config.workflow_jobs:
        if runs_nothing(entry, config):
            continue
        held = held_contexts(entry)
        source = entry.key.source
        by_images = dict.fromkeys(_read_by_images(assessment, entry))
        by_steps = dict.fromkeys(_read_by_steps(assessment, entry))
        yield (
            entry.route,
            JobDemand(
                path=source.path,
                line=source.position(entry.key.start).line,
                workflow=entry.workflow,
                name=entry.name,
                contexts=tuple(dict.fromkeys(held.names)),
                variables=tuple(by_images | by_steps),
                has_expression=held.has_expression,
                is_filtered=entry_of(entry.arguments, "filters") is not None,
                in_steps=frozenset(by_steps) - set(by_images),
            ),
        )


def _only_job(assessment: Assessment) -> Iterator[tuple[str, JobDemand]]:
    """A config without workflows runs its job ``build``; there is nowhere to name a context.

    https://circleci.com/docs/guides/getting-started/introduction-to-yaml-configurations/
    """
    job = assessment.config.body.jobs.get("build")
    if job is None:
        return
    read = [name for item in job.runs_on.docker or () for name in _of_item(assessment, item)]
    mapping = job.mapping
    yield (
        job.route,
        JobDemand(
            path=mapping.source.path,
            line=mapping.source.position((job.key or mapping).start).line,
            workflow=None,
            name=job.name,
            variables=tuple(dict.fromkeys(read)),
        ),
    )


def _read_by_images(assessment: Assessment, entry: WorkflowJob) -> Iterator[str]:
    for item in image_items(entry, assessment.config, assessment.values):
        yield from _of_item(assessment, item)


def _read_by_steps(assessment: Assessment, entry: WorkflowJob) -> Iterator[str]:
    docker = assessment.dockers.of(entry)
    for login in docker.given_logins if docker is not None else ():
        for name in sorted(login.variables):
            if not name.startswith(_BUILT_IN) and not _is_set_in(assessment.config, name):
                yield name


def _of_item(assessment: Assessment, item: ImageItem) -> tuple[str, ...]:
    state = assessment.by_item[item.mapping].state
    return state.auth.variables if isinstance(state, Authenticated | Incomplete) else ()


def _is_set_in(config: Config, name: str) -> bool:
    """Whether the config itself seems to give the variable a value, for its steps."""
    pattern = re.compile(rf"(?<![\w$]){re.escape(name)}\s*[:=]")
    return any(pattern.search(document.source.text) for document in config.documents)


def _logins(assessment: Assessment) -> Iterator[LoginDemand]:
    for image in assessment.images:
        if isinstance(image.state, Authenticated) and image.image.host and not image.misrouted_to:
            credential = credential_of(image.state.auth)
            if isinstance(credential, PasswordAuth) and is_safe(credential):
                yield LoginDemand(image.image.host, credential)
    for docker in assessment.dockers.all():
        for login in docker.logins:
            if login.username and login.password:
                for host in login.registries:
                    if "*" not in host:
                        yield LoginDemand(host, PasswordAuth(login.username, login.password))
