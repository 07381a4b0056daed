"""Reads what ``npm run SCRIPT`` and similar commands run from a ``package.json``.

https://docs.npmjs.com/cli/using-npm/scripts, https://classic.yarnpkg.com/lang/en/docs/cli/run/,
https://yarnpkg.com/cli/run, https://pnpm.io/cli/run, https://bun.sh/docs/cli/run. An installation
of what the package needs runs the package's own scripts of its life cycle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from msgspec import Struct

from cci_migrate.bounds.json_input import JsonInputError, parsed_json
from cci_migrate.docker.name_tables import names
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.tasks.task_script import (
    MOST_TEXT,
    NotFollowed,
    Piece,
    Read,
    TaskScript,
    script_of,
)

#: Words that run a script without ``run``. For npm these are all; other programs take any word that
#: isn't one of their commands.
_NPM_SCRIPTS = {"test": "test", "t": "test", "tst": "test", "start": "start", "stop": "stop"}
_RUN = ("run", "run-script", "rum", "urn")
_COMMANDS = names(
    "access add audit autoclean bin cache check ci config constraints create dedupe deploy"
    " dist-tag dlx doctor env exec explain explore fetch generate-lock-entry global help i"
    " import info init install install-test it licenses link list ln login logout ls node npm"
    " outdated owner pack patch patch-commit plugin policies prune publish rebuild remove rm"
    " root search set setup stage store tag team unlink unplug up update upgrade"
    " upgrade-interactive version versions view whoami why x exe"
)
#: Commands that install what the package needs, and those of npm that run its tests afterwards.
_INSTALLS = frozenset(("install", "i", "in", "add"))
_CLEAN_INSTALLS = frozenset(("ci", "clean-install", "install-clean", "ic"))
_INSTALL_TESTS = frozenset(("install-test", "it", "install-ci-test", "cit"))
#: What an installation runs, in this order:
#: https://docs.npmjs.com/cli/using-npm/scripts#npm-install
_LIFE_CYCLE = (
    "preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"
)  # fmt: skip
#: Their options for the folder, whose value may be the next word.
_FOLDER_OPTIONS = ("--prefix", "--cwd", "-C", "--dir")
#: Options that choose among the packages of a workspace.
_WORKSPACE = ("-w", "--workspace", "--workspaces", "-ws", "--filter", "-F", "-r", "--recursive")
#: What decides whether other programs than npm run a script around another.
_PERHAPS = ('[ "$npm_config_enable_pre_post_scripts" ]',)
_RUN_SEVERAL = ("run-s", "run-p", "npm-run-all", "npm-run-all2")


class PackageCommand(Struct, frozen=True):
    """A command line of a package manager.

    ``scripts`` is empty if it runs none. ``arguments`` are passed to them. ``installs``: it runs
    those of the package's life cycle first.
    """

    scripts: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    directory: str = "."
    selects_workspace: bool = False
    if_present: bool = False
    installs: bool = False


def package_command(program: str, words: Sequence[str]) -> PackageCommand:
    """Parse ``words``, the arguments of ``program``."""
    directory = "."
    selects_workspace = if_present = False
    names: list[str] = []
    following = list(words)
    while following:
        word = following.pop(0)
        if not word.startswith("-"):
            names.append(word)
            if program in _RUN_SEVERAL:
                continue
            if word in _RUN and len(names) == 1:
                continue
            break
        option, equals, value = word.partition("=")
        if option in _FOLDER_OPTIONS:
            directory = joined_path(
                directory, value if equals or not following else following.pop(0)
            )
        selects_workspace = selects_workspace or option in _WORKSPACE
        if_present = if_present or option == "--if-present"
    if not names:
        installs = program == "yarn" and not _skips_scripts(words)
        return PackageCommand((), (), directory, installs=installs)
    if program in _RUN_SEVERAL:
        return PackageCommand(tuple(names), (), directory)
    first = names[0]
    if first in _INSTALLS | _CLEAN_INSTALLS | (_INSTALL_TESTS if program == "npm" else frozenset()):
        return _installation(first, following, directory, installs=not _skips_scripts(words))
    # Options of npm itself may also follow the script.
    if program == "npm":
        head = following[: following.index("--")] if "--" in following else following
        for option in head:
            name, _, value = option.partition("=")
            if name == "--prefix" and value:
                directory = joined_path(directory, value)
            selects_workspace = selects_workspace or name in _WORKSPACE
            if_present = if_present or name == "--if-present"
        handed = following[following.index("--") + 1 :] if "--" in following else []
    else:
        handed = following[1:] if following[:1] == ["--"] else following
    if first in _RUN:
        scripts: tuple[str, ...] = tuple(names[1:])
    elif program == "npm":
        scripts = (_NPM_SCRIPTS[first],) if first in _NPM_SCRIPTS else ()
    elif first in ("workspace", "workspaces") and program == "yarn":
        scripts, selects_workspace = (" ".join((first, *following[:3])),), True
    else:
        scripts = () if first in _COMMANDS else (first,)
    return PackageCommand(scripts, tuple(handed), directory, selects_workspace, if_present)


def _skips_scripts(words: Sequence[str]) -> bool:
    named = {word.partition("=")[0]: word.partition("=")[2] for word in words}
    is_off = named.get("--ignore-scripts", "false") != "false"
    return is_off or not named.keys().isdisjoint(("--version", "-v", "--help", "-h", "--mode"))


def _installation(
    name: str, following: Sequence[str], directory: str, *, installs: bool
) -> PackageCommand:
    """The command ``name`` with the words ``following``; with packages it installs only those."""
    words = list(following)
    packages: list[str] = []
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if option in _FOLDER_OPTIONS:
            value = value if equals or not words else words.pop(0)
            directory = joined_path(directory, value)
        elif not word.startswith("-"):
            packages.append(word)
    installs = installs and (name in _CLEAN_INSTALLS or not packages)
    scripts = ("test",) if name in _INSTALL_TESTS else ()
    return PackageCommand(scripts, (), directory, installs=installs)


def package_title(program: str, words: Sequence[str]) -> str:
    """The command's name for people, without the arguments that it passes on."""
    command = package_command(program, words)
    run = [] if program in _RUN_SEVERAL else ["run"]
    return " ".join((program, *run, *command.scripts)) if command.scripts else program


def package_script(
    program: str, words: Sequence[str], directory: str, read: Read, environment: Mapping[str, str]
) -> TaskScript | NotFollowed:
    """The script that ``program`` (``npm``, ``yarn``, …) runs with ``words`` in ``directory``.

    NotFollowed says why it is unknown.
    """
    del environment
    command = package_command(program, words)
    inside = joined_path(directory, command.directory)
    if not command.scripts and not command.installs:
        return TaskScript("", inside)
    if command.selects_workspace:
        return NotFollowed("it runs scripts in workspaces")
    path = joined_path(inside, "package.json")
    if any("$" in text for text in (path, *command.scripts)):
        return NotFollowed("which script it runs can't be determined")
    text = read(path)
    if text is None:
        is_explicit = bool(command.scripts) and _is_explicit(program, words)
        return NotFollowed(f"no {path} found", may_be_ours=is_explicit)
    scripts = _scripts_in(text)
    if scripts is None:
        return NotFollowed(f"{path} can't be read")
    pieces: list[Piece] = []
    if command.installs:
        guards = () if program == "npm" else _PERHAPS
        pieces += (
            Piece(scripts[name], path, _line_of(name, text), guards)
            for name in _LIFE_CYCLE
            if name in scripts
        )
    for name in command.scripts:
        fitting = [script for script in scripts if _fits(script, name)]
        if not fitting and not command.if_present and name != "start":
            is_explicit = _is_explicit(program, words)
            return NotFollowed(f"{path} has no script {name}", may_be_ours=is_explicit)
        for matching in fitting:
            pieces += _pieces(matching, scripts, program, command.arguments, text, path)
    return script_of(pieces, inside)


def _is_explicit(program: str, words: Sequence[str]) -> bool:
    """Whether the command must run a script; ``yarn x`` may also run a program of a package."""
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
    guards = () if program == "npm" else _PERHAPS
    for script_name, own_guards in ((f"pre{name}", guards), (name, ()), (f"post{name}", guards)):
        if script_name not in scripts:
            continue
        handed = "".join(f" {word if '$' in word else quote(word)}" for word in arguments)
        script = scripts[script_name] + (handed if script_name == name else "")
        yield Piece(script, path, _line_of(script_name, text), own_guards)


def _line_of(name: str, text: str) -> int:
    """The line of the script's key; 1 if it isn't found."""
    start = max(0, text.find('"scripts"'))
    key = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:").search(text, start)
    return 1 if key is None else text.count("\n", 0, key.start()) + 1
