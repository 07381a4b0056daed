"""Asking the choices that hold for all fixes, one after the other, and going back among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.interactive.fix_keys import Action
from cci_migrate.interactive.menus import NOTHING_BEFORE
from cci_migrate.interactive.policy_questions import (
    ChoiceQuestion,
    ConfigNeeds,
    GeneralAnswers,
    GeneralQuestion,
    TextQuestion,
    next_question,
    problem_with,
)
from cci_migrate.interactive.prompter import BACK, LineInput, Menu, MenuOption, Prompter
from cci_migrate.interactive.reviews import Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.shown_lines import BLANK, Line, Look, Prose

_NAMES = {Topic.USERNAME: "User name:", Topic.PASSWORD: "Variable with the password:"}


def name_input(topic: Topic, default: str) -> LineInput:
    """The line for a user name or a variable of an account, with ``default`` to begin with."""
    return LineInput(_NAMES[topic], default, partial(problem_with, topic))


def ask_for_all(
    needs: Sequence[ConfigNeeds],
    screen: Screen,
    prompter: Prompter,
    earlier: Sequence[GeneralAnswers] = (),
) -> tuple[GeneralAnswers, ...]:
    """Ask the choices that hold for all, as far as ``needs`` call for them.

    Returns the answers after each question, the first of them before any. ``earlier`` is the
    beginning of such a sequence: those questions are asked again only if the user goes back.
    """
    answers = list(earlier) or [GeneralAnswers()]
    while (question := next_question(needs, answers[-1])) is not None:
        can_go_back = len(answers) > 1
        screen.show([BLANK, *_explained(question, can_go_back=can_go_back)])
        answer = _asked(question, prompter, can_go_back=can_go_back)
        if answer is None:
            del answers[-1]
        else:
            answers.append(replace(answers[-1], **{question.topic.value: answer}))
    return tuple(answers)


def _explained(question: GeneralQuestion, *, can_go_back: bool) -> Iterator[Line]:
    match question:
        case ChoiceQuestion(options=options):
            for number, entry in enumerate(options, 1):
                yield Prose(f"{number}) {entry.label}: {entry.consequence}", Look.QUIET)
        case TextQuestion(explanation=explanation):
            hint = f" {BACK} goes back." if can_go_back else ""
            yield Prose(explanation + hint, Look.QUIET)
        case _:
            assert_never(question)


def _asked(question: GeneralQuestion, prompter: Prompter, *, can_go_back: bool) -> str | None:
    """The answer; None to go back to the previous question."""
    match question:
        case ChoiceQuestion(text=text, options=options, default=default):
            choices = [
                MenuOption(str(number), entry.label) for number, entry in enumerate(options, 1)
            ]
            letters = dict(zip((option.key for option in options), choices, strict=True))
            first = None if default is None else letters[default].letter
            unavailable = () if can_go_back else (MenuOption(Action.BACK.value, NOTHING_BEFORE),)
            if can_go_back:
                choices.append(MenuOption(Action.BACK.value, "go back to the previous question"))
            letter = prompter.choose(Menu(text, tuple(choices), first, unavailable))
            return None if letter == Action.BACK.value else options[int(letter) - 1].key
        case TextQuestion(topic=topic, text=text, default=default):
            check = partial(problem_with, topic)
            answer = prompter.enter(LineInput(text, default, check, can_go_back=can_go_back))
            return None if answer == BACK else answer
        case _:
            assert_never(question)
