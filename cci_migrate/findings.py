"""What a rule says of a config: a finding, and the remedy for it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field

from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.nodes import Node, span_of
from cci_migrate.lossless.operations import Operation
from cci_migrate.lossless.source import Position, SourceText, Span
from cci_migrate.policy.baseline import BaselineEntry
from cci_migrate.policy.model import RegistryCredential


class Severity(Enum):
    """How much it matters on the platform that the policy names."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingKey(Struct, frozen=True, order=True):
    """What names a finding from run to run, while the config's structure stays the same.

    As text, in answers files and reports, it reads
    ``unauthenticated-image:.circleci/config.yml:jobs.build.docker[0]``.
    """

    rule: str
    path: str
    route: str

    def __str__(self) -> str:
        return f"{self.rule}:{self.path}:{self.route}"


class Place(Struct, frozen=True):
    """Where a finding is: a node, and the name of that place in the config.

    ``route`` reads ``jobs.build.docker[0]``; it stays the same when lines move.
    """

    node: Node
    route: str

    __repr__ = repr_without("node")

    @property
    def source(self) -> SourceText:
        """The file."""
        return self.node.source

    @property
    def span(self) -> Span:
        """The characters of the node."""
        return span_of(self.node)

    @property
    def position(self) -> Position:
        """The line and column at which the span starts."""
        return self.source.position(self.span.start)

    def key(self, rule: str) -> FindingKey:
        """The key of the finding of ``rule`` here."""
        return FindingKey(rule, self.source.path, self.route)


class ContextCandidate(Struct, frozen=True):
    """Where variables may come from: ``context``, or the project's settings (None).

    ``paths`` are the other configs of the repository that read them from there.
    """

    context: str | None
    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """``context hub``."""
        return "the project's settings" if self.context is None else f"context {self.context}"

    @property
    def title(self) -> str:
        """``context hub (.circleci/nightly.yml)``."""
        return f"{self.name} ({', '.join(self.paths)})"


class ContextGrant(Struct, frozen=True):
    """A workflow job gets ``context``, which provides ``variables`` that a fix makes it read.

    ``comes_first``: a context that it holds may provide one of them too, and of two contexts the
    later wins (https://circleci.com/docs/guides/security/contexts/), so this one goes before it.
    Where only the user knows which of several ``candidates`` is right, ``context`` is empty until
    they are asked.
    ``among`` names the contexts of the job where nothing shows which of them provides the
    variables; empty where ``context`` does.
    """

    entry: WorkflowJob
    context: str
    variables: tuple[str, ...]
    comes_first: bool = False
    candidates: tuple[ContextCandidate, ...] = ()
    among: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """The workflow job."""
        return Place(self.entry.key, self.entry.route)

    __repr__ = repr_without("entry")


class Fix(Struct, frozen=True):
    """A change that removes a finding. ``title`` is an imperative: "add auth under the image".

    ``contexts`` are part of it: it is made with all of them, or not at all. ``withheld`` are those
    that it would have too, but for a comment on the workflow job.
    """

    title: str
    operations: tuple[Operation, ...]
    contexts: tuple[ContextGrant, ...] = ()
    withheld: tuple[ContextGrant, ...] = ()

    __repr__ = repr_without("operations", "contexts", "withheld")

    @property
    def summary(self) -> str:
        """The whole of it: "add auth under the image, and add context hub to job build"."""
        jobs: dict[str, dict[WorkflowJob, None]] = {}
        for grant in self.contexts:
            jobs.setdefault(grant.context, {})[grant.entry] = None
        contexts: dict[tuple[WorkflowJob, ...], list[str]] = {}
        for context, getting in jobs.items():
            contexts.setdefault(tuple(getting), []).append(context)
        parts = [self.title] if self.title else []
        for entries, given in contexts.items():
            which = (
                f"job {entries[0].name}" if len(entries) == 1 else f"{len(entries)} workflow jobs"
            )
            what = f"context {given[0]}" if len(given) == 1 else f"contexts {', '.join(given)}"
            parts.append(f"add {what} to {which}")
        return ", and ".join(parts)


class NoFix(Struct, frozen=True):
    """Why a finding cannot be fixed in this file, and what the user can do instead."""

    reason: str
    instead: str = ""


class Choice(Struct, frozen=True):
    """One answer to a question. ``key`` names it in an answers file."""

    key: str
    label: str
    consequence: str
    remedy: Fix | NoFix


class Question(Struct, frozen=True):
    """What only a human can decide; without an answer nothing is done."""

    text: str
    choices: tuple[Choice, ...]


Remedy = Fix | NoFix | Question


class NameReason(Struct, frozen=True):
    """Why a fix writes ``names`` (``$USER, $PASSWORD``): ``text`` says it after a colon.

    ``source`` is what they were taken from, ``path`` and ``line`` where that is (None for the
    policy). ``ignored`` names the credentials that were not followed, and why; ``alternatives``
    are those that the user may mean instead. ``provider`` says where the variables come from, as
    far as the config shows it: ``from context registry``.
    """

    names: str
    source: str
    text: str
    path: str | None
    line: int | None
    ignored: tuple[str, ...] = ()
    alternatives: tuple[RegistryCredential, ...] = ()
    provider: str = ""

    __repr__ = repr_without("alternatives")

    @property
    def provided_names(self) -> str:
        """``$USER, $PASSWORD from context registry``."""
        return f"{self.names} {self.provider}".rstrip()

    @property
    def is_worth_showing(self) -> bool:
        """Whether the config has to do with it: the policy's names alone need no word."""
        return self.path is not None or bool(self.ignored)


class Finding(Struct, frozen=True):
    """One thing that is wrong in one place.

    ``subject`` is the image or job it is about, ``owner`` what that belongs
    to ("job build"). ``because`` says why it matters on the policy's platform. ``after`` lists
    keys of findings on whose fixes this one rests: it is moot when none of them is applied;
    ``after_all``, when one of them is not.
    ``registry`` is the registry it is about, where there is one. ``names`` says why its fix writes
    the names that it does; None where it writes none.
    """

    rule: str
    place: Place
    message: str
    subject: str
    owner: str
    severity: Severity
    because: str
    remedy: Remedy
    registry: str | None = None
    after: tuple[FindingKey, ...] = ()
    after_all: tuple[FindingKey, ...] = ()
    names: NameReason | None = None

    @property
    def key(self) -> FindingKey:
        """What decisions on it are kept under."""
        return self.place.key(self.rule)

    @property
    def baseline_entry(self) -> BaselineEntry:
        """What stands for it in a baseline."""
        return BaselineEntry(self.place.source.path, self.rule, self.place.route, self.subject)


class FindingState(Enum):
    """What became of one finding."""

    FIXED = "fixed"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    BASELINE = "baseline"

    @property
    def is_ignored(self) -> bool:
        """Whether the user asked not to hear of it: by a comment, or by the baseline."""
        return self in (FindingState.SUPPRESSED, FindingState.BASELINE)


class Resolution(Struct, frozen=True):
    """A finding and what became of it. ``reason`` says why it is left."""

    finding: Finding
    state: FindingState
    reason: str = ""

    def unmade(self, reason: str) -> Resolution:
        """The same where the change is not made after all, for ``reason``."""
        if self.state is not FindingState.FIXED:
            return self
        return Resolution(self.finding, FindingState.LEFT, reason)


class Apply(Struct, frozen=True, tag_field="kind", tag="apply"):
    """Do the fix."""


class Skip(Struct, frozen=True, tag_field="kind", tag="skip"):
    """Leave it as it is, this time."""


class Suppress(Struct, frozen=True, tag_field="kind", tag="ignore"):
    """Write an ignore comment with this reason above the place."""

    reason: str


class Answer(Struct, frozen=True, tag_field="kind", tag="answer"):
    """The key of the choice taken."""

    choice: str


Decision = Apply | Skip | Suppress | Answer


class Names(Struct, frozen=True):
    """Names to use for one finding instead of the convention's."""

    credential: RegistryCredential
    context: str | None


class Decisions(Struct, frozen=True):
    """What is to be done about findings, by their keys.

    Findings without a decision of their own get ``otherwise``; a question without an answer is
    left open.
    """

    otherwise: Apply | Skip = Apply()
    by_key: Mapping[FindingKey, Decision] = field(default_factory=dict)

    def of(self, finding: Finding) -> Decision:
        """The decision on ``finding``."""
        return self.by_key.get(finding.key, self.otherwise)


APPLY_ALL = Decisions()
