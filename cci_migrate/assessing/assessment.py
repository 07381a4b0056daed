"""What each pull and each workflow job of a config has, and what it ought to have.

The rules turn this into findings. Everything that two rules must agree on is decided here, so that
`missing-context` knows which credentials `unauthenticated-image` is about to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.context_conventions import ContextConvention, context_convention
from cci_migrate.assessing.conventions import (
    CredentialConvention,
    credential_conventions,
    policy_for,
)
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.evidence import Evidence, Use
from cci_migrate.assessing.evidence_collection import EvidenceCollector
from cci_migrate.assessing.image_states import (
    INCOMPLETE_AUTH,
    LITERAL_CREDENTIAL,
    MISPLACED_AUTH,
    UNAUTHENTICATED_IMAGE,
    Authenticated,
    Contested,
    ImageState,
    Incomplete,
    Misplaced,
    Unauthenticated,
    Unmirrored,
    Wanted,
    state_of,
    wanted_for,
)
from cci_migrate.assessing.misrouting import other_owner, uses_of
from cci_migrate.assessing.name_reasons import name_reason
from cci_migrate.assessing.step_assessment import (
    JobDockers,
    MissingLogin,
    logins_of,
    missing_logins,
)
from cci_migrate.circleci.config import Config, ImageItem, WorkflowJob
from cci_migrate.circleci.images import PulledImage, pulled_images
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.sharing import Sharing
from cci_migrate.circleci.workflow_jobs import (
    HeldContexts,
    held_contexts,
    image_items,
    runs_nothing,
)
from cci_migrate.findings import NameReason, Names
from cci_migrate.policy import (
    PasswordAuth,
    Policy,
    RegistryPolicy,
)

if TYPE_CHECKING:
    from cci_migrate.assessing.step_mirroring import StepMirroring
    from cci_migrate.circleci.declared_logins import DeclaredLogin
    from cci_migrate.circleci.step_reading import ReadText


@dataclass(frozen=True, slots=True, eq=False)
class AssessedImage:
    """An image and what is to be said of its credentials.

    ``misrouted_to``: its credentials are those of this other registry (a host or a pattern).
    """

    image: PulledImage
    state: ImageState
    misrouted_to: str | None = None

    @property
    def registry(self) -> str | None:
        """The registry that it comes from, or is to; None if that cannot be told."""
        return self.state.host if isinstance(self.state, Unmirrored) else self.image.host

    def key(self, rule: str) -> str:
        """The key of the finding of ``rule`` about it; one for all that merge one definition."""
        shared = rule == UNAUTHENTICATED_IMAGE
        route = self.image.definition if shared else self.image.route
        return f"{rule}:{self.image.item.image.key.source.path}:{route}"


@dataclass(frozen=True, slots=True)
class ContextNeed:
    """A workflow job reads variables of ``host``, which the file keeps in a context.

    ``context`` is to be added. ``after`` lists the keys of the findings whose fixes make the job
    read them; empty if it does already.
    """

    host: str
    context: str
    variables: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AssessedEntry:
    """A workflow job, the contexts that it holds and those that it lacks."""

    entry: WorkflowJob
    held: HeldContexts
    needs: tuple[ContextNeed, ...]


@dataclass(frozen=True, eq=False)
class Assessment:
    """Everything that the rules look at."""

    config: Config
    policy: Policy
    values: ParameterValues = field(repr=False)
    sharing: Sharing = field(repr=False)
    images: tuple[AssessedImage, ...]
    evidence: tuple[Evidence, ...]
    conventions: Mapping[str, CredentialConvention]
    names: Mapping[str, Names]
    runs: Runs = field(repr=False)
    declare: Callable[[], Sequence[DeclaredLogin]] = field(repr=False)
    dockers: JobDockers = field(repr=False)
    known_contexts: Mapping[str, ContextConvention] | None = None

    @cached_property
    def missing_logins(self) -> tuple[MissingLogin, ...]:
        """The logins that jobs lack before pulls in their steps."""
        mirrored = (
            frozenset[int]() if self.mirrored_steps is None else self.mirrored_steps.rewritten
        )
        return missing_logins(self.dockers.all(), self.policy, mirrored)

    @cached_property
    def mirrored_steps(self) -> StepMirroring | None:
        """What is to come from the mirror in steps; None without a mirror, or without pulls."""
        dockers = self.dockers.all()
        if self.policy.mirror is None or not dockers:
            return None
        from cci_migrate.assessing.step_mirroring import step_mirroring

        return step_mirroring(dockers, self.policy.mirror, self.policy.exempt_images)

    def login_credential(self, missing: MissingLogin) -> PasswordAuth | None:
        """What a missing login is to be made with; None if nothing is known for its registry."""
        wanted = self.wanted_login(missing)
        credential = wanted.credential if isinstance(wanted, Wanted) else None
        return credential if isinstance(credential, PasswordAuth) else None

    def wanted_login(self, missing: MissingLogin) -> Wanted | Contested | None:
        """What a missing login is to be made with, and what that rests on."""
        if missing.key in self.names:
            return Wanted(self.names[missing.key].credential, PLAIN)
        pullers = self.runs.pullers_in(missing.docker.job)
        return wanted_for(missing.host, self.policy, self.conventions, pullers, prefers_own=True)

    def name_reason(self, wanted: object, host: str | None) -> NameReason | None:
        """Why pulls from ``host`` get ``wanted``; None where that is no credential."""
        if not isinstance(wanted, Wanted) or host is None:
            return None
        return name_reason(wanted, host, self.evidence, self.policy)

    def shown_to_siblings(self) -> Iterator[Evidence]:
        """What other configs of the repository may follow: the names that are used here."""
        for one in self.evidence:
            if one.allows() and one.use in (Use.IMAGE, Use.LOGIN_BEFORE_PULL, Use.LOGIN):
                convention = self.contexts.get(one.host)
                yield replace(
                    one,
                    use=Use.SIBLING,
                    jobs=frozenset(),
                    entries=frozenset(),
                    form=PLAIN,
                    context=None if convention is None else convention.preferred,
                )

    def stated_context(self, host: str, variables: Iterable[str]) -> str | None:
        """The context for ``variables`` where no job of the config shows it.

        Another config of the repository may, else the policy says it.
        """
        registry, names = policy_for(host, self.policy), set(variables)
        for job in () if registry is None else registry.jobs:
            if names and names == set(variables_of(job.credential)):
                return job.context
        for one in self.evidence:
            if one.use is Use.SIBLING and one.host == host and set(one.variables) == names:
                return one.context
        return None if registry is None else registry.context

    @property
    def declared_logins(self) -> Sequence[DeclaredLogin]:
        """The commands and steps of the config that log in and do nothing else."""
        return self.declare()

    @cached_property
    def by_item(self) -> Mapping[int, AssessedImage]:
        """The images by the id() of the mapping that each item means."""
        return {id(one.image.item.mapping): one for one in self.images}

    @cached_property
    def contexts(self) -> Mapping[str, ContextConvention]:
        """Where the variables of each registry are kept."""
        if self.known_contexts is not None:
            return self.known_contexts
        today: dict[str, list[HeldContexts]] = {}
        coming: dict[str, list[HeldContexts]] = {}
        for _, held, reads in self._reading_entries:
            for host, (authenticated, _, after) in reads.items():
                if authenticated:
                    today.setdefault(host, []).append(held)
                elif after:
                    coming.setdefault(host, []).append(held)
        return {
            host: context_convention(
                today.get(host, []),
                coming.get(host, []),
                self._stated_policy(host),
                self.policy,
            )
            for host in {*today, *coming}
        }

    def _stated_policy(self, host: str) -> RegistryPolicy | None:
        registry, convention = policy_for(host, self.policy), self.conventions.get(host)
        if registry is None or convention is None or convention.credential is None:
            return registry
        context = self.stated_context(host, variables_of(convention.credential))
        return replace(registry, context=context)

    @cached_property
    def entries(self) -> tuple[AssessedEntry, ...]:
        """Every workflow job that runs something."""
        return tuple(
            AssessedEntry(entry, held, tuple(self._needs(held, reads)))
            for entry, held, reads in self._reading_entries
        )

    def _needs(self, held: HeldContexts, reads: _Reads) -> list[ContextNeed]:
        needs: list[ContextNeed] = []
        by_hand = {names.context for names in self.names.values()}
        for host, (authenticated, variables, after) in reads.items():
            convention = self.contexts.get(host, ContextConvention(None))
            named = [self.names[key].context for key in after if key in self.names]
            if named:
                context = named[0] if named[0] not in held.names else None
            elif authenticated and not by_hand.isdisjoint(held.names):
                context = None  # named for one fix, which is made
            elif convention.lacks(held, works_today=authenticated):
                context = convention.preferred
            else:
                context = None
            if context is None:
                continue
            needs.append(
                ContextNeed(host, context, tuple(variables), () if authenticated else tuple(after))
            )
        return needs

    @cached_property
    def _reading_entries(self) -> tuple[tuple[WorkflowJob, HeldContexts, _Reads], ...]:
        found = []
        for entry in self.config.workflow_jobs:
            if runs_nothing(entry, self.config):
                continue
            items = image_items(entry, self.config, self.values)
            reads = self._reads(items)
            self._read_by_steps(entry, reads)
            found.append((entry, held_contexts(entry), reads))
        return tuple(found)

    def _read_by_steps(self, entry: WorkflowJob, reads: _Reads) -> None:
        """Add to ``reads`` what the logins in the steps of ``entry`` read, or will."""
        docker = self.dockers.of(entry)
        if docker is None:
            return
        for registry, variables in logins_of(docker).items():
            host = registry if "*" not in registry else ""
            if policy_for(host, self.policy) is not None and variables:
                _, names, after = reads.get(host, (False, {}, {}))
                reads[host] = (True, {**names, **dict.fromkeys(variables)}, after)
        for missing in self._missing_by_job.get(id(docker.job), []):
            if not missing.concerns(docker):
                continue
            credential = self.login_credential(missing)
            if credential is not None and (variables := variables_of(credential)):
                today, names, after = reads.get(missing.host, (False, {}, {}))
                names = {**names, **dict.fromkeys(variables)}
                reads[missing.host] = (today, names, {**after, missing.key: None})

    @cached_property
    def _missing_by_job(self) -> Mapping[int, list[MissingLogin]]:
        found: dict[int, list[MissingLogin]] = {}
        for missing in self.missing_logins:
            found.setdefault(id(missing.docker.job), []).append(missing)
        return found

    @property
    def needs_without_workflow(self) -> tuple[ContextNeed, ...]:
        """What the jobs of a config that has no workflow would need of contexts."""
        items = [
            item for job in self.config.body.jobs.values() for item in job.runs_on.docker or ()
        ]
        needs: list[ContextNeed] = []
        for host, (_, variables, after) in self._reads(items).items():
            registry = policy_for(host, self.policy)
            if registry is not None and registry.context is not None:
                needs.append(ContextNeed(host, registry.context, tuple(variables), tuple(after)))
        return tuple(needs)

    def _reads(self, items: Iterable[ImageItem]) -> _Reads:
        """By registry: whether credentials are read today, which variables, after which fixes."""
        reads: _Reads = {}
        for item in items:
            read = self._read_by_item[id(item.mapping)]
            if read is None:
                continue
            host, variables, key = read
            today, names, after = reads.get(host, (False, {}, {}))
            names.update(dict.fromkeys(variables))
            if key is not None:
                after[key] = None
            reads[host] = (today or key is None, names, after)
        return reads

    @cached_property
    def _read_by_item(self) -> Mapping[int, tuple[str, tuple[str, ...], str | None] | None]:
        """By item as `by_item`: the registry, the variables read and the fix after which.

        None where nothing is read. Workflow jobs share items: this is told once for each.
        """
        return {item: self._read_for(one) for item, one in self.by_item.items()}

    def _read_for(self, one: AssessedImage) -> tuple[str, tuple[str, ...], str | None] | None:
        host = one.registry
        if host is None or one.misrouted_to is not None:
            return None
        if policy_for(host, self.policy) is None:
            # Where the variables of a registry are kept that nobody named cannot be told.
            return None
        read = _read_by(one)
        return None if read is None else (host, *read)


def _read_by(one: AssessedImage) -> tuple[tuple[str, ...], str | None] | None:
    """The variables that an image's credentials read, and the key of the fix after which."""
    match one.state:
        case Authenticated(auth, literal):
            names = auth.variables
            key = None
            if literal is not None and literal.variable is not None:
                names = (*names, literal.variable.removeprefix("$"))
                key = one.key(LITERAL_CREDENTIAL)
        case Unauthenticated(wanted=Wanted() as wanted) | Unmirrored(wanted=Wanted() as wanted):
            names, key = variables_of(wanted.credential), one.key(UNAUTHENTICATED_IMAGE)
        case Incomplete(wanted=Wanted(credential)):
            names, key = variables_of(credential), one.key(INCOMPLETE_AUTH)
        case Misplaced(wanted=PasswordAuth() as credential):
            names, key = variables_of(credential), one.key(MISPLACED_AUTH)
        case _:
            return None
    return (names, key) if names else None


_Reads = dict[str, tuple[bool, dict[str, None], dict[str, None]]]


def assess(
    config: Config,
    policy: Policy,
    names: Mapping[str, Names],
    read: ReadText | None = None,
    known: Assessment | None = None,
    siblings: Callable[[], Iterable[Evidence]] = tuple,
) -> Assessment:
    """Assess ``config``; ``names`` overrides what the fixes of single findings write.

    ``read`` gives the files of the repository that steps use, None where there is no repository.
    ``siblings`` gives what other configs of the repository show, see `shown_to_siblings`.
    ``known``: the conventions of this assessment are to be kept. Where only some fixes are made,
    those of the outcome may differ.
    """
    values = ParameterValues(config)
    images = pulled_images(config, values)
    uses = uses_of(images)
    misrouted = {
        id(image): host
        for image in images
        if (host := other_owner(image, uses, policy)) is not None
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
        evidence = _evidence(config, images, misrouted, dockers, runs, declared, siblings)
        conventions = credential_conventions(evidence)
    return Assessment(
        config=config,
        policy=policy,
        values=values,
        sharing=Sharing(config.documents),
        images=tuple(
            AssessedImage(
                image,
                state_of(image, policy, conventions, names, runs.pullers_of(image)),
                misrouted.get(id(image)),
            )
            for image in images
        ),
        evidence=evidence,
        conventions=conventions,
        names=names,
        runs=runs,
        declare=declared,
        dockers=dockers,
        known_contexts=None if known is None else known.contexts,
    )


def _evidence(
    config: Config,
    images: tuple[PulledImage, ...],
    misrouted: Mapping[int, str],
    dockers: JobDockers,
    runs: Runs,
    declared: Callable[[], Sequence[DeclaredLogin]],
    siblings: Callable[[], Iterable[Evidence]],
) -> tuple[Evidence, ...]:
    """What the config shows of its credentials.

    What is declared and not used is looked for only where what is used gives no names, and other
    configs of the repository only where that gives none either.
    """
    collector = EvidenceCollector(config, runs)
    found = [
        *collector.of_images(images, misrouted),
        *collector.of_misplaced(images),
        *collector.of_logins(dockers.all()),
    ]
    known = {one.host for one in found if one.allows()}
    wanted = {image.host for image in images if image.auth is None or not image.auth.is_complete}
    wanted.update(host for docker in dockers.all() for pull in docker.pulls for host in pull.hosts)
    if not wanted <= known | {None}:
        found += collector.of_declared_auths(images)
        found += collector.of_declared_logins(declared(), dockers.all())
        known.update(one.host for one in found if one.allows())
    if not wanted <= known | {None}:
        found += (one for one in siblings() if one.host not in known)
    return tuple(found)
