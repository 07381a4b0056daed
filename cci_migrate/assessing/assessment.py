"""What each pull and each workflow job of a config has, and what it ought to have.

The rules turn this into findings. Everything that two rules must agree on is decided here, so that
`missing-context` knows which credentials `unauthenticated-image` is about to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.context_conventions import (
    ContextConvention,
    ContextOrigin,
    context_convention,
    is_about_a_registry,
    siblings_convention,
)
from cci_migrate.assessing.conventions import (
    CredentialConvention,
    credential_conventions,
    policy_for,
)
from cci_migrate.assessing.credential_values import values_of, variables_of
from cci_migrate.assessing.evidence import Evidence, Use
from cci_migrate.assessing.evidence_collection import (
    EvidenceCollector,
    is_named_like_a_release,
)
from cci_migrate.assessing.image_states import (
    AccountUnclear,
    Authenticated,
    Contested,
    ImageState,
    Incomplete,
    Misplaced,
    OnlyForForks,
    Proposed,
    Unauthenticated,
    Undecided,
    Unmirrored,
    finding_key,
    half_of_another_pair,
    state_of,
    wanted_for,
)
from cci_migrate.assessing.job_variables import JobVariables
from cci_migrate.assessing.misrouting import other_owner, uses_of
from cci_migrate.assessing.name_reasons import name_reason
from cci_migrate.assessing.step_assessment import (
    JobDockers,
    MissingLogin,
    logins_of,
    missing_logins,
)
from cci_migrate.assessing.step_states import hosts_to_log_in, step_states
from cci_migrate.circleci.config import Config, Job, WorkflowJob
from cci_migrate.circleci.fork_jobs import entries_for_forks
from cci_migrate.circleci.images import PulledImage, pulled_images
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.circleci.misplaced_contexts import misplaced_contexts_by_job
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.sharing import Sharing
from cci_migrate.circleci.value_origins import Origin, named_variable
from cci_migrate.circleci.workflow_jobs import (
    JobContexts,
    called_job,
    image_items,
    job_contexts,
    runs_nothing,
)
from cci_migrate.docker.image_reference import DOCKER_HUB, normalise_host
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ChosenNames, ContextCandidate, ContextGrant, FindingKey, NameReason
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.operations import Operation
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    PasswordAuth,
    Policy,
)
from cci_migrate.rule_ids import (
    INCOMPLETE_AUTH,
    LITERAL_CREDENTIAL,
    MISPLACED_AUTH,
    UNAUTHENTICATED_IMAGE,
)

if TYPE_CHECKING:
    from cci_migrate.assessing.misaddressed_logins import MisaddressedLogin
    from cci_migrate.assessing.step_mirroring import StepMirroring
    from cci_migrate.assessing.step_states import StepState
    from cci_migrate.circleci.checked_out_files import ReadText
    from cci_migrate.circleci.declared_logins import DeclaredLogin
    from cci_migrate.circleci.step_pulls import JobDocker, StepPull


class AssessedImage(Struct, frozen=True, eq=False):
    """An image and the state of its credentials.

    ``misrouted_to`` is the other registry (a host or a pattern) that its credentials belong to.
    """

    image: PulledImage
    state: ImageState
    misrouted_to: str | None = None

    @property
    def registry(self) -> str | None:
        """The registry that it comes from, or will come from; None if unknown."""
        return self.state.host if isinstance(self.state, Unmirrored) else self.image.host

    def key(self, rule: str) -> FindingKey:
        """The key of a finding of ``rule`` about it."""
        return finding_key(self.image, rule)


class CredentialUse(Struct, frozen=True):
    """A workflow job reads ``variables``, for the registry ``host``.

    ``after`` is the key of the finding whose fix makes it read them; None if it does already.
    ``in_steps``: a login in its steps reads them, otherwise an image's credentials.
    ``is_misrouted``: the credentials of ``host`` are sent to another registry.
    """

    host: str
    variables: tuple[str, ...]
    after: FindingKey | None = None
    in_steps: bool = False
    is_misrouted: bool = False


class MissingContext(Struct, frozen=True):
    """A workflow job may need ``context`` for what ``use`` reads; only the user knows.

    ``after`` are the findings of whose fixes one must be made for that; empty if it is so today.
    """

    context: str
    use: CredentialUse
    after: tuple[FindingKey, ...] = ()


class AssessedEntry(Struct, frozen=True, eq=False):
    """A workflow job, its contexts and the credentials that it reads.

    ``only_for_forks``: only builds of forks reach it, and they get no contexts. ``misplaced`` are
    contexts that are meant for it but are where CircleCI does not look for them.
    """

    entry: WorkflowJob
    contexts: JobContexts
    uses: tuple[CredentialUse, ...]
    only_for_forks: bool = False
    misplaced: tuple[str, ...] = ()

    @property
    def intended(self) -> JobContexts:
        """Its contexts, with those that are in the wrong place."""
        return replace(self.contexts, values=(*self.contexts.values, *self.misplaced))

    def reads_today(self, variables: Iterable[str]) -> bool:
        """Whether one of its images or logins reads all of ``variables`` already."""
        names = set(variables)
        return any(use.after is None and names <= set(use.variables) for use in self.uses)


class Assessment(Struct, frozen=True, eq=False, dict=True):
    """What each pull and workflow job of a config has and needs; the input of the rules.

    ``unplaced`` are conventions of the config that new pulls do not follow, because it is unknown
    which context provides their variables; they use the policy's credentials and context instead.
    ``entries_for_forks`` has for each workflow job whether only builds of forks reach it.
    """

    config: Config
    policy: Policy
    values: ParameterValues
    sharing: Sharing
    images: tuple[AssessedImage, ...]
    evidence: tuple[Evidence, ...]
    conventions: Mapping[str, CredentialConvention]
    names: Mapping[FindingKey, ChosenNames]
    runs: Runs
    declare: Callable[[], Sequence[DeclaredLogin]]
    dockers: JobDockers
    known_contexts: Mapping[frozenset[str], ContextConvention] | None = None
    unplaced: Mapping[str, CredentialConvention] = field(default_factory=dict)
    entries_for_forks: Mapping[WorkflowJob, bool] = field(default_factory=dict)

    __repr__ = repr_without("values", "sharing", "runs", "declare", "dockers")

    @cached_property
    def missing_logins(self) -> tuple[MissingLogin, ...]:
        """The logins that jobs lack before pulls in their steps."""
        dockers = (*self.dockers.all(), *self.dockers.of_orbs())
        pulls = (
            (docker, pull, self.step_states(docker, pull))
            for docker in dockers
            for pull in docker.pulls
        )
        return missing_logins(pulls)

    def step_states(
        self, docker: JobDocker, pull: StepPull
    ) -> Iterator[tuple[str | None, StepState]]:
        """What ``pull``, in the steps of ``docker``, has and ought to have: by `pull_key`."""
        mirroring = self.mirrored_steps
        mirrored: frozenset[StepPull] = frozenset() if mirroring is None else mirroring.rewritten
        entries = self.dockers.entries_of(docker)
        only_for_forks = bool(entries) and all(map(self.entries_for_forks.get, entries))
        return step_states(docker, pull, self.policy, mirrored, only_for_forks=only_for_forks)

    @cached_property
    def _jobs_only_for_forks(self) -> frozenset[Job]:
        """The jobs that only builds of forks reach, in all workflows."""
        only_forks_by_job: dict[Job, bool] = {}
        for entry, only_forks in self.entries_for_forks.items():
            job = called_job(entry, self.config)
            if job is not None:
                only_forks_by_job[job] = only_forks_by_job.get(job, True) and only_forks
        return frozenset(job for job, only_forks in only_forks_by_job.items() if only_forks)

    @property
    def jobs_only_for_forks(self) -> tuple[str, ...]:
        """The names of the jobs that only builds of forks reach."""
        jobs = (job for home in self.config.body.walk() for job in home.jobs.values())
        return tuple(job.name for job in jobs if job in self._jobs_only_for_forks)

    @cached_property
    def misaddressed_logins(self) -> Sequence[MisaddressedLogin]:
        """The logins that are meant for Docker Hub and that no pull finds."""
        dockers = self.dockers.all()
        if not any(login.is_misaddressed for docker in dockers for login in docker.logins):
            return ()
        from cci_migrate.assessing.misaddressed_logins import misaddressed_logins

        return misaddressed_logins(dockers)

    def readdressing(self, missing: MissingLogin) -> tuple[Operation, ...]:
        """What makes misaddressed logins serve all pulls of ``missing``; empty if nothing does."""
        if missing.host != DOCKER_HUB or not self.misaddressed_logins:
            return ()
        from cci_migrate.assessing.misaddressed_logins import serving

        return serving(missing.pulls, self.misaddressed_logins)

    @cached_property
    def mirrored_steps(self) -> StepMirroring | None:
        """The images in steps that are to come from the mirror; None without a mirror or pulls."""
        dockers = self.dockers.all()
        if self.policy.mirror is None or not dockers:
            return None
        from cci_migrate.assessing.step_mirroring import step_mirroring

        return step_mirroring(dockers, self.policy.mirror, self.policy.exempts)

    def login_credential(self, missing: MissingLogin) -> PasswordAuth | None:
        """The credential for a missing login; None if it is unknown, contested or no password."""
        proposed = self.proposed_login(missing)
        credential = proposed.credential if isinstance(proposed, Proposed) else None
        return credential if isinstance(credential, PasswordAuth) else None

    def proposed_login(self, missing: MissingLogin) -> Proposed | Contested | None:
        """The credential for a missing login with its evidence; None if none is known."""
        if missing.key in self.names:
            return Proposed(self.names[missing.key].credential, PLAIN)
        pullers = self.runs.pullers_in(missing.docker.job)
        host = normalise_host(missing.host)
        return wanted_for(host, self.policy, self.conventions, pullers, prefers_own=True)

    def name_reason(
        self, proposed: object, host: str | None, images: Iterable[AssessedImage] = ()
    ) -> NameReason | None:
        """Why pulls from ``host`` get ``proposed``; None if that is no credential.

        ``images`` get it. The context is only named if it provides the variables in all their jobs.
        """
        if not isinstance(proposed, Proposed) or host is None:
            return None
        reason = name_reason(proposed, host, self.evidence, self.policy)
        convention = self.contexts.get(frozenset(variables_of(proposed.credential)))
        variables = variables_of(proposed.credential)
        images = tuple(images)
        pulling = [
            (assessed, image) for image in images for assessed in self.entries_that_pull(image)
        ]
        is_never_run = bool(images) and not pulling
        if (
            convention is None
            or is_never_run
            or not all(
                convention.preferred in (None, *assessed.intended.names)
                or self._context_to_grant(
                    assessed, variables, host, image.key(UNAUTHENTICATED_IMAGE)
                )
                for assessed, image in pulling
            )
        ):
            return reason
        return replace(reason, provider=convention.provider)

    def evidence_for_siblings(self) -> Iterator[Evidence]:
        """The evidence that other configs of the repository may follow: the names used here."""
        for item in self.evidence:
            if item.allows() and item.use in (Use.IMAGE, Use.LOGIN_BEFORE_PULL, Use.LOGIN):
                convention = self.contexts.get(frozenset(item.variables))
                yield replace(
                    item,
                    use=Use.SIBLING,
                    jobs=frozenset(),
                    entries=frozenset(),
                    form=PLAIN,
                    convention=convention,
                )

    def policys_context(self, host: str, variables: Iterable[str]) -> str | None:
        """The policy's context for ``variables`` of ``host``, else for that registry, if any."""
        registry, names = policy_for(host, self.policy), set(variables)
        for job in () if registry is None else registry.jobs:
            if names and names == set(variables_of(job.credential)):
                return job.context
        return None if registry is None else registry.context

    @property
    def declared_logins(self) -> Sequence[DeclaredLogin]:
        """The commands and anchored steps of the config that only log in."""
        return self.declare()

    @cached_property
    def by_item(self) -> Mapping[MappingNode, AssessedImage]:
        """The images by the mappings of their items."""
        return {image.image.item.mapping: image for image in self.images}

    @cached_property
    def images_by_secret(self) -> Mapping[Scalar, list[AssessedImage]]:
        """The images by the written-out secret in their credentials; an anchor may share one.

        There is one finding for each secret, at its first image.
        """
        images: dict[Scalar, list[AssessedImage]] = {}
        for image in self.images:
            if isinstance(image.state, Authenticated) and image.state.literal is not None:
                images.setdefault(image.state.literal.value, []).append(image)
        return images

    @cached_property
    def contexts(self) -> Mapping[frozenset[str], ContextConvention]:
        """The conventions for each set of variables that images or logins read, or will read."""
        if self.known_contexts is not None:
            return self.known_contexts
        return {
            variables: self._context_convention(variables, host)
            for variables, host in self._host_by_variables.items()
        }

    @cached_property
    def _host_by_variables(self) -> Mapping[frozenset[str], str]:
        """The registry for which jobs read, or will read, each set of variables."""
        hosts: dict[frozenset[str], str] = {}
        for assessed in self.entries:
            for use in assessed.uses:
                if policy_for(use.host, self.policy) is not None:
                    hosts.setdefault(frozenset(use.variables), use.host)
        return hosts

    def context_of(self, host: str) -> ContextConvention | None:
        """The convention for the variables that pulls from ``host`` should read, if any."""
        convention, registry = self.conventions.get(host), policy_for(host, self.policy)
        credential = None if convention is None else convention.credential
        if credential is None and registry is not None:
            credential = registry.credential
        return (
            None if credential is None else self.contexts.get(frozenset(variables_of(credential)))
        )

    @cached_property
    def _conventions_once_fixed(self) -> Mapping[frozenset[str], ContextConvention]:
        """The conventions that the next run will see, for variables whose readers fixes change.

        All fixes are made, each with the contexts that it brings along.
        """
        conventions: dict[frozenset[str], ContextConvention] = {}
        for variables, host in self._host_by_variables.items():
            readers = self._readers_once_fixed(variables)
            if any(use.after is not None for assessed in readers for use in assessed.uses):
                conventions[variables] = context_convention(
                    list(map(self._contexts_once_fixed, readers)),
                    (),
                    self.policys_context(host, variables),
                    self.policy,
                    is_policys_own=self._is_the_policys(host, variables),
                )
        return conventions

    def _readers_once_fixed(self, variables: frozenset[str]) -> list[AssessedEntry]:
        """The workflow jobs that show which context provides ``variables``, once all is fixed."""
        readers = []
        for assessed in self.entries:
            uses = [use for use in assessed.uses if variables <= set(use.variables)]
            if assessed.only_for_forks or not (uses or self._reads_all_today(assessed, variables)):
                continue
            is_kept_apart = variables in self._kept_apart.get(assessed.entry.route, ())
            if any(use.after for use in uses) or not (is_kept_apart and assessed.intended.values):
                readers.append(assessed)
        return readers

    def _contexts_once_fixed(self, assessed: AssessedEntry) -> JobContexts:
        granted = filter(None, (self.context_with_fix(assessed, use) for use in assessed.uses))
        values = (*assessed.intended.values, *granted)
        return replace(assessed.intended, values=tuple(dict.fromkeys(values)))

    def _context_convention(self, variables: frozenset[str], host: str) -> ContextConvention:
        today: list[JobContexts] = []
        coming: list[JobContexts] = []
        kept_apart: set[frozenset[str]] = set()
        for assessed in self.entries:
            if assessed.only_for_forks:
                continue
            if assessed.reads_today(variables) or self._reads_all_today(assessed, variables):
                if assessed.intended.values and variables in self._kept_apart.get(
                    assessed.entry.route, ()
                ):
                    kept_apart.add(frozenset(assessed.intended.values))
                else:
                    today.append(assessed.intended)
            elif any(variables == set(use.variables) for use in assessed.uses):
                coming.append(assessed.intended)
        is_policys_own = bool(variables) and self._is_the_policys(host, variables)
        siblings = self._sibling_contexts(host, variables)
        context = self.policys_context(host, variables)
        is_configured = policy_for(host, self.policy) != DEFAULT_DOCKER_HUB
        convention = None
        if siblings and not today and not (is_configured and is_policys_own):
            configured = context if is_configured else None
            near = self._candidate_contexts(variables)
            convention = siblings_convention(siblings, configured, near, self.policy)
        if convention is None:
            convention = context_convention(
                today, coming, context, self.policy, is_policys_own=is_policys_own
            )
        if convention.origin in (ContextOrigin.PROJECT, ContextOrigin.READERS):
            return convention
        if convention.origin is ContextOrigin.REQUESTED:
            names = frozenset().union(*kept_apart)
            kept_apart = {frozenset({name}) for name in filter(is_about_a_registry, names)}
        accepted = kept_apart.union(*(sibling.accepted for _, sibling in siblings))
        return replace(convention, accepted=convention.accepted | accepted)

    @cached_property
    def _kept_apart(self) -> Mapping[str, frozenset[frozenset[str]]]:
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
        for assessed in self.entries:
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
        names = (name for assessed in self.entries for name in assessed.intended.names)
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
        registry = policy_for(host, self.policy)
        credentials = () if registry is None else registry.credentials
        return any(variables <= set(variables_of(credential)) for credential in credentials)

    def _reads_all_today(self, assessed: AssessedEntry, variables: frozenset[str]) -> bool:
        return self.job_variables.mentioned(assessed.entry, variables) == variables

    @cached_property
    def hosts_without_known_context(self) -> frozenset[str]:
        """The registries whose credentials a job should read, but from an unknown context.

        Only those for which the policy has credentials of the same form.
        """
        hosts = set()
        for assessed in self.entries:
            for use in assessed.uses:
                convention = self.contexts.get(frozenset(use.variables))
                if use.after is None or use.after in self.names or convention is None:
                    continue
                if convention.cannot_be_had_by(assessed.intended) and self._has_another(use.host):
                    hosts.add(use.host)
        return frozenset(hosts)

    def _has_another(self, host: str) -> bool:
        registry, convention = policy_for(host, self.policy), self.conventions.get(host)
        if registry is None or convention is None or convention.credential is None:
            return False
        return type(registry.credential) is type(convention.credential)

    @cached_property
    def job_variables(self) -> JobVariables:
        """The variables that workflow jobs read in their images' auth and their steps."""
        return JobVariables(self.config, self.values)

    def contexts_of_fix(self, image: AssessedImage, key: FindingKey) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``image`` has the credential it should have."""
        use = self._use_by_item[image.image.item.mapping]
        if use is None:
            return ()
        return self.contexts_for_images([image.image], use.variables, use.host, key)

    def contexts_on_executor(
        self, entry: WorkflowJob, executor: str, key: FindingKey
    ) -> tuple[ContextGrant, ...]:
        """The contexts that ``entry`` needs once it runs on ``executor``."""
        entries = [assessed for assessed in self.entries if assessed.entry is entry]
        uses = {
            use
            for item in self.config.body.executors[executor].docker or ()
            if (use := self._use_by_item[item.mapping]) is not None
        }
        return tuple(
            grant for use in uses for grant in self._grants(entries, use.variables, use.host, key)
        )

    def contexts_for_images(
        self, images: Iterable[PulledImage], variables: tuple[str, ...], host: str, key: FindingKey
    ) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``images`` read ``variables``.

        ``key`` is that of the finding whose fix makes them.
        """
        items = {image.item.mapping for image in images}
        pulling = {assessed for item in items for assessed in self._entries_by_item.get(item, ())}
        entries = sorted(pulling, key=self._place_of_entry.__getitem__)
        return self._grants(entries, variables, host, key)

    def entries_that_pull(self, image: AssessedImage) -> Sequence[AssessedEntry]:
        """The workflow jobs that pull ``image``."""
        return self._entries_by_item.get(image.image.item.mapping, ())

    def use_of(self, image: AssessedImage) -> CredentialUse | None:
        """What the credentials of ``image`` read, or will read; None if unknown."""
        return self._use_by_item.get(image.image.item.mapping)

    def contexts_for_login(
        self, missing: MissingLogin, credential: PasswordAuth
    ) -> tuple[ContextGrant, ...]:
        """The contexts that workflow jobs need once ``missing`` is made with ``credential``."""
        entries = [
            assessed
            for assessed in self.entries
            if (docker := self.dockers.of(assessed.entry)) is not None and missing.concerns(docker)
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
            choice = self._context_to_grant(assessed, variables, host, key)
            if choice is not None:
                context, candidates = choice
                grants[assessed.entry] = ContextGrant(
                    assessed.entry,
                    context,
                    variables,
                    self.may_overlap(assessed, variables),
                    candidates,
                )
        return tuple(grants.values())

    def may_overlap(self, assessed: AssessedEntry, variables: Iterable[str]) -> bool:
        """Whether one of a workflow job's contexts may provide one of ``variables`` too.

        Contexts known to provide other variables don't count.
        """
        own_names = frozenset(variables)
        others = {
            convention.preferred
            for names, convention in self.contexts.items()
            if names.isdisjoint(own_names)
        }
        others |= self._policys_contexts_of_others(own_names)
        contexts = replace(
            assessed.contexts,
            values=tuple(value for value in assessed.contexts.values if value not in others),
        )
        return self.job_variables.may_overlap(assessed.entry, contexts, own_names)

    def _context_to_grant(
        self, assessed: AssessedEntry, variables: tuple[str, ...], host: str, key: FindingKey
    ) -> tuple[str, tuple[ContextCandidate, ...]] | None:
        """The context that a workflow job needs for ``variables``, or candidates; None if none."""
        contexts = assessed.contexts
        if not variables:
            context = self._context_for_token(assessed.entry, host)
            return None if context is None or context in contexts.names else (context, ())
        if key in self.names:
            context = self.names[key].context
            return None if context is None or context in contexts.names else (context, ())
        names = frozenset(variables)
        convention = self.contexts.get(names)
        if convention is None:
            convention = self._context_convention(names, host)
        works_today = assessed.reads_today(names) and not assessed.misplaced
        works_today = works_today or self.reads_all_beside_contexts(assessed, names)
        if not convention.lacks(contexts, works_today=works_today):
            return None
        if not works_today and self._are_the_projects(assessed, names):
            return None
        return convention.preferred or "", convention.candidates

    def _context_for_token(self, entry: WorkflowJob, host: str) -> str | None:
        """The policy's context for credentials by OpenID Connect, which have no variables.

        Only jobs with a context have a token, and a role may ask for a certain context:
        https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/.
        """
        registry = policy_for(host, self.policy)
        if registry is None or host in self.conventions:
            return None
        account = registry.job_credential((entry.name, entry.calls)) or registry
        is_by_token = isinstance(account.credential, AwsRoleAuth | GcpAuth)
        return account.context if is_by_token else None

    def context_with_fix(self, assessed: AssessedEntry, use: CredentialUse) -> str | None:
        """The context that the fix brings along which makes ``assessed`` read what ``use`` does."""
        if use.after is None or assessed.only_for_forks:
            return None
        choice = self._context_to_grant(assessed, use.variables, use.host, use.after)
        return None if choice is None else choice[0]

    def reads_all_beside_contexts(self, assessed: AssessedEntry, variables: Iterable[str]) -> bool:
        """Whether the job has contexts and its images and steps read all of ``variables`` today.

        One of its contexts or the project may provide them; another context would override that.
        """
        return bool(assessed.contexts.values) and self._reads_all_today(
            assessed, frozenset(variables)
        )

    def _are_the_projects(self, assessed: AssessedEntry, variables: frozenset[str]) -> bool:
        """Whether the job has no contexts and reads some of ``variables`` today.

        They are the project's then, and a context would override them.
        """
        if self.policy.credentials is CredentialStore.CONTEXT or assessed.contexts.values:
            return False
        return bool(self.job_variables.mentioned(assessed.entry, variables))

    def missing_contexts(self, assessed: AssessedEntry) -> Iterator[MissingContext]:
        """The contexts that a workflow job lacks for variables that it reads today."""
        if self._has_a_chosen_context(assessed):
            return
        for use in assessed.uses:
            convention = self.contexts.get(frozenset(use.variables))
            if use.after is not None or use.is_misrouted:
                continue
            if convention is None or convention.preferred is None:
                continue
            is_lacking = convention.lacks(assessed.intended, works_today=True)
            if is_lacking or convention.may_be_lacked_by(assessed.intended):
                yield MissingContext(convention.preferred, use)

    def contexts_missing_once_fixed(self, assessed: AssessedEntry) -> Iterator[MissingContext]:
        """The contexts that a workflow job will lack, by what the fixes of others show.

        Fixes add none where a job reads some of the variables today: they may be the project's.
        """
        if self._has_a_chosen_context(assessed):
            return
        for use in assessed.uses:
            variables = frozenset(use.variables)
            convention = self._conventions_once_fixed.get(variables)
            if use.is_misrouted or convention is None or convention.preferred is None:
                continue
            if convention.may_be_lacked_by(self._contexts_once_fixed(assessed)):
                readers = self._readers_once_fixed(variables)
                fixes = (each.after for reader in readers for each in reader.uses)
                after = (use.after,) if use.after else tuple(filter(None, dict.fromkeys(fixes)))
                yield MissingContext(convention.preferred, use, after)

    def _has_a_chosen_context(self, assessed: AssessedEntry) -> bool:
        """Whether nothing is to be asked of a workflow job: it has what the user named for a fix.

        Jobs that only builds of forks reach get no contexts.
        """
        chosen_by_user = {names.context for names in self.names.values()}
        return assessed.only_for_forks or not chosen_by_user.isdisjoint(assessed.contexts.names)

    @cached_property
    def entries(self) -> tuple[AssessedEntry, ...]:
        """Every workflow job that runs something."""
        misplaced = misplaced_contexts_by_job(self.config)
        return tuple(
            AssessedEntry(
                entry,
                job_contexts(entry),
                tuple(self._uses(entry)),
                self.entries_for_forks.get(entry, False),
                misplaced.get(entry, ()),
            )
            for entry in self.config.workflow_jobs
            if not runs_nothing(entry, self.config)
        )

    @cached_property
    def _place_of_entry(self) -> Mapping[AssessedEntry, int]:
        return {assessed: place for place, assessed in enumerate(self.entries)}

    @cached_property
    def _entries_by_item(self) -> Mapping[MappingNode, list[AssessedEntry]]:
        by_item: dict[MappingNode, list[AssessedEntry]] = {}
        for assessed in self.entries:
            for item in image_items(assessed.entry, self.config, self.values):
                by_item.setdefault(item.mapping, []).append(assessed)
        return by_item

    def _uses(self, entry: WorkflowJob) -> Iterator[CredentialUse]:
        uses: dict[CredentialUse, None] = {}
        for item in image_items(entry, self.config, self.values):
            use = self._use_by_item[item.mapping]
            if use is not None:
                uses[use] = None
        yield from uses
        docker = self.dockers.of(entry)
        if docker is None:
            return
        for registry, variables in logins_of(docker).items():
            host = registry if "*" not in registry else ""
            if policy_for(host, self.policy) is not None and variables:
                yield CredentialUse(host, variables, in_steps=True)
        for missing in self._missing_by_job.get(docker.job, []):
            if not missing.concerns(docker) or self.readdressing(missing):
                continue
            credential = self.login_credential(missing)
            if credential is not None and (read := variables_of(credential)):
                yield CredentialUse(normalise_host(missing.host), read, missing.key, in_steps=True)

    @cached_property
    def _missing_by_job(self) -> Mapping[Job, list[MissingLogin]]:
        by_job: dict[Job, list[MissingLogin]] = {}
        for missing in self.missing_logins:
            by_job.setdefault(missing.docker.job, []).append(missing)
        return by_job

    @property
    def uses_without_workflow(self) -> tuple[CredentialUse, ...]:
        """What the jobs of a config without workflows read, or will read after the fixes.

        Their images' credentials and the logins that their steps lack.
        """
        items = [
            item for job in self.config.body.jobs.values() for item in job.runs_on.docker or ()
        ]
        uses = [self._use_by_item[item.mapping] for item in items]
        for missing in self.missing_logins:
            credential = self.login_credential(missing)
            if credential is not None and not self.readdressing(missing):
                host = normalise_host(missing.host)
                uses.append(CredentialUse(host, variables_of(credential), missing.key))
        return tuple(dict.fromkeys(use for use in uses if use is not None and use.variables))

    @property
    def uses_of_images(self) -> tuple[CredentialUse, ...]:
        """What all images read, or will read, no matter which jobs run them."""
        return tuple(dict.fromkeys(use for use in self._use_by_item.values() if use is not None))

    @cached_property
    def _use_by_item(self) -> Mapping[MappingNode, CredentialUse | None]:
        """What each item of `by_item` reads. Workflow jobs share items, so it is read once."""
        return {item: self._use_of(image) for item, image in self.by_item.items()}

    def _use_of(self, image: AssessedImage) -> CredentialUse | None:
        # Credentials that are sent to the wrong registry are still read.
        host = image.registry if image.misrouted_to is None else image.misrouted_to
        if host is None:
            return None
        if policy_for(host, self.policy) is None:
            # For a registry outside the policy the context of its variables is unknown.
            return None
        read = self._read_by(image)
        if read is None:
            return None
        variables, after = read
        return CredentialUse(host, variables, after, is_misrouted=image.misrouted_to is not None)

    def _read_by(self, image: AssessedImage) -> tuple[tuple[str, ...], FindingKey | None] | None:
        """The variables in an image's credentials, and the finding whose fix adds them, if any."""
        match image.state:
            case Authenticated(auth, literal):
                # No context provides CircleCI's own variables.
                names = tuple(
                    name
                    for name in auth.variables
                    if named_variable(name).origin is not Origin.BUILT_IN
                )
                key = None
                if literal is not None and literal.variable is not None:
                    names = (*names, literal.variable.removeprefix("$"))
                    first, *_ = self.images_by_secret[literal.value]
                    key = first.key(LITERAL_CREDENTIAL)
            case (
                Unauthenticated(proposed=Proposed() as proposed)
                | Unmirrored(proposed=Proposed() as proposed)
            ):
                names, key = variables_of(proposed.credential), image.key(UNAUTHENTICATED_IMAGE)
            case Incomplete(auth, proposed=Proposed(credential)):
                if half_of_another_pair(auth, values_of(credential)) is not None:
                    return None
                names, key = variables_of(credential), image.key(INCOMPLETE_AUTH)
            case Misplaced(proposed=PasswordAuth() as credential):
                names, key = variables_of(credential), image.key(MISPLACED_AUTH)
            case _:
                return None
        return (names, key) if names else None


def assess(
    config: Config,
    policy: Policy,
    names: Mapping[FindingKey, ChosenNames],
    read: ReadText | None = None,
    known: Assessment | None = None,
    siblings: Callable[[], Iterable[Evidence]] = tuple,
) -> Assessment:
    """Assess ``config``; ``names`` overrides the names that the fixes of single findings write.

    ``read`` reads the repository's files that steps use; None without a repository. ``siblings``
    returns the evidence of other configs of the repository, see `evidence_for_siblings`. ``known``
    is an assessment whose conventions are kept: if only some fixes are made, the conventions of the
    changed config may differ.
    """
    values = ParameterValues(config)
    images = pulled_images(config, values)
    uses = uses_of(images)
    misrouted = {
        image: host for image in images if (host := other_owner(image, uses, policy)) is not None
    }
    dockers = JobDockers(config, values, read)
    runs = Runs(config, values)

    @lru_cache(maxsize=1)
    def declared() -> Sequence[DeclaredLogin]:
        from cci_migrate.circleci.declared_logins import declared_logins

        return tuple(declared_logins(config, values, read))

    if known is not None:
        evidence, conventions = known.evidence, known.conventions
    else:
        evidence = _evidence(config, images, misrouted, policy, dockers, runs, declared, siblings)
        conventions = credential_conventions(evidence)
    sharing = Sharing(config.documents)
    for_forks = entries_for_forks(config)
    anonymous = _pulled_only_for_forks(for_forks, config, values)

    def state(image: PulledImage, of: Mapping[str, CredentialConvention]) -> ImageState:
        image_state = state_of(image, policy, of, names, runs.pullers_of(image))
        is_anonymous = isinstance(
            image_state, Unauthenticated | Unmirrored | Undecided | AccountUnclear
        )
        is_left = is_anonymous and image.item.mapping in anonymous
        return OnlyForForks() if is_left else image_state

    def assessment(of: Mapping[str, CredentialConvention]) -> Assessment:
        return Assessment(
            config=config,
            policy=policy,
            values=values,
            sharing=sharing,
            images=tuple(
                AssessedImage(image, state(image, of), misrouted.get(image)) for image in images
            ),
            evidence=evidence,
            conventions=of,
            names=names,
            runs=runs,
            declare=declared,
            dockers=dockers,
            known_contexts=None if known is None else known.contexts,
            entries_for_forks=for_forks,
        )

    first = assessment(conventions)
    unplaced = first.hosts_without_known_context if known is None else frozenset()
    if not unplaced:
        return first
    kept = {host: convention for host, convention in conventions.items() if host not in unplaced}
    return replace(assessment(kept), unplaced={host: conventions[host] for host in unplaced})


def _pulled_only_for_forks(
    for_forks: Mapping[WorkflowJob, bool], config: Config, values: ParameterValues
) -> frozenset[MappingNode]:
    """The mappings of image items that only jobs for builds of forks pull."""
    if not any(for_forks.values()):
        return frozenset()
    reached: dict[bool, set[MappingNode]] = {True: set(), False: set()}
    for entry, only_forks in for_forks.items():
        items = image_items(entry, config, values)
        reached[only_forks].update(item.mapping for item in items)
    return frozenset(reached[True] - reached[False])


def _evidence(
    config: Config,
    images: tuple[PulledImage, ...],
    misrouted: Mapping[PulledImage, str],
    policy: Policy,
    dockers: JobDockers,
    runs: Runs,
    declared: Callable[[], Sequence[DeclaredLogin]],
    siblings: Callable[[], Iterable[Evidence]],
) -> tuple[Evidence, ...]:
    """The evidence in a config.

    Unused declarations are only collected if the uses show no names for a registry that needs them,
    and evidence of other configs only if the declarations show none either.
    """
    collector = EvidenceCollector(config, runs)
    collected = [
        *collector.of_images(images, misrouted),
        *collector.of_misplaced(images),
        *collector.of_logins(dockers.logging_in()),
    ]
    hosts = {item.host for item in collected if item.allows()}
    needed = {image.host for image in images if image.auth is None or not image.auth.is_complete}
    pulling = (*dockers.all(), *dockers.of_orbs())
    for docker in pulling:
        for pull in docker.pulls:
            needed.update(normalise_host(host) for host in hosts_to_log_in(pull, policy))
    if not needed <= hosts | {None}:
        collected += collector.of_declared_auths(images)
        collected += collector.of_declared_logins(declared(), dockers.logging_in())
        hosts.update(item.host for item in collected if item.allows())
    if not needed <= hosts | {None}:
        collected += (sibling for sibling in siblings() if sibling.host not in hosts)
    return tuple(collected)
