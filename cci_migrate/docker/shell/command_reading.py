"""Reads one command of a shell script: its facts, its folder, the scripts it calls."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.docker.container_tools import CLIENTS, DOCKER_PROGRAMS, IMAGE_PROGRAMS, has_tool
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.name_tables import names
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, HOME, ClientEnvironment
from cci_migrate.docker.shell.cloud_cli import cloud_login
from cci_migrate.docker.shell.credential_files import FileCommand
from cci_migrate.docker.shell.docker_cli import docker_command
from cci_migrate.docker.shell.facts import Exit, Fact, FunctionCall, Login, Word, joined_path
from cci_migrate.docker.shell.flow import (
    Construct,
    ConstructKind,
    Place,
    PlacedCommand,
    Turn,
    surely_before,
)
from cci_migrate.docker.shell.image_programs import image_program_facts
from cci_migrate.docker.shell.inner_scripts import InnerScriptReader
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_clients import client_facts
from cci_migrate.docker.shell.script_files import WINDOWS_SHELLS, script_of_shell
from cci_migrate.docker.shell.shell_programs import SHELLS, USER_CHANGERS, environment_as_user
from cci_migrate.docker.shell.shell_words import variables_in
from cci_migrate.docker.shell.standard_input import Pipe
from cci_migrate.docker.shell.syntax import (
    Statement,
    argument_nodes,
    child_of_type,
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

if TYPE_CHECKING:
    from tree_sitter import Node

#: The greatest depth of function calls.
_MAX_DEPTH = 8
_CLOUDS = names("aws gcloud az")
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
_COPIERS = names("cp mv install ln")
#: What no other table has of the programs whose commands are read.
_OTHERS = _COPIERS | names("circleci circleci-agent newgrp tee rm chown chmod")
_SHIFT = re.compile(r"\bshift\b")
_PLAIN_SHIFT = re.compile(r"shift(?:[ \t]+\d)?")
_SEVERAL_WORDS = re.compile(r"\S\s+\S")
_SUBSTITUTES = re.compile(r"[$<>]\(|`")
#: A command without assignments, redirections and substitutions, whose name is plain.
_PLAIN_COMMAND = re.compile(r"([A-Za-z_][\w+-]*)(?=[ \t\n]|$)(?:[^<>`$]|\$(?!\())*")


@lru_cache(maxsize=1024)
def _is_read(program: str) -> bool:
    """Whether what ``program`` does depends on more than its name."""
    tables = (
        DOCKER_PROGRAMS,
        CLIENTS,
        IMAGE_PROGRAMS,
        _CLOUDS,
        _BUILTINS,
        SHELLS,
        WINDOWS_SHELLS,
        USER_CHANGERS,
        _OTHERS,
    )
    return (
        any(program in table for table in tables)
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
                self._function_call(plain[1], node, place)
            return
        own = [child for child in node.children if child.type.endswith("_redirect")]
        pipe.redirects = [*pipe.redirects, *own]
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
        self._written_files(pipe, place, node)
        words = self._words.words(argument_nodes(node))
        self._run(words, node, place, pipe, assignments)

    def _may_run_docker(self, command: str) -> bool:
        """Whether ``command``, of a program that isn't known, may have one of Docker's in it."""
        if "$" in command and self._variables.held:
            return True
        return has_tool(command)

    def _is_read(self, program: str) -> bool:
        return program in self._functions or _is_read(program)

    def _function_call(self, name: str, node: Node, place: Place, hidden: str = "") -> None:
        self._emit(FunctionCall(*self._call_at(node, place), name, self._source(node), hidden))

    def _run(
        self,
        words: Sequence[Word],
        node: Node,
        place: Place,
        pipe: Pipe,
        assignments: dict[str, str],
    ) -> None:
        own = {name: assignments[name] for name in (HOME, DOCKER_CONFIG) if name in assignments}
        shell = {**self._client.at(place), **own}
        command = unwrapped(words, shell)
        is_wrapped = len(command.words) < len(words)
        words = command.words
        if not words:
            return
        is_text = len(words) == 1 and _SEVERAL_WORDS.search(words[0].value) is not None
        if is_text and (is_wrapped or docker_command_in(words[0].value)):
            # `retry 3 "docker pull x"`, `watch 'docker ps'`: they hand it to a shell. Elsewhere
            # it is what `$@` expands to.
            with self._client.apart(command.environment):
                self._text_argument(words[0], node, place)
            return
        assignments = assignments | dict(command.assignments)
        program = program_of(words[0])
        first = words[0].value
        if first in self._functions:
            self._call(first, words, place)
            return
        if first in _BUILTINS:
            self._builtin(first, words, node, place)
            return
        of_docker = docker_command(words, program) if program in DOCKER_PROGRAMS else None
        if of_docker is not None and of_docker.is_hidden:
            self._task_call(program, words[1:], {}, node, place)
            return
        read = _reader_of(words, program) if of_docker is None else of_docker.facts
        if read is not None:
            facts = read(self._invocation(command, node, place, pipe, assignments, shell))
            self._does_more_than_log_in |= not facts or not all(
                isinstance(fact, Login) for fact in facts
            )
            self._emit_all(facts)
            return
        self._does_more_than_log_in |= program not in _HARMLESS and program not in SHELLS
        if program in ("circleci", "circleci-agent"):
            if [word.value for word in words[1:3]] == ["step", "halt"]:
                self._halts.append(PlacedCommand(place))
            return
        if runs_task(program) and ("/" not in first or program in _WRAPPERS):
            with self._client.apart(command.environment):
                self._task_call(program, words[1:], assignments, node, place)
            return
        self._other_command(program, words, node, place, pipe, command.environment)

    def _invocation(
        self,
        command: Unwrapped,
        node: Node,
        place: Place,
        pipe: Pipe,
        assignments: dict[str, str],
        shell: ClientEnvironment,
    ) -> Invocation:
        """How ``command`` runs, and why it may not read a password from a pipe."""
        obstacle = command.obstacle
        if obstacle is None and self._variables.in_function and _borrowed(command.words, node):
            obstacle = "a function receives it"
        return Invocation(
            *span_of(node),
            pipe.start,
            pipe.end,
            place,
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

    def _builtin(self, name: str, words: Sequence[Word], node: Node, place: Place) -> None:
        argument = words[1] if len(words) > 1 else None
        if name == "exit":
            fails = argument is not None and _EXIT_FAILS.fullmatch(argument.value)
            if not fails and not self._subshells and not surely_before(self._halts, place):
                self._emit(Exit(*span_of(node), place))
        elif name in FOLDER_COMMANDS:
            self._folder.follow(name, words[1:])
        elif name == "shift":
            self._variables.shift("1" if argument is None else argument.value)
        elif name == "trap":
            if argument is not None and words[-1].value in ("EXIT", "0") and not self._subshells:
                self._at_exit = argument, place
        elif name == "eval":
            text = " ".join(word.value for word in words[1:])
            if len(words) == 2:
                self._quoted_script(words[1], place)
                if may_download(text):
                    self._unwritten_script(text, node, place)
            elif mentions_docker(text) or mentions_script(text):
                self._task_call(SHELL_COMMAND, (Word(0, 0, text, text),), {}, node, place)
            is_hidden = text[:1] in ("$", "`")
            if is_hidden and docker_among("", words[1:], self._variables.held):
                self._task_call(SHELL_COMMAND, (), {}, node, place)
            if len(words) != 2 or words[1].value[:1] in ("$", "`"):
                self._does_more_than_log_in = True
                if not any(tool in text for tool in _PRINT_NO_SECRETS):
                    self._unknown_setter = "eval"
        elif argument is not None:
            self._script_call(argument, node, place, sourced=True)
            if argument.value.startswith("<(") and may_download(argument.value):
                self._unwritten_script(argument.value, node, place)

    def _other_command(
        self,
        program: str,
        words: Sequence[Word],
        node: Node,
        place: Place,
        pipe: Pipe,
        environment: ClientEnvironment,
    ) -> None:
        if program in SHELLS:
            with self._client.apart(environment):
                self._shell_command(words, node, place, pipe)
        elif program in WINDOWS_SHELLS:
            script = script_of_shell(words[1:])
            if script is not None:
                with self._client.apart(environment):
                    self._script_call(script, node, place, sourced=False)
        elif program in USER_CHANGERS:
            for index, word in enumerate(words[:-1]):
                if word.value in ("-c", "--command"):
                    with self._client.apart(environment_as_user(program, words, index)):
                        self._text_argument(words[index + 1], node, place)
        elif program == "newgrp":
            self._heredoc_script(node, pipe, place)
        elif program == "tee":
            text = pipe.input.text or pipe.input.word
            files = self._file_command(node, place, pipe)
            for word in words[1:]:
                self._record_script(word.value, pipe)
                self._emit_all(files.write(word.value, text))
        elif program in _COPIERS:
            files = self._file_command(node, place, pipe)
            self._emit_all(files.copy(program, [word.value for word in words[1:]]))
        elif program == "rm":
            files = self._file_command(node, place, pipe)
            self._emit_all(files.remove(word.value for word in words[1:]))
        elif program in ("chown", "chmod"):
            files = self._file_command(node, place, pipe)
            self._emit_all(files.share(word.value for word in words[1:]))
        elif words[0].value.startswith("<<"):
            self._function_call(words[0].value, node, place)
        else:
            hidden = docker_among(program, words, self._variables.held) or docker_sent_to(
                program, pipe.input.text if pipe.has_input else None
            )
            with self._client.apart(environment):
                if "/" in words[0].value:
                    self._script_call(words[0], node, place, sourced=False)
                elif self._has_sourced:
                    self._function_call(words[0].value, node, place, hidden)
                    return
                if hidden:
                    word = Word(*span_of(node), hidden, hidden)
                    self._task_call(program, (word,), {}, node, place)

    def _written_files(self, pipe: Pipe, place: Place, node: Node) -> None:
        for redirect in pipe.redirects:
            if redirect.type == "file_redirect" and any(
                child.type in _WRITES for child in redirect.children
            ):
                path = self._words.value(redirect.children[-1])
                self._does_more_than_log_in |= _NO_FILE.fullmatch(path) is None
                text = self._outputs.output_of(node, pipe.redirects).text
                self._record_script(path, pipe)
                self._emit_all(self._file_command(node, place, pipe).write(path, text))

    def _record_script(self, path: str, pipe: Pipe) -> None:
        """Record a here-document that is written to ``path``: it may be run later."""
        key = joined_path(".", path)
        self._written_scripts.pop(key, None)
        for redirect in pipe.redirects:
            body = child_of_type(redirect, "heredoc_body")
            if body is not None:
                self._written_scripts[key] = (body.start_byte, body.end_byte)

    def _file_command(self, node: Node, place: Place, pipe: Pipe) -> FileCommand:
        return FileCommand(
            (*span_of(node), place),
            variables_in(self._text[pipe.start : pipe.end]),
            self._client.at(place),
            self._folder.path,
        )

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


def _reader_of(
    words: Sequence[Word], program: str
) -> Callable[[Invocation], Sequence[Fact]] | None:
    """What reads the command ``words`` of ``program``, if that uses a registry without Docker."""
    if program in _CLOUDS or program.startswith("docker-credential-"):
        return partial(cloud_login, words, program)
    if program in IMAGE_PROGRAMS:
        return partial(image_program_facts, words, program)
    return partial(client_facts, words, program) if program in CLIENTS else None


def _shifts_in_order(text: str, body: Node) -> bool:
    """Whether each ``shift`` in ``body``, of a function, runs once, by a number that is written."""
    steps = [child for child in body.children if child.type == "command"]
    within = (_text_within(text, body, step) for step in steps)
    shifts = [step for step in within if step[:5] == "shift"]
    are_plain = all(_PLAIN_SHIFT.fullmatch(shift) for shift in shifts)
    return are_plain and len(shifts) == len(_SHIFT.findall(text))


def _text_within(text: str, outer: Node, inner: Node) -> str:
    return text[inner.start_byte - outer.start_byte : inner.end_byte - outer.start_byte]


def _borrowed(words: Sequence[Word], node: Node) -> bool:
    """Whether some of ``words`` are arguments of a function call elsewhere in the text."""
    return any(not node.start_byte <= word.start < node.end_byte for word in words)
