"""Commands that write, copy and remove the files in which Docker's client keeps logins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.client_config import (
    ClientEnvironment,
    directory_at,
    directory_of_file,
    keys_written,
)
from cci_migrate.docker.shell.facts import At, CredentialFile, Fact, Logout, SharedFile


class FileCommand(Struct, frozen=True):
    """A command that works on files, run in ``folder``.

    ``at`` is where it starts and ends, and its place. ``variables`` are those that it reads,
    ``environment`` says where logins are kept.
    """

    at: At
    variables: frozenset[str]
    environment: ClientEnvironment
    folder: str | None

    def write(self, path: str, text: str | None) -> Iterator[Fact]:
        """The facts of a write of ``text``, None if unknown, to ``path``."""
        directory = directory_of_file(path, self.environment, self.folder)
        if directory is not None:
            yield from self._written(directory, keys_written(text))

    def copy(self, program: str, words: Sequence[str]) -> Iterator[Fact]:
        """The facts of ``program`` (``cp``, ``mv``, ``ln``) with the arguments ``words``."""
        paths = [word for word in words if not word.startswith("-")]
        target = paths[-1] if paths else ""
        directory = self._directory(target)
        for path in paths[:-1]:
            if self._directory(path) is None:
                continue
            if directory is None and not path.endswith(".json"):
                directory = self._directory(f"{target}/.docker")
            if program == "mv":
                yield from self.remove([path])
        if directory is not None:
            yield from self._written(directory, None)

    def remove(self, paths: Iterable[str]) -> Iterator[Fact]:
        """The facts of a removal of ``paths``: with them, perhaps, all logins are gone."""
        return map(self._all_gone, self._directories(path.removesuffix("/*") for path in paths))

    def share(self, paths: Iterable[str]) -> Iterator[Fact]:
        """The facts of another owner or mode of ``paths``."""
        return (SharedFile(*self.at, directory) for directory in self._directories(paths))

    def _directory(self, path: str) -> str | None:
        return directory_at(path, self.environment, self.folder)

    def _directories(self, paths: Iterable[str]) -> Iterator[str]:
        return filter(None, map(self._directory, paths))

    def _written(self, directory: str, keys: tuple[str, ...] | None) -> Iterator[Fact]:
        if keys is not None:
            # What was in the file is gone.
            yield self._all_gone(directory)
        if keys != ():
            yield CredentialFile(*self.at, self.variables, keys, directory)

    def _all_gone(self, directory: str) -> Fact:
        return Logout(*self.at, Tool.DOCKER, None, True, directory)
