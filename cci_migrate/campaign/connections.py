"""From what the user names to sources and hosts; the only module that knows all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.source_names import SourceError, read_git_url, read_hosted
from cci_migrate.forges.git_remotes import GitHost, GitSource, ref_at
from cci_migrate.forges.host import Host, ListedHost, OwnerSource, RepositoryPage, Source
from cci_migrate.forges.local_checkouts import LocalHost, LocalMode, LocalSource
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.forges.tokens import Tokens, host_of, token_variables
from cci_migrate.transport.host_errors import HostError, TokenError
from cci_migrate.transport.pace import Clock, Lane

if TYPE_CHECKING:
    from cci_migrate.forges.github.app import InstallationToken
    from cci_migrate.transport.http import Api


class Connections:
    """The hosts of a campaign, each connected to once.

    ``lane_of`` makes the lane (the pace of writes) of a host by its name. ``allows_dirty``: rewrite
    files in checkouts with uncommitted changes.
    """

    def __init__(
        self,
        campaign: Campaign,
        local_mode: LocalMode,
        lane_of: Callable[[str], Lane],
        clock: Clock,
        tokens: Tokens,
        *,
        allows_dirty: bool = False,
    ) -> None:
        self._allows_dirty = allows_dirty
        self._tokens = tokens
        self._campaign = campaign
        self._local_mode = local_mode
        self._make_lane = lane_of
        self._lanes: dict[str, Lane] = {}
        self._clock = clock
        self._hosts: dict[tuple[Kind, str, str, str], Host] = {}
        #: A split campaign has hosts for many branches, which share the connections.
        self._apis: dict[tuple[Kind, str, str], Api] = {}
        self._installations: dict[tuple[str, str], InstallationToken] = {}

    def host_of(self, ref: RepositoryRef, branch: str = "") -> Host:
        """The host on which ``ref`` lives, for the branch called ``branch``.

        Without a name it is the campaign's usual one. Raises SourceError without a token.

        The ledger may come from somebody else: a token is sent only to the host that it was looked
        up for, and git connects only to the host in the repository's name.
        """
        if not _is_consistent(ref):
            raise SourceError(f"{ref.key}: the campaign recorded it on another host")
        branch = self._campaign.branch_of(ref, branch)
        key = (ref.kind, ref.host, self._identity(ref), branch)
        if key not in self._hosts:
            self._hosts[key] = self._make(ref, branch)
        return self._hosts[key]

    def sources(self, names: Iterable[str], stdin: TextIO) -> list[Source]:
        """The sources that ``names`` (arguments of `batch plan`) mean, in order.

        ``-`` reads names from ``stdin``, ``@FILE`` from a file. Raises SourceError.
        """
        return [source for name in names for source in self._sources_of(name, stdin)]

    def token_problems(self) -> Iterator[str]:
        """What tokens lack for any write, as far as the answers so far show."""
        problems = (
            (ref_host, host.token_problem) for (_, ref_host, *_), host in self._hosts.items()
        )
        for name, problem in dict.fromkeys(problems):
            if problem:
                yield f"{name}: {problem}"

    def end(self) -> None:
        """Close the connections to all hosts."""
        for host in self._hosts.values():
            host.end()
        for installation in self._installations.values():
            installation.close()
        for lane in self._lanes.values():
            lane.end()

    def _identity(self, ref: RepositoryRef) -> str:
        """Whose token is used, where that depends on the owner; else empty."""
        if self._tokens.app_for(ref.kind, ref.host) is None:
            return ""
        return ref.name.partition("/")[0].lower()

    def _lane_of(self, name: str) -> Lane:
        if name not in self._lanes:
            self._lanes[name] = self._make_lane(name)
        return self._lanes[name]

    def _make(self, ref: RepositoryRef, branch: str) -> Host:
        is_nested = self._campaign.is_nested
        match ref.kind:
            case Kind.LOCAL:
                return LocalHost(
                    self._local_mode, branch, self._campaign, allows_dirty=self._allows_dirty
                )
            case Kind.GIT:
                return GitHost(branch, self._lane_of(f"git push to {ref.host}"))
            case Kind.GITHUB:
                from cci_migrate.forges.github.host import GitHub

                installation = self._installation(ref)
                api = self._api(ref, installation)
                return GitHub(api, ref.host, branch, is_nested=is_nested, installation=installation)
            case Kind.GITLAB:
                from cci_migrate.forges.gitlab.host import GitLab

                return GitLab(self._api(ref), self._lane_of(ref.host), branch, is_nested=is_nested)
            case Kind.BITBUCKET:
                from cci_migrate.forges.bitbucket import host as bitbucket

                api = self._api(ref, authorization=bitbucket.authorization)
                lane = self._lane_of(ref.host)
                return bitbucket.Bitbucket(api, lane, branch, is_nested=is_nested)
            case Kind.GITEA:
                from cci_migrate.forges.gitea import host as gitea

                api = self._api(ref, authorization=gitea.authorization)
                lane = self._lane_of(ref.host)
                return gitea.Gitea(api, lane, branch, is_nested=is_nested)
            case _:
                assert_never(ref.kind)

    def _installation(self, ref: RepositoryRef) -> InstallationToken | None:
        """The token of the owner's installation of the App; None if no App is used."""
        app = self._tokens.app_for(ref.kind, ref.host)
        if app is None:
            return None
        from cci_migrate.forges.github.app import AppIdentity, InstallationToken
        from cci_migrate.transport.http import Api

        key = (ref.host, self._identity(ref))
        if key not in self._installations:
            try:
                identity = AppIdentity(app, self._clock)
                identity.jwt(False)
                # In a lane of its own: it is asked while a request waits for its turn.
                lane = self._lane_of(f"{ref.host} as an App")
                api = Api(ref.address, identity.jwt, lane, self._clock)
                token = InstallationToken(api, ref.name.partition("/")[0], self._clock)
                self._installations[key] = token
                token(False)
            except HostError as error:
                raise SourceError(str(error)) from None
        return self._installations[key]

    def _api(
        self,
        ref: RepositoryRef,
        installation: InstallationToken | None = None,
        **authorization: Any,
    ) -> Api:
        """The API of the host of ``ref``; ``authorization`` is an option of `Api`."""
        from cci_migrate.transport.http import Api

        key = (ref.kind, ref.host, self._identity(ref))
        if key not in self._apis:
            token = installation or self._token_source(ref)
            lane = self._lane_of(ref.host)
            try:
                self._apis[key] = Api(ref.address, token, lane, self._clock, **authorization)
            except HostError as error:
                raise SourceError(str(error)) from None
        return self._apis[key]

    def _token_source(self, ref: RepositoryRef) -> Callable[[bool], str | None]:
        """The token for the host of ``ref``, which is looked up again for a renewal."""
        current = self._token(ref)

        def token(is_renewal: bool) -> str | None:
            nonlocal current
            if not is_renewal:
                return current
            renewed = self._tokens.find(ref.kind, ref.host, is_renewal=True)
            current = current if renewed is None else renewed
            return renewed

        return token

    def _token(self, ref: RepositoryRef) -> str:
        token = self._tokens.find(ref.kind, ref.host)
        if token is None:
            names = token_variables(ref.kind, ref.host)
            ways = [f"set {' or '.join(names)}"] if names else []
            if ref.kind is Kind.GITHUB:
                ways.append("give --app-id and --app-key")
            ways += ["give --token-command", "or log in with its command-line tool"]
            raise SourceError(f"no token for {ref.host}: {', '.join(ways)}")
        return token

    def _sources_of(self, name: str, stdin: TextIO) -> list[Source]:
        if name == "-":
            return self._sources_in(stdin.read(), "standard input")
        if name.startswith("@"):
            path = Path(name[1:])
            try:
                return self._sources_in(path.read_text("utf-8"), str(path))
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(f"{path}: can't be read: {error}") from None
        return [self._source(name)]

    def _sources_in(self, text: str, where: str) -> list[Source]:
        sources = []
        for number, line in enumerate(text.splitlines(), 1):
            entry = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
            if entry:
                try:
                    sources.append(self._source(entry))
                except (SourceError, TokenError) as error:
                    raise SourceError(f"{where}:{number}: {error}") from None
        return sources

    def _source(self, text: str) -> Source:
        """The source that one word means. Raises SourceError."""
        if Path(text).is_dir():
            return LocalSource(Path(text))
        ref = read_hosted(text)
        if ref is not None:
            # GROUP/SUBGROUP/ of GitLab: the slash at the end tells it from a project.
            is_owner = "/" not in ref.name or text.endswith("/")
            return self._owner(ref) if is_owner else SingleRepository(ref)
        try:
            return GitSource(read_git_url(text))
        except ValueError as error:
            raise SourceError(str(error)) from None

    def _owner(self, ref: RepositoryRef) -> Source:
        host = self.host_of(ref)
        assert isinstance(host, ListedHost)  # noqa: S101 - as its kind says
        return OwnerSource(host, ref)


def _is_consistent(ref: RepositoryRef) -> bool:
    try:
        match ref.kind:
            case Kind.LOCAL:
                return ref.name == ref.address and Path(ref.name).is_absolute()
            case Kind.GITHUB:
                is_fork_named = not ref.fork or ref.fork.count("/") == 1
                return host_of(ref.address) == ref.host and is_fork_named
            case Kind.GIT:
                return ref_at(ref.address) == replace(ref, project="")
            case _:
                return host_of(ref.address) == ref.host and not ref.fork
    except ValueError:
        return False


class SingleRepository(Struct, frozen=True):
    """One repository of a host."""

    ref: RepositoryRef

    @property
    def name(self) -> str:
        """Its key."""
        return self.ref.key

    def pages(self, cursor: str, known: Sequence[str]) -> Iterator[RepositoryPage]:
        """The one repository."""
        del cursor, known
        yield RepositoryPage(refs=(self.ref,))
