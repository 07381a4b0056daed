"""What a shell script pulls, where it logs in, and in which order.

`facts_of` reads the text of a ``run`` step into a `Script` of facts, in order. All offsets are
into that text.

=================  ===============================================================================
`ImagePull`        ``docker pull|run|create IMAGE`` (podman, buildah alike)
`Build`            ``docker build``, ``docker buildx build``: pulls what its Dockerfile says
`BakeBuild`        ``docker buildx bake``
`ComposeCommand`   ``docker compose up|build|pull|run|create``: pulls what its files say
`Login`            ``docker login`` and the clouds' own commands; with ``-p``, how to rewrite it
`ClientAccess`     ``crane auth login``, ``skopeo copy --src-creds`` and the like
`Logout`           ``docker logout``
`CredentialFile`   writes ``~/.docker/config.json``
`SharedFile`       lets others read it: ``chown``
`LocalImage`       ``docker tag``, ``docker load``: an image that needs no pull from here on
`NamedImage`       ``docker tag IMAGE``, ``docker image inspect IMAGE``: names one, fetches none
`ScriptCall`       another script of the repository runs
`TaskCall`         ``make x``, ``npm run x``: something of the repository runs
`FunctionCall`     a command that a sourced script may define
`Exit`             the script ends early, in success
=================  ===============================================================================

`logged_in_before` and `logged_in_at_end` say whether a login surely ran; `flow` has the rules.
`mentions_docker` is a cheap test to call first. `LocalImages` records, across scripts, the images
that need no pull.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from typing_extensions import assert_never

from cci_migrate.docker.mentions import mentions_call, mentions_docker, mentions_script
from cci_migrate.docker.shell.client_config import (
    BY_OTHER_USER,
    DOCKER_CONFIG,
    HOME,
    OTHER_USER,
    config_directory,
)
from cci_migrate.docker.shell.compose_commands import COMPOSE_FILE, COMPOSE_PROFILES
from cci_migrate.docker.shell.dialects import Dialect, dialect_of, reads
from cci_migrate.docker.shell.facts import (
    USER_CONFIG,
    BakeBuild,
    Build,
    ClientAccess,
    ComposeCommand,
    CredentialFile,
    Exit,
    Fact,
    FunctionCall,
    ImagePull,
    LocalImage,
    Login,
    LoginKind,
    Logout,
    NamedImage,
    PasswordArgument,
    Purpose,
    Quoting,
    Script,
    ScriptCall,
    SharedFile,
    TaskCall,
    Tool,
    Verb,
    Word,
    joined_path,
)
from cci_migrate.docker.shell.flow import PlacedCommand, surely_at_end, surely_before
from cci_migrate.docker.shell.local_images import LocalImages, same_image_key
from cci_migrate.docker.shell.own_folder import with_own_folder
from cci_migrate.docker.shell.script_files import dialect_of_file

__all__ = [
    "BY_OTHER_USER",
    "DOCKER_CONFIG",
    "HOME",
    "READ_UNNAMED",
    "USER_CONFIG",
    "BakeBuild",
    "Build",
    "ClientAccess",
    "ComposeCommand",
    "CredentialFile",
    "Dialect",
    "Exit",
    "Fact",
    "FunctionCall",
    "ImagePull",
    "LocalImage",
    "LocalImages",
    "Login",
    "LoginKind",
    "Logout",
    "NamedImage",
    "PasswordArgument",
    "Purpose",
    "Quoting",
    "Script",
    "ScriptCall",
    "SharedFile",
    "TaskCall",
    "Tool",
    "Verb",
    "Word",
    "config_directory",
    "dialect_of",
    "dialect_of_file",
    "facts_of",
    "joined_path",
    "logged_in_at_end",
    "logged_in_before",
    "mentions_call",
    "mentions_docker",
    "mentions_script",
    "reads",
    "same_image_key",
    "with_own_folder",
]


#: The variables whose value matters also to a script that doesn't name them.
READ_UNNAMED = frozenset((HOME, DOCKER_CONFIG, OTHER_USER, COMPOSE_FILE, COMPOSE_PROFILES))


def facts_of(
    text: str,
    dialect: Dialect = Dialect.POSIX,
    environment: Mapping[str, str] | None = None,
) -> Script:
    """The facts of the script ``text``; none if ``dialect`` is OTHER.

    ``environment`` has the variables whose value is known when the script starts (a step's and a
    job's ``environment``). Raises TooComplexError.
    """
    variables = environment or {}
    match dialect:
        case Dialect.POSIX:
            from cci_migrate.docker.shell.bash import read_bash

            return read_bash(text, variables)
        case Dialect.POWERSHELL | Dialect.CMD:
            from cci_migrate.docker.shell.line_based import read_lines

            return read_lines(text, dialect, variables)
        case Dialect.OTHER:
            return Script()
        case _:
            assert_never(dialect)


def logged_in_before(logins: Iterable[Fact], fact: Fact) -> bool:
    """Whether one of ``logins`` has surely run when ``fact`` runs (one in each branch will do)."""
    return surely_before([_placed(login) for login in logins], fact.place)


def logged_in_at_end(logins: Iterable[Fact], script: Script) -> bool:
    """Whether one of ``logins`` has surely run when ``script`` ends in success."""
    exits = [_placed(fact) for fact in script.facts if isinstance(fact, Exit)]
    return surely_at_end([_placed(login) for login in logins], exits)


def _placed(fact: Fact) -> PlacedCommand:
    variables = fact.variables if isinstance(fact, Login | CredentialFile) else frozenset[str]()
    return PlacedCommand(fact.place, variables)
