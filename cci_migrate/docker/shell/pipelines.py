"""Reads pipelines, lists and assignments, with their redirections as the grammar nests them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cci_migrate.docker.name_tables import names
from cci_migrate.docker.shell.command_reading import CommandReader
from cci_migrate.docker.shell.facts import CredentialFile
from cci_migrate.docker.shell.flow import Alternative, Construct, ConstructKind, Place, Turn
from cci_migrate.docker.shell.shell_words import variables_in
from cci_migrate.docker.shell.standard_input import Output, Pipe
from cci_migrate.docker.shell.syntax import inner_nodes, span_of

if TYPE_CHECKING:
    from tree_sitter import Node

#: Arguments of ``export`` and its like that may name any variable: ``export $(cat .env)``.
_UNREADABLE_NAMES = names("command_substitution simple_expansion expansion string")


class PipelineReader(CommandReader):
    """Reads what joins commands; a subclass reads compound statements."""

    def _sequence(self, steps: Sequence[Callable[[Place], object]], place: Place) -> None:
        construct = Construct(ConstructKind.SEQUENCE, last=len(steps) - 1)
        for slot, step in enumerate(steps):
            step((*place, Turn(construct, slot)))

    def _ways(self, walks: Sequence[Callable[[], object]], *, otherwise: bool) -> None:
        """Walk alternatives; the folder is unknown afterwards if they end in different ones."""
        before = self._folder.path
        after = {before} if otherwise else set()
        for walk in walks:
            self._folder.path = before
            walk()
            after.add(self._folder.path)
        self._folder.be_one_of(after)

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
            left, right = _sides(first)
            self._and_or(
                _operator(first),
                left,
                right,
                lambda at: self._walk(left, at),
                lambda at: self._pipe_together([(right, redirects), *parts[1:]], node, at),
                place,
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

    def _list(self, node: Node, place: Place) -> None:
        left, right = _sides(node)
        self._and_or(
            _operator(node),
            left,
            right,
            lambda at: self._walk(left, at),
            lambda at: self._walk(right, at),
            place,
        )

    def _dressed(
        self, body: Node | None, redirects: Sequence[Node], place: Place, pipe: Pipe
    ) -> None:
        """Read a statement, its redirections, and the statements that the grammar puts in them."""
        kind = "" if body is None else body.type
        if body is not None and kind == "list" and redirects:
            # The grammar attaches the redirection of `a && b > f` to the list; it is b's.
            left, right = _sides(body)
            self._and_or(
                _operator(body),
                left,
                right,
                lambda at: self._walk(left, at),
                lambda at: self._dressed(
                    right, redirects, at, Pipe(right.start_byte, pipe.end, pipe.has_input)
                ),
                place,
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
                everything.extend(
                    child for child in redirect.children if child.type.endswith("_redirect")
                )
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
            self._sequence(
                [lambda at: self._substitutions(redirects, at), lambda at: self._walk(body, at)],
                place,
            )
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
        ends = self._conditions.ends_script(right)
        empty = emptiness.names if emptiness is not None and emptiness.true_when_empty else None
        filled = (
            emptiness.names if emptiness is not None and not emptiness.true_when_empty else None
        )
        if operator == "&&":
            tests = self._conditions.is_test(left)
            construct = Construct(
                ConstructKind.CHOICE,
                (
                    Alternative((0,), 1, passes=not ends, succeeded=0, when_empty=empty),
                    Alternative((0,), None, passes=tests, fails=True, when_empty=filled),
                ),
            )
        else:
            construct = Construct(
                ConstructKind.CHOICE,
                (
                    Alternative((0,), None, succeeded=0, when_empty=empty),
                    Alternative((0,), 1, passes=not ends, when_empty=filled),
                ),
            )
        walk_left((*place, Turn(construct, 0)))
        if operator == "&&" and not self._conditions.is_test(left):
            walk_right((*place, Turn(construct, 1)))
        else:
            # After `cd x || exit` the script is in x; after `[ -d x ] && cd x` it may be elsewhere.
            before = self._folder.path
            self._ways([lambda: walk_right((*place, Turn(construct, 1)))], otherwise=True)
            if ends:
                self._folder.path = before

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
    redirects = [child for child in node.children if child.type.endswith("_redirect")]
    return next(iter(inner_nodes(node)), None), redirects


def _behind_heredoc(redirect: Node) -> list[tuple[str, Node]]:
    """The statements that the grammar puts inside a here-document, each with its operator."""
    statements: list[tuple[str, Node]] = []
    operator = "&&"
    for child in redirect.children:
        if child.type in ("&&", "||"):
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


def _sides(node: Node) -> tuple[Node, Node]:
    """Both sides of a list."""
    inner = inner_nodes(node)
    return inner[0], inner[-1]


def _operator(node: Node) -> str:
    """The operator of a list: ``&&`` or ``||``."""
    return next((child.type for child in node.children if child.type in ("&&", "||")), "&&")
