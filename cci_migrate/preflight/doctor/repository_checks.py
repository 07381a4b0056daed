"""Checks that CircleCI has what jobs require: contexts, their variables, and access to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from msgspec.structs import replace

from cci_migrate.groups import grouped
from cci_migrate.preflight.circleci_api import Context
from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery
from cci_migrate.preflight.doctor.check_results import (
    CheckResult,
    Status,
    about,
    fine,
    not_asked,
    unknown,
)
from cci_migrate.preflight.doctor.checked_repositories import (
    CheckedOrganisation,
    CheckedRepository,
    ContextUser,
    titles,
)
from cci_migrate.preflight.doctor.context_checks import (
    check_context,
    missing_context,
    unlistable_contexts,
)
from cci_migrate.preflight.doctor.fork_and_bot_checks import check_bots, check_forks
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.doctor.restriction_checks import check_restrictions, shows_groups
from cci_migrate.preflight.doctor.settings_checks import Lacking, check_settings
from cci_migrate.preflight.parallel_queries import in_parallel
from cci_migrate.preflight.requirements import JobRequirements
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.wording import listed

_UNKNOWN_PROJECT = not_asked(
    "can't determine its organisation and project at CircleCI from its git remote",
    "name them: --org circleci/ORGANISATION-ID --project circleci/ORGANISATION-ID/PROJECT-ID "
    "(Organization Settings and Project Settings show the ids)",
)


def check_repositories(
    repositories: Sequence[CheckedRepository], circleci: CircleCiCache, steps: NextSteps
) -> Iterator[CheckResult]:
    """The results of all checks of ``repositories``, organisation by organisation.

    Raises HostUnavailable if CircleCI answers nothing more.
    """
    by_organisation: dict[Organisation, list[CheckedRepository]] = {}
    for repository in repositories:
        for unreadable in repository.requirements.unreadable:
            is_to_correct = unreadable.is_fault and unreadable.is_in_file
            yield CheckResult(
                Status.NOT_ASKED if unreadable.is_fault else Status.UNKNOWN,
                f"{unreadable.text}; can't determine what it requires",
                "correct the file, then run again" if is_to_correct else "",
                subject=f"configs of {repository.label}" if repository.label else "configs",
            )
        if repository.organisation is None:
            if repository.requirements.jobs:
                yield replace(_UNKNOWN_PROJECT, subject=repository.subject)
        else:
            by_organisation.setdefault(repository.organisation, []).append(repository)
    for organisation, members in sorted(by_organisation.items()):
        results: list[CheckResult] = []
        checks = _check_organisation(organisation, members, circleci, steps)
        try:
            for result in about(f"organisation {organisation.slug}", checks):
                results.append(result)
        except HostUnavailable:
            yield from merge_results(results)
            raise
        yield from merge_results(results)


def merge_results(results: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """``results``, with equal ones about several projects merged into one."""
    merged: dict[tuple[str, ...], CheckResult] = {}
    for result in results:
        is_of_projects = bool(result.projects)
        key = (
            "" if is_of_projects else result.subject,
            result.status.value,
            result.text,
            result.next,
            *(() if is_of_projects else result.jobs),
        )
        earlier = merged.get(key)
        merged[key] = (
            result
            if earlier is None
            else replace(
                earlier,
                subject=earlier.subject if earlier.subject == result.subject else "projects",
                jobs=tuple(dict.fromkeys((*earlier.jobs, *result.jobs))),
                projects=tuple(dict.fromkeys((*earlier.projects, *result.projects))),
            )
        )
    return iter(merged.values())


def _check_organisation(
    organisation: Organisation,
    repositories: Sequence[CheckedRepository],
    circleci: CircleCiCache,
    steps: NextSteps,
) -> Iterator[CheckResult]:
    uses = _uses(repositories)
    jobs = [job for repository in repositories for job in repository.requirements.jobs]
    if not any(job.contexts or job.variables or job.has_context_expression for job in jobs):
        if not any(repository.requirements.unreadable for repository in repositories):
            yield fine("no job uses a context or reads registry credentials")
        return
    contexts = circleci.contexts(organisation, tuple(uses)) if uses else {}
    if isinstance(contexts, FailedQuery):
        yield unlistable_contexts(organisation, contexts, repositories, circleci, steps)
        return
    existing = [contexts[name] for name in uses if name in contexts]
    answers = in_parallel(circleci.variables, existing)
    in_parallel(circleci.restrictions, existing)
    variables = {context.name: names for context, names in answers.items()}
    checked = CheckedOrganisation(organisation, repositories, contexts, variables, circleci, steps)
    for name, users in uses.items():
        if name in contexts:
            yield from check_context(contexts[name], users, checked)
            yield from check_restrictions(contexts[name], users, circleci, steps)
        else:
            yield from missing_context(name, users, checked)
    yield from _who_starts(checked, existing)
    yield from _check_projects(checked)


def _uses(repositories: Sequence[CheckedRepository]) -> Mapping[str, list[ContextUser]]:
    """The jobs that use each context, now or with the fixes."""
    uses = grouped(
        (name, ContextUser(repository, job))
        for repository in repositories
        for job in repository.requirements.jobs
        for name in job.contexts
    )
    return dict(sorted(uses.items(), key=itemgetter(0)))


def _who_starts(checked: CheckedOrganisation, existing: Sequence[Context]) -> Iterator[CheckResult]:
    """What depends on who starts a pipeline: security groups, and bots."""
    repositories = checked.repositories
    is_on_github = checked.organisation.provider == "gh"
    if is_on_github and existing and not shows_groups(existing, checked.circleci):
        yield unknown(
            "can't determine whether security groups restrict its contexts: CircleCI's API does "
            "not show them",
            "see Organization Settings > Contexts: the column Security should say All members",
        )
    users = [
        user
        for repository in repositories
        for user in _relying(repository)
        if _has_context(user.job)
    ]
    if users:
        bots = dict.fromkeys(bot for repository in repositories for bot in repository.bots)
        yield check_bots(tuple(bots), titles(users))


def _check_projects(checked: CheckedOrganisation) -> Iterator[CheckResult]:
    circleci, repositories = checked.circleci, checked.repositories
    lacking = [_lacking(repository.requirements.jobs, checked) for repository in repositories]
    in_parallel(
        circleci.project_variables,
        [
            repository.project
            for repository, jobs in zip(repositories, lacking, strict=True)
            if jobs and repository.project is not None
        ],
    )
    in_parallel(
        circleci.fork_settings,
        [
            repository.project
            for repository in repositories
            if repository.project is not None and _relying(repository)
        ],
    )
    for repository, jobs in zip(repositories, lacking, strict=True):
        checks = _check_project(repository, jobs, checked)
        yield from about(repository.subject, checks)


def _check_project(
    repository: CheckedRepository, lacking: Lacking, checked: CheckedOrganisation
) -> Iterator[CheckResult]:
    if lacking:
        yield from check_settings(repository, lacking, checked)
    yield from _check_expressions(repository)
    users = _relying(repository)
    if users and repository.project is not None:
        with_context = [user for user in users if _has_context(user.job)]
        jobs = titles(with_context or users)
        yield check_forks(
            repository.project, jobs, checked.circleci, has_context=bool(with_context)
        )


def _lacking(jobs: Sequence[JobRequirements], checked: CheckedOrganisation) -> Lacking:
    """The jobs by their contexts, and by a variable that they read and none of these provides."""
    # Of others, the contexts that an expression names may provide them, or it is reported already.
    sure = [
        job
        for job in jobs
        if not job.has_context_expression
        and all(isinstance(checked.variables.get(name), frozenset) for name in job.contexts)
    ]
    return grouped(
        ((job.contexts, variable), job) for job in sure for variable in checked.not_in_contexts(job)
    )


def _check_expressions(repository: CheckedRepository) -> Iterator[CheckResult]:
    """The jobs whose contexts only a pipeline determines."""
    unclear = [job for job in repository.requirements.jobs if job.has_context_expression]
    if unclear:
        variables = dict.fromkeys(variable for job in unclear for variable in job.variables)
        what = f"they exist and hold {listed(list(variables))}" if variables else "they exist"
        yield unknown(
            f"an expression names the contexts of these jobs: can't determine whether {what}",
            "check each context that the expression can name in Organization Settings > Contexts",
            titles(ContextUser(repository, job) for job in unclear),
            repository.slugs,
        )


def _relying(repository: CheckedRepository) -> list[ContextUser]:
    return [
        ContextUser(repository, job)
        for job in repository.requirements.jobs
        if job.variables or _has_context(job)
    ]


def _has_context(job: JobRequirements) -> bool:
    return bool(job.contexts) or job.has_context_expression
