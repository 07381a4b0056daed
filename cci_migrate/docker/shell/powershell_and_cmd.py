"""Reads scripts of PowerShell and cmd, statement by statement.

Without a grammar: a statement begins with a command, and only commands that use registries are
read. A block (``if (...) { ... }``) may not run. Functions, here-strings and the values of
variables are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from cci_migrate.docker.container_tools import DOCKER_PROGRAMS
from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.docker_cli import docker_command
from cci_migrate.docker.shell.facts import (
    Fact,
    Quoting,
    Script,
    ScriptCall,
    TaskCall,
    Word,
    joined_path,
)
from cci_migrate.docker.shell.flow import (
    Alternative,
    Construct,
    ConstructKind,
    Place,
    Turn,
    perhaps,
)
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.local_images import LocalImages
from cci_migrate.docker.shell.masking import without_placeholders
from cci_migrate.docker.shell.registry_clients import reader_of
from cci_migrate.docker.shell.script_files import WINDOWS_SHELLS, is_script_file, script_of_shell
from cci_migrate.docker.shell.wrappers import program_of
from cci_migrate.docker.tasks.programs import runs_task
from cci_migrate.docker.word_sets import names

#: PowerShell runs nothing of a script in which a comment or a here-string is never closed.
_POWERSHELL_TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t]|`\r?\n)+)
      | (?P<comment><\#.*?(?:\#>|\Z)|\#[^\n]*)
      | (?P<here>@"\r?\n.*?(?:\n"@|\Z)|@'\r?\n.*?(?:\n'@|\Z))
      | (?P<end>\r?\n|;|&&|\|\||\||[{}]|[()])
      | (?P<word>(?:"(?:`.|""|[^"`])*"|'(?:''|[^'])*'|`[^\r\n]|\$\([^()]*\)|\$\{[^{}]*\}
          |[^\s;|{}()"'`&]|&(?!&))+)
    """,
    re.VERBOSE | re.DOTALL,
)
_CMD_TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t]|\^\r?\n)+)
      | (?P<comment>(?<![^\r\n])[ \t]*(?:::|@?[rR][eE][mM]\b)[^\n]*)
      | (?P<end>\r?\n|&&|\|\||[&|()])
      | (?P<word>(?:"[^"\n]*"|\^[^\r\n]|[^\s&|()"])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_VARIABLE = re.compile(r"\$\{?(?:env:)?(\w+)|%(\w+)%", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\$\{?env:(\w+)\}?|%(\w+)%", re.IGNORECASE | re.ASCII)
#: Variables of PowerShell itself: none comes from a context or the project.
_SCRIPT_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)(?![\w:])", re.ASCII)
#: What sets a variable of the environment.
_SET = re.compile(
    r"(?:\$env:|\bset\s+(?:/p\s+)?\"?)([A-Za-z_]\w*)\s*=(?!=)", re.IGNORECASE | re.ASCII
)
_PRINTS = names("echo write-output @echo")
_BRACKETS = {"{": "}", "(": ")"}
_REDIRECTS = re.compile(r"[0-9*]?>>?(?:&\d)?.*|<.*")
_CALLS = names("& . call")
#: What PowerShell runs to make a word, unless a backtick keeps it from that.
_INNER = re.compile(r"(?<!`)\$\(([^()]*)\)")
_ASSIGNED_VARIABLE = re.compile(r"(?:\[[\w.\[\]]+\])?\$[\w:]+")
#: The ways through ``a || b``.
_IF_FAILED = (Alternative((0,), None, succeeded=0), Alternative((0,), 1))
_CHANGES_FOLDER = names("cd chdir pushd popd set-location sl push-location pop-location")
_RELATIVE = re.compile(r"[\w. /-]+")
_SHELLS = names("bash sh")


def read_lines(text: str, dialect: Dialect, environment: Mapping[str, str]) -> Script:
    """Read a script of PowerShell or cmd; see `facts_of`."""
    return _LineReader(text, dialect, environment).read()


class _LineReader:
    def __init__(self, text: str, dialect: Dialect, environment: Mapping[str, str]) -> None:
        self._text = text
        self._masked = without_placeholders(text)
        self._powershell = dialect is Dialect.POWERSHELL
        self._environment = environment
        self._facts: list[Fact] = []
        self._local = LocalImages()
        self._blocks: list[tuple[str, Place, Construct]] = []
        self._place: Place = ()
        self._construct = Construct(ConstructKind.SEQUENCE)
        self._slot = 0
        #: Where in ``a || b`` the current pipeline is; empty outside of one.
        self._side: Place = ()
        self._directory: str | None = "."

    def read(self) -> Script:
        self._statements(0, len(self._text))
        own = frozenset(_SCRIPT_VARIABLE.findall(self._text)) if self._powershell else frozenset()
        return Script(tuple(self._facts), assigned=own | frozenset(_SET.findall(self._text)))

    def _statements(self, start: int, end: int) -> None:
        token = _POWERSHELL_TOKEN if self._powershell else _CMD_TOKEN
        pipeline: list[list[Word]] = [[]]
        for match in token.finditer(self._masked, start, end):
            sign = match[0]
            if match.lastgroup == "word":
                word = self._word(*match.span())
                pipeline[-1].append(word)
                if self._powershell and word.quoting is not Quoting.SINGLE:
                    self._inner_statements(*match.span())
            elif sign == "|":
                pipeline.append([])
            elif match.lastgroup == "end":
                following: Place = ()
                if sign == "||":
                    choice = Construct(ConstructKind.CHOICE, _IF_FAILED)
                    following = (*self._side, Turn(choice, 1))
                    self._side = (*self._side, Turn(choice, 0))
                self._pipeline(pipeline, start, match.start())
                pipeline, start = [[]], match.end()
                self._bracket(sign)
                self._side = following
        self._pipeline(pipeline, start, end)

    def _inner_statements(self, start: int, end: int) -> None:
        """Read what runs to make the word from ``start`` to ``end``."""
        for inner in _INNER.finditer(self._masked, start, end):
            outer = self._place, self._construct, self._slot, self._side
            self._place, self._side = self._at(), ()
            self._construct = Construct(ConstructKind.SEQUENCE)
            self._statements(*inner.span(1))
            self._place, self._construct, self._slot, self._side = outer

    def _word(self, start: int, end: int) -> Word:
        text = self._text[start:end]
        quoting = Quoting.NONE
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            quoting = Quoting.DOUBLE if text[0] == '"' else Quoting.SINGLE
        elif '"' in text or "'" in text:
            quoting = Quoting.MIXED
        value = text.replace('"', "") if not self._powershell else re.sub("[\"'`]", "", text)
        named = _ENVIRONMENT.fullmatch(value)
        if named is not None and (quoting is not Quoting.SINGLE or not self._powershell):
            value = f"${named[1] or named[2]}"
        return Word(start, end, text, value, quoting)

    def _bracket(self, sign: str) -> None:
        if sign in _BRACKETS:
            self._blocks.append((_BRACKETS[sign], self._place, self._construct))
            self._place = (*self._at(), Turn(perhaps(), 0))
            self._construct = Construct(ConstructKind.SEQUENCE)
        elif self._blocks and sign == self._blocks[-1][0]:
            _, self._place, self._construct = self._blocks.pop()
        # Both sides of `a || b` are one statement.
        self._slot += sign != "||"

    def _at(self) -> Place:
        return (*self._place, Turn(self._construct, self._slot), *self._side)

    def _pipeline(self, parts: list[list[Word]], start: int, end: int) -> None:
        text = self._text[start:end]
        start += len(text) - len(text.lstrip())
        variables = frozenset(match[1] or match[2] for match in _VARIABLE.finditer(text))
        for before, words in zip([None, *parts], parts, strict=False):
            self._statement(words, before, start, end, variables)

    def _statement(
        self,
        words: list[Word],
        piped_words: list[Word] | None,
        start: int,
        end: int,
        variables: frozenset[str],
    ) -> None:
        is_sourced = bool(words) and words[0].value == "."
        if words and not self._powershell and words[0].text.startswith("@"):
            words = [self._word(words[0].start + 1, words[0].end), *words[1:]]  # is not printed
        while words and words[0].value.lower() in _CALLS:
            words = words[1:]
        if len(words) > 2 and words[1].value == "=" and _ASSIGNED_VARIABLE.match(words[0].value):
            words = words[2:]
        words = self._without_redirects(words)
        if not words:
            return
        program = program_of(words[0]).rpartition("\\")[2].lower()
        if program in _CHANGES_FOLDER:
            self._change_directory(words[1:])
            return
        script = words[0] if is_script_file(words[0]) else None
        if program in WINDOWS_SHELLS or program in _SHELLS:
            script = script_of_shell(words[1:])
        at = (words[0].start, words[-1].end, self._at())
        if script is not None:
            path = script.value.replace("\\", "/")
            self._facts.append(ScriptCall(*at, self._directory, (), path, is_sourced))
        elif runs_task(program):
            values = tuple(word.value for word in words[1:])
            self._facts.append(TaskCall(*at, self._directory, (), program, values, ()))
        if all(word.value != "login" for word in words):
            words = [replace(word, value=word.value.replace("\\", "/")) for word in words]
        read = (
            docker_command(words, program).facts
            if program in DOCKER_PROGRAMS
            else reader_of(words, program)
        )
        if read is None:
            return
        facts = read(
            Invocation(
                at,
                (start, end),
                self._directory,
                self._environment.get,
                variables=variables,
                stdin=piped_words is not None,
                stdin_word=self._printed(piped_words or []),
                obstacle="only a POSIX shell's line can be rewritten",
            )
        )
        self._facts += map(self._local.record, facts)

    def _change_directory(self, words: list[Word]) -> None:
        """Take in ``cd`` with the arguments ``words``; in a block it may not run."""
        paths = [word.value.replace("\\", "/") for word in words if word.value.lower() != "/d"]
        target = paths[-1] if paths else ""
        is_known = _RELATIVE.fullmatch(target) is not None and not self._blocks
        outer = self._directory
        self._directory = joined_path(outer, target) if outer is not None and is_known else None

    def _printed(self, words: list[Word]) -> str | None:
        """The only word that a statement prints; None if there are more."""
        if words and words[0].value.lower() in _PRINTS:
            words = words[1:]
        if len(words) != 1 or (self._powershell and words[0].quoting is Quoting.SINGLE):
            return None
        return words[0].value

    def _without_redirects(self, words: list[Word]) -> list[Word]:
        remaining: list[Word] = []
        target_follows = False
        for word in words:
            redirect = _REDIRECTS.fullmatch(self._masked[word.start : word.end])
            if redirect is None and not target_follows:
                remaining.append(word)
            target_follows = redirect is not None and word.text[-1] in "<>"
        return remaining
