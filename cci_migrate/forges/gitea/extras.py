"""Labels, reviewers and assignees of pull requests on Gitea and Forgejo.

Labels have ids in each repository and in its organisation. A review request is refused for all
reviewers because of one, and assignees are replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

from cci_migrate.forges.extras import ExtraKind, Extras, MissingExtra
from cci_migrate.forges.gitea.reading import Assigned, Label
from cci_migrate.forges.repository import Snapshot
from cci_migrate.forges.rest_hosts import RestHost
from cci_migrate.forges.users_and_teams import UserNames, is_of, is_team, review_request
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import MissingError


class GiteaExtras:
    """Adds extras to pull requests of ``host``; looks each user and label up once."""

    def __init__(self, host: RestHost) -> None:
        self._host = host
        self._users = UserNames(host.api)
        self._label_ids: dict[str, dict[str, int]] = {}

    def impossible(self, owner: str, extras: Extras) -> Iterator[MissingExtra]:
        """The users that the host does not know, and the teams of somebody else.

        A label that one repository lacks, another may have.
        """
        return self._users.missing(owner, extras, "no such user")

    def add(self, snapshot: Snapshot, path: str, extras: Extras) -> Iterator[MissingExtra]:
        """Add ``extras`` to the pull request at ``path``; those that are refused."""
        owner = snapshot.current_name.partition("/")[0]
        reviewers = [
            name
            for name in extras.reviewers
            if (is_of(name, owner) if is_team(name) else self._users.has(name))
        ]
        assignees = [name for name in extras.assignees if self._users.has(name)]
        yield from self._add_labels(snapshot, extras.labels)
        yield from self._add_reviewers(f"{path}/requested_reviewers", reviewers)
        yield from self._add_assignees(path, assignees)

    def _add_labels(self, snapshot: Snapshot, names: Sequence[str]) -> Iterator[MissingExtra]:
        repository = self._host.path(snapshot)
        ids = self._labels(snapshot.current_name) if names else {}
        known = [name for name in names if name.lower() in ids]
        path = f"{repository}/issues/{snapshot.pull_number}/labels"
        for name in names:
            if name not in known:
                why = "neither the repository nor its organisation has it"
                yield MissingExtra(ExtraKind.LABEL, name, why)
        if known:
            numbers = [ids[name.lower()] for name in known]
            yield from self._add(path, ExtraKind.LABEL, known, {"labels": numbers})

    def _add_reviewers(self, path: str, names: Sequence[str]) -> Iterator[MissingExtra]:
        kind = ExtraKind.REVIEWER
        if not names:
            return
        refused = list(self._add(path, kind, names, review_request(names)))
        if refused and len(names) > 1:
            for name in names:
                yield from self._add(path, kind, [name], review_request([name]))
        else:
            yield from refused

    def _add_assignees(self, path: str, names: Sequence[str]) -> Iterator[MissingExtra]:
        """Add to those that are there: the API replaces them."""
        if not names:
            return
        current = self._host.api.read("GET", path).body(Assigned)
        present = [user.login for user in current.assignees or ()]
        lower = {name.lower() for name in present}
        new = [name for name in names if name.lower() not in lower]
        if new:
            body = {"assignees": [*present, *new]}
            yield from self._add(path, ExtraKind.ASSIGNEE, new, body, "PATCH")

    def _add(
        self,
        path: str,
        kind: ExtraKind,
        names: Sequence[str],
        body: Mapping[str, object],
        method: str = "POST",
    ) -> Iterator[MissingExtra]:
        """Send ``body`` with all of ``names``; each of them if that is refused."""
        try:
            self._host.api.write(method, path, json=body)
        except (HostError, RefusedError, StaleSnapshot) as error:
            for name in names:
                yield MissingExtra(kind, name, str(error))

    def _labels(self, name: str) -> dict[str, int]:
        """The ids of the labels of a repository and of its organisation, by lower-case name."""
        owner = name.partition("/")[0]
        of_owner = f"/orgs/{quote(owner, safe='')}/labels"
        return self._labels_at(of_owner) | self._labels_at(f"/repos/{name}/labels")

    def _labels_at(self, path: str) -> dict[str, int]:
        if path not in self._label_ids:
            labels: list[Label] = []
            # A user has no labels.
            with suppress(MissingError):
                labels += self._host.items(path, Label)
            self._label_ids[path] = {label.name.lower(): label.id for label in labels}
        return self._label_ids[path]
