"""Checks that jobs may use the contexts that they name.

A context can be restricted to projects, by expressions over pipeline values, and to security
groups; a job to which it is closed ends Unauthorized
(https://circleci.com/docs/guides/security/contexts/).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from cci_migrate.circleci.expression_restrictions import coverage, is_about_refs
from cci_migrate.circleci.pipeline_expressions import parse_expression
from cci_migrate.groups import grouped
from cci_migrate.preflight.circleci_api import Context, ProjectIds, Restriction
from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery, FailureCause
from cci_migrate.preflight.doctor.check_results import (
    CheckResult,
    Status,
    fine,
    note,
    problem,
    unknown,
)
from cci_migrate.preflight.doctor.checked_repositories import ContextUser, projects_of, titles
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.parallel_queries import in_parallel
from cci_migrate.preflight.slugs import Project
from cci_migrate.wording import listed

_ALL_MEMBERS = "All members"
#: The kinds of restrictions in the API's documentation.
_DOCUMENTED_KINDS = ("project", "expression")
_SETTINGS = "Organization Settings > Contexts"


def check_restrictions(
    context: Context, users: Sequence[ContextUser], circleci: CircleCiCache, steps: NextSteps
) -> Iterator[CheckResult]:
    """Whether the jobs ``users`` may use ``context``."""
    restrictions = circleci.restrictions(context)
    if isinstance(restrictions, FailedQuery):
        yield CheckResult(
            Status.UNKNOWN if restrictions.is_refusal else Status.NOT_ASKED,
            f"context {context.name}: can't read its restrictions: {restrictions.why}",
            f"see {_SETTINGS}, or use the token of an administrator",
            command=steps.retry(restrictions),
        )
        return
    if not restrictions:
        yield fine(f"context {context.name}: no project or expression restricts it")
    yield from _by_project(context, restrictions, users, circleci, steps)
    for restriction in restrictions:
        if restriction.kind == "expression":
            yield from _by_expression(context, restriction.value, users)
    yield from _by_group(context, restrictions, users)


def shows_groups(contexts: Sequence[Context], circleci: CircleCiCache) -> bool:
    """Whether the API shows a security group for any of ``contexts``, which is not documented."""
    answers = (circleci.restrictions(context) for context in contexts)
    return any(
        restriction.kind not in _DOCUMENTED_KINDS
        for answer in answers
        if not isinstance(answer, FailedQuery)
        for restriction in answer
    )


def _by_project(
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[ContextUser],
    circleci: CircleCiCache,
    steps: NextSteps,
) -> Iterator[CheckResult]:
    allowed = {
        restriction.value: restriction.name or restriction.value
        for restriction in restrictions
        if restriction.kind == "project"
    }
    if not allowed:
        return
    # Names of repositories are unique in an organisation, and show most projects without asking.
    others = [project for project in projects_of(users) if not _is_named(project, allowed.values())]
    ids = in_parallel(circleci.ids, others)
    restricted = f"context {context.name}: restricted to {listed(sorted(allowed.values()))}"
    asked = [
        (None if project is None else ids[project], user)
        for user in users
        for project in [user.repository.project]
        if project is None or project in ids
    ]
    excluded = [
        user for id_, user in asked if isinstance(id_, ProjectIds) and id_.project not in allowed
    ]
    if excluded:
        yield problem(
            f"{restricted}; these jobs belong to another project and fail with Unauthorized",
            f"add the project in {_SETTINGS}, or use another context",
            titles(excluded),
        )
    unclear = grouped(
        (None if failed is None else failed.cause, (failed, user))
        for failed, user in asked
        if not isinstance(failed, ProjectIds)
    )
    for cause, alike in unclear.items():
        failed, _ = alike[0]
        why = "" if failed is None else f": {failed.why}"
        yield CheckResult(
            Status.NOT_ASKED if cause is FailureCause.FAULT else Status.UNKNOWN,
            f"{restricted}; can't determine whether the project of these jobs is one of them{why}",
            "use the token of a member of the project"
            if cause is FailureCause.REFUSED
            else "name the project as CircleCI does: --project (Project Settings show its id)",
            titles(user for _, user in alike),
            command="" if failed is None else steps.retry(failed),
        )
    if not excluded and not unclear:
        yield fine(f"{restricted}, where all jobs that use it belong")


def _is_named(project: Project, names: Collection[str]) -> bool:
    return project.organisation.provider in ("gh", "bb") and project.name in names


def _by_expression(
    context: Context, expression: str, users: Sequence[ContextUser]
) -> Iterator[CheckResult]:
    parsed = parse_expression(expression)
    restricted = (
        f"context {context.name}: restricted to {' '.join(expression.split()) or '(nothing)'}"
    )
    covered = [(coverage(user.job.runs, parsed), user) for user in users]
    by_outcome = grouped(((result.holds, result.counterexample), user) for result, user in covered)
    for (holds, counterexample), jobs in by_outcome.items():
        if holds is False:
            yield problem(
                f"{restricted}; these jobs also run on {counterexample}, and fail with "
                "Unauthorized there",
                "keep the registry's variables in a context without this restriction, or run the "
                "jobs only where it holds (filters)",
                titles(jobs),
            )
        elif holds is None:
            yield unknown(
                f"{restricted}; can't determine whether that holds wherever these jobs run; where "
                "it does not, they fail with Unauthorized",
                "compare it with the jobs' filters and the workflow's conditions",
                titles(jobs),
            )
        elif is_about_refs(parsed):
            yield fine(f"{restricted}; {_jobs(len(jobs))} only where that holds", jobs=titles(jobs))
    special = [
        what
        for what, is_excluded in (
            ("reruns with SSH", any(result.ends_ssh for result, _ in covered)),
            (
                "pipelines with a config that is not from the repository",
                any(result.ends_unversioned for result, _ in covered),
            ),
        )
        if is_excluded
    ]
    if special:
        yield note(f"{restricted}; {listed(special)} fail with Unauthorized")


def _jobs(count: int) -> str:
    return "the job that uses it runs" if count == 1 else f"{count} jobs that use it run"


def _by_group(
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[ContextUser],
) -> Iterator[CheckResult]:
    others = [
        restriction for restriction in restrictions if restriction.kind not in _DOCUMENTED_KINDS
    ]
    if not others or any(other.name == _ALL_MEMBERS for other in others):
        return
    names = listed(sorted({other.name or other.value for other in others}))
    yield problem(
        f"context {context.name}: restricted to members of {names}; these jobs fail with "
        "Unauthorized when anybody else, a bot or a schedule starts them",
        f"allow All members in {_SETTINGS}, or use another context",
        titles(users),
    )
