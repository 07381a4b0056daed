"""The labels, reviewers and assignees of pull requests, and those that one can't have."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class ExtraKind(Enum):
    """What a pull request is given besides its change; a code owner is asked for a review."""

    LABEL = "label"
    REVIEWER = "reviewer"
    ASSIGNEE = "assignee"
    CODE_OWNER = "code owner"


class MissingExtra(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a pull request can't have, and ``why``.

    ``kind`` is None for all that it was to have, ``name`` empty for all of a kind. ``is_author``:
    the reviewer opened the pull request.
    """

    kind: ExtraKind | None
    name: str
    why: str
    is_author: bool = False

    @property
    def text(self) -> str:
        """What is missing and why, for people."""
        if self.kind is None:
            return f"labels, reviewers and assignees: {self.why}"
        missing = f"{self.kind.value} {self.name}" if self.name else f"{self.kind.value}s"
        return f"{missing}: {self.why}"


class Extras(Struct, frozen=True):
    """The names of the labels, reviewers and assignees of a pull request.

    A reviewer with a slash is a team, such as ``acme/ops``.
    """

    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.reviewers or self.assignees)

    def are_in(self, others: Extras) -> bool:
        """Whether ``others`` has all of these."""
        return (
            set(self.labels) <= set(others.labels)
            and set(self.reviewers) <= set(others.reviewers)
            and set(self.assignees) <= set(others.assignees)
        )


#: A pull request without labels, reviewers and assignees.
NO_EXTRAS = Extras()
