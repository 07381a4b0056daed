"""An error in one repository does not end the campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from msgspec import Struct

from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.projects import only_project
from cci_migrate.error_kinds import UserError
from cci_migrate.forges import repository_errors
from cci_migrate.forges.host import BatchReader, Host, WantedFiles
from cci_migrate.forges.pull_request_reviews import OwnPull, PullRequestReview, Reviews
from cci_migrate.forges.repository import Blocker, Observation, RepositoryRef, Unreadable

if TYPE_CHECKING:
    from concurrent.futures import Future

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

#: Errors that end the run: the host is unavailable, the ledger cannot be written, or the user has
#: to change something, such as a template.
FATAL_ERRORS = (*repository_errors.FATAL_ERRORS, UserError)


class Failure(Struct, frozen=True):
    """Why work on one repository failed; ``error`` if it raised one."""

    cause: str
    error: Exception | None = None


def attempt(
    work: Callable[_Params, _Result], *args: _Params.args, **kwargs: _Params.kwargs
) -> _Result | Failure:
    """What ``work`` returns, or why it fails for one repository alone. Raises FATAL_ERRORS."""
    try:
        return work(*args, **kwargs)
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the other repositories go on
        return Failure(repository_errors.describe_error(error), error)


def observe_each(host: Host, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
    """`Host.observe`, repository by repository where it fails for several together.

    A project of a monorepo has only its own files. A repository that fails alone is Unreadable.
    Raises HostUnavailable.
    """
    left = iter(refs)
    while True:
        unanswered: dict[str, RepositoryRef] = {}
        try:
            for observation in host.observe(_recording(left, unanswered)):
                unanswered.pop(observation.ref.key, None)
                yield only_project(observation)
        except FATAL_ERRORS:
            raise
        except Exception as error:
            if not unanswered:
                raise
            if len(unanswered) == 1:
                (ref,) = unanswered.values()
                yield Unreadable(ref, Blocker.FAILED, repository_errors.describe_error(error))
                continue
            for ref in unanswered.values():
                yield from observe_each(host, [ref])
        else:
            return


def _recording(
    refs: Iterator[RepositoryRef], unanswered: dict[str, RepositoryRef]
) -> Iterator[RepositoryRef]:
    for ref in refs:
        unanswered[ref.key] = ref
        yield ref


def review_each(
    reviews: Reviews, pulls: Sequence[OwnPull]
) -> Iterator[PullRequestReview | Unreadable]:
    """`Reviews.read`, one by one if it fails for several together.

    One that fails alone is Unreadable. Raises HostUnavailable.
    """
    count = 0
    try:
        for review in reviews.read(pulls):
            count += 1
            yield review
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the others go on
        if len(pulls) == 1:
            cause = repository_errors.describe_error(error)
            yield Unreadable(pulls[0].ref, Blocker.FAILED, cause)
            return
        for pull in pulls[count:]:
            yield from review_each(reviews, [pull])


class BegunRead(Struct, frozen=True):
    """Files of repositories of one host that are being read, or will be when they are needed."""

    host: Host
    requested: tuple[WantedFiles, ...]
    pending: Future[Mapping[str, Mapping[str, bytes | None]]] | None = None

    @property
    def is_done(self) -> bool:
        """Whether `contents` has nothing to wait for."""
        return self.pending is None or self.pending.done()

    def contents(self) -> Mapping[str, Mapping[str, bytes | None] | Failure]:
        """The requested files by the repository's key, or why they could not be read.

        They are read one by one if that fails for all together. Raises HostUnavailable.
        """
        if self.pending is not None:
            try:
                return self.pending.result()
            except FATAL_ERRORS:
                raise
            except Exception:  # noqa: BLE001, S110 - asked again, one by one
                pass
        return {
            files.snapshot.ref.key: attempt(self.host.read, files.snapshot, files.paths)
            for files in self.requested
        }


def begin_reads(
    host_of: Callable[[RepositoryRef], Host], requested: Iterable[WantedFiles]
) -> list[BegunRead]:
    """Have each host read the files that are wanted of its repositories, of several together."""
    by_host = group_by_host(
        ((files.snapshot.ref, "", files) for files in requested), lambda ref, _branch: host_of(ref)
    )
    return [
        BegunRead(host, together, host.begin_reading(together))
        if isinstance(host, BatchReader)
        else BegunRead(host, together)
        for host, files_there in by_host.items()
        for together in grouped(files_there, getattr(host, "files_together", 1))
    ]


def grouped(requested: Iterable[WantedFiles], most: int) -> Iterator[tuple[WantedFiles, ...]]:
    """``requested`` in groups of at most ``most`` files, unless one repository has more."""
    group: list[WantedFiles] = []
    for files in requested:
        if group and sum(len(others.paths) for others in (*group, files)) > most:
            yield tuple(group)
            group = []
        group.append(files)
    if group:
        yield tuple(group)
