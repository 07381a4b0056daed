"""Parses a command line as the Go programs of the Docker family do (pflag)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from msgspec import Struct

from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.shell.facts import Quoting, Word


class CommandOption(Struct, frozen=True):
    """An option: its name with dashes, its value, and the span of both.

    ``separable`` is False if they can't be cut out of the text without their neighbours: it shares
    a word with other options (``-itp80``).
    """

    name: str
    value: Word | None
    start: int
    end: int
    separable: bool = True


class CommandLine(Struct, frozen=True):
    """The options and the other arguments of a command."""

    options: tuple[CommandOption, ...]
    arguments: tuple[Word, ...]

    def has(self, *names: str) -> bool:
        """Whether one of the switches ``names`` is on."""
        return any(
            option.name in names and (option.value is None or option.value.value != "false")
            for option in self.options
        )

    def last(self, *names: str) -> Word | None:
        """The value of the last of the options ``names``, which overrides earlier ones."""
        options = self.options_named(*names)
        return options[-1].value if options else None

    def text(self, *names: str) -> str | None:
        """The value of `last` as text; None if there is none."""
        word = self.last(*names)
        return None if word is None else word.value

    def all(self, *names: str) -> tuple[str, ...]:
        """The values of all options ``names``, for options that may be repeated."""
        return tuple(
            option.value.value for option in self.options_named(*names) if option.value is not None
        )

    def options_named(self, *names: str) -> list[CommandOption]:
        """The options with one of the ``names``, in order."""
        return [option for option in self.options if option.name in names]


def named_values(texts: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """The names and values in ``texts``, each ``NAME=VALUE``; a value is None without the sign."""
    for text in texts:
        name, equals, value = text.partition("=")
        yield name, value if equals else None


#: A variable or a parameter with such a name contains options, not an argument.
_OPTIONS_INSIDE = re.compile(r"opt|arg|flag|param(?!eters\.)|switch|extra", re.IGNORECASE)
_ONLY_PLACEHOLDER = re.compile(
    r"\$\{?[#!]?\w+(?:\[[@*]\])?(?:[:+-][^}]*)?\}?|\$@|\$\([^()]*\)|<<[^<>]*>>|\{\{[^{}]*\}\}|`[^`]*`"
)


def is_only_placeholder(value: str) -> bool:
    """Whether the word ``value`` consists of a placeholder and nothing else."""
    return _ONLY_PLACEHOLDER.fullmatch(value.strip()) is not None


def may_hold_options(value: str) -> bool:
    """Whether ``value`` is a placeholder whose name suggests that it contains options."""
    if not is_only_placeholder(value):
        return False
    conditional = ":+" in value or "[@]" in value
    name = re.sub(r"<<\s*(?:pipeline\.)?(?:parameters|values?)\.", "", value)
    return conditional or _OPTIONS_INSIDE.search(name) is not None


def parse(
    words: Sequence[Word],
    switches: Container[str] = (),
    *,
    interspersed: bool = True,
    valued: Container[str] | None = None,
) -> CommandLine:
    """Parse ``words``, the command's own name excluded, into options and arguments.

    ``switches`` are the options without a value; any other option takes one, unless ``valued`` is
    given: then only those in ``valued`` do. ``interspersed``: options may follow arguments;
    otherwise all words from the first argument on are arguments.
    """

    def takes_value(name: str) -> bool:
        return name not in switches if valued is None else name in valued

    options: list[CommandOption] = []
    arguments: list[Word] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        value = word.value
        if value == "--":
            arguments.extend(words[index:])
            break
        if not value.startswith("-") or value == "-":
            if not arguments and may_hold_options(value) and index < len(words):
                continue
            arguments.append(word)
            if not interspersed:
                arguments.extend(words[index:])
                break
            continue
        following = words[index] if index < len(words) else None
        if value.startswith("--"):
            name, equals, attached = value.partition("=")
            if equals:
                options.append(_attached(name, word, attached, len(name) + 1))
            elif takes_value(name) and following is not None:
                options.append(CommandOption(name, following, word.start, following.end))
                index += 1
            else:
                options.append(CommandOption(name, None, word.start, word.end))
            continue
        index += _short_options(word, following, takes_value, options)
    return CommandLine(tuple(options), tuple(arguments))


def _short_options(
    word: Word,
    following: Word | None,
    takes_value: Callable[[str], bool],
    options: list[CommandOption],
) -> int:
    """Read ``-it`` or ``-p80:80`` into ``options``; return how many more words belong to it."""
    letters = word.value[1:]
    for position, letter in enumerate(letters):
        name = f"-{letter}"
        following_letters = letters[position + 1 :]
        if not takes_value(name):
            options.append(CommandOption(name, None, word.start, word.end))
            if following_letters.startswith("="):
                break
            continue
        if following_letters:
            skip = 1 if following_letters.startswith("=") else 0
            options.append(_attached(name, word, following_letters[skip:], position + 2 + skip))
            return 0
        if following is None:
            options.append(CommandOption(name, None, word.start, word.end))
            return 0
        alone = position == 0
        options.append(CommandOption(name, following, word.start, following.end, separable=alone))
        return 1
    return 0


def _attached(name: str, word: Word, value: str, offset: int) -> CommandOption:
    """An option whose value is part of its word, at ``offset``."""
    head = word.text[:offset]
    separable = not has_placeholder(head) and not any(mark in head for mark in "\"'\\")
    if separable:
        text = word.text[offset:]
        inner = Word(word.start + offset, word.end, text, value, _quoting_of(text))
    else:
        inner = Word(word.start, word.end, word.text, value, word.quoting)
    separable = separable and (name.startswith("--") or word.text.startswith(name))
    return CommandOption(name, inner, word.start, word.end, separable)


def _quoting_of(text: str) -> Quoting:
    if len(text) > 1 and text[0] == text[-1] and text[0] not in text[1:-1]:
        if text[0] == '"':
            return Quoting.DOUBLE
        if text[0] == "'":
            return Quoting.SINGLE
    return Quoting.MIXED if any(mark in text for mark in "\"'\\") else Quoting.NONE
