"""Opens checkouts for git without their configuration, and creates scratch repositories."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.transport.git.process import GitDirectory, GitError
from cci_migrate.transport.git.remote_urls import read_remote_url
from cci_migrate.transport.git.storage import check_own_storage

#: The settings of a checkout that apply, and their allowed values: how names, refs and objects are
#: stored, which line ends files have, and whether and with which key commits are signed. None of
#: them names a program or a file.
_APPLIED = {
    "commit.gpgsign": re.compile(r"true|false"),
    "user.signingkey": re.compile(r"(0x)?[0-9a-f]{8,40}!?"),
    "gpg.format": re.compile(r"openpgp|ssh|x509"),
    "core.ignorecase": re.compile(r"true|false"),
    "core.autocrlf": re.compile(r"true|false|input"),
    "core.eol": re.compile(r"lf|crlf|native"),
    "core.precomposeunicode": re.compile(r"true|false"),
    "core.sharedrepository": re.compile(r"[a-z]{2,8}|0[0-7]{3}"),
    "extensions.objectformat": re.compile(r"sha1|sha256"),
    "extensions.refstorage": re.compile(r"files|reftable"),
}
_FORMAT = {"core.repositoryFormatVersion": "1", "core.bare": "false"}

#: Where git stores refs, and the commits without their parents.
_REFS = ("refs", "packed-refs", "reftable", "shallow")

#: No configuration, list of exclusions or pointer to a git folder is larger.
_SMALL = 1024 * 1024


class Checkout(Struct, frozen=True):
    """A checkout as git sees it. ``login`` are the git settings with the login of `origin`."""

    repository: GitDirectory
    refs: Path
    login: Mapping[str, str] = field(default_factory=dict)

    __repr__ = repr_without("login")

    def origin(self, *, is_push: bool = False) -> str:
        """The URL of ``origin``, after the user's ``insteadOf``, without credentials.

        Raises GitError if there is none.
        """
        options = ["--push"] if is_push else []
        return self.repository.text(["remote", "get-url", *options, "origin"])

    def connected(self) -> GitDirectory:
        """The repository with access to ``origin``. Raises GitError if that is no server."""
        try:
            urls = [read_remote_url(self.origin(is_push=is_push)) for is_push in (False, True)]
        except ValueError as error:
            raise GitError(f"origin: {error}") from None
        protocols = tuple(dict.fromkeys(url.protocol for url in urls))
        if "file" in protocols:
            raise GitError(
                "origin is a folder on this machine, and a push would run its hooks; "
                "use --local branch and push the branch yourself"
            )
        return replace(self.repository, protocols=protocols)

    def check_reference(self, reference: str) -> None:
        """Raise GitError if ``reference`` would be written outside of the repository."""
        place = self.refs
        for name in reference.split("/")[1:]:
            place /= name
            if place.is_symlink():
                raise GitError(f"{place} is a symbolic link")


def bare_repository(folder: Path, origin: str, protocol: str) -> GitDirectory:
    """Create a bare repository of ours in the existing ``folder``, with the remote ``origin``."""
    for name in ("refs", "objects"):
        (folder / name).mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    _configure(folder, {**_FORMAT, "core.bare": "true", "remote.origin.url": origin})
    return GitDirectory(folder, folder, protocols=(protocol,))


@contextmanager
def opened_checkout(folder: Path, *, with_refs: bool = True) -> Iterator[Checkout]:
    """Open the checkout in ``folder``: its work tree, index, objects and (``with_refs``) refs.

    Raises GitError if there is none, or (``with_refs``) if it doesn't own its storage.
    """
    scratch = Path(tempfile.mkdtemp(prefix="cci-migrate-"))
    try:
        try:
            checkout = _checkout(folder, scratch, with_refs=with_refs)
        except OSError as error:
            raise GitError(f"{error.filename}: {error.strerror}") from None
        except (RuntimeError, ValueError):  # what pathlib says of a loop of links, and of a NUL
            raise GitError(f"{folder}: .git points nowhere") from None
        yield checkout
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _checkout(folder: Path, scratch: Path, *, with_refs: bool) -> Checkout:
    git_dir = _git_dir(folder)
    pointer = _small_file(git_dir / "commondir")
    shared = git_dir if pointer is None else (git_dir / _path_in(pointer)).resolve()
    for file in (git_dir / "HEAD", git_dir / "index", shared / "packed-refs", shared / "shallow"):
        if file.exists() and not file.is_file():
            raise GitError(f"{file} is not a regular file")
    _configure(scratch, _FORMAT)
    if with_refs:
        _link_refs(shared, scratch)
    else:
        (scratch / "refs").mkdir()
    repository = GitDirectory(git_dir, scratch, shared / "objects", folder.resolve())
    configured = _configured(repository, shared / "config")
    if with_refs:
        check_own_storage(folder, git_dir, shared, configured.get("core.worktree"))
    settings = {
        key: value
        for key, values in _APPLIED.items()
        if values.fullmatch(value := configured.get(key, "").lower())
    }
    if not with_refs:
        settings.pop("extensions.refstorage", None)
    login: dict[str, str] = {}
    for key in ("remote.origin.url", "remote.origin.pushurl"):
        if key in configured:
            try:
                remote = read_remote_url(configured[key])
            except ValueError:
                continue  # as if there were no such remote
            settings[key] = remote.url
            login |= remote.login
    _configure(scratch, _FORMAT | settings)
    exclusions = _small_file(shared / "info" / "exclude")
    if exclusions is not None:
        (scratch / "info").mkdir()
        (scratch / "info" / "exclude").write_bytes(exclusions)
    return Checkout(repository, shared / "refs", login)


def _git_dir(folder: Path) -> Path:
    """The git folder of a checkout; a file may point to it (work trees, submodules)."""
    place = folder / ".git"
    if place.is_dir():
        return place.resolve()
    pointer = _small_file(place) or b""
    if not pointer.startswith(b"gitdir: "):
        raise GitError("not a git repository")
    return (folder / _path_in(pointer.removeprefix(b"gitdir: "))).resolve()


def _path_in(pointer: bytes) -> Path:
    return Path(pointer.decode("utf-8", "surrogateescape").rstrip("\r\n"))


def _small_file(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(_SMALL)


def _link_refs(shared: Path, scratch: Path) -> None:
    for name in _REFS:
        source = shared / name
        # Pack refs if there is nothing to link yet: git replaces a dangling link by a file.
        if source.exists() or name == "packed-refs":
            (scratch / name).symlink_to(source, target_is_directory=source.is_dir())


def _configured(repository: GitDirectory, file: Path) -> dict[str, str]:
    """The settings in ``file``, without its includes. None of them apply."""
    if not file.is_file():
        return {}
    listing = repository.text(["config", "--file", str(file), "--no-includes", "-z", "--list"])
    entries = (entry.partition("\n") for entry in listing.split("\0") if entry)
    return {key: value if assigned else "true" for key, assigned, value in entries}


def _configure(folder: Path, settings: Mapping[str, str]) -> None:
    """Write the configuration file of a repository of ours."""
    lines = []
    for key, value in settings.items():
        section, _, rest = key.partition(".")
        subsection, _, name = rest.rpartition(".")
        title = f'{section} "{_escaped(subsection)}"' if subsection else section
        lines.append(f'[{title}]\n\t{name} = "{_escaped(value)}"\n')
    (folder / "config").write_text("".join(lines), encoding="utf-8", errors="surrogateescape")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
