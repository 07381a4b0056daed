"""Reads what ``make TARGET`` runs from the Makefiles of a repository.

GNU make, https://www.gnu.org/software/make/manual/: explicit, static pattern and pattern rules,
prerequisites, includes, conditionals, variables and the usual functions. Timestamps are unknown, so
every recipe counts as run. A condition that depends on the environment becomes a test in the
script.

tree-sitter-make 1.1.1, tried instead, reports an error in a third of the Makefiles of Debian, of
Python and of this project, and has no wheels for some of the supported systems.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.docker.shell.facts import folder_of, joined_path
from cci_migrate.docker.shell.shell_programs import SHELLS
from cci_migrate.docker.tasks.make_variables import (
    NAME,
    TOO_LARGE,
    MakeVariables,
    arguments_in,
    pattern_stem,
)
from cci_migrate.docker.tasks.makefile_lines import (
    Line,
    LineKind,
    Statement,
    logical_lines,
    statement_of,
)
from cci_migrate.docker.tasks.task_files import TaskReader, file_in
from cci_migrate.docker.tasks.task_script import (
    Piece,
    Surroundings,
    TaskScript,
    UnreadableTask,
    exports_of,
    script_of,
)
from cci_migrate.docker.word_sets import names

#: The files that make tries, in this order.
#: https://www.gnu.org/software/make/manual/html_node/Makefile-Names.html
DEFAULT_NAMES = ("GNUmakefile", "makefile", "Makefile")

_DEEPEST = 100
_LONGEST_NAME = 200
_ASSIGNED = re.compile(r"([A-Za-z_][\w.-]*)\s*(:::=|::=|:=|\?=|\+=|=)(.*)", re.DOTALL)
_MODIFIERS = re.compile(r"(?:(?:override|private|export|unexport)[ \t]+)*")
_INCLUDE = re.compile(r"(-include|sinclude|include)\s+(.*)", re.DOTALL)
_CONDITIONAL = re.compile(r"(?:else\s+)?(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)", re.DOTALL)
_QUOTED_PAIR = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*(?:"([^"]*)"|'([^']*)')""")
_PREFIX = re.compile(r"[@+\-\s]*")

#: Options of make whose value is the next word, and those that make it run nothing.
_VALUED = names("-C -f -I -W -o -E")
_LONG_VALUED = {
    "--directory": "-C",
    "--file": "-f",
    "--makefile": "-f",
    "--include-dir": "-I",
    "--what-if": "-W",
    "--new-file": "-W",
    "--assume-new": "-W",
    "--old-file": "-o",
    "--assume-old": "-o",
    "--eval": "-E",
}
_AMOUNT = re.compile(r"\d+(?:\.\d+)?|\$.*")
_RUNS_NOTHING = names(
    "-n -q -t -v -h -p --just-print --dry-run --recon --question --touch --version --help"
    " --print-data-base"
)


class MakeCommand(Struct, frozen=True):
    """A parsed command line of make. ``runs`` is False if it only prints or tests."""

    goals: tuple[str, ...]
    directory: str = "."
    files: tuple[str, ...] = ()
    overrides: Mapping[str, str] = {}
    runs: bool = True


def make_command(arguments: Sequence[str]) -> MakeCommand:
    """Parse the ``arguments`` of ``make``."""
    goals: list[str] = []
    files: list[str] = []
    overrides: dict[str, str] = {}
    directory, runs = ".", True
    words = deque(arguments)
    while words:
        word = words.popleft()
        if not word.startswith("-"):
            name, equals, value = word.partition("=")
            if equals:
                overrides[name.rstrip(":?+")] = value
            else:
                goals.append(word)
            continue
        option, equals, value = word.partition("=")
        runs = runs and option not in _RUNS_NOTHING
        is_short = not word.startswith("--")
        if option in _LONG_VALUED:
            option = _LONG_VALUED[option]
            value = value if equals or not words else words.popleft()
        elif is_short and word[:2] in _VALUED:
            option, value = word[:2], word[2:] or (words.popleft() if words else "")
        elif word in ("-j", "-l") and words and _AMOUNT.fullmatch(words[0]):
            words.popleft()
        elif is_short and word[1:].isalpha() and set(word[1:]) & set("nqt"):
            runs = False
        if option == "-C":
            directory = joined_path(directory, value)
        elif option == "-f":
            files.append(value)
    return MakeCommand(tuple(goals), directory, tuple(files), overrides, runs)


def make_title(arguments: Sequence[str]) -> str:
    """The command's name for people, without the values of variables."""
    command = make_command(arguments)
    folder = () if command.directory == "." else ("-C", command.directory)
    files = (word for file in command.files for word in ("-f", file))
    return " ".join(("make", *folder, *files, *command.goals))


def make_script(arguments: Sequence[str], called: Surroundings) -> TaskScript:
    """The script that ``make`` with ``arguments`` runs. Raises UnreadableTask."""
    command = make_command(arguments)
    if not command.runs:
        return TaskScript("", called.directory)
    inside = joined_path(called.directory, command.directory)
    if any("$" in text for text in (inside, *command.files, *command.goals)):
        raise UnreadableTask("which target it runs can't be determined")
    makefile = _Makefile(inside, called, command)
    makefile.read()
    return makefile.script()


class _Branch(Struct):
    """An open conditional.

    ``holds``: whether its current branch applies; None if the environment decides, by ``test``.
    ``tests`` are those of earlier branches; ``is_over``: one of them applied.
    """

    holds: bool | None
    test: str
    tests: list[str] = field(default_factory=list)
    is_over: bool = False


class _Recipe(Struct):
    """The recipe of one rule; ``stem`` is the value of its ``%``."""

    guards: tuple[str, ...]
    prerequisites: tuple[str, ...]
    stem: str
    lines: list[Piece] = field(default_factory=list)


class _MakeTarget(Struct):
    prerequisites: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    recipes: list[_Recipe] = field(default_factory=list)
    variables: list[tuple[str, str, str]] = field(default_factory=list)
    is_double: bool = False


class _Makefile(TaskReader):
    title = "Makefile"

    def __init__(self, root: str, called: Surroundings, command: MakeCommand) -> None:
        super().__init__(root, called)
        self._command = command
        overrides = command.overrides
        again = "".join(f' {name}="{value}"' for name, value in overrides.items())
        built_in = {"MAKE": f"make{again}", "CURDIR": ".", "MAKEFLAGS": "", ".SHELLFLAGS": "-c"}
        built_in |= dict.fromkeys(["PWD"] if command.directory == "." else [], ".")
        self._variables = MakeVariables({**called.environment, **built_in}, overrides)
        self._targets: dict[str, _MakeTarget] = {}
        self._patterns: list[tuple[str, _Recipe]] = []
        self._order: list[str] = []
        self._exported: dict[str, None] = dict.fromkeys(overrides)
        self._branches: list[_Branch] = []
        #: The recipes that the next recipe line belongs to.
        self._open: list[_Recipe] | None = None
        self._missing: list[str] = []
        self._done: set[str] = set()

    # Reading

    def read(self) -> None:
        """Read the Makefiles. Raises UnreadableTask."""
        for name in self._command.files:
            self._file(joined_path(self._root, name))
        if not self._command.files:
            path = file_in(self._root, DEFAULT_NAMES, self._read)
            if path is None:
                where = "" if self._root == "." else f" in {self._root}"
                raise UnreadableTask(f"no Makefile found{where}")
            self._file(path)

    def _file(self, path: str) -> None:
        outer = self._branches, self._open
        self._branches, self._open = [], None
        for line in logical_lines(self.text_of(path)):
            self._line(line, path)
        self._branches, self._open = outer

    @property
    def _guards(self) -> tuple[str, ...]:
        return tuple(branch.test for branch in self._branches if branch.holds is None)

    @property
    def _is_passed_over(self) -> bool:
        return any(branch.holds is False for branch in self._branches)

    def _line(self, line: Line, path: str) -> None:
        if line.kind is LineKind.OTHER and self._conditional(line.text):
            return
        if self._is_passed_over:
            return
        piece = Piece(line.text, path, line.number)
        if line.kind is LineKind.DEFINE:
            self._define(line.text)
        elif line.kind is LineKind.OTHER or self._open is None:
            self._statement(replace(piece, text=line.text.strip()))
        elif line.text.strip():
            guards = self._guards
            for recipe in self._open:
                recipe.lines.append(replace(piece, guards=guards[len(recipe.guards) :]))

    def _define(self, text: str) -> None:
        first, _, body = text.partition("\n")
        words = first.split("define", 1)[1].split()
        if words:
            operator = words[1] if len(words) > 1 else "="
            self._variables.set(words[0], operator, body, self._guards)

    def _statement(self, line: Piece) -> None:
        text = line.text
        include = _INCLUDE.fullmatch(text)
        if include is not None:
            self._include(include[1], include[2])
            return
        bare = _MODIFIERS.sub("", text, count=1)
        is_exported = text.startswith("export") and "unexport" not in text
        statement = statement_of(bare)
        if statement is not None and not statement.is_rule and len(statement.left.split()) == 1:
            name = self._variables.expand(statement.left)
            if name == ".DEFAULT_GOAL":
                self._order.insert(0, self._variables.expand(statement.right))
            self._variables.set(name, statement.operator, statement.right, self._guards)
            if is_exported:
                self._exported[name] = None
            self._open = None
        elif statement is not None and statement.is_rule:
            self._rule(statement, line)
        elif is_exported:
            self._exported |= dict.fromkeys(bare.split())

    def _include(self, word: str, names: str) -> None:
        for name in self._variables.expand(names).split():
            is_known = "$" not in name and "*" not in name
            path = joined_path(self._root, name)
            if is_known and self._read(path) is not None:
                self._file(path)
            elif word == "include":
                self._missing.append(name if is_known else "files with unknown names")

    def _rule(self, rule: Statement, line: Piece) -> None:
        names = self._variables.expand(rule.left).split()
        right = rule.right
        before, _, inline = right.partition(";")
        assigned = _ASSIGNED.fullmatch(_MODIFIERS.sub("", before, count=1).strip())
        if assigned is not None:
            for name in names:
                target = self._targets.setdefault(name, _MakeTarget())
                target.variables.append((assigned[1], assigned[2], right[right.index("=") + 1 :]))
            self._open = None
            return
        static = statement_of(before)
        pattern = ""
        if static is not None and static.is_rule:
            pattern, before = self._variables.expand(static.left).strip(), static.right
        listed = tuple(self._variables.expand(before).replace("|", " ").split())
        guards = self._guards
        opened: list[_Recipe] = []
        for name in names:
            stem = pattern_stem(pattern, name) or "" if pattern else ""
            prerequisites = _with_stem(listed, stem) if pattern else listed
            recipe = _Recipe(guards, prerequisites, stem)
            opened.append(recipe)
            if "%" in name:
                self._patterns.append((name, recipe))
                continue
            target = self._targets.setdefault(name, _MakeTarget(is_double=rule.operator == "::"))
            target.prerequisites += zip(prerequisites, repeat(guards))
            target.recipes.append(recipe)
            if not name.startswith(".") or "/" in name:
                self._order.append(name)
        self._open = opened
        if inline.strip():
            for recipe in opened:
                recipe.lines.append(replace(line, text=inline.strip()))

    # Conditionals

    def _conditional(self, text: str) -> bool:
        """Read ``text`` if it belongs to a conditional; return whether it does."""
        if re.match(r"endif\b", text):
            if self._branches:
                self._branches.pop()
            return True
        match = _CONDITIONAL.fullmatch(text)
        if re.match(r"else\b", text):
            if self._branches:
                self._else(self._branches[-1], match)
            return True
        if match is None:
            return False
        if self._is_passed_over:
            self._branches.append(_Branch(False, "", is_over=True))
        else:
            self._branches.append(_Branch(*self._condition(match[1], match[2])))
        return True

    def _else(self, branch: _Branch, match: re.Match[str] | None) -> None:
        """Go on to the next branch of a conditional; ``match`` is a condition of its own."""
        branch.is_over = branch.is_over or branch.holds is True
        if branch.holds is None:
            branch.tests.append(branch.test)
        holds, test = (True, "") if match is None else self._condition(match[1], match[2])
        if branch.is_over:
            branch.holds = False
        elif holds is False or not branch.tests:
            branch.holds, branch.test = holds, test
        else:
            tests = [f"! {earlier}" for earlier in branch.tests]
            if holds is None:
                tests.append(test)
            branch.holds, branch.test = None, " && ".join(tests)

    def _condition(self, word: str, text: str) -> tuple[bool | None, str]:
        """Whether it holds; where the environment decides, the test of the shell."""
        if word in ("ifdef", "ifndef"):
            name = self._variables.expand(text).strip()
            is_set = self._variables.is_set(name)
            if is_set is None:
                return None, f'[ -{"n" if word == "ifdef" else "z"} "${{{name}}}" ]'
            return is_set is (word == "ifdef"), ""
        sides = _sides(text)
        if sides is None:
            return None, '[ "${MAKE_VALUE}" ]'
        left, right = (self._variables.expand(side, is_exact=True).strip() for side in sides)
        if "$" not in left + right:
            return (left == right) is (word == "ifeq"), ""
        if not right or not left:
            return None, f'[ -{"z" if word == "ifeq" else "n"} "{left or right}" ]'
        return None, f'[ "{left}" {"=" if word == "ifeq" else "!="} "{right}" ]'

    # Making

    def script(self) -> TaskScript:
        """The script that makes the goals. Raises UnreadableTask."""
        goals = self._command.goals or tuple(self._order[:1])
        if not goals:
            raise UnreadableTask("its Makefile has no targets")
        shell = self._variables.expand("$(SHELL)")[:_LONGEST_NAME]
        programs = {word.rpartition("/")[2] for word in shell.split()}
        if shell != "${SHELL}" and not programs & SHELLS:
            raise UnreadableTask(f"its recipes are for {shell}")
        for goal in goals:
            if not self._make(goal, (), 0):
                also = f"; it includes {self._missing[0]}" if self._missing else ""
                raise UnreadableTask(f"its Makefile has no target {goal}{also}")
        if ".ONESHELL" in self._targets:
            self.pieces = list(_in_one_shell(self.pieces))
        unread = self._variables.unread
        return script_of(self.pieces, self._root, exports_of(self._exports()), unread)

    def _exports(self) -> Iterator[tuple[str, str]]:
        for name in filter(NAME.fullmatch, self._exported):
            value = self._variables.expand(f"$({name})", is_exact=True)
            if value != f"${{{name}}}":
                yield name, value

    def _make(self, name: str, guards: tuple[str, ...], depth: int) -> bool:
        """Collect the recipes that make ``name``; return whether there is a rule for it."""
        if name in self._done:
            return True
        if depth > _DEEPEST:
            raise UnreadableTask(TOO_LARGE)
        target = self._targets.get(name, _MakeTarget())
        recipes = _effective(target)
        needed = list(target.prerequisites)
        if not recipes:
            pattern_recipe = self._pattern_recipe(name)
            if pattern_recipe is not None:
                recipes = [pattern_recipe]
                needed += zip(pattern_recipe.prerequisites, repeat(pattern_recipe.guards))
            elif name not in self._targets:
                return False
        self._done.add(name)
        local = {
            variable: self._variables.expand(value.strip())
            for variable, operator, value in target.variables
            if operator != "?="
        }
        with self._variables.within(local):
            for needed_target, own_guards in needed:
                self._make(needed_target, _joined(guards, own_guards), depth + 1)
            for recipe in recipes:
                self._run(name, recipe, needed, guards)
        return True

    def _pattern_recipe(self, name: str) -> _Recipe | None:
        """The recipe of the pattern rule that matches ``name`` with the shortest stem, if any."""
        self._variables.spend(len(self._patterns))
        fitting = [
            (len(stem), index, stem)
            for index, (pattern, recipe) in enumerate(self._patterns)
            if recipe.lines and pattern != "%" and (stem := pattern_stem(pattern, name)) is not None
        ]
        if not fitting:
            return None
        _, index, stem = min(fitting)
        recipe = self._patterns[index][1]
        prerequisites = _with_stem(recipe.prerequisites, stem)
        return _Recipe(recipe.guards, prerequisites, stem, recipe.lines)

    def _run(
        self,
        name: str,
        recipe: _Recipe,
        needed: Sequence[tuple[str, tuple[str, ...]]],
        guards: tuple[str, ...],
    ) -> None:
        names = [prerequisite for prerequisite, _ in needed]
        automatic = {
            "@": name,
            "<": (recipe.prerequisites or tuple(names) or ("",))[0],
            "^": " ".join(dict.fromkeys(names)),
            "+": " ".join(names),
            "?": " ".join(dict.fromkeys(names)),
            "*": recipe.stem,
        }
        for key, value in list(automatic.items()):
            automatic[f"{key}D"] = " ".join(map(folder_of, value.split()))
            automatic[f"{key}F"] = " ".join(word.rpartition("/")[2] for word in value.split())
        with self._variables.within(automatic):
            for line in recipe.lines:
                is_login = "login" in line.text
                text = self._variables.expand(line.text, is_exact=is_login)
                under = _joined(_joined(guards, recipe.guards), line.guards)
                # A `define` that is called gives several lines, each with a shell of its own.
                for line_text in text.split("\n") if "\n" not in line.text else [text]:
                    bare = _PREFIX.sub("", line_text, count=1)
                    if bare:
                        self.add(replace(line, text=bare, guards=under))


def _with_stem(prerequisites: Iterable[str], stem: str) -> tuple[str, ...]:
    return tuple(prerequisite.replace("%", stem, 1) for prerequisite in prerequisites)


def _sides(text: str) -> tuple[str, str] | None:
    """The two texts that ``ifeq`` compares; None if it is invalid."""
    quoted = _QUOTED_PAIR.fullmatch(text)
    if quoted is not None:
        return quoted[1] or quoted[2] or "", quoted[3] or quoted[4] or ""
    if not (text.startswith("(") and text.endswith(")")):
        return None
    left, *right = arguments_in(text[1:-1])
    return (left, ",".join(right)) if right else None


def _effective(target: _MakeTarget) -> list[_Recipe]:
    """The recipes that run: all with ``::``, else those from the last without a condition on."""
    recipes = [recipe for recipe in target.recipes if recipe.lines]
    if target.is_double:
        return recipes
    last = max((index for index, rule in enumerate(recipes) if not rule.guards), default=0)
    return recipes[last:]


def _joined(guards: tuple[str, ...], further: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain(guards, further)))


def _in_one_shell(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Join the lines of each recipe into one script, as ``.ONESHELL`` does."""
    for _, group in groupby(pieces, key=lambda piece: (piece.guards, piece.path)):
        first, *others = group
        yield replace(first, text="\n".join(piece.text for piece in (first, *others)))
