"""`batch apply --check-access`: whether the token may write what is planned, without writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.delivery_step import needs_fork
from cci_migrate.campaign.isolation import Failure, attempt, observe_each
from cci_migrate.campaign.states import PENDING, TRIED_AGAIN
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.host import ForkingHost, Host
from cci_migrate.forges.repository import RepositoryRef, Snapshot, Unreadable
from cci_migrate.transport.host_errors import HostUnavailable


class CheckedAccess(Struct, frozen=True):
    """The access to one repository, or ``error``: why it could not be checked.

    ``is_by_fork``: the branch is in a fork, or would be.
    """

    ref: RepositoryRef
    access: TokenAccess = TokenAccess()
    error: str = ""
    is_by_fork: bool = False

    @property
    def line(self) -> str:
        """The result for people."""
        if self.error:
            return f"{self.ref.label}: could not be checked: {self.error}"
        return f"{self.ref.label}: {self.verdict}"

    @property
    def verdict(self) -> str:
        """What the access means for the delivery."""
        return f"{verdict(self.access)}{' from a fork' if self.is_by_fork else ''}"


def verdict(access: TokenAccess) -> str:
    """What ``access`` means for a delivery, and why, for people."""
    why = f": {'; '.join(access.problems)}" if access.problems else ""
    if access.is_sufficient:
        return "can push and open pull requests"
    if access.is_sufficient is None:
        return f"not known{why}"
    if access.may_push is False:
        return f"can't push{why}"
    return f"can't open pull requests{why}"


def check_access(session: CampaignSession, *, may_fork: bool) -> list[CheckedAccess]:
    """The access to each repository that `batch apply` would write to, with ``--fork`` or not."""
    entries = session.ledger.entries(PENDING | TRIED_AGAIN)
    by_host = session.by_host(entry for entry in entries if entry.files)
    session.begin("check access", by_host)
    return [checked for host, refs in by_host.items() for checked in _checked(host, refs, may_fork)]


def _checked(host: Host, refs: Sequence[RepositoryRef], may_fork: bool) -> Iterator[CheckedAccess]:
    waiting = {ref.key: ref for ref in refs}
    try:
        for observation in observe_each(host, refs):
            ref = waiting.pop(observation.ref.key)
            if isinstance(observation, Unreadable):
                yield CheckedAccess(ref, error=observation.cause)
                continue
            access = attempt(_access, host, observation, may_fork)
            if isinstance(access, Failure):
                access = CheckedAccess(ref, error=access.cause)
            yield access
    except HostUnavailable as error:
        yield from (CheckedAccess(ref, error=str(error)) for ref in waiting.values())


def _access(host: Host, snapshot: Snapshot, may_fork: bool) -> CheckedAccess:
    is_by_fork = snapshot.fork is not None or needs_fork(snapshot, may_fork=may_fork)
    if is_by_fork and isinstance(host, ForkingHost):
        return CheckedAccess(snapshot.ref, host.access_by_fork(snapshot), is_by_fork=True)
    return CheckedAccess(snapshot.ref, host.access(snapshot))


def access_report(checked: Iterable[CheckedAccess], *, lists_all: bool) -> Iterator[str]:
    """The lines of the report: the totals, then what is missing, then what is not known.

    Equal results are counted together unless ``lists_all``.
    """
    results = list(checked)
    by_kind: dict[str, list[CheckedAccess]] = {}
    for result in results:
        by_kind.setdefault(_kind(result), []).append(result)
    totals = (f"{len(by_kind[kind])} {kind}" for kind in _KINDS if kind in by_kind)
    yield ", ".join(totals) or "no repository has a planned change"
    for kind in _KINDS:
        group = by_kind.get(kind, [])
        if lists_all or kind == _LACKING:
            yield from (f"  {result.line}" for result in group)
        elif kind != _SUFFICIENT:
            lines = Counter(result.error or result.verdict for result in group)
            yield from (f"  {count} x {line}" for line, count in lines.most_common())


_SUFFICIENT, _LACKING, _BY_FORK = "with access", "without access", "by a fork"
_UNKNOWN, _UNREADABLE = "not known", "not checked"
_KINDS = (_LACKING, _UNREADABLE, _UNKNOWN, _BY_FORK, _SUFFICIENT)


def _kind(result: CheckedAccess) -> str:
    if result.error:
        return _UNREADABLE
    if result.access.is_sufficient is None:
        return _UNKNOWN
    if not result.access.is_sufficient:
        return _LACKING
    return _BY_FORK if result.is_by_fork else _SUFFICIENT


def access_exit_code(checked: Iterable[CheckedAccess]) -> ExitCode:
    """3 if some access could not be checked, 1 if some is missing, else 0."""
    kinds = set(map(_kind, checked))
    if _UNREADABLE in kinds:
        return ExitCode.FAILED
    return ExitCode.LEFT if _LACKING in kinds else ExitCode.DONE
