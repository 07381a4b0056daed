"""A context is where CircleCI does not look for it.

## What it finds

`context` on a job or on a whole workflow, `contexts` on a job, a workflow or a workflow job, and
`context` beside a workflow job instead of under it.

## Why it matters

CircleCI takes contexts from the key `context` of a workflow job alone. It refuses the config, or
the job runs without the variables.

## The fix

The key goes, and the workflow jobs that it is about get the context: those that run the job, or
those of the workflow that read registry credentials. `contexts` on a workflow job becomes
`context`. Of two contexts the later wins: those that are meant for fewer jobs stay behind those
for more, and those that a job holds already behind both, so that no variable gets another value.
Where nothing tells which jobs need it, or it is no plain name, it is explained.

## When not to

Where the key is not for CircleCI but for a program of yours that reads the file.

## References

- https://circleci.com/docs/guides/security/contexts/
- https://circleci.com/docs/reference/configuration-reference/#context
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from typing_extensions import assert_never

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.credential_uses import AssessedEntry
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.misplaced_contexts import (
    ContextPlace,
    MisplacedContext,
    misplaced_contexts,
)
from cci_migrate.findings import ContextGrant, Effect, Finding, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.merging import text_of
from cci_migrate.lossless.operations import RemoveEntry
from cci_migrate.rules.rule import Example, Rule, Unchanged

ID = "misplaced-context"


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each ``context`` or ``contexts`` key in the wrong place."""
    by_entry = {entry.entry: entry for entry in assessment.uses.entries}
    all_misplaced = tuple(misplaced_contexts(assessment.config))
    for misplaced in all_misplaced:
        concerned = [by_entry[job] for job in misplaced.workflow_jobs if job in by_entry]
        narrower = {
            job
            for other in all_misplaced
            if misplaced.place.is_wider_than(other.place)
            for job in other.workflow_jobs
        }
        owner = _owner(misplaced)
        yield Finding(
            rule=ID,
            place=Place(misplaced.entry.key, misplaced.route),
            message=f"{text_of(misplaced.entry.key)} {_where(misplaced)}",
            plural="contexts are in places where CircleCI does not look",
            subject=", ".join(misplaced.names or ()) or "context",
            owner=owner,
            effect=Effect.CREDENTIALS,
            because="CircleCI refuses the key, or the job runs without the variables.",
            remedy=_remedy(misplaced, concerned, narrower, assessment),
        )


def _owner(misplaced: MisplacedContext) -> str:
    match misplaced.place:
        case ContextPlace.JOB:
            return f"job {misplaced.owner}"
        case ContextPlace.WORKFLOW:
            return f"workflow {misplaced.owner}"
        case ContextPlace.PLURAL | ContextPlace.BESIDE:
            return f"workflow {misplaced.workflow_jobs[0].workflow}"
        case _:
            assert_never(misplaced.place)


def _where(misplaced: MisplacedContext) -> str:
    match misplaced.place:
        case ContextPlace.JOB:
            return "stands on the job; it belongs under a workflow job"
        case ContextPlace.WORKFLOW:
            return "stands on the whole workflow; it belongs under a workflow job"
        case ContextPlace.PLURAL:
            return f"stands on {misplaced.owner}; the key is context"
        case ContextPlace.BESIDE:
            return f"stands beside {misplaced.owner}; it belongs under it"
        case _:
            assert_never(misplaced.place)


def _remedy(
    misplaced: MisplacedContext,
    concerned: list[AssessedEntry],
    narrower: Collection[WorkflowJob],
    assessment: Assessment,
) -> Remedy:
    """The removal of the key, with its contexts for the workflow jobs ``concerned``.

    ``narrower`` are the workflow jobs that also have a misplaced context for fewer jobs.
    """
    by_hand = "write it as context under each workflow job that needs it"
    if misplaced.names is None:
        return NoFix("its value is no plain name of a context", by_hand)
    if misplaced.place is ContextPlace.WORKFLOW:
        concerned = [assessed for assessed in concerned if assessed.uses]
    if not concerned:
        return NoFix("nothing tells which workflow jobs need it", by_hand)
    if any(
        assessed.contexts.entry is not None and assessed.contexts.entry.key is misplaced.entry.key
        for assessed in assessment.uses.entries
    ):
        return NoFix("workflow jobs get their context from the same anchor", by_hand)
    is_renamed = misplaced.place is ContextPlace.PLURAL and not all(
        assessed.contexts.values for assessed in concerned
    )
    if is_renamed:
        # If it is merged, a job's own context hides it.
        concerned = [assessed for assessed in concerned if not assessed.contexts.values]
    grants = tuple(
        grant
        for assessed in concerned
        for name in misplaced.names
        if name not in assessed.contexts.names
        for grant in _grants(assessed, name, assessment, narrower)
    )
    if is_renamed:
        # `ContextPlacement` renames the key when it adds the contexts.
        return Fix("", (), grants)
    key = text_of(misplaced.entry.key) or ""
    return Fix(f"remove {key} here", (RemoveEntry(misplaced.entry.holder, key),), grants)


def _grants(
    assessed: AssessedEntry, name: str, assessment: Assessment, narrower: Collection[WorkflowJob]
) -> Iterator[ContextGrant]:
    """What gives a workflow job the context ``name``, for what it reads as far as that is known."""
    comes_first = bool(assessed.contexts.values) or assessed.entry in narrower
    meant = tuple(dict.fromkeys(assessed.intended.names))
    is_for_something = False
    from_others = {
        use.variables
        for use in assessed.uses
        if assessment.contexts.with_fix(assessed, use) not in (None, *meant)
    }
    for variables in dict.fromkeys(use.variables for use in assessed.uses):
        if variables in from_others:
            continue
        convention = assessment.contexts.known.of(variables)
        provider = None if convention is None else convention.preferred
        if provider in meant and provider != name:
            continue
        is_known = provider == name or len(meant) == 1
        is_for_something = True
        yield ContextGrant(
            assessed.entry, name, variables, comes_first, among=() if is_known else meant
        )
    if not is_for_something:
        yield ContextGrant(assessed.entry, name, (), comes_first)


RULE = Rule(
    id=ID,
    summary="a context is where CircleCI does not look for it",
    effect=Effect.CREDENTIALS,
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
