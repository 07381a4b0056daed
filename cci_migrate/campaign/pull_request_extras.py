"""The labels, reviewers and assignees of the campaign's pull requests, code owners among them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.code_owners import code_owners, rules_for
from cci_migrate.campaign.isolation import Failure, attempt
from cci_migrate.error_kinds import UserError
from cci_migrate.forges.host import NO_EXTRAS, Delivery, Extras, Host
from cci_migrate.forges.repository import RepositoryRef, Snapshot
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
)

#: More code owners of one change are not asked: where one is refused, each is a write of its own.
MOST_OWNERS = 20
#: How reasons about a reviewer begin, and those about one from the CODEOWNERS file.
_REVIEWER, _OWNER = "reviewer ", "code owner "
#: GitHub refuses to request a review from the author, whom CODEOWNERS may name all the same.
_IS_AUTHOR = "cannot be requested from pull request author"


class ExtrasError(UserError):
    """A label, reviewer or assignee that the options name cannot be added anywhere."""


class WantedExtras(Struct, frozen=True):
    """What one pull request is to have: ``named`` by the options, and the code ``owners``.

    ``problems`` are about owners that cannot be asked.
    """

    named: Extras = NO_EXTRAS
    owners: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def together(self) -> Extras:
        """All of them."""
        reviewers = tuple(dict.fromkeys((*self.named.reviewers, *self.owners)))
        return replace(self.named, reviewers=reviewers)

    def add(self, host: Host, snapshot: Snapshot) -> tuple[str, ...]:
        """Add them to the pull request; returns why for each that could not be added."""
        lacks = host.add_extras(snapshot, self.named)
        if not self.owners:
            return lacks + self.problems
        of_owners = host.add_extras(snapshot, Extras(reviewers=self.owners))
        return (
            *lacks,
            *(lack.replace(_REVIEWER, _OWNER, 1) for lack in of_owners if _IS_AUTHOR not in lack),
            *self.problems,
        )


def is_about_code_owner(lack: str) -> bool:
    """Whether what a pull request lacks is a code owner, whom the options do not name."""
    return lack.startswith(_OWNER.rstrip())


class PullRequestExtras(Struct, frozen=True):
    """What the options ask for."""

    named: Extras = NO_EXTRAS
    has_code_owners: bool = False

    def check(self, host: Host, refs: Sequence[RepositoryRef]) -> None:
        """Raises ExtrasError for what no pull request in ``refs``, all on one host, can have."""
        if host.delivery is not Delivery.PULL_REQUEST:
            return
        kind = refs[0].kind
        if self.has_code_owners and rules_for(kind) is None:
            raise ExtrasError(
                f"--reviewers-from-codeowners: on {kind.value} the rules of CODEOWNERS are not "
                "known; name repositories of GitHub or GitLab, or use --reviewer"
            )
        for owner in dict.fromkeys(ref.name.partition("/")[0] for ref in refs):
            self._check_named(host, owner)

    def _check_named(self, host: Host, owner: str) -> None:
        if not self.named:
            return
        # Where the host does not say, it may accept them.
        with suppress(HostError, RefusedError, OverloadedError, HostUnavailable):
            if impossible := host.impossible_extras(owner, self.named):
                raise ExtrasError(f"{'; '.join(impossible)}; nothing was written")

    def for_change(self, host: Host, snapshot: Snapshot, changed: Sequence[str]) -> WantedExtras:
        """What the pull request with changes of the ``changed`` paths is to have.

        Reads the CODEOWNERS file at the head, if its owners are to review. Raises HostUnavailable.
        """
        rules = rules_for(snapshot.ref.kind) if self.has_code_owners else None
        if rules is None:
            return WantedExtras(self.named)
        owners = attempt(lambda: code_owners(rules, host.read(snapshot, rules.paths), changed))
        if isinstance(owners, Failure):
            return WantedExtras(self.named, problems=(f"{_OWNER}file: {owners.cause}",))
        users = tuple(owner for owner in owners if "@" not in owner)
        problems = [_why_not_asked(owner) for owner in owners if "@" in owner]
        if len(users) > MOST_OWNERS:
            problems.insert(0, f"code owners: only {MOST_OWNERS} of {len(users)} are asked")
        return WantedExtras(self.named, users[:MOST_OWNERS], tuple(problems[:MOST_OWNERS]))


def _why_not_asked(owner: str) -> str:
    kind = "a role" if owner.startswith("@") else "an e-mail address"
    return f"{_OWNER}{owner}: {kind}, which can't be asked for a review"
