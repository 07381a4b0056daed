"""The menus of a session: which keys each prompt offers, and why it does not offer others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cci_migrate.findings import Fix, Question
from cci_migrate.interactive.fix_keys import GROUP_LABELS, LABELS, Action
from cci_migrate.interactive.fix_views import covers_everything
from cci_migrate.interactive.interview import AskFix, AskGroup, Ending, Item
from cci_migrate.interactive.prompter import Menu, MenuOption
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.wording import counted

NOTHING_BEFORE = "no previous answer to go back to"
_CHOOSE = "choose one of the answers"
_ONE_BY_ONE = "is for one fix; e decides on each"


def fix_menu(step: AskFix, redact: Redaction, *, has_names: bool, can_go_back: bool) -> Menu:
    """The menu for one fix or question. ``has_names``: it writes names that can be edited."""
    item = step.item
    is_fix = isinstance(item.finding.remedy, Fix)
    counts = {
        Action.ALL_OF_RULE: step.left_of_rule,
        Action.REST_OF_FILE: step.left_in_file,
        Action.SKIP_FILE: step.all_in_file,
    }
    reasons = {
        Action.APPLY: "" if is_fix else _CHOOSE,
        Action.ALL_OF_RULE: "" if is_fix else _CHOOSE,
        Action.REST_OF_FILE: "" if step.left_in_file else "no fix is left in this file",
        Action.NAMES: "" if is_fix and has_names else "there are no names to edit",
        Action.BACK: "" if can_go_back else NOTHING_BEFORE,
        Action.MORE: "the whole file is shown" if covers_everything(item, step.lines) else "",
    }
    kind = "Fix" if is_fix else "Question"
    text = f"{kind} {step.number}/{step.total}"
    return _menu(text, _choices(item, redact), LABELS, counts, reasons)


def group_menu(step: AskGroup, redact: Redaction, *, can_go_back: bool) -> Menu:
    """The menu for ``step``, several fixes or questions that are alike.

    ``redact`` withholds secrets in what it says; ``can_go_back``: there is an answer to go back to.
    """
    is_fix = isinstance(step.item.finding.remedy, Fix)
    count = len(step.items)
    reasons = {
        Action.APPLY: "" if is_fix else _CHOOSE,
        Action.BACK: "" if can_go_back else NOTHING_BEFORE,
        **dict.fromkeys((action for action in LABELS if action not in GROUP_LABELS), _ONE_BY_ONE),
    }
    kind = "Fixes" if is_fix else "Questions"
    text = f"{kind} {step.number}-{step.number + count - 1}/{step.total}"
    counts = dict.fromkeys(GROUP_LABELS, count)
    return _menu(text, _choices(step.item, redact), GROUP_LABELS, counts, reasons)


def _choices(item: Item, redact: Redaction) -> Iterator[MenuOption]:
    if isinstance(item.finding.remedy, Question):
        for number, choice in enumerate(item.finding.remedy.choices, 1):
            yield MenuOption(str(number), redact.prose(choice.label))


def _menu(
    text: str,
    choices: Iterable[MenuOption],
    labels: Mapping[Action, str],
    counts: Mapping[Action, int],
    reasons: Mapping[Action, str],
) -> Menu:
    """The ``choices`` and the actions of ``labels``, but for those that there are ``reasons`` for.

    No action is a default: an Enter may belong to the letter before.
    """
    options = [
        MenuOption(action.value, label.format(counts.get(action)))
        for action, label in labels.items()
        if not reasons.get(action)
    ]
    unavailable = [MenuOption(action.value, reason) for action, reason in reasons.items() if reason]
    return Menu(text, (*choices, *options), unavailable=tuple(unavailable))


#: What the keys of the menu at the end mean.
END_REPLIES: Mapping[str, Ending | Action] = {
    "y": Ending.WRITE,
    "n": Ending.NOTHING,
    "o": Ending.ONLY_SAVE,
    Action.BACK.value: Action.BACK,
}


def end_menu(
    changed: int, *, diff_lines: int, writes: bool, saves: bool, can_go_back: bool
) -> Menu:
    """The menu before ``changed`` files are written, or the diff is printed.

    ``diff_lines``: how many lines the diff has that was too long to be shown; 0 if it was shown.
    """
    files = counted(changed, "file")
    options = []
    if changed:
        options.append(MenuOption("y", f"write {files}" if writes else "print the diff"))
    options.append(MenuOption("n", "write nothing"))
    if saves:
        options.append(MenuOption("o", "only save the answers"))
    if diff_lines:
        text = f"show the whole diff, {diff_lines:,} lines"
        options.append(MenuOption(Action.AGAIN.value, text))
    if can_go_back:
        options.append(MenuOption(Action.BACK.value, "go back to the fixes"))
    text = f"Write {files}?" if writes else "Print the diff?"
    # No default: only a letter of its own writes.
    return Menu(
        text,
        tuple(options),
        unavailable=(MenuOption(Action.QUIT.value, "n quits and writes nothing"),),
    )
