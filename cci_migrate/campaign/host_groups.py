"""Groups repositories by the host on which they live."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import RepositoryRef

_Item = TypeVar("_Item")


def group_by_host(
    items: Iterable[tuple[RepositoryRef, str, _Item]],
    host_of: Callable[[RepositoryRef, str], Host],
) -> dict[Host, list[_Item]]:
    """The items of each host, in order; each comes with its repository and its branch's name.

    Raises what ``host_of`` raises.
    """
    by_host: dict[Host, list[_Item]] = {}
    for ref, branch, item in items:
        by_host.setdefault(host_of(ref, branch), []).append(item)
    return by_host
