"""A login has the password as a command-line argument.

## What it finds

`docker login -p "$PASSWORD"` and its other spellings, and the same for `podman login`, `buildah
login` and `skopeo login`.

## Why it matters

Every process on the machine can read the password while the command runs. Docker itself warns about
it.

## The fix

`echo "$PASSWORD" | docker login ... --password-stdin`. The quoting and the rest of the line don't
change.

## When to ignore it

If your Docker is older than 17.07, which has no `--password-stdin`. Where the tag of the job's own
image shows this (`docker:17.06`), there is no fix.

## References

- https://docs.docker.com/reference/cli/docker/login/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config import Job
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.steps import RunStep
from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.findings import Effect, Finding, Fix, NoFix, Place, Remedy, route_by_text
from cci_migrate.lossless.nodes import Node
from cci_migrate.lossless.operations import Operation, ReplaceText
from cci_migrate.lossless.scalar_positions import span_in
from cci_migrate.rules.rule import Fixed, Rule, Unchanged
from cci_migrate.wording import listed

if TYPE_CHECKING:
    from cci_migrate.docker.shell.facts import Login

ID = "password-argument"
_BY_HAND = "write it as: echo PASSWORD | docker login --username NAME --password-stdin"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each script with passwords on the command line, for all its logins."""
    dockers = assessment.dockers.all()
    if not dockers:
        return
    from cci_migrate.circleci.primary_images import primary_images
    from cci_migrate.docker.shell.facts import Login

    visited: set[Node] = set()
    found: list[tuple[Job, RunStep, list[Login]]] = []
    for docker in dockers:
        for run in docker.own_runs:
            script = run.command.value
            if run.command in visited or "login" not in script or not mentions_docker(script):
                continue
            visited.add(run.command)
            logins = [
                fact
                for fact in _facts(run, docker.daemon)
                if isinstance(fact, Login) and fact.password is not None
            ]
            if logins:
                found.append((docker.job, run, logins))
    old_clients = {
        run.command
        for docker in (dockers if found else ())
        if primary_images(docker.declared).may_have_old_client
        for run in docker.own_runs
    }
    for job, run, logins in found:
        yield _finding(job, run, logins, is_old=run.command in old_clients)


def _facts(run: RunStep, daemon: Daemon) -> list[object]:
    from cci_migrate.circleci.step_scripts import written_script

    script = written_script(run, daemon)
    return [*script.facts, *script.uncalled]


def _finding(job: Job, run: RunStep, logins: list[Login], *, is_old: bool) -> Finding:
    place = _place(job, run, logins)
    remedy: Remedy = NoFix("Docker in its image is older than 17.07", "use a newer image")
    if not is_old:
        remedy = _remedy(run, logins)
    if place.part is None and isinstance(remedy, Fix):
        remedy = NoFix("the quoting of its text hides where it is", _BY_HAND)
    hosts = [login.registry.value if login.registry else "Docker Hub" for login in logins]
    return Finding(
        rule=ID,
        place=place,
        message=f"the password for {listed(list(dict.fromkeys(hosts)))} is a command-line argument",
        plural="logins have the password as a command-line argument",
        subject="docker login",
        owner=f"job {job.name}",
        effect=Effect.NOTE if is_old else Effect.WARNING,
        because="Other processes can read it while the command runs.",
        remedy=remedy,
    )


def _place(job: Job, run: RunStep, logins: list[Login]) -> Place:
    route = route_by_text(f"{job.route}.steps.run", run.command.value)
    first = min(
        (login.password for login in logins if login.password is not None),
        key=lambda password: password.start,
    )
    return Place(run.command, route, span_in(run.command, first.start, first.end))


def _remedy(run: RunStep, logins: list[Login]) -> Remedy:
    operations: list[Operation] = []
    starts: set[int] = set()
    for login in sorted(logins, key=lambda login: login.start, reverse=True):
        password = login.password
        if password is None or login.start in starts:
            continue
        starts.add(login.start)
        if password.obstacle is not None:
            return NoFix(password.obstacle, _BY_HAND)
        if "$" not in password.value.value and "<<" not in password.value.value:
            return NoFix("the password is written out", "keep it in a variable of a context")
        # From the end to the start, so that earlier offsets stay valid.
        operations.append(
            ReplaceText(run.command, password.start, password.end, "--password-stdin")
        )
        at = password.insert_at
        operations.append(ReplaceText(run.command, at, at, f"echo {password.value.text} | "))
    return Fix("pass it on standard input", tuple(operations))


RULE = Rule(
    id=ID,
    summary="a login has the password as a command-line argument",
    effect=Effect.WARNING,
    manual=__doc__,
    security_severity=5.5,
    detect=detect,
    rank=80,
    examples=(
        Fixed(
            "the quoting stays",
            """\
 version: 2.1
 jobs:
   push:
     machine:
       image: ubuntu-2404:current
     steps:
-      - run: docker login -u "$DOCKER_USER" -p "$DOCKER_PASS" && docker push acme/app
+      - run: echo "$DOCKER_PASS" | docker login -u "$DOCKER_USER" --password-stdin && docker push\
 acme/app
""",
        ),
        Unchanged(
            "already on standard input",
            """\
version: 2.1
jobs:
  push:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: echo "$DOCKER_PASS" | docker login -u "$DOCKER_USER" --password-stdin
""",
        ),
    ),
)
