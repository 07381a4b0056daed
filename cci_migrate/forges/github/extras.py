"""Labels, reviewers and assignees of GitHub's pull requests.

GitHub creates a label that does not exist, takes a review request only for collaborators and for
teams of the owner, and leaves out assignees that it does not accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.forges.extras import ExtraKind, Extras, MissingExtra
from cci_migrate.forges.users_and_teams import UserNames, is_team, review_request
from cci_migrate.transport.host_errors import (
    HostError,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.http import Api, Response


class _Account(Struct, frozen=True):
    login: str


class _Issue(Struct, frozen=True):
    assignees: tuple[_Account, ...]


class _Authored(Struct, frozen=True):
    """A pull request; without a ``user`` its author's account is gone."""

    user: _Account | None = None


class GitHubExtras:
    """Adds extras to pull requests of one host; looks each user up once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._users = UserNames(api)
        #: The authors of pull requests, by their paths.
        self._authors: dict[str, str] = {}

    def impossible(self, owner: str, extras: Extras) -> Iterator[MissingExtra]:
        """The users that GitHub does not know, and the teams of somebody else."""
        return self._users.missing(owner, extras, "GitHub has no such user")

    def add(self, repository: str, number: int, extras: Extras) -> Iterator[MissingExtra]:
        """Add ``extras`` to the pull request ``number``; those that could not be added.

        GitHub refuses all of them for one, so that they are then added one by one.
        """
        issue = f"/repos/{repository}/issues/{number}"
        pull = f"/repos/{repository}/pulls/{number}"
        yield from self._add_each(f"{issue}/labels", ExtraKind.LABEL, extras.labels, _labels)
        reviewers = extras.reviewers
        for missing in self._add_each(
            f"{pull}/requested_reviewers", ExtraKind.REVIEWER, reviewers, review_request
        ):
            name = missing.name.lower()
            is_author = not is_team(name) and name == self._author_of(pull)
            yield replace(missing, is_author=is_author)
        yield from self._add_each(
            f"{issue}/assignees", ExtraKind.ASSIGNEE, extras.assignees, _assignees
        )

    def _author_of(self, pull: str) -> str:
        """Who opened the pull request at the path ``pull``, in lower case; empty if unknown.

        GitHub refuses to request a review from the author, and has no code for that.
        """
        if pull not in self._authors:
            with suppress(HostError, RefusedError, OverloadedError):
                author = self._api.read("GET", pull).body(_Authored).user
                self._authors[pull] = "" if author is None else author.login.lower()
        return self._authors.get(pull, "")

    def _add_each(
        self,
        path: str,
        kind: ExtraKind,
        names: Sequence[str],
        body: Callable[[Sequence[str]], dict[str, list[str]]],
    ) -> Iterator[MissingExtra]:
        if not names:
            return
        try:
            answer = self._api.write("POST", path, json=body(names))
            accepted = _accepted_assignees(answer) if body is _assignees else None
        except (HostError, RefusedError, StaleSnapshot) as error:
            if len(names) == 1:
                yield MissingExtra(kind, names[0], str(error))
                return
            for name in names:
                yield from self._add_each(path, kind, [name], body)
            return
        if accepted is not None:
            for name in names:
                if name.lower() not in accepted:
                    why = "GitHub does not accept them in this repository"
                    yield MissingExtra(kind, name, why)


def _labels(names: Sequence[str]) -> dict[str, list[str]]:
    """https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue"""
    return {"labels": list(names)}


def _assignees(names: Sequence[str]) -> dict[str, list[str]]:
    """https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue"""
    return {"assignees": list(names)}


def _accepted_assignees(answer: Response) -> set[str]:
    return {assignee.login.lower() for assignee in answer.body(_Issue).assignees}
