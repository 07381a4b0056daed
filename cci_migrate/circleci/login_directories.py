"""The directories in which commands keep logins, by the same names in all steps of a job."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cci_migrate.circleci.step_moments import Moment
from cci_migrate.docker.shell.client_config import BY_OTHER_USER, config_directory
from cci_migrate.docker.shell.facts import USER_CONFIG, BakeBuild, Build, ComposeCommand, ImagePull

_ROOT_CONFIG = "~root/.docker"


class LoginDirectories(Struct, frozen=True):
    """Where commands of steps keep logins by default (``own``); None if unknown.

    ``as_root``: the steps may run as root, whose directory is the user's then.
    """

    own: str | None
    as_root: bool

    def named(self, directory: str | None) -> str | None:
        """``directory`` by the name that it has throughout the job."""
        directory = directory if directory is None else directory.removeprefix(BY_OTHER_USER)
        return USER_CONFIG if self.as_root and directory == _ROOT_CONFIG else directory

    def is_of_other_user(self, directory: str | None) -> bool:
        """Whether another user than the steps' own works in ``directory``, of that user."""
        return not self.as_root and (directory or "").startswith(BY_OTHER_USER)

    def read_at(self, moment: Moment) -> tuple[str | None, bool]:
        """Where the command of ``moment`` looks for logins; whether another user runs it there."""
        fact = moment.facts[-1][1] if moment.facts else None
        if isinstance(fact, ImagePull | Build | BakeBuild | ComposeCommand):
            return self.named(fact.config), self.is_of_other_user(fact.config)
        return self.own, False


def login_directories(environment: Mapping[str, str], *, as_root: bool) -> LoginDirectories:
    """The directories in a job whose steps have the variables ``environment``."""
    directories = LoginDirectories(None, as_root)
    return LoginDirectories(directories.named(config_directory(environment)), as_root)
