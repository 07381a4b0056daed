"""An error in one repository does not end the campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.campaign.ledger import LedgerError
from cci_migrate.forges import repository_errors
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Blocker, Observation, RepositoryRef, Unreadable

#: Errors that end the run: the host is unavailable, or the ledger cannot be written.
FATAL_ERRORS = (*repository_errors.FATAL_ERRORS, LedgerError)


def observe_each(host: Host, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
    """`Host.observe`, repository by repository if it fails for all of ``refs`` together.

    A repository that fails alone is Unreadable. Raises HostUnavailable.
    """
    waiting = {ref.key: ref for ref in refs}
    try:
        for observation in host.observe(refs):
            waiting.pop(observation.ref.key, None)
            yield observation
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the others go on
        if len(refs) == 1:
            for ref in waiting.values():
                yield Unreadable(ref, Blocker.FAILED, repository_errors.describe_error(error))
            return
        for ref in waiting.values():
            yield from observe_each(host, [ref])
