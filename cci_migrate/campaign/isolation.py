"""An error in one repository does not end the campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.ledger import LedgerError
from cci_migrate.forges import repository_errors
from cci_migrate.forges.host import BatchReader, Host, WantedFiles
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


def read_each(
    host_of: Callable[[RepositoryRef], Host], wanted: Sequence[WantedFiles]
) -> dict[str, Mapping[str, bytes | None] | str]:
    """The wanted files by the repository's key, or why they could not be read.

    They are read for all repositories of a host together, where it can, and one by one if that
    fails. Raises HostUnavailable.
    """
    by_host = group_by_host(
        ((files.snapshot.ref, "", files) for files in wanted), lambda ref, _branch: host_of(ref)
    )
    contents: dict[str, Mapping[str, bytes | None] | str] = {}
    for host, files_there in by_host.items():
        if isinstance(host, BatchReader) and len(files_there) > 1:
            try:
                contents.update(host.read_batch(files_there))
                continue
            except FATAL_ERRORS:
                raise
            except Exception:  # noqa: BLE001, S110 - asked again, one by one
                pass
        for files in files_there:
            contents[files.snapshot.ref.key] = _contents_or_error(host, files)
    return contents


def _contents_or_error(host: Host, files: WantedFiles) -> Mapping[str, bytes | None] | str:
    try:
        return host.read(files.snapshot, files.paths)
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the others go on
        return repository_errors.describe_error(error)
