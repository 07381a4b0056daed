"""Asking at a terminal: by questionary, or line by line where the terminal can do nothing else.

Ctrl-C and Ctrl-D raise KeyboardInterrupt at every prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

_QMARK = "?"
_POINTER = ">"
_ELLIPSIS = "..."
#: What questionary writes before a label: the pointer and the letter.
_BEFORE_LABEL = 7
_NARROWEST = 20


@dataclass(frozen=True, slots=True)
class MenuOption:
    """One thing to choose, by its letter or by the arrows."""

    letter: str
    label: str


@dataclass(frozen=True, slots=True)
class Menu:
    """A choice of one. ``default`` is the letter at which the arrows begin."""

    text: str
    options: tuple[MenuOption, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to type. ``check`` says what is wrong with it, None if nothing is."""

    text: str
    default: str
    check: Callable[[str], str | None]


class Prompter(Protocol):
    """Whoever can ask."""

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken."""

    def enter(self, entry: Entry) -> str:
        """The line typed, which `Entry.check` finds nothing wrong with."""


class FullScreenPrompter:
    """Asks by questionary, on ``stream``."""

    def __init__(self, stream: TextIO, *, in_colour: bool, width: Callable[[], int]) -> None:
        self._stream = stream
        self._in_colour = in_colour
        self._width = width

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken: typed, or chosen with the arrows and Enter."""
        import questionary
        from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
        from prompt_toolkit.key_binding.key_processor import KeyPress
        from prompt_toolkit.keys import Keys

        room = max(self._width() - _BEFORE_LABEL, _NARROWEST)
        choices = [
            questionary.Choice(_cut(one.label, room), value=one.letter, shortcut_key=one.letter)
            for one in menu.options
        ]
        question = questionary.select(
            menu.text,
            choices=choices,
            default=next(one for one in choices if one.value == menu.default),
            qmark=_QMARK,
            pointer=_POINTER,
            instruction=" ",
            use_shortcuts=True,
            use_jk_keys=False,
            **self._terminal(),
        )
        given = question.application.key_bindings
        bindings = KeyBindings()

        def taking(letter: str) -> Callable[[Any], None]:
            def take(event: Any) -> None:
                # Questionary's own binding moves the pointer; Enter then takes what it points at.
                if given is not None:
                    given.get_bindings_for_keys((letter,))[-1].call(event)
                event.app.key_processor.feed(KeyPress(Keys.ControlM), first=True)

            return take

        for one in menu.options:
            bindings.add(one.letter, eager=True)(taking(one.letter))
        bindings.add(Keys.ControlD, eager=True)(_interrupt)
        question.application.key_bindings = merge_key_bindings(
            [bindings] if given is None else [given, bindings]
        )
        return str(_ask(question))

    def enter(self, entry: Entry) -> str:
        """The line typed."""
        import questionary
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        bindings = KeyBindings()
        bindings.add(Keys.ControlD, eager=True)(_interrupt)
        question = questionary.text(
            entry.text,
            default=entry.default,
            validate=lambda text: entry.check(text) or True,
            qmark=_QMARK,
            key_bindings=bindings,
            **self._terminal(),
        )
        return str(_ask(question)).strip()

    def _terminal(self) -> dict[str, Any]:
        from prompt_toolkit.output import ColorDepth

        settings: dict[str, Any] = {"output": self._output()}
        if not self._in_colour:
            settings["color_depth"] = ColorDepth.DEPTH_1_BIT
        return settings

    def _output(self) -> Output:
        from prompt_toolkit.output import create_output

        return create_output(self._stream)


def _interrupt(event: Any) -> None:
    event.app.exit(exception=KeyboardInterrupt, style="class:aborting")


def _ask(question: Any) -> object:
    try:
        return question.unsafe_ask()
    except EOFError:
        # The terminal is gone.
        raise KeyboardInterrupt from None


def _cut(label: str, room: int) -> str:
    """``label`` on one line of the terminal, wide characters counted as two."""
    from prompt_toolkit.utils import get_cwidth

    if get_cwidth(label) <= room:
        return label
    while get_cwidth(label) > room - len(_ELLIPSIS):
        label = label[:-1]
    return label + _ELLIPSIS


class LinePrompter:
    """Asks by lines on ``stream`` and reads lines from ``answers``, as a dumb terminal wants it."""

    def __init__(self, answers: TextIO, stream: TextIO) -> None:
        self._answers = answers
        self._stream = stream

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken."""
        for one in menu.options:
            self._say(f"  {one.letter}) {one.label}\n")
        letters = [one.letter for one in menu.options]
        while True:
            answer = self._read(f"{menu.text} [{menu.default}] ").lower() or menu.default
            if answer in letters:
                return answer
            self._say(f"Type one of {', '.join(letters)}.\n")

    def enter(self, entry: Entry) -> str:
        """The line typed."""
        while True:
            answer = self._read(f"{entry.text} [{entry.default}] ") or entry.default
            problem = entry.check(answer)
            if problem is None:
                return answer
            self._say(f"{problem}\n")

    def _read(self, prompt: str) -> str:
        self._say(prompt)
        line = self._answers.readline()
        if not line:
            raise KeyboardInterrupt
        return line.strip()

    def _say(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()
