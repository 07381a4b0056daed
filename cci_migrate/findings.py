"""Findings of rules in a config, their remedies, and the decisions on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from zlib import crc32

from msgspec import Struct, field
from typing_extensions import assert_never

from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.docker.image_patterns import familiar_name
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.nodes import Node, span_of
from cci_migrate.lossless.operations import Operation
from cci_migrate.lossless.source import Position, SourceText, Span
from cci_migrate.policy.baseline import BaselineEntry
from cci_migrate.policy.settings import RegistryCredential

#: The number of an item in a list, in a route.
_NUMBER = lazy_pattern(r"\[[0-9]+\]")
#: Up to how many workflows are named, rather than counted.
_FEW_WORKFLOWS = 4


class Severity(Enum):
    """How much a finding matters on the policy's platform, in three levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Effect(Enum):
    """What a finding means on the policy's platform today; the most important first.

    A pull is ``LIMITED`` if Docker Hub counts it against an address, and a ``PRECAUTION`` if it is
    exempt. ``CREDENTIALS`` are exposed, misplaced or incomplete. A ``NOTE`` leaves nothing to do.
    """

    LIMITED = "limited"
    CREDENTIALS = "credentials"
    WARNING = "warning"
    PRECAUTION = "precaution"
    NOTE = "note"

    @property
    def severity(self) -> Severity:
        """The severity of such findings."""
        match self:
            case Effect.LIMITED | Effect.CREDENTIALS:
                return Severity.ERROR
            case Effect.WARNING | Effect.PRECAUTION:
                return Severity.WARNING
            case Effect.NOTE:
                return Severity.NOTE
            case _:
                assert_never(self)


class FindingKey(Struct, frozen=True, order=True):
    """Identifies a finding from run to run, as long as the config's structure stays the same.

    As text, in answers files and reports, it reads
    ``unauthenticated-image:.circleci/config.yml:jobs.build.docker[0]``.
    """

    rule: str
    path: str
    route: str

    def __str__(self) -> str:
        return f"{self.rule}:{self.path}:{self.route}"


class Place(Struct, frozen=True):
    """Where a finding is: a node, and the route of that place in the config.

    ``route`` reads ``jobs.build.docker[0]``; it stays the same when lines move. ``part`` is what to
    point at, if that is not the whole node: a word of a script.
    """

    node: Node
    route: str
    part: Span | None = None

    __repr__ = repr_without("node")

    @property
    def source(self) -> SourceText:
        """The file that the node is in."""
        return self.node.source

    @property
    def span(self) -> Span:
        """The characters to point at."""
        return span_of(self.node) if self.part is None else self.part

    @property
    def position(self) -> Position:
        """The line and column at which the span starts."""
        return self.source.position(self.span.start)

    def key(self, rule: str) -> FindingKey:
        """The key of a finding of ``rule`` at this place."""
        return FindingKey(rule, self.source.path, self.route)


def route_by_text(route: str, text: str) -> str:
    """The route of a script or command ``text`` at ``route``.

    Steps move when others are added, so it is their text that identifies them.
    """
    return f"{route}({crc32(text.encode()):08x})"


class ContextCandidate(Struct, frozen=True):
    """A possible source of variables: ``context``, or the project's settings (None).

    ``paths`` are the other configs of the repository that read the variables from it.
    """

    context: str | None
    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """``context hub``, or ``the project's settings``."""
        return "the project's settings" if self.context is None else f"context {self.context}"

    @property
    def title(self) -> str:
        """The name with the configs that use it: ``context hub (.circleci/nightly.yml)``."""
        return f"{self.name} ({', '.join(self.paths)})"


class ContextGrant(Struct, frozen=True):
    """A workflow job gets ``context``, which provides ``variables`` that a fix makes it read.

    ``comes_first``: one of the job's contexts may provide one of them too, and of two contexts the
    later wins (https://circleci.com/docs/guides/security/contexts/), so this one goes before it.
    If only the user knows which of several ``candidates`` is right, ``context`` is empty until
    they answer. ``among`` are the contexts of the job if it is unknown which of them provides the
    variables; it is empty if ``context`` does. ``overrides`` are other variables that the job has
    from the project today and that ``context`` may provide too.
    """

    entry: WorkflowJob
    context: str
    variables: tuple[str, ...]
    comes_first: bool = False
    candidates: tuple[ContextCandidate, ...] = ()
    among: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """The place of the workflow job."""
        return Place(self.entry.key, self.entry.route)

    __repr__ = repr_without("entry")


class Fix(Struct, frozen=True):
    """A change that removes a finding. ``title`` is an imperative: "add auth under the image".

    ``contexts`` are part of it: it is applied with all of them, or not at all. ``withheld`` are
    those that an ignore comment on the workflow job excludes.
    """

    title: str
    operations: tuple[Operation, ...]
    contexts: tuple[ContextGrant, ...] = ()
    withheld: tuple[ContextGrant, ...] = ()

    __repr__ = repr_without("operations", "contexts", "withheld")

    @property
    def summary(self) -> str:
        """The title with the contexts: "add auth under the image, and add context hub to job x"."""
        return summary_of((self,))


def summary_of(fixes: Sequence[Fix]) -> str:
    """What ``fixes`` with the same title do together; "the image" in it becomes their number.

    "add auth under 11 images, and add context hub to 54 workflow jobs (main 42, nightly 12)"
    """
    title = fixes[0].title
    if len(fixes) > 1:
        title = title.replace(" the image", f" {len(fixes)} images")
    jobs: dict[str, dict[tuple[str, str], WorkflowJob]] = {}
    for fix in fixes:
        for grant in fix.contexts:
            place = (grant.place.source.path, grant.entry.route)
            jobs.setdefault(grant.context, {})[place] = grant.entry
    contexts: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for context, users in jobs.items():
        contexts.setdefault(tuple(users), []).append(context)
    parts = [title] if title else []
    for names in contexts.values():
        what = f"context {names[0]}" if len(names) == 1 else f"contexts {', '.join(names)}"
        parts.append(f"add {what} to {_jobs_text(tuple(jobs[names[0]].values()))}")
    return ", and ".join(parts)


def _jobs_text(entries: Sequence[WorkflowJob]) -> str:
    if len(entries) == 1:
        return f"job {entries[0].name}"
    counts = Counter(entry.workflow for entry in entries)
    if len(counts) == 1:
        return f"{len(entries)} jobs of workflow {entries[0].workflow}"
    if len(counts) > _FEW_WORKFLOWS:
        return f"{len(entries)} jobs of {len(counts)} workflows"
    by_workflow = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{len(entries)} workflow jobs ({by_workflow})"


class NoFix(Struct, frozen=True):
    """Why a finding can't be fixed in this file, and what the user can do instead."""

    reason: str
    instead: str = ""


class Choice(Struct, frozen=True):
    """One answer to a question. ``key`` names it in an answers file."""

    key: str
    label: str
    consequence: str
    remedy: Fix | NoFix

    @classmethod
    def leave(cls, consequence: str, instead: str = "", label: str = "leave it") -> Choice:
        """The choice of no fix; ``instead`` is what the user can do then."""
        return cls("leave", label, consequence, NoFix("you chose to leave it", instead))


class Question(Struct, frozen=True):
    """A decision that only the user can make; without an answer nothing is changed."""

    text: str
    choices: tuple[Choice, ...]


Remedy = Fix | NoFix | Question


class NameReason(Struct, frozen=True):
    """Why a fix writes ``names`` (``$USER, $PASSWORD``). ``text`` is the reason in words.

    ``source`` is where they were taken from, at ``path`` and ``line`` (None for the policy).
    ``ignored`` are the credentials that were ignored, with reasons; ``alternatives`` are those that
    the user may choose instead. ``provider`` is where the variables come from, if the config shows
    it: ``from context registry``.
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
        """The names with their provider: ``$USER, $PASSWORD from context registry``."""
        return f"{self.names} {self.provider}".rstrip()

    @property
    def is_worth_showing(self) -> bool:
        """Whether the reason is in the config; the policy's names need no explanation."""
        return self.path is not None or bool(self.ignored)


class Finding(Struct, frozen=True):
    """A problem at one place.

    ``message`` says what is wrong; ``plural`` is the message for several such findings, after their
    number. ``subject`` is the image or job that it is about, ``owner`` what that belongs to ("job
    build"). ``because`` says why it matters on the policy's platform. ``after`` are the keys of
    findings whose fixes this one depends on: it is dropped if none of them is fixed;
    ``after_all``, if one of them is not. ``registry`` is the registry that it is about, if any.
    ``names`` is the reason for the names that its fix writes, None if it writes none. ``what`` is
    all that it is about, the ``subject`` if empty.
    """

    rule: str
    place: Place
    message: str
    plural: str
    subject: str
    owner: str
    effect: Effect
    because: str
    remedy: Remedy
    registry: str | None = None
    after: tuple[FindingKey, ...] = ()
    after_all: tuple[FindingKey, ...] = ()
    names: NameReason | None = None
    what: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.effect.severity

    @property
    def key(self) -> FindingKey:
        """The key that decisions on it are stored under."""
        return self.place.key(self.rule)

    @property
    def baseline_entry(self) -> BaselineEntry:
        """What a baseline keeps of it: no line, and no tag of an image."""
        return BaselineEntry(
            self.place.source.path,
            self.rule,
            _NUMBER.sub("", self.place.route),
            tuple(sorted({familiar_name(name) for name in self.what or (self.subject,)})),
            self.subject,
        )


class FindingState(Enum):
    """The result for a finding."""

    FIXED = "fixed"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    BASELINE = "baseline"

    @property
    def is_ignored(self) -> bool:
        """Whether the user chose to ignore it, by a comment or the baseline."""
        return self in (FindingState.SUPPRESSED, FindingState.BASELINE)


class Resolution(Struct, frozen=True):
    """A finding and its state. ``reason`` says why it is not fixed."""

    finding: Finding
    state: FindingState
    reason: str = ""

    @property
    def is_left(self) -> bool:
        """Whether it leaves something to do. Notes are about what this tool does not change."""
        return self.state is FindingState.LEFT and self.finding.severity is not Severity.NOTE

    def unmade(self, reason: str) -> Resolution:
        """The resolution if the change is not made after all: a fixed finding is left."""
        if self.state is not FindingState.FIXED:
            return self
        return Resolution(self.finding, FindingState.LEFT, reason)


class Apply(Struct, frozen=True, tag_field="kind", tag="apply"):
    """Apply the fix."""


class Skip(Struct, frozen=True, tag_field="kind", tag="skip"):
    """Leave the finding as it is, this time."""


class Suppress(Struct, frozen=True, tag_field="kind", tag="ignore"):
    """Write an ignore comment with this reason above the place."""

    reason: str


class Answer(Struct, frozen=True, tag_field="kind", tag="answer"):
    """Take the choice with this key."""

    choice: str


Decision = Apply | Skip | Suppress | Answer


class ChosenNames(Struct, frozen=True):
    """The credential and context that the user chose for one finding."""

    credential: RegistryCredential
    context: str | None


class Decisions(Struct, frozen=True):
    """The decisions on findings, by their keys.

    Findings without a decision get ``otherwise``; a question without an answer stays open.
    """

    otherwise: Apply | Skip = Apply()
    by_key: Mapping[FindingKey, Decision] = field(default_factory=dict)

    def of(self, finding: Finding) -> Decision:
        """The decision on ``finding``."""
        return self.by_key.get(finding.key, self.otherwise)


APPLY_ALL = Decisions()
