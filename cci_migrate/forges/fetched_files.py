"""The files of a repository that were fetched from a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

#: How often further files are fetched that reading asks for: a Makefile, what it includes, a
#: script, what that calls, its Compose file, a Dockerfile. What is missing after that is taken not
#: to exist.
_ROUNDS = 6
#: The most further files that are fetched for one repository, and the longest path of one.
MOST_FILES = 300
LONGEST_PATH = 1_000


class FurtherFiles(Struct, frozen=True):
    """Files of a repository besides those for CircleCI, by path (None: not there).

    They are fetched in ``rounds``: each with what reading with the files before has missed.
    """

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    rounds: int = 0

    @property
    def may_have_more(self) -> bool:
        """Whether another round of files may be fetched."""
        return self.rounds < _ROUNDS

    def with_files(
        self, paths: Sequence[str], contents: Mapping[str, bytes | None]
    ) -> FurtherFiles:
        """These files and those at ``paths``, as they are in ``contents``."""
        fetched = {path: contents.get(path) for path in paths}
        return FurtherFiles({**self.files, **fetched}, self.rounds + 1)


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
        if path not in self._others and self._is_worth_a_request(path):
            self.missing[path] = None
        return self._others.get(path)

    def _is_worth_a_request(self, path: str) -> bool:
        """Whether a file of the repository may have ``path``, and it may still be asked for."""
        parts = path.split("/")
        is_possible = path.isprintable() and not any(part in ("", ".", "..") for part in parts)
        is_written_out = not path.startswith(("~", "$", "<")) and len(path) <= LONGEST_PATH
        return is_possible and is_written_out and len(self._others) + len(self.missing) < MOST_FILES
