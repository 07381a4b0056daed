"""An orb's job or executor pulls an image that no credentials can be given to from here.

## What it finds

Jobs of CircleCI's orbs in workflows (`node/test`, `slack/on-hold`, `docker/hadolint` ...), and
executors of orbs in jobs (`executor: node/default`), whose images come from Docker Hub. And
`docker/publish` where it logs in to another registry than Docker Hub, or not at all.

## Why it matters

An orb's image has no `auth`, and a context on the workflow job does not give it one.

## The fix

In this order: where the orb's job takes an executor, a local one with credentials; else a local job
that uses the orb's commands; else nothing can be done in this config.

## When not to

Where the orb will soon take an executor, or its image is not from Docker Hub in the version you
use: only orbs whose sources were read are known.

## References

- https://circleci.com/docs/guides/orbs/author/orb-author/
- https://circleci.com/docs/guides/execution-managed/private-images/
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.image_states import Authenticated, Mirrored, Unauthenticated, Unmirrored
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.docker_orb import DOCKER_ORB, ORB_EXECUTORS, ORB_JOBS, OrbPull
from cci_migrate.circleci.workflow_jobs import runs_nothing
from cci_migrate.docker.image_reference import DOCKER_HUB, normalise_host
from cci_migrate.findings import Choice, Finding, NoFix, Place, Question, Remedy, Severity
from cci_migrate.lossless.merging import entry_of, text_of, value_of
from cci_migrate.lossless.nodes import Alias, Mapping, Scalar
from cci_migrate.lossless.operations import AddEntry, Entries, Operation, ScalarToMapping, Text
from cci_migrate.rules.rule import Example, Rule, Unchanged
from cci_migrate.rules.whole_fix import whole_fix

ID = "orb-pull"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each workflow job that is an orb's, and each job on an orb's executor."""
    config = assessment.config
    for entry in config.workflow_jobs:
        alias, slash, name = entry.calls.partition("/")
        orb = config.body.imported.get(alias)
        if not slash or orb is None or runs_nothing(entry, config):
            continue
        if orb.name == DOCKER_ORB and name == "publish":
            yield from _publish(entry)
        pull = ORB_JOBS.get((orb.name, name))
        if pull is None or _has_executor(entry, pull):
            continue
        image = pull.image or "its own image"
        yield Finding(
            rule=ID,
            place=Place(entry.key, entry.route),
            message=f"{entry.calls} of the orb {orb.name} pulls {image} without credentials",
            subject=image,
            owner=f"workflow {entry.workflow}",
            severity=Severity.NOTE,
            because="The orb gives its image no credentials, and a context does not either.",
            remedy=_remedy(entry, pull, assessment),
        )
    yield from _orb_executors(config)


def _publish(entry: WorkflowJob) -> Iterator[Finding]:
    """The job ``docker/publish``, which logs in only to where it pushes, and only if it does."""
    deploys = (text_of(value_of(entry.arguments, "deploy")) or "true").lower()
    registry = text_of(value_of(entry.arguments, "registry"))
    elsewhere = registry is not None and normalise_host(registry) != DOCKER_HUB
    if deploys not in ("false", "no", "off") and not elsewhere:
        return
    why = f"only to {registry}" if elsewhere else "not at all, as deploy is false"
    yield Finding(
        rule=ID,
        place=Place(entry.key, entry.route),
        message=f"{entry.calls} logs in {why}, and may build on images of Docker Hub",
        subject="the images that its Dockerfile builds on",
        owner=f"workflow {entry.workflow}",
        severity=Severity.NOTE,
        because="A build on images of Docker Hub pulls them, without a login anonymously.",
        remedy=NoFix(
            "the orb's job has no parameter for a second login",
            "log in to Docker Hub with docker/check in the steps that its hooks take",
        ),
    )


def _orb_executors(config: Config) -> Iterator[Finding]:
    for home in config.body.walk():
        for job in home.jobs.values():
            if job.executor is None or job.runs_on.docker is not None:
                continue
            alias, _, name = job.executor.name.partition("/")
            orb = home.imported.get(alias)
            image = None if orb is None else ORB_EXECUTORS.get((orb.name, name))
            if orb is None or image is None:
                continue
            yield Finding(
                rule=ID,
                place=Place(job.executor.node, f"{job.route}.executor"),
                message=f"the executor {job.executor.name} of the orb {orb.name} pulls {image} "
                "without credentials",
                subject=image,
                owner=f"job {job.name}",
                severity=Severity.NOTE,
                because="The orb gives its image no credentials.",
                remedy=NoFix(
                    "an orb's executor takes no credentials",
                    f"name an executor of your own with {image} and auth",
                ),
            )


def _has_executor(entry: WorkflowJob, pull: OrbPull) -> bool:
    name = pull.executor_parameter
    return name is not None and entry_of(entry.arguments, name) is not None


def _remedy(entry: WorkflowJob, pull: OrbPull, assessment: Assessment) -> Remedy:
    if pull.executor_parameter is None:
        return NoFix(
            "the orb's job takes no executor",
            "use the orb's commands in a job of your own, whose image has credentials",
        )
    choices = [
        Choice(
            name,
            f"run it on the executor {name}",
            "Its image is pulled with the credentials that stand there; it must have the tools "
            "that the orb's job uses.",
            whole_fix(
                assessment,
                f"run it on the executor {name}",
                operations,
                assessment.contexts_on_executor(entry, name, f"{ID}:{entry.route}"),
            ),
        )
        for name in _local_executors(assessment)
        if (operations := _with_executor(entry, pull.executor_parameter, name))
    ]
    if not choices:
        return NoFix(
            "there is no local executor with credentials",
            f"name one, and pass it as {pull.executor_parameter}",
        )
    leave = Choice(
        "leave",
        "leave it as it is",
        "The orb's own image is pulled without credentials.",
        NoFix("you chose to leave it"),
    )
    return Question(f"On which executor is {entry.name} to run?", (*choices, leave))


def _local_executors(assessment: Assessment) -> list[str]:
    """The executors whose images all have credentials, or are about to get them."""
    found: list[str] = []
    for name, executor in assessment.config.body.executors.items():
        states = [assessment.by_item[id(item.mapping)].state for item in executor.docker or ()]
        needs_arguments = any(one.default is None for one in executor.parameters.values())
        has_credentials = all(
            isinstance(one, Authenticated | Unauthenticated | Unmirrored | Mirrored)
            for one in states
        )
        if states and has_credentials and not needs_arguments:
            found.append(name)
    return found


def _with_executor(entry: WorkflowJob, parameter: str, executor: str) -> tuple[Operation, ...]:
    arguments = entry.arguments
    if arguments is None and isinstance(entry.node, Scalar):
        return (ScalarToMapping(entry.node, Entries(((parameter, Text(executor)),))),)
    if isinstance(arguments, Alias) or not isinstance(arguments, Mapping):
        return ()
    return (AddEntry(arguments, parameter, Text(executor)),)


RULE = Rule(
    id=ID,
    summary="an orb pulls an image that no credentials can be given to",
    manual=__doc__,
    detect=detect,
    rank=90,
    examples=(
        Example(
            "no way from here: explained",
            """\
version: 2.1
orbs:
  node: circleci/node@7.1
workflows:
  main:
    jobs:
      - node/test
""",
            None,
        ),
        Unchanged(
            "an executor of one's own is passed",
            """\
version: 2.1
orbs:
  continuation: circleci/continuation@1.0
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
