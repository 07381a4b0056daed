"""What is checked: repositories, and the jobs in them that use contexts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from cci_migrate.preflight.circleci_api import Context
from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.requirements import JobRequirements, Requirements
from cci_migrate.preflight.slugs import Organisation, Project


class CheckedRepository(Struct, frozen=True):
    """A repository and what its configs require.

    ``project`` is None if it could not be determined; ``remote`` is the one that its git remote
    names, which may have another name at CircleCI. ``bots`` are the bots it is configured for.
    """

    label: str
    organisation: Organisation | None
    project: Project | None
    requirements: Requirements
    bots: tuple[str, ...] = ()
    remote: Project | None = None

    @property
    def subject(self) -> str:
        """What a result about it is about, for people."""
        if self.project is not None:
            return f"project {self.project.slug}"
        return f"repository {self.label}".rstrip()

    @property
    def slugs(self) -> tuple[str, ...]:
        """The slug of its project; empty if that could not be determined."""
        return () if self.project is None else (self.project.slug,)


class ContextUser(Struct, frozen=True):
    """A job that uses a context, and its repository."""

    repository: CheckedRepository
    job: JobRequirements

    @property
    def title(self) -> str:
        """Its name for people."""
        label = self.repository.label
        return f"{label}: {self.job.title}" if label else self.job.title


class CheckedOrganisation(Struct, frozen=True):
    """An organisation: its repositories, and its contexts by their names.

    ``variables`` are the names of those in each context. ``circleci`` is asked about the rest,
    and ``steps`` has the commands that are proposed.
    """

    organisation: Organisation
    repositories: Sequence[CheckedRepository]
    contexts: Mapping[str, Context]
    variables: Mapping[str, frozenset[str] | FailedQuery]
    circleci: CircleCiCache
    steps: NextSteps

    def known_variables(self, context: str) -> frozenset[str]:
        """The names of the variables in ``context``; empty if they are not known."""
        return known_names(self.variables.get(context))

    def not_in_contexts(self, job: JobRequirements) -> list[str]:
        """The variables that ``job`` reads and that no existing context of it holds."""
        provided = {variable for name in job.contexts for variable in self.known_variables(name)}
        return [variable for variable in job.variables if variable not in provided]


def known_names(variables: frozenset[str] | FailedQuery | None) -> frozenset[str]:
    """``variables``; empty if they are not known."""
    return variables if isinstance(variables, frozenset) else frozenset()


def contexts_with(
    repositories: Iterable[CheckedRepository], variables: Collection[str]
) -> list[tuple[Organisation, str]]:
    """The contexts from which jobs seem to read ``variables``, and their organisations.

    Only those of jobs with a single context are sure.
    """
    return list(
        dict.fromkeys(
            (repository.organisation, job.contexts[0])
            for repository in repositories
            for job in repository.requirements.jobs
            if repository.organisation is not None
            and len(job.contexts) == 1
            and not job.has_context_expression
            and set(variables) <= set(job.variables)
        )
    )


def titles(users: Iterable[ContextUser]) -> tuple[str, ...]:
    """The names of ``users`` for people."""
    return tuple(dict.fromkeys(user.title for user in users))


def projects_of(users: Iterable[ContextUser]) -> tuple[Project, ...]:
    """The projects of ``users``, as far as they are known."""
    return tuple(
        dict.fromkeys(
            user.repository.project for user in users if user.repository.project is not None
        )
    )
