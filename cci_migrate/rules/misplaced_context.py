"""A context is in the wrong place.

## What it finds

`context` on a job or on a whole workflow, `contexts` on a job, a workflow or a workflow job, and
`context` next to a workflow job instead of under it.

## Why it matters

CircleCI reads contexts only from the key `context` of a workflow job. Anywhere else, it refuses the
config, or the job runs without the variables.

## The fix

It removes the key and adds the context to the workflow jobs that need it: those that run the job,
or those of the workflow that read registry credentials. `contexts` on a workflow job becomes
`context`.

Of two contexts with the same variable, the last one wins. The fix orders them so that no variable
changes its value: contexts meant for more jobs come first, then those meant for fewer, then those
that the job has already.

There is no fix where the config doesn't show which jobs need the context, or where its value isn't
a plain name.

## When to ignore it

If the key isn't for CircleCI but for a program of yours that reads the file.

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
from cci_migrate.lossless.operations import RemoveEntry
from cci_migrate.rules.rule import Fixed, Reported, Rule, Unchanged

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
        owner, where = _described(misplaced)
        yield Finding(
            rule=ID,
            place=Place(misplaced.entry.key, misplaced.route),
            message=f"{misplaced.entry.key.value} {where}",
            plural="contexts are in the wrong place",
            subject=", ".join(misplaced.names or ()) or "context",
            owner=owner,
            effect=Effect.CREDENTIALS,
            because="CircleCI refuses the config, or the job runs without the variables.",
            remedy=_remedy(misplaced, concerned, narrower, assessment),
        )


def _described(misplaced: MisplacedContext) -> tuple[str, str]:
    """Who has the key, and what is wrong with its place."""
    match misplaced.place:
        case ContextPlace.JOB:
            return f"job {misplaced.owner}", "is on the job, not on a workflow job"
        case ContextPlace.WORKFLOW:
            return f"workflow {misplaced.owner}", "is on the whole workflow, not on its jobs"
        case ContextPlace.PLURAL:
            where = f"on {misplaced.owner} is an unknown key; it should be context"
        case ContextPlace.BESIDE:
            where = f"is next to {misplaced.owner}, not under it"
        case _:
            assert_never(misplaced.place)
    return f"workflow {misplaced.workflow_jobs[0].workflow}", where


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
        return NoFix("its value isn't a plain name", by_hand)
    if misplaced.place is ContextPlace.WORKFLOW:
        concerned = [assessed for assessed in concerned if assessed.uses]
    if not concerned:
        return NoFix("the config doesn't show which workflow jobs need it", by_hand)
    if any(
        assessed.contexts.entry is not None and assessed.contexts.entry.key is misplaced.entry.key
        for assessed in assessment.uses.entries
    ):
        return NoFix("workflow jobs use the same anchor", by_hand)
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
    key = misplaced.entry.key.value
    return Fix(f"remove {key} from here", (RemoveEntry(misplaced.entry.holder, key),), grants)


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
    summary="a context is in the wrong place",
    effect=Effect.CREDENTIALS,
    manual=__doc__,
    detect=detect,
    rank=100,
    examples=(
        Fixed(
            "on a job, and next to a workflow job",
            """\
 version: 2.1
 jobs:
   test:
-    context: registry-reader
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
-      - test
+      - test:
+          context:
+            - registry-reader
       - lint:
           requires: [test]
-        context: registry-reader
+          context:
+            - registry-reader
""",
        ),
        Reported(
            "on a workflow whose jobs read no credentials: no fix",
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
        ),
        Unchanged(
            "in the right place",
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
