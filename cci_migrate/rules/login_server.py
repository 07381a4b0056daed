"""A login to Docker Hub names an address that Docker never looks up.

## What it finds

`docker login index.docker.io`, `registry-1.docker.io`, `registry.hub.docker.com`, `hub.docker.com`,
`https://docker.io` or `docker.io/acme` in steps, and the same as the `registry` of `docker/check`.
A login to `registry-1.docker.io` or `registry.hub.docker.com` is left alone in a job that names
images of that very host.

## Why it matters

Docker keeps a login under the name that it is given, and looks for that of Docker Hub under one
name alone. The login succeeds, and every pull of a Docker Hub image after it is anonymous.

## The fix

The server is left out. So the login is the one to Docker Hub, with the same account.

Not where another account of the job would be replaced by it, where a step cannot be read that may
log in too, or where the server is not written in the step itself: a parameter, a variable, an
anchor, a script of the repository.

## When not to

In an image's `auth` nothing of this matters: those credentials go with the image. podman and
buildah know Docker Hub by `index.docker.io` and `registry-1.docker.io` too.

## References

- https://docs.docker.com/reference/cli/docker/login/
- https://github.com/docker/cli/blob/master/cli/command/registry.go
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.rules.rule import Example, Rule, Unchanged

ID = "login-server"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each script or step."""
    for login in assessment.logins.misaddressed:
        docker, use = login.uses[0]
        remedy: Remedy = Fix("leave the server out", login.operations)
        if login.obstacle:
            remedy = NoFix(login.obstacle, "leave the server out, or name docker.io")
        step = use.moment.step
        node, title = step.node, login.server
        if isinstance(login.node, Scalar):
            # Steps move when others are added: the script itself tells which one it is.
            node, title = login.node, f"{crc32(login.node.value.encode()):08x}"
        route = f"{docker.job.route}.steps.login({title})"
        yield Finding(
            rule=ID,
            place=Place(node, route),
            message=f"a login to {login.server} is no login to Docker Hub",
            plural=f"logins to {login.server} are no logins to Docker Hub",
            subject=step.name if step.name.endswith("/check") else "docker login",
            owner=f"job {docker.job.name}",
            effect=Effect.WARNING,
            because="Docker looks for the login to Docker Hub under one name: that of a login "
            "without a server. Pulls after this one are anonymous.",
            remedy=remedy,
        )


RULE = Rule(
    id=ID,
    summary="a login to Docker Hub names an address that Docker never looks up",
    effect=Effect.WARNING,
    manual=__doc__,
    detect=detect,
    rank=65,
    examples=(
        Example(
            "the server is left out",
            """\
version: 2.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: |
          echo "$HUB_TOKEN" | docker login -u "$HUB_USER" --password-stdin index.docker.io
          docker pull redis:7
""",
            """\
version: 2.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: |
          echo "$HUB_TOKEN" | docker login -u "$HUB_USER" --password-stdin
          docker pull redis:7
""",
        ),
        Example(
            "the Docker orb",
            """\
version: 2.1
orbs:
  docker: circleci/docker@4.0.1
jobs:
  smoke:
    machine:
      image: ubuntu-2404:current
    steps:
      - docker/check:
          registry: registry.hub.docker.com
      - run: docker pull redis:7
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
      - docker/check
      - run: docker pull redis:7
""",
        ),
        Unchanged(
            "images of that very host",
            """\
version: 2.1
jobs:
  push:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: |
          echo "$TOKEN" | docker login -u "$NAME" --password-stdin registry.hub.docker.com
          docker push registry.hub.docker.com/acme/app
""",
        ),
    ),
)
