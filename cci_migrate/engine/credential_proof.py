"""CREDENTIALS and NAMES: credentials stay with their registry and have known names.

They look at the images and at the logins in steps of the config before and after.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from typing_extensions import assert_never

from cci_migrate.assessing.conventions import credential_of, credential_of_login
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.misplaced_logins import beside_the_image
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.workflow_jobs import image_items
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import ChosenNames, FindingKey
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.policy.settings import (
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    Policy,
    RegistryCredential,
)


class KnownCredentials:
    """The credentials of each registry by the policy, the user and the config before the change.

    ``names`` are those that the user chose, by the key of the finding that they are for.
    """

    def __init__(
        self, before: ProofSide, policy: Policy, names: Mapping[FindingKey, ChosenNames]
    ) -> None:
        self._policy = policy
        # In the order in which they were met, each once.
        self._everywhere: defaultdict[str, dict[RegistryCredential, None]] = defaultdict(dict)
        self._in_some_jobs: defaultdict[str, list[Evidence]] = defaultdict(list)
        self._by_secret: defaultdict[str, list[Evidence]] = defaultdict(list)
        self._secrets: dict[str, frozenset[str]] = {}
        self._chosen: defaultdict[str, set[str]] = defaultdict(set)
        for resolution in before.plan.resolutions:
            host, chosen = resolution.finding.registry, names.get(resolution.finding.key)
            if host is not None and chosen is not None:
                self._everywhere[host][chosen.credential] = None
                self._chosen[host].add(secret_half(chosen.credential))
        for shown in before.evidence:
            if shown.credential is None:
                continue
            self._by_secret[secret_half(shown.credential)].append(shown)
            if shown.refusal is None:
                self._everywhere[shown.host][shown.credential] = None
            else:
                self._in_some_jobs[shown.host].append(shown)

    def taken_by(self, secret: str, host: str, jobs: Iterable[str]) -> str | None:
        """The other registry that ``jobs`` have ``secret`` for today; None if there is none.

        Its value is right for both where a job with the same contexts has it for ``host``. ``jobs``
        are routes, of jobs or workflow jobs. None too for what the user chose for ``host``, or the
        policy has for some of its jobs.
        """
        registry = self._policy.registry_for(host)
        of_jobs = () if registry is None else registry.jobs
        if secret in self._chosen[host] | {secret_half(job.credential) for job in of_jobs}:
            return None
        routes = frozenset(jobs)
        same = self._by_secret[secret]
        contexts = {shown.contexts for shown in same if shown.host == host}
        for shown in same:
            is_theirs = shown.allows(shown.jobs) and not routes.isdisjoint(
                shown.jobs | shown.entries
            )
            if shown.host != host and is_theirs and shown.contexts not in contexts:
                return shown.host
        return None

    def secrets_of(self, host: str) -> frozenset[str]:
        """The secret halves of the credentials of ``host``, for whichever job has them today."""
        if host not in self._secrets:
            self._secrets[host] = frozenset(map(secret_half, self.of(host, ())))
        return self._secrets[host]

    def of(self, host: str, jobs: Iterable[str]) -> list[RegistryCredential]:
        """Those of ``host`` for ``jobs`` (their routes; none: for whichever job has them today)."""
        routes = frozenset(jobs)
        registry = self._policy.registry_for(host)
        return [
            *self._everywhere[host],
            *(() if registry is None else registry.credentials),
            *(
                shown.credential
                for shown in self._in_some_jobs[host]
                if shown.credential is not None and shown.allows(routes or shown.jobs)
            ),
        ]


def credentials_stray(before: ProofSide, after: ProofSide, known: KnownCredentials) -> str | None:
    """CREDENTIALS: which image or login in ``after`` has another registry's credentials, or None.

    An image that stays at its registry may keep those it had itself. Credentials are known by their
    secret half: a user name goes with it.
    """
    own = {image.route: (secrets_of_image(image), image.hosts) for image in before.images}
    routes, halves = _routes_by_item(after.config), _halves_by_route(before)
    for image in after.images:
        had, hosts = own.get(image.route, (set(), image.hosts))
        if hosts != image.hosts:
            # Its name has changed: what it sent to the one must not reach the other.
            had = set()
        for secret in secrets_of_image(image) - had:
            for host in image.hosts:
                if secret not in known.secrets_of(host):
                    return f"{image.route} would send the credentials of another registry to {host}"
                if hosts == image.hosts and secret in halves[image.route]:
                    continue
                other = known.taken_by(secret, host, routes[image.item.mapping])
                if other is not None:
                    return f"{image.route} would send its job's credentials for {other} to {host}"
    for route, host, credential in _added_logins(before, after):
        if credential is None:
            return f"the steps of {route} would log in to {host} with unknown credentials"
        if credential.password not in known.secrets_of(host):
            return f"the steps of {route} would send the credentials of another registry to {host}"
        other = known.taken_by(credential.password, host, (route,))
        if other is not None:
            return f"the steps of {route} would send their credentials for {other} to {host}"
    return None


def unknown_name(before: ProofSide, after: ProofSide, known: KnownCredentials) -> str | None:
    """NAMES: which credential of ``after`` reads a variable that nothing shows to be its own.

    User name and password come from one credential that the registry has in the jobs that pull the
    image, or that log in; unless the image had a half already.
    """
    had = _halves_by_route(before)
    for image in after.images:
        jobs = {owner.job.route for owner in image.owners if owner.job is not None}
        for credential in credentials_of(image):
            for host in image.hosts:
                if not _is_from_one(credential, known.of(host, jobs), had[image.route]):
                    return f"{image.route} would read variables that are not known for {host}"
    for route, host, login in _added_logins(before, after):
        if login is not None and login not in known.of(host, (route,)):
            return f"the steps of {route} would read variables that are not known for {host}"
    return None


def _halves_by_route(side: ProofSide) -> defaultdict[str, set[str]]:
    """The halves of credentials under and beside each image, complete or not."""
    halves: defaultdict[str, set[str]] = defaultdict(set)
    for image in side.images:
        own = halves[image.route]
        for auth in image.auths:
            own.update(text for key in auth.values if (text := auth.text(key)))
        own.update(_beside(image))
    return halves


def credentials_of(image: PulledImage) -> list[RegistryCredential]:
    """The complete credentials in the auth blocks of ``image``."""
    return [credential for auth in image.auths if (credential := credential_of(auth)) is not None]


def secrets_of_image(image: PulledImage) -> set[str]:
    """The secret halves of the credentials in the auth blocks of ``image``."""
    return set(map(secret_half, credentials_of(image)))


def secret_half(credential: RegistryCredential) -> str:
    """The half of ``credential`` that must not reach another registry."""
    match credential:
        case PasswordAuth(password=secret) | AwsKeyAuth(secret_access_key=secret):
            return secret
        case AwsRoleAuth(role_arn=secret) | GcpAuth(service_account=secret):
            return secret
        case _:
            assert_never(credential)


def _routes_by_item(config: Config) -> defaultdict[MappingNode, set[str]]:
    """The routes of the jobs, and of the workflow jobs, that pull each image."""
    values = ParameterValues(config)
    routes: defaultdict[MappingNode, set[str]] = defaultdict(set)
    for home in config.body.walk():
        for job in home.jobs.values():
            for item in job.runs_on.docker or ():
                routes[item.mapping].add(job.route)
    for entry in config.workflow_jobs:
        for item in image_items(entry, config, values):
            routes[item.mapping].add(entry.route)
    return routes


def _added_logins(
    before: ProofSide, after: ProofSide
) -> Iterator[tuple[str, str, PasswordAuth | None]]:
    """The logins that ``before`` has not: route of the job, registry, and what it is given."""
    added = Counter(_logins(after))
    added.subtract(_logins(before))
    for (route, registries, credential), count in added.items():
        for host in registries if count > 0 else ():
            yield route, host, credential


def _logins(side: ProofSide) -> Iterator[tuple[str, tuple[str, ...], PasswordAuth | None]]:
    for docker in side.all_dockers:
        for login in docker.logins:
            yield docker.job.route, login.registries, credential_of_login(login)


def _beside(image: PulledImage) -> Iterable[str]:
    """The halves of credentials among the image's own keys, where CircleCI ignores them."""
    login = beside_the_image(image.item.mapping)
    return () if login is None else [half for half in (login.username, login.password) if half]


def _is_from_one(
    credential: RegistryCredential, sources: Sequence[RegistryCredential], had: set[str]
) -> bool:
    """Whether what of ``credential`` the image did not have is that of one of ``sources``."""
    new = {key: text for key, text in values_of(credential).items() if text not in had}
    return not new or any(new.items() <= values_of(source).items() for source in sources)
