"""A login to Docker Hub names an address that Docker never looks up.

## What it finds

`docker login index.docker.io`, `registry-1.docker.io`, `registry.hub.docker.com`, `hub.docker.com`,
`https://docker.io` or `docker.io/acme` in steps, and the same addresses as the `registry` of
`docker/check`. A login to `registry-1.docker.io` or `registry.hub.docker.com` is fine in a job that
uses images of that very host.

## Why it matters

Docker stores a login under the address that it was made with, and looks for the Docker Hub login
under one fixed address. The login succeeds, and every later pull from Docker Hub is anonymous.

## The fix

It removes the server, which makes this a login to Docker Hub with the same account.

There is no fix where this would replace another account of the job, where the job runs a step that
can't be read and may log in too, or where the server comes from a parameter, a variable, an anchor
or a script of the repository.

## When to ignore it

If the pulls use podman or buildah: they accept `index.docker.io` and `registry-1.docker.io` for
Docker Hub. The rule doesn't apply to an image's `auth`, which CircleCI sends with that image.

## References

- https://docs.docker.com/reference/cli/docker/login/
- https://github.com/docker/cli/blob/master/cli/command/registry.go
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy, route_by_text
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.rules.rule import Fixed, Rule, Unchanged

ID = "login-server"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each script or step."""
    for login in assessment.logins.misaddressed:
        docker, use = login.uses[0]
        remedy: Remedy = Fix("remove the server", login.operations)
        if login.obstacle:
            remedy = NoFix(login.obstacle, "remove the server, or write docker.io")
        step = use.moment.step
        node, route = step.node, f"{docker.job.route}.steps.login"
        if isinstance(login.node, Scalar):
            node, route = login.node, route_by_text(route, login.node.value)
        else:
            route = f"{route}({login.server})"
        yield Finding(
            rule=ID,
            place=Place(node, route),
            message=f"a login to {login.server} doesn't log in to Docker Hub",
            plural=f"logins to {login.server} don't log in to Docker Hub",
            subject=step.name if step.name.endswith("/check") else "docker login",
            owner=f"job {docker.job.name}",
            effect=Effect.WARNING,
            because="Docker looks for the Docker Hub login under the address that a login without "
            "a server uses. Later pulls are anonymous.",
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
        Fixed(
            "without the server",
            """\
 version: 2.1
 jobs:
   smoke:
     machine:
       image: ubuntu-2404:current
     steps:
       - run: |
-          echo "$HUB_TOKEN" | docker login -u "$HUB_USER" --password-stdin index.docker.io
+          echo "$HUB_TOKEN" | docker login -u "$HUB_USER" --password-stdin
           docker pull redis:7
""",
        ),
        Fixed(
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
-      - docker/check:
-          registry: registry.hub.docker.com
+      - docker/check
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
