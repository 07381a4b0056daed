"""Scripts of bash and its kin, by way of tree-sitter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cci_migrate.docker.shell.cloud_cli import cloud_login
from cci_migrate.docker.shell.docker_cli import (
    PROGRAMS,
    Setting,
    docker_facts,
    same_image_key,
)
from cci_migrate.docker.shell.emptiness import Emptiness, emptiness_of, joined
from cci_migrate.docker.shell.facts import (
    Build,
    CredentialFile,
    Exit,
    Fact,
    ImagePull,
    LocalImage,
    Quoting,
    Script,
    ScriptCall,
    Word,
    joined_path,
)
from cci_migrate.docker.shell.flow import (
    Alternative,
    Construct,
    Kind,
    Place,
    Standing,
    Turn,
    surely_before,
)
from cci_migrate.docker.shell.masking import masked
from cci_migrate.docker.shell.words import WordReader, literal, variables_in
from cci_migrate.docker.shell.wrappers import program_of, unwrapped

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: How deep functions and scripts in quotes are followed into each other.
_MAX_DEPTH = 8
#: A loop over more words than this is read once, with its variable unknown.
_MAX_UNROLLED = 20

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_TESTS = frozenset(
    ("[", "[[", "test", "grep", "egrep", "fgrep", "which", "type", "hash")
    + ("diff", "cmp", "false", "expr", "jq", "pgrep")
)
_TEST_SUBCOMMANDS = {
    "command": re.compile(r"-[vV]"),
    "git": re.compile(r"diff|ls-remote|show-ref|rev-parse|merge-base|cat-file|ls-files"),
    "docker": re.compile(r"inspect|ps|images|image|manifest|info|container|volume|network"),
}
_CONFIG_FILE = re.compile(
    r"(?:.*/)?\.docker/config\.json|(?:.*/)?\.dockercfg|\$\{?DOCKER_CONFIG\}?/config\.json"
)
    r"(?:.*/)?\.docker/config\.json|(?:.*/)?\.docker/?\.dockercfg|.*/\.dockercfg|\$\{?DOCKER_CONFIG\}?/config\.json"
)
_CIRCLE_DIRECTORY = re.compile(r"\$(?:CIRCLE_WORKING_DIRECTORY|\{CIRCLE_WORKING_DIRECTORY\})(?=/|$)")
    r"(?:\$CIRCLE_WORKING_DIRECTORY|\$\{CIRCLE_WORKING_DIRECTORY\})(?=/|$)"
)
_SEQUENCES = frozenset(
    ("program", "compound_statement", "subshell", "do_group", "ERROR", "else_clause")
)
_SUBSTITUTIONS = frozenset(("command_substitution", "process_substitution"))
_WRITES = frozenset((">", ">>", ">|", "&>", "&>>"))
_EXIT_FAILS = re.compile(r"[1-9]\d*")


def read_bash(text: str, environment: Mapping[str, str]) -> Script:
    """Read a script of a POSIX shell; see `facts_of`."""
    reader = _Reader(text, environment)
    return reader.read()


@lru_cache(maxsize=1)
def _parser() -> Parser:
    from tree_sitter import Language, Parser
    from tree_sitter_bash import language

    return Parser(Language(language()))


@dataclass(slots=True)
class _Pipe:
    """What is around a command in its statement."""

    start: int
    end: int
    fed: bool = False
    text: str | None = None
    file: str | None = None
    redirects: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Assigned:
    value: str
    place: Place


class _Reader:
    """Reads one script: walks its tree as the shell would run it, once."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._shell = masked(text)
        self._environment = environment
        self._facts: list[Fact] = []
        self._seen: set[Fact] = set()
        self._errors = False
        self._directory: str | None = "."
        self._directories: list[str | None] = []
        self._functions: dict[str, Node] = {}
        self._called: set[str] = set()
        self._depth = 0
        self._subshells = 0
        self._arguments: list[Sequence[Word]] = []
        self._wrapping: list[str | None] = []
        self._assigned: dict[str, _Assigned] = {}
        self._bound: dict[str, str] = {}
        self._times_assigned: dict[str, int] = {}
        self._local_images: set[str] = set()
        self._halts: list[Standing] = []
        self._place: Place = ()
        self._words = WordReader(text, self._lookup, self._all_arguments)

    def read(self) -> Script:
        self._statement_of_text(0, len(self._shell), ())
        facts = tuple(self._facts)
        self._facts = []
        for name, body in list(self._functions.items()):
            if name not in self._called:
                self._called.add(name)
                self._walk(body, ())
        return Script(facts, tuple(self._facts), self._errors)

    # ----- trees

    def _statement_of_text(self, start: int, end: int, place: Place) -> None:
        """Parse a part of the text, at the offsets that it has, and walk it."""
        shell = " " * start + self._shell[start:end] if start else self._shell[:end]
        if not shell.strip():
            return
        root = _parser().parse(shell.encode("ascii")).root_node
        self._errors = self._errors or root.has_error
        self._count_assignments(root)
        self._walk(root, place)

    def _count_assignments(self, root: Node) -> None:
        """Count how often each variable is set anywhere, so that one set twice is not trusted."""
        stack = [root]
        while stack:
            node = stack.pop()
            kind = node.type
            if kind == "variable_assignment":
                parent = node.parent
                if parent is None or parent.type != "command":
                    self._count(self._source(node.children[0]))
            elif kind in ("for_statement", "unset_command"):
                for child in node.children:
                    if child.type == "variable_name":
                        self._count(self._source(child))
            elif kind == "command" and node.child_count > 1:
                name = self._source(node.children[0])
                if name in ("read", "mapfile", "readarray", "printf", "getopts"):
                    for child in node.children[1:]:
                        self._count(self._source(child))
            stack.extend(child for child in node.children if child.child_count)

    def _count(self, name: str) -> None:
        self._times_assigned[name] = self._times_assigned.get(name, 0) + 1

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]

    # ----- statements

    def _walk(self, node: Node, place: Place) -> None:
        kind = node.type
        if kind == "command":
            self._command(node, place, _Pipe(node.start_byte, node.end_byte))
        elif kind == "redirected_statement":
            self._redirected(node, place, _Pipe(node.start_byte, node.end_byte))
        elif kind == "pipeline":
            self._pipeline(node, place)
        elif kind == "list":
            self._list(node, place)
        elif kind in _SEQUENCES:
            self._block(node, place)
        elif kind == "negated_command":
            # Its success is the failure of what it holds: a construct of its own forgets it.
            self._sequence([lambda at: self._walk(_statements(node)[0], at)], place)
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
        else:
            self._substitutions([node], place)

    def _block(self, node: Node, place: Place) -> None:
        if node.type == "subshell":
            with self._apart():
                self._run_in_order(_statements_in_background(node), place)
        else:
            self._run_in_order(_statements_in_background(node), place)

    def _run_in_order(self, statements: Sequence[tuple[Node, bool]], place: Place) -> None:
        if len(statements) == 1 and not statements[0][1]:
            self._walk(statements[0][0], place)
            return
        construct = Construct(Kind.SEQUENCE)
        for slot, (statement, background) in enumerate(statements):
            at = (*place, Turn(construct, slot))
            if background:
                with self._apart():
                    self._walk(statement, (*at, Turn(Construct(Kind.BACKGROUND), 0)))
            else:
                self._walk(statement, at)

    def _sequence(self, steps: Sequence[Callable[[Place], object]], place: Place) -> None:
        construct = Construct(Kind.SEQUENCE)
        for slot, step in enumerate(steps):
            step((*place, Turn(construct, slot)))

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """What happens in a subshell does not move the script to another folder, nor end it."""
        directory, stack = self._directory, list(self._directories)
        self._subshells += 1
        yield
        self._subshells -= 1
        self._directory, self._directories = directory, stack

    def _ways(self, walks: Sequence[Callable[[], object]], *, otherwise: bool) -> None:
        """Walk alternatives; where they leave the script in different folders, it is not known."""
        before = self._directory
        after = {before} if otherwise else set()
        for walk in walks:
            self._directory = before
            walk()
            after.add(self._directory)
        self._directory = after.pop() if len(after) == 1 else None

    def _pipeline(self, node: Node, place: Place) -> None:
        construct = Construct(Kind.TOGETHER)
        parts = _statements(node)
        before: Node | None = None
        for slot, part in enumerate(parts):
            at = (*place, Turn(construct, slot))
            pipe = _Pipe(node.start_byte, node.end_byte)
            if before is not None:
                pipe.fed = True
                pipe.text, pipe.file = self._output_of(before)
            self._piped(part, at, pipe, alone=len(parts) == 1)
            before = part

    def _piped(self, part: Node, place: Place, pipe: _Pipe, *, alone: bool) -> None:
        with self._apart() if not alone else _same():
            if part.type == "command":
                self._command(part, place, pipe)
            elif part.type == "redirected_statement":
                self._redirected(part, place, pipe)
            else:
                self._walk(part, place)

    def _output_of(self, node: Node) -> tuple[str | None, str | None]:
        """The text that ``node`` prints, or the file that it prints, where that is written out."""
        if node.type == "redirected_statement":
            bodies = [child for child in node.children if child.type == "heredoc_redirect"]
            if bodies and _first_word(self._text, node) == "cat":
                return self._heredoc(bodies[0]), None
            return None, None
        if node.type != "command":
            return None, None
        words = self._words.words(_arguments(node))
        if not words:
            return None, None
        name, rest = program_of(words[0]), words[1:]
        if name == "cat" and len(rest) == 1 and not rest[0].value.startswith("-"):
            return None, rest[0].value
        if name in ("echo", "printf"):
            escapes = name == "printf"
            while rest and re.fullmatch(r"-[neE]+", rest[0].value):
                escapes = escapes or "e" in rest[0].value
                rest = rest[1:]
            text = " ".join(word.value for word in rest)
            return (text.replace("\\n", "\n") if escapes else text), None
        return None, None

    def _heredoc(self, node: Node) -> str | None:
        body = next((child for child in node.children if child.type == "heredoc_body"), None)
        if body is None:
            return ""
        start = next(child for child in node.children if child.type == "heredoc_start")
        text = self._source(body)
        if self._source(node).startswith("<<-"):
            text = re.sub(r"(?m)^\t+", "", text)
        if not re.search(r"[\"'\\]", self._source(start)):
            text = re.sub(r"\\([$`\\])", r"\1", text)
        return text

    def _list(self, node: Node, place: Place) -> None:
        operator = next((c.type for c in node.children if c.type in ("&&", "||")), "&&")
        sides = _statements(node)
        if len(sides) < 2:
            self._run_in_order([(side, False) for side in sides], place)
            return
        self._and_or(
            operator,
            sides[0],
            sides[1],
            lambda at: self._walk(sides[0], at),
            lambda at: self._walk(sides[1], at),
            place,
        )

    def _and_or(
        self,
        operator: str,
        left: Node,
        right: Node,
        walk_left: Callable[[Place], object],
        walk_right: Callable[[Place], object],
        place: Place,
    ) -> None:
        says = self._emptiness(left)
        ends = self._ends(right)
        empty = says.names if says is not None and says.true_when_empty else None
        filled = says.names if says is not None and not says.true_when_empty else None
        if operator == "&&":
            tests = self._is_test(left)
            construct = Construct(
                Kind.CHOICE,
                (
                    Alternative((0,), 1, passes=not ends, succeeded=0, when_empty=empty),
                    Alternative((0,), None, passes=tests, fails=True, when_empty=filled),
                ),
            )
        else:
            construct = Construct(
                Kind.CHOICE,
                (
                    Alternative((0,), None, succeeded=0, when_empty=empty),
                    Alternative((0,), 1, passes=not ends, when_empty=filled),
                ),
            )
        walk_left((*place, Turn(construct, 0)))
        if operator == "&&" and not self._is_test(left):
            walk_right((*place, Turn(construct, 1)))
        else:
            # `cd x || exit` leaves the script in x; `[ -d x ] && cd x` who knows where.
            at = (*place, Turn(construct, 1))
            stays = ends
            before = self._directory
            self._ways([lambda: walk_right(at)], otherwise=True)
            if stays:
                self._directory = before

    def _if(self, node: Node, place: Place) -> None:
        # Clauses as (condition, body); the last one's condition is empty if it is an `else`.
        clauses: list[tuple[list[tuple[Node, bool]], list[tuple[Node, bool]]]] = []
        otherwise: list[tuple[Node, bool]] | None = None
        clauses.append(_clause(node))
        for child in node.children:
            if child.type == "elif_clause":
                clauses.append(_clause(child))
            elif child.type == "else_clause":
                otherwise = _statements_in_background(child)
        says = [self._emptiness_of_statements(condition) for condition, _ in clauses]
        ways: list[Alternative] = []
        for index, (_, body) in enumerate(clauses):
            conditions = tuple(range(index + 1))
            ways.append(
                Alternative(
                    conditions,
                    len(clauses) + index,
                    passes=not self._statements_end(body),
                    succeeded=index,
                    when_empty=_names_if_empty(says[:index], says[index]),
                )
            )
        ways.append(
            Alternative(
                tuple(range(len(clauses))),
                None if otherwise is None else 2 * len(clauses),
                passes=otherwise is None or not self._statements_end(otherwise),
                when_empty=_names_if_empty(says, None),
            )
        )
        construct = Construct(Kind.CHOICE, tuple(ways))
        walks: list[Callable[[], object]] = []

        def walker(statements: list[tuple[Node, bool]], slot: int) -> Callable[[], object]:
            return lambda: self._run_in_order(statements, (*place, Turn(construct, slot)))

        for index, (condition, body) in enumerate(clauses):
            self._run_in_order(condition, (*place, Turn(construct, index)))
            walks.append(walker(body, len(clauses) + index))
            if self._statements_end(body):
                # Who is in that folder never comes here.
                last = walks.pop()
                before = self._directory
                last()
                self._directory = before
        if otherwise is not None:
            walks.append(walker(otherwise, 2 * len(clauses)))
        if walks or otherwise is None:
            self._ways(walks, otherwise=otherwise is None)

    def _case(self, node: Node, place: Place) -> None:
        items = [child for child in node.children if child.type == "case_item"]
        bodies: list[list[tuple[Node, bool]]] = []
        always = False
        for item in items:
            children = item.children
            closing = next(
                (index for index, child in enumerate(children) if child.type == ")"), len(children)
            )
            patterns = "".join(self._source(child) for child in children[:closing])
            always = always or patterns.strip("( ") == "*"
            bodies.append(_in_background(children[closing + 1 :]))
        ways = [
            Alternative((0,), 1 + index, passes=not self._statements_end(body))
            for index, body in enumerate(bodies)
        ]
        if not always:
            ways.append(Alternative((0,), None))
        construct = Construct(Kind.CHOICE, tuple(ways))
        self._substitutions(
            [child for child in node.children if child.type != "case_item"],
            (*place, Turn(construct, 0)),
        )

        def walker(body: list[tuple[Node, bool]], slot: int) -> Callable[[], object]:
            return lambda: self._run_in_order(body, (*place, Turn(construct, slot)))

        self._ways(
            [walker(body, 1 + index) for index, body in enumerate(bodies)], otherwise=not always
        )

    def _while(self, node: Node, place: Place) -> None:
        children = node.children
        body = next((child for child in children if child.type == "do_group"), None)
        condition = _in_background(
            [child for child in children if child is not body and child.type not in _KEYWORDS]
        )
        if body is not None:
            condition = [entry for entry in condition if entry[0].start_byte < body.start_byte]
        until = bool(children) and children[0].type == "until"
        text = " ".join(self._source(entry[0]) for entry in condition)
        if text == ("false" if until else "true") or (text == ":" and not until):
            construct = Construct(Kind.SEQUENCE)
        else:
            construct = Construct(
                Kind.CHOICE,
                (
                    Alternative((0,), None),
                    Alternative((0,), 1, passes=False, succeeded=None if until else 0),
                ),
            )
        self._run_in_order(condition, (*place, Turn(construct, 0)))
        if body is not None:
            inside = body
            self._ways([lambda: self._walk(inside, (*place, Turn(construct, 1)))], otherwise=True)

    def _loop_body(self, node: Node, place: Place) -> None:
        """A loop of which it is not known whether it runs at all."""
        construct = Construct(Kind.CHOICE, (Alternative((0,), 1), Alternative((0,), None)))
        bodies = [c for c in node.children if c.type in ("do_group", "compound_statement")]
        self._substitutions(
            [child for child in node.children if child not in bodies],
            (*place, Turn(construct, 0)),
        )

        def walk_bodies() -> None:
            for body in bodies:
                self._walk(body, (*place, Turn(construct, 1)))

        self._ways([walk_bodies], otherwise=True)

    def _for(self, node: Node, place: Place) -> None:
        name = next((self._source(c) for c in node.children if c.type == "variable_name"), "")
        body = next(
            (c for c in node.children if c.type in ("do_group", "compound_statement")), None
        )
        values: list[Node] = []
        listed = False
        for child in node.children:
            if child.type == "in":
                listed = True
            elif listed and child.type in (";", "\n", *bodies):
                break
            elif listed and child.is_named:
                values.append(child)
        words = self._words.words(values) if values else []
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
        construct = Construct(Kind.SEQUENCE)
        outer = self._bound.get(name)
        for slot, value in enumerate(rounds):
            if value is None:
                self._bound.pop(name, None)
            else:
                self._bound[name] = value
            self._walk(body, (*place, Turn(construct, slot)))
        self._bound.pop(name, None)
        if outer is not None:
            self._bound[name] = outer

    # ----- functions and variables

    def _define(self, node: Node) -> None:
        children = [child for child in node.children if child.is_named]
        if len(children) > 1:
            name = next((c for c in children if c.type == "word"), children[0])
            self._functions[self._source(name)] = children[-1]

    def _call(self, name: str, words: Sequence[Word], place: Place) -> None:
        self._called.add(name)
        if self._depth >= _MAX_DEPTH:
            return
        body = self._functions[name]
        shifts = re.search(r"\bshift\b", self._source(body)) is not None
        self._depth += 1
        self._arguments.append([] if shifts else words[1:])
        self._wrapping.append("it is run by a function that takes commands" if shifts else None)
        del self._functions[name]
        self._walk(body, place)
        self._functions.setdefault(name, body)
        self._wrapping.pop()
        self._arguments.pop()
        self._depth -= 1

    def _all_arguments(self) -> Sequence[Word] | None:
        return self._arguments[-1] if self._arguments and self._wrapping[-1] is None else None

    def _lookup(self, name: str) -> str | None:
        if name.isdigit():
            arguments = self._all_arguments()
            index = int(name) - 1
            if arguments is None or not 0 <= index < len(arguments):
                return None
            return arguments[index].value
        if name in self._bound:
            return self._bound[name]
        times = self._times_assigned.get(name, 0)
        if times == 0:
            return self._environment.get(name)
        assigned = self._assigned.get(name)
        if times > 1 or assigned is None:
            return None
        if surely_before([Standing(assigned.place)], self._place):
            return assigned.value
        return None

    def _assignments(self, node: Node, place: Place) -> None:
        self._substitutions([node], place)
        self._place = place
        for child in [node, *node.children]:
            if child.type != "variable_assignment" or not child.children:
                continue
            name = self._source(child.children[0])
            parts = child.children
            if parts[1].type != "=":
                continue
            value = self._words.word(parts[2:]).value if len(parts) > 2 else ""
            if name == "DOCKER_AUTH_CONFIG" and value:
                self._emit(
                    CredentialFile(
                        node.start_byte, node.end_byte, variables_in(self._source(node)), place
                    )
                )
            if len(parts) > 2 and parts[2].type == "array":
                continue
            self._assigned[name] = _Assigned(value, place)

    # ----- commands

    def _substitutions(self, nodes: Iterable[Node], place: Place) -> None:
        """Walk the commands in ``$(...)`` that stand anywhere in ``nodes``."""
        found = [inner for node in nodes for inner in _substitutions_in(node)]
        if not found:
            return
        construct = Construct(Kind.SEQUENCE)
        for slot, inner in enumerate(found):
            with self._apart():
                self._run_in_order(
                    _statements_in_background(inner), (*place, Turn(construct, slot))
                )

    def _redirected(self, node: Node, place: Place, pipe: _Pipe) -> None:
        body: Node | None = None
        redirects: list[Node] = []
        for child in node.children:
            if child.type.endswith("_redirect"):
                redirects.append(child)
            elif child.is_named and body is None:
                body = child
        behind: list[tuple[str, Node]] = []
        operator = "&&"
        for redirect in list(redirects):
            if redirect.type != "heredoc_redirect":
                continue
            for child in redirect.children:
                if child.type in ("&&", "||"):
                    operator = child.type
                elif child.type == "pipeline":
                    behind.append(("|", child))
                elif child.type.endswith("_redirect"):
                    redirects.append(child)
                elif child.is_named and not child.type.startswith("heredoc_"):
                    behind.append((operator, child))
        pipe.redirects = redirects
        for redirect in redirects:
            if redirect.type in ("herestring_redirect", "heredoc_redirect"):
                pipe.fed = True
                if redirect.type == "heredoc_redirect":
                    pipe.text = self._heredoc(redirect)
            elif redirect.type == "file_redirect" and redirect.children[0].type == "<":
                pipe.fed = True
                target = redirect.children[-1]
                pipe.file = self._words.value(target) if target.is_named else None

        def own(at: Place) -> None:
            if body is None:
                self._substitutions(redirects, at)
                self._written_files(pipe, at, node)
            elif body.type == "command":
                self._command(body, at, pipe)
            else:
                self._sequence(
                    [
                        lambda inner: self._substitutions(redirects, inner),
                        lambda inner: self._walk(body, inner),
                    ],
                    at,
                )

        self._behind_heredoc(behind, own, node, place)

    def _behind_heredoc(
        self,
        behind: list[tuple[str, Node]],
        own: Callable[[Place], object],
        node: Node,
        place: Place,
    ) -> None:
        """What stands behind ``<<EOF`` on its line, which the grammar puts inside it."""
        if not behind:
            own(place)
            return
        operator, part = behind[-1]
        first = behind[:-1]
        if operator == "|":
            construct = Construct(Kind.TOGETHER)
            with self._apart():
                self._behind_heredoc(first, own, node, (*place, Turn(construct, 0)))
            text, file = self._output_of(node)
            for slot, inner in enumerate(_statements(part), start=1):
                pipe = _Pipe(node.start_byte, node.end_byte, fed=True)
                if slot == 1:
                    pipe.text, pipe.file = text, file
                self._piped(inner, (*place, Turn(construct, slot)), pipe, alone=False)
            return
        self._and_or(
            operator,
            node,
            part,
            lambda at: self._behind_heredoc(first, own, node, at),
            lambda at: self._walk(part, at),
            place,
        )

    def _command(self, node: Node, place: Place, pipe: _Pipe) -> None:
        inner = _substitutions_in(node)
        for redirect in pipe.redirects:
            if redirect.type == "heredoc_redirect":
                bodies = [c for c in redirect.children if c.type == "heredoc_body"]
                inner.extend(found for body in bodies for found in _substitutions_in(body))
            else:
                inner.extend(_substitutions_in(redirect))
        if inner:
            construct = Construct(Kind.SEQUENCE)
            for slot, substitution in enumerate(inner):
                with self._apart():
                    self._run_in_order(
                        _statements_in_background(substitution), (*place, Turn(construct, slot))
                    )
            place = (*place, Turn(construct, len(inner)))
        self._place = place
        assignments: dict[str, str] = {}
        for child in node.children:
            if child.type == "variable_assignment" and child.child_count > 2:
                value = self._words.word(child.children[2:]).value
                assignments[self._source(child.children[0])] = value
        self._written_files(pipe, place, node)
        words = self._words.words(_arguments(node))
        self._run(words, node, place, pipe, assignments)

    def _run(
        self,
        words: Sequence[Word],
        node: Node,
        place: Place,
        pipe: _Pipe,
        assignments: dict[str, str],
    ) -> None:
        what = unwrapped(words)
        words = what.words
        if not words:
            return
        assignments = assignments | dict(what.assignments)
        program = program_of(words[0])
        first = words[0].value
        if first in self._functions:
            self._call(first, words, place)
            return
        if first in ("exit", "cd", "pushd", "popd", "source", ".", "eval"):
            self._builtin(first, words, node, place)
            return
        if (
            program in PROGRAMS
            or program in ("aws", "gcloud", "az")
            or program.startswith("docker-credential-")
        ):
            wrapped = any(self._wrapping) or (len(self._arguments) > 0 and _borrowed(words, node))
            obstacle = what.obstacle
            if obstacle is None and wrapped:
                obstacle = "a function runs it"
            setting = Setting(
                node.start_byte,
                node.end_byte,
                pipe.start,
                pipe.end,
                place,
                self._directory,
                self._lookup,
                assignments,
                variables_in(self._text[pipe.start : pipe.end]),
                stdin=pipe.fed,
                stdin_text=pipe.text,
                stdin_file=pipe.file,
                fed_words=what.fed_words,
                replaces=what.replaces,
                obstacle=obstacle,
            )
            facts = (
                docker_facts(words, program, setting)
                if program in PROGRAMS
                else cloud_login(words, program, setting)
            )
            for fact in facts:
                self._emit(fact)
            return
        if program in ("circleci", "circleci-agent"):
            if [word.value for word in words[1:3]] == ["step", "halt"]:
                self._halts.append(Standing(place))
            return
        self._other_command(program, words, node, place, pipe)

    def _builtin(self, name: str, words: Sequence[Word], node: Node, place: Place) -> None:
        argument = words[1] if len(words) > 1 else None
        if name == "exit":
            fails = argument is not None and _EXIT_FAILS.fullmatch(argument.value)
            if not fails and not self._subshells and not surely_before(self._halts, place):
                self._emit(Exit(node.start_byte, node.end_byte, place))
        elif name == "popd":
            self._directory = self._directories.pop() if self._directories else None
        elif name in ("cd", "pushd"):
            if name == "pushd":
                self._directories.append(self._directory)
            options = ("-P", "-L", "--")
            target = next((word for word in words[1:] if word.value not in options), None)
            self._change_directory(None if target is None else target.value)
        elif name == "eval":
            if len(words) == 2:
                self._quoted_script(words[1], place)
        elif argument is not None:
            self._script_call(argument, node, place, sourced=True)

    def _change_directory(self, target: str | None) -> None:
        if target is None or target == "-":
            self._directory = None
            return
        target = _CIRCLE_DIRECTORY.sub(".", target)
        absolute = target.startswith(("/", "~", "$"))
        if absolute or self._directory is not None:
            self._directory = joined_path(self._directory or ".", target)

    def _other_command(
        self, program: str, words: Sequence[Word], node: Node, place: Place, pipe: _Pipe
    ) -> None:
        if program in _SHELLS:
            self._shell_command(words, node, place, pipe)
        elif program in ("su", "sg", "runuser"):
            for index, word in enumerate(words[:-1]):
                if word.value in ("-c", "--command"):
                    self._quoted_script(words[index + 1], place)
        elif program == "newgrp":
            self._heredoc_script(pipe, place)
        elif program in ("cp", "mv", "install", "ln", "tee"):
            targets = words[1:] if program == "tee" else words[-1:]
            for word in targets:
                self._if_credentials(word.value, node, place, pipe)
        elif "/" in words[0].value and not words[0].value.startswith(("/", "~", "<")):
            self._script_call(words[0], node, place, sourced=False)

    def _shell_command(self, words: Sequence[Word], node: Node, place: Place, pipe: _Pipe) -> None:
        """``bash -c '...'``, ``bash x.sh``, ``bash <<EOF``."""
        index = 1
        command = False
        while index < len(words) and words[index].value.startswith(("-", "+")):
            value = words[index].value
            index += 1
            if value == "--":
                break
            if value.startswith("--"):
                index += value in ("--rcfile", "--init-file")
                continue
            command = command or ("c" in value and value.startswith("-"))
            index += value.endswith(("o", "O"))
        if index < len(words):
            if command:
                self._quoted_script(words[index], place)
            elif words[index].value not in ("-", "/dev/stdin"):
                self._script_call(words[index], node, place, sourced=False)
            return
        self._heredoc_script(pipe, place)

    def _heredoc_script(self, pipe: _Pipe, place: Place) -> None:
        for redirect in pipe.redirects:
            for child in redirect.children:
                if redirect.type == "heredoc_redirect" and child.type == "heredoc_body":
                    self._nested(child.start_byte, child.end_byte, place)
                elif redirect.type == "herestring_redirect" and child.type == "raw_string":
                    self._nested(child.start_byte + 1, child.end_byte - 1, place)

    def _quoted_script(self, word: Word, place: Place) -> None:
        if word.quoting is Quoting.MIXED or word.text[:1] in "$`":
            return
        quotes = 0 if word.quoting is Quoting.NONE else 1
        if quotes == 1 and word.quoting is Quoting.DOUBLE and "\\" in word.text:
            return
        self._nested(word.start + quotes, word.end - quotes, place)

    def _nested(self, start: int, end: int, place: Place) -> None:
        if self._depth < _MAX_DEPTH and start < end:
            self._depth += 1
            with self._apart():
                self._statement_of_text(start, end, place)
            self._depth -= 1

    def _script_call(self, path: Word, node: Node, place: Place, *, sourced: bool) -> None:
        value = _CIRCLE_DIRECTORY.sub(".", path.value)
        if value and not value.startswith(("/", "-")):
            self._emit(
                ScriptCall(node.start_byte, node.end_byte, value, sourced, self._directory, place)
            )

    def _written_files(self, pipe: _Pipe, place: Place, node: Node) -> None:
        for redirect in pipe.redirects:
            if redirect.type == "file_redirect" and any(
                child.type in _WRITES for child in redirect.children
            ):
                self._if_credentials(self._words.value(redirect.children[-1]), node, place, pipe)

    def _if_credentials(self, path: str, node: Node, place: Place, pipe: _Pipe) -> None:
        if _CONFIG_FILE.fullmatch(path):
            variables = variables_in(self._text[pipe.start : pipe.end])
            self._emit(CredentialFile(node.start_byte, node.end_byte, variables, place))

    def _emit(self, fact: Fact) -> None:
        alike = replace(fact, place=())
        if alike in self._seen and self._bound:
            return
        self._seen.add(alike)
        if isinstance(fact, Build):
            self._local_images.update(map(same_image_key, fact.tags))
        elif isinstance(fact, LocalImage) and fact.image is not None:
            self._local_images.add(same_image_key(fact.image))
        elif (
            isinstance(fact, ImagePull)
            and fact.image is not None
            and not fact.always_pulls
            and same_image_key(fact.image.value) in self._local_images
        ):
            fact = replace(fact, is_local=True)
        self._facts.append(fact)

    # ----- what statements say

    def _emptiness_of_statements(self, statements: list[tuple[Node, bool]]) -> Emptiness | None:
        return self._emptiness(statements[0][0]) if len(statements) == 1 else None

    def _emptiness(self, node: Node) -> Emptiness | None:
        kind = node.type
        if kind == "test_command":
            return emptiness_of(self._source(node).strip("[] \t\n"))
        if kind == "negated_command":
            inner = self._emptiness(_statements(node)[0])
            return None if inner is None else inner.negated()
        if kind == "list":
            sides = _statements(node)
            return joined(self._emptiness(sides[0]), self._emptiness(sides[-1]))
        if kind == "command":
            text = self._source(node)
            return emptiness_of(text[5:]) if text.startswith("test ") else None
        return None

    def _is_test(self, node: Node) -> bool:
        """Whether a command is there to ask, so that its failure is nothing out of the way."""
        kind = node.type
        if kind in ("test_command", "negated_command"):
            return True
        if kind == "compound_statement":
            return self._source(node).startswith("((")
        if kind in ("list", "pipeline", "redirected_statement", "subshell"):
            inner = _statements(node)
            return bool(inner) and (
                any(map(self._is_test, inner)) if kind == "list" else self._is_test(inner[-1])
            )
        if kind == "command":
            words = self._source(node).split()
            name = words[0]
            pattern = _TEST_SUBCOMMANDS.get(name)
            if pattern is not None:
                return len(words) > 1 and pattern.fullmatch(words[1]) is not None
            return name in _TESTS or name.startswith(("$", "<<"))
        return False

    def _statements_end(self, statements: list[tuple[Node, bool]]) -> bool:
        return any(self._ends(node) for node, background in statements if not background)

    def _ends(self, node: Node) -> bool:
        """Whether the script is over once this has run."""
        if node.type == "command":
            return self._source(node).split()[0] == "exit"
        if node.type in ("compound_statement", "redirected_statement"):
            return any(self._ends(inner) for inner in _statements(node))
        if node.type == "list":
            sides = _statements(node)
            return (
                len(sides) == 2
                and self._ends(sides[1])
                and not self._is_test(sides[0])
                and (any(child.type == "&&" for child in node.children))
            )
        return False


#: Tokens that are no part of a command or a condition.
_KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in", "case", "esac")
    + ("function", "select", ";", "&", "\n", "{", "}", "(", ")", "$(", "`", "<(", ">(", "&&", "||")
    + ("|", "|&", ";;", ";&", ";;&", "!")
)


@contextmanager
def _same() -> Iterator[None]:
    yield


def _borrowed(words: Sequence[Word], node: Node) -> bool:
    """Whether the words come from a call of a function and so stand elsewhere in the text."""
    return any(not node.start_byte <= word.start < node.end_byte for word in words)


def _statements(node: Node) -> list[Node]:
    return [
        child
        for child in node.children
        if child.is_named
        and child.type not in ("comment", "heredoc_body", "heredoc_start", "heredoc_end")
        and not child.type.endswith("_redirect")
    ]


def _statements_in_background(node: Node) -> list[tuple[Node, bool]]:
    return _in_background(node.children)


def _in_background(children: Iterable[Node]) -> list[tuple[Node, bool]]:
    """The statements among ``children``, each with whether an ``&`` follows it."""
    found: list[tuple[Node, bool]] = []
    for child in children:
        if child.type == "&" and found:
            found[-1] = (found[-1][0], True)
        elif child.is_named and child.type != "comment":
            found.append((child, False))
    return found


def _clause(node: Node) -> tuple[list[tuple[Node, bool]], list[tuple[Node, bool]]]:
    """The condition and the body of an ``if`` or ``elif``."""
    children = node.children
    then = next((i for i, child in enumerate(children) if child.type == "then"), len(children))
    condition = _in_background(children[1:then])
    body = _in_background(
        child for child in children[then + 1 :] if child.type not in ("elif_clause", "else_clause")
    )
    return condition, body


def _names_if_empty(
    before: Sequence[Emptiness | None], own: Emptiness | None
) -> frozenset[str] | None:
    """The variables of which one must be empty where all of ``before`` failed and ``own`` held."""
    if own is not None and own.true_when_empty:
        return own.names
    for says in before:
        if says is not None and not says.true_when_empty:
            return says.names
    return None


def _arguments(node: Node) -> list[Node]:
    """The nodes of a command's words, its own name first, without assignments and redirects."""
    found: list[Node] = []
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment" and not found:
            continue
        if kind == "command_name":
            found.extend(child.children or [child])
        elif not kind.endswith("_redirect") and (child.is_named or kind not in _KEYWORDS):
            found.append(child)
    return found


def _substitutions_in(node: Node) -> list[Node]:
    """The outermost ``$(...)`` and ``<(...)`` within a node, in order."""
    found: list[Node] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in _SUBSTITUTIONS:
            found.append(current)
        elif current.child_count:
            stack.extend(reversed(current.children))
    return found


def _first_word(text: str, node: Node) -> str:
    return text[node.start_byte : node.end_byte].split(maxsplit=1)[0]
