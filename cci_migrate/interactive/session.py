"""A session: from configs to what the user decided of them, at a terminal or from a file.

Nothing is written here but an answers file: what comes out are proven changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.assessing.account_wording import credential_names
from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.findings import ChosenNames, Decision, Finding, FindingKey, Fix, Question, Skip
from cci_migrate.interactive.answers_file import (
    check_can_be_saved,
    findings_differ,
    policy_differs,
    read,
    refusal,
    save,
)
from cci_migrate.interactive.fix_keys import LABELS, Action
from cci_migrate.interactive.interview import (
    AskAtEnd,
    AskFix,
    AskNames,
    AskReason,
    Cancelled,
    ChoiceTaken,
    Ended,
    Ending,
    Interview,
    Item,
    NamesGiven,
    ReasonGiven,
    Reply,
    ShowManual,
    after,
    in_order,
    next_step,
)
from cci_migrate.interactive.policy_questions import (
    ChoiceQuestion,
    ConfigNeeds,
    GeneralAnswers,
    GeneralQuestion,
    TextQuestion,
    check_of,
    next_question,
    setting_value,
)
from cci_migrate.interactive.prompter import BACK, LineInput, Menu, MenuOption, Prompter
from cci_migrate.interactive.reviews import ConfigReview, SessionConfig, TextChange, Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.session_reviews import SessionReviews
from cci_migrate.interactive.views import (
    BLANK,
    Line,
    Look,
    ManualPage,
    Prose,
    counted,
    covers_everything,
    finding_view,
    not_done,
    overview,
    sums,
    whole_change,
)
from cci_migrate.policy.settings import PasswordAuth
from cci_migrate.policy.text import policy_data
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


def replay(configs: Sequence[SessionConfig], answers_file: Path) -> list[Outcome]:
    """Apply the decisions of an earlier session to ``configs``; returns their outcomes.

    Raises AnswersError if the file cannot be read, or does not match the findings.
    """
    answers = read(answers_file)
    session = SessionReviews(configs)
    session.apply_general_answers(session.needs(), answers.general)
    named = [
        {
            entry.key: entry.names.names
            for entry in (saved_config.findings if saved_config is not None else ())
            if entry.names is not None
        }
        for saved_config in (answers.of(config.name) for config in configs)
    ]
    interview = Interview(
        in_order(session.items()),
        names={
            Item(index, finding).key: named[index][str(finding.key)]
            for index in range(len(configs))
            for finding in session.decidable_findings(index)
            if str(finding.key) in named[index]
        },
    )
    session.apply_names(interview)
    decided: list[Mapping[FindingKey, Decision]] = []
    known = {config.name for config in configs}
    for missing in (
        entry for entry in answers.configs if entry.name not in known and entry.findings
    ):
        raise refusal(answers_file, missing.name, ["the config is not among those that were named"])
    for index, review in enumerate(session.reviews):
        config = review.config
        found = session.decidable_findings(index)
        saved_config = answers.of(config.name)
        if saved_config is None:
            if found:
                raise refusal(answers_file, config.name, ["there are no answers for this config"])
            decided.append({})
            continue
        differences = [
            *policy_differs(saved_config, policy_data(config.policy)),
            *findings_differ(saved_config, found),
        ]
        if differences and (found or saved_config.findings):
            raise refusal(answers_file, config.name, differences)
        decisions = {entry.key: entry.decision for entry in saved_config.findings}
        decided.append({entry.key: decisions[str(entry.key)] for entry in found})
    outcomes = session.decided(decided)
    for index, outcome in enumerate(outcomes):
        saved_config = answers.of(configs[index].name)
        lines = session.changed_lines(index, outcome)
        if saved_config is not None and lines != saved_config.lines:
            raise refusal(
                answers_file, saved_config.name, list(_lines_differ(saved_config.lines, lines))
            )
    return outcomes


def _lines_differ(then: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    for line in dict.fromkeys(now):
        if line not in then:
            yield f"the change would now have the line: {line}"
    for line in dict.fromkeys(then):
        if line not in now:
            yield f"the change had the line: {line}"
    if sorted(then) == sorted(now) or set(then) == set(now):
        yield "the same lines would be changed in another order or number"


def ask_for_all(
    needs: Sequence[ConfigNeeds],
    screen: Screen,
    prompter: Prompter,
    given: Sequence[GeneralAnswers] = (),
) -> tuple[GeneralAnswers, ...]:
    """Ask the choices that hold for all, as far as ``needs`` call for them.

    What was answered after each question, all of it at the end; the first is what was answered
    before any. ``given`` is the beginning of such a sequence: those questions are not asked again,
    unless the user goes back to them.
    """
    answers = list(given) or [GeneralAnswers()]
    while (question := next_question(needs, answers[-1])) is not None:
        can_go_back = len(answers) > 1
        screen.show([BLANK, *_explained(question, can_go_back=can_go_back)])
        answer = _asked(question, prompter, can_go_back=can_go_back)
        if answer is None:
            del answers[-1]
        else:
            answers.append(answers[-1].with_answer(question.topic, answer))
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
    """The answer; None to go back to the question before."""
    match question:
        case ChoiceQuestion(text=text, options=options, default=default):
            choices = [
                MenuOption(str(number), entry.label) for number, entry in enumerate(options, 1)
            ]
            letters = dict(zip((option.key for option in options), choices, strict=True))
            first = None if default is None else letters[default].letter
            if can_go_back:
                choices.append(MenuOption(Action.BACK.value, "back to the question before"))
            letter = prompter.choose(Menu(text, tuple(choices), first))
            return None if letter == Action.BACK.value else options[int(letter) - 1].key
        case TextQuestion(text=text, default=default, check=check):
            answer = prompter.enter(LineInput(text, default, check, can_go_back=can_go_back))
            return None if answer == BACK else answer
        case _:
            assert_never(question)


class _Session:
    def __init__(
        self, configs: Sequence[SessionConfig], screen: Screen, options: SessionOptions
    ) -> None:
        self._screen = screen
        self._prompter = screen.prompter()
        self._ways = options
        self._reviews = SessionReviews(configs)
        self._reasons_told: set[str] = set()
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
                case AskFix():
                    reply = self._ask_fix(step)
                    if reply is Action.BACK and not step.can_go_back:
                        interview = self._begin()
                    else:
                        interview = after(interview, reply)
                case AskReason():
                    interview = after(interview, self._ask_reason())
                case AskNames(item):
                    interview = after(interview, self._ask_names(item))
                case ShowManual(item):
                    self._show_manual(item)
                    interview = after(interview, Cancelled())
                case AskAtEnd():
                    interview = after(interview, self._ask_at_end(interview, step))
                case Ended(ending):
                    return self._end(interview, ending)
                case _:
                    assert_never(step)

    def _begin(self) -> Interview:
        """Ask the choices for all, or the last of them again; the interview that follows."""
        needs = self._reviews.needs()
        self._answers = ask_for_all(needs, self._screen, self._prompter, self._answers[:-1])
        self._reviews.apply_general_answers(needs, self._answers[-1])
        self._shown = None
        return Interview(in_order(self._reviews.items()))

    def _ask_fix(self, step: AskFix) -> Reply:
        item = step.item
        review = self._reviews.reviews[item.config]
        now_shown = (item.key, step.lines, review, step.number)
        if now_shown != self._shown:
            because = item.finding.because
            self._screen.show(
                finding_view(
                    item,
                    step.number,
                    step.total,
                    step.lines,
                    review,
                    self._reviews.redaction(item.config),
                    says_why=because not in self._reasons_told,
                )
            )
            self._reasons_told.add(because)
            self._shown = now_shown
        options = [*self._choice_options(item), *self._options(step)]
        kind = "Question" if isinstance(item.finding.remedy, Question) else "Fix"
        # No default: an Enter may belong to the letter before.
        letter = self._prompter.choose(Menu(f"{kind} {step.number}/{step.total}", tuple(options)))
        if letter.isdecimal() and isinstance(item.finding.remedy, Question):
            return ChoiceTaken(item.finding.remedy.choices[int(letter) - 1].key)
        action = Action(letter)
        if action is Action.AGAIN:
            self._shown = None
        return action

    def _choice_options(self, item: Item) -> Iterator[MenuOption]:
        if isinstance(item.finding.remedy, Question):
            redact = self._reviews.redaction(item.config)
            for number, choice in enumerate(item.finding.remedy.choices, 1):
                yield MenuOption(str(number), redact.prose(choice.label))

    def _options(self, step: AskFix) -> Iterator[MenuOption]:
        item = step.item
        is_fix = isinstance(item.finding.remedy, Fix)
        is_offered = {
            Action.APPLY: is_fix,
            Action.ALL_OF_RULE: is_fix,
            Action.NAMES: is_fix and self._names_of(item) is not None,
            Action.BACK: step.can_go_back or len(self._answers) > 1,
            Action.MORE: not covers_everything(item, step.lines),
        }
        for action, label in LABELS.items():
            if is_offered.get(action, True):
                yield MenuOption(action.value, label)

    def _ask_reason(self) -> Reply:
        text = self._prompter.enter(
            LineInput("Reason, for the comment (empty: do not ignore it):", "", _wrong_reason)
        )
        return Cancelled() if text in ("", BACK) else ReasonGiven(text)

    def _names_of(self, item: Item) -> ChosenNames | None:
        """The names that the fix of ``item`` writes; None if it writes none."""
        return _names_of(self._reviews.reviews[item.config], item.finding)

    def _ask_names(self, item: Item) -> Reply:
        now = self._names_of(item)
        if now is None or not isinstance(now.credential, PasswordAuth):
            return Cancelled()
        default = self._alternative(item, now.credential)
        if default is None:
            return Cancelled()
        given: list[str] = []
        for entry in (
            LineInput("User name:", default.username, check_of(Topic.USERNAME)),
            LineInput("Variable with the password:", default.password, check_of(Topic.PASSWORD)),
            LineInput(
                f"Context ({_PROJECT} for the project's settings):",
                now.context or _PROJECT,
                lambda text: None if text == _PROJECT else check_of(Topic.CONTEXT)(text),
            ),
        ):
            line = self._prompter.enter(entry)
            if line == BACK:
                return Cancelled()
            given.append(line)
        username, password, context = given
        credential = PasswordAuth(
            setting_value(Topic.USERNAME, username), setting_value(Topic.PASSWORD, password)
        )
        return NamesGiven(ChosenNames(credential, None if context == _PROJECT else context))

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
        self._screen.show(self._changes(outcomes))
        if step.undecided:
            accepted = counted(step.accepted, "fix", "fixes")
            summary = f"{accepted} accepted, {step.undecided} not decided on."
            self._screen.show([Prose(summary, Look.HEADING)])
        changed = sum(
            len(outcome.change.files)
            for outcome in outcomes
            if isinstance(outcome, Examined) and outcome.change is not None
        )
        files = counted(changed, "file")
        options = []
        if changed:
            word = f"write {files}" if self._ways.writes else "print the diff"
            options.append(MenuOption("y", word))
        options.append(MenuOption("n", "write nothing"))
        if self._ways.save_to is not None:
            options.append(MenuOption("o", "only save the answers"))
        if step.can_go_back:
            options.append(MenuOption("b", "back to the fixes"))
        text = f"Write {files}?" if self._ways.writes else "Print the diff?"
        # No default: only a letter of its own writes.
        match self._prompter.choose(Menu(text, tuple(options))):
            case "y":
                return Ending.WRITE
            case "o":
                return Ending.ONLY_SAVE
            case "b":
                return Action.BACK
            case _:
                return Ending.NOTHING

    def _changes(self, outcomes: Sequence[Outcome]) -> Iterator[Line]:
        told: list[str] = []
        for index, outcome in enumerate(outcomes):
            config = self._reviews.reviews[index].config
            redact = self._reviews.redaction(index)
            problem = not_done(outcome)
            if isinstance(outcome, Examined) and outcome.change is not None:
                for file in outcome.change.files:
                    name = config.display_path(file.path)
                    change = TextChange.of(file)
                    yield from whole_change(name, change, redact)
                    told.append(sums(name, change))
            elif problem is not None and isinstance(self._reviews.reviews[index].outcome, Examined):
                yield BLANK
                yield Prose(f"{config.name} stays as it is: {problem}", Look.ERROR)
        yield BLANK
        for line in told:
            yield Prose(line)

    def _decide(self, interview: Interview) -> list[Outcome]:
        """What becomes of each config; asked for again, the proof is not made again."""
        key = (interview.decided, interview.names)
        if self._last_decided is None or self._last_decided[0] != key:
            decided = _decided(interview, len(self._reviews.reviews))
            self._last_decided = (key, self._reviews.decided(decided))
        return self._last_decided[1]

    def _end(self, interview: Interview, ending: Ending) -> list[Outcome]:
        number = len(self._reviews.reviews)
        outcomes = self._decide(interview)
        save_to = self._ways.save_to
        if save_to is not None and ending is not Ending.NOTHING:
            answers = self._reviews.answers(
                self._answers[-1],
                _decided(interview, number),
                [interview.names_of(index) for index in range(number)],
                outcomes,
            )
            save(save_to, answers)
            self._screen.show([Prose(f"The answers are saved in {save_to}.")])
        if ending is not Ending.WRITE:
            self._screen.show([Prose("Nothing was written."), BLANK])
            return self._reviews.decided([{}] * number)
        self._screen.show([BLANK])
        return outcomes


def _decided(interview: Interview, number: int) -> list[Mapping[FindingKey, Decision]]:
    found: list[dict[FindingKey, Decision]] = [{} for _ in range(number)]
    for item in interview.items:
        found[item.config][item.finding.key] = interview.decided.get(item.key, Skip())
    return [*found]


def _wrong_reason(text: str) -> str | None:
    return None if text.isprintable() else "A reason is one line of text."


def _names_of(review: ConfigReview, finding: Finding) -> ChosenNames | None:
    found = review.assessment
    if found is None or finding.rule not in _NAMED or finding.registry is None:
        return None
    if found.policy.revert is not None:
        return None  # it writes none
    if finding.key in review.names:
        return review.names[finding.key]
    convention = found.context_of(finding.registry)
    credential = review.credential_for(finding.registry)
    if not isinstance(credential, PasswordAuth):
        return None
    return ChosenNames(credential, convention.preferred if convention is not None else None)
