"""Where and how one command of a script runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.client_config import (
    HOME,
    OTHER_USER,
    ClientEnvironment,
    client_directory,
)
from cci_migrate.docker.shell.facts import At
from cci_migrate.escaping.hidden_fields import repr_without


class Invocation(Struct, frozen=True):
    """Where and how one command runs.

    ``at`` is where it is, with everything in front of it (``sudo``), and ``statement`` where its
    pipeline starts and ends. ``stdin``: it has input; ``stdin_text`` is that input, ``stdin_file``
    its file, ``stdin_word`` its only word, each if known. ``lookup`` returns a variable's value;
    ``variables`` are the names of all that the pipeline reads. ``xargs_appends``, ``replaces`` and
    ``obstacle``: see `Unwrapped`. ``environment`` says where logins are kept, ``shell`` what the
    shell that runs the command has of it.
    """

    at: At
    statement: tuple[int, int]
    directory: str | None
    lookup: Callable[[str], str | None]
    assignments: Mapping[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    stdin: bool = False
    stdin_text: str | None = None
    stdin_file: str | None = None
    stdin_word: str | None = None
    xargs_appends: bool = False
    replaces: str | None = None
    obstacle: str | None = None
    environment: ClientEnvironment = field(default_factory=dict)
    shell: ClientEnvironment = field(default_factory=dict)

    __repr__ = repr_without("stdin_text", "stdin_word")

    def value_of(self, name: str) -> str | None:
        """The value of the variable ``name`` for the command; None if it is unknown or unset."""
        return self.assignments.get(name) or self.lookup(name)

    def config_of(self, tool: Tool) -> str | None:
        """The directory in which ``tool`` looks for logins: podman and buildah in Docker's too."""
        if tool.shares_logins:
            return client_directory(self.environment, self.directory)
        kept = (HOME, OTHER_USER)
        return client_directory(
            {name: value for name, value in self.environment.items() if name in kept}
        )
