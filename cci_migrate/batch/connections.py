"""From what the user names to sources and hosts; the only module that knows all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from typing_extensions import assert_never

from cci_migrate.batch.campaign import Campaign
from cci_migrate.batch.git_remotes import GitHost, GitSource
from cci_migrate.batch.host import Host, Source
from cci_migrate.batch.local_checkouts import LocalHost, LocalMode, LocalSource
from cci_migrate.batch.pace import Lane
from cci_migrate.batch.repository import Kind, RepositoryRef


class SourceError(ValueError):
    """A source cannot be made out; the text says why and what to write instead."""


class Connections:
    """The hosts of a campaign, each made once."""

    def __init__(
        self, campaign: Campaign, local_mode: LocalMode, lane_of: Callable[[str], Lane]
    ) -> None:
        self._campaign = campaign
        self._local_mode = local_mode
        self._lane_of = lane_of
        self._hosts: dict[tuple[Kind, str], Host] = {}

    def host_of(self, ref: RepositoryRef) -> Host:
        """The host on which ``ref`` lives."""
        key = (ref.kind, ref.host)
        if key not in self._hosts:
            self._hosts[key] = self._make(ref)
        return self._hosts[key]

    def end(self) -> None:
        """Let go of them."""
        for host in self._hosts.values():
            host.end()

    def _make(self, ref: RepositoryRef) -> Host:
        branch = self._campaign.branch
        match ref.kind:
            case Kind.LOCAL:
                return LocalHost(self._local_mode, branch, self._campaign.originals)
            case Kind.GIT:
                return GitHost(branch, self._lane_of(f"git push to {ref.host}"))
            case Kind.GITHUB | Kind.GITLAB | Kind.BITBUCKET:
                raise NotImplementedError
            case _:
                assert_never(ref.kind)


def read_sources(names: Iterable[str], stdin: TextIO) -> list[Source]:
    """The sources that ``names`` stand for. Raises SourceError."""
    return [source for name in names for source in _read(name, stdin)]


def _read(name: str, stdin: TextIO) -> list[Source]:
    if name == "-":
        return _listed(stdin.read(), "standard input")
    if name.startswith("@"):
        path = Path(name[1:])
        try:
            return _listed(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: cannot be read: {error}") from None
    return [read_source(name)]


def _listed(text: str, where: str) -> list[Source]:
    sources = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if entry:
            try:
                sources.append(read_source(entry))
            except SourceError as error:
                raise SourceError(f"{where}:{number}: {error}") from None
    return sources


def read_source(text: str) -> Source:
    """The source that one word stands for. Raises SourceError."""
    if Path(text).is_dir():
        return LocalSource(Path(text))
    if "://" in text or re.match(r"^[\w.\-]+@[\w.\-]+:", text):
        try:
            return GitSource(text.removeprefix("git+"))
        except ValueError as error:
            raise SourceError(str(error)) from None
    raise SourceError(
        f"{text!r} is neither a folder nor a git URL, nor github:OWNER, gitlab:GROUP or "
        "bitbucket:WORKSPACE"
    )
