"""Where the steps of a job install Docker's client.

A Docker executor has the client of its image, if any; without one, nothing can log in before a step
has installed it: https://circleci.com/docs/guides/execution-managed/building-docker-images/.
"""

from __future__ import annotations

import re

from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.circleci.steps import run_step

_CONTINUED = re.compile(r"\\\r?\n")
_COMMAND = re.compile(r"[\n;&|]")
#: Package managers, and what installs with them.
_INSTALL = {
    "apk": "add",
    "apt": "install",
    "apt-get": "install",
    "yum": "install",
    "dnf": "install",
    "microdnf": "install",
    "brew": "install",
}
_PACKAGE = re.compile(r"docker(?:-ce-cli|-ce|-cli|\.io|-engine)?(?:[=~<>].*)?")
_DOWNLOAD = re.compile(
    r"\b(?:get|test)\.docker\.com\b(?!/ubuntu)|download\.docker\.com/linux/static/"
)


def installs_client(script: str) -> bool:
    """Whether ``script`` installs Docker's client from packages, its archive or its script."""
    joined = _CONTINUED.sub(" ", script)
    commands = (command.split() for command in _COMMAND.split(joined))
    return any(map(_installs_package, commands)) or _DOWNLOAD.search(joined) is not None


def _installs_package(words: list[str]) -> bool:
    manager = next((index for index, word in enumerate(words) if word in _INSTALL), None)
    if manager is None or _INSTALL[words[manager]] not in words[manager:]:
        return False
    return any(map(_PACKAGE.fullmatch, words[manager + 1 :]))


def client_installed_at(docker: JobDocker) -> int | None:
    """The order of the first step that installs the client; None where none has to or does."""
    if docker.daemon is not Daemon.REMOTE or docker.has_client:
        return None
    for order, step in enumerate(docker.steps):
        run = run_step(step, docker.defaults)
        if run is not None and "docker" in run.script and installs_client(run.script):
            return order
    return None
