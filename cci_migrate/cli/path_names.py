"""What files are called in what people read: as they wrote it, from the folder they are in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class PathNames:
    """The names of files that the paths ``written`` on the command line lead to."""

    def __init__(self, written: Iterable[Path]) -> None:
        self._written: dict[Path, Path] = {}
        for path in written:
            self._written.setdefault(Path(os.path.abspath(path)), path)  # noqa: PTH100 - links stay

    def of(self, root: Path, paths: Iterable[str]) -> dict[str, str]:
        """The name of each of ``paths`` in the repository at ``root``."""
        return {path: self._name(root, root / path) for path in paths}

    def _name(self, root: Path, file: Path) -> str:
        for folder in (file, *file.parents):
            if (written := self._written.get(folder)) is not None:
                return (written / file.relative_to(folder)).as_posix()
        here = Path.cwd()
        if file.is_relative_to(here) or here.is_relative_to(root):
            return Path(os.path.relpath(file, here)).as_posix()
        return file.as_posix()
