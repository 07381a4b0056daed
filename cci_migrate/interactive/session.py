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
from cci_migrate.findings import Decision, Finding, FindingKey, Fix, Names, Question, Skip
from cci_migrate.interactive.answers_file import (
    check_can_be_saved,
    findings_differ,
    policy_differs,
    read,
    refusal,
    save,
)
from cci_migrate.interactive.interview import (
    Action,
    AskAtEnd,
    AskFix,
    AskNames,
    AskReason,
    ChoiceTaken,
    Ended,
    Ending,
    Interview,
    Item,
    NamesGiven,
    Nevermind,
    ReasonGiven,
    Reply,
    ShowManual,
    after,
    in_order,
    next_step,
)
from cci_migrate.interactive.material import Material
from cci_migrate.interactive.policy_questions import (
    FillIn,
    GeneralAnswers,
    GeneralQuestion,
    Needs,
    PickOne,
    check_of,
    next_question,
    setting_value,
)
from cci_migrate.interactive.prompts import BACK, LineInput, Menu, MenuOption, Prompter
from cci_migrate.interactive.reviews import ConfigReview, SessionConfig, TextChange, Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.views import (
    BLANK,
    Line,
    Look,
    Page,
    Prose,
    counted,
    covers_everything,
    finding_view,
    not_done,
    overview,
    sums,
    whole_change,
)
from cci_migrate.policy.model import PasswordAuth
from cci_migrate.policy.text import policy_data
from cci_migrate.rule_ids import INCOMPLETE_AUTH, PULL_BEFORE_LOGIN, UNAUTHENTICATED_IMAGE
from cci_migrate.rules.catalogue import RULES

#: The rules whose fixes write names that can be given for one fix.
_NAMED = frozenset({UNAUTHENTICATED_IMAGE, INCOMPLETE_AUTH, PULL_BEFORE_LOGIN})
_PROJECT = "-"


class Ways(Struct, frozen=True):
    """How a session is to end. ``writes`` is false for a dry run; ``save_to`` keeps the answers."""

    writes: bool = True
    save_to: Path | None = None


def run(configs: Sequence[SessionConfig], screen: Screen, ways: Ways) -> list[Outcome]:
    """Go through the fixes of ``configs`` with the user; what becomes of each, in their order.

    Raises KeyboardInterrupt for Ctrl-C and Ctrl-D, and AnswersError where the answers cannot be
    saved. Then nothing may be written.
    """
    if ways.save_to is not None:
        check_can_be_saved(ways.save_to)
    return _Session(configs, screen, ways).run()


def replay(configs: Sequence[SessionConfig], answers_file: Path) -> list[Outcome]:
    """Do with ``configs`` what was decided in an earlier session.

    Raises AnswersError where the file cannot be read, or no longer fits what is found.
    """
    answers = read(answers_file)
    material = Material(configs)
    material.settle(material.needs(), answers.general)
    named = [
        {
            one.key: one.names.names
            for one in (kept.findings if kept is not None else ())
            if one.names is not None
        }
        for kept in (answers.of(config.name) for config in configs)
    ]
    interview = Interview(
        in_order(material.items()),
        names={
            Item(index, finding).key: named[index][str(finding.key)]
            for index in range(len(configs))
            for finding in material.found(index)
            if str(finding.key) in named[index]
        },
    )
    material.take_names(interview)
    decided: list[Mapping[FindingKey, Decision]] = []
    known = {config.name for config in configs}
    for gone in (one for one in answers.configs if one.name not in known and one.findings):
        raise refusal(answers_file, gone.name, ["the config is not among those that were named"])
    for index, review in enumerate(material.reviews):
        config = review.config
        found = material.found(index)
        kept = answers.of(config.name)
        if kept is None:
            if found:
                raise refusal(answers_file, config.name, ["there are no answers for this config"])
            decided.append({})
            continue
        differences = [
            *policy_differs(kept, policy_data(config.policy)),
            *findings_differ(kept, found),
        ]
        if differences and (found or kept.findings):
            raise refusal(answers_file, config.name, differences)
        decisions = {one.key: one.decision for one in kept.findings}
        decided.append({one.key: decisions[str(one.key)] for one in found})
    outcomes = material.decided(decided)
    for index, outcome in enumerate(outcomes):
        kept = answers.of(configs[index].name)
        lines = material.changed_lines(index, outcome)
        if kept is not None and lines != kept.lines:
            raise refusal(answers_file, kept.name, list(_lines_differ(kept.lines, lines)))
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
    needs: Sequence[Needs],
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
        case PickOne(options=options):
            for number, one in enumerate(options, 1):
                yield Prose(f"{number}) {one.label}: {one.consequence}", Look.QUIET)
        case FillIn(explanation=explanation):
            hint = f" {BACK} goes back." if can_go_back else ""
            yield Prose(explanation + hint, Look.QUIET)
        case _:
            assert_never(question)


def _asked(question: GeneralQuestion, prompter: Prompter, *, can_go_back: bool) -> str | None:
    """The answer; None to go back to the question before."""
    match question:
        case PickOne(text=text, options=options, default=default):
            choices = [MenuOption(str(number), one.label) for number, one in enumerate(options, 1)]
            letters = dict(zip((one.key for one in options), choices, strict=True))
            first = None if default is None else letters[default].letter
            if can_go_back:
                choices.append(MenuOption(Action.BACK.value, "back to the question before"))
            letter = prompter.choose(Menu(text, tuple(choices), first))
            return None if letter == Action.BACK.value else options[int(letter) - 1].key
        case FillIn(text=text, default=default, check=check):
            answer = prompter.enter(LineInput(text, default, check, can_go_back=can_go_back))
            return None if answer == BACK else answer
        case _:
            assert_never(question)


class _Session:
    def __init__(self, configs: Sequence[SessionConfig], screen: Screen, ways: Ways) -> None:
        self._screen = screen
        self._prompter = screen.prompter()
        self._ways = ways
        self._material = Material(configs)
        self._reasons_told: set[str] = set()
        self._shown: object = None
        self._answers: tuple[GeneralAnswers, ...] = ()
        self._last_decided: tuple[object, list[Outcome]] | None = None

    def run(self) -> list[Outcome]:
        material = self._material
        self._screen.show(overview(material.outcomes, material.items()))
        interview = self._begin()
        while True:
            interview = material.take_names(interview)
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
                    interview = after(interview, Nevermind())
                case AskAtEnd():
                    interview = after(interview, self._ask_at_end(interview, step))
                case Ended(ending):
                    return self._end(interview, ending)
                case _:
                    assert_never(step)

    def _begin(self) -> Interview:
        """Ask the choices for all, or the last of them again; the interview that follows."""
        needs = self._material.needs()
        self._answers = ask_for_all(needs, self._screen, self._prompter, self._answers[:-1])
        self._material.settle(needs, self._answers[-1])
        self._shown = None
        return Interview(in_order(self._material.items()))

    def _ask_fix(self, step: AskFix) -> Reply:
        item = step.item
        review = self._material.reviews[item.config]
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
                    self._material.redaction(item.config),
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
            redact = self._material.redaction(item.config)
            for number, choice in enumerate(item.finding.remedy.choices, 1):
                yield MenuOption(str(number), redact.prose(choice.label))

    def _options(self, step: AskFix) -> Iterator[MenuOption]:
        item = step.item
        labels = {
            Action.APPLY: "apply this fix",
            Action.SKIP: "skip it",
            Action.ALL_OF_RULE: "apply all of this rule",
            Action.REST_OF_FILE: "apply the rest of this file",
            Action.SKIP_FILE: "skip the rest of this file",
            Action.IGNORE: "skip, with a reason as comment",
            Action.NAMES: "edit the names for this one",
            Action.BACK: "back to the answer before",
            Action.MORE: "more lines around it",
            Action.WHY: "why: the page of this rule",
            Action.AGAIN: "print it again",
            Action.QUIT: "quit",
        }
        is_fix = isinstance(item.finding.remedy, Fix)
        is_offered = {
            Action.APPLY: is_fix,
            Action.ALL_OF_RULE: is_fix,
            Action.NAMES: is_fix and self._names_of(item) is not None,
            Action.BACK: step.can_go_back or len(self._answers) > 1,
            Action.MORE: not covers_everything(item, step.lines),
        }
        for action, label in labels.items():
            if is_offered.get(action, True):
                yield MenuOption(action.value, label)

    def _ask_reason(self) -> Reply:
        text = self._prompter.enter(
            LineInput("Reason, for the comment (empty: do not ignore it):", "", _wrong_reason)
        )
        return Nevermind() if text in ("", BACK) else ReasonGiven(text)

    def _names_of(self, item: Item) -> Names | None:
        """The names that the fix of ``item`` writes; None if it writes none."""
        return _names_of(self._material.reviews[item.config], item.finding)

    def _ask_names(self, item: Item) -> Reply:
        now = self._names_of(item)
        if now is None or not isinstance(now.credential, PasswordAuth):
            return Nevermind()
        default = self._alternative(item, now.credential)
        if default is None:
            return Nevermind()
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
                return Nevermind()
            given.append(line)
        username, password, context = given
        credential = PasswordAuth(
            setting_value(Topic.USERNAME, username), setting_value(Topic.PASSWORD, password)
        )
        return NamesGiven(Names(credential, None if context == _PROJECT else context))

    def _alternative(self, item: Item, now: PasswordAuth) -> PasswordAuth | None:
        """The names to start from: those of now, or others that the config shows; None for back."""
        reason = item.finding.names
        others = () if reason is None else reason.alternatives
        known = [now, *(one for one in others if isinstance(one, PasswordAuth) and one != now)]
        if len(known) == 1:
            return now
        options = tuple(
            MenuOption(str(number), credential_names(one))
            for number, one in enumerate(known[:9], 1)
        )
        menu = Menu("Start from which names?", (*options, MenuOption("b", "back")), "1")
        letter = self._prompter.choose(menu)
        return known[int(letter) - 1] if letter.isdigit() else None

    def _show_manual(self, item: Item) -> None:
        rule = next(rule for rule in RULES if rule.id == item.finding.rule)
        self._screen.show([BLANK, Page(f"**{rule.id}**\n\n{rule.manual}"), BLANK])

    def _ask_at_end(self, interview: Interview, step: AskAtEnd) -> Reply:
        outcomes = self._decide(interview)
        self._screen.show(self._changes(outcomes))
        if step.undecided:
            accepted = counted(step.accepted, "fix", "fixes")
            summary = f"{accepted} accepted, {step.undecided} not decided on."
            self._screen.show([Prose(summary, Look.HEADING)])
        changed = sum(
            len(one.change.files)
            for one in outcomes
            if isinstance(one, Examined) and one.change is not None
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
            config = self._material.reviews[index].config
            redact = self._material.redaction(index)
            problem = not_done(outcome)
            if isinstance(outcome, Examined) and outcome.change is not None:
                for file in outcome.change.files:
                    name = config.display_path(file.path)
                    change = TextChange.of(file)
                    yield from whole_change(name, change, redact)
                    told.append(sums(name, change))
            elif problem is not None and isinstance(
                self._material.reviews[index].outcome, Examined
            ):
                yield BLANK
                yield Prose(f"{config.name} stays as it is: {problem}", Look.ERROR)
        yield BLANK
        for line in told:
            yield Prose(line)

    def _decide(self, interview: Interview) -> list[Outcome]:
        """What becomes of each config; asked for again, the proof is not made again."""
        key = (interview.decided, interview.names)
        if self._last_decided is None or self._last_decided[0] != key:
            decided = _decided(interview, len(self._material.reviews))
            self._last_decided = (key, self._material.decided(decided))
        return self._last_decided[1]

    def _end(self, interview: Interview, ending: Ending) -> list[Outcome]:
        number = len(self._material.reviews)
        outcomes = self._decide(interview)
        save_to = self._ways.save_to
        if save_to is not None and ending is not Ending.NOTHING:
            answers = self._material.answers(
                self._answers[-1],
                _decided(interview, number),
                [interview.names_of(index) for index in range(number)],
                outcomes,
            )
            save(save_to, answers)
            self._screen.show([Prose(f"The answers are saved in {save_to}.")])
        if ending is not Ending.WRITE:
            self._screen.show([Prose("Nothing was written."), BLANK])
            return self._material.decided([{}] * number)
        self._screen.show([BLANK])
        return outcomes


def _decided(interview: Interview, number: int) -> list[Mapping[FindingKey, Decision]]:
    found: list[dict[FindingKey, Decision]] = [{} for _ in range(number)]
    for item in interview.items:
        found[item.config][item.finding.key] = interview.decided.get(item.key, Skip())
    return [*found]


def _wrong_reason(text: str) -> str | None:
    return None if text.isprintable() else "A reason is one line of text."


def _names_of(review: ConfigReview, finding: Finding) -> Names | None:
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
    return Names(credential, convention.preferred if convention is not None else None)
