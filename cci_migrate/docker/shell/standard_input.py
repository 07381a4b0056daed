"""What commands read on their standard input, and print, as far as the script's text says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.docker.shell.facts import Quoting, Word
from cci_migrate.docker.shell.shell_words import Lookup, WordReader
from cci_migrate.docker.shell.syntax import argument_nodes, child_of_type, redirects_of
from cci_migrate.docker.shell.wrappers import program_of
from cci_migrate.docker.tasks.downloads import address_in
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BARE_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_DOWNLOADERS = names("curl wget")


class Output(Struct, frozen=True):
    """What a command prints, as far as known: ``text``, or the contents of ``file``.

    ``word`` is the value of the only word that it prints, None if it prints anything else.
    ``address`` is where it downloads what it prints.
    """

    text: str | None = None
    file: str | None = None
    word: str | None = None
    address: str | None = None


_UNKNOWN = Output()


class Pipe(Struct):
    """A command's statement, from ``start`` to ``end``, and its redirections.

    ``has_input``: something is piped to it or redirected to its standard input: ``input``.
    """

    start: int
    end: int
    has_input: bool = False
    input: Output = _UNKNOWN
    redirects: list[Node] = field(default_factory=list)


class OutputReader:
    """Reads what commands of the script ``text`` print, with the values that ``lookup`` returns."""

    def __init__(self, text: str, words: WordReader, lookup: Lookup) -> None:
        self._text = text
        self._words = words
        self._lookup = lookup

    def feed(self, pipe: Pipe) -> None:
        """Set the input of ``pipe`` from its redirections."""
        for redirect in pipe.redirects:
            read = self._read_from(redirect)
            if read is not None:
                pipe.has_input, pipe.input = True, read

    def output_of(self, node: Node | None, redirects: Sequence[Node]) -> Output:
        """What ``node`` prints."""
        if node is None or node.type != "command":
            return _UNKNOWN
        words = self._words.words(argument_nodes(node))
        if not words:
            return _UNKNOWN
        name, arguments = program_of(words[0]), words[1:]
        if name in _DOWNLOADERS:
            return Output(address=address_in(self._source(node)))
        if name == "cat":
            if not arguments:
                read = map(self._read_from, (*redirects_of(node), *redirects))
                return next((output for output in read if output is not None), _UNKNOWN)
            if len(arguments) == 1 and not arguments[0].value.startswith("-"):
                return Output(file=arguments[0].value)
        elif name == "printenv" and len(arguments) == 1:
            variable = arguments[0].value
            if _IDENTIFIER.fullmatch(variable):
                value = self._lookup(variable)
                return Output(word=f"${variable}" if value is None else value)
        elif name == "echo":
            escapes = False
            while arguments and re.fullmatch(r"-[neE]+", arguments[0].value):
                escapes = escapes or "e" in arguments[0].value
                arguments = arguments[1:]
            text = " ".join(word.value for word in arguments)
            return Output(text.replace("\\n", "\n") if escapes else text, word=_only(arguments))
        elif name == "printf":
            is_ended = bool(arguments) and arguments[0].value == "--"
            return _printed(arguments[is_ended:])
        return _UNKNOWN

    def _read_from(self, redirect: Node) -> Output | None:
        """What ``redirect`` has a command read; None if it is no input."""
        if redirect.type == "heredoc_redirect":
            return self._heredoc(redirect)
        if redirect.type == "herestring_redirect":
            return Output(word=_only(self._words.words(redirect.children[-1:])))
        if redirect.type == "file_redirect" and redirect.children[0].type == "<":
            target = redirect.children[-1]
            return Output(file=self._words.value(target) if target.is_named else None)
        return None

    def _heredoc(self, node: Node) -> Output:
        body = child_of_type(node, "heredoc_body")
        if body is None:
            return Output("")
        start = next(child for child in node.children if child.type == "heredoc_start")
        text = self._source(body)
        if self._source(node).startswith("<<-"):
            text = re.sub(r"(?m)^\t+", "", text)
        if re.search(r"[\"'\\]", self._source(start)):
            return Output(text)
        word = text.rstrip("\r\n")
        bare = _BARE_VARIABLE.fullmatch(word)
        value = None if bare is None else self._lookup(bare[1] or bare[2])
        return Output(re.sub(r"\\([$`\\])", r"\1", text), word=word if value is None else value)

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]


def _only(words: Sequence[Word]) -> str | None:
    """The value of the only word of ``words``; None if there are more, or if it isn't expanded."""
    if len(words) != 1 or (words[0].quoting is Quoting.SINGLE and "$" in words[0].value):
        return None
    return words[0].value


def _printed(words: Sequence[Word]) -> Output:
    """What ``printf`` prints with the arguments ``words``."""
    if not words:
        return _UNKNOWN
    template, arguments = words[0], list(words[1:])
    text = "".join(
        (arguments.pop(0).value if arguments else "") if part in ("%s", "%b") else part
        for part in re.split(r"(%[sb])", template.value)
    ).replace("\\n", "\n")
    bare = template.value.removesuffix("\\n").removesuffix("\\r")
    if bare in ("%s", "%b"):
        return Output(text, word=_only(words[1:]))
    return Output(text, word=_only([replace(template, value=bare)]) if len(words) == 1 else None)
