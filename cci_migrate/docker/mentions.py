"""Cheap tests of whether a text is worth reading as a shell script.

Each is made several times of one script: for each job that runs it, and in the proof again.
"""

from __future__ import annotations

from functools import lru_cache

from cci_migrate.docker.container_tools import CLIENTS, DOCKER_VARIABLE, IMAGE_PROGRAMS, Tool
from cci_migrate.docker.tasks.programs import mentions_task
from cci_migrate.lazy_patterns import lazy_pattern

#: How many scripts are remembered: more than most configs have.
_SCRIPTS = 512

#: ``docker`` as a word, part of a path or of ``docker-compose``; not ``dockerize``, ``dockerhub``.
_DOCKER = lazy_pattern(r"docker(?![a-z_]|-machine\b)|\.dockercfg")
_VARIABLE = lazy_pattern(DOCKER_VARIABLE)
_OTHERS = (
    *(tool.value for tool in Tool if tool is not Tool.DOCKER),
    *("get-login", "acr login", "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG"),
)
#: The name of a program that has images pulled, alone, and what its commands begin with.
_IMAGE_PROGRAM = lazy_pattern(rf"(?<![\w-])(?:{'|'.join(IMAGE_PROGRAMS)})[ \t]")
_IMAGE_COMMANDS = tuple({program.command[0] for program in IMAGE_PROGRAMS.values()})
_IMAGE_PROGRAM_NAMES = tuple(f"{name} " for name in IMAGE_PROGRAMS)
#: Other programs that use registries, and the commands by which they do. A short name is part of
#: many words.
_CLIENT_NAMES = tuple(name if len(name) > 3 else f"{name} login" for name in CLIENTS)
_CLIENT_COMMANDS = sorted({"login"}.union(*(client.transfers for client in CLIENTS.values())))
#: A shell that is sent its script: ``curl x | sudo bash``, ``eval "$(curl x)"``.
_PIPED = lazy_pattern(
    r"\|[ \t]*(?:sudo [-\w ]{0,40})?(?:[\w/]{0,20}/)?(?:ba|da|z|k)?sh\b"
    r"|\beval\b[^\n]{0,9}(?:curl|wget)\b"
)
_PARAMETER = lazy_pattern(r"(?:^|[\n;&|(])[ \t]*<<[ \t]*(?:pipeline\.)?parameters\.")
#: ``$CMD``, ``eval "$CMD"``, ``sh -c "$CMD"``, ``retry 3 "$CMD"``.
_COMMAND_IN_VARIABLE = lazy_pattern(
    r"(?:(?:^|[\n;&|({`])[ \t]*|\b(?:eval|exec|sudo|then|do|else)[ \t]+|[ \t]-\w*c[ \t]+)"
    r"[\"']?\$\{?([A-Za-z_]\w*)"
)
#: A path, a script of Windows, a shell, or a command that reads a script.
_CALL = lazy_pattern(
    r"/|\.(?:ps1|bat|cmd)\b|(?<![\w.-])(?:(?:source|\.)[ \t]+\S|(?:a|ba|da|z|k)?sh(?![\w.-]))"
)


@lru_cache(maxsize=_SCRIPTS)
def mentions_docker(text: str) -> bool:
    """Whether ``text`` may contain a fact other than a call.

    False positives are possible; false negatives are not, except for words that the shell joins.
    """
    if "docker" in text and _DOCKER.search(text) is not None:
        return True
    if "DOCKER" in text and _VARIABLE.search(text) is not None:
        return True
    if any(word in text for word in _OTHERS) or _uses_client(text):
        return True
    is_named = any(name in text for name in _IMAGE_PROGRAM_NAMES)
    does_so = is_named and any(command in text for command in _IMAGE_COMMANDS)
    return does_so and _IMAGE_PROGRAM.search(text) is not None


def _uses_client(text: str) -> bool:
    """Whether another program than Docker may log in, pull or push."""
    is_named = any(word in text for word in _CLIENT_NAMES)
    return is_named and any(word in text for word in _CLIENT_COMMANDS)


@lru_cache(maxsize=_SCRIPTS)
def mentions_call(text: str) -> bool:
    """Whether ``text`` may call another script of the repository."""
    return _CALL.search(text) is not None


@lru_cache(maxsize=_SCRIPTS)
def mentions_script(text: str) -> bool:
    """Whether ``text`` may call another script, or a task, of the repository.

    Or a command that a parameter of the config gives.
    """
    if mentions_call(text) or mentions_task(text) or _PIPED.search(text) is not None:
        return True
    return "<<" in text and _PARAMETER.search(text) is not None


def commands_in_variables(text: str) -> frozenset[str]:
    """The variables in the script ``text`` that may hold a command that it runs."""
    return frozenset(_COMMAND_IN_VARIABLE.findall(text))


def mentions_login(text: str) -> bool:
    """Whether ``text`` may log in, by a command of its own or of an orb's."""
    return "login" in text or "/check" in text
