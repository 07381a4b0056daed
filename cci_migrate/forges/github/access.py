"""What a token may do in a repository on GitHub."""

from __future__ import annotations

from collections.abc import Set

from cci_migrate.forges.access import TokenAccess, both, lacking_scope
from cci_migrate.forges.repository import Snapshot, Visibility

_CLASSIC = ("ghp_", "gho_")


def scope_allows(token: str, scopes: Set[str] | None, visibility: Visibility) -> bool | None:
    """Whether the scopes of a token allow writes to a repository; None if it has none to show.

    Only classic tokens have scopes, which every answer names; of others GitHub tells nothing
    (https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
    """
    if not scopes and not token.startswith(_CLASSIC):
        return None
    if scopes is None:
        return None
    return "repo" in scopes or ("public_repo" in scopes and visibility is Visibility.PUBLIC)


def token_problem(token: str, scopes: Set[str] | None) -> str:
    """What the token lacks for any write; empty if nothing, or if that is not known."""
    is_useless = scope_allows(token, scopes, Visibility.PUBLIC) is False
    return lacking_scope(("repo",)) if is_useless else ""


def read_access(snapshot: Snapshot, token: str, scopes: Set[str] | None) -> TokenAccess:
    """The access that the answer with ``snapshot`` shows.

    Who may write to a repository may open pull requests, unless the token lacks that permission.
    """
    is_allowed = scope_allows(token, scopes, snapshot.traits.visibility)
    may_write = snapshot.traits.may_write
    problems = []
    if may_write is False:
        problems.append("the token's owner has no write access to the repository")
    if is_allowed is False:
        problems.append(lacking_scope(("repo",)))
    if may_write is not False and is_allowed is None:
        problems.append(
            "GitHub does not show the permissions of fine-grained and App tokens; they need write "
            "access to Contents and Pull requests"
        )
    may_deliver = both(may_write, is_allowed)
    return TokenAccess(may_deliver, may_deliver, tuple(problems))
