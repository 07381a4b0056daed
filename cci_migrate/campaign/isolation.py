"""One repository never ends a campaign: what goes wrong with it is its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.campaign.ledger import LedgerError
from cci_migrate.forges import faults
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Blocker, RepositoryRef, Sighting, Unseen

#: What is no matter of one repository: the host hears no more, or nothing can be recorded.
ENDS_ALL = (*faults.ENDS_ALL, LedgerError)


def look_at_each(host: Host, refs: Sequence[RepositoryRef]) -> Iterator[Sighting]:
    """`Host.look`, where a repository that breaks it is looked at alone and is Unseen.

    Raises LaneClosedError.
    """
    waiting = {ref.key: ref for ref in refs}
    try:
        for sighting in host.look(refs):
            waiting.pop(sighting.ref.key, None)
            yield sighting
    except ENDS_ALL:
        raise
    except Exception as error:  # noqa: BLE001 - the others go on
        if len(refs) == 1:
            for ref in waiting.values():
                yield Unseen(ref, Blocker.FAILED, faults.described(error))
            return
        for ref in waiting.values():
            yield from look_at_each(host, [ref])
