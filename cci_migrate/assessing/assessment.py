"""What each pull and each workflow job of a config has, and what it ought to have.

The rules turn this into findings. Everything that two rules must agree on is decided here, so that
`missing-context` knows which credentials `unauthenticated-image` is about to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.context_needs import ContextNeeds
from cci_migrate.assessing.conventions import CredentialConvention, credential_conventions
from cci_migrate.assessing.credential_uses import AssessedImage, CredentialUses
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.evidence import Evidence, Use
from cci_migrate.assessing.evidence_collection import evidence_of
from cci_migrate.assessing.image_states import (
    AccountUnclear,
    OnlyForForks,
    Proposed,
    Unauthenticated,
    Undecided,
    Unmirrored,
    state_of,
)
from cci_migrate.assessing.job_variables import JobVariables
from cci_migrate.assessing.known_contexts import KnownContexts
from cci_migrate.assessing.login_needs import LoginNeeds
from cci_migrate.assessing.misrouting import owners_of_misrouted
from cci_migrate.assessing.name_reasons import name_reason
from cci_migrate.assessing.step_assessment import JobDockers
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.fork_jobs import entries_for_forks
from cci_migrate.circleci.images import PulledImage, pulled_images
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.sharing import Sharing
from cci_migrate.circleci.workflow_jobs import image_items
from cci_migrate.docker.mentions import mentions_login
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ChosenNames, FindingKey, NameReason
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.policy.settings import Policy
from cci_migrate.rule_ids import UNAUTHENTICATED_IMAGE

if TYPE_CHECKING:
    from cci_migrate.circleci.checked_out_files import ReadText
    from cci_migrate.circleci.declared_logins import DeclaredLogin


class Assessment(Struct, frozen=True, eq=False):
    """What each pull and workflow job of a config has and needs; the input of the rules.

    ``logins`` are those that steps lack, ``uses`` the variables that are read as credentials,
    ``contexts`` those that workflow jobs need for them. ``unplaced`` are conventions of the config
    that new pulls do not follow, because it is unknown which context provides their variables; they
    use the policy's credentials and context instead.
    """

    config: Config
    policy: Policy
    values: ParameterValues
    sharing: Sharing
    images: tuple[AssessedImage, ...]
    evidence: tuple[Evidence, ...]
    conventions: Mapping[str, CredentialConvention]
    names: Mapping[FindingKey, ChosenNames]
    dockers: JobDockers
    logins: LoginNeeds
    uses: CredentialUses
    contexts: ContextNeeds
    declare: Callable[[], Sequence[DeclaredLogin]]
    unplaced: Mapping[str, CredentialConvention] = field(default_factory=dict)

    __repr__ = repr_without("values", "sharing", "dockers", "logins", "uses", "contexts", "declare")

    def name_reason(
        self, proposed: object, host: str | None, images: Iterable[AssessedImage] = ()
    ) -> NameReason | None:
        """Why pulls from ``host`` get ``proposed``; None if that is no credential.

        ``images`` get it. The context is only named if it provides the variables in all their jobs.
        """
        if not isinstance(proposed, Proposed) or host is None:
            return None
        reason = name_reason(proposed, host, self.evidence, self.policy)
        variables = variables_of(proposed.credential)
        convention = self.contexts.known.of(variables)
        images = tuple(images)
        pulling = [
            (entry, image.key(UNAUTHENTICATED_IMAGE))
            for image in images
            for entry in self.uses.entries_that_pull(image.image)
        ]
        if convention is None or (images and not pulling):
            return reason
        for entry, key in pulling:
            is_held = convention.preferred in (None, *entry.intended.names)
            if not is_held and self.contexts.grant(entry, variables, host, key) is None:
                return reason
        return replace(reason, provider=convention.provider)

    def evidence_for_siblings(self) -> Iterator[Evidence]:
        """The evidence that other configs of the repository may follow: the names used here."""
        for item in self.evidence:
            if item.allows() and item.use in (Use.IMAGE, Use.LOGIN_BEFORE_PULL, Use.LOGIN):
                convention = self.contexts.known.of(item.variables)
                yield replace(
                    item,
                    use=Use.SIBLING,
                    jobs=frozenset(),
                    entries=frozenset(),
                    form=PLAIN,
                    convention=convention,
                )

    @property
    def declared_logins(self) -> Sequence[DeclaredLogin]:
        """The commands and anchored steps of the config that only log in."""
        return self.declare()


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
    misrouted = owners_of_misrouted(images, policy)
    dockers = JobDockers(config, values, read)
    runs = Runs(config, values)
    declared = lru_cache(maxsize=1)(partial(_declared_logins, config, values, read))
    if known is not None:
        evidence, conventions = known.evidence, known.conventions
    else:
        evidence = evidence_of(config, images, misrouted, policy, dockers, runs, declared, siblings)
        conventions = credential_conventions(evidence)
    sharing = Sharing(config.documents)
    for_forks = entries_for_forks(config)
    job_variables = JobVariables(config, values, dockers.step_lists)
    known_contexts = None if known is None else known.contexts.known.by_variables
    only_for_forks = _pulled_only_for_forks(for_forks, config, values)

    def assessed_image(image: PulledImage, of: Mapping[str, CredentialConvention]) -> AssessedImage:
        state = state_of(image, policy, of, names, runs.pullers_of(image))
        if isinstance(state, _ANONYMOUS) and image.item.mapping in only_for_forks:
            state = OnlyForForks()
        return AssessedImage(image, state, misrouted.get(image))

    def assessment(of: Mapping[str, CredentialConvention]) -> Assessment:
        assessed = tuple(assessed_image(image, of) for image in images)
        logins = LoginNeeds(policy, dockers, runs, of, names, for_forks)
        uses = CredentialUses(config, policy, assessed, logins)
        contexts = KnownContexts(policy, uses, evidence, of, job_variables, known_contexts)
        return Assessment(
            config=config,
            policy=policy,
            values=values,
            sharing=sharing,
            images=assessed,
            evidence=evidence,
            conventions=of,
            names=names,
            dockers=dockers,
            logins=logins,
            uses=uses,
            contexts=ContextNeeds(contexts, names),
            declare=declared,
        )

    first = assessment(conventions)
    unplaced = first.contexts.known.unknown_hosts(names) if known is None else frozenset()
    if not unplaced:
        return first
    kept = {host: convention for host, convention in conventions.items() if host not in unplaced}
    return replace(assessment(kept), unplaced={host: conventions[host] for host in unplaced})


#: Where credentials would be added, or asked for: not for builds of forks, which don't get them.
_ANONYMOUS = (Unauthenticated, Unmirrored, Undecided, AccountUnclear)


def _declared_logins(
    config: Config, values: ParameterValues, read: ReadText | None
) -> Sequence[DeclaredLogin]:
    if not any(map(mentions_login, config.texts)):
        return ()
    from cci_migrate.circleci.declared_logins import declared_logins

    return tuple(declared_logins(config, values, read))


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
