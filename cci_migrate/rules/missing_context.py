"""A workflow job reads registry credentials without the context that provides them.

## What it finds

An entry under `jobs` of a workflow or a job group whose images or logins read `$VARIABLES` that
other jobs get from a context, and that has neither this context nor another one that may provide
them. Variables that only a fix makes a job read aren't reported here: the fix adds their context
itself.

## Why it matters

A variable that neither a context nor the project's settings provide is empty: the pull is
anonymous, or fails.

## The fix

The project's settings may provide the variables of such a job, and a context would change their
values. So `--interactive` asks, and without an answer nothing changes. With
`--credentials context`, every such job gets the context. It goes after the contexts that the job
has, or before them if one of these may provide the same variables: of two contexts the last one
wins.

## When to ignore it

If outside contributors matter: with a context, builds from forks, and from people without access
to the context, fail with `Unauthorized`. Keep the variables in the project's settings instead
(`--credentials project`). If a job gets the variables from elsewhere, write
`# cci-migrate: ignore[missing-context] reason` on it: no fix then adds a context there.

## References

- https://circleci.com/docs/guides/security/contexts/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.context_needs import MissingContext
from cci_migrate.findings import Choice, Effect, Finding, Fix, NoFix, Place, Question
from cci_migrate.lossless.nodes import Node
from cci_migrate.policy.settings import CredentialStore
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.rules.rule import Reported, Rule, Unchanged
from cci_migrate.wording import listed


def detect(assessment: Assessment) -> Iterator[Finding]:
    """One finding for each workflow job that lacks contexts, today or once others are fixed."""
    seen: set[Node] = set()
    for assessed in assessment.uses.entries:
        missing = tuple(assessment.contexts.missing(assessed))
        missing = missing or tuple(assessment.contexts.missing_once_fixed(assessed))
        # Workflows that share a list of jobs through an alias share its entries too.
        if missing and assessed.entry.key not in seen:
            seen.add(assessed.entry.key)
            is_certain = assessment.policy.credentials is CredentialStore.CONTEXT
            yield _finding(missing, is_certain=is_certain)


def _finding(missing: Sequence[MissingContext], *, is_certain: bool) -> Finding:
    entry = missing[0].grant.entry
    after = tuple(dict.fromkeys(key for context in missing for key in context.after))
    grants = tuple(lacking.grant for lacking in missing)
    names = tuple(dict.fromkeys(grant.context for grant in grants))
    contexts = listed(names)
    variables = list(dict.fromkeys(f"${name}" for grant in grants for name in grant.variables))
    group = "job group" if entry.is_in_group else "workflow"
    needs, need = ("needs", "need") if is_certain else ("may need", "may need")
    context = f"context {contexts} (provides {', '.join(variables)})"
    fix = Fix("", (), grants)
    return Finding(
        rule=MISSING_CONTEXT,
        place=Place(entry.key, entry.route),
        message=f"job {entry.name} {needs} {context}",
        plural=f"jobs {need} {context}",
        subject=entry.name,
        what=names,
        owner=f"{group} {entry.workflow}",
        effect=Effect.WARNING,
        because="Without the context the variables are empty, and the pull is anonymous or fails.",
        remedy=fix
        if is_certain
        else _question(entry.name, contexts, listed(variables), fix, is_once_fixed=bool(after)),
        registry=missing[0].host,
        after=after,
    )


def _question(
    name: str, contexts: str, variables: str, fix: Fix, *, is_once_fixed: bool
) -> Question:
    add = Choice("add", f"add context {contexts}", "It overrides the project's settings.", fix)
    elsewhere = NoFix(f"you chose to leave it: {name} gets {variables} from elsewhere")
    leave = Choice(
        "leave", "leave it", f"The project's settings must provide {variables}.", elsewhere
    )
    if is_once_fixed:
        difference = (
            f"once the rest is fixed, most jobs that read {variables} have context {contexts}, "
            f"but {name} doesn't"
        )
    else:
        difference = (
            f"{name} reads {variables} without context {contexts}, which most jobs that read "
            "them have"
        )
    return Question(f"{difference}; do the project's settings provide them?", (add, leave))


RULE = Rule(
    id=MISSING_CONTEXT,
    summary="a workflow job reads registry credentials without the context that provides them",
    effect=Effect.WARNING,
    manual=__doc__,
    detect=detect,
    rank=110,
    examples=(
        Reported(
            "a job without the context that the others have: asks",
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
        ),
        Unchanged(
            "jobs without any context: the project's settings provide the variables",
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
