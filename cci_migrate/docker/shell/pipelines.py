"""Reads pipelines, lists and assignments, with their redirections as the grammar nests them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cci_migrate.docker.shell.command_reading import CommandReader
from cci_migrate.docker.shell.conditions import names_if_empty
from cci_migrate.docker.shell.facts import CredentialFile
from cci_migrate.docker.shell.flow import Alternative, Construct, ConstructKind, Place, Turn
from cci_migrate.docker.shell.shell_words import variables_in
from cci_migrate.docker.shell.standard_input import Output, Pipe
from cci_migrate.docker.shell.syntax import child_of_type, inner_nodes, redirects_of, span_of
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

#: Arguments of ``export`` and its like that may name any variable: ``export $(cat .env)``.
_UNREADABLE_NAMES = names("command_substitution simple_expansion expansion string")
_OPERATORS = ("&&", "||")


class PipelineReader(CommandReader):
    """Reads what joins commands; a subclass reads compound statements."""

    def _pipeline(self, node: Node, place: Place, tail: Sequence[Node] = ()) -> None:
        parts = [undressed(part) for part in inner_nodes(node)]
        if tail and parts:
            parts[-1] = (parts[-1][0], [*parts[-1][1], *tail])
        self._pipe_together(parts, node, place)

    def _pipe_together(
        self, parts: Sequence[tuple[Node | None, list[Node]]], node: Node, place: Place
    ) -> None:
        """Read the parts of a pipeline, each with its redirections; ``node`` is all of it."""
        first, redirects = parts[0] if parts else (None, [])
        if first is not None and first.type == "list" and redirects:
            # The grammar reads `a && b 2>&1 | c` as if a were part of the pipe.
            rest = parts[1:]
            self._list(
                first,
                place,
                lambda right, at: self._pipe_together([(right, redirects), *rest], node, at),
            )
            return
        construct = Construct(ConstructKind.TOGETHER)
        start = node.start_byte if first is None else first.start_byte
        output = Output()
        for slot, (part, own) in enumerate(parts):
            pipe = Pipe(start, node.end_byte, slot > 0, output)
            with self._apart():
                self._dressed(part, own, (*place, Turn(construct, slot)), pipe)
            output = self._outputs.output_of(part, own)

    def _list(self, node: Node, place: Place, walk_right: Callable[[Node, Place], object]) -> None:
        """Read ``a && b`` or ``a || b``, whose right side ``walk_right`` reads."""
        inner = inner_nodes(node)
        left, right = inner[0], inner[-1]
        operator = child_of_type(node, *_OPERATORS)
        self._and_or(
            "&&" if operator is None else operator.type,
            left,
            right,
            lambda at: self._walk(left, at),
            lambda at: walk_right(right, at),
            place,
        )

    def _dressed(
        self, body: Node | None, redirects: Sequence[Node], place: Place, pipe: Pipe
    ) -> None:
        """Read a statement, its redirections, and the statements that the grammar puts in them."""
        kind = "" if body is None else body.type
        if body is not None and kind == "list" and redirects:
            # The grammar attaches the redirection of `a && b > f` to the list; it is b's.
            self._list(
                body,
                place,
                lambda right, at: self._dressed(
                    right, redirects, at, Pipe(right.start_byte, pipe.end, pipe.has_input)
                ),
            )
            return
        if body is not None and kind == "negated_command" and redirects and inner_nodes(body):
            negation = Construct(ConstructKind.NEGATION)
            self._dressed(inner_nodes(body)[0], redirects, (*place, Turn(negation, 0)), pipe)
            return
        if body is not None and kind == "redirected_statement":
            innermost, own = undressed(body)
            self._dressed(innermost, [*own, *redirects], place, pipe)
            return
        if body is not None and kind == "pipeline":
            self._pipeline(body, place, redirects)
            return
        behind: list[tuple[str, Node]] = []
        everything = list(redirects)
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                behind.extend(_behind_heredoc(redirect))
                everything += redirects_of(redirect)
        self._chained(body, everything, behind, place, pipe)

    def _chained(
        self,
        body: Node | None,
        redirects: list[Node],
        behind: Sequence[tuple[str, Node]],
        place: Place,
        pipe: Pipe,
    ) -> None:
        """Read the statement before ``<<EOF`` together with the statements after it on its line."""
        if not behind:
            self._plain(body, redirects, place, pipe)
            return
        operator, part = behind[-1]
        if operator == "|":
            construct = Construct(ConstructKind.TOGETHER)
            with self._apart():
                self._chained(body, redirects, behind[:-1], (*place, Turn(construct, 0)), pipe)
            output = self._outputs.output_of(body, redirects)
            for slot, inner in enumerate(inner_nodes(part), start=1):
                next_pipe = Pipe(pipe.start, pipe.end, True, output)
                output = Output()
                with self._apart():
                    innermost, own = undressed(inner)
                    self._dressed(innermost, own, (*place, Turn(construct, slot)), next_pipe)
            return
        self._and_or(
            operator,
            body or part,
            part,
            lambda at: self._chained(body, redirects, behind[:-1], at, pipe),
            lambda at: self._walk(part, at),
            place,
        )

    def _plain(self, body: Node | None, redirects: list[Node], place: Place, pipe: Pipe) -> None:
        pipe.redirects = redirects
        if body is None:
            self._substitutions(redirects, place)
            if redirects:
                at = (*span_of(redirects[0]), place)
                self._written_files(redirects[0], pipe, at)
        elif body.type == "command":
            self._command(body, place, pipe)
        elif redirects:
            construct = Construct(ConstructKind.SEQUENCE, last=1)
            self._substitutions(redirects, (*place, Turn(construct, 0)))
            self._walk(body, (*place, Turn(construct, 1)))
        else:
            self._walk(body, place)

    def _and_or(
        self,
        operator: str,
        left: Node,
        right: Node,
        walk_left: Callable[[Place], object],
        walk_right: Callable[[Place], object],
        place: Place,
    ) -> None:
        emptiness = self._conditions.emptiness([(left, False)])
        empty, filled = names_if_empty([], emptiness), names_if_empty([emptiness], None)
        ends = self._conditions.ends_script(right)
        may_skip = operator == "||" or self._conditions.is_test(left)
        if operator == "&&":
            ways = (
                Alternative((0,), 1, passes=not ends, succeeded=0, when_empty=empty),
                Alternative((0,), None, passes=may_skip, fails=True, when_empty=filled),
            )
        else:
            ways = (
                Alternative((0,), None, succeeded=0, when_empty=empty),
                Alternative((0,), 1, passes=not ends, when_empty=filled),
            )
        construct = Construct(ConstructKind.CHOICE, ways)
        walk_left((*place, Turn(construct, 0)))
        if not may_skip:
            walk_right((*place, Turn(construct, 1)))
            return
        # After `cd x || exit` the script is in x; after `[ -d x ] && cd x` it may be elsewhere.
        after = {self._folder.path}
        with self._folder.one_of(after, goes_on=not ends):
            walk_right((*place, Turn(construct, 1)))
        self._folder.be_one_of(after)

    def _assignments(self, node: Node, place: Place) -> None:
        self._substitutions([node], place)
        self._variables.at = place
        if node.type == "declaration_command" and any(
            child.type in _UNREADABLE_NAMES for child in node.children[1:]
        ):
            self._unknown_setter = self._source(node.children[0])
        for child in [node, *node.children]:
            if child.type != "variable_assignment" or not child.children:
                continue
            name = self._source(child.children[0])
            parts = child.children
            if parts[1].type != "=":
                continue
            value = self._words.word(parts[2:]).value if len(parts) > 2 else ""
            if name == "DOCKER_AUTH_CONFIG" and value:
                self._emit(CredentialFile(*span_of(node), place, variables_in(self._source(node))))
            if len(parts) > 2 and parts[2].type == "array":
                items = [child for child in parts[2].children if child.is_named]
                self._variables.assign_list(name, self._words.words(items), place)
                continue
            self._variables.assign(name, value, place, child.start_byte)
            self._client.assign(name, _distinct(value, child.start_byte), place)

    def _unset(self, node: Node, place: Place) -> None:
        for child in node.children:
            if child.type == "variable_name":
                self._client.assign(self._source(child), "", place)

    def _define(self, node: Node) -> None:
        children = [child for child in node.children if child.is_named]
        if len(children) > 1:
            name = next((child for child in children if child.type == "word"), children[0])
            self._functions[self._source(name)] = children[-1]


def _distinct(value: str, start: int) -> str:
    """``value``, by which no other place of the script makes the same: ``$(mktemp -d)``."""
    return f"{value}#{start}" if "$(" in value or "`" in value else value


def undressed(node: Node) -> tuple[Node | None, list[Node]]:
    """A statement without its redirections, and the redirections."""
    if node.type != "redirected_statement":
        return node, []
    return next(iter(inner_nodes(node)), None), redirects_of(node)


def _behind_heredoc(redirect: Node) -> list[tuple[str, Node]]:
    """The statements that the grammar puts inside a here-document, each with its operator."""
    statements: list[tuple[str, Node]] = []
    operator = "&&"
    for child in redirect.children:
        if child.type in _OPERATORS:
            operator = child.type
        elif child.type == "pipeline":
            statements.append(("|", child))
        elif (
            child.is_named
            and not child.type.startswith("heredoc_")
            and not child.type.endswith("_redirect")
            and child.type != "file_descriptor"
        ):
            statements.append((operator, child))
    return statements
