"""Checks that contexts exist and hold what the jobs that use them read.

A context that does not exist fails the job
(https://circleci.com/docs/guides/security/contexts/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.preflight.circleci_api import Context
from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery, FailureCause
from cci_migrate.preflight.doctor.check_results import CheckResult, fine, not_asked, problem
from cci_migrate.preflight.doctor.checked_repositories import (
    CheckedOrganisation,
    CheckedRepository,
    ContextUser,
    known_names,
    projects_of,
    titles,
)
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.parallel_queries import in_parallel
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.wording import listed


def credentials_context(contexts: Sequence[str]) -> str:
    """The one of ``contexts`` whose name suits registry credentials best."""
    matching = [
        context for context in contexts if "docker" in context.lower() or "hub" in context.lower()
    ]
    return (matching or list(contexts))[-1]


def unlistable_contexts(
    organisation: Organisation,
    why: FailedQuery,
    repositories: Sequence[CheckedRepository],
    circleci: CircleCiCache,
    steps: NextSteps,
) -> CheckResult:
    """The result where CircleCI does not list the contexts of ``organisation``."""
    text = f"can't list its contexts: {why.why}"
    if why.cause is FailureCause.FAULT:
        return not_asked(text, command=steps.repeat_with())
    others = circleci.own_organisations_named(organisation)
    if not others:
        instead = (
            "name the organisation as CircleCI does (--org; Organization Settings show its id: "
            "circleci/ID), or use the token of one of its members"
        )
        return not_asked(text, instead)
    if len(others) > 1:
        slugs = " or ".join(f"--org {other.slug}" for other in others)
        instead = f"the token's owner belongs to other organisations with this name: {slugs}"
        return not_asked(text, instead)
    (other,) = others
    projects = [repository.project for repository in repositories if repository.project is not None]
    slug = circleci.slug_of(projects[0], other) if len(projects) == 1 else None
    if slug is None and other.provider == "circleci":
        instead = (
            f"the token's owner belongs to an organisation of this name: --org {other.slug} "
            f"--project {other.slug}/PROJECT-ID (Project Settings show the id)"
        )
        return not_asked(text, instead)
    return not_asked(text, command=steps.repeat(other, slug))


def check_context(
    context: Context, users: Sequence[ContextUser], checked: CheckedOrganisation
) -> Iterator[CheckResult]:
    """That ``context`` exists, and which variables of those that ``users`` read it holds."""
    variables = checked.variables[context.name]
    if isinstance(variables, FailedQuery):
        yield fine(f"context {context.name}: exists")
        yield not_asked(
            f"context {context.name}: can't list its variables: {variables.why}",
            "use the token of somebody with access to the context",
            command=checked.steps.retry(variables),
        )
        return
    required = {variable for user in users for variable in user.job.variables}
    stored = sorted(required & variables)
    what = f" and holds {listed(stored)}" if stored else ""
    yield fine(f"context {context.name}: exists{what}")


def missing_context(
    name: str, users: Sequence[ContextUser], checked: CheckedOrganisation
) -> Iterator[CheckResult]:
    """The results for a context ``name`` that ``users`` need and that does not exist."""
    contexts, steps = checked.contexts, checked.steps
    settings = in_parallel(checked.circleci.project_variables, projects_of(users))
    alike = next((other for other in contexts if other.lower() == name.lower()), None)
    text = f"context {name}: does not exist"
    if alike is not None:
        text += f" (there is {alike}: case counts)"
    groups: dict[tuple[bool, bool], list[tuple[ContextUser, list[str]]]] = {}
    for user in users:
        is_planned = name in user.job.planned_contexts
        missing = [other for other in user.job.contexts if other not in contexts]
        # Where several are missing, only one needs to hold the credentials.
        is_for_credentials = name == credentials_context(missing)
        lacking = checked.not_in_contexts(user.job) if is_for_credentials else []
        project = user.repository.project
        stored = known_names(None if project is None else settings[project])
        is_stored = bool(lacking) and stored.issuperset(lacking)
        if not is_planned and not is_stored:
            lacking = [variable for variable in lacking if variable not in stored]
        groups.setdefault((is_planned, is_stored), []).append((user, lacking))
    for (is_planned, is_stored), group in sorted(groups.items(), key=lambda item: item[0]):
        jobs = [user for user, _ in group]
        required = list(dict.fromkeys(variable for _, lacking in group for variable in lacking))
        command = steps.create_context(name, checked.organisation, required) if required else ""
        instead = (
            "create it in Organization Settings > Contexts, with the variables that the jobs need"
        )
        why = "the fix adds it to these jobs, which would fail" if is_planned else "these jobs fail"
        if is_stored:
            why += f", although the settings of their project hold {listed(required)}"
        if is_stored and is_planned:
            command = steps.use_project_variables([user.repository.label for user in jobs])
            instead = "fix them with --credentials project (batch plan takes it)"
        elif is_stored:
            instead, command = f"remove the context from these jobs, or {command}", ""
        elif alike is not None:
            instead, command = f"write {alike} instead, or {command or instead}", ""
        yield problem(f"{text}; {why}", instead, titles(jobs), command=command)
