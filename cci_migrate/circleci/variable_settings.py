"""Tracks the variables that a job sets itself, as its steps are read.

Such a variable has its value in the job's steps only: an image's ``auth``, which CircleCI reads
before any step runs, sees contexts and the project's settings alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.primary_images import primary_items
from cci_migrate.circleci.value_origins import CredentialValue, Origin, named_variable
from cci_migrate.docker.shell.facts import Script
from cci_migrate.lossless.merging import text_of, value_of, values_by_key
from cci_migrate.lossless.nodes import Node, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: The file with variables for later steps:
#: https://circleci.com/docs/guides/security/set-environment-variable/.
_BASH_ENV = re.compile(r"\bBASH_ENV\b")
_WRITER = re.compile(r">|\btee\b")
_ASSIGNMENT = re.compile(r"(?:^|[\s\"';])(?:export\s+)?([A-Za-z_]\w*)=", re.ASCII | re.MULTILINE)
#: Files that set up a shell, and contain no credentials.
_HARMLESS_FILES = re.compile(
    r"(?:.*/)?(?:activate|nvm\.sh|rvm|\.?bashrc|\.?bash_profile|\.?profile|bash_completion"
    r"|asdf\.sh|sdkman-init\.sh|cargo/env)"
)
#: Programs whose output sets up a shell.
_HARMLESS_WRITERS = ("PATH", "pyenv", "rbenv", "nodenv", "nvm", "brew", "asdf", "direnv")


def image_environment(declared: DeclaredJob) -> frozenset[str]:
    """The variables that the primary image of a job sets."""
    return frozenset(
        name
        for _, image in primary_items(declared)
        for name in _environment_names(value_of(image.mapping, "environment"))
    )


def _environment_names(node: Node | None) -> Iterator[str]:
    value = None if node is None else resolved(node)
    yield from values_by_key(value)
    for item in value.items if isinstance(value, SequenceNode) else ():
        yield (text_of(item) or "").partition("=")[0]


def _writes_bash_env(text: str) -> bool:
    """Whether a line of ``text`` redirects something to ``$BASH_ENV``."""
    if "BASH_ENV" not in text:
        return False
    for line in text.splitlines():
        mentions = [match.start() for match in _BASH_ENV.finditer(line)]
        if mentions and _WRITER.search(line, 0, mentions[-1]) is not None:
            return True
    return False


@lru_cache(maxsize=256)
def _names_in_bash_env(text: str) -> Sequence[str] | None:
    """The variables that ``text`` may write to ``$BASH_ENV``; None if it writes nothing there.

    Remembered, as the proof reads each script again.
    """
    return _ASSIGNMENT.findall(text) if _writes_bash_env(text) else None


def exported_values(text: str, name: str) -> Mapping[str, str]:
    """What the script ``text`` leaves in ``name`` for later steps: nothing where it does not."""
    if name not in text or not _writes_bash_env(text):
        return {}
    values = re.findall(rf"\b{name}=[\"']?([^\s\"';]+)", text)
    return {name: values[-1]} if values else {}


class VariableSettings:
    """The variables set in a job: by its images, its environment, scripts, ``$BASH_ENV``."""

    def __init__(self, image_environment: Iterable[str]) -> None:
        self._lasting = dict.fromkeys(image_environment, "the image's environment")
        self._lasting_unknown = ""
        #: The variables that are known to be set for all steps from the current one on.
        self.lasting = frozenset(self._lasting)
        self._environment: Mapping[str, str] = {}
        self._here: dict[str, str] = {}
        self._here_unknown = ""

    @property
    def assigned(self) -> frozenset[str]:
        """The variables that are known to be set at the current step."""
        return self.lasting.union(self._environment, self._here)

    def enter(self, environment: Mapping[str, str]) -> None:
        """Begin a step; ``environment`` is its own and its job's."""
        self._environment = environment
        self._here.clear()
        self._here_unknown = ""

    def exported(self, text: str) -> None:
        """Record the variables that the script ``text`` exports to later steps."""
        names = _names_in_bash_env(text) if "BASH_ENV" in text else None
        if names is None:
            return
        self._lasting.update(dict.fromkeys(names, "$BASH_ENV"))
        self.lasting = frozenset(self._lasting)
        if not names and not any(writer in text for writer in _HARMLESS_WRITERS):
            self._lasting_unknown = "$BASH_ENV"

    def script(self, script: Script) -> None:
        """Record the variables that ``script`` sets for its own commands."""
        self._here.update(dict.fromkeys(script.assigned, "the script"))
        self._here_unknown = self._here_unknown or script.unknown_setter

    def sourced(self, path: str, text: str | None) -> None:
        """Record the variables of a file that a script sources; ``text`` is None if unreadable."""
        if text is not None:
            self._here.update(dict.fromkeys(_ASSIGNMENT.findall(text), path))
        elif _HARMLESS_FILES.fullmatch(path) is None:
            self._here_unknown = self._here_unknown or path

    def judged(self, value: CredentialValue) -> CredentialValue:
        """``value``, a variable, with its setter in this job if there is or may be one."""
        name = value.variable or ""
        setter = self._here.get(name)
        if setter is None and name in self._environment:
            setter = "the environment of its job or step"
        setter = setter or self._lasting.get(name)
        setter = setter or self._here_unknown or self._lasting_unknown
        if not setter or value.origin is not Origin.VARIABLE:
            return value
        return CredentialValue(Origin.ASSIGNED, value.text, setter)

    def variable(self, name: str) -> CredentialValue:
        """The variable ``name`` at the current step."""
        return self.judged(named_variable(name))
