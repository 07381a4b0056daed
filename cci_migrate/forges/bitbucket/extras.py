"""Reviewers of pull requests on Bitbucket Cloud, which has neither labels nor assignees.

Reviewers are members of the workspace, whom the API knows by their UUIDs, and it replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

from cci_migrate.forges.bitbucket.reading import Membership, Reviewed
from cci_migrate.forges.extras import ExtraKind, Extras, MissingExtra
from cci_migrate.forges.repository import Snapshot
from cci_migrate.forges.rest_hosts import RestHost
from cci_migrate.transport.host_errors import HostError, RefusedError


class BitbucketExtras:
    """Adds reviewers to pull requests of ``host``; lists the members of each workspace once."""

    def __init__(self, host: RestHost) -> None:
        self._host = host
        #: The ids of the members of each workspace, by their names.
        self._members: dict[str, dict[str, str]] = {}

    def impossible(self, owner: str, extras: Extras) -> Iterator[MissingExtra]:
        """The labels and assignees, which Bitbucket lacks, and each unknown reviewer."""
        for name in extras.labels:
            yield MissingExtra(ExtraKind.LABEL, name, "Bitbucket has no labels")
        for name in extras.assignees:
            yield MissingExtra(ExtraKind.ASSIGNEE, name, "Bitbucket has no assignees")
        for name in extras.reviewers:
            if self._uuid(owner, name) is None:
                why = (
                    f"not a member of {owner} that the token can list; Bitbucket takes nicknames, "
                    "account ids and {UUID}s"
                )
                yield MissingExtra(ExtraKind.REVIEWER, name, why)

    def add(self, snapshot: Snapshot, path: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """Add reviewers to those of the pull request at ``path``; no repository refuses any.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
        """
        current = self._host.api.read("GET", path).body(Reviewed)
        present = [{"uuid": reviewer.uuid} for reviewer in current.reviewers]
        new = [each for each in self.reviewers(snapshot, extras) if each not in present]
        if new:
            changes = {"title": current.title, "reviewers": [*present, *new]}
            self._host.api.write("PUT", path, json=changes)
        return ()

    def reviewers(self, snapshot: Snapshot, extras: Extras) -> list[dict[str, str]]:
        """Those of the reviewers that are members of the workspace, as the API takes them."""
        owner = snapshot.ref.name.partition("/")[0]
        uuids = (self._uuid(owner, name) for name in extras.reviewers)
        return [{"uuid": uuid} for uuid in uuids if uuid is not None]

    def _uuid(self, owner: str, name: str) -> str | None:
        """The id of a member of the workspace ``owner``; a UUID in braces is one as it is.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/
        """
        if name.startswith("{"):
            return name
        if owner not in self._members:
            members: dict[str, str] = {}
            # A token without the scope for it can list nobody.
            with suppress(HostError, RefusedError):
                path = f"/workspaces/{quote(owner)}/members"
                for membership in self._host.items(path, Membership):
                    user = membership.user
                    for known_as in (user.nickname, user.account_id):
                        members.setdefault(known_as.lower(), user.uuid)
            self._members[owner] = members
        return self._members[owner].get(name.lower())
