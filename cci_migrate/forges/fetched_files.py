"""The files of a repository that were fetched from a host."""

from __future__ import annotations

from collections.abc import Mapping

#: How often further files are fetched that planning asks for: a script, what it calls, its
#: Dockerfile. What is missing after that is taken not to exist.
ROUNDS = 4


class FetchedFiles:
    """A reader of a repository with the CircleCI files ``files``.

    ``others`` are further files that were fetched (None: they do not exist). ``missing`` are the
    paths that were read and are in neither.
    """

    def __init__(self, files: Mapping[str, bytes], others: Mapping[str, bytes | None]) -> None:
        self._files = files
        self._others = others
        self.missing: dict[str, None] = {}

    def read(self, path: str) -> bytes | None:
        """The bytes of the file at ``path``; None if it was not fetched or does not exist."""
        if path in self._files:
            return self._files[path]
        if path not in self._others:
            self.missing[path] = None
        return self._others.get(path)
