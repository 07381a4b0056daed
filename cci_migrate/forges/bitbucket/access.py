"""What a token may do in a repository on Bitbucket Cloud."""

from __future__ import annotations

from collections.abc import Set
from urllib.parse import quote

from msgspec import Struct

from cci_migrate.forges.access import TokenAccess, both, lacking_scope
from cci_migrate.forges.bitbucket.reading import FullName
from cci_migrate.forges.repository import Snapshot
from cci_migrate.forges.rest_hosts import RestHost
from cci_migrate.transport.host_errors import HostError, RefusedError

#: Access tokens and personal API tokens name the same scopes differently
#: (https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication).
_OPENING = frozenset({"pullrequest:write", "write:pullrequest:bitbucket"})
#: To write pull requests includes to write repositories for access tokens.
_PUSHING = frozenset(
    {"repository:write", "repository:admin", "pullrequest:write", "write:repository:bitbucket"}
)


class _Permission(Struct, frozen=True):
    """What the token's owner may do in one repository: ``read``, ``write`` or ``admin``."""

    repository: FullName
    permission: str


def token_problem(scopes: Set[str] | None) -> str:
    """What a token with ``scopes`` lacks for any change; empty if nothing, or if not known."""
    if scopes is None or scopes & _OPENING:
        return ""
    return lacking_scope(("pullrequest:write", "write:pullrequest:bitbucket"))


class BitbucketAccess:
    """Reads the access to repositories of ``host``; lists the permissions in a workspace once."""

    def __init__(self, host: RestHost) -> None:
        self._host = host
        self._by_workspace: dict[str, dict[str, str]] = {}

    def read(self, snapshot: Snapshot, scopes: Set[str] | None) -> TokenAccess:
        """The access to the repository in ``snapshot``; each answer names the token's ``scopes``.

        https://support.atlassian.com/bitbucket-cloud/kb/how-to-fetch-the-scope-of-a-token-via-command-line/
        """
        permission = self._permission(snapshot.current_name)
        may_write = None if permission is None else permission in ("write", "admin")
        can_push = None if scopes is None else bool(scopes & _PUSHING)
        can_open = None if scopes is None else bool(scopes & _OPENING)
        problems = []
        if may_write is False:
            problems.append("the token's owner has no write access to the repository")
        elif may_write is None:
            problems.append("Bitbucket does not show the permission of this token's owner")
        if can_push is False:
            problems.append(lacking_scope(("repository:write", "write:repository:bitbucket")))
        if can_open is False:
            problems.append(token_problem(scopes))
        elif can_open is None:
            problems.append("Bitbucket does not show the scopes of this token")
        return TokenAccess(both(may_write, can_push), both(may_write, can_open), tuple(problems))

    def _permission(self, name: str) -> str | None:
        """None for what is not listed, as for tokens that belong to no person.

        https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-user-workspaces-workspace-permissions-repositories-get
        """
        workspace = name.partition("/")[0]
        if workspace not in self._by_workspace:
            path = f"/user/workspaces/{quote(workspace)}/permissions/repositories"
            try:
                self._by_workspace[workspace] = {
                    entry.repository.full_name.lower(): entry.permission
                    for entry in self._host.items(path, _Permission)
                }
            except (HostError, RefusedError):
                self._by_workspace[workspace] = {}
        return self._by_workspace[workspace].get(name.lower())
