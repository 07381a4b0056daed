"""Reads what ``npm run SCRIPT`` and similar commands run from a ``package.json``.

https://docs.npmjs.com/cli/using-npm/scripts, https://classic.yarnpkg.com/lang/en/docs/cli/run/,
https://yarnpkg.com/cli/run, https://pnpm.io/cli/run, https://bun.sh/docs/cli/run. An installation
of what the package needs runs the package's own scripts of its life cycle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import reduce
from shlex import quote

from msgspec import Struct

from cci_migrate.bounds.json_input import JsonInputError, parsed_json
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.tasks.task_files import taken_option
from cci_migrate.docker.tasks.task_script import (
    MOST_TEXT,
    Piece,
    Surroundings,
    TaskScript,
    UnreadableTask,
    script_of,
)
from cci_migrate.docker.word_sets import names

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
_INSTALLS = names("install i in add")
_CLEAN_INSTALLS = names("ci clean-install install-clean ic")
_INSTALL_TESTS = names("install-test it install-ci-test cit")
#: What an installation runs, in this order:
#: https://docs.npmjs.com/cli/using-npm/scripts#npm-install
_LIFE_CYCLE = (
    "preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"
)  # fmt: skip
#: Their options for the folder, whose value may be the next word.
_FOLDER_OPTIONS = names("--prefix --cwd -C --dir")
#: Options that choose among the packages of a workspace.
_WORKSPACE = names("-w --workspace --workspaces -ws --filter -F -r --recursive")
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
    following = list(words)
    options: list[tuple[str, str]] = []

    def taken(most: int) -> tuple[str, ...]:
        """Take up to ``most`` words that are no options, with the options before them."""
        plain: list[str] = []
        while following and len(plain) < most:
            if following[0].startswith("-"):
                options.append(taken_option(following, _FOLDER_OPTIONS))
            else:
                plain.append(following.pop(0))
        return tuple(plain)

    if program in _RUN_SEVERAL:
        return PackageCommand(taken(len(words)), (), _directory(options))
    named = taken(1)
    if not named:
        installs = program == "yarn" and not _skips_scripts(options)
        return PackageCommand((), (), _directory(options), installs=installs)
    first = named[0]
    scripts: tuple[str, ...] = ()
    runs_tests = program == "npm" and first in _INSTALL_TESTS
    if runs_tests or first in _INSTALLS | _CLEAN_INSTALLS:
        # With packages it installs only those.
        installs = not taken(len(words)) or first in _CLEAN_INSTALLS
        installs = installs and not _skips_scripts(options)
        if runs_tests:
            scripts = ("test",)
        return PackageCommand(scripts, (), _directory(options), installs=installs)
    if first in _RUN:
        scripts = taken(1)
    elif program == "npm":
        scripts = (_NPM_SCRIPTS[first],) if first in _NPM_SCRIPTS else ()
    elif program == "yarn" and first in ("workspace", "workspaces"):
        scripts = (" ".join((first, *following[:3])),)
        options.append(("--workspace", ""))
    elif first not in _COMMANDS:
        scripts = named
    dashes = following.index("--") if "--" in following else len(following)
    handed = following if dashes else following[1:]
    if program == "npm":
        # Options of npm itself may also follow the script.
        options += (taken_option([word], ()) for word in following[:dashes])
        handed = following[dashes + 1 :]
    given = {option for option, _ in options}
    return PackageCommand(
        scripts,
        tuple(handed),
        _directory(options),
        not given.isdisjoint(_WORKSPACE),
        "--if-present" in given,
    )


def _directory(options: Iterable[tuple[str, str]]) -> str:
    folders = (value for option, value in options if option in _FOLDER_OPTIONS)
    return reduce(joined_path, folders, ".")


def _skips_scripts(options: Iterable[tuple[str, str]]) -> bool:
    given = dict(options)
    is_off = given.get("--ignore-scripts", "false") != "false"
    return is_off or not given.keys().isdisjoint(("--version", "-v", "--help", "-h", "--mode"))


def package_title(program: str, words: Sequence[str]) -> str:
    """The command's name for people, without the arguments that it passes on."""
    command = package_command(program, words)
    run = [] if program in _RUN_SEVERAL else ["run"]
    return " ".join((program, *run, *command.scripts)) if command.scripts else program


def package_script(program: str, words: Sequence[str], called: Surroundings) -> TaskScript:
    """The script that ``program`` (``npm``, ``yarn``, …) runs with ``words``.

    Raises UnreadableTask.
    """
    command = package_command(program, words)
    inside = joined_path(called.directory, command.directory)
    if not command.scripts and not command.installs:
        return TaskScript("", inside)
    if command.selects_workspace:
        raise UnreadableTask("it runs scripts in workspaces")
    path = joined_path(inside, "package.json")
    if any("$" in text for text in (path, *command.scripts)):
        raise UnreadableTask("which script it runs can't be determined")
    # `yarn x` may also run a program of a package.
    is_explicit = program in ("npm", *_RUN_SEVERAL) or any(word in _RUN for word in words[:3])
    text = called.read(path)
    if text is None:
        may_be_ours = bool(command.scripts) and is_explicit
        raise UnreadableTask(f"no {path} found", may_be_ours=may_be_ours)
    scripts = _scripts_in(text)
    if scripts is None:
        raise UnreadableTask(f"{path} can't be read")
    perhaps = () if program == "npm" else _PERHAPS
    handed = "".join(f" {word if '$' in word else quote(word)}" for word in command.arguments)
    pieces: list[Piece] = []

    def add(name: str, guards: tuple[str, ...], arguments: str = "") -> None:
        if name in scripts:
            pieces.append(Piece(scripts[name] + arguments, path, _line_of(name, text), guards))

    if command.installs:
        for name in _LIFE_CYCLE:
            add(name, perhaps)
    for name in command.scripts:
        fitting = [script for script in scripts if _fits(script, name)]
        if not fitting and not command.if_present and name != "start":
            raise UnreadableTask(f"{path} has no script {name}", may_be_ours=is_explicit)
        for script in fitting:
            # npm runs `prex` and `postx` around `x`; the others do so by version and settings.
            add(f"pre{script}", perhaps)
            add(script, (), handed)
            add(f"post{script}", perhaps)
    return script_of(pieces, inside)


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


def _line_of(name: str, text: str) -> int:
    """The line of the script's key; 1 if it isn't found."""
    start = max(0, text.find('"scripts"'))
    key = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:").search(text, start)
    return 1 if key is None else text.count("\n", 0, key.start()) + 1
