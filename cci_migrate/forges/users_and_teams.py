"""Users and teams of GitHub, and of Gitea, whose API has both where GitHub's has them.

https://docs.github.com/en/rest/users/users#get-a-user,
https://docs.github.com/en/rest/pulls/review-requests#request-reviewers-for-a-pull-request,
https://docs.gitea.com/api/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from cci_migrate.forges.extras import ExtraKind, Extras, MissingExtra
from cci_migrate.transport.host_errors import HostError, RefusedError
from cci_migrate.transport.http import Api, MissingError


class UserNames:
    """Looks up the users of the host behind ``api``, each once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, bool] = {}

    def has(self, name: str) -> bool:
        """Whether the host knows the user ``name``; true where it won't say."""
        if name not in self._known:
            try:
                self._api.read("GET", f"/users/{quote(name, safe='')}")
            except MissingError:
                self._known[name] = False
            except (HostError, RefusedError):
                return True
            else:
                self._known[name] = True
        return self._known[name]

    def missing(self, owner: str, extras: Extras, no_user: str) -> Iterator[MissingExtra]:
        """The users that the host doesn't know (``no_user`` says so), and teams of other owners."""
        for name in extras.reviewers:
            if is_team(name):
                if not is_of(name, owner):
                    why = f"not a team of {owner}, which owns the repositories"
                    yield MissingExtra(ExtraKind.REVIEWER, name, why)
            elif not self.has(name):
                yield MissingExtra(ExtraKind.REVIEWER, name, no_user)
        for name in extras.assignees:
            if not self.has(name):
                yield MissingExtra(ExtraKind.ASSIGNEE, name, no_user)


def is_team(reviewer: str) -> bool:
    """Whether ``reviewer`` is a team, such as ``acme/ops``."""
    return "/" in reviewer


def is_of(name: str, owner: str) -> bool:
    """Whether the team or repository ``name`` belongs to ``owner``."""
    return name.partition("/")[0].lower() == owner.lower()


def review_request(reviewers: Sequence[str]) -> dict[str, list[str]]:
    """The fields that ask ``reviewers`` to review a pull request."""
    return {
        "reviewers": [name for name in reviewers if not is_team(name)],
        "team_reviewers": [name.partition("/")[2] for name in reviewers if is_team(name)],
    }
