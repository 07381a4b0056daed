"""Which contexts the workflow jobs of a config need: what fixes bring along, and what they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.context_conventions import ContextConvention
from cci_migrate.assessing.context_overrides import ContextOverrides
from cci_migrate.assessing.credential_uses import AssessedEntry, AssessedImage, CredentialUse
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.known_contexts import KnownContexts
from cci_migrate.assessing.step_assessment import MissingLogin
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.docker.registries import normalise_host
from cci_migrate.findings import ChosenNames, ContextCandidate, ContextGrant, FindingKey
from cci_migrate.policy.settings import AwsRoleAuth, GcpAuth, PasswordAuth


class MissingContext(Struct, frozen=True):
    """A workflow job may need a context for credentials of ``host``; only the user knows.

    ``after`` are the findings of whose fixes one must be made for that; empty if it is so today.
    """

    grant: ContextGrant
    host: str
    after: tuple[FindingKey, ...] = ()


#: A context for a workflow job; it is empty if only the user knows which of the candidates it is.
ContextChoice = tuple[str, tuple[ContextCandidate, ...]]


class ContextNeeds(Struct, frozen=True, eq=False, dict=True):
    """The contexts that workflow jobs need. ``names`` are those that the user chose for a fix."""

    known: KnownContexts
    names: Mapping[FindingKey, ChosenNames]

    @cached_property
    def overrides(self) -> ContextOverrides:
        """What contexts that are added may override."""
        return ContextOverrides(self.known)

    def with_fix_of(self, image: AssessedImage, key: FindingKey) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``image`` has the credential it should have."""
        use = self.known.uses.of_image(image)
        if use is None:
            return ()
        return self.for_images([image.image], use.variables, use.host, key)

    def on_executor(
        self, entry: WorkflowJob, executor: str, key: FindingKey
    ) -> tuple[ContextGrant, ...]:
        """The contexts that ``entry`` needs once it runs on ``executor``."""
        reader = self.known.uses
        entries = [assessed for assessed in reader.entries if assessed.entry is entry]
        uses = {
            use
            for item in reader.config.body.executors[executor].docker or ()
            if (use := reader.by_item[item.mapping]) is not None
        }
        return tuple(
            grant for use in uses for grant in self._grants(entries, use.variables, use.host, key)
        )

    def for_images(
        self, images: Iterable[PulledImage], variables: tuple[str, ...], host: str, key: FindingKey
    ) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``images`` read ``variables``.

        ``key`` is that of the finding whose fix makes them.
        """
        entries = self.known.uses.entries_that_pull(*images)
        return self._grants(entries, variables, host, key)

    def for_login(
        self, missing: MissingLogin, credential: PasswordAuth
    ) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``missing`` is made with ``credential``."""
        dockers = self.known.uses.logins.dockers
        entries = [
            assessed
            for assessed in self.known.uses.entries
            if dockers.gets(assessed.entry, missing)
        ]
        return self._grants(
            entries, variables_of(credential), normalise_host(missing.host), missing.key
        )

    def _grants(
        self,
        entries: Iterable[AssessedEntry],
        variables: tuple[str, ...],
        host: str,
        key: FindingKey,
    ) -> tuple[ContextGrant, ...]:
        grants: dict[WorkflowJob, ContextGrant] = {}
        for assessed in entries:
            # Workflows that share a list of jobs through an alias share its entries too.
            if assessed.only_for_forks or assessed.entry in grants:
                continue
            memo = (assessed, variables, host, key if key in self.names else None)
            if memo not in self._known_grants:
                self._known_grants[memo] = self._grant_for(assessed, variables, host, key)
            grant = self._known_grants[memo]
            if grant is not None:
                grants[assessed.entry] = grant
        return tuple(grants.values())

    @cached_property
    def _known_grants(self) -> dict[tuple[object, ...], ContextGrant | None]:
        """What `_grant_for` returned: most jobs have several images."""
        return {}

    def _grant_for(
        self, assessed: AssessedEntry, variables: tuple[str, ...], host: str, key: FindingKey
    ) -> ContextGrant | None:
        choice = self.grant(assessed, variables, host, key)
        if choice is None:
            return None
        context, candidates = choice
        of_project = self.overrides.of_project(assessed, self.known.variables_in(context))
        return replace(
            self._grant(assessed, context, variables),
            candidates=candidates,
            overrides=() if key in self.names else tuple(sorted(of_project)),
        )

    def _grant(
        self, assessed: AssessedEntry, context: str, variables: tuple[str, ...]
    ) -> ContextGrant:
        comes_first = self.overrides.may_overlap(assessed, context, variables)
        return ContextGrant(assessed.entry, context, variables, comes_first)

    def grant(
        self, assessed: AssessedEntry, variables: tuple[str, ...], host: str, key: FindingKey
    ) -> ContextChoice | None:
        """The context that a workflow job needs for ``variables``; None if it needs none.

        ``key`` is that of the finding whose fix makes it read them.
        """
        if variables and key not in self.names:
            return self._by_convention(assessed, frozenset(variables), host)
        if variables:
            context = self.names[key].context
        else:
            context = self._context_for_token(assessed.entry, host)
        return None if context is None or context in assessed.contexts.names else (context, ())

    def _by_convention(
        self, assessed: AssessedEntry, variables: frozenset[str], host: str
    ) -> ContextChoice | None:
        key = (assessed, variables, host)
        if key not in self._choices:
            convention = self.known.among(variables, host)
            works_today = assessed.reads_today(variables) and not assessed.misplaced
            works_today = works_today or self.overrides.may_have_all(assessed, variables)
            is_lacking = convention.lacks(assessed.contexts, works_today=works_today) and (
                works_today or not self.overrides.of_project(assessed, variables)
            )
            choice = (convention.preferred or "", convention.candidates)
            self._choices[key] = choice if is_lacking else None
        return self._choices[key]

    @cached_property
    def _choices(self) -> dict[tuple[AssessedEntry, frozenset[str], str], ContextChoice | None]:
        """What `_by_convention` returned: most jobs have several images."""
        return {}

    def _context_for_token(self, entry: WorkflowJob, host: str) -> str | None:
        """The policy's context for credentials by OpenID Connect, which have no variables.

        Only jobs with a context have a token, and a role may ask for a certain context:
        https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/.
        """
        registry = self.known.policy.registry_for(host)
        if registry is None or host in self.known.conventions:
            return None
        account = registry.job_credential((entry.name, entry.calls)) or registry
        is_by_token = isinstance(account.credential, AwsRoleAuth | GcpAuth)
        return account.context if is_by_token else None

    def with_fix(self, assessed: AssessedEntry, use: CredentialUse) -> str | None:
        """The context that the fix brings along which makes ``assessed`` read what ``use`` does."""
        if use.after is None or assessed.only_for_forks:
            return None
        choice = self.grant(assessed, use.variables, use.host, use.after)
        return None if choice is None else choice[0]

    def missing(self, assessed: AssessedEntry) -> Iterator[MissingContext]:
        """The contexts that a workflow job lacks for variables that it reads today."""
        if self._has_a_chosen_context(assessed):
            return
        for use in assessed.uses:
            convention = None if use.after else self.known.of(use.variables)
            grant = self._lacked(assessed, use, convention, assessed.intended)
            if grant is not None:
                yield MissingContext(grant, use.host)

    def missing_once_fixed(self, assessed: AssessedEntry) -> Iterator[MissingContext]:
        """The contexts that a workflow job will lack, by what the fixes of others show.

        Fixes add none where a job reads some of the variables today: they may be the project's.
        """
        if self._has_a_chosen_context(assessed):
            return
        for use in assessed.uses:
            variables = frozenset(use.variables)
            convention = self._conventions_once_fixed.get(variables)
            grant = self._lacked(assessed, use, convention, self._contexts_once_fixed[assessed])
            if grant is not None:
                readers = self._readers_once_fixed[variables]
                fixes = (each.after for reader in readers for each in reader.uses)
                after = (use.after,) if use.after else tuple(filter(None, dict.fromkeys(fixes)))
                yield MissingContext(grant, use.host, after)

    def _lacked(
        self,
        assessed: AssessedEntry,
        use: CredentialUse,
        convention: ContextConvention | None,
        contexts: JobContexts,
    ) -> ContextGrant | None:
        """The context of ``convention`` for ``use``, if a job with ``contexts`` may lack it."""
        if use.is_misrouted or convention is None or convention.preferred is None:
            return None
        is_lacking = convention.lacks(contexts, works_today=True)
        if not is_lacking and not convention.may_be_lacked_by(contexts):
            return None
        return self._grant(assessed, convention.preferred, use.variables)

    def _has_a_chosen_context(self, assessed: AssessedEntry) -> bool:
        """Whether nothing is to be asked of a workflow job: it has what the user named for a fix.

        Jobs that only builds of forks reach get no contexts.
        """
        chosen_by_user = self._chosen_by_user
        return assessed.only_for_forks or not chosen_by_user.isdisjoint(assessed.contexts.names)

    @cached_property
    def _chosen_by_user(self) -> frozenset[str | None]:
        return frozenset(names.context for names in self.names.values())

    @cached_property
    def _conventions_once_fixed(self) -> Mapping[frozenset[str], ContextConvention]:
        """The conventions that the next run will see, for variables whose readers fixes change.

        All fixes are made, each with the contexts that it brings along. Left out are those of whose
        readers all have the same contexts then: none of them lacks any.
        """
        conventions: dict[frozenset[str], ContextConvention] = {}
        for variables, readers in self._readers_once_fixed.items():
            contexts = [self._contexts_once_fixed[reader] for reader in readers]
            if len({each.values for each in contexts}) > 1 and any(
                use.after is not None for reader in readers for use in reader.uses
            ):
                conventions[variables] = self.known.after_fixes(variables, contexts)
        return conventions

    @cached_property
    def _readers_once_fixed(self) -> Mapping[frozenset[str], Sequence[AssessedEntry]]:
        """The workflow jobs that show which context provides variables, once all is fixed."""
        return {
            variables: self._readers_of(variables) for variables in self.known.host_by_variables
        }

    def _readers_of(self, variables: frozenset[str]) -> Sequence[AssessedEntry]:
        readers: list[AssessedEntry] = []
        naming: list[AssessedEntry] = []
        for assessed in self.known.may_read(variables):
            if assessed.only_for_forks:
                continue
            uses = [use for use in assessed.uses if variables.issubset(use.variables)]
            if not uses and not self.known.job_variables.uses_all(assessed.entry, variables):
                continue
            shows_none = self.known.shows_no_context(assessed, variables)
            if any(use.after for use in uses) or not shows_none:
                (readers if uses else naming).append(assessed)
        return readers or naming

    @cached_property
    def _contexts_once_fixed(self) -> Mapping[AssessedEntry, JobContexts]:
        """The contexts of each workflow job once all is fixed."""
        contexts: dict[AssessedEntry, JobContexts] = {}
        for assessed in self.known.uses.entries:
            granted = filter(None, (self.with_fix(assessed, use) for use in assessed.uses))
            values = tuple(dict.fromkeys((*assessed.intended.values, *granted)))
            contexts[assessed] = replace(assessed.intended, values=values)
        return contexts
