"""What CircleCI's compiler says of a config, and of the change that is planned for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.engine.examination import Examination
from cci_migrate.engine.explanation import explained_pulls
from cci_migrate.exit_codes import ExitCode
from cci_migrate.verification.comparison import Agreement, Gains, agreement, difference
from cci_migrate.verification.compilation import Compilation, CompiledText, CompileErrors, NoAnswer
from cci_migrate.verification.compiled_config import CompiledConfig, NotReadError, read_compiled
from cci_migrate.verification.config_text import config_text
from cci_migrate.verification.planned_config import PlannedConfig, planned_config
from cci_migrate.verification.source_changes import source_changes

_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 500


class VerdictStatus(Enum):
    """What is known of a config. The value is a stable id."""

    CONFIRMED = "confirmed"
    DIFFERS = "differs"
    BROKEN_BY_CHANGE = "broken-by-change"
    DOES_NOT_COMPILE = "does-not-compile"
    NOT_SENT = "not-sent"
    NO_ANSWER = "no-answer"

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with where this is the worst."""
        match self:
            case VerdictStatus.CONFIRMED:
                return ExitCode.DONE
            case VerdictStatus.DIFFERS | VerdictStatus.BROKEN_BY_CHANGE:
                return ExitCode.LEFT
            case VerdictStatus.DOES_NOT_COMPILE | VerdictStatus.NOT_SENT | VerdictStatus.NO_ANSWER:
                return ExitCode.FAILED
            case _:
                assert_never(self)


class CompiledPull(Struct, frozen=True):
    """A pull without credentials that the compiled config makes.

    ``place`` is that of the workflow job that asks for it, ``orb`` the orb whose job it is; either
    may be empty. ``is_reported``: it is among the findings.
    """

    job: str
    image: str
    registry: str
    in_steps: bool
    place: str
    orb: str
    is_reported: bool


class Verdict(Struct, frozen=True):
    """What CircleCI's compiler says of one config.

    ``has_change``: a change was compiled too, and ``gains`` is what it brings. ``problems`` say why
    it is not confirmed, ``instead`` what to do. ``unseen`` are parts of the change that the
    compiled config does not have, as nothing runs them. ``jobs`` and ``images`` count what it runs
    in the end, and ``pulls`` are those without credentials.
    """

    paths: tuple[str, ...]
    status: VerdictStatus
    has_change: bool = False
    problems: tuple[str, ...] = ()
    instead: str = ""
    gains: Gains = Gains()
    unseen: tuple[str, ...] = ()
    jobs: int = 0
    images: int = 0
    pulls: tuple[CompiledPull, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with where this is the worst."""
        if self.status is VerdictStatus.CONFIRMED and self.pulls:
            return ExitCode.LEFT
        return self.status.exit_code


#: Compiles the text of a config.
Compile = Callable[[str], Compilation]


def verdict(
    before: Examination, after: Examination | None, compile_text: Compile, *, sends_secrets: bool
) -> Verdict:
    """What the compiler says of the config ``before``, and of it with a change, ``after``.

    A config with a secret in it is only sent where ``sends_secrets``. Raises what `examine` does
    on what the compiler answers.
    """
    blank = Verdict(before.files.paths, VerdictStatus.NOT_SENT, after is not None)
    for examined in (before, after or before):
        if (not_sent := _not_sent(blank, examined, sends_secrets=sends_secrets)) is not None:
            return not_sent
    old = _compiled(before, compile_text)
    if not isinstance(old, CompiledConfig):
        return _failed(blank, before, old, VerdictStatus.DOES_NOT_COMPILE)
    if after is None:
        return _of_change(before, before, old, old)
    new = _compiled(after, compile_text)
    if not isinstance(new, CompiledConfig):
        return _failed(blank, before, new, VerdictStatus.BROKEN_BY_CHANGE)
    return _of_change(before, after, old, new)


def compiled_text(
    examined: Examination, compile_text: Compile, *, sends_secrets: bool
) -> CompiledText | Verdict:
    """What the compiler makes of the config ``examined``; else why it is not known."""
    blank = Verdict(examined.files.paths, VerdictStatus.NOT_SENT)
    if (not_sent := _not_sent(blank, examined, sends_secrets=sends_secrets)) is not None:
        return not_sent
    answer = compile_text(config_text(examined))
    if isinstance(answer, CompiledText):
        return answer
    return _failed(blank, examined, answer, VerdictStatus.DOES_NOT_COMPILE)


def _not_sent(blank: Verdict, examined: Examination, *, sends_secrets: bool) -> Verdict | None:
    """``blank`` with why the config is not sent; None if it may be."""
    if examined.config.is_orb_source:
        reason, instead = "the source of an orb isn't a config", "use circleci orb validate"
    elif not sends_secrets and examined.redaction.has_secrets:
        reason = "it contains a secret, which would be sent to CircleCI"
        instead = "use --send-secrets to send it"
    else:
        return None
    return replace(blank, problems=(reason,), instead=instead)


def _compiled(
    examined: Examination, compile_text: Compile
) -> CompiledConfig | CompileErrors | NoAnswer:
    answer = compile_text(config_text(examined))
    match answer:
        case CompiledText(text):
            try:
                return read_compiled(text, examined.files, examined.policy)
            except NotReadError as error:
                return NoAnswer(str(error), "run circleci config process to see it")
        case CompileErrors() | NoAnswer():
            return answer
        case _:
            assert_never(answer)


def _failed(
    blank: Verdict, examined: Examination, answer: CompileErrors | NoAnswer, status: VerdictStatus
) -> Verdict:
    match answer:
        case NoAnswer(reason):
            status, messages = VerdictStatus.NO_ANSWER, (reason,)
        case CompileErrors(messages):
            pass
        case _:
            assert_never(answer)
    problems = _clean(examined, messages)
    return replace(blank, status=status, problems=problems, instead=answer.instead)


def _of_change(
    before: Examination, after: Examination, old: CompiledConfig, new: CompiledConfig
) -> Verdict:
    """The verdict on the change from ``before`` to ``after``, which may be the same."""
    has_change = after is not before
    planned_before, planned = planned_config(before), planned_config(after)
    source = source_changes(before, after)
    agreed, made = agreement(new, planned), difference(old, new, source)
    problems = (*agreed.differences, *made.unplanned)
    unseen = [*_unseen(planned_before, planned, agreed)]
    if source.added.scripts and not made.gains.logins:
        unseen.append("the login in steps")
    return Verdict(
        before.files.paths,
        VerdictStatus.DIFFERS if problems else VerdictStatus.CONFIRMED,
        has_change=has_change,
        problems=_clean(before, problems),
        instead="please report this" if problems and has_change else "",
        gains=made.gains,
        unseen=_clean(before, unseen),
        jobs=len(new.entries),
        images=sum(len(entry.images) for entry in new.entries),
        pulls=tuple(_pulls(after, new, planned, planned_before.places)),
    )


def _unseen(before: PlannedConfig, after: PlannedConfig, agreed: Agreement) -> Iterator[str]:
    """The images and workflow jobs that the change is about and that were not compiled."""
    for route, image in after.images.items():
        if image != before.images.get(route) and route not in agreed.images:
            yield route
    contexts = {planned.entry.route: planned.contexts for planned in before.entries}
    for planned in after.entries:
        route = planned.entry.route
        if planned.contexts != contexts.get(route) and route not in agreed.entries:
            yield route


def _pulls(
    examined: Examination,
    compiled: CompiledConfig,
    planned: PlannedConfig,
    places: Mapping[str, str],
) -> Iterator[CompiledPull]:
    reported = {
        (pull.workflow_job, pull.image)
        for pull in explained_pulls(examined.assessment)
        if pull.access.lacks_credentials
    }
    for pull in compiled.anonymous:
        asking = [
            planned_entry
            for entry in compiled.entries
            if entry.name == pull.job
            for planned_entry in planned.entries_of(entry)
        ]
        yield CompiledPull(
            job=examined.redaction.prose(pull.job),
            image=examined.redaction.prose(pull.image),
            registry=pull.host,
            in_steps=pull.in_steps,
            place=places.get(asking[0].entry.route, "") if asking else "",
            orb=(asking[0].orb or "") if asking else "",
            is_reported=any(
                planned_entry.lacks(pull) or (planned_entry.entry.name, pull.image) in reported
                for planned_entry in asking
            ),
        )


def _clean(examined: Examination, texts: Iterable[str]) -> tuple[str, ...]:
    """``texts`` without secrets, the first of them, and not longer than anybody reads."""
    shown = islice(texts, _MOST_PROBLEMS)
    return tuple(examined.redaction.prose(text)[:_LONGEST_PROBLEM] for text in shown)
