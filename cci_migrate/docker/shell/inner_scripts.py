"""Reads the scripts that commands of a script start: ``bash -c``, here-documents, other files."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.shell.command_line import is_only_placeholder
from cci_migrate.docker.shell.facts import (
    At,
    Quoting,
    Script,
    ScriptCall,
    TaskCall,
    Word,
    joined_path,
)
from cci_migrate.docker.shell.flow import (
    Construct,
    ConstructKind,
    Place,
    PlacedCommand,
    Turn,
    perhaps,
    surely_before,
)
from cci_migrate.docker.shell.script_state import ScriptState
from cci_migrate.docker.shell.shell_programs import script_argument
from cci_migrate.docker.shell.shell_trees import tree_of, trees_of_lines
from cci_migrate.docker.shell.standard_input import Pipe
from cci_migrate.docker.shell.working_folder import from_first_folder
from cci_migrate.docker.tasks.downloads import DOWNLOADED_SCRIPT, address_in, may_download
from cci_migrate.docker.tasks.programs import SHELL_COMMAND

if TYPE_CHECKING:
    from tree_sitter import Node

#: The greatest depth of quoted scripts.
_MAX_DEPTH = 8
_SETS_WHERE_EMPTY = re.compile(r"\$\{([A-Za-z_]\w*):?=", re.ASCII)
_CAT = re.compile(r"\$\((?:cat[ \t]+|<[ \t]*)([\w./~-]+)[ \t]*\)")
#: A script that is what a variable or a command gives.
_IS_EXPANDED = re.compile(r"[$`]")
#: What the value of a variable has that the shell reads as more than words.
_SYNTAX = re.compile(r"[^\w\s./:@%+=,${}-]|\n")
_EXPANSION = re.compile(r"\$(?:\w+|[@*]|\{[^{}]*\})")


class InnerScriptReader(ScriptState, ABC):
    """Reads texts as scripts; a subclass reads the statements in them."""

    @abstractmethod
    def _walk(self, node: Node, place: Place) -> None:
        """Read the statement ``node`` at ``place``."""

    def read(self) -> Script:
        """Read the whole script. Raises TooComplexError."""
        try:
            whole = Construct(ConstructKind.SEQUENCE)
            self._statement_of_text(0, len(self._shell), (Turn(whole, 0),))
            if self._at_exit is not None:
                script, trapped = self._at_exit
                end: Place = (Turn(whole, 1),)
                if not surely_before([PlacedCommand(trapped)], end):
                    end = (*end, Turn(perhaps(), 0))
                self._exit_script(script, end)
            facts, self._facts = tuple(self._facts), []
            for name, body in list(self._functions.items()):
                if name not in self._called:
                    self._called.add(name)
                    self._walk(body, ())
        except RecursionError:
            # Nested too deep for Python; the unread rest could contain a pull.
            raise TooComplexError("its commands are nested too deeply") from None
        return Script(
            facts,
            tuple(self._facts),
            self._variables.assigned | frozenset(_SETS_WHERE_EMPTY.findall(self._text)),
            self._unknown_setter,
            self._does_more_than_log_in,
        )

    def _exit_script(self, script: Word, place: Place) -> None:
        """Read what ``trap`` runs: a script, or the name of a function."""
        body = self._functions.get(script.value)
        if body is None:
            self._quoted_script(script, place)
        else:
            self._called.add(script.value)
            self._walk(body, place)

    def _statement_of_text(self, start: int, end: int, place: Place) -> None:
        """Parse the text from ``start`` to ``end``, keeping its offsets, and walk it."""
        if not self._shell[start:end].strip():
            return
        root = tree_of(self._shell, start, end)
        self._does_more_than_log_in |= root.has_error
        if root.type == "ERROR":
            # It is unknown what its lines are part of: none of them is certain to run.
            construct = Construct(ConstructKind.SEQUENCE)
            for first, piece in trees_of_lines(self._shell, start, end):
                self._variables.count_assignments(piece)
                self._walk(piece, (*place, Turn(construct, first), Turn(perhaps(), 0)))
            return
        self._variables.count_assignments(root)
        self._walk(root, place)

    def _shell_command(self, words: Sequence[Word], pipe: Pipe, at: At) -> None:
        """``bash -c '...'``, ``bash x.sh``, ``bash <<EOF``."""
        script, is_text = script_argument(words)
        if script is None:
            self._heredoc_script(pipe, at)
        elif is_text:
            self._text_argument(script, at)
        elif script.value.startswith("<(") or (
            script.value.startswith("$") and is_only_placeholder(script.value)
        ):
            self._unwritten_script(script.value, at)
        else:
            self._script_call(script.value, at, sourced=False)

    def _text_argument(self, script: Word, at: At) -> None:
        """``script`` is handed to a shell as a text: ``bash -c``, ``su -c``, ``retry 3``."""
        written = _CAT.fullmatch(script.value)
        if written is not None:
            self._script_call(written[1], at, sourced=False)
        elif _IS_EXPANDED.match(script.value):
            self._unwritten_script(script.value, at)
        else:
            self._quoted_script(script, at[2])

    def _unwritten_script(self, text: str, at: At) -> None:
        """A shell's script is what ``text``, a variable or a command, gives."""
        if may_download(text):
            self._task_call(DOWNLOADED_SCRIPT, [address_in(text)], at)
        else:
            self._task_call(SHELL_COMMAND, (), at)

    def _heredoc_script(self, pipe: Pipe, at: At) -> None:
        given = pipe.input
        if given.address is not None:
            self._task_call(DOWNLOADED_SCRIPT, [given.address], at)
            return
        if given.file is not None:
            self._script_call(given.file, at, sourced=False)
            return
        for redirect in pipe.redirects:
            for child in redirect.children:
                if redirect.type == "heredoc_redirect" and child.type == "heredoc_body":
                    self._nested(child.start_byte, child.end_byte, at[2])
                    return
                if redirect.type == "herestring_redirect" and child.type == "raw_string":
                    self._nested(child.start_byte + 1, child.end_byte - 1, at[2])
                    return
        if not pipe.has_input:
            return
        text = given.text or given.word
        if text is None or _IS_EXPANDED.match(text):
            self._task_call(SHELL_COMMAND, (), at)
        elif mentions_docker(text) or mentions_script(text):
            self._task_call(SHELL_COMMAND, [text], at)

    def _quoted_script(self, word: Word, place: Place) -> None:
        """Read ``word`` as a script: where it stands, or as a text of its own if that differs."""
        text = word.value
        if text[:1] in ("$", "`"):
            return
        quotes = 0 if word.quoting is Quoting.NONE else 1
        written = word.text[quotes : len(word.text) - quotes]
        is_escaped = word.quoting is not Quoting.SINGLE and "\\" in word.text
        # A variable holds several commands, or quotes: they are no words of one command.
        plain = _EXPANSION.sub("", written)
        holds_syntax = plain != written and _SYNTAX.findall(text) != _SYNTAX.findall(plain)
        if word.quoting is not Quoting.MIXED and not is_escaped and not holds_syntax:
            self._nested(word.start + quotes, word.end - quotes, place)
        elif mentions_docker(text) or mentions_script(text):
            self._task_call(SHELL_COMMAND, [text], (word.start, word.end, place))

    def _nested(self, start: int, end: int, place: Place) -> None:
        if self._quoted < _MAX_DEPTH and start < end:
            # The commands in its `$(...)` have been read as part of the word.
            self._quoted += 1
            with self._apart():
                self._statement_of_text(start, end, place)
            self._quoted -= 1

    def _script_call(self, path: str, at: At, *, sourced: bool) -> None:
        value = from_first_folder(path)
        self._has_sourced = self._has_sourced or sourced
        is_placeholder = is_only_placeholder(path)
        if sourced and is_placeholder and "BASH_ENV" not in value:
            self._unknown_setter = value
        written = self._written_scripts.get(joined_path(".", value))
        if written is not None:
            self._nested(*written, at[2])
            return
        is_unknown = is_placeholder and not value.startswith("<<")
        if value and not value.startswith(("/", "-", "<(", ">(")) and not is_unknown:
            self._emit(ScriptCall(*self._call_at(at), value, sourced))

    def _task_call(
        self,
        program: str,
        arguments: Iterable[str],
        at: At,
        environment: Iterable[tuple[str, str]] = (),
    ) -> None:
        call = self._call_at(at)
        self._emit(TaskCall(*call, program, tuple(arguments), tuple(environment)))
