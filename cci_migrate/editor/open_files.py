"""The files of repositories as the editor has them: open texts go before what is on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from cci_migrate.bounds.limits import SIZE_LIMIT
from cci_migrate.circleci.packing import CONFIG_FOLDER, SUFFIXES
from cci_migrate.engine.config_files import ConfigFiles, RepositoryReader, configs_of
from cci_migrate.files.discovery import candidates_in, reader_of, root_of


class OpenConfig(Struct, frozen=True):
    """A config of which a file is open, in the repository at ``root``.

    An open file of its own has its whole text, however large.
    """

    root: Path
    files: ConfigFiles

    def path_of(self, name: str) -> Path:
        """Where its file ``name`` is."""
        return self.root / name


class OpenFiles:
    """The texts that are open, by their paths, and the configs that they belong to."""

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}
        self._names: dict[Path, tuple[str, ...]] = {}

    def set(self, path: Path, text: str) -> None:
        """The file ``path`` is open with ``text``."""
        if path not in self._texts:
            self.forget_names()
        self._texts[path] = text

    def close(self, path: Path) -> None:
        """The file ``path`` is no longer open: what is on the disk counts."""
        self._texts.pop(path, None)
        self.forget_names()

    def forget_names(self) -> None:
        """Files were made, removed or renamed: look for configs anew."""
        self._names.clear()

    def text(self, path: Path) -> str | None:
        """The open text of ``path``."""
        return self._texts.get(path)

    def configs(self) -> Iterator[OpenConfig]:
        """The configs of which a file is open, each once."""
        roots = dict.fromkeys(root_of(path) for path in self._texts)
        for root in roots:
            names = self._names_in(root)
            read = self._reader(root)
            for config in configs_of(names):
                if not any(root / name in self._texts for name in config.paths):
                    continue
                data = {
                    name: content
                    for name in config.paths
                    if (content := self._open_data(root / name) or read(name))
                }
                if data:
                    yield OpenConfig(root, ConfigFiles(data, read, config.related))

    def _names_in(self, root: Path) -> tuple[str, ...]:
        if root not in self._names:
            is_open = {
                path.relative_to(root).as_posix()
                for path in self._texts
                if path.is_relative_to(root) and _is_config(path)
            }
            self._names[root] = tuple(sorted(is_open.union(candidates_in(root))))
        return self._names[root]

    def _reader(self, root: Path) -> RepositoryReader:
        """A reader of the repository. Its results may be kept, so that each state has its own."""
        on_disk = reader_of(root)

        def read(name: str) -> bytes | None:
            data = self._open_data(root / name)
            if data is None:
                return on_disk(name)
            return data if len(data) <= SIZE_LIMIT else None

        return read

    def _open_data(self, path: Path) -> bytes | None:
        text = self._texts.get(path)
        return None if text is None else text.encode("utf-8", "surrogatepass")


def _is_config(path: Path) -> bool:
    return path.suffix in SUFFIXES and CONFIG_FOLDER in path.parts
