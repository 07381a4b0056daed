"""The files of a repository at a host, as far as they are fetched."""

from __future__ import annotations

from collections.abc import Mapping

#: How often files are fetched that an earlier round turned out to need: a script, what it calls,
#: its Dockerfile. What is missing after that counts as not there.
ROUNDS = 4


class FetchedFiles:
    """A reader of the repository whose CircleCI files are ``files``.

    ``others`` are its further files that were fetched (None: not there). ``missing`` are the paths
    that were asked for and that are neither.
    """

    def __init__(self, files: Mapping[str, bytes], others: Mapping[str, bytes | None]) -> None:
        self._files = files
        self._others = others
        self.missing: dict[str, None] = {}

    def read(self, path: str) -> bytes | None:
        """The bytes of the file at ``path``, None if there is none at hand."""
        if path in self._files:
            return self._files[path]
        if path not in self._others:
            self.missing[path] = None
        return self._others.get(path)
