"""A workflow job reads registry credentials from variables, without the context that holds them.

## What it finds

An entry of a workflow's (or a job group's) `jobs` whose images or logins read `$VARIABLES` today
that other jobs have from a context, and which holds neither that context nor another one that may
provide them. What a fix makes a job read is part of that fix, and not found here.

## Why it matters

A variable that no context and no project setting provides is empty, and the pull is anonymous, or
fails.

## The fix

The context, on exactly the workflow jobs that need it. It goes behind those that they hold, or
before them where one of these may provide the same variables: of two contexts the later wins. Jobs
that read the variables without any context show that the project's settings have them, unless most
others hold a context that is named after Docker or a registry.

## When not to

Builds from forks, and from people without access to the context, fail with `Unauthorized`. Keep
the variables in the project's settings instead where outside contributors matter
(`--credentials project`). `# cci-migrate: ignore[missing-context] reason` on a workflow job says
that it has its variables from elsewhere: no fix adds a context there.

## References

- https://circleci.com/docs/guides/security/contexts/
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import AssessedEntry, Assessment
from cci_migrate.findings import ContextGrant, Finding, Fix, Place, Severity
from cci_migrate.rules.rule import Example, Rule, Unchanged
from cci_migrate.rules.wording import listed

ID = "missing-context"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each workflow job, with all the contexts that it lacks today."""
    told: set[int] = set()
    for one in assessment.entries:
        grants = tuple(_grants(one, assessment))
        # Workflows that share a list of jobs through an alias share its entries too.
        if grants and id(one.entry.key) not in told:
            told.add(id(one.entry.key))
            yield _finding(one, grants)


def _grants(one: AssessedEntry, assessment: Assessment) -> Iterator[ContextGrant]:
    for context, use in assessment.missing_contexts(one):
        overlaps = assessment.may_overlap(one, use.variables)
        yield ContextGrant(one.entry, context, use.variables, overlaps)


def _finding(one: AssessedEntry, grants: tuple[ContextGrant, ...]) -> Finding:
    contexts = tuple(dict.fromkeys(grant.context for grant in grants))
    variables = list(dict.fromkeys(f"${name}" for grant in grants for name in grant.variables))
    group = "job group" if one.entry.is_in_group else "workflow"
    return Finding(
        rule=ID,
        place=Place(one.entry.key, one.entry.route),
        message=f"job {one.entry.name} needs context {listed(contexts)} "
        f"(provides {', '.join(variables)})",
        subject=one.entry.name,
        owner=f"{group} {one.entry.workflow}",
        severity=Severity.WARNING,
        because="Without the context the variables are empty, and the pull is anonymous or fails.",
        remedy=Fix("", (), grants),
        registry=next(use.host for use in one.uses if use.variables == grants[0].variables),
    )


RULE = Rule(
    id=ID,
    summary="a workflow job reads registry credentials without the context that holds them",
    manual=__doc__,
    detect=detect,
    rank=110,
    examples=(
        Example(
            "the one job that lacks what the others hold",
            """\
version: 2.1
jobs:
  lint:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  test:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  docs:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
workflows:
  main:
    jobs:
      - lint: {context: dockerhub}
      - test: {context: [dockerhub, aws]}
      - docs
""",
            """\
version: 2.1
jobs:
  lint:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  test:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  docs:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
workflows:
  main:
    jobs:
      - lint: {context: dockerhub}
      - test: {context: [dockerhub, aws]}
      - docs:
          context: [dockerhub]
""",
        ),
        Unchanged(
            "authenticated jobs without any context: the variables are the project's",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: cimg/go:1.22
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
workflows:
  main:
    jobs: [test]
""",
        ),
    ),
)
