"""Collects the logins and logouts in the steps of a job: what each writes, with which values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.login_directories import LoginDirectories
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.step_pulls import ClientUse, StepLogin, StepLogout
from cci_migrate.circleci.value_origins import (
    UNKNOWN_VALUE,
    CredentialValue,
    Origin,
    credential_value,
)
from cci_migrate.circleci.variable_settings import VariableSettings
from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.login_keys import login_key
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.docker.shell.facts import (
    ClientAccess,
    CredentialFile,
    Login,
    Logout,
    Quoting,
    SharedFile,
    Word,
)

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class JobLogins:
    """The logins of a job so far. ``settings`` are the variables that it has set so far."""

    def __init__(
        self, texts: JobTexts, directories: LoginDirectories, settings: VariableSettings
    ) -> None:
        self.logins: list[StepLogin] = []
        self.logouts: list[StepLogout] = []
        self.client_uses: list[ClientUse] = []
        self._texts = texts
        self._directories = directories
        self._settings = settings

    def log_in(self, moment: Moment, login: Login) -> None:
        """Add the login by a command."""
        named = None if login.registry is None else login.registry.value
        config = self._directories.named(login.config)
        # Who writes to a file that is there leaves its owner.
        is_private = self._directories.is_of_other_user(login.config) and not any(
            other.config == config and not other.is_private for other in self.logins
        )
        step_login = replace(self._login(moment, login), config=config, is_private=is_private)
        self._add(step_login, named, login.tool)

    def log_in_with(
        self,
        moment: Moment,
        registries: Iterable[str],
        names: Sequence[str | None],
        *,
        any_registry: bool = False,
        server: str | None = None,
    ) -> None:
        """Add the login of an orb's command.

        ``names`` are the variables with the user name and the password, None if unknown. ``server``
        is the argument of the login.
        """
        credentials = [
            self._settings.variable(name) if name and _NAME.fullmatch(name) else UNKNOWN_VALUE
            for name in names
        ]
        login = StepLogin(
            moment,
            tuple(map(normalise_host, registries)),
            any_registry=any_registry,
            username_value=credentials[0],
            password_value=credentials[1],
            variables=_read_from_outside(credentials),
            config=self._directories.own,
        )
        self._add(login, server)

    def write_file(self, moment: Moment, file: CredentialFile) -> None:
        """Add the logins in a file that a command writes."""
        keys = file.keys
        login = StepLogin(
            moment,
            tuple(map(normalise_host, keys or ())),
            any_registry=keys is None,
            variables=file.variables,
            keys=keys or (),
            config=self._directories.named(file.config),
        )
        self.logins.append(login)

    def log_out(self, moment: Moment, logout: Logout) -> None:
        registry = logout.registry
        key = None if logout.all else login_key(None if registry is None else registry.value)
        self.logouts.append(StepLogout(moment, key, self._directories.named(logout.config)))

    def share(self, shared: SharedFile) -> None:
        """Let the steps' own user read what another has written: ``sudo chown -R``."""
        config = self._directories.named(shared.config)
        self.logins = [
            replace(login, is_private=False) if login.config == config else login
            for login in self.logins
        ]

    def use(self, moment: Moment, access: ClientAccess) -> None:
        """Add the use of a registry by another program than Docker."""
        login = self._with_credentials(
            moment, access, access.password, reads_stdin=access.reads_stdin
        )
        self.client_uses.append(ClientUse(access.purpose, login))

    def _add(self, login: StepLogin, server: str | None, tool: Tool = Tool.DOCKER) -> None:
        """Add ``login`` with the keys that it writes; ``server`` is the argument of the login.

        podman and buildah accept any name of Docker Hub.
        """
        keys = login.registries
        if tool.shares_logins and keys == (DOCKER_HUB,):
            keys = (login_key(server),)
        self.logins.append(replace(login, keys=keys))

    def _login(self, moment: Moment, login: Login) -> StepLogin:
        if login.by_cloud_cli:
            read = login.variables - self._settings.assigned
            return StepLogin(
                moment, login.registries, any_registry=False, variables=read, tool=login.tool
            )
        password = None if login.password is None else login.password.value
        step_login = self._with_credentials(
            moment, login, password, reads_stdin=login.password_stdin
        )
        return replace(step_login, tool=login.tool)

    def _with_credentials(
        self,
        moment: Moment,
        fact: Login | ClientAccess,
        password: Word | None,
        *,
        reads_stdin: bool,
    ) -> StepLogin:
        username, secret, written_out = fact.username, fact.stdin_password, None
        if password is not None:
            secret = password.value
            written_out = None if "$" in secret or "<<" in secret else secret
            if password.quoting is Quoting.SINGLE and "$" in secret:
                secret = None
        credentials = [
            self._credential_value(None if username is None else username.value, is_secret=False),
            CredentialValue(Origin.DERIVED)
            if secret is None and reads_stdin
            else self._credential_value(secret, is_secret=True),
        ]
        return StepLogin(
            moment,
            fact.registries,
            any_registry=False,
            username_value=credentials[0],
            password_value=credentials[1],
            variables=(fact.variables - self._settings.assigned) | _read_from_outside(credentials),
            written_out=written_out,
            keys=fact.registries,
        )

    def _credential_value(self, text: str | None, *, is_secret: bool) -> CredentialValue:
        """The origin of ``text``, a user name or (``is_secret``) a password of a login."""
        text = None if text is None else self._texts.value(text)
        value = credential_value(text, is_secret=is_secret)
        if value.origin is not Origin.VARIABLE or value.variable is None:
            return value
        return self._settings.judged(value)


def _read_from_outside(values: Iterable[CredentialValue]) -> frozenset[str]:
    return frozenset(
        value.variable
        for value in values
        if value.variable is not None and value.origin is Origin.VARIABLE
    )
