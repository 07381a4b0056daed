"""Checks that a project's settings hold what no context of a job provides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cci_migrate.preflight.circleci_cache import FailedQuery, FailureCause
from cci_migrate.preflight.doctor.check_results import (
    CheckResult,
    fine,
    not_asked,
    problem,
    unknown,
)
from cci_migrate.preflight.doctor.checked_repositories import (
    CheckedOrganisation,
    CheckedRepository,
    ContextUser,
    titles,
)
from cci_migrate.preflight.doctor.context_checks import credentials_context
from cci_migrate.preflight.requirements import JobRequirements
from cci_migrate.wording import listed

#: Jobs by their contexts, and by a variable that none of these provides.
Lacking = Mapping[tuple[tuple[str, ...], str], Sequence[JobRequirements]]


def check_settings(
    repository: CheckedRepository, lacking: Lacking, checked: CheckedOrganisation
) -> Iterator[CheckResult]:
    """Whether the settings of the project hold the variables in ``lacking``."""
    circleci, steps = checked.circleci, checked.steps
    project = repository.project
    required = list(dict.fromkeys(variable for _, variable in lacking))
    jobs = titles(ContextUser(repository, job) for jobs in lacking.values() for job in jobs)
    if project is None:
        slug = None
        if repository.remote is not None:
            slug = circleci.slug_of(repository.remote, checked.organisation)
        yield unknown(
            f"can't check whether the project's settings hold {listed(required)}: its name is "
            "unknown",
            "name the project: --project (Project Settings show its id)",
            jobs,
            command="" if slug is None else steps.repeat(checked.organisation, slug),
        )
        return
    settings = circleci.project_variables(project)
    if isinstance(settings, FailedQuery):
        yield not_asked(
            f"can't check whether its settings hold {listed(required)}: {settings.why}",
            "name the project as CircleCI does: --project (Project Settings show its id)"
            if settings.cause is FailureCause.MISSING
            else "use the token of somebody who builds the project",
            jobs,
            repository.slugs,
            steps.retry(settings),
        )
        return
    stored = [name for name in required if name in settings]
    if stored:
        yield fine(f"its settings hold {listed(stored)}", projects=repository.slugs)
    for contexts in dict.fromkeys(names for names, _ in lacking):
        missing = [name for names, name in lacking if names == contexts and name not in settings]
        if missing:
            yield _missing(repository, contexts, missing, lacking, checked)


def _missing(
    repository: CheckedRepository,
    contexts: tuple[str, ...],
    missing: Sequence[str],
    lacking: Lacking,
    checked: CheckedOrganisation,
) -> CheckResult:
    jobs = [job for name in missing for job in lacking[contexts, name]]
    shown = titles(ContextUser(repository, job) for job in jobs)
    it = "it" if len(missing) == 1 else "them"
    is_in_steps_only = all(
        name in job.step_variables for name in missing for job in lacking[contexts, name]
    )
    unless = f", unless an orb or a script sets {it}" if is_in_steps_only else ""
    if not contexts:
        return problem(
            f"{listed(missing)}: these jobs use no context, and the project's settings lack "
            f"{it}{unless}",
            f"add {it} in Project Settings > Environment Variables",
            shown,
            repository.slugs,
        )
    named = "context" if len(contexts) == 1 else "contexts"
    read = {name for job in jobs for name in job.variables}
    partial = [name for name in contexts if read & checked.known_variables(name)]
    context = credentials_context(partial or contexts)
    return problem(
        f"{listed(missing)}: {named} {listed(list(contexts))} and the project's settings lack "
        f"{it}{unless}",
        jobs=shown,
        projects=repository.slugs,
        command=checked.steps.create_context(context, checked.organisation, missing),
    )
