"""The files of one config, and the files of its repository that affect it. Pure.

Whoever has a repository, on disk or fetched from a host, goes through its configs by `configs_of`
or `configs_in`, and hands each to `examine` as `ConfigFiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from cci_migrate.circleci.packing import Group, group_by_name, trees_beside
from cci_migrate.escaping.hidden_fields import repr_without

#: Returns the bytes of a file by its path from the repository's root, None if there is none.
RepositoryReader = Callable[[str], bytes | None]

#: So many other configs are read for a convention, those whose paths come first.
_MOST_SIBLINGS = 20


def no_repository(path: str) -> bytes | None:
    """The reader for a file that comes without its repository (standard input)."""
    del path
    return None


class RelatedFiles(Struct, frozen=True):
    """The other files of a repository that affect a config.

    ``trees`` are the files of source trees in its folder, of which it may be the output.
    ``siblings`` are other configs, each with its files: what they are authenticated with is
    evidence for this one.
    """

    trees: tuple[str, ...] = ()
    siblings: tuple[tuple[str, ...], ...] = ()


NO_RELATED_FILES = RelatedFiles()


class ConfigPaths(Struct, frozen=True):
    """The paths of one config's files: several for a packed source tree."""

    paths: tuple[str, ...]
    related: RelatedFiles = NO_RELATED_FILES


class ConfigFiles(Struct, frozen=True):
    """One config: ``files`` are the bytes of its files by path, ``read`` reads the repository's.

    ``compiled`` is what CircleCI's compiler makes of it, if that was asked.
    """

    files: Mapping[str, bytes]
    read: RepositoryReader = no_repository
    related: RelatedFiles = NO_RELATED_FILES
    compiled: str | None = None

    __repr__ = repr_without("files", "compiled")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its files."""
        return tuple(self.files)

    @property
    def group(self) -> Group:
        """Its files, each with its place in the config."""
        groups = group_by_name(self.files)
        if len(groups) == 1:
            return groups[0]
        return Group(tuple(part for group in groups for part in group.parts))

    def read_existing(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The other files of the repository at ``paths``, as far as they are there."""
        return {path: data for path in paths if (data := self.read(path)) is not None}

    @property
    def read_text(self) -> Callable[[str], str | None] | None:
        """``read`` for text files; None for a config that comes without its repository."""
        if self.read is no_repository:
            return None

        def text(path: str) -> str | None:
            data = self.read(path)
            return None if data is None else data.decode("utf-8", errors="replace")

        return text


def compiled_files(text: str, files: ConfigFiles) -> ConfigFiles:
    """The compiled config ``text`` of ``files``, as a config of its own."""
    return ConfigFiles({".circleci/config.yml": text.encode()}, files.read)


def configs_of(paths: Iterable[str]) -> Iterator[ConfigPaths]:
    """The configs in a repository's ``paths``, decided by their names; sorted.

    A packed source tree is one config; any other file is one of its own.
    """
    known = tuple(paths)
    trees = trees_beside(known)
    groups = [tuple(part.path for part in group.parts) for group in group_by_name(known)]
    first = groups[: _MOST_SIBLINGS + 1]
    for group in groups:
        siblings = tuple(other for other in first if other != group)[:_MOST_SIBLINGS]
        yield ConfigPaths(group, RelatedFiles(trees.get(group[0], ()), siblings))


def configs_in(
    files: Mapping[str, bytes], read: RepositoryReader = no_repository
) -> Iterator[ConfigFiles]:
    """The configs in a repository's CircleCI ``files``; ``read`` reads its other files."""
    for config in configs_of(files):
        yield ConfigFiles({path: files[path] for path in config.paths}, read, config.related)
