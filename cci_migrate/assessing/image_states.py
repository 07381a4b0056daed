"""What an image has of credentials, and what it ought to have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from cci_migrate.assessing.auth_forms import PLAIN, AuthForm
from cci_migrate.assessing.conventions import (
    Account,
    CredentialConvention,
    passed_over,
    use_elsewhere,
)
from cci_migrate.assessing.credential_values import values_of, variables_of
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import SECRET_KEYS, ImageAuth, PulledImage, variable_in
from cci_migrate.circleci.job_runs import Pullers
from cci_migrate.circleci.misplaced_logins import MisplacedKind, beside_the_image
from cci_migrate.circleci.orb_jobs import OrbImage
from cci_migrate.docker.image_reference import registry_of
from cci_migrate.docker.registries import DOCKER_HUB, registry_at
from cci_migrate.findings import ChosenNames, FindingKey, Place
from cci_migrate.lossless.nodes import Scalar, resolved
from cci_migrate.policy.settings import PasswordAuth, Policy, RegistryCredential
from cci_migrate.rule_ids import INCOMPLETE_AUTH, UNAUTHENTICATED_IMAGE


def finding_key(image: PulledImage, rule: str) -> FindingKey:
    """The key of the finding of ``rule`` about ``image``; one for all that merge a definition."""
    route = image.definition if rule == UNAUTHENTICATED_IMAGE else image.route
    return Place(image.item.image.value, route).key(rule)


class Proposed(Struct, frozen=True):
    """The credential that a pull should get, and the form to write it in.

    ``evidence`` is the source of its names, empty if they are the policy's or the user's.
    ``passed_over`` is evidence that other jobs would follow, but not the jobs of this pull.
    """

    credential: RegistryCredential
    form: AuthForm
    evidence: tuple[Evidence, ...] = ()
    passed_over: tuple[Evidence, ...] = ()


def _of_account(account: Account) -> Proposed:
    """``account`` as what a pull should get."""
    return Proposed(account.credential, account.form, account.evidence)


class Contested(Struct, frozen=True):
    """It is unclear which account a pull should use.

    The config has several for the registry, or the job has the names of its only one for another.
    """

    accounts: tuple[Account, ...]


class LiteralSecret(Struct, frozen=True):
    """A secret that is written out under ``key``; a variable of ``proposed`` should replace it.

    ``proposed`` is None if no credential is known for the registry.
    """

    key: str
    value: Scalar
    proposed: Proposed | Contested | None

    @property
    def variable(self) -> str | None:
        """The variable that replaces it (``$NAME``); None if unclear."""
        return self.variable_of(self.proposed) if isinstance(self.proposed, Proposed) else None

    def variable_of(self, credential: Proposed | Account) -> str | None:
        """The value of ``credential`` that replaces it; None if that is of another form."""
        return values_of(credential.credential).get(self.key)


class Authenticated(Struct, frozen=True):
    """It has complete credentials."""

    auth: ImageAuth
    literal: LiteralSecret | None = None


class Incomplete(Struct, frozen=True):
    """Its credentials lack a key or a value."""

    auth: ImageAuth
    proposed: Proposed | Contested | None


class Misplaced(Struct, frozen=True):
    """Its credentials are beside the image's keys instead of under ``auth``."""

    kind: MisplacedKind
    proposed: PasswordAuth | None


class Unauthenticated(Struct, frozen=True):
    """It has no credentials, and should."""

    host: str
    proposed: Proposed


class AccountUnclear(Struct, frozen=True):
    """It has no credentials, and it is unclear which account it should use."""

    host: str
    accounts: tuple[Account, ...]


class Unmirrored(Struct, frozen=True):
    """It has no credentials, and should come from the mirror at ``host``.

    ``proposed`` is the credential for the mirror, None if that needs none.
    """

    host: str
    proposed: Proposed | None


class Mirrored(Struct, frozen=True):
    """It comes from the mirror of Docker Hub, which needs no credentials."""


class Undecided(Struct, frozen=True):
    """It has no credentials, and its registry is unknown."""

    reason: str


class NotCovered(Struct, frozen=True):
    """It has no credentials, and the policy has none for its registry.

    ``unknown``: CircleCI may have credentials for it outside the config.
    """

    host: str
    unknown: bool


class Exempt(Struct, frozen=True):
    """The policy exempts it, or its registry serves public images only."""


class Anonymous(Struct, frozen=True):
    """What a step or an orb pulls from ``host`` has no credentials, and should."""

    host: str


class OnlyForForks(Struct, frozen=True):
    """Only builds of forked pull requests reach its jobs, and they get no credentials."""


ImageState = (
    Authenticated
    | Incomplete
    | Misplaced
    | Unauthenticated
    | AccountUnclear
    | Unmirrored
    | Mirrored
    | Undecided
    | NotCovered
    | Exempt
    | OnlyForForks
)


def state_of(
    image: PulledImage,
    policy: Policy,
    conventions: Mapping[str, CredentialConvention],
    names: Mapping[FindingKey, ChosenNames],
    pullers: Pullers,
) -> ImageState:
    """The state of ``image``; ``names`` are those that the user chose for single findings."""
    auth = image.auth

    def proposed_at(host: str) -> Proposed | Contested | None:
        return wanted_for(host, policy, conventions, pullers)

    def unless_chosen(
        proposed: Proposed | Contested | None, rule: str
    ) -> Proposed | Contested | None:
        chosen = None if proposed is None else names.get(finding_key(image, rule))
        return proposed if chosen is None else Proposed(chosen.credential, PLAIN)

    def completing(auth: ImageAuth, host: str, *but: str) -> Proposed | Contested | None:
        """The account that has the values of ``auth`` except ``but``, else as for any pull."""
        proposed, convention = proposed_at(host), conventions.get(host)
        halves = {key: text for key in auth.values if key not in but and (text := auth.text(key))}
        if proposed is None or convention is None or not halves:
            return proposed
        accounts = convention.accounts_with(halves, pullers.jobs)
        if len(accounts) != 1:
            return proposed
        return _unless_taken(_of_account(accounts[0]), host, conventions, pullers)

    if auth is not None and auth.is_complete:
        return Authenticated(auth, _literal_secret(image, auth, completing))
    misplaced = beside_the_image(image.item.mapping)
    if misplaced is not None:
        username, password = misplaced.username, misplaced.password
        both = PasswordAuth(username, password) if username and password else None
        return Misplaced(misplaced.kind, both)
    if any(policy.exempts(text) for text in image.texts):
        return Exempt()
    host = image.host
    if auth is not None:
        proposed = completing(auth, host) if host is not None else None
        return Incomplete(auth, unless_chosen(proposed, INCOMPLETE_AUTH))
    if host is None:
        return Undecided(image.undecided or _mixed(image))
    mirror = policy.mirror if host == DOCKER_HUB else None
    source = host if mirror is None else mirror.host
    proposed = unless_chosen(proposed_at(source), UNAUTHENTICATED_IMAGE)
    if isinstance(proposed, Contested):
        return AccountUnclear(source, proposed.accounts)
    if mirror is not None:
        return Unmirrored(source, proposed)
    if proposed is None:
        return without_credentials(source, policy)
    return Unauthenticated(source, proposed)


def without_credentials(
    host: str, policy: Policy, *, in_steps: bool = False
) -> Mirrored | Exempt | NotCovered:
    """The state of a pull from ``host``, for which ``policy`` has no credentials.

    ``in_steps``: CircleCI gives steps no credentials of its own accord.
    """
    if policy.mirror is not None and host == policy.mirror.host:
        return Mirrored()
    registry = registry_at(host)
    if registry.public_only:
        return Exempt()
    return NotCovered(host, registry.implicit_credentials and not in_steps)


def state_of_orb_image(
    image: OrbImage, policy: Policy
) -> Authenticated | Anonymous | Exempt | Mirrored | NotCovered | Undecided:
    """The state of an image that an orb pulls."""
    if image.auth is not None:
        return Authenticated(image.auth)
    host = registry_of(image.text)
    if policy.exempts(image.text):
        return Exempt()
    if not isinstance(host, str):
        return Undecided("its registry is unknown")
    if policy.registry_for(host) is None:
        return without_credentials(host, policy)
    return Anonymous(host)


def _literal_secret(
    image: PulledImage,
    auth: ImageAuth,
    completing: Callable[[ImageAuth, str, str], Proposed | Contested | None],
) -> LiteralSecret | None:
    for key in SECRET_KEYS & auth.values.keys():
        value = resolved(auth.values[key].value)
        text = auth.text(key)
        if not isinstance(value, Scalar) or text is None or has_expression(text):
            continue
        if variable_in(text) is not None:
            continue
        proposed = None if image.host is None else completing(auth, image.host, key)
        return LiteralSecret(key, value, proposed)
    return None


def half_of_another_pair(auth: ImageAuth, values: Mapping[str, str]) -> str | None:
    """The key of ``auth`` whose value can't be completed with ``values``; None if there is none.

    A literal user name can: it says whose password is needed. A variable belongs to a pair of
    variables, and halves of different pairs don't log in.
    """
    for key, value in values.items():
        current = auth.text(key)
        if current is None or key in auth.missing or current == value:
            continue
        if key in SECRET_KEYS or variable_in(current) is not None:
            return key
    return None


def _mixed(image: PulledImage) -> str:
    hosts = ", ".join(sorted(image.hosts))
    return f"depending on parameters, it comes from several registries: {hosts}"


def _unless_taken(
    proposed: Proposed, host: str, conventions: Mapping[str, CredentialConvention], pullers: Pullers
) -> Proposed | Contested:
    """``proposed``, if ``pullers`` do not have its names for another registry than ``host``."""
    other = use_elsewhere(proposed.credential, proposed.evidence, host, pullers.jobs, conventions)
    if other is None:
        return proposed
    return Contested((Account(proposed.credential, proposed.form, taken_by=other),))


def wanted_for(
    host: str,
    policy: Policy,
    conventions: Mapping[str, CredentialConvention],
    pullers: Pullers,
    *,
    prefers_own: bool = False,
) -> Proposed | Contested | None:
    """The credential that ``pullers`` should use at ``host``; None if none is known.

    ``prefers_own``: an account that the jobs use today wins over those of the rest of the file.
    """
    registry = policy.registry_for(host)
    if registry is None and host != DOCKER_HUB:
        return None
    if registry is not None and registry.jobs:
        overrides = dict.fromkeys(registry.job_credential(names) for names in pullers.names)
        credentials = [(override or registry).credential for override in overrides]
        if len(set(credentials)) > 1:
            return Contested(tuple(Account(credential, PLAIN) for credential in credentials))
        if credentials and None not in overrides:
            return Proposed(credentials[0], PLAIN)
    convention = conventions.get(host)

    def unless_taken(proposed: Proposed) -> Proposed | Contested:
        return _unless_taken(proposed, host, conventions, pullers)

    accounts: tuple[Account, ...] = ()
    if convention is not None:
        accounts = convention.accounts_of(pullers.jobs, prefers_own=prefers_own)
    if len(accounts) > 1:
        return Contested(accounts)
    usual = None
    if accounts:
        usual = _of_account(accounts[0])
        other = use_elsewhere(usual.credential, usual.evidence, host, pullers.jobs, conventions)
        if other is not None and registry is not None and registry.credential != usual.credential:
            refused = passed_over(accounts[0], other)
            return unless_taken(Proposed(registry.credential, PLAIN, passed_over=refused))
    if registry is None or (usual is not None and usual.credential != registry.credential):
        return None if usual is None else unless_taken(usual)
    if convention is not None:
        # A context for the policy's names would override the half that the job reads today.
        halves = set(variables_of(registry.credential))
        used = convention.accounts_of(pullers.jobs, prefers_own=True)
        is_other = len(used) == 1 and used[0].credential != registry.credential
        if is_other and not halves.isdisjoint(variables_of(used[0].credential)):
            return _of_account(used[0])
        for near in convention.accounts_near(pullers.jobs):
            mixes = not halves.isdisjoint(variables_of(near.credential))
            if mixes and near.credential != registry.credential:
                return Contested((near, Account(registry.credential, PLAIN)))
    return unless_taken(usual or Proposed(registry.credential, PLAIN))
