"""Reads one command of a shell script: its facts, its folder, the scripts it calls."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.shell.client_config import (
    DOCKER_CONFIG,
    HOME,
    ClientEnvironment,
    ClientVariables,
    directory_at,
    directory_of_file,
    home_of,
    keys_written,
)
from cci_migrate.docker.shell.cloud_cli import cloud_login
from cci_migrate.docker.shell.command_line import is_only_placeholder, names
from cci_migrate.docker.shell.conditions import Conditions
from cci_migrate.docker.shell.docker_cli import PROGRAMS, docker_facts
from cci_migrate.docker.shell.facts import (
    CredentialFile,
    Exit,
    Fact,
    FunctionCall,
    Login,
    Logout,
    Quoting,
    Script,
    ScriptCall,
    TaskCall,
    Tool,
    Word,
    joined_path,
)
from cci_migrate.docker.shell.flow import (
    Alternative,
    Construct,
    ConstructKind,
    Place,
    PlacedCommand,
    Turn,
    surely_before,
)
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.local_images import LocalImages
from cci_migrate.docker.shell.masking import masked
from cci_migrate.docker.shell.registry_clients import CLIENTS, client_facts
from cci_migrate.docker.shell.script_files import WINDOWS_SHELLS, script_of_shell
from cci_migrate.docker.shell.shell_words import WordReader, variables_in
from cci_migrate.docker.shell.syntax import (
    Statement,
    argument_nodes,
    child_of_type,
    shell_parser,
    statements,
    substitutions_in,
)
from cci_migrate.docker.shell.variables import Variables
from cci_migrate.docker.shell.wrappers import program_of, unwrapped
from cci_migrate.docker.tasks.downloads import DOWNLOADED_SCRIPT
from cci_migrate.docker.tasks.programs import SHELL_COMMAND, runs_task

if TYPE_CHECKING:
    from tree_sitter import Node

#: The greatest depth of function calls and quoted scripts.
_MAX_DEPTH = 8
#: How many times, in total, bodies of functions and loops are read again.
_MAX_ROUNDS = 400
#: If a script doesn't parse as a whole: how many of its lines are tried together, and how many
#: tries there are.
_MAX_PIECE = 25
_MAX_TRIES = 300

_SHELLS = names("sh bash dash ash ksh zsh")
_CLOUDS = names("aws gcloud az")
_BUILTINS = names("exit cd pushd popd source . eval")
_WORKING_DIRECTORY = re.compile(
    r"\$(?:CIRCLE_WORKING_DIRECTORY|\{CIRCLE_WORKING_DIRECTORY\})(?=/|$)"
)
_WRITES = names("> >> >| &> &>>")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BARE_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_SETS_WHERE_EMPTY = re.compile(r"\$\{([A-Za-z_]\w*):?=", re.ASCII)
#: Arguments of ``export`` and its like that may name any variable: ``export $(cat .env)``.
_UNREADABLE_NAMES = names("command_substitution simple_expansion expansion string")
_WRITTEN_INPUTS = names("heredoc_redirect herestring_redirect")
_NO_FILE = re.compile(r"/dev/(?:null|stdout|stderr|tty)|&?\d|-")
#: Programs whose output sets up a shell when evaluated, and contains no credentials.
_PRINT_NO_SECRETS = names("ssh-agent pyenv rbenv nodenv brew docker-machine minikube opam direnv")
#: The programs that a script that only logs in may also run.
_HARMLESS = names("echo printf printenv test [ true false : sleep set return")
#: Scripts that start a task runner of the repository, and are no script to be read.
_WRAPPERS = names("gradlew mvnw")
_CAT = re.compile(r"\$\((?:cat[ \t]+|<[ \t]*)([\w./~-]+)[ \t]*\)")
#: A script that is what a variable or a command gives.
_IS_EXPANDED = re.compile(r"[$`]")
_DOWNLOADERS = names("curl wget")
_DOWNLOADS = re.compile(r"\b(?:curl|wget)\b")
_ADDRESS = re.compile(r"https?://[^\s\"')]+")
_EXIT_FAILS = re.compile(r"[1-9]\d*")


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


class CommandReader(ABC):
    """Reads the commands of one script; a subclass reads the statements around them."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._shell = masked(text)
        self._conditions = Conditions(text)
        self._variables = Variables(text, environment)
        self._client = ClientVariables(environment)
        self._words = WordReader(text, self._variables.lookup, self._variables.arguments)
        self._facts: list[Fact] = []
        self._seen: set[Fact] = set()
        self._errors = False
        self._directory: str | None = "."
        self._directories: list[str | None] = []
        self._functions: dict[str, Node] = {}
        self._called: set[str] = set()
        self._depth = 0
        self._quoted = 0
        self._rounds = 0
        self._subshells = 0
        self._local = LocalImages()
        self._halts: list[PlacedCommand] = []
        self._unknown_setter = ""
        self._does_more_than_log_in = False
        self._has_sourced = False

    @abstractmethod
    def _walk(self, node: Node, place: Place) -> None:
        """Read the statement ``node`` at ``place``."""

    @abstractmethod
    def _run_in_order(self, entries: Sequence[Statement], place: Place) -> None:
        """Read statements that run one after another."""

    def read(self) -> Script:
        """Read the whole script. Raises TooComplexError."""
        try:
            self._statement_of_text(0, len(self._shell), ())
            facts, self._facts = tuple(self._facts), []
            for name, body in list(self._functions.items()):
                if name not in self._called:
                    self._called.add(name)
                    self._walk(body, ())
        except RecursionError:
            # Nested too deep for Python; the unread rest could contain a pull.
            raise TooComplexError("a script's commands lie too deep in each other") from None
        return Script(
            facts,
            tuple(self._facts),
            self._errors,
            self._variables.assigned | frozenset(_SETS_WHERE_EMPTY.findall(self._text)),
            self._unknown_setter,
            self._does_more_than_log_in or self._errors,
        )

    def _statement_of_text(self, start: int, end: int, place: Place) -> None:
        """Parse the text from ``start`` to ``end``, keeping its offsets, and walk it."""
        if not self._shell[start:end].strip():
            return
        root = shell_parser().parse(self._piece(start, end)).root_node
        self._errors = self._errors or root.has_error
        if root.type == "ERROR":
            self._pieces(start, end, place)
            return
        self._variables.count_assignments(root)
        self._walk(root, place)

    def _pieces(self, start: int, end: int, place: Place) -> None:
        """Read what can be read of a text that doesn't parse as a whole.

        Reads runs of lines that parse on their own and skips the rest. Since it is unknown what
        the lines are part of, none of them counts as certain to run.
        """
        lines = [
            start,
            *(match.end() + start for match in re.finditer("\n", self._shell[start:end])),
        ]
        lines.append(end)
        tries = 0
        construct = Construct(ConstructKind.SEQUENCE)
        first = 0
        while first < len(lines) - 1 and tries < _MAX_TRIES:
            for last in range(first + 1, min(first + _MAX_PIECE, len(lines) - 1) + 1):
                tries += 1
                root = shell_parser().parse(self._piece(lines[first], lines[last])).root_node
                if not root.has_error:
                    maybe = Construct(
                        ConstructKind.CHOICE, (Alternative((), 0), Alternative((), None))
                    )
                    self._variables.count_assignments(root)
                    self._walk(root, (*place, Turn(construct, first), Turn(maybe, 0)))
                    first = last - 1
                    break
            first += 1

    def _piece(self, start: int, end: int) -> bytes:
        return (" " * start + self._shell[start:end]).encode("ascii")

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Within a subshell: it neither changes the script's folder nor ends the script."""
        directory, stack = self._directory, list(self._directories)
        self._subshells += 1
        with self._client.apart():
            yield
        self._subshells -= 1
        self._directory, self._directories = directory, stack

    def _substitutions(self, nodes: Iterable[Node], place: Place) -> None:
        """Walk the commands in any ``$(...)`` in ``nodes``."""
        substitutions = substitutions_in(list(nodes))
        if not substitutions:
            return
        construct = Construct(ConstructKind.SEQUENCE)
        for slot, inner in enumerate(substitutions):
            with self._apart():
                self._run_in_order(statements(inner.children), (*place, Turn(construct, slot)))

    def _output_of(self, node: Node | None, redirects: Sequence[Node]) -> Output:
        """What ``node`` prints."""
        if node is None or node.type != "command":
            return _UNKNOWN
        own = [child for child in node.children if child.type.endswith("_redirect")]
        words = self._words.words(argument_nodes(node))
        if not words:
            return _UNKNOWN
        name, arguments = program_of(words[0]), words[1:]
        if name in _DOWNLOADERS:
            return Output(address=_address_in(self._source(node)))
        if name == "cat":
            for redirect in (*own, *redirects):
                if redirect.type == "heredoc_redirect" and not arguments:
                    return self._heredoc(redirect)
                if redirect.type == "herestring_redirect" and not arguments:
                    return self._herestring(redirect)
            if len(arguments) == 1 and not arguments[0].value.startswith("-"):
                return Output(file=arguments[0].value)
        elif (
            name == "printenv" and len(arguments) == 1 and _IDENTIFIER.fullmatch(arguments[0].value)
        ):
            value = self._variables.lookup(arguments[0].value)
            return Output(word=f"${arguments[0].value}" if value is None else value)
        elif name == "echo":
            escapes = False
            while arguments and re.fullmatch(r"-[neE]+", arguments[0].value):
                escapes = escapes or "e" in arguments[0].value
                arguments = arguments[1:]
            text = " ".join(word.value for word in arguments)
            return Output(text.replace("\\n", "\n") if escapes else text, word=_only(arguments))
        elif name == "printf":
            return _printed(
                arguments[1:] if arguments and arguments[0].value == "--" else arguments
            )
        return _UNKNOWN

    def _heredoc(self, node: Node) -> Output:
        body = next((child for child in node.children if child.type == "heredoc_body"), None)
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
        value = None if bare is None else self._variables.lookup(bare[1] or bare[2])
        return Output(re.sub(r"\\([$`\\])", r"\1", text), word=word if value is None else value)

    def _herestring(self, node: Node) -> Output:
        return Output(word=_only(self._words.words(node.children[-1:])))

    def _command(self, node: Node, place: Place, pipe: Pipe) -> None:
        own = [child for child in node.children if child.type.endswith("_redirect")]
        pipe.redirects = [*pipe.redirects, *own]
        self._feed(pipe)
        around = [node]
        for redirect in pipe.redirects:
            # What follows `<<EOF` on its line is a statement of its own.
            body = child_of_type(redirect, "heredoc_body")
            if redirect.type != "heredoc_redirect":
                around.append(redirect)
            elif body is not None:
                around.append(body)
        inner = substitutions_in(around)
        if inner:
            construct = Construct(ConstructKind.SEQUENCE)
            for slot, substitution in enumerate(inner):
                with self._apart():
                    self._run_in_order(
                        statements(substitution.children), (*place, Turn(construct, slot))
                    )
            place = (*place, Turn(construct, len(inner)))
        self._variables.at = place
        assignments: dict[str, str] = {}
        for child in node.children:
            if child.type == "variable_assignment" and child.child_count > 2:
                value = self._words.word(child.children[2:]).value
                assignments[self._source(child.children[0])] = value
        self._written_files(pipe, place, node)
        words = self._words.words(argument_nodes(node))
        self._run(words, node, place, pipe, assignments)

    def _feed(self, pipe: Pipe) -> None:
        """Set the input of ``pipe`` from its redirections."""
        for redirect in pipe.redirects:
            if redirect.type == "heredoc_redirect":
                pipe.has_input, pipe.input = True, self._heredoc(redirect)
            elif redirect.type == "herestring_redirect":
                pipe.has_input, pipe.input = True, self._herestring(redirect)
            elif redirect.type == "file_redirect" and redirect.children[0].type == "<":
                target = redirect.children[-1]
                file = self._words.value(target) if target.is_named else None
                pipe.has_input, pipe.input = True, Output(file=file)

    def _run(
        self,
        words: Sequence[Word],
        node: Node,
        place: Place,
        pipe: Pipe,
        assignments: dict[str, str],
    ) -> None:
        own = {name: assignments[name] for name in (HOME, DOCKER_CONFIG) if name in assignments}
        unwrapped_command = unwrapped(words, {**self._client.at(place), **own})
        words = unwrapped_command.words
        if not words:
            return
        assignments = assignments | dict(unwrapped_command.assignments)
        program = program_of(words[0])
        first = words[0].value
        if first in self._functions:
            self._call(first, words, place)
            return
        if first in _BUILTINS:
            self._builtin(first, words, node, place)
            return
        is_cloud = program in _CLOUDS or program.startswith("docker-credential-")
        if program in PROGRAMS or program in CLIENTS or is_cloud:
            obstacle = unwrapped_command.obstacle
            if obstacle is None and self._variables.in_function and _borrowed(words, node):
                obstacle = "a function is handed it"
            invocation = Invocation(
                node.start_byte,
                node.end_byte,
                pipe.start,
                pipe.end,
                place,
                self._directory,
                self._variables.lookup,
                assignments,
                variables_in(self._text[pipe.start : pipe.end]),
                stdin=pipe.has_input,
                stdin_text=pipe.input.text,
                stdin_file=pipe.input.file,
                stdin_word=pipe.input.word,
                xargs_appends=unwrapped_command.xargs_appends,
                replaces=unwrapped_command.replaces,
                obstacle=obstacle,
                environment=unwrapped_command.environment,
            )
            read = cloud_login if is_cloud else client_facts
            facts = (docker_facts if program in PROGRAMS else read)(words, program, invocation)
            self._does_more_than_log_in |= not facts or not all(
                isinstance(fact, Login) for fact in facts
            )
            for fact in facts:
                self._emit(fact)
            return
        self._does_more_than_log_in |= program not in _HARMLESS and program not in _SHELLS
        if program in ("circleci", "circleci-agent"):
            if [word.value for word in words[1:3]] == ["step", "halt"]:
                self._halts.append(PlacedCommand(place))
            return
        if runs_task(program) and ("/" not in first or program in _WRAPPERS):
            with self._client.apart(unwrapped_command.environment):
                self._task_call(program, words[1:], assignments, node, place)
            return
        self._other_command(program, words, node, place, pipe, unwrapped_command.environment)

    def _task_call(
        self,
        program: str,
        words: Sequence[Word],
        assignments: Mapping[str, str],
        node: Node,
        place: Place,
    ) -> None:
        self._emit(
            TaskCall(
                node.start_byte,
                node.end_byte,
                program,
                tuple(word.value for word in words),
                tuple(assignments.items()),
                self._directory,
                place,
                self._client_environment(place),
            )
        )

    def _client_environment(self, place: Place) -> tuple[tuple[str, str], ...]:
        values = self._client.at(place).items()
        return tuple((name, text) for name, text in values if text is not None)

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
                if _DOWNLOADS.search(words[1].value):
                    self._unwritten_script(words[1].value, node, place)
            if len(words) != 2 or words[1].value[:1] in ("$", "`"):
                self._does_more_than_log_in = True
                if not any(tool in " ".join(w.value for w in words) for tool in _PRINT_NO_SECRETS):
                    self._unknown_setter = "eval"
        elif argument is not None:
            self._script_call(argument, node, place, sourced=True)
            if argument.value.startswith("<(") and _DOWNLOADS.search(argument.value):
                self._unwritten_script(argument.value, node, place)

    def _change_directory(self, target: str | None) -> None:
        if target is None or target == "-":
            self._directory = None
            return
        target = _WORKING_DIRECTORY.sub(".", target)
        absolute = target.startswith(("/", "~", "$"))
        if absolute or self._directory is not None:
            self._directory = joined_path(self._directory or ".", target)

    def _other_command(
        self,
        program: str,
        words: Sequence[Word],
        node: Node,
        place: Place,
        pipe: Pipe,
        environment: ClientEnvironment,
    ) -> None:
        if program in _SHELLS:
            with self._client.apart(environment):
                self._shell_command(words, node, place, pipe)
        elif program in WINDOWS_SHELLS:
            script = script_of_shell(words[1:])
            if script is not None:
                with self._client.apart(environment):
                    self._script_call(script, node, place, sourced=False)
        elif program in ("su", "sg", "runuser"):
            for index, word in enumerate(words[:-1]):
                if word.value in ("-c", "--command"):
                    with self._client.apart(_as_other_user(program, words, index)):
                        self._quoted_script(words[index + 1], place)
        elif program == "newgrp":
            self._heredoc_script(node, pipe, place)
        elif program == "tee":
            for word in words[1:]:
                self._if_credentials(
                    word.value, node, place, pipe, pipe.input.text or pipe.input.word
                )
        elif program in ("cp", "mv", "install", "ln"):
            self._copied(program, words, node, place, pipe)
        elif program == "rm":
            self._removed(words[1:], node, place)
        elif "/" in words[0].value:
            with self._client.apart(environment):
                self._script_call(words[0], node, place, sourced=False)
        elif self._has_sourced:
            self._emit(
                FunctionCall(
                    node.start_byte,
                    node.end_byte,
                    words[0].value,
                    self._source(node),
                    self._directory,
                    place,
                    self._client_environment(place),
                )
            )

    def _shell_command(self, words: Sequence[Word], node: Node, place: Place, pipe: Pipe) -> None:
        """``bash -c '...'``, ``bash x.sh``, ``bash <<EOF``."""
        index = 1
        command = reads_input = False
        while index < len(words) and words[index].value.startswith(("-", "+")):
            value = words[index].value
            index += 1
            if value == "--":
                break
            if value.startswith("--"):
                index += value in ("--rcfile", "--init-file")
                continue
            command = command or ("c" in value and value.startswith("-"))
            reads_input = reads_input or ("s" in value and value.startswith("-"))
            index += value.endswith(("o", "O"))
        if index < len(words) and not reads_input:
            written = _CAT.fullmatch(words[index].value) if command else None
            if written is not None:
                path = replace(words[index], value=written[1])
                self._script_call(path, node, place, sourced=False)
            elif command and _IS_EXPANDED.match(words[index].value):
                self._unwritten_script(words[index].value, node, place)
            elif command:
                self._quoted_script(words[index], place)
            elif words[index].value.startswith("<("):
                self._unwritten_script(words[index].value, node, place)
            elif words[index].value in ("-", "/dev/stdin"):
                self._heredoc_script(node, pipe, place)
            else:
                self._script_call(words[index], node, place, sourced=False)
            return
        self._heredoc_script(node, pipe, place)

    def _unwritten_script(self, text: str, node: Node, place: Place) -> None:
        """A shell's script is what ``text``, a variable or a command, gives."""
        if _DOWNLOADS.search(text) is None:
            self._task_call(SHELL_COMMAND, (), {}, node, place)
        else:
            self._downloaded_script(_address_in(text), node, place)

    def _downloaded_script(self, address: str, node: Node, place: Place) -> None:
        start, end = node.start_byte, node.end_byte
        word = Word(start, end, address, address)
        self._task_call(DOWNLOADED_SCRIPT, (word,), {}, node, place)

    def _heredoc_script(self, node: Node, pipe: Pipe, place: Place) -> None:
        text = pipe.input.text or pipe.input.word
        if pipe.input.address is not None:
            self._downloaded_script(pipe.input.address, node, place)
        elif pipe.input.file is not None:
            path = Word(node.start_byte, node.end_byte, "", pipe.input.file)
            self._script_call(path, node, place, sourced=False)
        elif pipe.has_input and (text is None or mentions_docker(text) or mentions_script(text)):
            is_written = any(redirect.type in _WRITTEN_INPUTS for redirect in pipe.redirects)
            if not is_written:
                self._task_call(SHELL_COMMAND, (), {}, node, place)
        for redirect in pipe.redirects:
            for child in redirect.children:
                if redirect.type == "heredoc_redirect" and child.type == "heredoc_body":
                    self._nested(child.start_byte, child.end_byte, place)
                elif redirect.type == "herestring_redirect" and child.type == "raw_string":
                    self._nested(child.start_byte + 1, child.end_byte - 1, place)

    def _quoted_script(self, word: Word, place: Place) -> None:
        if word.quoting is Quoting.MIXED or word.value[:1] in ("$", "`"):
            return
        quotes = 0 if word.quoting is Quoting.NONE else 1
        if quotes == 1 and word.quoting is Quoting.DOUBLE and "\\" in word.text:
            return
        self._nested(word.start + quotes, word.end - quotes, place)

    def _nested(self, start: int, end: int, place: Place) -> None:
        if self._quoted < _MAX_DEPTH and start < end:
            # The commands in its `$(...)` have been read as part of the word.
            self._quoted += 1
            with self._apart():
                self._statement_of_text(start, end, place)
            self._quoted -= 1

    def _script_call(self, path: Word, node: Node, place: Place, *, sourced: bool) -> None:
        value = _WORKING_DIRECTORY.sub(".", path.value)
        self._has_sourced = self._has_sourced or sourced
        if sourced and is_only_placeholder(path) and "BASH_ENV" not in value:
            self._unknown_setter = value
        if value and not value.startswith(("/", "-", "<(", ">(")) and not is_only_placeholder(path):
            environment = self._client_environment(place)
            start, end = node.start_byte, node.end_byte
            self._emit(ScriptCall(start, end, value, sourced, self._directory, place, environment))

    def _written_files(self, pipe: Pipe, place: Place, node: Node) -> None:
        for redirect in pipe.redirects:
            if redirect.type == "file_redirect" and any(
                child.type in _WRITES for child in redirect.children
            ):
                path = self._words.value(redirect.children[-1])
                self._does_more_than_log_in |= _NO_FILE.fullmatch(path) is None
                text = self._output_of(node, pipe.redirects).text
                self._if_credentials(path, node, place, pipe, text)

    def _if_credentials(
        self, path: str, node: Node, place: Place, pipe: Pipe, text: str | None = None
    ) -> None:
        """Record a write of ``text``, None if unknown, to ``path`` if that is a file of logins."""
        directory = directory_of_file(path, self._client.at(place), self._directory)
        if directory is not None:
            self._credentials_at(directory, node, place, pipe, keys_written(text))

    def _credentials_at(
        self,
        directory: str,
        node: Node,
        place: Place,
        pipe: Pipe,
        keys: tuple[str, ...] | None = None,
    ) -> None:
        start, end = node.start_byte, node.end_byte
        variables = variables_in(self._text[pipe.start : pipe.end])
        if keys is not None:
            # What was in the file is gone.
            self._emit(Logout(start, end, Tool.DOCKER, None, True, place, directory))
        if keys != ():
            self._emit(CredentialFile(start, end, variables, place, keys, directory))

    def _copied(
        self, program: str, words: Sequence[Word], node: Node, place: Place, pipe: Pipe
    ) -> None:
        """A copy of files, perhaps of those with logins, to the last of ``words``."""
        paths = [word.value for word in words[1:] if not word.value.startswith("-")]
        environment = self._client.at(place)
        target = paths[-1] if paths else ""
        directory = directory_at(target, environment, self._directory)
        for path in paths[:-1]:
            source = directory_at(path, environment, self._directory)
            is_folder = not path.endswith(".json")
            if source is not None and directory is None and is_folder:
                directory = directory_at(f"{target}/.docker", environment, self._directory)
            if source is not None and program == "mv":
                self._removed([replace(words[0], value=path)], node, place)
        if directory is not None:
            self._credentials_at(directory, node, place, pipe)

    def _removed(self, words: Iterable[Word], node: Node, place: Place) -> None:
        """Files that are gone: with them, perhaps, all logins."""
        environment = self._client.at(place)
        for word in words:
            path = word.value.removesuffix("/*")
            directory = directory_at(path, environment, self._directory)
            if directory is not None:
                start, end = node.start_byte, node.end_byte
                self._emit(Logout(start, end, Tool.DOCKER, None, True, place, directory))

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
                self._emit(
                    CredentialFile(
                        node.start_byte, node.end_byte, variables_in(self._source(node)), place
                    )
                )
            if len(parts) > 2 and parts[2].type == "array":
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
            name = next((c for c in children if c.type == "word"), children[0])
            self._functions[self._source(name)] = children[-1]

    def _call(self, name: str, words: Sequence[Word], place: Place) -> None:
        is_first = name not in self._called
        self._called.add(name)
        if self._depth >= _MAX_DEPTH or not self._spend():
            if is_first:
                # None of it has been read, and it could pull.
                raise TooComplexError("a script's functions call each other too often or too deep")
            return
        body = self._functions[name]
        shifts = re.search(r"\bshift\b", self._source(body)) is not None
        self._depth += 1
        del self._functions[name]
        with self._variables.call(None if shifts else words[1:]):
            self._walk(body, place)
        self._functions.setdefault(name, body)
        self._depth -= 1

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


def _as_other_user(program: str, words: Sequence[Word], option: int) -> ClientEnvironment | None:
    """The environment behind ``su USER -c``; ``option`` is the index of its ``-c``."""
    if program == "sg":
        return None
    users = [word.value for word in (*words[1:option], *words[option + 2 :])]
    return {HOME: home_of(next((user for user in users if not user.startswith("-")), "root"))}


def _address_in(command: str) -> str:
    """The first URL in ``command``, all of it if there is none."""
    address = _ADDRESS.search(command)
    return command if address is None else address[0]


def _distinct(value: str, start: int) -> str:
    """``value``, by which no other place of the script makes the same: ``$(mktemp -d)``."""
    return f"{value}#{start}" if "$(" in value or "`" in value else value


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


def _borrowed(words: Sequence[Word], node: Node) -> bool:
    """Whether some of ``words`` are arguments of a function call elsewhere in the text."""
    return any(not node.start_byte <= word.start < node.end_byte for word in words)
