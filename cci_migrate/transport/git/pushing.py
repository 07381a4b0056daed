"""Pushes a commit to a remote, and says what a failure means."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.transport.git.process import GitDirectory, GitError, GitLimitedError
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot

#: What git and hosts say when the user lacks permission to push.
_NO_PERMISSION = ("returned error: 403", "permission", "denied", "not authorized")
#: What git says of a ref that another push changed meanwhile, so that it must be read again
#: (https://git-scm.com/docs/git-push#_output).
_CHANGED_MEANWHILE = ("lock", "already exists", "incorrect old value", "is at ", "expected ")
#: What git says when it has no valid login, and so pushed nothing.
_NO_LOGIN = ("authentication failed", "could not read username", "could not read password")


def push(
    repository: GitDirectory,
    commit: str,
    reference: str,
    old: str,
    login: Mapping[str, str] | None = None,
) -> None:
    """Push ``commit`` (empty: delete) to ``reference``, which has the commit ``old`` (empty: none).

    Raises GitLimitedError if the server limits requests, RefusedError without permission,
    HostError if the other side refuses it for another reason, StaleSnapshot for any other failure:
    the push may have arrived anyway.
    """
    lease = f"--force-with-lease={reference}:{old}"
    try:
        repository.run(
            ["push", "--quiet", lease, "origin", f"{commit}:{reference}"], settings=login
        )
    except GitLimitedError:
        raise
    except GitError as error:
        message = str(error).lower()
        if any(sign in message for sign in _NO_PERMISSION):
            raise RefusedError(str(error)) from None
        if _is_refusal(message):
            raise HostError(str(error)) from None
        raise StaleSnapshot(str(error)) from None


def _is_refusal(message: str) -> bool:
    """Whether git's lower-case ``message`` says that nothing was pushed, nor would be if repeated.

    A hook or a rule of the other side rejects refs with its reason in parentheses.
    """
    if any(sign in message for sign in _NO_LOGIN):
        return True
    _, is_rejected, reason = message.partition("[remote rejected]")
    reason = reason.partition(";")[0].rpartition("(")[2]
    return bool(is_rejected) and not any(sign in reason for sign in _CHANGED_MEANWHILE)
