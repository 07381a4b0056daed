"""In which folder of the repository a step runs.

``checkout`` puts the repository into the job's ``working_directory``, ``~/project`` where nothing
is said, or where its ``path`` says, seen from there. A step's own ``working_directory`` is seen
from the job's: https://circleci.com/docs/reference/configuration-reference/#checkout.
"""

from __future__ import annotations

import re

from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.shell.working_folder import WORKING_DIRECTORY

_DEFAULT = "~/project"
#: Other names of the home of the user who runs the steps.
_HOME = re.compile(r"(?:/home/circleci|/root|\$HOME|\$\{HOME\})(?=/|$)")
#: Prints the root of the repository.
_TOP = re.compile(r"(?:\$\(git rev-parse --show-toplevel\)|`git rev-parse --show-toplevel`)(?=/|$)")


class CheckoutFolder:
    """Where the repository is in a job with the ``working_directory`` (None: the usual one)."""

    def __init__(self, working_directory: str | None) -> None:
        self._own = _HOME.sub("~", working_directory or _DEFAULT).rstrip("/")
        self._root = self._own
        #: Names of the root besides: with a folder that isn't known `~/project` is taken for it.
        self._others: tuple[str, ...] = (_DEFAULT,)

    def checked_out(self, path: str | None) -> None:
        """Take in a ``checkout`` with ``path``, None where it has none."""
        self._root = self._own if path is None else self._absolute(path)
        self._others = (_DEFAULT,) if path is None else ()

    @property
    def root(self) -> str:
        """Where the repository is: ``~/project``."""
        return self._root

    def directory_of(self, working_directory: str | None) -> str | None:
        """Where a step runs: from the repository's root, else as it is; None if not known."""
        path = self._own if working_directory is None else self._absolute(working_directory)
        inside = self._inside(path)
        if inside is None:
            return None if path.startswith(("$", "<")) else path
        return inside

    def inside(self, path: str) -> str | None:
        """``path``, as it is or from the repository's root, from that root; None if elsewhere."""
        if path.startswith(("/", "~", "$", "<", "`")):
            return self._inside(self._absolute(path))
        return self._inside(joined_path(self._root, path)) if ".." in path else path

    def _absolute(self, path: str) -> str:
        known = WORKING_DIRECTORY.sub(lambda _: self._own, _HOME.sub("~", path))
        known = _TOP.sub(lambda _: self._root, known)
        if known.startswith("<"):
            return known
        return joined_path(self._own, known)

    def _inside(self, path: str) -> str | None:
        for prefix in (self._root, *self._others):
            if path == prefix:
                return "."
            if path.startswith(f"{prefix}/"):
                return path.removeprefix(f"{prefix}/")
        return None
