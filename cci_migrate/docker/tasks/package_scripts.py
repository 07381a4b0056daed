"""What ``npm run SCRIPT`` and its kin run, told from the ``package.json`` of a folder.

https://docs.npmjs.com/cli/using-npm/scripts, https://classic.yarnpkg.com/lang/en/docs/cli/run/,
https://yarnpkg.com/cli/run, https://pnpm.io/cli/run, https://bun.sh/docs/cli/run. What installing
packages runs is not followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from msgspec import Struct

from cci_migrate.bounds.json_input import JsonInputError, parsed_json
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.tasks.task_script import (
    MOST_TEXT,
    NotFollowed,
    Piece,
    Read,
    TaskScript,
    script_of,
)

#: Words that run the script of that name without ``run``. Of npm only these do; of the others
#: every word that is no command of their own does.
_NPM_SCRIPTS = {"test": "test", "t": "test", "tst": "test", "start": "start", "stop": "stop"}
_RUN = ("run", "run-script", "rum", "urn")
_COMMANDS = frozenset(
    re.findall(
        r"\S+",
        "access add audit autoclean bin cache check ci config constraints create dedupe deploy"
        " dist-tag dlx doctor env exec explain explore fetch generate-lock-entry global help i"
        " import info init install install-test it licenses link list ln login logout ls node npm"
        " outdated owner pack patch patch-commit plugin policies prune publish rebuild remove rm"
        " root search set setup stage store tag team unlink unplug up update upgrade"
        " upgrade-interactive version versions view whoami why x exe",
    )
)
#: Their options that take a value as a word of its own: those that say in which folder.
_FOLDER_OPTIONS = ("--prefix", "--cwd", "-C", "--dir")
#: Options that choose among the packages of a workspace.
_WORKSPACE = ("-w", "--workspace", "--workspaces", "-ws", "--filter", "-F", "-r", "--recursive")
_RUN_SEVERAL = ("run-s", "run-p", "npm-run-all", "npm-run-all2")


class PackageCommand(Struct, frozen=True):
    """A command line of a package manager.

    ``scripts`` empty: it runs none. ``arguments`` are handed on to them.
    """

    scripts: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    directory: str = "."
    is_of_workspace: bool = False
    if_present: bool = False


def package_command(program: str, words: Sequence[str]) -> PackageCommand:
    """Take the ``words`` behind ``program`` apart."""
    directory = "."
    is_of_workspace = if_present = False
    names: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            names.append(word)
            if program in _RUN_SEVERAL:
                continue
            if word in _RUN and len(names) == 1:
                continue
            break
        option, equals, value = word.partition("=")
        if option in _FOLDER_OPTIONS:
            directory = joined_path(directory, value if equals or not rest else rest.pop(0))
        is_of_workspace = is_of_workspace or option in _WORKSPACE
        if_present = if_present or option == "--if-present"
    if not names:
        return PackageCommand((), (), directory)
    if program in _RUN_SEVERAL:
        return PackageCommand(tuple(names), (), directory)
    first = names[0]
    # Options of npm itself may stand behind the script too.
    if program == "npm":
        head = rest[: rest.index("--")] if "--" in rest else rest
        for option in head:
            name, _, value = option.partition("=")
            if name == "--prefix" and value:
                directory = joined_path(directory, value)
            is_of_workspace = is_of_workspace or name in _WORKSPACE
            if_present = if_present or name == "--if-present"
        handed = rest[rest.index("--") + 1 :] if "--" in rest else []
    else:
        handed = rest[1:] if rest[:1] == ["--"] else rest
    if first in _RUN:
        scripts: tuple[str, ...] = tuple(names[1:])
    elif program == "npm":
        scripts = (_NPM_SCRIPTS[first],) if first in _NPM_SCRIPTS else ()
    elif first in ("workspace", "workspaces") and program == "yarn":
        scripts, is_of_workspace = (" ".join((first, *rest[:3])),), True
    else:
        scripts = () if first in _COMMANDS else (first,)
    return PackageCommand(scripts, tuple(handed), directory, is_of_workspace, if_present)


def package_title(program: str, words: Sequence[str]) -> str:
    """What to call such a command: what it hands on is left out."""
    command = package_command(program, words)
    run = [] if program in _RUN_SEVERAL else ["run"]
    return " ".join((program, *run, *command.scripts)) if command.scripts else program


def package_script(
    program: str, words: Sequence[str], directory: str, read: Read, environment: Mapping[str, str]
) -> TaskScript | NotFollowed:
    """What ``program`` (``npm``, ``yarn``, …) runs with ``words``, called in ``directory``."""
    del environment
    command = package_command(program, words)
    inside = joined_path(directory, command.directory)
    if not command.scripts:
        return TaskScript("", inside)
    if command.is_of_workspace:
        return NotFollowed("it runs scripts of workspaces")
    path = joined_path(inside, "package.json")
    if any("$" in text for text in (path, *command.scripts)):
        return NotFollowed("which script it runs can't be determined")
    text = read(path)
    if text is None:
        return NotFollowed(f"no {path} found", may_be_ours=_is_explicit(program, words))
    scripts = _scripts_in(text)
    if scripts is None:
        return NotFollowed(f"{path} can't be read")
    pieces: list[Piece] = []
    for name in command.scripts:
        fitting = [one for one in scripts if _fits(one, name)]
        if not fitting and not command.if_present and name != "start":
            is_explicit = _is_explicit(program, words)
            return NotFollowed(f"{path} has no script {name}", may_be_ours=is_explicit)
        for one in fitting:
            pieces += _pieces(one, scripts, program, command.arguments, text, path)
    return script_of(pieces, inside)


def _is_explicit(program: str, words: Sequence[str]) -> bool:
    """Whether a script is asked for: ``yarn x`` may also be a program of some package."""
    return program in ("npm", *_RUN_SEVERAL) or any(word in _RUN for word in words[:3])


def _fits(script: str, name: str) -> bool:
    return script == name or ("*" in name and fnmatchcase(script, name))


def _scripts_in(text: str) -> Mapping[str, str] | None:
    if len(text) > MOST_TEXT:
        return None
    try:
        data = parsed_json(text)
    except (JsonInputError, RecursionError):
        return None
    scripts = data.get("scripts", {}) if isinstance(data, dict) else None
    if not isinstance(scripts, dict):
        return None
    return {name: script for name, script in scripts.items() if isinstance(script, str)}


def _pieces(
    name: str,
    scripts: Mapping[str, str],
    program: str,
    arguments: Sequence[str],
    text: str,
    path: str,
) -> Iterator[Piece]:
    # npm runs `prex` and `postx` around `x`; the others do so by their version and settings.
    guards = () if program == "npm" else ('[ "$npm_config_enable_pre_post_scripts" ]',)
    for one, under in ((f"pre{name}", guards), (name, ()), (f"post{name}", guards)):
        if one not in scripts:
            continue
        handed = "".join(f" {word if '$' in word else quote(word)}" for word in arguments)
        script = scripts[one] + (handed if one == name else "")
        yield Piece(script, path, _line_of(one, text), under)


def _line_of(name: str, text: str) -> int:
    """The line of the script's key; the file's first if its spelling is another."""
    start = max(0, text.find('"scripts"'))
    found = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:").search(
        text, start
    )
    return 1 if found is None else text.count("\n", 0, found.start()) + 1
