"""Labels, reviewers and assignees of merge requests on GitLab.

GitLab creates a label that does not exist, knows people by their ids, and replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cci_migrate.forges.extras import ExtraKind, Extras, MissingExtra
from cci_migrate.forges.gitlab.reading import MergeRequestExtras, User
from cci_migrate.forges.repository import Snapshot
from cci_migrate.transport.http import Api


class GitLabExtras:
    """Adds extras to merge requests of one host; looks each user up once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._users: dict[str, int | None] = {}

    def impossible(self, owner: str, extras: Extras) -> Iterator[MissingExtra]:
        """The reviewers and assignees that GitLab does not know; it creates labels."""
        del owner
        people = [(ExtraKind.REVIEWER, name) for name in extras.reviewers]
        people += [(ExtraKind.ASSIGNEE, name) for name in extras.assignees]
        for kind, name in people:
            if self._user_id(name) is None:
                why = "GitLab has no such user; groups can't be asked"
                yield MissingExtra(kind, name, why)

    def add(self, snapshot: Snapshot, path: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """Add those of ``extras`` that GitLab knows; no repository refuses any of them.

        https://docs.gitlab.com/api/merge_requests/#get-single-mr,
        https://docs.gitlab.com/api/merge_requests/#update-mr
        """
        del snapshot
        current = self._api.read("GET", path).body(MergeRequestExtras)
        reviewers = {user.id for user in current.reviewers}
        assignees = {user.id for user in current.assignees}
        changes: dict[str, object] = {}
        if labels := set(extras.labels) - set(current.labels):
            changes["add_labels"] = ",".join(sorted(labels))
        if added := set(self.user_ids(extras.reviewers)) - reviewers:
            changes["reviewer_ids"] = sorted(reviewers | added)
        if added := set(self.user_ids(extras.assignees)) - assignees:
            changes["assignee_ids"] = sorted(assignees | added)
        if changes:
            self._api.write("PUT", path, json=changes)
        return ()

    def user_ids(self, names: Sequence[str]) -> list[int]:
        """The ids of those of ``names`` that GitLab knows."""
        ids = (self._user_id(name) for name in names)
        return [number for number in ids if number is not None]

    def _user_id(self, name: str) -> int | None:
        """https://docs.gitlab.com/api/users/#list-users"""
        if name not in self._users:
            answer = self._api.read("GET", "/users", params={"username": name})
            users = answer.body(tuple[User, ...])
            self._users[name] = users[0].id if users else None
        return self._users[name]
