"""Reads the words of a command: from syntax nodes to the arguments that it receives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.shell.facts import Quoting, Word

if TYPE_CHECKING:
    from tree_sitter import Node

#: Returns a variable's value; None if it is unknown.
Lookup = Callable[[str], "str | None"]

#: A word that stays as it is.
_PLAIN = re.compile(r"[\w./:@%+=,-]*", re.ASCII)
_QUOTES = re.compile(r"[\"'\\]")
_ESCAPE_OUTSIDE = re.compile(r"\\(\r?\n|.)", re.DOTALL)
_ESCAPE_IN_DOUBLE = re.compile(r"\\(\r?\n|[$`\"\\])")
_ESCAPE_IN_ANSI = re.compile(r"\\(n|t|.)", re.DOTALL)
_BARE_EXPANSION = re.compile(r"\$(?:\{(\w+|[@*])\}|(\w+|[@*]))")
#: All words of an array, or of the arguments from one on.
_WORDS = re.compile(r"\$\{(?:(?P<array>[A-Za-z_]\w*)\[[@*]\]|[@*](?::(?P<first>[1-9]))?)\}")
_NAME = re.compile(r"\$\{?!?([A-Za-z_]\w*)")
_BRACES = re.compile(r"(?<!\$)\{[^{}\s,.]*(?:\.(?!\.)[^{}\s,.]*)*(?:,|\.\.)[^{}\s]*\}")

#: The longest expanded word. An image's name has at most about 400 characters; a longer word is no
#: name, and an unexpanded one can't be mistaken for another.
MOST_EXPANDED = 4096

_QUOTING = {
    "string": Quoting.DOUBLE,
    "raw_string": Quoting.SINGLE,
    "ansi_c_string": Quoting.MIXED,
    "translated_string": Quoting.MIXED,
}


def variables_in(text: str) -> frozenset[str]:
    """The names of the variables that the shell code ``text`` reads."""
    return frozenset(_NAME.findall(text))


def literal(value: str) -> bool:
    """Whether ``value`` contains nothing that the shell expands."""
    return not has_placeholder(value) and "$" not in value and "`" not in value


class WordReader:
    """Reads words of one text. ``lookup`` returns variables.

    ``words_of`` returns the words of an array, or of ``$@``.
    """

    def __init__(
        self, text: str, lookup: Lookup, words_of: Callable[[str], Sequence[Word] | None]
    ) -> None:
        self._text = text
        self._lookup = lookup
        self._words_of = words_of

    def words(self, nodes: Iterable[Node]) -> list[Word]:
        """The words that ``nodes``, the arguments of one command, expand to."""
        groups: list[list[Node]] = []
        end = -1
        for node in nodes:
            # The grammar takes `$(pwd)\:/x` for two arguments.
            if end == node.start_byte:
                groups[-1].append(node)
            else:
                groups.append([node])
            end = node.end_byte
        return [word for group in groups for word in self._expanded(group)]

    def word(self, nodes: Sequence[Node]) -> Word:
        """The word that consists of the adjacent ``nodes``."""
        start, end = nodes[0].start_byte, nodes[-1].end_byte
        text = self._text[start:end]
        if _PLAIN.fullmatch(text):
            return Word(start, end, text, text)
        if len(nodes) == 1:
            quoting = _QUOTING.get(nodes[0].type)
            if quoting is None:
                quoting = Quoting.MIXED if _QUOTES.search(text) else Quoting.NONE
        else:
            has_quotes = '"' in text or "'" in text
            quoting = Quoting.MIXED if has_quotes else Quoting.NONE
        value = "".join(map(self.value, nodes))
        # Variables that contain each other twice soon have gigabytes: keep such a word as written.
        if len(value) > max(MOST_EXPANDED, len(text)):
            value = text
        return Word(start, end, text, value, quoting)

    def _expanded(self, nodes: list[Node]) -> list[Word]:
        word = self.word(nodes)
        node = nodes[0]
        if len(nodes) > 1 or "$" not in word.text:
            return [word]
        inner = word.text[1:-1] if node.type == "string" else word.text
        listed = _WORDS.fullmatch(inner)
        if listed is not None:
            words = self._words_of(listed["array"] or "@")
            return [word] if words is None else list(words[int(listed["first"] or 1) - 1 :])
        bare = _BARE_EXPANSION.fullmatch(inner)
        if bare is None or node.type not in ("string", "simple_expansion", "expansion"):
            return [word]
        name = bare[1] or bare[2]
        if name == "@" or (name == "*" and node.type != "string"):
            arguments = self._words_of(name)
            return [word] if arguments is None else list(arguments)
        if node.type != "string" and literal(word.value):
            # The shell splits the value of an unquoted variable.
            return [
                Word(word.start, word.end, word.text, part, word.quoting)
                for part in word.value.split()
            ]
        return [word]

    def value(self, node: Node) -> str:
        """The value of ``node``, unknown expansions as written."""
        text = self._text[node.start_byte : node.end_byte]
        kind = node.type
        if kind == "raw_string":
            return text[1:-1]
        if kind == "string":
            return self._inside(node, 1, _ESCAPE_IN_DOUBLE)
        if kind == "ansi_c_string":
            return _ESCAPE_IN_ANSI.sub(_ansi, text[2:-1])
        if kind in ("simple_expansion", "expansion"):
            bare = _BARE_EXPANSION.fullmatch(text)
            value = self._lookup(bare[1] or bare[2]) if bare else None
            return text if value is None else value
        if kind == "concatenation" or (kind == "command_name" and node.child_count):
            return self._inside(node, 0, _ESCAPE_OUTSIDE)
        if kind in ("command_substitution", "process_substitution", "arithmetic_expansion"):
            return text
        if "\\" in text:
            return _ESCAPE_OUTSIDE.sub(_unescaped, text)
        return text

    def _inside(self, node: Node, quotes: int, escape: re.Pattern[str]) -> str:
        parts: list[str] = []
        position = node.start_byte + quotes
        for child in node.children:
            if child.type in ('"', "string_content"):
                continue
            parts.append(escape.sub(_unescaped, self._text[position : child.start_byte]))
            parts.append(self.value(child))
            position = child.end_byte
        parts.append(escape.sub(_unescaped, self._text[position : node.end_byte - quotes]))
        return "".join(parts)


def _unescaped(match: re.Match[str]) -> str:
    return "" if match[1].endswith("\n") else match[1]


def _ansi(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])


def expands_braces(word: Word) -> bool:
    """Whether the shell expands braces in ``word``, into several words."""
    return word.quoting is Quoting.NONE and _BRACES.search(word.text) is not None
