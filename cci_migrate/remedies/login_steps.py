"""How a login step is written: as the Docker orb's command, or as a ``run`` step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from shlex import quote

from msgspec.structs import replace

from cci_migrate.assessing.impact import registry_name
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.docker_orb import (
    DOCKER_ORB,
    ORB_DEFAULT_PASSWORD,
    ORB_DEFAULT_USERNAME,
    ORBS,
    docker_orb,
    spelling_of,
)
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.steps import StepPlace
from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.lossless.merging import own_entry
from cci_migrate.lossless.nodes import Mapping, resolved
from cci_migrate.lossless.operations import AddEntry, Content, Entries, Operation, Text
from cci_migrate.policy.settings import LoginMethod, PasswordAuth, Policy

_PLAIN_PATH = re.compile(r"(?:~|(?:/[\w.-]+))(?:/[\w.-]+)*")
_ALIASES = ("docker", "circleci-docker", "docker-orb")


def client_command(tool: Tool, config: str | None, *, is_own: bool) -> str | None:
    """The command of ``tool`` that stores logins in the directory ``config``; None if unsure.

    ``is_own``: ``config`` is the default directory of the steps.
    """
    if is_own or config is None:
        return tool.value
    if config == "~root/.docker":
        return f"sudo {tool.value}"
    if tool is not Tool.DOCKER or _PLAIN_PATH.fullmatch(config) is None:
        return None
    path = config.replace("~", "$HOME", 1)
    return f"{tool.value} --config {path if path == config else chr(34) + path + chr(34)}"


def login_steps(
    host: str,
    place: StepPlace,
    credential: PasswordAuth,
    config: Config,
    policy: Policy,
    kept_in: str | None,
) -> Iterator[Content]:
    """Every step that `LoginPlacement` can write at ``place`` to log in to ``host``.

    ``kept_in`` is the directory in which the login is stored, None for the default.
    """
    by_orb = orb_login(host, place, credential, config, replace(policy, login=LoginMethod.ORB))
    if by_orb is not None:
        yield by_orb[0]
    for tool in Tool:
        for client in {tool.value, client_command(tool, kept_in, is_own=False) or tool.value}:
            for shell in (None, "bash", "bash.exe"):
                for nounset, always in product((False, True), repeat=2):
                    yield run_login(host, client, credential, shell, nounset=nounset, always=always)


def is_orb_login(content: Content) -> bool:
    """Whether ``content``, a step, is the Docker orb's ``check``."""
    name = content.value if isinstance(content, Text) else ""
    if isinstance(content, Entries):
        name = content.entries[0][0]
    return name.endswith("/check")


def orb_login(
    host: str, place: StepPlace, credential: PasswordAuth, config: Config, policy: Policy
) -> tuple[Content, tuple[Operation, ...]] | None:
    """The Docker orb's ``check`` step, and the import it needs; None if a ``run`` step is needed.

    It logs in to ``host`` with ``credential``, at ``place`` in the steps of ``config``.
    The orb takes only names of variables (https://circleci.com/developer/orbs/orb/circleci/docker),
    and orbs need version 2.1. An inline orb can only use orbs that it imports itself.
    """
    username, password = variable_in(credential.username), variable_in(credential.password)
    if policy.login is not LoginMethod.ORB or not config.supports_orbs or config.version is None:
        return None
    if username is None or password is None:
        return None
    home = place.home
    imported = docker_orb(home.imported)
    imports: tuple[Operation, ...] = ()
    if imported is not None:
        alias, version = imported.alias, imported.version
    elif home.is_orb:
        return None
    else:
        version = policy.docker_orb
        free = [name for name in _ALIASES if name not in {*home.imported, *home.inline}]
        import_operation = None if not free else _import(config, free[0], version)
        if import_operation is None:
            return None
        alias, imports = free[0], (import_operation,)
    spelling = spelling_of(version)
    if spelling is None:
        return None
    arguments: list[tuple[str, Content]] = []
    if host != DOCKER_HUB:
        arguments.append(("registry", Text(host)))
    if (username, password) != (ORB_DEFAULT_USERNAME, ORB_DEFAULT_PASSWORD):
        arguments.append((spelling.username, Text(username)))
        arguments.append((spelling.password, Text(password)))
    name = f"{alias}/check"
    if not arguments:
        return Text(name), imports
    return Entries(((name, Entries(tuple(arguments))),)), imports


def _import(config: Config, alias: str, version: str) -> Operation | None:
    """The operation that imports the Docker orb as ``alias``; None if there is no place for it.

    In a packed tree the orbs may be in another file than the version: ``circleci config pack``
    rejects a section that occurs twice.
    """
    root = _root_with_version(config)
    if root is None:
        return None
    orb = Text(f"{DOCKER_ORB}@{version}")
    orbs = own_entry(root, ORBS)
    if orbs is not None:
        return AddEntry(orbs.value, alias, orb) if isinstance(orbs.value, Mapping) else None
    if not config.body.imported and not config.body.inline:
        return AddEntry(root, ORBS, Entries(((alias, orb),)), "version")
    imported_nodes = {imported.node for imported in config.body.imported.values()}
    for document in config.documents:
        section = own_entry(document.root, ORBS) if isinstance(document.root, Mapping) else None
        holder = document.root if section is None else section.value
        if isinstance(holder, Mapping):
            values = (value for _, value in holder.entries)
            if any(resolved(value) in imported_nodes for value in values):
                return AddEntry(holder, alias, orb)
    return None


def _root_with_version(config: Config) -> Mapping | None:
    for document in config.documents:
        root = document.root
        if isinstance(root, Mapping):
            version = own_entry(root, "version")
            if version is not None and version.value is config.version:
                return root
    return None


def run_login(
    host: str,
    client: str,
    credential: PasswordAuth,
    shell: str | None,
    *,
    is_old: bool = False,
    nounset: bool = False,
    always: bool = False,
) -> Content:
    """A ``run`` step that logs in if the variables are set, and otherwise prints that it doesn't.

    Builds of forked pull requests have no variables: they continue anonymously. ``client`` is the
    command that logs in; ``is_old``: it has no ``--password-stdin``; ``nounset``: the shell fails
    on an unset variable; ``always``: it runs after a failure too.
    """
    name = registry_name(host)
    registry = "" if host == DOCKER_HUB else f" {host}"
    username = f'"{credential.username}"'
    if "$" not in credential.username:
        username = quote(credential.username)
    tested = [text for text in (credential.username, credential.password) if "$" in text]
    if nounset:
        tested = [f"${{{variable_in(text)}:-}}" for text in tested]
    test = " || ".join(f'[ -z "{text}" ]' for text in tested)
    login = f'echo "{credential.password}" | {client} login --username {username} '
    login += "--password-stdin"
    if is_old:
        login = f'{client} login --username {username} --password "{credential.password}"'
    script = (
        f"if {test}; then\n"
        f'  echo "No credentials for {name} here: going on without a login."\n'
        "else\n"
        f"  {login}{registry}\n"
        "fi\n"
    )
    entries: list[tuple[str, Content]] = [("name", Text(f"Log in to {name}"))]
    if shell is not None:
        entries.append(("shell", Text(shell)))
    if always:
        entries.append(("when", Text("always")))
    entries.append(("command", Text(script, literal=True)))
    return Entries((("run", Entries(tuple(entries))),))
