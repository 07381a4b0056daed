"""An orb's job or executor pulls an image without credentials.

## What it finds

Jobs of orbs in workflows (`node/test`, `slack/on-hold`, `docker/hadolint` ...), and executors of
orbs in jobs (`executor: node/default`), whose images come from Docker Hub or another registry that
the policy covers. For the most used orbs, cci-migrate knows what each release pulls, with the names
that your arguments give to images.

For other orbs and releases it reports that it can't determine what they pull, unless `--compile`
asks CircleCI's compiler, which knows private orbs too. The same applies to what an orb's job builds
if its Dockerfile can't be read.

## Why it matters

An orb's image has no `auth`, and a context on the workflow job doesn't add one.

## The fix

If the orb's job takes an executor, pass one of your own with credentials (`--interactive` asks
which). If it doesn't, use the orb's commands in a job of your own. If neither is possible, this
config can't fix it. Pulls in the steps of an orb's job get a login: see `pull-before-login`.

## When to ignore it

If the next release of the orb takes an executor.

## References

- https://circleci.com/docs/guides/orbs/author/orb-author/
- https://circleci.com/docs/guides/execution-managed/private-images/
- https://circleci.com/developer/orbs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.image_states import (
    Anonymous,
    Authenticated,
    Mirrored,
    Unauthenticated,
    Unmirrored,
    state_of_orb_image,
)
from cci_migrate.assessing.step_assessment import UndecidedPulls, undecided_pulls
from cci_migrate.circleci.config import ImportedOrb
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.orb_jobs import (
    OrbImage,
    OrbJob,
    RunsOn,
    images_of,
    imported_orb,
    orb_executors,
)
from cci_migrate.circleci.published_orbs import published_orb
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.findings import Choice, Effect, Finding, NoFix, Place, Question, Remedy
from cci_migrate.lossless.merging import value_of
from cci_migrate.lossless.operations import Text
from cci_migrate.policy.settings import Policy
from cci_migrate.remedies.job_arguments import with_arguments
from cci_migrate.rules.rule import Reported, Rule, Unchanged
from cci_migrate.rules.whole_fix import whole_fix

ID = "orb-pull"
_note = partial(Finding, rule=ID, effect=Effect.NOTE)


def detect(assessment: Assessment) -> Iterator[Finding]:
    """Findings about workflow jobs that run an orb's job, and jobs on an orb's executor."""
    config = assessment.config
    reported: set[str] = set()
    for entry in config.workflow_jobs:
        orb = imported_orb(entry, config)
        if orb is None:
            continue
        orb_job = assessment.dockers.orb_job(entry)
        places = () if orb_job is None else tuple(orb_job.places(config))
        if orb_job is None or None in places:
            if entry.calls not in reported:
                reported.add(entry.calls)
                place, owner = Place(entry.key, entry.route), f"workflow {entry.workflow}"
                yield _not_known(place, f"job {entry.calls}", orb, owner)
            continue
        yield from _job_images(orb_job, places, assessment)
    for undecided in undecided_pulls(assessment.dockers.of_orbs()):
        yield from _undecided(undecided)
    if assessment.policy.mirror is not None:
        yield from _beside_mirror(assessment, assessment.policy.mirror)
    for home, job in config.all_jobs():
        yield from _orb_executors(DeclaredJob(home, job, assessment.values), assessment)


def _not_known(place: Place, what: str, orb: ImportedOrb, owner: str) -> Finding:
    """The finding about ``what`` (``job acme/deploy``), of an orb whose pulls are unknown."""
    reason = "cci-migrate has no data on this orb or version"
    if published_orb(orb.name, orb.version) is not None:
        reason = "the orb's source doesn't have it"
    return _note(
        place=place,
        message=f"can't determine what the {what} of the orb {orb.name}@{orb.version} pulls",
        plural=f"uses of orb {orb.name}@{orb.version} whose pulls can't be determined",
        subject=f"{orb.name}@{orb.version}",
        owner=owner,
        because="It may pull images without credentials.",
        remedy=NoFix(
            reason,
            "use --compile to ask CircleCI's compiler, or read the orb's source: "
            "https://circleci.com/developer/orbs",
        ),
    )


def _undecided(undecided: UndecidedPulls) -> Iterator[Finding]:
    """The finding about an orb's job whose steps pull unknown images."""
    entry, pull = undecided.docker.entry, undecided.pulls[0]
    if entry is None:
        return
    yield _note(
        place=Place(entry.key, f"{entry.route}.steps"),
        message=f"can't determine what {pull.command} pulls: {pull.undecided}",
        plural="orb jobs have steps whose pulls can't be determined",
        subject=pull.command,
        owner=f"workflow {entry.workflow}",
        because="Its pulls from Docker Hub have no login.",
        remedy=NoFix(
            "the images can't be read from the config or the repository",
            "if they come from Docker Hub, log in in the job's pre-steps",
        ),
    )


def _beside_mirror(assessment: Assessment, mirror: Mirror) -> Iterator[Finding]:
    """Findings about steps of orbs' jobs that pull from Docker Hub instead of ``mirror``."""
    for docker in assessment.dockers.of_orbs():
        pulls = [
            pull
            for pull in docker.pulls
            if DOCKER_HUB in pull.hosts and docker.login_before(pull, DOCKER_HUB) is None
        ]
        if not pulls or docker.entry is None:
            continue
        texts = dict.fromkeys(text for pull in pulls for text in pull.texts)
        yield _note(
            place=Place(docker.entry.key, f"{docker.entry.route}.steps.mirror"),
            message=f"{pulls[0].command} pulls from Docker Hub, not from {mirror.host}",
            plural=f"orb jobs have steps that pull from Docker Hub, not from {mirror.host}",
            subject=", ".join(texts),
            owner=f"workflow {docker.entry.workflow}",
            because="The pulls in its steps have no login.",
            remedy=NoFix(
                "the image names are in the orb, or in files that it reads",
                f"change them there to {mirror.host}, or log in to Docker Hub in the pre-steps",
            ),
        )


def _job_images(
    job: OrbJob, places: Sequence[RunsOn | None], assessment: Assessment
) -> Iterator[Finding]:
    texts: dict[str, None] = {}
    for place in places:
        if place is not None and place.is_published:
            images = images_of(place, assessment.values, job.job, is_orb=False)
            texts.update(dict.fromkeys(_anonymous(images, assessment.policy)))
    if not texts:
        return
    entry, subject = job.entry, ", ".join(texts)
    yield _note(
        place=Place(entry.key, entry.route),
        message=f"{entry.calls} of the orb {job.orb.name} pulls {subject} without credentials",
        plural="jobs of orbs pull their images without credentials",
        subject=subject,
        owner=f"workflow {entry.workflow}",
        because="The orb's image has no auth, and a context doesn't add one.",
        remedy=_remedy(job, assessment),
    )


def _anonymous(images: Sequence[OrbImage], policy: Policy) -> Iterator[str]:
    """The names of ``images`` that should have credentials, and whose orb gives them none."""
    for image in images:
        if isinstance(state_of_orb_image(image, policy), Anonymous):
            yield image.text


def _orb_executors(declared: DeclaredJob, assessment: Assessment) -> Iterator[Finding]:
    job = declared.job
    reported: set[str] = set()
    for orb, call, runs in orb_executors(declared):
        if call.name in reported or job.executor is None:
            continue
        place = f"{job.route}.executor" + (f"({call.name})" if reported else "")
        reported.add(call.name)
        where = Place(job.executor.node, place)
        if runs is None:
            yield _not_known(where, f"executor {call.name}", orb, f"job {job.name}")
            continue
        images = images_of(runs, assessment.values, job, is_orb=declared.home.is_orb)
        texts = ", ".join(_anonymous(images, assessment.policy))
        if not texts:
            continue
        yield _note(
            place=where,
            message=f"the executor {call.name} of the orb {orb.name} pulls {texts} "
            "without credentials",
            plural="executors of orbs pull their images without credentials",
            subject=texts,
            owner=f"job {job.name}",
            because="The orb's image has no auth.",
            remedy=NoFix(
                "an orb's executor takes no credentials",
                f"use an executor of your own with {texts} and auth",
            ),
        )


def _remedy(job: OrbJob, assessment: Assessment) -> Remedy:
    entry, parameter = job.entry, job.takes_executor()
    if job.is_compiled:
        return NoFix(
            "the compiled config doesn't show whether the orb's job takes an executor",
            "if it does, pass your own with credentials; else use the orb's commands in a job of "
            "your own",
        )
    if parameter is not None and value_of(entry.arguments, parameter) is not None:
        return NoFix(
            "an orb's executor takes no credentials", f"pass your own as {parameter}, with auth"
        )
    if parameter is None:
        return NoFix(
            "the orb's job takes no executor",
            "use the orb's commands in a job of your own, whose image has credentials",
        )
    choices = [
        Choice(
            name,
            f"run it on the executor {name}",
            "The pull then uses its credentials. Its image must have the tools that the orb's "
            "job uses.",
            whole_fix(
                assessment,
                f"run it on the executor {name}",
                operations,
                assessment.contexts.on_executor(entry, name, Place(entry.key, entry.route).key(ID)),
            ),
        )
        for name in _local_executors(assessment)
        if (operations := with_arguments(entry, (parameter, Text(name))))
    ]
    if not choices:
        return NoFix(
            "the config has no executor with credentials",
            f"define one, and pass it as {parameter}",
        )
    leave = Choice.leave("The orb's image is still pulled without credentials.")
    return Question(f"Which executor should {entry.name} run on?", (*choices, leave))


def _local_executors(assessment: Assessment) -> list[str]:
    """The config's executors whose images all have credentials, or get them by another fix."""
    names: list[str] = []
    for name, executor in assessment.config.body.executors.items():
        states = [
            assessment.uses.image_by_item[item.mapping].state for item in executor.docker or ()
        ]
        needs_arguments = any(
            parameter.default is None for parameter in executor.parameters.values()
        )
        has_credentials = all(
            isinstance(state, Authenticated | Unauthenticated | Unmirrored | Mirrored)
            for state in states
        )
        if states and has_credentials and not needs_arguments:
            names.append(name)
    return names


RULE = Rule(
    id=ID,
    summary="an orb pulls an image without credentials",
    effect=Effect.NOTE,
    manual=__doc__,
    detect=detect,
    rank=90,
    examples=(
        Reported(
            "a job that takes no executor: no fix",
            """\
version: 2.1
orbs:
  node: circleci/node@7.1
workflows:
  main:
    jobs:
      - node/test
""",
        ),
        Unchanged(
            "with an executor of your own",
            """\
version: 2.1
orbs:
  continuation: circleci/continuation@2.0
executors:
  small:
    docker:
      - image: cimg/base:2024.02
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
workflows:
  main:
    jobs:
      - continuation/continue:
          executor: small
          configuration_path: .circleci/next.yml
""",
        ),
    ),
)
