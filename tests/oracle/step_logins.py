"""Where the steps of a job log in to Docker Hub, and how a login may be rewritten.

A few regular expressions, on purpose: a second opinion beside a parser of shell scripts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.oracle.image_registry import HUB_HOSTS
from tests.oracle.plain_yaml import Data, list_of, mapping_of, value_at

#: A user name and a password, as ``$NAME`` where they are variables.
Login = tuple[str, str]

LOGIN = re.compile(r"\b(?:docker|podman)\s+login\b((?:\\\n|[^\n;&|<)])*)(<<<\s*\S+)?")
PIPED = re.compile(r"(?:echo|printf)\s+(?:-n\s+|[\"']?%s[\"']?\s+)?(\S+)\s*\|\s*(?:sudo\s+)?$")
PASSWORD_FLAGS = ("-p", "--password")
FLAGS_WITH_VALUE = ("-u", "--username", "-e", "--email", *PASSWORD_FLAGS)


def hub_logins(script: str) -> Iterator[Login]:
    """Each login to Docker Hub that ``script`` makes."""
    for match in LOGIN.finditer(script):
        values, hosts = _arguments(match.group(1))
        if any(host not in HUB_HOSTS and host != "https://index.docker.io/v1/" for host in hosts):
            continue
        username = values.get("-u") or values.get("--username", "")
        password = values.get("-p") or values.get("--password", "")
        before = PIPED.search(script[: match.start()])
        if not password and before:
            password = before.group(1)
        if not password and match.group(2):
            password = match.group(2).removeprefix("<<<")
        yield _name(username), _name(password)


def _arguments(text: str) -> tuple[dict[str, str], list[str]]:
    values: dict[str, str] = {}
    hosts: list[str] = []
    words = iter(text.replace("\\\n", " ").split())
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in FLAGS_WITH_VALUE:
            values[flag] = value if equals else next(words, "")
        elif re.match(r"-[up].", word):
            values[word[:2]] = word[2:]
        elif not word.startswith("-") and not re.match(r"\d?>", word):
            hosts.append(word.strip("\"'"))
    return values, hosts


def _name(text: str) -> str:
    bare = text.strip().strip("\"'")
    match = re.fullmatch(r"\$\{?(\w+)\}?", bare)
    return f"${match.group(1)}" if match else bare


class StepLogins:
    """The logins to Docker Hub of the jobs of one config, through its commands."""

    def __init__(self, config: Mapping[str, Data]) -> None:
        self._commands = mapping_of(config, "commands")
        orbs = mapping_of(config, "orbs")
        self._orbs = tuple(
            name for name, orb in orbs.items() if str(orb).startswith("circleci/docker@")
        )
        self._of_ecr = tuple(
            name for name, orb in orbs.items() if str(orb).startswith("circleci/aws-ecr@")
        )

    def of(self, steps: Data, depth: int = 0) -> Iterator[Login]:
        """The logins of ``steps``."""
        if depth > 8:
            return
        for step in list_of(steps):
            if isinstance(step, str):
                yield from self._named(step, None, depth)
            for name, arguments in mapping_of(step).items():
                yield from self._named(name, arguments, depth)

    def of_call(self, called: str, arguments: Data) -> Iterator[Login]:
        """The logins of an orb's job that a workflow runs with ``arguments``."""
        given = {key.replace("_", "-"): value for key, value in mapping_of(arguments).items()}
        if called in {f"{orb}/publish" for orb in self._orbs} and given.get("deploy") is not False:
            yield from self._of_orb(arguments)
        if called.partition("/")[0] in self._of_ecr:
            yield from self.of(given.get("registry-login"))
            if given.get("docker-login"):
                username = given.get("dockerhub-username", "DOCKERHUB_USERNAME")
                yield f"${username}", f"${given.get('dockerhub-password', 'DOCKERHUB_PASSWORD')}"

    def _named(self, name: str, arguments: Data, depth: int) -> Iterator[Login]:
        if name in ("run", "deploy"):
            yield from hub_logins(script_of(arguments))
        elif name in ("when", "unless"):
            yield from self.of(value_at(arguments, "steps"), depth + 1)
        elif name in self._commands:
            yield from self.of(value_at(self._commands[name], "steps"), depth + 1)
        elif name in {f"{orb}/check" for orb in self._orbs}:
            yield from self._of_orb(arguments)

    def _of_orb(self, arguments: Data) -> Iterator[Login]:
        # The arguments name the variables.
        given = {key.replace("_", "-"): value for key, value in mapping_of(arguments).items()}
        if str(given.get("registry", "docker.io")) in HUB_HOSTS:
            username = given.get("docker-username", "DOCKER_LOGIN")
            yield f"${username}", f"${given.get('docker-password', 'DOCKER_PASSWORD')}"


def script_of(run: Data) -> str:
    """The script of a ``run`` step in either of its forms."""
    return run if isinstance(run, str) else str(mapping_of(run).get("command", ""))


def is_rewritten_login(before: str, after: str) -> bool:
    """Whether the only change is that logins take their password from standard input."""
    old, new = before.split("\n"), after.split("\n")
    return (
        before != after
        and len(old) == len(new)
        and all(
            line == other or _is_rewritten_line(line, other)
            for line, other in zip(old, new, strict=True)
        )
    )


def _is_rewritten_line(before: str, after: str) -> bool:
    if "login" not in before:
        return False
    old, new = before.split(), after.split()
    for index, word in enumerate(old):
        for flag in PASSWORD_FLAGS:
            password, used = "", 1
            if word == flag and index + 1 < len(old):
                password, used = old[index + 1], 2
            elif word.startswith(f"{flag}=") or (flag == "-p" and word.startswith("-p")):
                password = word[len(flag) :].removeprefix("=")
            if password:
                rest = Counter([*old[:index], *old[index + used :]])
                if rest + Counter(["echo", password, "|", "--password-stdin"]) == Counter(new):
                    return True
    return False


def is_added_login(before: str, after: str) -> bool:
    """Whether the only change is that lines were added which log in."""
    lines = iter(after.split("\n"))
    added: list[str] = []
    for line in before.split("\n"):
        for other in lines:
            if other == line:
                break
            added.append(other)
        else:
            return False
    text = "\n".join([*added, *lines])
    return "docker login" in text and "--password-stdin" in text
