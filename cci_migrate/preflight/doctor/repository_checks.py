"""Checks that CircleCI has what jobs require: contexts, their variables, and access to them.

A context that does not exist fails the job; one that the pipeline or its actor may not use ends
the workflow ``Unauthorized`` (https://circleci.com/docs/guides/security/contexts/).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.preflight.circleci_api import Context, Restriction
from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery
from cci_migrate.preflight.doctor.check_results import CheckResult, Status
from cci_migrate.preflight.doctor.fork_and_bot_checks import check_bots, check_forks
from cci_migrate.preflight.requirements import JobRequirements, Requirements
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.rules.wording import listed

#: The only expression that excludes no pipeline, only its reruns with SSH.
_NO_SSH = "not job.ssh.enabled"
_ALL_MEMBERS = "All members"
#: The kinds of restrictions in the API's documentation.
_DOCUMENTED_KINDS = ("project", "expression")


class CheckedRepository(Struct, frozen=True):
    """A repository and what its configs require.

    ``project`` is None if it could not be determined. ``bots`` are the bots it is configured for.
    """

    label: str
    organisation: Organisation | None
    project: Project | None
    requirements: Requirements
    bots: tuple[str, ...] = ()


class _ContextUser(Struct, frozen=True):
    """A job that uses a context, and its repository."""

    repository: CheckedRepository
    job: JobRequirements

    @property
    def title(self) -> str:
        label = self.repository.label
        return f"{label}: {self.job.title}" if label else self.job.title


def check_repositories(
    repositories: Sequence[CheckedRepository], circleci: CircleCiCache
) -> Iterator[CheckResult]:
    """The results of all checks of ``repositories``, organisation by organisation.

    Raises HostUnavailable if CircleCI answers nothing more.
    """
    by_organisation: dict[Organisation, list[CheckedRepository]] = {}
    for repository in repositories:
        for unreadable in repository.requirements.unreadable:
            yield CheckResult(
                f"configs of {repository.label}" if repository.label else "configs",
                Status.NOT_ASKED if unreadable.is_fault else Status.UNKNOWN,
                f"{unreadable.text}; what it relies on is not known",
                "correct the file, then run again" if unreadable.is_fault else "",
            )
        if repository.organisation is None:
            if repository.requirements.jobs:
                yield _unknown_project(repository)
        else:
            by_organisation.setdefault(repository.organisation, []).append(repository)
    for organisation, members in sorted(by_organisation.items()):
        yield from merge_results(_check_organisation(organisation, members, circleci))


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


def _unknown_project(repository: CheckedRepository) -> CheckResult:
    return CheckResult(
        f"repository {repository.label}" if repository.label else "repository",
        Status.NOT_ASKED,
        "its organisation and project at CircleCI cannot be told from its remote",
        "name them: --org circleci/ORGANISATION-ID --project circleci/ORGANISATION-ID/PROJECT-ID "
        "(Organization Settings and Project Settings show the ids)",
    )


def _check_organisation(
    organisation: Organisation, repositories: Sequence[CheckedRepository], circleci: CircleCiCache
) -> Iterator[CheckResult]:
    subject = f"organisation {organisation.slug}"
    uses = _uses(repositories)
    if not uses and not any(
        job.variables for repository in repositories for job in repository.requirements.jobs
    ):
        yield CheckResult(
            subject, Status.FINE, "no job uses a context or reads registry credentials"
        )
        return
    listed_contexts = circleci.contexts(organisation) if uses else {}
    if isinstance(listed_contexts, FailedQuery):
        yield _unlistable_contexts(subject, organisation, listed_contexts, circleci)
        return
    contexts = listed_contexts
    variables = {name: circleci.variables(contexts[name]) for name in uses if name in contexts}
    for name, users in uses.items():
        if name in contexts:
            yield from _check_context(subject, contexts[name], variables[name], users, circleci)
        else:
            required = _variables_to_store(name, users, variables, circleci)
            yield _missing_context(subject, organisation, name, users, contexts, required)
    if uses:
        if organisation.provider == "gh" and not _shows_groups(contexts, uses, circleci):
            yield CheckResult(
                subject,
                Status.UNKNOWN,
                "whether a context is kept for some security groups: the API's document has no "
                "such restriction",
                "see Organization Settings > Contexts: the column Security should say All members",
            )
        yield check_bots(
            subject,
            tuple(dict.fromkeys(bot for repository in repositories for bot in repository.bots)),
            _titles(user for users in uses.values() for user in users),
        )
    for repository in repositories:
        yield from _check_repository(repository, contexts, variables, circleci)


def _shows_groups(
    contexts: Mapping[str, Context], names: Iterable[str], circleci: CircleCiCache
) -> bool:
    """Whether the API returned a security group for any context, which is not documented."""
    for name in names:
        restrictions = circleci.restrictions(contexts[name]) if name in contexts else ()
        if not isinstance(restrictions, FailedQuery) and any(
            restriction.kind not in _DOCUMENTED_KINDS for restriction in restrictions
        ):
            return True
    return False


def _uses(repositories: Sequence[CheckedRepository]) -> Mapping[str, list[_ContextUser]]:
    """The jobs that use each context, now or with the fixes."""
    merged: dict[str, list[_ContextUser]] = {}
    for repository in repositories:
        for job in repository.requirements.jobs:
            for name in job.contexts:
                merged.setdefault(name, []).append(_ContextUser(repository, job))
    return dict(sorted(merged.items()))


def _unlistable_contexts(
    subject: str, organisation: Organisation, why: FailedQuery, circleci: CircleCiCache
) -> CheckResult:
    instead = "look at the token and at the name of the organisation (--org), then run again"
    if why.is_refusal:
        others = circleci.opaque_names_of(organisation)
        if others:
            instead = f"the token knows an organisation of this name: --org {' or '.join(others)}"
        else:
            instead = (
                "name the organisation as CircleCI does (--org; Organization Settings show its id: "
                "circleci/ID), or take the token of one of its members"
            )
    return CheckResult(subject, Status.NOT_ASKED, f"its contexts: {why.why}", instead)


def _check_context(
    subject: str,
    context: Context,
    variables: frozenset[str] | FailedQuery,
    users: Sequence[_ContextUser],
    circleci: CircleCiCache,
) -> Iterator[CheckResult]:
    required = {variable for user in users for variable in user.job.variables}
    if isinstance(variables, FailedQuery):
        yield CheckResult(subject, Status.FINE, f"context {context.name}: exists")
        yield CheckResult(
            subject,
            Status.NOT_ASKED,
            f"context {context.name}: its variables: {variables.why}",
            "run again, or take the token of somebody who may see the context",
        )
    else:
        merged = sorted(required & variables)
        what = f" and holds {listed(merged)}" if merged else ""
        yield CheckResult(subject, Status.FINE, f"context {context.name}: exists{what}")
    restrictions = circleci.restrictions(context)
    if isinstance(restrictions, FailedQuery):
        yield CheckResult(
            subject,
            Status.UNKNOWN if restrictions.is_refusal else Status.NOT_ASKED,
            f"context {context.name}: whether it is restricted: {restrictions.why}",
            "look at Organization Settings > Contexts, or take an administrator's token",
        )
        return
    if not restrictions:
        yield CheckResult(
            subject,
            Status.FINE,
            f"context {context.name}: no project or expression restricts it",
        )
    yield from _by_project(subject, context, restrictions, users, circleci)
    yield from _by_expression(subject, context, restrictions, users)
    yield from _by_group(subject, context, restrictions, users)


def _by_project(
    subject: str,
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[_ContextUser],
    circleci: CircleCiCache,
) -> Iterator[CheckResult]:
    allowed = {
        restriction.value: restriction.name or restriction.value
        for restriction in restrictions
        if restriction.kind == "project"
    }
    if not allowed:
        return
    excluded, unclear = [], []
    is_fault = False
    for user in users:
        project = user.repository.project
        ids = None if project is None else circleci.ids(project)
        if ids is None or isinstance(ids, FailedQuery):
            unclear.append(user)
            is_fault = is_fault or (isinstance(ids, FailedQuery) and not ids.is_refusal)
        elif ids.project not in allowed:
            excluded.append(user)
    names = listed(sorted(allowed.values()))
    if excluded:
        yield CheckResult(
            subject,
            Status.PROBLEM,
            f"context {context.name}: only for {names}; these jobs end Unauthorized, because they "
            "are of another project",
            "add the project in Organization Settings > Contexts, or use another context",
            _titles(excluded),
        )
    if unclear:
        yield CheckResult(
            subject,
            Status.NOT_ASKED if is_fault else Status.UNKNOWN,
            f"context {context.name}: only for {names}; whether these jobs' project is among them "
            "cannot be told, as CircleCI did not show it by its name",
            "run again" if is_fault else "name the project as CircleCI does: --project",
            _titles(unclear),
        )
    if not excluded and not unclear:
        yield CheckResult(
            subject,
            Status.FINE,
            f"context {context.name}: only for {names}, as are the jobs that use it",
        )


def _by_expression(
    subject: str,
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[_ContextUser],
) -> Iterator[CheckResult]:
    for restriction in restrictions:
        if restriction.kind != "expression":
            continue
        expression = " ".join(restriction.value.split())
        if expression in (_NO_SSH, "!job.ssh.enabled", "! job.ssh.enabled"):
            yield CheckResult(
                subject,
                Status.NOTE,
                f"context {context.name}: reruns with SSH end Unauthorized ({expression})",
            )
            continue
        prefix = f"context {context.name}: only where {expression}"
        depends_on_branch = "pipeline.git." in expression
        unfiltered = [user for user in users if depends_on_branch and not user.job.is_filtered]
        others = [user for user in users if user not in unfiltered]
        if unfiltered:
            yield CheckResult(
                subject,
                Status.PROBLEM,
                f"{prefix}; these jobs run on every branch, and end Unauthorized on the others",
                "keep the registry's variables in a context without this restriction, or run the "
                "jobs only on the branches that it names (filters)",
                _titles(unfiltered),
            )
        if others:
            yield CheckResult(
                subject,
                Status.UNKNOWN,
                f"{prefix}; these jobs end Unauthorized in a pipeline in which that is false, and "
                "it is not evaluated here",
                "compare it with the jobs' filters and triggers",
                _titles(others),
            )


def _by_group(
    subject: str,
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[_ContextUser],
) -> Iterator[CheckResult]:
    others = [
        restriction for restriction in restrictions if restriction.kind not in _DOCUMENTED_KINDS
    ]
    if not others or any(other.name == _ALL_MEMBERS for other in others):
        return
    names = listed(sorted({other.name or other.value for other in others}))
    yield CheckResult(
        subject,
        Status.PROBLEM,
        f"context {context.name}: only for the members of {names}; these jobs end Unauthorized "
        "when anybody else, a bot or a schedule starts them",
        "allow All members in Organization Settings > Contexts, or use another context",
        _titles(users),
    )


def _variables_to_store(
    name: str,
    users: Sequence[_ContextUser],
    variables: Mapping[str, frozenset[str] | FailedQuery],
    circleci: CircleCiCache,
) -> list[str]:
    """The variables that the jobs can get only from the context ``name``."""
    required: dict[str, None] = {}
    for user in users:
        provided = {
            variable
            for other in user.job.contexts
            for variable in _known_names(variables.get(other))
        }
        lacking = [variable for variable in user.job.variables if variable not in provided]
        if (
            lacking
            and user.repository.project is not None
            and name not in user.job.planned_contexts
        ):
            settings = circleci.project_variables(user.repository.project)
            lacking = [variable for variable in lacking if variable not in _known_names(settings)]
        required.update(dict.fromkeys(lacking))
    return list(required)


def _missing_context(
    subject: str,
    organisation: Organisation,
    name: str,
    users: Sequence[_ContextUser],
    contexts: Mapping[str, Context],
    required: Sequence[str],
) -> CheckResult:
    alike = [context for context in contexts if context.lower() == name.lower()]
    is_planned = all(name in user.job.planned_contexts for user in users)
    text = (
        f"context {name}: does not exist; the fix puts it on these jobs, which would fail"
        if is_planned
        else f"context {name}: does not exist; these jobs fail"
    )
    command = _create_command(name, organisation, required) if required else ""
    instead = "make it in Organization Settings > Contexts, with what the jobs need of it"
    if alike:
        text += f" (there is {alike[0]}: case counts)"
        instead = f"write {alike[0]} in the config or the policy, or {command or instead}"
        command = ""
    return CheckResult(subject, Status.PROBLEM, text, instead, _titles(users), command=command)


def _create_command(name: str, organisation: Organisation, variables: Sequence[str]) -> str:
    options = [part for variable in variables for part in ("--variable", variable)]
    return shlex.join(
        ["cci-migrate", "context", "create", name, "--org", organisation.slug, *options]
    )


def _check_repository(
    repository: CheckedRepository,
    contexts: Mapping[str, Context],
    variables: Mapping[str, frozenset[str] | FailedQuery],
    circleci: CircleCiCache,
) -> Iterator[CheckResult]:
    project = repository.project
    subject = f"project {project.slug}" if project else f"repository {repository.label}"
    jobs = repository.requirements.jobs
    lacking: dict[tuple[tuple[str, ...], str], list[JobRequirements]] = {}
    for job in jobs:
        if any(isinstance(variables.get(name), FailedQuery) for name in job.contexts):
            continue  # reported already
        if any(name not in contexts for name in job.contexts):
            continue  # reported with all variables that the job reads
        provided = {
            variable for name in job.contexts for variable in _known_names(variables.get(name))
        }
        for variable in job.variables:
            if variable not in provided:
                lacking.setdefault((job.contexts, variable), []).append(job)
    if lacking:
        yield from _check_settings(subject, repository, lacking, circleci)
    unclear = [job for job in jobs if job.has_context_expression]
    if unclear:
        yield CheckResult(
            subject,
            Status.UNKNOWN,
            "the contexts of these jobs are told by an expression, and not checked",
            "",
            _titles(_ContextUser(repository, job) for job in unclear),
            _projects(project),
        )
    relying = [job for job in jobs if job.contexts or job.variables]
    if relying and project is not None:
        with_context = [_ContextUser(repository, job) for job in relying if job.contexts]
        titles = _titles(with_context or (_ContextUser(repository, job) for job in relying))
        yield check_forks(subject, project, titles, circleci, has_context=bool(with_context))


def _check_settings(
    subject: str,
    repository: CheckedRepository,
    lacking: Mapping[tuple[tuple[str, ...], str], Sequence[JobRequirements]],
    circleci: CircleCiCache,
) -> Iterator[CheckResult]:
    """Checks the project's settings for the variables that no context of a job provides."""
    project = repository.project
    settings = None if project is None else circleci.project_variables(project)
    required = dict.fromkeys(variable for _, variable in lacking)
    titles = _titles(_ContextUser(repository, job) for jobs in lacking.values() for job in jobs)
    if project is None:
        yield CheckResult(
            subject,
            Status.UNKNOWN,
            f"whether the project's settings hold {listed(list(required))}: its name is not known",
            "name the project: --project",
            titles,
        )
        return
    if settings is None or isinstance(settings, FailedQuery):
        why = "" if settings is None else settings.why
        yield CheckResult(
            subject,
            Status.NOT_ASKED,
            f"whether its settings hold {listed(list(required))}: {why}",
            "name the project as CircleCI does (--project), or take the token of one who builds it",
            titles,
            _projects(project),
        )
        return
    provided = [name for name in required if name in settings]
    if provided:
        yield CheckResult(
            subject,
            Status.FINE,
            f"its settings hold {listed(provided)}",
            projects=_projects(project),
        )
    for contexts in dict.fromkeys(names for names, _ in lacking):
        missing = [v for names, v in lacking if names == contexts and v not in settings]
        if not missing:
            continue
        jobs = _titles(
            _ContextUser(repository, job) for v in missing for job in lacking[contexts, v]
        )
        where = "its settings do not hold it" if len(missing) == 1 else "its settings lack them"
        is_in_steps_only = all(
            v in job.step_variables for v in missing for job in lacking[contexts, v]
        )
        unless = ", unless an orb or a script sets it" if is_in_steps_only else ""
        if contexts:
            named = "context" if len(contexts) == 1 else "contexts"
            text = f"{listed(missing)}: {named} {listed(list(contexts))} and its settings lack "
            text += ("it" if len(missing) == 1 else "them") + unless
            instead, command = (
                "",
                _create_command(_credentials_context(contexts), project.organisation, missing),
            )
        else:
            command = ""
            text = f"{listed(missing)}: these jobs use no context, and {where}{unless}"
            instead = (
                "add it in Project Settings > Environment Variables"
                if len(missing) == 1
                else "add them in Project Settings > Environment Variables"
            )
        yield CheckResult(subject, Status.PROBLEM, text, instead, jobs, _projects(project), command)


def _credentials_context(contexts: Sequence[str]) -> str:
    """The one of ``contexts`` whose name suits registry credentials best."""
    matching = [
        context for context in contexts if "docker" in context.lower() or "hub" in context.lower()
    ]
    return (matching or list(contexts))[-1]


def _known_names(variables: frozenset[str] | FailedQuery | None) -> frozenset[str]:
    return variables if isinstance(variables, frozenset) else frozenset()


def _projects(project: Project | None) -> tuple[str, ...]:
    return () if project is None else (project.slug,)


def _titles(uses: Iterable[_ContextUser]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(user.title for user in uses))
