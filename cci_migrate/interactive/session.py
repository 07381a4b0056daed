"""A session: from configs to what the user decided of them, at a terminal or from a file.

Nothing is written here but an answers file: what comes out are proven changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.assessing.account_wording import credential_names
from cci_migrate.engine.outcomes import Outcome
from cci_migrate.findings import (
    Answer,
    ChosenNames,
    Question,
    Suppress,
)
from cci_migrate.interactive.answers_file import check_can_be_saved, save
from cci_migrate.interactive.end_summary import end_summary, files_of
from cci_migrate.interactive.fix_keys import Action
from cci_migrate.interactive.fix_views import Room, fix_view, group_view, whole_change
from cci_migrate.interactive.general_choices import ask_for_all, name_input
from cci_migrate.interactive.interview import (
    AskAtEnd,
    AskFix,
    AskGroup,
    Ending,
    Interview,
    Item,
    Reply,
    after,
    in_order,
    next_step,
)
from cci_migrate.interactive.menus import END_REPLIES, end_menu, fix_menu, group_menu
from cci_migrate.interactive.overview import overview
from cci_migrate.interactive.policy_questions import GeneralAnswers, problem_with, setting_value
from cci_migrate.interactive.prompter import BACK, LineInput, Menu, MenuOption
from cci_migrate.interactive.reviews import SessionConfig, TextChange, Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.session_reviews import SessionReviews
from cci_migrate.interactive.shown_lines import BLANK, Line, ManualPage, Prose
from cci_migrate.policy.settings import PasswordAuth
from cci_migrate.rule_ids import INCOMPLETE_AUTH, PULL_BEFORE_LOGIN, UNAUTHENTICATED_IMAGE
from cci_migrate.rules.catalogue import RULES

#: The rules whose fixes write names that can be given for one fix.
_NAMED = frozenset({UNAUTHENTICATED_IMAGE, INCOMPLETE_AUTH, PULL_BEFORE_LOGIN})
_PROJECT = "-"


class SessionOptions(Struct, frozen=True):
    """How a session ends. ``writes`` is false for a dry run; ``save_to``: the answers file."""

    writes: bool = True
    save_to: Path | None = None


def run(configs: Sequence[SessionConfig], screen: Screen, options: SessionOptions) -> list[Outcome]:
    """Go through the fixes of ``configs`` with the user; returns their outcomes, in their order.

    Raises KeyboardInterrupt for Ctrl-C and Ctrl-D, and AnswersError if the answers cannot be
    saved. Then nothing may be written.
    """
    if options.save_to is not None:
        check_can_be_saved(options.save_to)
    return _Session(configs, screen, options).run()


class _Session:
    def __init__(
        self, configs: Sequence[SessionConfig], screen: Screen, options: SessionOptions
    ) -> None:
        self._screen = screen
        self._prompter = screen.prompter()
        self._options = options
        self._reviews = SessionReviews(configs)
        self._reasons_shown: set[str] = set()
        self._shown: object = None
        self._answers: tuple[GeneralAnswers, ...] = ()
        self._last_decided: tuple[object, list[Outcome]] | None = None

    def run(self) -> list[Outcome]:
        session_reviews = self._reviews
        self._screen.show(overview(session_reviews.outcomes, session_reviews.items()))
        interview = self._begin()
        while True:
            interview = session_reviews.apply_names(interview)
            step = next_step(interview)
            match step:
                case AskFix() | AskGroup():
                    reply = self._ask(step)
                    if reply is Action.BACK and not step.can_go_back:
                        interview = self._begin()
                    elif reply is not None:
                        interview = after(interview, reply)
                case AskAtEnd():
                    interview = after(interview, self._ask_at_end(interview, step))
                case Ending():
                    return self._end(interview, step)
                case _:
                    assert_never(step)

    def _begin(self) -> Interview:
        """Ask the choices for all, or the last of them again; the interview that follows."""
        needs = self._reviews.needs()
        self._answers = ask_for_all(needs, self._screen, self._prompter, self._answers[:-1])
        self._reviews.apply_general_answers(needs, self._answers[-1])
        self._shown = None
        return Interview(in_order(self._reviews.items()))

    def _ask(self, step: AskFix | AskGroup) -> Reply | None:
        """What the user replies; None if that was only to show something, or was taken back."""
        item, can_go_back = step.item, step.can_go_back or len(self._answers) > 1
        review, because = self._reviews.reviews[item.config], item.finding.because
        room, says_why = self._room(), because not in self._reasons_shown
        key: object
        if isinstance(step, AskGroup):
            paths = map(self._path_of, step.items)
            key = (step.items, review)
            view = group_view(step, paths, review, room, says_why=says_why)
            menu = group_menu(step, review.redaction, can_go_back=can_go_back)
        else:
            key = (item.key, step.lines, review, step.number)
            view = fix_view(step, review, room, says_why=says_why)
            has_names = self._names_of(item) is not None
            menu = fix_menu(step, review.redaction, has_names=has_names, can_go_back=can_go_back)
        if key != self._shown:
            self._screen.show(view)
            self._reasons_shown.add(because)
            self._shown = key
        return self._reply_to(self._prompter.choose(menu), item)

    def _path_of(self, item: Item) -> str:
        config = self._reviews.reviews[item.config].config
        return config.display_path(item.finding.place.source.path)

    def _room(self) -> Room:
        return Room(self._screen.rows, self._screen.height)

    def _reply_to(self, letter: str, item: Item) -> Reply | None:
        if letter.isdecimal() and isinstance(item.finding.remedy, Question):
            return Answer(item.finding.remedy.choices[int(letter) - 1].key)
        match Action(letter):
            case Action.IGNORE:
                return self._ask_reason()
            case Action.NAMES:
                return self._ask_names(item)
            case Action.WHY:
                self._show_manual(item)
            case Action.AGAIN:
                self._shown = None
            case action:
                return action
        return None

    def _ask_reason(self) -> Suppress | None:
        entry = LineInput(
            "Reason, for the comment (empty: don't ignore):",
            "",
            lambda text: None if text.isprintable() else "The reason must be one line.",
        )
        text = self._prompter.enter(entry)
        return None if text in ("", BACK) else Suppress(text)

    def _names_of(self, item: Item) -> ChosenNames | None:
        """The names that the fix of ``item`` writes; None if it writes none."""
        review, finding = self._reviews.reviews[item.config], item.finding
        assessment = review.assessment
        if assessment is None or finding.rule not in _NAMED or finding.registry is None:
            return None
        if assessment.policy.revert is not None:
            return None  # it writes none
        if finding.key in review.names:
            return review.names[finding.key]
        convention = assessment.contexts.known.for_pulls(finding.registry)
        credential = review.credential_for(finding.registry)
        if not isinstance(credential, PasswordAuth):
            return None
        return ChosenNames(credential, convention.preferred if convention is not None else None)

    def _ask_names(self, item: Item) -> ChosenNames | None:
        now = self._names_of(item)
        if now is None or not isinstance(now.credential, PasswordAuth):
            return None
        default = self._alternative(item, now.credential)
        if default is None:
            return None
        context = LineInput(
            f"Context ({_PROJECT} for the project's settings):",
            now.context or _PROJECT,
            lambda text: None if text == _PROJECT else problem_with(Topic.CONTEXT, text),
        )
        lines: list[str] = []
        for entry in (
            name_input(Topic.USERNAME, default.username),
            name_input(Topic.PASSWORD, default.password),
            context,
        ):
            line = self._prompter.enter(entry)
            if line == BACK:
                return None
            lines.append(line)
        credential = PasswordAuth(
            setting_value(Topic.USERNAME, lines[0]), setting_value(Topic.PASSWORD, lines[1])
        )
        return ChosenNames(credential, None if lines[2] == _PROJECT else lines[2])

    def _alternative(self, item: Item, now: PasswordAuth) -> PasswordAuth | None:
        """The names to start from: those of now, or others that the config shows; None for back."""
        reason = item.finding.names
        others = () if reason is None else reason.alternatives
        known = [
            now,
            *(other for other in others if isinstance(other, PasswordAuth) and other != now),
        ]
        if len(known) == 1:
            return now
        options = tuple(
            MenuOption(str(number), credential_names(entry))
            for number, entry in enumerate(known[:9], 1)
        )
        menu = Menu("Start from which names?", (*options, MenuOption("b", "back")), "1")
        letter = self._prompter.choose(menu)
        return known[int(letter) - 1] if letter.isdigit() else None

    def _show_manual(self, item: Item) -> None:
        rule = next(rule for rule in RULES if rule.id == item.finding.rule)
        self._screen.show([BLANK, ManualPage(f"**{rule.id}**\n\n{rule.manual}"), BLANK])

    def _ask_at_end(self, interview: Interview, step: AskAtEnd) -> Reply:
        outcomes = self._decide(interview)
        diff = list(self._diff(outcomes))
        summary = list(end_summary(interview, self._reviews.reviews, outcomes))
        room = self._room()
        fits = sum(map(room.height, diff)) <= room.after(summary)
        self._screen.show([*(diff if fits else ()), *summary])
        self._shown = None
        changed = sum(len(files_of(outcome)) for outcome in outcomes)
        menu = end_menu(
            changed,
            diff_lines=0 if fits else len(diff),
            writes=self._options.writes,
            saves=self._options.save_to is not None,
            can_go_back=step.can_go_back,
        )
        while (letter := self._prompter.choose(menu)) == Action.AGAIN.value:
            self._screen.show([*diff, BLANK])
        return END_REPLIES[letter]

    def _diff(self, outcomes: Sequence[Outcome]) -> Iterator[Line]:
        for review, outcome in zip(self._reviews.reviews, outcomes, strict=True):
            config = review.config
            for file in files_of(outcome):
                change = TextChange.of(file)
                yield from whole_change(config.display_path(file.path), change, review.redaction)

    def _decide(self, interview: Interview) -> list[Outcome]:
        """What becomes of each config; asked for again, the proof is not made again."""
        key = (interview.decided, interview.names)
        if self._last_decided is None or self._last_decided[0] != key:
            self._last_decided = (key, self._reviews.decided(interview))
        return self._last_decided[1]

    def _end(self, interview: Interview, ending: Ending) -> list[Outcome]:
        outcomes = self._decide(interview)
        save_to = self._options.save_to
        if save_to is not None and ending is not Ending.NOTHING:
            answers = self._reviews.answers(self._answers[-1], interview, outcomes)
            save(save_to, answers)
            self._screen.show([Prose(f"Saved the answers in {save_to}.")])
        if ending is not Ending.WRITE:
            self._screen.show([Prose("Nothing was written."), BLANK])
            return self._reviews.decided(Interview(()))
        self._screen.show([BLANK])
        return outcomes
