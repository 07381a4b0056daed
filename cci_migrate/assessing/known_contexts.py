"""Which contexts provide the variables of a config, by its workflow jobs, siblings and policy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.context_conventions import (
    ContextConvention,
    ContextOrigin,
    context_convention,
    siblings_convention,
)
from cci_migrate.assessing.context_names import is_about_a_registry, is_named_like_a_release
from cci_migrate.assessing.conventions import CredentialConvention
from cci_migrate.assessing.credential_uses import AssessedEntry, CredentialUses
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.assessing.job_variables import JobVariables
from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.findings import ChosenNames, FindingKey
from cci_migrate.groups import grouped
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, Policy

#: As many sets of variables are each looked for in each workflow job.
_FEW = 8


class KnownContexts(Struct, frozen=True, eq=False, dict=True):
    """The context conventions of a config.

    ``known`` are conventions to keep, by their variables: those of this config are not looked for.
    """

    policy: Policy
    uses: CredentialUses
    evidence: tuple[Evidence, ...]
    conventions: Mapping[str, CredentialConvention]
    job_variables: JobVariables
    known: Mapping[frozenset[str], ContextConvention] | None = None

    @cached_property
    def by_variables(self) -> Mapping[frozenset[str], ContextConvention]:
        """The conventions for each set of variables that images or logins read, or will read."""
        if self.known is not None:
            return self.known
        return {
            variables: self._convention(variables, host)
            for variables, host in self.host_by_variables.items()
        }

    @cached_property
    def host_by_variables(self) -> Mapping[frozenset[str], str]:
        """The registry for which jobs read, or will read, each set of variables."""
        hosts: dict[frozenset[str], str] = {}
        for assessed in self.uses.entries:
            for use in assessed.uses:
                if self.policy.registry_for(use.host) is not None:
                    hosts.setdefault(frozenset(use.variables), use.host)
        return hosts

    def may_read(self, variables: frozenset[str]) -> Sequence[AssessedEntry]:
        """The workflow jobs that may read all of ``variables``, today or after the fixes."""
        return self._may_read.get(variables, self.uses.entries)

    @cached_property
    def _may_read(self) -> Mapping[frozenset[str], Sequence[AssessedEntry]]:
        """The same for each of `host_by_variables`."""
        return grouped(
            (variables, assessed)
            for assessed, groups in self._may_be_read_by.items()
            for variables in groups
        )

    @cached_property
    def _may_be_read_by(self) -> Mapping[AssessedEntry, Collection[frozenset[str]]]:
        """Those of `host_by_variables` that each workflow job may read."""
        if len(self.host_by_variables) <= _FEW:
            return dict.fromkeys(self.uses.entries, self.host_by_variables.keys())
        # There may be one for each job: so each is looked up by one of its variables.
        by_variable = grouped(
            (min(variables, default=None), variables) for variables in self.host_by_variables
        )
        may_be_read: dict[AssessedEntry, Collection[frozenset[str]]] = {}
        for assessed in self.uses.entries:
            names = self.job_variables.used_names(assessed.entry)
            names = names.union(*(use.variables for use in assessed.uses))
            may_be_read[assessed] = [
                variables
                for name in (None, *names & by_variable.keys())
                for variables in by_variable.get(name, ())
                if variables <= names
            ]
        return may_be_read

    def of(self, variables: Iterable[str]) -> ContextConvention | None:
        """The convention for ``variables``; None if nothing reads them."""
        return self.by_variables.get(frozenset(variables))

    def for_pulls(self, host: str) -> ContextConvention | None:
        """The convention for the variables that pulls from ``host`` should read, if any."""
        convention, registry = self.conventions.get(host), self.policy.registry_for(host)
        credential = None if convention is None else convention.credential
        if credential is None and registry is not None:
            credential = registry.credential
        return None if credential is None else self.of(variables_of(credential))

    def among(self, variables: frozenset[str], host: str) -> ContextConvention:
        """The convention for ``variables`` of ``host``, whether or not something reads them."""
        return self.by_variables.get(variables) or self._convention(variables, host)

    def after_fixes(
        self, variables: frozenset[str], readers: Iterable[JobContexts]
    ) -> ContextConvention:
        """The convention for ``variables`` if workflow jobs with these contexts read them."""
        host = self.host_by_variables[variables]
        return context_convention(
            list(readers),
            (),
            policys_context(host, self.policy, variables),
            self.policy,
            is_policys_own=self._is_the_policys(host, variables),
            host=host,
        )

    def _convention(self, variables: frozenset[str], host: str) -> ContextConvention:
        readers: list[JobContexts] = []
        naming: list[JobContexts] = []
        coming: list[JobContexts] = []
        kept_apart: set[frozenset[str]] = set()
        for assessed in self.may_read(variables):
            if assessed.only_for_forks:
                continue
            contexts, is_reader = assessed.intended, assessed.reads_today(variables)
            if is_reader or self.job_variables.uses_all(assessed.entry, variables):
                if self.shows_no_context(assessed, variables):
                    kept_apart.add(frozenset(contexts.values))
                else:
                    (readers if is_reader else naming).append(contexts)
            elif any(variables == set(use.variables) for use in assessed.uses):
                coming.append(contexts)
        # What a step does that only names the variables is unknown.
        today = readers or naming
        is_policys_own = bool(variables) and self._is_the_policys(host, variables)
        siblings = self._sibling_contexts(host, variables)
        context = policys_context(host, self.policy, variables)
        is_configured = self.policy.registry_for(host) != DEFAULT_DOCKER_HUB
        convention = None
        if siblings and not today and not (is_configured and is_policys_own):
            configured = context if is_configured else None
            near = self._candidate_contexts(variables)
            convention = siblings_convention(siblings, configured, near, self.policy)
        if convention is not None:
            convention = replace(convention, host=host)
        else:
            convention = context_convention(
                today, coming, context, self.policy, is_policys_own=is_policys_own, host=host
            )
        if convention.origin in (ContextOrigin.PROJECT, ContextOrigin.READERS):
            return convention
        if convention.origin is ContextOrigin.REQUESTED:
            names = frozenset().union(*kept_apart)
            kept_apart = {frozenset({name}) for name in filter(is_about_a_registry, names)}
        accepted = kept_apart.union(*(sibling.accepted for _, sibling in siblings))
        return replace(convention, accepted=convention.accepted | accepted)

    @cached_property
    def kept_apart(self) -> Mapping[str, frozenset[frozenset[str]]]:
        """The variables, by the routes of workflow jobs, that no other jobs should get.

        A job is left out if one of its contexts is named after a registry and not after a release:
        such a context is for all jobs.
        """
        apart: dict[str, set[frozenset[str]]] = {}
        for item in self.evidence:
            if item.refusal is not None and item.refusal.keeps_to_its_jobs:
                for route in item.entries:
                    apart.setdefault(route, set()).add(frozenset(item.variables))
        for item in self.evidence:
            if item.allows():
                for route in item.entries & apart.keys():
                    apart[route].discard(frozenset(item.variables))
        for assessed in self.uses.entries:
            names = filter(is_about_a_registry, assessed.intended.names)
            if not all(map(is_named_like_a_release, names)):
                apart.pop(assessed.entry.route, None)
        return {route: frozenset(variables) for route, variables in apart.items()}

    def _sibling_contexts(
        self, host: str, variables: frozenset[str]
    ) -> list[tuple[str, ContextConvention]]:
        """The paths of other configs of the repository and their conventions for ``variables``."""
        return [
            (item.place.path, item.convention)
            for item in self.evidence
            if item.host == host
            and item.convention is not None
            and variables == set(item.variables)
        ]

    def _candidate_contexts(self, variables: frozenset[str]) -> frozenset[str]:
        """The contexts of workflow jobs, without those known to provide other variables."""
        others = self._policys_contexts_of_others(variables)
        others |= {
            item.convention.preferred
            for item in self.evidence
            if item.convention is not None and variables.isdisjoint(item.variables)
        }
        names = (name for assessed in self.uses.entries for name in assessed.intended.names)
        return frozenset(names) - others

    def _policys_contexts_of_others(self, variables: frozenset[str]) -> set[str | None]:
        """The contexts that, by the policy, provide variables other than ``variables``."""
        return {
            context
            for registry in self.policy.registries
            for credential, context in registry.accounts
            if variables.isdisjoint(variables_of(credential))
        }

    def _is_the_policys(self, host: str, variables: frozenset[str]) -> bool:
        registry = self.policy.registry_for(host)
        credentials = () if registry is None else registry.credentials
        return any(variables <= set(variables_of(credential)) for credential in credentials)

    def for_others(self, variables: frozenset[str]) -> frozenset[str]:
        """The contexts that are known to provide other variables and none of ``variables``."""
        if variables not in self._for_others:
            self._for_others[variables] = self._known_for_others(variables)
        return self._for_others[variables]

    @cached_property
    def _for_others(self) -> dict[frozenset[str], frozenset[str]]:
        """What `for_others` returned: it is asked for each workflow job."""
        return {}

    def _known_for_others(self, variables: frozenset[str]) -> frozenset[str]:
        known = self._policys_contexts_of_others(variables).union(
            convention.preferred
            for names, convention in self.by_variables.items()
            if convention.is_clear and names.isdisjoint(variables)
        )
        return frozenset(
            context
            for context in known
            if context is not None and self.variables_in(context).isdisjoint(variables)
        )

    def variables_in(self, context: str) -> frozenset[str]:
        """What the policy keeps in ``context``, and the credentials that jobs with it read."""
        return self._variables_by_context.get(context, frozenset())

    @cached_property
    def _variables_by_context(self) -> Mapping[str, frozenset[str]]:
        provided: dict[str, set[str]] = {}
        for registry in self.policy.registries:
            for credential, context in registry.accounts:
                if context is not None:
                    provided.setdefault(context, set()).update(variables_of(credential))
        for assessed in self.uses.entries:
            if assessed.intended.values:
                named = (
                    variables
                    for variables in self._may_be_read_by[assessed]
                    if self.job_variables.uses_all(assessed.entry, variables)
                )
                read = self.uses.credentials_read_by(assessed.entry).union(*named)
                for context in assessed.intended.values:
                    provided.setdefault(context, set()).update(read)
        return {context: frozenset(names) for context, names in provided.items()}

    def shows_no_context(self, assessed: AssessedEntry, variables: frozenset[str]) -> bool:
        """Whether a workflow job with contexts that reads ``variables`` shows nothing to others.

        Its credentials are to stay where they are. Or it only names ``variables``, and none of its
        contexts is named after a registry for all jobs.
        """
        names = assessed.intended.names
        if not assessed.intended.values:
            return False
        if variables in self.kept_apart.get(assessed.entry.route, ()):
            return True
        return not assessed.reads_today(variables) and not any(
            is_about_a_registry(name) and not is_named_like_a_release(name) for name in names
        )

    def names_all(self, assessed: AssessedEntry, variables: frozenset[str]) -> bool:
        """Whether images and steps of a workflow job name all of ``variables``."""
        return self.job_variables.mentioned(assessed.entry, variables) == variables

    def unknown_hosts(self, names: Mapping[FindingKey, ChosenNames]) -> frozenset[str]:
        """The registries whose credentials a job should read, but from an unknown context.

        Only those for which the policy has credentials of the same form. ``names`` are those that
        the user chose, with their contexts.
        """
        hosts = set()
        for assessed in self.uses.entries:
            for use in assessed.uses:
                convention = self.of(use.variables)
                if use.after is None or use.after in names or convention is None:
                    continue
                if convention.cannot_be_had_by(assessed.intended) and self._has_another(use.host):
                    hosts.add(use.host)
        return frozenset(hosts)

    def _has_another(self, host: str) -> bool:
        registry, convention = self.policy.registry_for(host), self.conventions.get(host)
        if registry is None or convention is None or convention.credential is None:
            return False
        return type(registry.credential) is type(convention.credential)


def policys_context(host: str, policy: Policy, variables: Iterable[str]) -> str | None:
    """The policy's context for ``variables`` of ``host``, else for that registry, if any."""
    registry, names = policy.registry_for(host), set(variables)
    for job in () if registry is None else registry.jobs:
        if names and names == set(variables_of(job.credential)):
            return job.context
    return None if registry is None else registry.context
