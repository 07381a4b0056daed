"""The labels, reviewers and assignees of the campaign's pull requests, code owners among them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.code_owners import code_owners, rules_for
from cci_migrate.campaign.isolation import Failure, attempt
from cci_migrate.error_kinds import UserError
from cci_migrate.forges.extras import NO_EXTRAS, ExtraKind, Extras, MissingExtra
from cci_migrate.forges.host import Delivery, Host
from cci_migrate.forges.repository import RepositoryRef, Snapshot
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)

#: More code owners of one change are not asked: where one is refused, each is a write of its own.
MOST_OWNERS = 20


class ExtrasError(UserError):
    """A label, reviewer or assignee that the options name cannot be added anywhere."""


class WantedExtras(Struct, frozen=True):
    """What one pull request is to have: ``named`` by the options, and the code ``owners``.

    ``not_asked`` are owners that cannot be asked.
    """

    named: Extras = NO_EXTRAS
    owners: tuple[str, ...] = ()
    not_asked: tuple[MissingExtra, ...] = ()

    @property
    def together(self) -> Extras:
        """All of them."""
        reviewers = tuple(dict.fromkeys((*self.named.reviewers, *self.owners)))
        return replace(self.named, reviewers=reviewers)

    def add(self, host: Host, snapshot: Snapshot) -> tuple[MissingExtra, ...]:
        """Add them to the pull request; returns those that could not be added.

        CODEOWNERS may name the author, who is not missing.
        """
        missing = host.add_extras(snapshot, self.named)
        if not self.owners:
            return missing + self.not_asked
        missing_owners = host.add_extras(snapshot, Extras(reviewers=self.owners))
        return (
            *missing,
            *(
                replace(owner, kind=ExtraKind.CODE_OWNER)
                for owner in missing_owners
                if not owner.is_author
            ),
            *self.not_asked,
        )


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
        with suppress(HostError, RefusedError, StaleSnapshot, OverloadedError, HostUnavailable):
            if impossible := host.impossible_extras(owner, self.named):
                reasons = "; ".join(missing.text for missing in impossible)
                raise ExtrasError(f"{reasons}; nothing was written")

    def for_change(self, host: Host, snapshot: Snapshot, changed: Sequence[str]) -> WantedExtras:
        """What the pull request with changes of the ``changed`` paths is to have.

        Reads the CODEOWNERS file at the head, if its owners are to review. Raises HostUnavailable.
        """
        rules = rules_for(snapshot.ref.kind) if self.has_code_owners else None
        if rules is None:
            return WantedExtras(self.named)
        owners = attempt(lambda: code_owners(rules, host.read(snapshot, rules.paths), changed))
        if isinstance(owners, Failure):
            unread = MissingExtra(ExtraKind.CODE_OWNER, "file", owners.cause)
            return WantedExtras(self.named, not_asked=(unread,))
        users = tuple(owner for owner in owners if "@" not in owner)
        not_asked = [_not_asked(owner) for owner in owners if "@" in owner]
        if len(users) > MOST_OWNERS:
            why = f"only {MOST_OWNERS} of {len(users)} are asked"
            not_asked.insert(0, MissingExtra(ExtraKind.CODE_OWNER, "", why))
        return WantedExtras(self.named, users[:MOST_OWNERS], tuple(not_asked[:MOST_OWNERS]))


def _not_asked(owner: str) -> MissingExtra:
    role = "a role" if owner.startswith("@") else "an e-mail address"
    why = f"{role}, which can't be asked for a review"
    return MissingExtra(ExtraKind.CODE_OWNER, owner, why)
