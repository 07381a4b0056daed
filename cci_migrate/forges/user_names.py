"""Which user names a host knows: those at GitHub's address for a user, which Gitea's API has too.

https://docs.github.com/en/rest/users/users#get-a-user, https://docs.gitea.com/api/
"""

from __future__ import annotations

from urllib.parse import quote

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
