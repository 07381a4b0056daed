"""Whether CircleCI has what the jobs rely on: contexts, their variables, and the right to use them.

A context that does not exist fails the job; one that the pipeline or its actor may not use ends
the workflow ``Unauthorized`` (https://circleci.com/docs/guides/security/contexts/).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.preflight.check_results import CheckResult, Status
from cci_migrate.preflight.circleci_api import Context, Restriction
from cci_migrate.preflight.demands import Demands, JobDemand
from cci_migrate.preflight.organisations import Organisations, Unanswered
from cci_migrate.preflight.outsiders import about_bots, about_forks
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.rules.wording import listed

#: The one expression that keeps no pipeline out, only its reruns with SSH.
_NO_SSH = "not job.ssh.enabled"
_ALL_MEMBERS = "All members"
#: The restrictions of the API's document.
_KNOWN = ("project", "expression")


class Checked(Struct, frozen=True):
    """A repository and what its configs rely on.

    ``project`` is None where it cannot be told. ``bots`` are the bots that it has settings for.
    """

    label: str
    organisation: Organisation | None
    project: Project | None
    demands: Demands
    bots: tuple[str, ...] = ()


class _Use(Struct, frozen=True):
    """A job that uses a context, and where it is at home."""

    repository: Checked
    job: JobDemand

    @property
    def title(self) -> str:
        label = self.repository.label
        return f"{label}: {self.job.title}" if label else self.job.title


def checkup(repositories: Sequence[Checked], organisations: Organisations) -> Iterator[CheckResult]:
    """Every question about ``repositories``, organisation by organisation, and its answer.

    Raises HostUnavailable where nothing more can be asked.
    """
    by_organisation: dict[Organisation, list[Checked]] = {}
    for repository in repositories:
        for unread in repository.demands.unread:
            yield CheckResult(
                f"configs of {repository.label}" if repository.label else "configs",
                Status.NOT_ASKED if unread.is_fault else Status.UNKNOWN,
                f"{unread.text}; what it relies on is not known",
                "correct the file, then run again" if unread.is_fault else "",
            )
        if repository.organisation is None:
            if repository.demands.jobs:
                yield _nameless(repository)
        else:
            by_organisation.setdefault(repository.organisation, []).append(repository)
    for organisation, own in sorted(by_organisation.items()):
        yield from merged(_organisation(organisation, own, organisations))


def merged(answers: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """``answers``, those that say the same of several projects made one."""
    found: dict[tuple[str, ...], CheckResult] = {}
    for answer in answers:
        told = bool(answer.projects)
        key = (
            "" if told else answer.subject,
            answer.status.value,
            answer.text,
            answer.next,
            *(() if told else answer.jobs),
        )
        known = found.get(key)
        found[key] = (
            answer
            if known is None
            else replace(
                known,
                subject=known.subject if known.subject == answer.subject else "projects",
                jobs=tuple(dict.fromkeys((*known.jobs, *answer.jobs))),
                projects=tuple(dict.fromkeys((*known.projects, *answer.projects))),
            )
        )
    return iter(found.values())


def _nameless(repository: Checked) -> CheckResult:
    return CheckResult(
        f"repository {repository.label}" if repository.label else "repository",
        Status.NOT_ASKED,
        "its organisation and project at CircleCI cannot be told from its remote",
        "name them: --org circleci/ORGANISATION-ID --project circleci/ORGANISATION-ID/PROJECT-ID "
        "(Organization Settings and Project Settings show the ids)",
    )


def _organisation(
    organisation: Organisation, repositories: Sequence[Checked], known: Organisations
) -> Iterator[CheckResult]:
    subject = f"organisation {organisation.slug}"
    uses = _uses(repositories)
    if not uses and not any(job.variables for one in repositories for job in one.demands.jobs):
        yield CheckResult(
            subject, Status.FINE, "no job uses a context or reads registry credentials"
        )
        return
    listed_contexts = known.contexts(organisation) if uses else {}
    if isinstance(listed_contexts, Unanswered):
        yield _unlisted(subject, organisation, listed_contexts, known)
        return
    contexts = listed_contexts
    held = {name: known.variables(contexts[name]) for name in uses if name in contexts}
    for name, users in uses.items():
        if name in contexts:
            yield from _existing(subject, contexts[name], held[name], users, known)
        else:
            wanted = _to_be_held(name, users, held, known)
            yield _missing(subject, organisation, name, users, contexts, wanted)
    if uses:
        if organisation.provider == "gh" and not _shows_groups(contexts, uses, known):
            yield CheckResult(
                subject,
                Status.UNKNOWN,
                "whether a context is kept for some security groups: the API's document has no "
                "such restriction",
                "see Organization Settings > Contexts: the column Security should say All members",
            )
        yield about_bots(
            subject,
            tuple(dict.fromkeys(bot for one in repositories for bot in one.bots)),
            _titles(use for users in uses.values() for use in users),
        )
    for repository in repositories:
        yield from _repository(repository, contexts, held, known)


def _shows_groups(
    contexts: Mapping[str, Context], names: Iterable[str], known: Organisations
) -> bool:
    """Whether the API told of a group for any context, which its document does not have."""
    for name in names:
        told = known.restrictions(contexts[name]) if name in contexts else ()
        if not isinstance(told, Unanswered) and any(one.kind not in _KNOWN for one in told):
            return True
    return False


def _uses(repositories: Sequence[Checked]) -> Mapping[str, list[_Use]]:
    """By context, the jobs that use it or will."""
    found: dict[str, list[_Use]] = {}
    for repository in repositories:
        for job in repository.demands.jobs:
            for name in job.contexts:
                found.setdefault(name, []).append(_Use(repository, job))
    return dict(sorted(found.items()))


def _unlisted(
    subject: str, organisation: Organisation, why: Unanswered, known: Organisations
) -> CheckResult:
    instead = "look at the token and at the name of the organisation (--org), then run again"
    if why.is_refusal:
        others = known.opaque_names_of(organisation)
        if others:
            instead = f"the token knows an organisation of this name: --org {' or '.join(others)}"
        else:
            instead = (
                "name the organisation as CircleCI does (--org; Organization Settings show its id: "
                "circleci/ID), or take the token of one of its members"
            )
    return CheckResult(subject, Status.NOT_ASKED, f"its contexts: {why.why}", instead)


def _existing(
    subject: str,
    context: Context,
    held: frozenset[str] | Unanswered,
    users: Sequence[_Use],
    known: Organisations,
) -> Iterator[CheckResult]:
    wanted = {variable for use in users for variable in use.job.variables}
    if isinstance(held, Unanswered):
        yield CheckResult(subject, Status.FINE, f"context {context.name}: exists")
        yield CheckResult(
            subject,
            Status.NOT_ASKED,
            f"context {context.name}: its variables: {held.why}",
            "run again, or take the token of somebody who may see the context",
        )
    else:
        found = sorted(wanted & held)
        what = f" and holds {listed(found)}" if found else ""
        yield CheckResult(subject, Status.FINE, f"context {context.name}: exists{what}")
    restrictions = known.restrictions(context)
    if isinstance(restrictions, Unanswered):
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
    yield from _by_project(subject, context, restrictions, users, known)
    yield from _by_expression(subject, context, restrictions, users)
    yield from _by_group(subject, context, restrictions, users)


def _by_project(
    subject: str,
    context: Context,
    restrictions: Sequence[Restriction],
    users: Sequence[_Use],
    known: Organisations,
) -> Iterator[CheckResult]:
    allowed = {
        restriction.value: restriction.name or restriction.value
        for restriction in restrictions
        if restriction.kind == "project"
    }
    if not allowed:
        return
    shut_out, unclear = [], []
    is_fault = False
    for use in users:
        project = use.repository.project
        ids = None if project is None else known.ids(project)
        if ids is None or isinstance(ids, Unanswered):
            unclear.append(use)
            is_fault = is_fault or (isinstance(ids, Unanswered) and not ids.is_refusal)
        elif ids.project not in allowed:
            shut_out.append(use)
    names = listed(sorted(allowed.values()))
    if shut_out:
        yield CheckResult(
            subject,
            Status.PROBLEM,
            f"context {context.name}: only for {names}; these jobs end Unauthorized, because they "
            "are of another project",
            "add the project in Organization Settings > Contexts, or use another context",
            _titles(shut_out),
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
    if not shut_out and not unclear:
        yield CheckResult(
            subject,
            Status.FINE,
            f"context {context.name}: only for {names}, as are the jobs that use it",
        )


def _by_expression(
    subject: str, context: Context, restrictions: Sequence[Restriction], users: Sequence[_Use]
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
        says = f"context {context.name}: only where {expression}"
        git = "pipeline.git." in expression
        every = [use for use in users if git and not use.job.is_filtered]
        others = [use for use in users if use not in every]
        if every:
            yield CheckResult(
                subject,
                Status.PROBLEM,
                f"{says}; these jobs run on every branch, and end Unauthorized on the others",
                "keep the registry's variables in a context without this restriction, or run the "
                "jobs only on the branches that it names (filters)",
                _titles(every),
            )
        if others:
            yield CheckResult(
                subject,
                Status.UNKNOWN,
                f"{says}; these jobs end Unauthorized in a pipeline in which that is false, and "
                "it is not evaluated here",
                "compare it with the jobs' filters and triggers",
                _titles(others),
            )


def _by_group(
    subject: str, context: Context, restrictions: Sequence[Restriction], users: Sequence[_Use]
) -> Iterator[CheckResult]:
    others = [restriction for restriction in restrictions if restriction.kind not in _KNOWN]
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


def _to_be_held(
    name: str,
    users: Sequence[_Use],
    held: Mapping[str, frozenset[str] | Unanswered],
    known: Organisations,
) -> list[str]:
    """What the jobs read that they have from nowhere else: the context ``name`` is to hold it."""
    wanted: dict[str, None] = {}
    for use in users:
        there = {one for other in use.job.contexts for one in _names(held.get(other))}
        lacking = [variable for variable in use.job.variables if variable not in there]
        if lacking and use.repository.project is not None and name not in use.job.planned:
            settings = known.project_variables(use.repository.project)
            lacking = [one for one in lacking if one not in _names(settings)]
        wanted.update(dict.fromkeys(lacking))
    return list(wanted)


def _missing(
    subject: str,
    organisation: Organisation,
    name: str,
    users: Sequence[_Use],
    contexts: Mapping[str, Context],
    wanted: Sequence[str],
) -> CheckResult:
    alike = [context for context in contexts if context.lower() == name.lower()]
    planned = all(name in use.job.planned for use in users)
    text = (
        f"context {name}: does not exist; the fix puts it on these jobs, which would fail"
        if planned
        else f"context {name}: does not exist; these jobs fail"
    )
    making = _making(name, organisation, wanted) if wanted else ""
    instead = "make it in Organization Settings > Contexts, with what the jobs need of it"
    if alike:
        text += f" (there is {alike[0]}: case counts)"
        instead = f"write {alike[0]} in the config or the policy, or {making or instead}"
        making = ""
    return CheckResult(subject, Status.PROBLEM, text, instead, _titles(users), command=making)


def _making(name: str, organisation: Organisation, variables: Sequence[str]) -> str:
    options = [part for variable in variables for part in ("--variable", variable)]
    return shlex.join(
        ["cci-migrate", "context", "create", name, "--org", organisation.slug, *options]
    )


def _repository(
    repository: Checked,
    contexts: Mapping[str, Context],
    held: Mapping[str, frozenset[str] | Unanswered],
    known: Organisations,
) -> Iterator[CheckResult]:
    project = repository.project
    subject = f"project {project.slug}" if project else f"repository {repository.label}"
    jobs = repository.demands.jobs
    lacking: dict[tuple[tuple[str, ...], str], list[JobDemand]] = {}
    for job in jobs:
        if any(isinstance(held.get(name), Unanswered) for name in job.contexts):
            continue  # which is said already
        if any(name not in contexts for name in job.contexts):
            continue  # to be made with all that the job reads
        there = {variable for name in job.contexts for variable in _names(held.get(name))}
        for variable in job.variables:
            if variable not in there:
                lacking.setdefault((job.contexts, variable), []).append(job)
    if lacking:
        yield from _from_settings(subject, repository, lacking, known)
    unclear = [job for job in jobs if job.has_expression]
    if unclear:
        yield CheckResult(
            subject,
            Status.UNKNOWN,
            "the contexts of these jobs are told by an expression, and not checked",
            "",
            _titles(_Use(repository, job) for job in unclear),
            _projects(project),
        )
    relying = [job for job in jobs if job.contexts or job.variables]
    if relying and project is not None:
        with_context = [_Use(repository, job) for job in relying if job.contexts]
        titles = _titles(with_context or (_Use(repository, job) for job in relying))
        yield about_forks(subject, project, titles, known, has_context=bool(with_context))


def _from_settings(
    subject: str,
    repository: Checked,
    lacking: Mapping[tuple[tuple[str, ...], str], Sequence[JobDemand]],
    known: Organisations,
) -> Iterator[CheckResult]:
    """Which of the variables that no context of a job holds are in the project's settings."""
    project = repository.project
    settings = None if project is None else known.project_variables(project)
    wanted = dict.fromkeys(variable for _, variable in lacking)
    titles = _titles(_Use(repository, job) for jobs in lacking.values() for job in jobs)
    if project is None:
        yield CheckResult(
            subject,
            Status.UNKNOWN,
            f"whether the project's settings hold {listed(list(wanted))}: its name is not known",
            "name the project: --project",
            titles,
        )
        return
    if settings is None or isinstance(settings, Unanswered):
        why = "" if settings is None else settings.why
        yield CheckResult(
            subject,
            Status.NOT_ASKED,
            f"whether its settings hold {listed(list(wanted))}: {why}",
            "name the project as CircleCI does (--project), or take the token of one who builds it",
            titles,
            _projects(project),
        )
        return
    there = [name for name in wanted if name in settings]
    if there:
        yield CheckResult(
            subject,
            Status.FINE,
            f"its settings hold {listed(there)}",
            projects=_projects(project),
        )
    for contexts in dict.fromkeys(names for names, _ in lacking):
        missing = [v for names, v in lacking if names == contexts and v not in settings]
        if not missing:
            continue
        jobs = _titles(_Use(repository, job) for v in missing for job in lacking[contexts, v])
        where = "its settings do not hold it" if len(missing) == 1 else "its settings lack them"
        only_steps = all(v in job.in_steps for v in missing for job in lacking[contexts, v])
        unless = ", unless an orb or a script sets it" if only_steps else ""
        if contexts:
            named = "context" if len(contexts) == 1 else "contexts"
            text = f"{listed(missing)}: {named} {listed(list(contexts))} and its settings lack "
            text += ("it" if len(missing) == 1 else "them") + unless
            instead, making = "", _making(_likely(contexts), project.organisation, missing)
        else:
            making = ""
            text = f"{listed(missing)}: these jobs use no context, and {where}{unless}"
            instead = (
                "add it in Project Settings > Environment Variables"
                if len(missing) == 1
                else "add them in Project Settings > Environment Variables"
            )
        yield CheckResult(subject, Status.PROBLEM, text, instead, jobs, _projects(project), making)


def _likely(contexts: Sequence[str]) -> str:
    """The one of ``contexts`` that registry credentials belong in, by its name."""
    telling = [
        context for context in contexts if "docker" in context.lower() or "hub" in context.lower()
    ]
    return (telling or list(contexts))[-1]


def _names(held: frozenset[str] | Unanswered | None) -> frozenset[str]:
    return held if isinstance(held, frozenset) else frozenset()


def _projects(project: Project | None) -> tuple[str, ...]:
    return () if project is None else (project.slug,)


def _titles(uses: Iterable[_Use]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use.title for use in uses))
