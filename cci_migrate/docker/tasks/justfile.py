"""Reads what ``just RECIPE`` runs from the justfiles of a repository.

https://just.systems/man/en/grammar.html: recipes with parameters and dependencies, variables,
imports, modules, settings. A recipe that isn't understood in full isn't followed: no guesses.

`just --dump` would need the program itself, at the version that the repository is written for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.docker.shell.facts import folder_of, joined_path
from cci_migrate.docker.shell.shell_programs import SHELLS
from cci_migrate.docker.tasks.just_expressions import (
    UNKNOWN,
    Expression,
    NotJust,
    Token,
    TokenReader,
    tokens_of,
)
from cci_migrate.docker.tasks.task_files import (
    EnvironmentDefaults,
    RunnerCommand,
    TaskReader,
    file_in,
    nearest_file,
    path_from,
    taken_option,
)
from cci_migrate.docker.tasks.task_script import (
    Piece,
    Surroundings,
    TaskScript,
    UnreadableTask,
    exports_of,
    script_of,
)
from cci_migrate.docker.word_sets import names

#: The files that just tries in a folder, then in those above; it takes them in any case.
DEFAULT_NAMES = ("justfile", "Justfile", ".justfile")

_DEEPEST = 50
_VALUED = names(
    "-f --justfile -d --working-directory --shell --shell-arg --dotenv-path --dotenv-filename -E"
    " --color --command-color --chooser --timestamp-format"
)
_RUNS_NOTHING = names(
    "-n --dry-run -l --list --summary --dump --evaluate --fmt -s --show --variables --version -V"
    " --help -h --choose --completions -e"
)
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][\w-]*)\s*:=\s*(.*)", re.DOTALL)
_ALIAS = re.compile(r"alias\s+([\w-]+)\s*:=\s*([\w:-]+)")
_SETTING = re.compile(r"set\s+([\w-]+)(?:\s*:=\s*(.*))?", re.DOTALL)
_IMPORT = re.compile(r"import(\?)?[ \t]+(\S.*)")
_MODULE = re.compile(r"mod(\?)?[ \t]+([\w-]+)(.*)")
_HEAD = re.compile(r"(@?)([A-Za-z_][\w-]*)\b(.*)", re.DOTALL)
_SHEBANG = re.compile(r"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(?:\S*/)?(\S+)")
_INTERPOLATION = re.compile(r"\{\{\{\{|\{\{((?:[^{}]|\{[^{]|\}(?!\}))*)\}\}")
_PREFIX = re.compile(r"[@-]*")
#: Around texts and commands that go on over line ends.
_QUOTES = ("'''", '"""', "```")
_OTHER_SYSTEMS = names("windows macos openbsd")
_OWN_SYSTEMS = names("linux unix")


def just_command(arguments: Sequence[str]) -> RunnerCommand:
    """Parse the ``arguments`` of ``just``."""
    words: list[str] = []
    options: dict[str, str] = {}
    overrides: dict[str, str] = {}
    runs = True
    following = list(arguments)
    while following:
        word = following[0]
        if word == "--set" and len(following) > 2:
            overrides[following[1]] = following[2]
            del following[:3]
        elif not words and word.startswith("-"):
            option, value = taken_option(following, _VALUED)
            runs = runs and option not in _RUNS_NOTHING
            options[option] = value
        elif not words and re.match(r"[A-Za-z_][\w-]*=", word):
            name, _, value = following.pop(0).partition("=")
            overrides[name] = value
        else:
            words.append(following.pop(0))
    return RunnerCommand(
        tuple(words),
        options.get("-d", options.get("--working-directory")),
        options.get("-f", options.get("--justfile")),
        overrides,
        runs,
    )


def just_title(arguments: Sequence[str]) -> str:
    """The command's name for people: just and the first recipe."""
    return " ".join(("just", *just_command(arguments).names[:1]))


def just_script(arguments: Sequence[str], called: Surroundings) -> TaskScript:
    """The script that ``just`` with ``arguments`` runs. Raises UnreadableTask."""
    command = just_command(arguments)
    if not command.runs:
        return TaskScript("", called.directory)
    words = list(command.names)
    where = called.directory
    if words and "/" in words[0]:
        # `just web/build`: the recipe of the justfile in web, in that folder.
        folder, _, words[0] = words[0].rpartition("/")
        where = joined_path(where, folder)
        words = words if words[0] else words[1:]
    if any("$" in text for text in (where, command.file or "", *words[:1])):
        raise UnreadableTask("which recipe it runs can't be determined")
    if command.file is None:
        path = nearest_file(where, DEFAULT_NAMES, called.read)
    else:
        path = file_in(where, [command.file], called.read)
    if path is None:
        raise UnreadableTask(f"no {joined_path(where, command.file or DEFAULT_NAMES[0])} found")
    root = folder_of(path)
    if command.directory is not None:
        root = joined_path(called.directory, command.directory)
    reader = _Reader(root, replace(called, directory=where), command.variables)
    try:
        module = reader.load(path, root)
        reader.run_words(module, words)
        return script_of(reader.pieces, root, exports_of(reader.exports(module)))
    except NotJust as problem:
        raise UnreadableTask(f"can't parse {path} ({problem})") from None


class _Parameter(Struct, frozen=True):
    """A parameter of a recipe; ``kind`` is ``+`` or ``*`` if it takes all that follows."""

    name: str
    kind: str
    default: Sequence[Token] | None


class _Dependency(Struct, frozen=True):
    """A recipe that another one needs, with its arguments."""

    name: str
    arguments: list[Sequence[Token]]


class _Recipe(Struct):
    name: str
    parameters: list[_Parameter]
    before: list[_Dependency]
    behind: list[_Dependency]
    path: str
    line: int
    attributes: frozenset[str]
    folder: str | None
    body: list[str] = field(default_factory=list)


class _Module(Struct):
    """A justfile with what it imports; ``directory`` is where its recipes run."""

    directory: str
    recipes: dict[str, _Recipe] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    variables: dict[str, list[Token]] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    settings: dict[str, list[Token]] = field(default_factory=dict)
    modules: dict[str, _Module] = field(default_factory=dict)
    #: The first recipe, which runs if none is named, is of the file itself.
    first: str | None = None


class _Reader(TaskReader):
    title = "justfile"

    def __init__(self, root: str, called: Surroundings, overrides: Mapping[str, str]) -> None:
        super().__init__(root, called)
        self._overrides = overrides
        self._done: set[tuple[str, str, tuple[str, ...]]] = set()
        self._evaluating: set[str] = set()
        self._defaults = EnvironmentDefaults()

    # Reading

    def load(self, path: str, directory: str) -> _Module:
        """The justfile at ``path``. Raises NotJust and UnreadableTask."""
        module = _Module(directory)
        self._file(module, path, is_first=True)
        return module

    def _file(self, module: _Module, path: str, *, is_first: bool) -> None:
        recipe: _Recipe | None = None
        attributes: list[str] = []
        for number, line in _logical_lines(self.text_of(path)):
            if line[:1] in (" ", "\t") or not line.strip():
                if recipe is not None:
                    recipe.body.append(line)
                continue
            recipe = None
            if line.startswith("#"):
                continue
            if line.startswith("["):
                attributes.append(line[1:].rpartition("]")[0])
                continue
            recipe = self._statement(module, line, path, number, attributes)
            if recipe is not None and is_first and module.first is None:
                module.first = recipe.name
            attributes = []

    def _statement(
        self, module: _Module, line: str, path: str, number: int, attributes: list[str]
    ) -> _Recipe | None:
        folder = folder_of(path)
        if (match := _ALIAS.match(line)) is not None:
            module.aliases[match[1]] = match[2]
        elif (match := _SETTING.fullmatch(line)) is not None:
            is_list = (match[2] or "").startswith("[")
            inner = (match[2] or "true").split("#")[0].strip()
            module.settings[match[1]] = tokens_of(inner[1:-1] if is_list else inner)
        elif (match := _IMPORT.match(line)) is not None:
            imported = self._path(match[2], folder)
            if self._read(imported) is not None or match[1] is None:
                self._file(module, imported, is_first=False)
        elif (match := _MODULE.match(line)) is not None and ":" not in line:
            self._module(module, match[2], match[3], folder, is_optional=match[1] is not None)
        elif (match := _ASSIGNMENT.fullmatch(line)) is not None:
            module.variables[match[1]] = tokens_of(match[2])
            if line.startswith("export"):
                module.exported.add(match[1])
        else:
            recipe = _recipe(line, path, number, attributes)
            is_of_another = recipe.attributes & _OTHER_SYSTEMS and not (
                recipe.attributes & _OWN_SYSTEMS
            )
            if not is_of_another:
                module.recipes[recipe.name] = recipe
            return recipe
        return None

    @staticmethod
    def _path(text: str, folder: str) -> str:
        tokens = tokens_of(text)
        path = Expression(tokens, lambda _: None, {}, lambda *_: UNKNOWN).operand()
        return joined_path(folder, path)

    def _module(
        self, outer: _Module, name: str, rest: str, folder: str, *, is_optional: bool
    ) -> None:
        if rest.strip() and not rest.strip().startswith("#"):
            paths = [self._path(rest, folder)]
        else:
            names = (f"{name}.just", *(f"{name}/{each}" for each in ("mod.just", *DEFAULT_NAMES)))
            paths = [joined_path(folder, each) for each in names]
        path = next((path for path in paths if self._read(path) is not None), None)
        if path is not None:
            outer.modules[name] = self.load(path, folder_of(path))
        elif not is_optional:
            raise UnreadableTask(f"no {paths[0]} found")

    # Running

    def exports(self, module: _Module) -> Iterator[tuple[str, str]]:
        """The variables that recipes have in their environment, with their values."""
        exported = module.variables if "export" in module.settings else module.exported
        for name in module.variables:
            if name in exported and name.isidentifier():
                yield name, self._variable(module, name, {}) or ""

    def run_words(self, module: _Module, words: list[str]) -> None:
        """Add what runs for ``words``: recipes, each with its arguments."""
        if not words:
            if module.first is None:
                raise UnreadableTask("its justfile has no recipes")
            words = [module.first]
        while words:
            inner, name = self._inner(module, words.pop(0))
            while name in inner.modules and words:
                inner, name = self._inner(inner.modules[name], words.pop(0))
            if name in inner.modules:
                inner = inner.modules[name]
                name = inner.first or ""
            recipe = self._recipe(inner, name)
            taken = 0
            for parameter in recipe.parameters:
                taken = len(words) if parameter.kind else min(taken + 1, len(words))
            arguments, words = words[:taken], words[taken:]
            self._run(inner, recipe, arguments, 0)

    @staticmethod
    def _inner(module: _Module, name: str) -> tuple[_Module, str]:
        """The module that ``name``, a path from ``module``, leads to, and what it has there."""
        *outer, last = name.split("::")
        for part in outer:
            if part not in module.modules:
                raise UnreadableTask(f"its justfile has no module {part}")
            module = module.modules[part]
        return module, last

    @staticmethod
    def _recipe(module: _Module, name: str) -> _Recipe:
        recipe = module.recipes.get(module.aliases.get(name, name))
        if recipe is None:
            raise UnreadableTask(f"its justfile has no recipe {name}")
        return recipe

    def _run(self, module: _Module, recipe: _Recipe, arguments: Sequence[str], depth: int) -> None:
        run = (module.directory, recipe.name, tuple(arguments))
        if run in self._done:
            return
        self._done.add(run)
        if depth > _DEEPEST:
            raise UnreadableTask("its recipes are too large to follow")
        shell = module.settings.get("shell", [])
        program = shell[0].text.strip("'\"") if shell else "sh"
        if program.rpartition("/")[2] not in SHELLS:
            raise UnreadableTask(f"its recipes are for {program[:40]}")
        bound = self._bound(module, recipe, arguments)
        for dependency in recipe.before:
            self._depend(module, dependency, bound, depth)
        self._body(module, recipe, bound)
        for dependency in recipe.behind:
            self._depend(module, dependency, bound, depth)

    def _depend(
        self, module: _Module, dependency: _Dependency, bound: Mapping[str, str], depth: int
    ) -> None:
        inner, name = self._inner(module, dependency.name)
        arguments = [self._value(module, tokens, bound) for tokens in dependency.arguments]
        self._run(inner, self._recipe(inner, name), arguments, depth + 1)

    def _bound(self, module: _Module, recipe: _Recipe, arguments: Sequence[str]) -> dict[str, str]:
        bound: dict[str, str] = {}
        remaining = list(arguments)
        for parameter in recipe.parameters:
            if parameter.kind and remaining:
                bound[parameter.name] = " ".join(remaining)
                remaining = []
            elif remaining:
                bound[parameter.name] = remaining.pop(0)
            elif parameter.default is not None:
                bound[parameter.name] = self._value(module, parameter.default, bound)
            elif parameter.kind == "*":
                bound[parameter.name] = ""
            else:
                raise UnreadableTask(
                    f"the recipe {recipe.name} lacks its argument {parameter.name}"
                )
        return bound

    def _body(self, module: _Module, recipe: _Recipe, bound: Mapping[str, str]) -> None:
        first = next((line for line in recipe.body if line.strip()), None)
        if first is None:
            return
        indent = first[: len(first) - len(first.lstrip())]
        texts = [line.removeprefix(indent) if line.strip() else "" for line in recipe.body]
        go = self._folder(module, recipe)
        number = recipe.line + 1
        shebang = _SHEBANG.match(texts[0])
        if shebang is not None or any(name.startswith("script") for name in recipe.attributes):
            program = "sh" if shebang is None else shebang[1]
            if program.rpartition("/")[2] not in SHELLS:
                raise UnreadableTask(f"the recipe {recipe.name} is for {program}")
            text = self._interpolated(module, "\n".join(texts).rstrip("\n"), bound)
            self.add(Piece(go + text, recipe.path, number))
            return
        pending = ""
        start = number
        for offset, text in enumerate(texts):
            start = start if pending else number + offset
            pending += text
            if text.endswith("\\"):
                pending += "\n"
                continue
            command = self._interpolated(module, _PREFIX.sub("", pending, count=1), bound)
            if command.strip():
                self.add(Piece(go + command, recipe.path, start))
            pending = ""

    def _folder(self, module: _Module, recipe: _Recipe) -> str:
        """The command that goes to the folder where ``recipe`` runs, seen from the root."""
        directory = module.directory
        named = module.settings.get("working-directory")
        if "no-cd" in recipe.attributes:
            directory = self._called.directory
        elif recipe.folder is not None:
            directory = joined_path(directory, recipe.folder)
        elif named:
            directory = joined_path(directory, self._value(module, named, {}))
        if directory == self._root:
            return ""
        return f"cd {quote(path_from(self._root, directory))} && "

    def _interpolated(self, module: _Module, text: str, bound: Mapping[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            return "{{" if match[1] is None else self._value(module, tokens_of(match[1]), bound)

        return self._defaults.applied(_INTERPOLATION.sub(value, text))

    def _value(self, module: _Module, tokens: Sequence[Token], bound: Mapping[str, str]) -> str:
        expression = Expression(
            tokens,
            lambda name: self._variable(module, name, bound),
            self._places(module),
            self._from_environment,
        )
        value = expression.value()
        if not expression.is_over:
            raise NotJust(expression.taken().text[:20])
        return value

    def _from_environment(self, name: str, default: str | None) -> str:
        if name in self._called.environment:
            return self._called.environment[name]
        return f"${{{name}}}" if default is None else self._defaults.of(name, default)

    def _places(self, module: _Module) -> dict[str, str]:
        is_here = self._called.directory == module.directory
        return {
            "justfile_directory": ".",
            "source_directory": ".",
            "module_directory": ".",
            "invocation_directory": "." if is_here else "$OLDPWD",
            "os": "linux",
            "os_family": "unix",
        }

    def _variable(self, module: _Module, name: str, bound: Mapping[str, str]) -> str | None:
        if name in bound:
            return bound[name]
        if name in self._overrides:
            return self._overrides[name]
        tokens = module.variables.get(name)
        if tokens is None or name in self._evaluating:
            return None
        self._evaluating.add(name)
        value = self._value(module, tokens, {})
        self._evaluating.discard(name)
        return value


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines outside of recipes with what continues them, and those of recipes; their numbers.

    A string of three quotes, and a bracket, go on over line ends.
    """
    parts: list[str] = []
    marks: Counter[str] = Counter()
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            if line[:1] in (" ", "\t") or not line.strip():
                yield number, line
                continue
            start = number
            marks.clear()
        # None of them spans lines: counting line by line keeps this linear.
        marks.update({mark: line.count(mark) for mark in (*_QUOTES, ":=", "(", ")")})
        if line.endswith("\\"):
            parts.append(line[:-1] + " ")
            continue
        parts.append(line)
        is_open = any(marks[quotes] % 2 for quotes in _QUOTES)
        is_split = marks[":="] and marks["("] > marks[")"]
        if not is_open and not is_split:
            yield start, "\n".join(parts)
            parts.clear()
    if parts:
        yield start, "\n".join(parts)


def _recipe(line: str, path: str, number: int, attributes: list[str]) -> _Recipe:
    """The recipe with the head ``line``. Raises NotJust."""
    head = _HEAD.fullmatch(line)
    if head is None:
        raise NotJust(line[:20])
    tokens = TokenReader(tokens_of(head[3]))
    parameters: list[_Parameter] = []
    while not tokens.accepted(":"):
        if tokens.is_over:
            raise NotJust(line[:20])
        kind = ""
        while sign := tokens.accepted("+", "*", "$"):
            kind = sign.strip("$") or kind
        name = tokens.taken().text
        default = tokens.operands() if tokens.accepted("=") else None
        parameters.append(_Parameter(name, kind, default))
    names: list[str] = []
    folder = None
    for text in attributes:
        for attribute in re.findall(r"([\w-]+)(?:\s*[:(]\s*['\"]([^'\"]*)['\"]\s*\)?)?", text):
            names.append(attribute[0])
            if attribute[0] == "working-directory":
                folder = attribute[1]
    before, behind = list(_dependencies(tokens)), list(_dependencies(tokens))
    if not tokens.is_over:
        raise NotJust("&&")
    return _Recipe(head[2], parameters, before, behind, path, number, frozenset(names), folder)


def _dependencies(tokens: TokenReader) -> Iterator[_Dependency]:
    """The dependencies up to ``&&``, behind which are those that run later, or to the end."""
    while not tokens.is_over and not tokens.accepted("&&"):
        has_arguments = tokens.accepted("(")
        name = tokens.path()
        arguments: list[Sequence[Token]] = []
        while has_arguments and not tokens.accepted(")"):
            arguments.append(tokens.operands("+", "/"))
        yield _Dependency(name, arguments)
