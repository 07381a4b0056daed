"""Asking at a terminal: by single keys, or line by line where the terminal can do nothing else.

Ctrl-C and Ctrl-D raise KeyboardInterrupt at every prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from msgspec import Struct

from cci_migrate.escaping.terminal_text import is_visible, printable
from cci_migrate.interactive.keyboard import ENTER, Keyboard, Press, drop_typed_lines, wait_for_line
from cci_migrate.reports.terminal_page import columns_of, cut

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

_QMARK = "?"
_HELP = "?"
#: Columns after a prompt in which the key is shown.
_ROOM_FOR_ANSWER = 2
#: In place of letters for which a line has no room, and how many letters a line shows at least.
_LEFT_OUT = ".."
_FEWEST_LETTERS = 4

#: What is typed in place of a line to go back.
BACK = "<"


class MenuOption(Struct, frozen=True):
    """One thing to choose, by its letter."""

    letter: str
    label: str


class Menu(Struct, frozen=True):
    """A menu. ``default`` is the letter that Enter alone means, None if none.

    ``unavailable`` are letters that users may expect here, each with why it does nothing.
    """

    text: str
    options: tuple[MenuOption, ...]
    default: str | None = None
    unavailable: tuple[MenuOption, ...] = ()

    def option(self, letter: str) -> MenuOption | None:
        """The option of ``letter``, in either case."""
        return next((option for option in self.options if option.letter == letter.lower()), None)

    def prompt(self, width: int) -> str:
        """The text and the letters, on one line of ``width`` columns with room for an answer.

        Where they need more, a long text comes before that line, and letters are left out: they
        can be pressed all the same.
        """
        text, room = printable(self.text), width - _ROOM_FOR_ANSWER
        start = f"{text} "
        if columns_of(f"{start}{self._letters(_FEWEST_LETTERS)} ") > room:
            text, start = "\n".join(wrap(text, width)), ""
        for count in range(len(self.options), 0, -1):
            line = f"{start}{self._letters(count)} "
            if columns_of(line) <= room:
                break
        return line if start else f"{text}\n{line}"

    def _letters(self, count: int) -> str:
        """The letters in brackets, but for those between the first and the last of ``count``."""
        letters = [option.letter for option in self.options]
        if count < len(letters):
            letters = [*letters[: count - 1], _LEFT_OUT, *letters[-1:]]
        default = f"; Enter: {self.default}" if self.default is not None else ""
        return printable(f"[{','.join([*letters, _HELP])}{default}]")

    def answer_to(self, press: Press) -> str:
        """What to say of a key that is no option."""
        reasons = {option.letter: option.label for option in self.unavailable}
        reason = reasons.get(press.character.lower())
        problem = press.problem if reason is None else f"{press.character}: {reason}"
        return printable(f"{problem}; {_HELP} lists the keys")

    def help(self) -> Iterator[str]:
        """A line for each option."""
        for option in self.options:
            yield printable(f"  {option.letter}  {option.label}")


class LineInput(Struct, frozen=True):
    """A line to type. ``check`` says what is wrong with it, None if nothing is."""

    text: str
    default: str
    check: Callable[[str], str | None]
    can_go_back: bool = True

    def answer(self, text: str) -> str:
        """The answer that the line ``text`` is: `BACK` may be typed after the default as well."""
        line = text.strip()
        return BACK if line == self.default + BACK else line

    def problem(self, text: str) -> str | None:
        """What is wrong with the line ``text``."""
        line = self.answer(text)
        if line != BACK:
            return self.check(line)
        return None if self.can_go_back else "No previous answer to go back to."


class Prompter(Protocol):
    """Whoever can ask."""

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken."""

    def enter(self, entry: LineInput) -> str:
        """The line typed, which `LineInput.check` finds nothing wrong with, or `BACK`."""


class KeyPrompter:
    """Asks on ``stream``, each choice for one key and each line by questionary.

    A choice is a line of its own that is never drawn again, so a terminal of any width and a resize
    do it no harm.
    """

    def __init__(self, stream: TextIO, *, in_colour: bool, width: Callable[[], int]) -> None:
        self._stream = stream
        self._in_colour = in_colour
        self._width = width
        self._keyboard = Keyboard()

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken."""
        output = self._output()
        with self._keyboard.raw():
            # A terminal that knows this mode says of pasted text that it is pasted.
            output.enable_bracketed_paste()
            output.flush()
            try:
                return self._choose(menu)
            finally:
                output.disable_bracketed_paste()
                output.flush()

    def _choose(self, menu: Menu) -> str:
        while True:
            self._keyboard.wait_for_quiet(enter_answers=menu.default is not None)
            prompt = menu.prompt(self._width())
            with _ending_the_line(self._stream):
                write(self._stream, self._bold(prompt))
                press = self._keyboard.next_press()
            if press.character == ENTER and menu.default is not None:
                option = menu.option(menu.default)
            else:
                option = menu.option(press.character)
            if option is not None:
                line = prompt.rpartition("\n")[2]
                room = self._width() - columns_of(line) - len(f"{option.letter}  ")
                label = printable(option.label)
                shown = label if columns_of(label) <= room else ""
                write(self._stream, f"{option.letter}  {shown}".rstrip() + "\n")
                return option.letter
            if press.character == _HELP:
                lines = [cut(line, self._width()) for line in menu.help()]
            else:
                lines = [menu.answer_to(press)]
            write(self._stream, "\n".join(["", *lines, ""]))

    def _bold(self, text: str) -> str:
        import click

        return click.style(text, bold=True) if self._in_colour else text

    def enter(self, entry: LineInput) -> str:
        """The line typed for ``entry``. Raises KeyboardInterrupt for Ctrl-C and Ctrl-D."""
        import questionary
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        bindings = KeyBindings()
        bindings.add(Keys.ControlD, eager=True)(_interrupt)
        with self._keyboard.raw():
            self._keyboard.wait_for_quiet(enter_answers=True)
            question = questionary.text(
                printable(entry.text),
                # A name that cannot be seen is not one to take with a key.
                default=entry.default if is_visible(entry.default) else "",
                validate=lambda text: entry.problem(text) or True,
                qmark=_QMARK,
                key_bindings=bindings,
                **self._terminal(),
            )
            try:
                text = question.application.run(pre_run=self._keyboard.drop_what_came)
            except EOFError:
                # The terminal is gone.
                raise KeyboardInterrupt from None
        self._keyboard.entered()
        return entry.answer(str(text))

    def _terminal(self) -> dict[str, Any]:
        from prompt_toolkit.output import ColorDepth

        settings: dict[str, Any] = {"input": self._keyboard.input, "output": self._output()}
        if not self._in_colour:
            settings["color_depth"] = ColorDepth.DEPTH_1_BIT
        return settings

    def _output(self) -> Output:
        from prompt_toolkit.output import create_output

        return create_output(self._stream)


def _interrupt(event: Any) -> None:
    event.app.exit(exception=KeyboardInterrupt, style="class:aborting")


class LinePrompter:
    """Asks by lines on ``stream`` and reads lines from ``answers``, as a dumb terminal wants it."""

    def __init__(self, answers: TextIO, stream: TextIO, *, width: Callable[[], int]) -> None:
        self._answers = answers
        self._stream = stream
        self._width = width

    def choose(self, menu: Menu) -> str:
        """The letter of the option taken."""
        while True:
            answer = self._read(menu.prompt(self._width())) or menu.default or ""
            option = menu.option(answer)
            if option is not None:
                return option.letter
            if answer != _HELP:
                write(
                    self._stream,
                    f"Type one of {', '.join(option.letter for option in menu.options)}:\n",
                )
            write(self._stream, "".join(f"{line}\n" for line in menu.help()))

    def enter(self, entry: LineInput) -> str:
        """The line typed for ``entry``. Raises KeyboardInterrupt for Ctrl-C and Ctrl-D."""
        while True:
            line = self._read(printable(f"{entry.text} [{entry.default}] ")) or entry.default
            problem = entry.problem(line)
            if problem is None:
                return entry.answer(line)
            write(self._stream, f"{printable(problem)}\n")

    def _read(self, prompt: str) -> str:
        drop_typed_lines(self._answers)
        # A reader of its own for each line drops what was read ahead with it.
        with (
            _ending_the_line(self._stream),
            open(
                self._answers.fileno(),
                encoding=self._answers.encoding,
                errors="replace",
                closefd=False,
            ) as lines,
        ):
            write(self._stream, prompt)
            wait_for_line(self._answers)
            line = lines.readline()
            if not line.endswith("\n"):
                # Ctrl-D, or a terminal that is gone: what was typed before it is no answer.
                raise KeyboardInterrupt
        return line.strip()


@contextmanager
def _ending_the_line(stream: TextIO) -> Iterator[None]:
    """While a prompt waits: what is said after an interruption begins on a line of its own."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            write(stream, "\n")
        raise


def write(stream: TextIO, text: str) -> None:
    """Write ``text`` at once; what the terminal cannot show must not end the program."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
