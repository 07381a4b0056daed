"""Reads scripts of POSIX shells with tree-sitter, statement by statement as the shell runs them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from cci_migrate.docker.shell.conditions import names_if_empty
from cci_migrate.docker.shell.facts import Script
from cci_migrate.docker.shell.flow import Alternative, Construct, ConstructKind, Place, Turn
from cci_migrate.docker.shell.pipelines import PipelineReader, undressed
from cci_migrate.docker.shell.shell_words import literal
from cci_migrate.docker.shell.standard_input import Pipe
from cci_migrate.docker.shell.syntax import (
    KEYWORDS,
    Statement,
    child_of_type,
    clause,
    inner_nodes,
    parted,
    statements,
)
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

#: A loop over more words is read once, with its variable unknown.
_MAX_UNROLLED = 20

_BODIES = ("do_group", "compound_statement")
_SEQUENCES = names("program compound_statement subshell do_group ERROR else_clause")


def read_bash(text: str, environment: Mapping[str, str]) -> Script:
    """Read a script of a POSIX shell; see `facts_of`."""
    return _ScriptReader(text, environment).read()


class _ScriptReader(PipelineReader):
    """Walks a script's tree as the shell would run it, once."""

    def _walk(self, node: Node, place: Place) -> None:
        kind = node.type
        if kind == "command":
            self._command(node, place, Pipe(node.start_byte, node.end_byte))
        elif kind == "redirected_statement":
            body, redirects = undressed(node)
            self._dressed(body, redirects, place, Pipe(node.start_byte, node.end_byte))
        elif kind == "pipeline":
            self._pipeline(node, place)
        elif kind == "list":
            self._list(node, place, self._walk)
        elif kind in _SEQUENCES:
            self._block(node, place)
        elif kind == "negated_command":
            inner = [(statement, False) for statement in inner_nodes(node)]
            negation = Construct(ConstructKind.NEGATION)
            self._run_in_order(inner, (*place, Turn(negation, 0)))
        elif kind == "if_statement":
            self._if(node, place)
        elif kind == "case_statement":
            self._case(node, place)
        elif kind in ("while_statement", "until_statement"):
            self._while(node, place)
        elif kind in ("for_statement", "select_statement"):
            self._for(node, place)
        elif kind == "c_style_for_statement":
            self._loop_body(node, place)
        elif kind == "function_definition":
            self._define(node)
        elif kind in ("variable_assignment", "variable_assignments", "declaration_command"):
            self._assignments(node, place)
        elif kind == "unset_command":
            self._unset(node, place)
        else:
            self._substitutions([node], place)

    def _block(self, node: Node, place: Place) -> None:
        if node.type == "subshell":
            with self._apart():
                self._run_in_order(statements(node.children), place)
        else:
            self._run_in_order(statements(node.children), place)

    def _run_in_order(self, statements: Sequence[Statement], place: Place) -> None:
        if len(statements) == 1 and not statements[0][1]:
            self._walk(statements[0][0], place)
            return
        construct = Construct(ConstructKind.SEQUENCE, last=len(statements) - 1)
        for slot, (statement, background) in enumerate(statements):
            at = (*place, Turn(construct, slot))
            if background:
                with self._apart():
                    self._walk(statement, (*at, Turn(Construct(ConstructKind.BACKGROUND), 0)))
            else:
                self._walk(statement, at)

    def _if(self, node: Node, place: Place) -> None:
        clauses = [clause(node)]
        clauses += (clause(child) for child in node.children if child.type == "elif_clause")
        last = child_of_type(node, "else_clause")
        otherwise = [] if last is None else statements(last.children)
        emptiness = [self._conditions.emptiness(condition) for condition, _ in clauses]
        ways = [
            Alternative(
                tuple(range(index + 1)),
                len(clauses) + index,
                passes=not self._conditions.end_script(body),
                succeeded=index,
                when_empty=names_if_empty(emptiness[:index], emptiness[index]),
            )
            for index, (_, body) in enumerate(clauses)
        ]
        ways.append(
            Alternative(
                tuple(range(len(clauses))),
                None if last is None else 2 * len(clauses),
                passes=not self._conditions.end_script(otherwise),
                when_empty=names_if_empty(emptiness, None),
            )
        )
        construct = Construct(ConstructKind.CHOICE, tuple(ways))
        folders: set[str | None] = set()
        for index, (condition, body) in enumerate([*clauses, ([], otherwise)]):
            self._run_in_order(condition, (*place, Turn(construct, index)))
            with self._folder.one_of(folders, goes_on=not self._conditions.end_script(body)):
                self._run_in_order(body, (*place, Turn(construct, len(clauses) + index)))
        self._folder.be_one_of(folders)

    def _case(self, node: Node, place: Place) -> None:
        items = [child for child in node.children if child.type == "case_item"]
        bodies: list[list[Statement]] = []
        always = False
        for item in items:
            before, behind = parted(item.children, ")")
            patterns = "".join(map(self._source, before))
            always = always or patterns.strip("( ") == "*"
            bodies.append(statements(behind))
        ways = [
            Alternative((0,), 1 + index, passes=not self._conditions.end_script(body))
            for index, body in enumerate(bodies)
        ]
        if not always:
            ways.append(Alternative((0,), None))
        construct = Construct(ConstructKind.CHOICE, tuple(ways))
        self._substitutions(
            [child for child in node.children if child.type != "case_item"],
            (*place, Turn(construct, 0)),
        )

        folders = set() if always else {self._folder.path}
        for index, body in enumerate(bodies):
            with self._folder.one_of(folders, goes_on=not self._conditions.end_script(body)):
                self._run_in_order(body, (*place, Turn(construct, 1 + index)))
        self._folder.be_one_of(folders)

    def _while(self, node: Node, place: Place) -> None:
        children = node.children
        body = child_of_type(node, "do_group")
        condition = statements(
            child
            for child in children
            if child.type not in KEYWORDS and (body is None or child.start_byte < body.start_byte)
        )
        until = bool(children) and children[0].type == "until"
        text = " ".join(self._source(entry[0]) for entry in condition)
        if text == ("false" if until else "true") or (text == ":" and not until):
            construct = Construct(ConstructKind.SEQUENCE)
        else:
            construct = Construct(
                ConstructKind.CHOICE,
                (
                    Alternative((0,), None),
                    Alternative((0,), 1, passes=False, succeeded=None if until else 0),
                ),
            )
        self._run_in_order(condition, (*place, Turn(construct, 0)))
        if body is not None:
            with self._folder.perhaps():
                self._walk(body, (*place, Turn(construct, 1)))

    def _loop_body(self, node: Node, place: Place) -> None:
        """Read the body of a loop that may never run."""
        construct = Construct(ConstructKind.CHOICE, (Alternative((0,), 1), Alternative((0,), None)))
        body = child_of_type(node, *_BODIES)
        self._substitutions(
            [child for child in node.children if child != body], (*place, Turn(construct, 0))
        )
        if body is not None:
            with self._folder.perhaps():
                self._walk(body, (*place, Turn(construct, 1)))

    def _for(self, node: Node, place: Place) -> None:
        variable = child_of_type(node, "variable_name")
        name = "" if variable is None else self._source(variable)
        body = child_of_type(node, *_BODIES)
        _, behind = parted(node.children, "in")
        listed = takewhile(lambda child: child.type not in (";", "\n", *_BODIES), behind)
        values = [child for child in listed if child.is_named]
        self._variables.at = place
        words = self._words.words(values)
        if body is None or not words or not all(literal(word.value) for word in words):
            self._loop_body(node, place)
            return
        plain = all(not re.search(r"[{*?\[]", word.value) for word in words)
        uses = f"${name}" in self._source(body) or f"${{{name}" in self._source(body)
        rounds: Sequence[str | None] = (
            [word.value for word in words]
            if plain and uses and len(words) <= _MAX_UNROLLED
            else [None]
        )
        construct = Construct(ConstructKind.SEQUENCE)
        for slot, value in enumerate(rounds):
            if slot and not self._spend():
                break
            with self._variables.bound(name, value):
                self._walk(body, (*place, Turn(construct, slot)))
