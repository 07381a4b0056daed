"""A context is where CircleCI does not look for it.

## What it finds

`context` on a job or on a whole workflow, `contexts` on a job, a workflow or a workflow job, and
`context` beside a workflow job instead of under it.

## Why it matters

CircleCI takes contexts from the key `context` of a workflow job alone. It refuses the config, or
the job runs without the variables.

## The fix

The key goes, and the workflow jobs that it is about get the context: those that run the job, or
those of the workflow that read registry credentials. Contexts that they hold already stay behind
it, so that no variable gets another value. Where nothing tells which jobs need it, or it is no
plain name, it is explained.

## When not to

Where the key is not for CircleCI but for a program of yours that reads the file.

## References

- https://circleci.com/docs/guides/security/contexts/
- https://circleci.com/docs/reference/configuration-reference/#context
"""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import assert_never

from cci_migrate.assessing.assessment import AssessedEntry, Assessment
from cci_migrate.circleci.misplaced_contexts import (
    ContextPlace,
    MisplacedContext,
    misplaced_contexts,
)
from cci_migrate.findings import ContextGrant, Finding, Fix, NoFix, Place, Remedy, Severity
from cci_migrate.lossless.merging import text_of
from cci_migrate.lossless.operations import RemoveEntry
from cci_migrate.rules.rule import Example, Rule, Unchanged

ID = "misplaced-context"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each key in the wrong place."""
    by_entry = {id(one.entry): one for one in assessment.entries}
    for one in misplaced_contexts(assessment.config):
        concerned = [by_entry[id(job)] for job in one.workflow_jobs if id(job) in by_entry]
        owner = _owner(one)
        yield Finding(
            rule=ID,
            place=Place(one.entry.key, one.route),
            message=f"{text_of(one.entry.key)} {_where(one)}; it belongs under a workflow job",
            subject=", ".join(one.names or ()) or "context",
            owner=owner,
            severity=Severity.ERROR,
            because="CircleCI refuses the key, or the job runs without the variables.",
            remedy=_remedy(one, concerned, assessment),
        )


def _owner(one: MisplacedContext) -> str:
    match one.place:
        case ContextPlace.JOB:
            return f"job {one.owner}"
        case ContextPlace.WORKFLOW:
            return f"workflow {one.owner}"
        case ContextPlace.PLURAL | ContextPlace.BESIDE:
            return f"workflow {one.workflow_jobs[0].workflow}"
        case _:
            assert_never(one.place)


def _where(one: MisplacedContext) -> str:
    match one.place:
        case ContextPlace.JOB:
            return "stands on the job"
        case ContextPlace.WORKFLOW:
            return "stands on the whole workflow"
        case ContextPlace.PLURAL:
            return f"stands on {one.owner}, where the key is context"
        case ContextPlace.BESIDE:
            return f"stands beside {one.owner}, not under it"
        case _:
            assert_never(one.place)


def _remedy(
    one: MisplacedContext, concerned: list[AssessedEntry], assessment: Assessment
) -> Remedy:
    by_hand = "write it as context under each workflow job that needs it"
    if one.names is None:
        return NoFix("its value is no plain name of a context", by_hand)
    if one.place is ContextPlace.WORKFLOW:
        concerned = [assessed for assessed in concerned if assessed.uses]
    if not concerned:
        return NoFix("nothing tells which workflow jobs need it", by_hand)
    if any(
        assessed.held.entry is not None and assessed.held.entry.holder is one.entry.holder
        for assessed in assessment.entries
    ):
        return NoFix("workflow jobs get their context from the same anchor", by_hand)
    grants = tuple(
        ContextGrant(
            assessed.entry, name, _variables(assessed), comes_first=bool(assessed.held.values)
        )
        for assessed in concerned
        for name in one.names
        if name not in assessed.held.names
    )
    if one.place is ContextPlace.PLURAL and not concerned[0].held.values:
        # What places the context sees the key and renames it.
        return Fix("", (), grants)
    key = text_of(one.entry.key) or ""
    return Fix(f"remove {key} here", (RemoveEntry(one.entry.holder, key),), grants)


def _variables(assessed: AssessedEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for use in assessed.uses for name in use.variables))


RULE = Rule(
    id=ID,
    summary="a context is where CircleCI does not look for it",
    manual=__doc__,
    detect=detect,
    rank=100,
    examples=(
        Example(
            "on a job, and beside a workflow job",
            """\
version: 2.1
jobs:
  test:
    context: registry-reader
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  lint:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
workflows:
  main:
    jobs:
      - test
      - lint:
          requires: [test]
        context: registry-reader
""",
            """\
version: 2.1
jobs:
  test:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
  lint:
    docker:
      - image: cimg/go:1.22
        auth: {username: $HUB_USER, password: $HUB_TOKEN}
workflows:
  main:
    jobs:
      - test:
          context:
            - registry-reader
      - lint:
          requires: [test]
          context:
            - registry-reader
""",
        ),
        Example(
            "on a workflow none of whose jobs reads credentials: explained",
            """\
version: 2.1
jobs:
  mac:
    macos: {xcode: 15.2.0}
workflows:
  main:
    context: aws
    jobs: [mac]
""",
            None,
        ),
        Unchanged(
            "where it belongs",
            """\
version: 2.1
jobs:
  mac:
    macos: {xcode: 15.2.0}
workflows:
  main:
    jobs:
      - mac: {context: [aws]}
""",
        ),
    ),
)
