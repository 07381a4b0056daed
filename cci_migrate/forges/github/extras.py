"""Labels, reviewers and assignees of GitHub's pull requests.

GitHub creates a label that does not exist, takes a review request only for collaborators and for
teams of the owner, and leaves out assignees that it does not accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from cci_migrate.forges.host import Extras
from cci_migrate.forges.users_and_teams import UserNames, review_request
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import Api, Response
from cci_migrate.transport.write_kinds import WriteKind


class _Assignee(Struct, frozen=True):
    login: str


class _Issue(Struct, frozen=True):
    assignees: tuple[_Assignee, ...]


class ExtrasWriter:
    """Adds extras to pull requests of one host; looks each user up once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._users = UserNames(api)

    def impossible(self, owner: str, extras: Extras) -> Iterator[str]:
        """Why for each user that GitHub does not know, and each team of somebody else."""
        return self._users.problems(owner, extras, "GitHub has no such user")

    def add(self, repository: str, number: int, extras: Extras) -> Iterator[str]:
        """Add ``extras`` to the pull request ``number``; why for each that could not be added.

        GitHub refuses all of them for one, so that they are then added one by one.
        """
        issue = f"/repos/{repository}/issues/{number}"
        reviews = f"/repos/{repository}/pulls/{number}/requested_reviewers"
        yield from self._add_each(f"{issue}/labels", "label", extras.labels, _labels)
        yield from self._add_each(reviews, "reviewer", extras.reviewers, review_request)
        yield from self._add_each(f"{issue}/assignees", "assignee", extras.assignees, _assignees)

    def _add_each(
        self,
        path: str,
        what: str,
        names: Sequence[str],
        body: Callable[[Sequence[str]], dict[str, list[str]]],
    ) -> Iterator[str]:
        if not names:
            return
        try:
            answer = self._api.write(WriteKind.OTHER, "POST", path, json=body(names))
            accepted = _accepted_assignees(answer) if body is _assignees else None
        except (HostError, RefusedError, StaleSnapshot) as error:
            if len(names) == 1:
                yield f"{what} {names[0]}: {error}"
                return
            for name in names:
                yield from self._add_each(path, what, [name], body)
            return
        if accepted is not None:
            for name in names:
                if name.lower() not in accepted:
                    yield f"{what} {name}: GitHub does not accept them in this repository"


def _labels(names: Sequence[str]) -> dict[str, list[str]]:
    """https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue"""
    return {"labels": list(names)}


def _assignees(names: Sequence[str]) -> dict[str, list[str]]:
    """https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue"""
    return {"assignees": list(names)}


def _accepted_assignees(answer: Response) -> set[str]:
    return {assignee.login.lower() for assignee in answer.body(_Issue).assignees}
