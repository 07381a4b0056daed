"""The facts of a script: what it does with Docker, in the order in which it does so."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from cci_migrate.docker.container_tools import Purpose, Tool
from cci_migrate.docker.shell.flow import Place
from cci_migrate.escaping.hidden_fields import repr_without

#: Where Docker's client keeps the logins of the user whom the steps run as.
USER_CONFIG = "~/.docker"


class Verb(Enum):
    """A subcommand that may pull images."""

    PULL = "pull"
    RUN = "run"
    CREATE = "create"
    BUILD = "build"
    UP = "up"
    SCALE = "scale"
    WATCH = "watch"
    SERVICE_CREATE = "service create"
    SERVICE_UPDATE = "service update"
    STACK_DEPLOY = "stack deploy"
    PLUGIN_INSTALL = "plugin install"
    PLUGIN_UPGRADE = "plugin upgrade"
    MANIFEST_INSPECT = "manifest inspect"
    BUILDX_CREATE = "buildx create"
    IMAGETOOLS_CREATE = "buildx imagetools create"
    IMAGETOOLS_INSPECT = "buildx imagetools inspect"


class Quoting(Enum):
    """How a word is quoted as a whole."""

    NONE = "none"
    SINGLE = "single"
    DOUBLE = "double"
    MIXED = "mixed"
    """In parts, or in a way that only some shells know (``$'...'``)."""


class Word(Struct, frozen=True):
    """A word of a command.

    ``text`` is the source between ``start`` and ``end``. ``value`` is the argument that the command
    receives: without quotes, with variables that the script itself sets once replaced by their
    values, and any other expansion as written (a placeholder to `registry_of`). Neither is part of
    the repr: a word may be a password.
    """

    start: int
    end: int
    text: str
    value: str
    quoting: Quoting = Quoting.NONE

    __repr__ = repr_without("text", "value")


#: Where a command is: where it starts and ends in the text, and its place in the control flow.
At: TypeAlias = "tuple[int, int, Place]"


class _Command(Struct, frozen=True):
    """A command from ``start`` to ``end``, at ``place`` in the script's control flow."""

    start: int
    end: int
    place: Place

    __repr__ = repr_without("place")


class ImagePull(_Command, frozen=True):
    """A command that names the image it pulls: ``docker pull|run|create``, ``buildah from``.

    ``image`` is None if the command line doesn't contain it (``xargs docker pull``).
    ``is_local``: an earlier command of this script builds, tags or loads that image, so nothing is
    pulled. A command with ``--pull never`` is no `ImagePull`. ``keeps_login``: the nodes of a swarm
    pull, and are not sent the login. ``command`` is that of another program which has ``tool``
    pull: ``kind create cluster``.
    """

    tool: Tool
    verb: Verb
    image: Word | None
    always_pulls: bool
    config: str | None
    is_local: bool = False
    keeps_login: bool = False
    command: str = ""

    @property
    def title(self) -> str:
        """The command for people, without the image."""
        return self.command or f"{self.tool.value} {self.verb.value}"


class Build(_Command, frozen=True):
    """``docker build``, ``docker buildx build``, ``podman build``, ``buildah bud``.

    ``context`` is the context as written: a folder, ``-``, or a URL. ``dockerfile`` is the ``-f``
    as written; None means ``Dockerfile`` in the context. ``dockerfile_text`` is the text of a
    Dockerfile in a here-document or printed by ``echo``. ``directory`` is where the command runs,
    relative to the script's first directory; None if unknown. A value of None in ``build_args``
    comes from the environment. ``tags`` are local images from here on. ``skips_stages``: those that
    the target doesn't need are not built.
    """

    tool: Tool
    directory: str | None
    context: str | None
    dockerfile: str | None
    dockerfile_text: str | None
    target: str | None
    build_args: tuple[tuple[str, str | None], ...]
    build_contexts: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    always_pulls: bool
    config: str | None = USER_CONFIG
    skips_stages: bool = True

    __repr__ = repr_without("dockerfile_text", "build_args", "build_contexts", "place")

    @property
    def dockerfile_path(self) -> str | None:
        """The Dockerfile's path, relative to the script's first directory.

        May contain placeholders. None for an inline Dockerfile, a remote context, and an unknown
        context or directory.
        """
        context = self.context
        if self.dockerfile_text is not None or self.directory is None or context is None:
            return None
        remote = "://" in context or context.startswith(("git@", "github.com/"))
        if remote or self.dockerfile == "-":
            return None
        if self.dockerfile is not None:
            # Relative to where the command runs, not to the context.
            return joined_path(self.directory, self.dockerfile)
        if context == "-":
            return None
        return joined_path(joined_path(self.directory, context), "Dockerfile")


class BakeBuild(_Command, frozen=True):
    """``docker buildx bake`` with its ``files`` (none: the default names) and ``targets``."""

    directory: str | None
    files: tuple[str, ...]
    targets: tuple[str, ...]
    config: str | None = USER_CONFIG


class ComposeCommand(_Command, frozen=True):
    """``docker compose`` or ``docker-compose``: ``up``, ``build``, ``pull``, ``run``, ``create``.

    Or ``docker stack deploy``, which builds nothing; ``keeps_login`` as in `ImagePull`,
    ``skips_stages`` as in `Build`.
    ``files`` are those of ``-f`` or else of a ``COMPOSE_FILE`` that the script sets (``-`` is
    stdin); empty means the default names in ``directory`` and above. No ``services`` means all.
    ``with_dependencies`` is False with ``--no-deps``, and for ``pull`` and ``build`` without
    ``--with-dependencies``. ``environment`` has the variables that the script sets for the command.
    """

    tool: Tool
    verb: Verb
    directory: str | None
    files: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    config: str | None
    project_directory: str | None = None
    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    with_dependencies: bool = True
    always_pulls: bool = False
    keeps_login: bool = False
    skips_stages: bool = True

    __repr__ = repr_without("environment", "place")

    @property
    def title(self) -> str:
        """The command for people."""
        compose = "" if self.verb is Verb.STACK_DEPLOY else "compose "
        return f"{self.tool.value} {compose}{self.verb.value}"

    @property
    def file_paths(self) -> tuple[str, ...] | None:
        """The files' paths, relative to the script's first directory; None if it is unknown.

        Empty if the command names none: see `compose.DEFAULT_NAMES`.
        """
        if self.directory is None:
            return None
        return tuple(joined_path(self.directory, file) for file in self.files)


class PasswordArgument(Struct, frozen=True):
    """A login's ``-p``, and how to replace it by ``--password-stdin``.

    ``start``/``end`` enclose the option with its value: replace them by ``--password-stdin``.
    ``value`` is the password: pass ``value.text``, quotes included, to ``echo``. ``insert_at`` is
    where to insert ``echo ... | ``, before ``sudo`` and assignments. ``obstacle`` says, for people,
    why the command can't be rewritten this way; None if it can.
    """

    start: int
    end: int
    value: Word
    insert_at: int
    obstacle: str | None


class Login(_Command, frozen=True):
    """A command that logs in to one or several registries.

    ``by_cloud_cli``: with the credentials of a cloud's own command, ``gcloud`` and the like.
    ``registry`` is the host as written; None means Docker Hub. ``registries`` are patterns for
    `host_matches`, with ``*`` for an unknown part (``*.dkr.ecr.*.amazonaws.com``); empty if nothing
    is known (``docker login $HOST``). ``variables`` are the names of the variables that its
    pipeline reads. ``stdin_password`` is the value of the only word on its standard input; None if
    that is unknown or more than one word. ``start``/``end`` enclose the command, ``sudo`` and
    assignments included, ``statement_start``/``statement_end`` its pipeline.
    """

    statement_start: int
    statement_end: int
    tool: Tool
    registries: tuple[str, ...]
    variables: frozenset[str]
    config: str | None
    registry: Word | None = None
    username: Word | None = None
    password: PasswordArgument | None = None
    password_stdin: bool = False
    stdin_password: str | None = None
    by_cloud_cli: bool = False

    __repr__ = repr_without("place", "stdin_password")


class ClientAccess(_Command, frozen=True):
    """Another program than Docker logs in to a registry, or pulls or pushes one image there.

    ``registries`` and ``variables`` as in `Login`. ``username`` and ``password`` are those on the
    command line. ``reads_stdin``: the password is on its standard input; ``stdin_password`` as in
    `Login`.
    """

    purpose: Purpose
    registries: tuple[str, ...]
    username: Word | None
    password: Word | None
    reads_stdin: bool
    variables: frozenset[str]
    stdin_password: str | None = None

    __repr__ = repr_without("place", "stdin_password")


class Logout(_Command, frozen=True):
    """``docker logout``, or a removal of the file with ``all`` logins in the directory ``config``.

    ``registry`` None is Docker Hub. ``config`` is the directory with the client's logins, here and
    in other commands: `USER_CONFIG`, another one as a path, None where it is not known.
    """

    tool: Tool
    registry: Word | None
    all: bool
    config: str | None = USER_CONFIG


class CredentialFile(_Command, frozen=True):
    """A command that writes Docker's own credential file: a login to unknown registries.

    ``variables`` as with `Login`; ``keys`` are those of `login_key`, None where they are not known.
    """

    variables: frozenset[str]
    keys: tuple[str, ...] | None = None
    config: str | None = USER_CONFIG


class SharedFile(_Command, frozen=True):
    """A command that lets others read the logins in the directory ``config``: ``chown``."""

    config: str | None = USER_CONFIG


class LocalImage(_Command, frozen=True):
    """An image that exists without a pull from here on: ``docker tag``, ``load``, ``import``.

    ``image`` is None if the command doesn't name it (``docker load``).
    """

    image: str | None


class NamedImage(_Command, frozen=True):
    """A command that names a local image and pulls nothing.

    ``docker tag`` (what it tags), ``image inspect``, ``save``, ``history``, ``rmi``, ``images``,
    ``ps --filter ancestor=...``.
    """

    image: Word


class _Call(_Command, frozen=True):
    """A command, run in ``directory``, that runs others.

    ``client_environment`` is what it is handed of the variables that say where logins are kept.
    """

    directory: str | None
    client_environment: tuple[tuple[str, str], ...]


class ScriptCall(_Call, frozen=True):
    """Another script that runs: ``./x.sh``, ``bash x.sh``, ``source x``.

    ``path`` is as written, relative to ``directory``; both may contain placeholders and start with
    ``~`` (a job's ``working_directory`` is ``~/project`` by default). Programs called by an
    absolute path are not scripts of the repository.
    """

    path: str
    sourced: bool


class TaskCall(_Call, frozen=True):
    """A program that runs something of the repository: ``make x``, ``npm run x``, ``python x.py``.

    ``arguments`` are the values of the words behind it, ``environment`` what is set for it alone.
    """

    program: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]

    __repr__ = repr_without("arguments", "environment", "place")


class FunctionCall(_Call, frozen=True):
    """A command that may be a function of a script that was sourced before; ``text`` is all of it.

    Or one that a parameter of the config gives (``<< parameters.command >>``).

    ``hidden`` is the command of Docker among its arguments, if there is one.
    """

    name: str
    text: str
    hidden: str = ""

    __repr__ = repr_without("text", "place", "hidden")


class Exit(_Command, frozen=True):
    """``exit`` in success: what comes later does not run. (In failure, nothing else matters.)"""


Fact: TypeAlias = (
    "ImagePull | Build | BakeBuild | ComposeCommand | Login | ClientAccess | Logout"
    " | CredentialFile | SharedFile"
    " | LocalImage | NamedImage | ScriptCall | TaskCall | FunctionCall | Exit"
)


class Script(Struct, frozen=True):
    """What a script does with Docker.

    ``facts`` are in the order in which the script reaches them; one in a function occurs once for
    each call. ``uncalled`` are those of functions that the script never calls. ``assigned`` are the
    variables that it sets; ``unknown_setter`` is a command that sets unnamed ones (``eval``), empty
    if there is none. ``does_more_than_log_in``: it does more than log in, print, and test whether
    it should, or part of it doesn't parse; the facts are those of the rest.
    """

    facts: tuple[Fact, ...] = ()
    uncalled: tuple[Fact, ...] = ()
    assigned: frozenset[str] = frozenset()
    unknown_setter: str = ""
    does_more_than_log_in: bool = True


#: Names of the folder in which a command runs.
_HERE = re.compile(r"(?:\$PWD|\$\{PWD\}|\$\(pwd\)|`pwd`)(?=/|$)")


def folder_of(path: str) -> str:
    """The folder that ``path`` is in: ``.`` for a name alone."""
    return path.rpartition("/")[0] or "."


def joined_path(directory: str, path: str) -> str:
    """``path``, relative to ``directory``, joined to it without ``.`` and inner ``..``."""
    parts: list[str] = []
    if "pwd" in path or "PWD" in path:
        path = _HERE.sub(".", path)
    absolute = path.startswith(("/", "~", "$"))
    for part in (path if absolute else f"{directory}/{path}").split("/"):
        if part == ".." and parts and parts[-1] != ".." and not parts[-1].startswith(("$", "~")):
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path.startswith("/") else "") + ("/".join(parts) or ".")
