"""What is known while a script is read: its variables, folder and functions, and facts so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cci_migrate.docker.shell.client_config import ClientVariables
from cci_migrate.docker.shell.conditions import Conditions
from cci_migrate.docker.shell.facts import At, Fact, Word
from cci_migrate.docker.shell.flow import Place, PlacedCommand
from cci_migrate.docker.shell.local_images import LocalImages
from cci_migrate.docker.shell.masking import masked
from cci_migrate.docker.shell.shell_words import WordReader
from cci_migrate.docker.shell.standard_input import OutputReader
from cci_migrate.docker.shell.variables import Variables
from cci_migrate.docker.shell.working_folder import WorkingFolder

if TYPE_CHECKING:
    from tree_sitter import Node

#: How many times, in total, bodies of functions and loops are read again.
_MAX_ROUNDS = 400


class ScriptState:
    """The state of the reader of one script."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._shell = masked(text)
        self._conditions = Conditions(text)
        self._variables = Variables(text, environment)
        self._client = ClientVariables(environment)
        self._words = WordReader(text, self._variables.lookup, self._variables.words_of)
        self._outputs = OutputReader(text, self._words, self._variables.lookup)
        self._facts: list[Fact] = []
        self._seen: set[Fact] = set()
        self._folder = WorkingFolder()
        self._functions: dict[str, Node] = {}
        #: The scripts that the text writes to files: where each begins and ends in it.
        self._written_scripts: dict[str, tuple[int, int]] = {}
        self._called: set[str] = set()
        self._depth = 0
        self._quoted = 0
        self._rounds = 0
        self._subshells = 0
        self._local = LocalImages()
        self._halts: list[PlacedCommand] = []
        #: What ``trap`` has the script do at its end, and where it does so.
        self._at_exit: tuple[Word, Place] | None = None
        self._unknown_setter = ""
        self._does_more_than_log_in = False
        self._has_sourced = False

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Within a subshell: it neither changes the script's folder nor ends the script."""
        self._subshells += 1
        with self._folder.apart(), self._client.apart():
            yield
        self._subshells -= 1

    def _call_at(self, at: At) -> tuple[int, int, Place, str | None, tuple[tuple[str, str], ...]]:
        """What all facts of calls have: where it is, its folder, and what it is handed."""
        values = self._client.at(at[2]).items()
        environment = tuple((name, text) for name, text in values if text is not None)
        return *at, self._folder.path, environment

    def _spend(self) -> bool:
        """Count one more reading of a body; False past the limit: calls and loops multiply."""
        self._rounds += 1
        return self._rounds <= _MAX_ROUNDS

    def _emit(self, fact: Fact) -> None:
        alike = replace(fact, place=())
        if alike in self._seen and (self._variables.in_loop or self._quoted):
            return
        self._seen.add(alike)
        self._facts.append(self._local.record(fact))

    def _emit_all(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self._emit(fact)
