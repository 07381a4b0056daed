"""A step pulls images before the job has logged in to their registry.

## What it finds

`docker pull`, `run`, `build`, `compose up` and the like (podman and buildah too) in the steps of a
machine executor, or of a Docker executor after `setup_remote_docker`, that fetch images from Docker
Hub (or another registry that the policy has a password for) while no login has surely been made.
A login in another branch, after the pull, or to another registry does not count. The `auth` of an
image does not log the steps in.

## Why it matters

These are the pulls that Docker Hub limits on CircleCI Cloud too: machines and remote Docker pull
from addresses that many builds share.

## The fix

The login that the config has ready, where it has one: a command that does nothing else, or a step
with an anchor. Else, in a 2.1 config, the Docker orb's `docker/check`, under the alias and at the
version that the file has. Else, or with `--login cli`, a `run` step with `--password-stdin`, which
goes on without a login where the variables are not there (in the builds of forked pull requests);
so too where the orb's command has no bash to run in. Before the first pull, once a registry a job,
and only in lists of steps whose other users need it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cci_migrate.assessment import Assessment
from cci_migrate.findings import Finding, Fix, NoFix, Place, Remedy
from cci_migrate.impact import of_anonymous_step, registry_name
from cci_migrate.rules.rule import Example, Rule, Unchanged
from cci_migrate.step_assessment import PULL_BEFORE_LOGIN, MissingLogin

if TYPE_CHECKING:
    from cci_migrate.login_placement import LoginPlacement


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each job and registry."""
    if not assessment.missing_logins:
        return
    from cci_migrate.circleci.docker_daemon import runs_on_runner
    from cci_migrate.login_placement import LoginPlacement

    placement = LoginPlacement(
        assessment.config,
        assessment.missing_logins,
        assessment.dockers.all(),
        assessment.values,
        assessment.policy,
    )
    for missing in assessment.missing_logins:
        job = missing.docker.job
        impact = of_anonymous_step(
            missing.images,
            missing.host,
            assessment.policy.platform,
            own_machine=runs_on_runner(
                job, missing.docker.home, assessment.config, assessment.values
            ),
        )
        name = registry_name(missing.host)
        yield Finding(
            rule=PULL_BEFORE_LOGIN,
            place=Place(missing.pull.moment.step.node, missing.route),
            message=f"{missing.pull.command} fetches from {name} before a login to it",
            subject=", ".join(missing.images[:3]),
            owner=f"job {job.name}",
            severity=impact.severity,
            because=impact.because,
            remedy=_remedy(missing, placement, assessment),
            registry=missing.host,
        )


def _remedy(missing: MissingLogin, placement: LoginPlacement, assessment: Assessment) -> Remedy:
    from cci_migrate.login_placement import NoLoginPlace

    credential = assessment.login_credential(missing)
    if credential is None:
        return NoFix("no user name and password are known for it", "name them in the policy")
    operations = placement.operations(missing, credential)
    if isinstance(operations, NoLoginPlace):
        return NoFix(operations.reason, operations.instead)
    return Fix("log in before the first pull", operations)


RULE = Rule(
    id=PULL_BEFORE_LOGIN,
    summary="a step pulls images before the job has logged in",
    manual=__doc__,
    detect=detect,
    examples=(
        Example(
            "the Docker orb, imported once",
            """\
version: 2.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - checkout
      # a server to talk to
      - run: docker run -d -p 6379:6379 redis:7
""",
            """\
version: 2.1
orbs:
  docker: circleci/docker@4.0.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - checkout
      - docker/check:
          docker_username: DOCKERHUB_USERNAME
          docker_password: DOCKERHUB_PASSWORD
      # a server to talk to
      - run: docker run -d -p 6379:6379 redis:7
""",
        ),
        Example(
            "version 2 has no orbs: a run step",
            """\
version: 2
jobs:
  smoke:
    machine: true
    steps:
      - run: docker pull redis:7
""",
            """\
version: 2
jobs:
  smoke:
    machine: true
    steps:
      - run:
          name: Log in to Docker Hub
          command: |
            if [ -z "$DOCKERHUB_USERNAME" ] || [ -z "$DOCKERHUB_PASSWORD" ]; then
              echo "No credentials for Docker Hub here: going on without a login."
            else
              echo "$DOCKERHUB_PASSWORD" | docker login --username "$DOCKERHUB_USERNAME" \
--password-stdin
            fi
      - run: docker pull redis:7
""",
        ),
        Unchanged(
            "a script that only speaks of docker",
            """\
version: 2.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: echo "now run docker pull redis:7"
""",
        ),
    ),
)
