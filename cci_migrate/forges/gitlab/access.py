"""What a token may do in a project on GitLab."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from cci_migrate.forges.access import TokenAccess, both, lacking_scope
from cci_migrate.forges.repository import Snapshot
from cci_migrate.transport.host_errors import HostError, RefusedError
from cci_migrate.transport.http import Api


class _ProjectAccess(Struct, frozen=True):
    can_create_merge_request_in: bool | None = None


class GitLabAccess:
    """Reads the access to projects of one GitLab; asks about the token once."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, snapshot: Snapshot) -> TokenAccess:
        """https://docs.gitlab.com/api/projects/#get-a-single-project"""
        project = self._api.read("GET", f"/projects/{snapshot.node}").body(_ProjectAccess)
        has_scope = self._token_has_scope
        may_push = snapshot.traits.may_write
        may_open = both(may_push, project.can_create_merge_request_in)
        problems = []
        if may_push is False:
            problems.append("the token's role is below Developer; pushing needs that role")
        elif project.can_create_merge_request_in is False:
            problems.append("the project does not accept merge requests of this token's owner")
        if has_scope is False:
            problems.append(lacking_scope(("api",)))
        elif has_scope is None:
            problems.append("GitLab does not show the scopes of this token; it needs api")
        return TokenAccess(both(may_push, has_scope), both(may_open, has_scope), tuple(problems))

    @cached_property
    def _token_has_scope(self) -> bool | None:
        """https://docs.gitlab.com/api/personal_access_tokens/#self-inform

        None for tokens of other kinds: OAuth, CI jobs.
        """
        try:
            answer = self._api.read("GET", "/personal_access_tokens/self")
            return "api" in answer.body(tuple[str, ...], "scopes")
        except (HostError, RefusedError):
            return None
