"""Who git's commits are by, as git itself says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.transport.git.objects import signs_commits
from cci_migrate.transport.git.process import GitDirectory, GitError
from cci_migrate.transport.git.repositories import bare_repository, opened_checkout


class NoIdentityError(GitError):
    """git does not know who commits; the message says what to do."""


def committer(ref: RepositoryRef | None = None) -> str:
    """The name and address that git commits with, in the checkout ``ref`` or anywhere.

    Raises NoIdentityError if git knows none, GitError if it can't be asked.
    """
    if ref is not None and ref.kind is Kind.LOCAL:
        with opened_checkout(Path(ref.name)) as checkout:
            return _committer(checkout.repository)
    with tempfile.TemporaryDirectory(prefix="cci-migrate-") as scratch:
        return _committer(bare_repository(Path(scratch), "", "https"))


def user_signs_commits() -> bool:
    """Whether the user's git signs all commits. Raises GitError if it can't be asked."""
    with tempfile.TemporaryDirectory(prefix="cci-migrate-") as scratch:
        return signs_commits(bare_repository(Path(scratch), "", "https"))


def _committer(repository: GitDirectory) -> str:
    for role in ("AUTHOR", "COMMITTER"):
        try:
            identity = repository.text(["var", f"GIT_{role}_IDENT"])
        except GitError as error:
            raise NoIdentityError(
                f"git does not know who you are ({error}); set user.name and user.email: "
                "git config --global user.email you@example.com"
            ) from None
    return identity.rpartition("> ")[0] + ">"
