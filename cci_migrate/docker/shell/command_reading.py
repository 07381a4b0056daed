"""Reads one command of a shell script: its facts, its folder, the scripts it calls."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.docker.container_tools import CLIENTS, DOCKER_PROGRAMS, IMAGE_PROGRAMS, has_tool
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, HOME, ClientEnvironment
from cci_migrate.docker.shell.cloud_cli import CLOUDS
from cci_migrate.docker.shell.credential_files import FileCommand
from cci_migrate.docker.shell.docker_cli import docker_command
from cci_migrate.docker.shell.facts import At, Exit, Fact, FunctionCall, Login, Word, joined_path
from cci_migrate.docker.shell.flow import (
    Construct,
    ConstructKind,
    Place,
    PlacedCommand,
    Turn,
    surely_before,
)
from cci_migrate.docker.shell.inner_scripts import InnerScriptReader
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_clients import reader_of
from cci_migrate.docker.shell.script_files import WINDOWS_SHELLS, script_of_shell
from cci_migrate.docker.shell.shell_programs import SHELLS, USER_CHANGERS, environment_as_user
from cci_migrate.docker.shell.shell_words import variables_in
from cci_migrate.docker.shell.standard_input import Pipe
from cci_migrate.docker.shell.syntax import (
    Statement,
    argument_nodes,
    child_of_type,
    redirects_of,
    span_of,
    statements,
    substitutions_in,
)
from cci_migrate.docker.shell.working_folder import FOLDER_COMMANDS
from cci_migrate.docker.shell.wrappers import (
    Unwrapped,
    docker_among,
    docker_command_in,
    docker_sent_to,
    may_wrap,
    program_of,
    unwrapped,
)
from cci_migrate.docker.tasks.downloads import may_download
from cci_migrate.docker.tasks.programs import SHELL_COMMAND, runs_task
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

#: The greatest depth of function calls.
_MAX_DEPTH = 8
_BUILTINS = FOLDER_COMMANDS | names("exit source . eval shift trap")
_WRITES = names("> >> >| &> &>>")
_NO_FILE = re.compile(r"/dev/(?:null|stdout|stderr|tty)|&?\d|-")
#: Programs whose output sets up a shell when evaluated, and contains no credentials.
_PRINT_NO_SECRETS = names("ssh-agent pyenv rbenv nodenv brew docker-machine minikube opam direnv")
#: The programs that a script that only logs in may also run.
_HARMLESS = names("echo printf printenv test [ true false : sleep set return")
#: Scripts that start a task runner of the repository, and are no script to be read.
_WRAPPERS = names("gradlew mvnw")
_EXIT_FAILS = re.compile(r"[1-9]\d*")
#: Programs that work on files.
_FILE_PROGRAMS = names("tee rm chown chmod cp mv install ln")
#: CircleCI's own program in a job.
_AGENTS = names("circleci circleci-agent")
_SHIFT = re.compile(r"\bshift\b")
_PLAIN_SHIFT = re.compile(r"shift(?:[ \t]+\d)?")
_SEVERAL_WORDS = re.compile(r"\S\s+\S")
_SUBSTITUTES = re.compile(r"[$<>]\(|`")
#: A command without assignments, redirections and substitutions, whose name is plain.
_PLAIN_COMMAND = re.compile(r"([A-Za-z_][\w+-]*)(?=[ \t\n]|$)(?:[^<>`$]|\$(?!\())*")


#: The programs of which it matters with which arguments they run.
_READ = (
    DOCKER_PROGRAMS
    | CLIENTS.keys()
    | IMAGE_PROGRAMS.keys()
    | CLOUDS
    | _BUILTINS
    | SHELLS
    | WINDOWS_SHELLS
    | USER_CHANGERS
    | _FILE_PROGRAMS
    | _AGENTS
    | {"newgrp"}
)


@lru_cache(maxsize=1024)
def _is_read(program: str) -> bool:
    """Whether what ``program`` does depends on more than its name."""
    return (
        program in _READ
        or program.startswith("docker-credential-")
        or may_wrap(program)
        or runs_task(program)
    )


class CommandReader(InnerScriptReader):
    """Reads the commands of one script; a subclass reads the statements around them."""

    @abstractmethod
    def _run_in_order(self, entries: Sequence[Statement], place: Place) -> None:
        """Read statements that run one after another."""

    def _substitutions(self, nodes: Iterable[Node], place: Place) -> Place:
        """Walk the commands in any ``$(...)`` in ``nodes``; return the place after them."""
        text = self._text
        substitutions = substitutions_in(
            [node for node in nodes if _SUBSTITUTES.search(text, node.start_byte, node.end_byte)]
        )
        if not substitutions:
            return place
        construct = Construct(ConstructKind.SEQUENCE, last=len(substitutions))
        for slot, inner in enumerate(substitutions):
            with self._apart():
                self._run_in_order(statements(inner.children), (*place, Turn(construct, slot)))
        return (*place, Turn(construct, len(substitutions)))

    def _command(self, node: Node, place: Place, pipe: Pipe) -> None:
        # Most commands are of programs that have nothing to do with Docker: their words don't
        # matter, and reading them takes most of the time.
        plain = _PLAIN_COMMAND.fullmatch(self._text, node.start_byte, node.end_byte)
        is_plain = plain is not None and not pipe.redirects and not self._is_read(plain[1])
        is_sent = pipe.has_input and has_tool(pipe.input.text or "")
        if plain is not None and is_plain and not (is_sent or self._may_run_docker(plain[0])):
            self._variables.at = place
            self._does_more_than_log_in |= plain[1] not in _HARMLESS
            if self._has_sourced:
                self._function_call(plain[1], (*span_of(node), place))
            return
        pipe.redirects = [*pipe.redirects, *redirects_of(node)]
        self._variables.at = place
        self._outputs.feed(pipe)
        around = [node]
        for redirect in pipe.redirects:
            # What follows `<<EOF` on its line is a statement of its own.
            body = child_of_type(redirect, "heredoc_body")
            if redirect.type != "heredoc_redirect":
                around.append(redirect)
            elif body is not None:
                around.append(body)
        place = self._substitutions(around, place)
        self._variables.at = place
        assignments: dict[str, str] = {}
        for child in node.children:
            if child.type == "variable_assignment" and child.child_count > 2:
                value = self._words.word(child.children[2:]).value
                assignments[self._source(child.children[0])] = value
        at = (*span_of(node), place)
        self._written_files(node, pipe, at)
        self._run(self._words.words(argument_nodes(node)), pipe, at, assignments)

    def _may_run_docker(self, command: str) -> bool:
        """Whether ``command``, of a program that isn't known, may have one of Docker's in it."""
        if "$" in command and self._variables.held:
            return True
        return has_tool(command)

    def _is_read(self, program: str) -> bool:
        return program in self._functions or _is_read(program)

    def _function_call(self, name: str, at: At, hidden: str = "") -> None:
        start, end, _ = at
        self._emit(FunctionCall(*self._call_at(at), name, self._text[start:end], hidden))

    def _run(self, words: Sequence[Word], pipe: Pipe, at: At, assignments: dict[str, str]) -> None:
        own = {name: assignments[name] for name in (HOME, DOCKER_CONFIG) if name in assignments}
        shell = {**self._client.at(at[2]), **own}
        command = unwrapped(words, shell)
        is_wrapped = len(command.words) < len(words)
        words = command.words
        if not words:
            return
        first = words[0].value
        is_text = len(words) == 1 and _SEVERAL_WORDS.search(first) is not None
        if is_text and (is_wrapped or docker_command_in(first)):
            # `retry 3 "docker pull x"`, `watch 'docker ps'`: they hand it to a shell. Elsewhere
            # it is what `$@` expands to.
            with self._client.apart(command.environment):
                self._text_argument(words[0], at)
            return
        assignments = assignments | dict(command.assignments)
        program = program_of(words[0])
        if first in self._functions:
            self._call(first, words, at[2])
            return
        if first in _BUILTINS:
            self._builtin(first, words[1:], at)
            return
        arguments = [word.value for word in words[1:]]
        of_docker = docker_command(words, program) if program in DOCKER_PROGRAMS else None
        if of_docker is not None and of_docker.is_hidden:
            self._task_call(program, arguments, at)
            return
        read = reader_of(words, program) if of_docker is None else of_docker.facts
        if read is not None:
            facts = read(self._invocation(command, pipe, at, assignments, shell))
            self._does_more_than_log_in |= not facts or not all(
                isinstance(fact, Login) for fact in facts
            )
            self._emit_all(facts)
            return
        self._does_more_than_log_in |= program not in _HARMLESS and program not in SHELLS
        if program in _AGENTS:
            if arguments[:2] == ["step", "halt"]:
                self._halts.append(PlacedCommand(at[2]))
            return
        if program in _FILE_PROGRAMS:
            # The shell expands their paths, whoever runs them.
            self._emit_all(self._file_facts(program, arguments, pipe, at))
            return
        with self._client.apart(command.environment):
            if runs_task(program) and ("/" not in first or program in _WRAPPERS):
                self._task_call(program, arguments, at, assignments.items())
            else:
                self._other_command(program, words, pipe, at)

    def _invocation(
        self,
        command: Unwrapped,
        pipe: Pipe,
        at: At,
        assignments: dict[str, str],
        shell: ClientEnvironment,
    ) -> Invocation:
        """How ``command`` runs, and why it may not read a password from a pipe."""
        start, end, _ = at
        obstacle = command.obstacle
        # Some of its words may be arguments of a function call elsewhere in the text.
        is_borrowed = any(not start <= word.start < end for word in command.words)
        if obstacle is None and self._variables.in_function and is_borrowed:
            obstacle = "a function receives it"
        return Invocation(
            at,
            (pipe.start, pipe.end),
            self._folder.path,
            self._variables.lookup,
            assignments,
            variables_in(self._text[pipe.start : pipe.end]),
            stdin=pipe.has_input,
            stdin_text=pipe.input.text,
            stdin_file=pipe.input.file,
            stdin_word=pipe.input.word,
            xargs_appends=command.xargs_appends,
            replaces=command.replaces,
            obstacle=obstacle,
            environment=command.environment,
            shell=shell,
        )

    def _builtin(self, name: str, arguments: Sequence[Word], at: At) -> None:
        argument = next(iter(arguments), None)
        if name == "exit":
            fails = argument is not None and _EXIT_FAILS.fullmatch(argument.value)
            if not fails and not self._subshells and not surely_before(self._halts, at[2]):
                self._emit(Exit(*at))
        elif name in FOLDER_COMMANDS:
            self._folder.follow(name, arguments)
        elif name == "shift":
            self._variables.shift("1" if argument is None else argument.value)
        elif name == "trap":
            if arguments and arguments[-1].value in ("EXIT", "0") and not self._subshells:
                self._at_exit = arguments[0], at[2]
        elif name == "eval":
            self._eval(arguments, at)
        elif argument is not None:
            self._script_call(argument.value, at, sourced=True)
            if argument.value.startswith("<(") and may_download(argument.value):
                self._unwritten_script(argument.value, at)

    def _eval(self, arguments: Sequence[Word], at: At) -> None:
        text = " ".join(word.value for word in arguments)
        if len(arguments) == 1:
            self._quoted_script(arguments[0], at[2])
            if may_download(text):
                self._unwritten_script(text, at)
        elif mentions_docker(text) or mentions_script(text):
            self._task_call(SHELL_COMMAND, [text], at)
        is_expanded = text[:1] in ("$", "`")
        if is_expanded and docker_among("", arguments, self._variables.held):
            self._task_call(SHELL_COMMAND, (), at)
        if len(arguments) != 1 or is_expanded:
            self._does_more_than_log_in = True
            if not any(tool in text for tool in _PRINT_NO_SECRETS):
                self._unknown_setter = "eval"

    def _other_command(self, program: str, words: Sequence[Word], pipe: Pipe, at: At) -> None:
        first = words[0].value
        if program in SHELLS:
            self._shell_command(words, pipe, at)
        elif program in WINDOWS_SHELLS:
            script = script_of_shell(words[1:])
            if script is not None:
                self._script_call(script.value, at, sourced=False)
        elif program in USER_CHANGERS:
            for index, word in enumerate(words[:-1]):
                if word.value in ("-c", "--command"):
                    with self._client.apart(environment_as_user(program, words, index)):
                        self._text_argument(words[index + 1], at)
        elif program == "newgrp":
            self._heredoc_script(pipe, at)
        elif first.startswith("<<"):
            self._function_call(first, at)
        else:
            hidden = docker_among(program, words, self._variables.held) or docker_sent_to(
                program, pipe.input.text if pipe.has_input else None
            )
            if "/" in first:
                self._script_call(first, at, sourced=False)
            elif self._has_sourced:
                self._function_call(first, at, hidden)
                return
            if hidden:
                self._task_call(program, [hidden], at)

    def _file_facts(
        self, program: str, arguments: Sequence[str], pipe: Pipe, at: At
    ) -> Iterable[Fact]:
        """What one of `_FILE_PROGRAMS` with ``arguments`` does to files with logins."""
        files = self._file_command(pipe, at)
        if program == "rm":
            return files.remove(arguments)
        if program in ("chown", "chmod"):
            return files.share(arguments)
        if program != "tee":
            return files.copy(program, arguments)
        for path in arguments:
            self._record_script(path, pipe)
        text = pipe.input.text or pipe.input.word
        return chain.from_iterable(files.write(path, text) for path in arguments)

    def _written_files(self, node: Node, pipe: Pipe, at: At) -> None:
        for redirect in pipe.redirects:
            if redirect.type == "file_redirect" and any(
                child.type in _WRITES for child in redirect.children
            ):
                path = self._words.value(redirect.children[-1])
                self._does_more_than_log_in |= _NO_FILE.fullmatch(path) is None
                text = self._outputs.output_of(node, pipe.redirects).text
                self._record_script(path, pipe)
                self._emit_all(self._file_command(pipe, at).write(path, text))

    def _record_script(self, path: str, pipe: Pipe) -> None:
        """Record a here-document that is written to ``path``: it may be run later."""
        key = joined_path(".", path)
        self._written_scripts.pop(key, None)
        for redirect in pipe.redirects:
            body = child_of_type(redirect, "heredoc_body")
            if body is not None:
                self._written_scripts[key] = (body.start_byte, body.end_byte)

    def _file_command(self, pipe: Pipe, at: At) -> FileCommand:
        variables = variables_in(self._text[pipe.start : pipe.end])
        return FileCommand(at, variables, self._client.at(at[2]), self._folder.path)

    def _call(self, name: str, words: Sequence[Word], place: Place) -> None:
        is_first = name not in self._called
        self._called.add(name)
        if self._depth >= _MAX_DEPTH or not self._spend():
            if is_first:
                # None of it has been read, and it could pull.
                raise TooComplexError("its functions call each other too often or too deeply")
            return
        body = self._functions[name]
        is_known = _shifts_in_order(self._source(body), body)
        self._depth += 1
        del self._functions[name]
        with self._variables.call(words[1:], is_known=is_known):
            self._walk(body, place)
        self._functions.setdefault(name, body)
        self._depth -= 1


def _shifts_in_order(text: str, body: Node) -> bool:
    """Whether each ``shift`` in ``body``, of a function, runs once, by a number that is written."""
    steps = [child for child in body.children if child.type == "command"]
    within = (_text_within(text, body, step) for step in steps)
    shifts = [step for step in within if step[:5] == "shift"]
    are_plain = all(_PLAIN_SHIFT.fullmatch(shift) for shift in shifts)
    return are_plain and len(shifts) == len(_SHIFT.findall(text))


def _text_within(text: str, outer: Node, inner: Node) -> str:
    return text[inner.start_byte - outer.start_byte : inner.end_byte - outer.start_byte]
