"""Finds the files to examine: from the user's paths to repositories and their candidates.

Candidates are what `config_paths` takes for config by its path, and any file that the user names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from cci_migrate.bounds.limits import SIZE_LIMIT, TOO_LARGE
from cci_migrate.circleci.packing import CONFIG_FOLDER, SUFFIXES
from cci_migrate.engine.config_files import ConfigFiles, ConfigPaths, RepositoryReader, configs_of
from cci_migrate.engine.outcomes import Cause, Failed, Outcome, Refused
from cci_migrate.files.config_paths import (
    ORB_ROOTS,
    SKIPPED_FOLDERS,
    config_paths,
    is_in_circleci,
    is_part_of_orb,
    is_skipped,
)
from cci_migrate.files.linkless_files import NotRegularError, TooLargeError, read_file


class Repository(Struct, frozen=True):
    """A repository's root and its candidates: POSIX paths relative to the root, sorted.

    No path contains a symbolic link.
    """

    root: Path
    files: tuple[str, ...]


class Problem(Struct, frozen=True):
    """A candidate that can't be read, as an outcome with paths relative to ``root``."""

    root: Path
    outcome: Outcome


class Discovery(Struct, frozen=True):
    """The repositories of the user's paths. ``empty`` are the paths without candidates."""

    repositories: tuple[Repository, ...]
    problems: tuple[Problem, ...] = ()
    empty: tuple[Path, ...] = ()

    @property
    def roots(self) -> frozenset[Path]:
        """The roots of the repositories, those with nothing but problems included."""
        roots = {repository.root for repository in self.repositories}
        return frozenset(roots | {problem.root for problem in self.problems})


class _RepositorySearch(Struct):
    """The search of one repository so far: its files, by real paths, and problems."""

    root: Path
    files: set[str] = field(default_factory=set)
    problems: list[Outcome] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Add the file at ``path``, symbolic links resolved, or a problem if it is outside."""
        try:
            file = (self.root / path).resolve()
            if not _is_inside(file, self.root):
                self.problems.append(_outside(path, file))
                return
            file.stat()
        except (OSError, RuntimeError) as error:
            self.problems.append(Failed((path,), f"can't be read: {_reason(error)}"))
            return
        self.files.add(file.relative_to(self.root).as_posix())


def _is_inside(file: Path, root: Path) -> bool:
    """Whether ``file``, links resolved, is in the repository and not in its ``.git``."""
    return file.is_relative_to(root) and ".git" not in file.relative_to(root).parts


def _outside(path: str, file: Path) -> Refused:
    return Refused(
        (path,),
        Cause.OUTSIDE,
        "a symbolic link that leaves the repository",
        f"run cci-migrate on {file} itself",
    )


def discover(paths: Sequence[Path]) -> Discovery:
    """The candidates of ``paths``, all of which exist, in that order.

    A file is always a candidate, together with the other files of its source tree. A folder is
    searched, except ``.git``, ``node_modules``, ``vendor`` and files that git ignores.
    """
    searches: dict[Path, _RepositorySearch] = {}
    empty: list[Path] = []
    for path in paths:
        in_path = list(_search(path))
        for root, files, problems in in_path:
            search = searches.setdefault(root, _RepositorySearch(root))
            search.problems += problems
            for file in files:
                search.add(file)
        if not any(files or problems for _, files, problems in in_path):
            empty.append(path)
    return Discovery(
        tuple(
            Repository(search.root, tuple(sorted(search.files)))
            for search in searches.values()
            if search.files
        ),
        tuple(
            Problem(search.root, problem)
            for search in searches.values()
            for problem in dict.fromkeys(search.problems)
        ),
        tuple(empty),
    )


def candidates_in(root: Path) -> tuple[str, ...]:
    """The candidates of the repository at ``root``, as `root_of` names it.

    Without git only those of its ``.circleci`` or its orb: it may be a home folder.
    """
    folder = root
    if not any((root / name).exists() for name in (".git", *ORB_ROOTS)):
        folder = root / CONFIG_FOLDER
    if not folder.is_dir():
        return ()
    by_root = {repository.root: repository.files for repository in discover([folder]).repositories}
    return by_root.get(root, ())


def root_of(path: Path) -> Path:
    """The root of the repository of ``path``: the closest folder above it with a ``.git``.

    Without git: the folder that contains ``.circleci`` or ``@orb.yml``, or else the file's folder
    or the folder itself. If ``path`` leaves a repository through a symbolic link, that repository.
    """
    written = _as_written(path)
    if written is not None and not path.resolve().is_relative_to(written[0]):
        return written[0]
    folder = path.resolve() if path.is_dir() else path.parent.resolve()
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    for parent in (folder, *folder.parents):
        if parent.name == CONFIG_FOLDER:
            return parent.parent
        if any((parent / name).is_file() for name in ORB_ROOTS):
            return parent
    return folder


def _as_written(path: Path) -> tuple[Path, str] | None:
    """The repository of ``path`` without resolving links, and the path in it; None if in none."""
    if ".." in path.parts:
        return None  # the system follows links before it goes up
    named = path.absolute()
    top = named
    if CONFIG_FOLDER in named.parts:
        # A linked folder may have its own ``.git``.
        top = Path(*named.parts[: named.parts.index(CONFIG_FOLDER)])
    bounds = (parent for parent in (top, *top.parents) if (parent / ".git").exists())
    bound = next(bounds, None if top is named else top)
    return None if bound is None else (bound.resolve(), named.relative_to(bound).as_posix())


@lru_cache(maxsize=16)
def reader_of(root: Path) -> RepositoryReader:
    """A reader of files in ``root``; it returns None for files outside it or too large.

    The same one for the same ``root``: what is derived from its files can be kept.
    """
    real_root = root.resolve()

    def read(path: str) -> bytes | None:
        try:
            file = (real_root / path).resolve(strict=True)
            if not _is_inside(file, real_root) or file == real_root:
                return None
            return read_file(real_root, file.relative_to(real_root).as_posix(), SIZE_LIMIT)
        except (OSError, RuntimeError, ValueError):
            return None

    return read


def read_config(root: Path, config: ConfigPaths) -> ConfigFiles | Failed:
    """The files of ``config`` in the repository at ``root``, or why one of them can't be read."""
    files: dict[str, bytes] = {}
    for path in config.paths:
        data = read_candidate(root, path)
        if isinstance(data, Failed):
            return data
        files[path] = data
    return ConfigFiles(files, reader_of(root), config.related)


def read_candidate(root: Path, path: str) -> bytes | Failed:
    """The content of the candidate ``path``, or why it can't be read."""
    try:
        return read_file(root, path, SIZE_LIMIT)
    except NotRegularError:
        return Failed((path,), "not a regular file", "use - to read standard input")
    except TooLargeError as error:
        return too_large(path, error.size)
    except OSError as error:
        return Failed((path,), f"can't be read: {_reason(error)}")


def too_large(path: str, size: int) -> Failed:
    """The outcome of the candidate ``path``, which has too many bytes: ``size``."""
    problem = f"the file has {size / 2**20:.1f} MB, {TOO_LARGE}"
    return Failed((path,), problem, "split it, or leave it out")


def _reason(error: OSError | RuntimeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


_Search = tuple[Path, list[str], list[Outcome]]


def _search(path: Path) -> Iterator[_Search]:
    root = root_of(path)
    written = _as_written(path)
    real = path.resolve()
    if written is not None and not real.is_relative_to(root):
        yield root, [], [_outside(written[1], real)]
        return
    if not path.is_dir():
        yield root, _with_companions(root, _relative(path, root)), []
        return
    folder = real
    inside = folder.relative_to(root).as_posix()
    is_part = written is not None and is_in_circleci(written[1])
    if is_in_circleci(inside):
        is_part = PurePosixPath(inside).name != CONFIG_FOLDER
    if is_part:
        # Part of a source tree: the config is the whole tree.
        files = [f"{inside}/{file}" for file in _yaml_below(folder)]
        yield root, sorted({name for file in files for name in _with_companions(root, file)}), []
        return
    searches = [(root, folder)]
    for top, below in searches:  # walking adds the repositories that are on the way
        inside = below.relative_to(top).as_posix()
        listed = _listed_by_git(top, inside) if (top / ".git").exists() else None
        if listed is not None:
            yield top, list(_candidates(top, listed, inside)), []
        else:
            names, problems, repositories = _walked(below, top)
            yield top, list(_candidates(top, names, inside)), problems
            searches += [(repository, repository) for repository in repositories]


def _relative(path: Path, root: Path) -> str:
    """``path`` relative to ``root``; the file itself may be a symbolic link, which is kept."""
    return (path.parent.resolve() / path.name).relative_to(root).as_posix()


def _with_companions(root: Path, file: str) -> list[str]:
    """``file`` and the other files of its config."""
    for parent in PurePosixPath(file).parents:
        folder = root / parent
        is_orb = any((folder / name).is_file() for name in ORB_ROOTS)
        is_circleci = parent.name == CONFIG_FOLDER and parent != PurePosixPath(file).parent
        if is_orb or is_circleci:
            below = (
                name for name in _yaml_below(folder) if is_circleci or is_part_of_orb(name, {""})
            )
            around = {(parent / name).as_posix() for name in below} | {file}
            return next(list(config.paths) for config in configs_of(around) if file in config.paths)
    return [file]


def _yaml_below(folder: Path) -> Iterator[str]:
    """The YAML files in ``folder`` and below, relative to it."""
    for here, _, files in _walk(folder):
        for name in files:
            if name.endswith(SUFFIXES):
                yield (here / name).relative_to(folder).as_posix()


def _listed_by_git(root: Path, inside: str) -> list[str] | None:
    """The files in ``inside`` that git doesn't ignore; None if git can't list them."""
    from cci_migrate.transport.git.process import GitError
    from cci_migrate.transport.git.repositories import opened_checkout

    try:
        with opened_checkout(root, with_refs=False) as checkout:
            output = checkout.repository.run(
                ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", inside]
            )
    except GitError:
        return None
    return sorted({os.fsdecode(name) for name in output.split(b"\0") if name})


def _candidates(root: Path, listed: Iterable[str], inside: str) -> Iterator[str]:
    """The ``listed`` names that are candidates and exist."""
    below = "" if inside == "." else inside
    names = list(listed)
    paths = set(config_paths(names, below))
    linked_folders: list[tuple[Path, str]] = []
    for name in names:
        if name in paths:
            if os.path.lexists(root / name):
                yield name
        elif not is_skipped(name, below) and _is_linked_folder(root, name):
            linked = (root / name).resolve()
            if linked.is_dir() and _is_inside(linked, root):
                linked_folders.append((linked, name))
            else:
                yield name
    # Each folder once, however many links lead to it or to a folder that it is in.
    searched: set[Path] = set()
    for linked, name in sorted(linked_folders):
        if not _is_in_any(linked, searched):
            searched.add(linked)
            yield from (f"{name}/{file}" for file in _yaml_below(linked))


def _is_in_any(folder: Path, searched: set[Path]) -> bool:
    """Whether the search of one of ``searched`` includes ``folder``."""
    for place in (folder, *folder.parents):
        if place in searched:
            return True
        if place.name in SKIPPED_FOLDERS:
            return False
    return False


def _is_linked_folder(root: Path, name: str) -> bool:
    """Whether ``name`` is a link, and a ``.circleci`` folder or in one.

    Neither git nor a walk looks into it. A link with the name of a YAML file leads to a file.
    """
    return (
        is_in_circleci(name)
        and not name.endswith(SUFFIXES)
        and (root / name).is_symlink()
        and (PurePosixPath(name).name == CONFIG_FOLDER or (root / name).is_dir())
    )


def _walked(folder: Path, root: Path) -> tuple[list[str], list[Outcome], list[Path]]:
    """The files and links in ``folder``, unreadable folders as outcomes, and nested repositories.

    A folder with ``.git`` is a repository itself, and not searched.
    """
    names: list[str] = []
    problems: list[Outcome] = []
    repositories: list[Path] = []

    def unreadable(error: OSError) -> None:
        path = Path(error.filename).relative_to(root).as_posix()
        problems.append(Failed((path,), f"cannot be searched: {_reason(error)}"))

    for here, folders, files in _walk(folder, unreadable):
        if here != folder and (here / ".git").exists():
            folders.clear()
            repositories.append(here)
            continue
        links = [name for name in folders if (here / name).is_symlink()]
        names += ((here / name).relative_to(root).as_posix() for name in [*files, *links])
    return sorted(names), problems, repositories


def _walk(
    folder: Path, unreadable: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """`os.walk`, sorted and without `SKIPPED_FOLDERS`, to any depth.

    Before Python 3.12, the library's is recursive.
    """
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else files).append(entry.name)
        except OSError as error:
            if unreadable is not None:
                unreadable(error)
            continue
        folders = sorted(set(folders) - SKIPPED_FOLDERS)
        yield here, folders, sorted(files)
        waiting += [here / name for name in reversed(folders) if not (here / name).is_symlink()]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False
