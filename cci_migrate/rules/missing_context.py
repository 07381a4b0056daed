"""A workflow job reads registry credentials from variables, without the context that holds them.

## What it finds

An entry of a workflow's (or a job group's) `jobs` whose images read `$VARIABLES` that are kept in a
context, and which does not hold that context.

## Why it matters

A variable that no context and no project setting provides is empty, and the pull is anonymous
again, or fails.

## The fix

The context, on exactly the workflow jobs that need it, after those they hold. Approvals and other
jobs that run nothing get none. A file whose authenticated jobs hold no context keeps its variables
in the project's settings, and gets none either.

## When not to

Whoever may not use a context cannot run the job at all: builds of forked pull requests end
`Unauthorized`. Keep the variables in the project's settings instead where outside contributors
matter (`--credentials project`).

## References

- https://circleci.com/docs/guides/security/contexts/
"""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.assessing.assessment import AssessedEntry, Assessment
from cci_migrate.findings import Finding, Fix, NoFix, Place, Remedy, Severity
from cci_migrate.lossless.nodes import Mapping
from cci_migrate.lossless.operations import AddEntry, Entries, Items, Text
from cci_migrate.policy import CredentialStore, Platform
from cci_migrate.remedies.context_placement import (
    CONTEXT,
    ContextPlacement,
    Lacking,
    NoRoom,
    usual_style,
)
from cci_migrate.rules.rule import Example, Rule, Unchanged
from cci_migrate.rules.wording import listed

ID = "missing-context"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each workflow job, with all the contexts that it lacks."""
    lacking = [Lacking(one.entry, one.held, _names(one)) for one in assessment.entries if one.needs]
    style = usual_style(
        (one.held for one in assessment.entries),
        single_only=assessment.policy.platform is Platform.SERVER,
    )
    entries = assessment.config.workflow_jobs
    placement = ContextPlacement(entries, lacking, assessment.sharing, style)
    told: set[int] = set()
    for one in assessment.entries:
        # Workflows that share a list of jobs through an alias share its entries too.
        if one.needs and id(one.entry.key) not in told:
            told.add(id(one.entry.key))
            yield _finding(one, placement)
    yield from _without_workflow(assessment)


def _names(one: AssessedEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(need.context for need in one.needs))


def _finding(one: AssessedEntry, placement: ContextPlacement) -> Finding:
    names = _names(one)
    variables = list(dict.fromkeys(f"${v}" for need in one.needs for v in need.variables))
    found = placement.operations(Lacking(one.entry, one.held, names))
    remedy: Remedy
    if isinstance(found, NoRoom):
        remedy = NoFix(found.reason, found.instead)
    else:
        remedy = Fix(f"add the context {listed(names)}", found)
    group = "job group" if one.entry.is_in_group else "workflow"
    after = {key for need in one.needs for key in need.after}
    today = any(not need.after for need in one.needs)
    return Finding(
        rule=ID,
        place=Place(one.entry.key, one.entry.route),
        message=f"{one.entry.name} reads {listed(variables)} but does not hold {listed(names)}",
        subject=one.entry.name,
        owner=f"{group} {one.entry.workflow}",
        severity=Severity.WARNING,
        because="Without the context the variables are empty, and the pull is anonymous or fails.",
        remedy=remedy,
        registry=one.needs[0].host,
        after=() if today else tuple(sorted(after)),
    )


def _without_workflow(assessment: Assessment) -> Iterator[Finding]:
    """A config without workflows has no place for a context: offer one of a single job."""
    policy = assessment.policy
    config = assessment.config
    asked = policy.add_workflow or policy.credentials is CredentialStore.CONTEXT
    if config.has_workflows or config.is_orb_source or not asked or len(config.body.jobs) != 1:
        return
    needs = assessment.needs_without_workflow
    root = config.documents[0].root
    job = next(iter(config.body.jobs.values()))
    if not needs or not isinstance(root, Mapping) or root.is_flow or job.key is None:
        return
    names = tuple(dict.fromkeys(need.context for need in needs))
    remedy: Remedy
    if policy.add_workflow:
        entry = Entries(((CONTEXT, Items(tuple(Text(name) for name in names))),))
        jobs = Items((Entries(((job.name, entry),)),))
        workflow = Entries((("jobs", jobs),))
        version = () if config.knows_orbs else (("version", Text("2", is_number=True)),)
        body = Entries((*version, (job.name, workflow)))
        remedy = Fix("add a workflow of one job", (AddEntry(root, "workflows", body),))
    else:
        remedy = NoFix(
            "the config has no workflow, and a context can only be named in one",
            "add a workflow of one job with --add-workflow, or keep the variables in the "
            "project's settings (--credentials project)",
        )
    yield Finding(
        rule=ID,
        place=Place(job.key, "workflows"),
        message=f"the job {job.name} runs without a workflow, so it cannot hold {listed(names)}",
        subject=job.name,
        owner=f"job {job.name}",
        severity=Severity.WARNING,
        because="Without the context the variables are empty, and the pull is anonymous or fails.",
        remedy=remedy,
        registry=needs[0].host,
        after=tuple(sorted({key for need in needs for key in need.after})),
    )


RULE = Rule(
    id=ID,
    summary="a workflow job reads registry credentials without the context that holds them",
    manual=__doc__,
    detect=detect,
    rank=110,
    examples=(
        Example(
            "exactly the jobs that pull with the variables; the approval holds none",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: cimg/go:1.22
  deploy:
    docker:
      - image: cimg/base:2024.01
  mac:
    macos: {xcode: 15.2.0}
workflows:
  main:
    jobs:
      - test # on every push
      - mac
      - hold:
          type: approval
      - deploy:
          requires: [hold]
          context: aws
""",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: cimg/go:1.22
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
  deploy:
    docker:
      - image: cimg/base:2024.01
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
  mac:
    macos: {xcode: 15.2.0}
workflows:
  main:
    jobs:
      - test: # on every push
          context: docker-hub-creds
      - mac
      - hold:
          type: approval
      - deploy:
          requires: [hold]
          context:
            - aws
            - docker-hub-creds
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
