"""What a script says about Docker: the types."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from cci_migrate.docker.shell.flow import Place
from cci_migrate.escaping.hidden_fields import repr_without


class Tool(Enum):
    """The program that a command runs; the value is its name."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"


class Verb(Enum):
    """What a command does that can make it pull."""

    PULL = "pull"
    RUN = "run"
    CREATE = "create"
    BUILD = "build"
    UP = "up"


class Quoting(Enum):
    """How a word is quoted as a whole."""

    NONE = "none"
    SINGLE = "single"
    DOUBLE = "double"
    MIXED = "mixed"
    """In parts, or in a way that only some shells know (``$'...'``)."""


class LoginKind(Enum):
    """By which command one logs in."""

    LOGIN = "login"
    """``docker login``, ``podman login``, ``buildah login``, ``skopeo login``."""
    AWS_GET_LOGIN = "aws ecr get-login"
    """``$(aws ecr get-login ...)``, which prints a ``docker login`` (AWS CLI 1)."""
    GCLOUD_CONFIGURE = "gcloud auth configure-docker"
    GCLOUD_DOCKER = "gcloud docker"
    AZ_ACR_LOGIN = "az acr login"


class Word(Struct, frozen=True):
    """A word of a command.

    ``text`` is the script's own text between ``start`` and ``end``. ``value`` is what the command
    is given: without its quotes, with variables that the script itself sets once to a text
    replaced by it, and every other expansion as it is written (`registry_of` knows them as
    placeholders). Neither shows in a repr: a word may be a password.
    """

    start: int
    end: int
    text: str
    value: str
    quoting: Quoting = Quoting.NONE

    __repr__ = repr_without("text", "value")


class ImagePull(Struct, frozen=True):
    """A command that names the image it fetches: ``docker pull|run|create``, ``buildah from``.

    ``image`` is None where the command line does not hold it (``xargs docker pull``).
    ``is_local``: an earlier command of this script builds, tags or loads that image, so nothing is
    fetched. ``--pull never`` makes no `ImagePull`.
    """

    start: int
    end: int
    tool: Tool
    verb: Verb
    image: Word | None
    is_local: bool
    always_pulls: bool
    place: Place

    __repr__ = repr_without("place")


class Build(Struct, frozen=True):
    """``docker build``, ``docker buildx build``, ``podman build``, ``buildah bud``.

    ``context`` is the context as given: a folder, ``-``, or a URL. ``dockerfile`` is the ``-f``
    as given; None means ``Dockerfile`` in the context. ``dockerfile_text`` is the Dockerfile's own
    text where the command gets it by a here-document or by ``echo``. ``directory`` is where the
    command runs, from the script's first directory; None if that cannot be told. ``build_args``
    hold a value of None where it comes from the environment. ``tags`` are local images from here
    on.
    """

    start: int
    end: int
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
    place: Place

    __repr__ = repr_without("dockerfile_text", "build_args", "build_contexts", "place")

    @property
    def dockerfile_path(self) -> str | None:
        """The Dockerfile's path from the script's first directory, if it is a file of its own.

        May hold placeholders. None for a text given on the spot, a remote context, a context or a
        directory that cannot be told.
        """
        return dockerfile_path(self)


class BakeBuild(Struct, frozen=True):
    """``docker buildx bake``: builds what its ``files`` say (none: the default names)."""

    start: int
    end: int
    directory: str | None
    files: tuple[str, ...]
    targets: tuple[str, ...]
    place: Place

    __repr__ = repr_without("place")


class ComposeCommand(Struct, frozen=True):
    """``docker compose`` or ``docker-compose``: ``up``, ``build``, ``pull``, ``run``, ``create``.

    ``files`` as given by ``-f`` or, failing that, a ``COMPOSE_FILE`` that the script sets (``-`` is
    stdin); empty means the default names, looked for in ``directory`` and above. ``services``
    empty means all. ``with_dependencies`` is False after ``--no-deps`` and for ``pull`` and
    ``build`` without ``--with-dependencies``. ``environment`` holds what the script sets for the
    file's ``${X}``.
    """

    start: int
    end: int
    tool: Tool
    verb: Verb
    directory: str | None
    files: tuple[str, ...]
    project_directory: str | None
    profiles: tuple[str, ...]
    services: tuple[str, ...]
    with_dependencies: bool
    always_pulls: bool
    environment: tuple[tuple[str, str], ...]
    place: Place

    __repr__ = repr_without("environment", "place")

    @property
    def file_paths(self) -> tuple[str, ...] | None:
        """The files' paths from the script's first directory; None if that cannot be told.

        Empty where none is given: see `compose.DEFAULT_NAMES`.
        """
        if self.directory is None:
            return None
        return tuple(joined_path(self.directory, file) for file in self.files)


class PasswordArgument(Struct, frozen=True):
    """A login's ``-p``, and what is needed to write ``--password-stdin`` in its stead.

    ``start``/``end`` hold the option with its value: put ``--password-stdin`` in their place, and
    the rest of the line stays as it is. ``value`` is the password as a word: ``value.text`` is what
    to give ``echo``, quotes and all. ``insert_at`` is where ``echo ... | `` goes, before ``sudo``
    and assignments. ``obstacle`` says, for people, why the command cannot be rewritten so; None if
    it can.
    """

    start: int
    end: int
    value: Word
    insert_at: int
    obstacle: str | None


class Login(Struct, frozen=True):
    """A command that logs in to one registry, or to some.

    ``registry`` is the host as given, None where none is: Docker Hub. ``registries`` are patterns
    for `host_matches`, with ``*`` for what is not known (``*.dkr.ecr.*.amazonaws.com``); empty
    where nothing at all is known (``docker login $HOST``). ``variables`` are the names of the
    variables that its pipeline reads. ``fed`` is the password that its input gives it, as a word's
    ``value``: None where that is more or something else than one word that is printed.
    ``start``/``end`` hold the command, ``sudo`` and assignments included,
    ``statement_start``/``statement_end`` the pipeline it is part of.
    """

    start: int
    end: int
    statement_start: int
    statement_end: int
    kind: LoginKind
    tool: Tool
    registry: Word | None
    registries: tuple[str, ...]
    username: Word | None
    password: PasswordArgument | None
    password_stdin: bool
    variables: frozenset[str]
    place: Place
    fed: str | None = None

    __repr__ = repr_without("place", "fed")


class Purpose(Enum):
    """What a program that is not Docker uses a registry for."""

    LOGIN = "login"
    PULL = "pull"
    PUSH = "push"


class ClientAccess(Struct, frozen=True):
    """Another program than Docker logs in to a registry, or pulls or pushes one image there.

    ``registries`` and ``variables`` as with `Login`. ``username`` and ``password`` are what the
    command line gives it; ``is_fed``: the password is on its input, ``fed`` where that is one word.
    """

    start: int
    end: int
    purpose: Purpose
    registries: tuple[str, ...]
    username: Word | None
    password: Word | None
    is_fed: bool
    variables: frozenset[str]
    place: Place
    fed: str | None = None

    __repr__ = repr_without("place", "fed")


class Logout(Struct, frozen=True):
    """``docker logout``; ``registry`` None is Docker Hub (podman's ``--all``: see ``all``)."""

    start: int
    end: int
    tool: Tool
    registry: Word | None
    all: bool
    place: Place

    __repr__ = repr_without("place")


class CredentialFile(Struct, frozen=True):
    """A command that writes Docker's own credential file: a login to some registry or registries.

    ``variables`` as with `Login`.
    """

    start: int
    end: int
    variables: frozenset[str]
    place: Place

    __repr__ = repr_without("place")


class LocalImage(Struct, frozen=True):
    """An image that exists without a pull from here on: ``docker tag``, ``load``, ``import``.

    ``image`` is None where its name is not told (``docker load``).
    """

    start: int
    end: int
    image: str | None
    place: Place

    __repr__ = repr_without("place")


class NamedImage(Struct, frozen=True):
    """A command that names an image that is there already, and fetches none.

    ``docker tag`` (what it tags), ``image inspect``, ``save``, ``history``, ``rmi``, ``images``,
    ``ps --filter ancestor=...``.
    """

    start: int
    end: int
    image: Word
    place: Place

    __repr__ = repr_without("place")


class ScriptCall(Struct, frozen=True):
    """Another script that runs: ``./x.sh``, ``bash x.sh``, ``source x``.

    ``path`` is as given, relative to ``directory``; it may hold placeholders and start with ``~``,
    as ``directory`` may (a job's ``working_directory`` is ``~/project`` by default). Programs of
    the system, by absolute path, are left out.
    """

    start: int
    end: int
    path: str
    sourced: bool
    directory: str | None
    place: Place

    __repr__ = repr_without("place")


class Exit(Struct, frozen=True):
    """``exit`` in success: what comes later does not run. (In failure, nothing else matters.)"""

    start: int
    end: int
    place: Place

    __repr__ = repr_without("place")


Fact: TypeAlias = (
    "ImagePull | Build | BakeBuild | ComposeCommand | Login | ClientAccess | Logout"
    " | CredentialFile"
    " | LocalImage | NamedImage | ScriptCall | Exit"
)


class Script(Struct, frozen=True):
    """What a script says.

    ``facts`` come in the order in which the script reaches them; one in a function stands once for
    each call. ``uncalled`` are those of functions that the script itself never calls.
    ``has_errors``: part of the text is not shell as the parser knows it; ``facts`` come from the
    rest. ``assigned`` are the variables that it sets; ``sets_unknown`` what sets others that its
    text does not name (``eval``), empty if nothing does. ``does_besides``: it does more than log
    in, print, and test whether it should.
    """

    facts: tuple[Fact, ...] = ()
    uncalled: tuple[Fact, ...] = ()
    has_errors: bool = False
    assigned: frozenset[str] = frozenset()
    sets_unknown: str = ""
    does_besides: bool = True


def joined_path(directory: str, path: str) -> str:
    """``path`` seen from where ``directory`` is seen from, without ``.`` and inner ``..``."""
    parts: list[str] = []
    absolute = path.startswith(("/", "~", "$"))
    for part in (path if absolute else f"{directory}/{path}").split("/"):
        if part == ".." and parts and parts[-1] != ".." and not parts[-1].startswith(("$", "~")):
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path.startswith("/") else "") + ("/".join(parts) or ".")


def dockerfile_path(build: Build) -> str | None:
    """See `Build.dockerfile_path`."""
    context = build.context
    if build.dockerfile_text is not None or build.directory is None or context is None:
        return None
    remote = "://" in context or context.startswith(("git@", "github.com/"))
    if build.dockerfile is not None:
        # Seen from where the command runs, not from the context.
        if build.dockerfile == "-" or (remote and "://" in build.dockerfile):
            return None
        return None if remote else joined_path(build.directory, build.dockerfile)
    if remote or context == "-":
        return None
    return joined_path(joined_path(build.directory, context), "Dockerfile")
