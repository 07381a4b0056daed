"""What files are called in what people read: as they wrote it, from the folder they are in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cci_migrate.engine.outcomes import Outcome
from cci_migrate.reports.report import Result


class PathNames:
    """The names of files that the paths ``written`` on the command line lead to."""

    def __init__(self, written: Iterable[Path]) -> None:
        self._written: dict[Path, Path] = {}
        for path in written:
            self._written.setdefault(Path(os.path.abspath(path)), path)  # noqa: PTH100 - links stay

    def result(self, root: Path, outcome: Outcome) -> Result:
        """``outcome`` of a config in the repository at ``root``, as a result with names."""
        names = {path: self.name(root, path) for path in outcome.paths}
        return Result(prefix_of(root), outcome, names)

    def name(self, root: Path, path: str) -> str:
        """The name of the file at ``path`` in the repository at ``root``."""
        file = root / path
        for folder in (file, *file.parents):
            if (written := self._written.get(folder)) is not None:
                return (written / file.relative_to(folder)).as_posix()
        here = Path.cwd()
        if file.is_relative_to(here) or here.is_relative_to(root):
            return Path(os.path.relpath(file, here)).as_posix()
        return file.as_posix()


def prefix_of(root: Path) -> str:
    """What to put before a path from ``root`` to make it one from the user's folder."""
    here = Path.cwd()
    if root == here:
        return ""
    if root.is_relative_to(here) or here.is_relative_to(root):
        return Path(os.path.relpath(root, here)).as_posix() + "/"
    return root.as_posix().rstrip("/") + "/"
