"""The outcomes of configs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import FindingKey, Resolution
from cci_migrate.lossless.source import Position
from cci_migrate.policy.baseline import WHOLE_FILE, BaselineEntry
from cci_migrate.redaction.excerpts import Excerpt
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.wording import with_advice

if TYPE_CHECKING:
    from cci_migrate.engine.explanation import ExplainedPull
    from cci_migrate.engine.proof import ProvenChange
    from cci_migrate.engine.suppressions import UnusedSuppression
    from cci_migrate.lossless.edits import Edit


class FileEdit(Struct, frozen=True):
    """An edit of the file at ``path``."""

    path: str
    edit: Edit


class Examined(Struct, frozen=True):
    """A config that was examined.

    ``paths`` are its files (several for a packed source). ``change`` is None if there is nothing to
    change. ``todos`` are for the user to do outside the file: make a context, set a variable.
    ``images`` is the number of images, ``authenticated`` that of images with credentials
    after the change, ``unprovided`` that of images whose variables the project's settings must
    have, since no context of some job does. ``compiler_notes`` are what CircleCI's compiler says,
    if it was asked. ``pulls`` explains each pull before the change. ``unused`` are ignore comments
    and baseline entries that match no finding. ``matched_patterns`` are the policy's patterns that
    match something in it. ``redaction`` withholds the secrets in lines of the files.
    ``fix_edits`` are the edits of single fixes, if asked for.
    """

    paths: tuple[str, ...]
    resolutions: tuple[Resolution, ...]
    change: ProvenChange | None
    todos: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    compiler_notes: tuple[str, ...] = ()
    images: int = 0
    authenticated: int = 0
    unprovided: int = 0
    pulls: tuple[ExplainedPull, ...] = ()
    unused: tuple[UnusedSuppression, ...] = ()
    matched_patterns: frozenset[str] = frozenset()
    redaction: Redaction = Redaction()
    fix_edits: Mapping[FindingKey, tuple[FileEdit, ...]] = field(default_factory=dict)

    __repr__ = repr_without("redaction", "fix_edits")


class NotAConfig(Struct, frozen=True):
    """A file that is not a CircleCI config (``kind`` says what it is instead)."""

    paths: tuple[str, ...]
    kind: str


class Cause(Enum):
    """Why a config is refused."""

    GENERATED = "generated"
    TEMPLATE = "template"
    SEVERAL_DOCUMENTS = "several documents"
    DUPLICATE_KEYS = "duplicate keys"
    OUTSIDE = "outside the repository"
    NOT_PROVEN = "not proven"
    NOT_CONFIRMED = "not confirmed"


class Refused(Struct, frozen=True):
    """A config that must not be edited.

    It is generated, a template, has a key twice, or its change is not proven.

    ``instead`` says where to go. ``resolutions`` lists the findings of a change that is not proven,
    or not confirmed by CircleCI's compiler; what a program writes is changed in its source,
    whatever is found in it. ``images``, ``authenticated``, ``pulls`` and ``redaction`` as in
    `Examined`, for the file as it is. ``in_baseline``: the baseline leaves the whole file.
    """

    paths: tuple[str, ...]
    cause: Cause
    reason: str
    instead: str = ""
    resolutions: tuple[Resolution, ...] = ()
    pulls: tuple[ExplainedPull, ...] = ()
    in_baseline: bool = False
    images: int = 0
    authenticated: int = 0
    redaction: Redaction = Redaction()

    __repr__ = repr_without("redaction")

    @property
    def explanation(self) -> str:
        """Why it must not be edited, and what to do instead."""
        return with_advice(self.reason, self.instead)

    @property
    def baseline_entry(self) -> BaselineEntry | None:
        """The baseline entry for the whole file; None if the cause is no property of the file."""
        if self.cause in (Cause.OUTSIDE, Cause.NOT_PROVEN, Cause.NOT_CONFIRMED):
            return None
        return BaselineEntry(self.paths[0], self.cause.value, WHOLE_FILE, (), "")


class Failed(Struct, frozen=True):
    """A file that could not be read, parsed or written. ``excerpt`` is the line at ``position``.

    ``is_transient``: for another reason than what the file holds, so that another run may succeed.
    """

    paths: tuple[str, ...]
    problem: str
    instead: str = ""
    position: Position | None = None
    excerpt: Excerpt | None = None
    is_transient: bool = False

    @property
    def explanation(self) -> str:
        """What is wrong, and what to do about it."""
        return with_advice(self.problem, self.instead)


#: The outcome of a config that cannot be examined.
Unexamined = NotAConfig | Refused | Failed
Outcome = Examined | Unexamined
