"""Which variables of the environment may be sent to which registry.

Configs and the policy files beside them are written by whoever can write to the repository: they
can name any variable of the environment as a registry's password. So a variable is sent to a
registry only if the user named the two together, or confirms them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from shlex import quote

from msgspec import Struct

from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, PasswordAuth
from cci_migrate.preflight.protected_variables import service_behind
from cci_migrate.wording import listed

#: A registry's host, and the name of a variable.
Pair = tuple[str, str]
#: Asks the user whether these variables may be sent to this host.
Confirm = Callable[[str, tuple[str, ...]], bool]


def pairs_of(host: str, credential: PasswordAuth) -> frozenset[Pair]:
    """The pairs that a login to ``host`` with ``credential`` needs."""
    return frozenset((host, name) for name in variables_of(credential))


#: Docker Hub and the default names of its variables.
BUILT_IN_PAIRS = frozenset(
    (DOCKER_HUB, name) for name in variables_of(DEFAULT_DOCKER_HUB.credential)
)


class WithheldCredential(Struct, frozen=True):
    """Why a credential was not sent, and what to do instead: in words, or an option for it."""

    why: str
    instead: str = ""
    option: tuple[str, ...] = ()


class LoginConsent(Struct, frozen=True):
    """The pairs that the user allows; ``confirm`` is None if nobody can be asked."""

    allowed: frozenset[Pair] = BUILT_IN_PAIRS
    confirm: Confirm | None = None

    def reason_to_withhold(
        self, host: str, credential: PasswordAuth, environment: Iterable[str]
    ) -> WithheldCredential | None:
        """Why ``credential`` must not be sent to ``host``; None if it may.

        ``environment`` are the names of the variables that are set: if one is missing, there is
        nothing to send.
        """
        variables = variables_of(credential)
        if not set(variables) <= set(environment):
            return None
        for name in variables:
            kind = service_behind(name)
            if kind is not None:
                return WithheldCredential(
                    f"{name} was not sent: it looks like a credential of {kind}",
                    f"run `{login_command(host)}`; doctor uses what it stores",
                )
        if pairs_of(host, credential) <= self.allowed:
            return None
        if self.confirm is not None and self.confirm(host, variables):
            return None
        pair = f"{host}={','.join(variables)}"
        return WithheldCredential(
            f"{listed(variables)} {'was' if len(variables) == 1 else 'were'} not sent: only the "
            "repository names them for this registry; send them only if that is right",
            option=("--send", pair),
        )


def login_command(host: str) -> str:
    """The command that logs in to ``host``."""
    return "docker login" if host == DOCKER_HUB else f"docker login {quote(host)}"
