"""Faults of the requests that follow and merge pull requests, alike on each kind of host."""

from __future__ import annotations

from tests.batch.github_stand_in import Repository
from tests.batch.hosts import ONE_OF_EACH, StandIn
from tests.batch.repositories import AT_ONCE, FIXED, Batch, content
from tests.batch.rest_stand_ins import Hosted
from tests.batch.test_faults import (
    FAULTS,
    LATER_FAULTS,
    OWN_FAULTS,
    OWN_READ_FAULTS,
    until_done,
)
from tests.batch.watching import Canned, Request

WRITE_FAULTS = (*LATER_FAULTS, "reset later", "limited")


def approved(host: StandIn, batch: Batch, *names: str) -> None:
    """Open a pull request in each of some repositories, which is approved and green."""
    host.planned(batch, *names)
    batch("apply", *AT_ONCE)
    for repository in host.repositories.values():
        repository.otherwise = host.verdicts.passed
        judged = repository.pulls[0] if isinstance(repository, Repository) else repository.review
        judged.approve()


def is_merged(repository: Repository | Hosted) -> bool:
    """Whether the change is in the default branch, by one merge."""
    is_done = content(repository.folder, "main") == FIXED
    if isinstance(repository, Repository):
        return is_done and repository.pulls[0].state == "MERGED"
    return is_done and repository.review.merge_commit is not None


def test_a_fault_of_any_merge_ends_in_one_merge(forge: StandIn, batch: Batch) -> None:
    names = WRITE_FAULTS if type(forge) in ONE_OF_EACH else OWN_FAULTS
    waiting = {name.replace(" ", "-"): FAULTS[name] for name in names}
    approved(forge, batch, *waiting)

    def watch(request: Request) -> Canned | None:
        if request.operation != "Merge" and not request.operation.endswith(" merge"):
            return None
        name = forge.concerned(request)
        fault = waiting.get(name)
        if fault is None or request.moment != fault.moment:
            return None
        del waiting[name]
        return fault.strike(request)

    forge.watch = watch
    output = until_done(lambda: batch("merge-when-green", *AT_ONCE, code=None), 12)
    assert waiting == {}, output
    for name, repository in forge.repositories.items():
        assert is_merged(repository), (name, output)
    assert set(batch.states().values()) == {"pull-request-merged"}


def test_a_fault_of_any_read_ends_in_one_merge(forge: StandIn, batch: Batch) -> None:
    """Each kind of request that is made has each fault once."""
    names = tuple(FAULTS) if type(forge) in ONE_OF_EACH else OWN_READ_FAULTS
    approved(forge, batch, "api")
    waiting: dict[str, list[str]] = {}

    def watch(request: Request) -> Canned | None:
        if request.is_write:
            return None
        faults = waiting.setdefault(request.operation, list(names))
        if not faults or FAULTS[faults[0]].moment != request.moment:
            return None
        return FAULTS[faults.pop(0)].strike(request)

    forge.watch = watch
    until_done(lambda: batch("merge-when-green", "--seconds-between", 0, code=None), 40)
    (repository,) = forge.repositories.values()
    assert is_merged(repository)
    assert sum(map(len, waiting.values())) < len(names) * len(waiting) / 2
