"""How each pull of a config is authenticated, and by what.

Workflow job -> job -> executor or step -> image -> credential -> context.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.assessing.account_wording import several_accounts
from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.image_states import (
    AccountUnclear,
    Anonymous,
    Authenticated,
    Exempt,
    ImageState,
    Incomplete,
    Mirrored,
    Misplaced,
    NotCovered,
    OnlyForForks,
    Proposed,
    Unauthenticated,
    Undecided,
    Unmirrored,
    state_of_orb_image,
)
from cci_migrate.assessing.step_states import (
    WHY_NO_LOGIN,
    HasLogin,
    NoPassword,
    StepState,
    ToBeMirrored,
)
from cci_migrate.circleci.config import ImportedOrb, Job, WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import ImageAuth, PulledImage
from cci_migrate.circleci.orb_jobs import OrbImage, images_of, imported_orb, orb_executors
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.circleci.workflow_jobs import called_job, image_items, job_contexts, runs_nothing
from cci_migrate.docker.image_reference import registry_of
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node


class Access(Enum):
    """How a pull is authenticated."""

    AUTHENTICATED = "authenticated"
    INCOMPLETE = "incomplete"
    UNAUTHENTICATED = "unauthenticated"
    UNKNOWN = "unknown"
    NOT_NEEDED = "not needed"

    @property
    def lacks_credentials(self) -> bool:
        """Whether the pull is anonymous or fails, but should have credentials."""
        return self in (Access.UNAUTHENTICATED, Access.INCOMPLETE)


class ExplainedPull(Struct, frozen=True):
    """One pull, as one workflow job makes it (``workflow`` None: no workflow runs it).

    ``job`` is the job or executor that names the image; ``source`` the executor's image
    (``docker[0] of executor go``) or the command of a step. ``registry`` is None if unknown.
    ``credential`` is the key or login that gives access, ``variables`` what it reads, ``contexts``
    what the workflow job holds. ``daemon`` is the Docker that a step's command talks to, None for
    the image of an executor. ``reason`` explains ``access``, or says what a fix writes.
    ``possible_images`` are the names that ``image`` has for the values of its parameters: what this
    workflow job passes, else defaults; empty if it has no parameters or they have no known value.
    ``executor`` is the executor that names the image, ``orb`` the orb whose job or executor does.
    """

    workflow: str | None
    workflow_job: str | None
    job: str
    source: str
    image: str
    registry: str | None
    access: Access
    credential: str | None
    variables: tuple[str, ...]
    contexts: tuple[str, ...]
    path: str
    line: int
    daemon: str | None
    reason: str
    possible_images: tuple[str, ...] = ()
    executor: str | None = None
    orb: str | None = None


def explained_pulls(assessment: Assessment) -> tuple[ExplainedPull, ...]:
    """Every pull of the config, workflow job by workflow job, then what no workflow runs."""
    pulls: list[ExplainedPull] = []
    seen_items: set[MappingNode] = set()
    seen_jobs: set[Job] = set()
    for entry in assessment.config.workflow_jobs:
        if runs_nothing(entry, assessment.config):
            continue
        values = ParameterValues(assessment.config, entry)
        for item in image_items(entry, assessment.config, assessment.values):
            seen_items.add(item.mapping)
            image = assessment.uses.image_by_item[item.mapping]
            pulls.append(_of_image(assessment, image, entry, values))
        pulls += _of_orbs(assessment, entry)
        docker = assessment.dockers.of(entry)
        if docker is not None:
            seen_jobs.add(docker.job)
            pulls += _of_steps(assessment, docker, entry)
    for assessed in assessment.images:
        if assessed.image.item.mapping not in seen_items:
            pulls.append(_of_image(assessment, assessed, None, assessment.values))
    called = {called_job(entry, assessment.config) for entry in assessment.config.workflow_jobs}
    for home, job in assessment.config.all_jobs():
        if job not in called:
            declared = DeclaredJob(home, job, assessment.values)
            pulls += _of_orb_executors(assessment, declared, None)
    for docker in assessment.dockers.all():
        if docker.job not in seen_jobs:
            pulls += _of_steps(assessment, docker, None)
    return tuple(pulls)


def _of_image(
    assessment: Assessment,
    assessed: AssessedImage,
    entry: WorkflowJob | None,
    values: ParameterValues,
) -> ExplainedPull:
    image = assessed.image
    access, reason = _access(assessed.state)
    auth: ImageAuth | None = None
    if isinstance(assessed.state, Authenticated | Incomplete):
        auth = assessed.state.auth
    elif isinstance(assessed.state, Unauthenticated | Unmirrored):
        reason = _what_a_fix_writes(assessment, assessed.state.proposed, assessed.registry)
    position = image.item.image.value.source.position(image.item.image.value.start)
    owner = image.owners[0]
    return ExplainedPull(
        workflow=None if entry is None else entry.workflow,
        workflow_job=None if entry is None else entry.name,
        job=owner.title if entry is None else f"job {entry.calls}",
        source=f"docker[{image.item.index}] of {owner.title}",
        image=image.item.text,
        registry=image.host,
        access=access,
        credential=None if auth is None else auth.form.value,
        variables=() if auth is None else auth.variables,
        contexts=() if entry is None else job_contexts(entry).names,
        path=image.item.image.value.source.path,
        line=position.line,
        daemon=None,
        reason=reason,
        possible_images=_possible_images(image, entry, values),
        executor=owner.executor.name if owner.job is None else None,
    )


def _what_a_fix_writes(assessment: Assessment, proposed: Proposed | None, host: str | None) -> str:
    reason = assessment.name_reason(proposed, host)
    return "" if reason is None else f"a fix writes {reason.provided_names}, {reason.text}"


def _possible_images(
    image: PulledImage, entry: WorkflowJob | None, values: ParameterValues
) -> tuple[str, ...]:
    text = image.item.text
    if not has_expression(text):
        return ()
    users = [
        owner
        for owner in image.owners
        if owner.job is not None or owner.executor in values.executor_uses
    ]
    texts: dict[str, None] = {}
    for owner in users if entry is not None and users else image.owners:
        at = owner.executor if owner.job is None else owner.job
        possible = values.texts(text, at, is_orb=owner.home.is_orb)
        texts.update(dict.fromkeys(value for value in possible if value != text))
    return tuple(texts)


def _of_orbs(assessment: Assessment, entry: WorkflowJob) -> Iterator[ExplainedPull]:
    """The images of orbs that ``entry`` pulls: of an orb's job, or of an orb's executor."""
    config = assessment.config
    own = config.body.job(entry.calls)
    if own is not None:
        declared = DeclaredJob(*own, assessment.values)
        yield from _of_orb_executors(assessment, declared, entry)
    orb = imported_orb(entry, config)
    if orb is None:
        return
    place = _OrbPlace(f"job {entry.calls}", orb, entry.key, entry)
    job = assessment.dockers.orb_job(entry)
    for runs in (None,) if job is None else job.places(config):
        if runs is None or job is None:
            yield _of_orb_image(assessment, place, f"job {entry.calls}", None)
        elif runs.is_published:
            for image in images_of(runs, assessment.values, job.job, is_orb=False):
                kind = "job" if runs.name == entry.calls else "executor"
                yield _of_orb_image(assessment, place, f"{kind} {runs.name}", image)


def _of_orb_executors(
    assessment: Assessment, declared: DeclaredJob, entry: WorkflowJob | None
) -> Iterator[ExplainedPull]:
    job, values = declared.job, declared.values
    for orb, call, runs in orb_executors(declared, entry):
        place = _OrbPlace(f"job {job.name}", orb, call.node, entry)
        if runs is None:
            yield _of_orb_image(assessment, place, f"executor {call.name}", None)
            continue
        for image in images_of(runs, values, job, is_orb=declared.home.is_orb):
            yield _of_orb_image(assessment, place, f"executor {call.name}", image)


class _OrbPlace(Struct, frozen=True):
    """Where an orb's job or executor is used."""

    job: str
    orb: ImportedOrb
    node: Node
    entry: WorkflowJob | None


def _of_orb_image(
    assessment: Assessment, place: _OrbPlace, name: str, orb_image: OrbImage | None
) -> ExplainedPull:
    """An image of ``name``, the orb's job or executor; None: what that pulls is not known."""
    entry, orb, node = place.entry, place.orb, place.node
    image = None if orb_image is None else orb_image.text
    auth = None if orb_image is None else orb_image.auth
    host = None if image is None else _host_of(image)
    access, reason = Access.UNKNOWN, f"can't determine what {orb.name}@{orb.version} pulls here"
    if orb_image is not None:
        access, reason = _access(state_of_orb_image(orb_image, assessment.policy))
        if access is Access.UNAUTHENTICATED:
            reason = "the orb's image has no auth"
    return ExplainedPull(
        workflow=None if entry is None else entry.workflow,
        workflow_job=None if entry is None else entry.name,
        job=place.job,
        source=f"{name} of the orb {orb.name}@{orb.version}",
        image=image or "",
        registry=host,
        access=access,
        credential=None if auth is None else f"{auth.form.value} of the orb",
        variables=() if auth is None else auth.variables,
        contexts=() if entry is None else job_contexts(entry).names,
        path=node.source.path,
        line=node.source.position(node.start).line,
        daemon=None,
        reason=reason,
        orb=f"{orb.name}@{orb.version}",
    )


def _access(state: ImageState | StepState) -> tuple[Access, str]:
    """How a pull in ``state`` is authenticated, and why."""
    match state:
        case Authenticated() | HasLogin():
            return Access.AUTHENTICATED, ""
        case Incomplete():
            return Access.INCOMPLETE, "its credentials are incomplete"
        case Misplaced():
            return Access.UNAUTHENTICATED, "its credentials are in the wrong place"
        case Unauthenticated() | Unmirrored() | Anonymous():
            return Access.UNAUTHENTICATED, ""
        case NoPassword():
            return Access.UNAUTHENTICATED, WHY_NO_LOGIN
        case ToBeMirrored(mirror):
            return Access.UNAUTHENTICATED, f"it doesn't come from {mirror}"
        case AccountUnclear(accounts=accounts):
            return Access.UNAUTHENTICATED, several_accounts(accounts)
        case Undecided(reason):
            return Access.UNKNOWN, reason
        case NotCovered(unknown=True):
            return Access.UNKNOWN, "CircleCI may have credentials for it"
        case NotCovered():
            return Access.UNKNOWN, "the policy has no credentials for the registry"
        case Exempt() | Mirrored():
            return Access.NOT_NEEDED, ""
        case OnlyForForks():
            return Access.NOT_NEEDED, "only builds of forks run it"
        case _:
            assert_never(state)


def _of_steps(
    assessment: Assessment, docker: JobDocker, entry: WorkflowJob | None
) -> Iterator[ExplainedPull]:
    for pull in docker.pulls:
        for host, state in assessment.logins.step_states(docker, pull):
            # Where it ought to pull from, or to log in, is not what it pulls.
            if host is None or host in pull.hosts:
                yield _of_step(docker, pull, host, state, entry)


def _of_step(
    docker: JobDocker, pull: StepPull, host: str | None, state: StepState, entry: WorkflowJob | None
) -> ExplainedPull:
    access, reason = _access(state)
    login = state.login if isinstance(state, HasLogin) else None
    node = pull.moment.step.node
    return ExplainedPull(
        workflow=None if entry is None else entry.workflow,
        workflow_job=None if entry is None else entry.name,
        job=f"job {docker.job.name}",
        source=f"step on {docker.daemon_of(pull).value}: {pull.command}",
        image=", ".join(text for text in pull.texts if host in (_host_of(text), pull_key(text))),
        registry=host,
        access=access,
        credential=None
        if login is None
        else f"login in {login.moment.step.within or login.moment.step.name}",
        variables=() if login is None else tuple(sorted(login.variables)),
        contexts=() if entry is None else job_contexts(entry).names,
        path=node.source.path,
        line=node.source.position(node.start).line,
        daemon=docker.daemon_of(pull).value,
        reason=reason,
    )


def _host_of(text: str) -> str | None:
    host = registry_of(text)
    return host if isinstance(host, str) else None
