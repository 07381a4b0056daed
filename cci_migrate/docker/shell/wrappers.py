"""Programs that run another command, such as ``sudo`` and ``xargs``.

A short list of programs that run the rest of their line as a command on the same machine, and
others that have Docker's command behind ``--``. ``ssh host docker pull x`` pulls elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cci_migrate.docker.container_tools import (
    COMPOSE_PROGRAMS,
    DOCKER_PROGRAMS,
    DOCKER_VARIABLE,
    has_tool,
)
from cci_migrate.docker.shell.client_config import (
    DOCKER_CONFIG,
    HOME,
    OTHER_USER,
    ClientEnvironment,
    as_user,
    expanded,
    home_of,
)
from cci_migrate.docker.shell.command_line import is_only_placeholder
from cci_migrate.docker.shell.docker_cli import docker_command
from cci_migrate.docker.shell.facts import Word
from cci_migrate.docker.tasks.programs import LAUNCHERS
from cci_migrate.docker.word_sets import names

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


#: Program -> its options that take a value as a word of its own.
_TRANSPARENT: dict[str, frozenset[str]] = {
    "sudo": names(
        "-u -g -C -h -p -r -t -T -U -D -R --user --group --host --prompt --role --type --chdir"
        " --chroot --close-from --other-user --command-timeout"
    ),
    "doas": names("-u -C"),
    "env": names("-u --unset -C --chdir"),
    "time": names("-f -o --format --output"),
    "exec": names("-a"),
    "nice": names("-n --adjustment"),
    "ionice": names("-c -n --class --classdata"),
    "stdbuf": names("-i -o -e"),
    **dict.fromkeys(("timeout", "gtimeout"), names("-k -s --kill-after --signal")),
    "flock": names("-w -E --timeout --wait --conflict-exit-code"),
    "watch": names("-n --interval -d"),
    "strace": names("-e -o -p -s -E -u"),
    "systemd-run": names("-p -u -M -H --property --unit --uid --gid --slice --description"),
    "caffeinate": names("-t -w"),
    "xargs": names("-n -I -P -L -d -a -s -E --max-args --max-procs --delimiter"),
    **dict.fromkeys(
        names("nohup command builtin setsid unbuffer winpty taskset chrt cross-env"), names("")
    ),
}
#: Those that take one argument of their own before the command.
_TAKE_ONE = names("timeout gtimeout flock taskset chrt")
#: Programs that pass secrets to the command after their ``--``.
_BEHIND_DASHES = names("doppler op chamber aws-vault aws-okta infisical")
#: Programs whose ``--`` is followed by a command on another machine, in a container, or by none.
_ELSEWHERE = DOCKER_PROGRAMS | names(
    "ssh kubectl oc crictl lxc incus multipass vagrant gcloud aws az fly flyctl heroku nomad tsh"
    " git gh grep egrep rg ag sed awk echo printf test rm ls find sort apt apt-get yum dnf apk brew"
    " pip pip3 npm yarn pnpm bun make just task"
)
#: Programs whose arguments only name a command.
_RUN_NOTHING = names(
    "alias builtin cat command curl export false hash mail man pgrep pkill read set tee true type"
    " wget which :"
)
#: Programs that only read their input.
_FILTERS = names(
    "base64 bat bc cmp column comm crontab csplit cut diff dos2unix expand fmt fold gzip head iconv"
    " join jq less md5sum more mysql nl od openssl paste patch pbcopy pr psql pv rev sha256sum shuf"
    " shasum sponge sqlite3 strings tac tail tr ts uniq wc xxd yq"
)
#: Programs and functions that print or send their arguments.
_PRINTS = re.compile(
    r"(?:^|[_.-])(?:abort|assert\w*|banner|comment|debug|die|echo\w*|err\w*|fail\w*|header|info"
    r"|log\w{0,7}|message|msg|notice|notif\w*|print\w*|say|section|slack\w*|status|step|success"
    r"|title|warn\w*)(?:[_.-]|$)",
    re.IGNORECASE,
)
_NAME_SEPARATOR = re.compile(r"[_-]")
_SUDO_VARIABLE = re.compile(r"\$(?:\w*sudo\w*|\{\w*sudo\w*(?::?[-+=][^}]*)?\})", re.IGNORECASE)
_WITH_DEFAULT = re.compile(r"\$\{\w+:?[-=]([\w./-]+)\}")
_DOCKER_VARIABLE = re.compile(DOCKER_VARIABLE)
#: A variable, or an argument of a function, alone.
_VARIABLE = re.compile(r"\$\{?(\w+|[@*])\}?")
#: Between the commands of a text, and what may be before the name of one.
_COMMAND_ENDS = re.compile(r"[;&|\n]+")
_BEFORE = re.compile(r"sudo|[A-Za-z_]\w*=.*")
#: Of how many words the name of Docker's command must be among.
_MOST_WORDS = 20
#: The arguments of a retry program before the command that it runs: options and numbers.
_RETRY_ARGUMENT = re.compile(r"-.*|\d+\w?")


class Unwrapped(Struct, frozen=True):
    """A command without its wrappers.

    ``assignments`` are those of ``env A=b`` and ``sudo A=b``. ``xargs_appends``: ``xargs`` adds
    unknown arguments; ``replaces`` is the text that it replaces by them (``-I``).
    ``obstacle``: why the command can't read a password from a pipe, for people. ``environment`` is
    what it has of the variables that say where logins are kept.
    """

    words: Sequence[Word]
    assignments: tuple[tuple[str, str], ...] = ()
    xargs_appends: bool = False
    replaces: str | None = None
    obstacle: str | None = None
    environment: ClientEnvironment = {}


def program_of(word: Word) -> str:
    """The name of the program that ``word``, the first word of a command, runs.

    ``${DOCKER:-docker}`` is taken for its default, and ``$DOCKER_COMPOSE`` for what it says.
    """
    if word.value.startswith("$"):
        default = _WITH_DEFAULT.fullmatch(word.value)
        if default is not None:
            return default[1].rpartition("/")[2]
        named = _DOCKER_VARIABLE.fullmatch(word.value)
        if named is not None:
            return named[1].lower().replace("_", "-")
    return word.value.rpartition("/")[2].removesuffix(".exe")


def _runs_again(program: str) -> bool:
    """Whether ``program`` is named for running a command until it succeeds.

    No two build images name it alike: ``retry``, ``travis_retry``, ``with-retries``, ``retry.sh``.
    """
    parts = _NAME_SEPARATOR.split(program.removesuffix(".sh"))
    return "retry" in parts or "retries" in parts


def may_wrap(program: str) -> bool:
    """Whether ``program`` may run another command."""
    return program in _TRANSPARENT or program in _BEHIND_DASHES or _runs_again(program)


def docker_command_in(text: str) -> str:
    """``docker pull`` of a ``text`` in which such a command is; empty for any other text.

    Only commands that may pull images or log in.
    """
    if not has_tool(text):
        return ""
    for line in _COMMAND_ENDS.split(text):
        parts = line.split()
        words = [Word(0, 0, part, part) for part in parts[: _MOST_WORDS + 1]]
        at = next((at for at, part in enumerate(parts) if not _BEFORE.fullmatch(part)), 0)
        if words[at:] and (command := _fetching(words[at:])):
            return command
    return ""


def _fetching(words: Sequence[Word]) -> str:
    """The name of the command ``words`` if it is one of Docker's that may pull images or log in."""
    program = program_of(words[0])
    if program not in DOCKER_PROGRAMS:
        return ""
    command = docker_command(words[:_MOST_WORDS], program)
    name = command.name.removeprefix("compose ") if program in COMPOSE_PROGRAMS else command.name
    return f"{program} {name}" if command.fetches else ""


def docker_among(program: str, words: Sequence[Word], held: Mapping[str, str]) -> str:
    """The command of Docker among ``words`` that ``program``, their first, may run, else empty.

    ``held`` are the commands that variables may hold whose value isn't known.

    ``with-lock docker pull x``, ``run_logged "docker compose up"``: no list has all such programs,
    so it is each that isn't known to run nothing or to run it elsewhere, nor named for printing.
    """
    if program in _ELSEWHERE or program in _RUN_NOTHING or _PRINTS.search(program) is not None:
        return ""
    for index, word in enumerate(words):
        variable = _VARIABLE.fullmatch(word.value) if held else None
        first = word.value if variable is None else held.get(_holder(variable[1]), word.value)
        if first == word.value and (not index or not has_tool(first)):
            continue
        if docker_command_in(first):
            return first
        command = [Word(0, 0, first, first), *words[index + 1 : index + _MOST_WORDS]]
        if _fetching(command):
            return " ".join(word.value for word in command)
    return ""


def docker_sent_to(program: str, text: str | None) -> str:
    """The command of Docker in ``text``, the input of ``program`` that may run it, else empty.

    ``echo "docker pull x" | wrapper``: each program that isn't known to run nothing of its input.
    """
    if not text or program in _ELSEWHERE or program in _RUN_NOTHING or program in _FILTERS:
        return ""
    return docker_command_in(text)


def _holder(name: str) -> str:
    """The variable of `Variables.held` that ``name`` is part of."""
    return "@" if name.isdigit() or name == "*" else name


def unwrapped(words: Sequence[Word], environment: ClientEnvironment) -> Unwrapped:
    """The command that ``words`` finally run; its words are empty if there is none.

    ``environment`` is what they run with.
    """
    assignments: list[tuple[str, str]] = []
    shell = environment
    xargs_appends, replaces, obstacle = False, None, None
    # Where the command is: behind the wrappers that are read. Words are not copied, as a script may
    # have thousands of wrappers in a row.
    at = 0
    while at < len(words):
        name = program_of(words[at])
        if _may_stand_before(words, at):
            # Who runs it is not known: `$SUDO` may be empty.
            environment = {**environment, HOME: None}
            at += 1
            continue
        if name in _BEHIND_DASHES:
            dashes = (index for index in range(at, len(words)) if words[index].value == "--")
            behind = next(dashes, None)
            if behind is None:
                break
            at = behind + 1
            continue
        if _runs_again(name) and at + 1 < len(words):
            at += 1
            while at < len(words) and _RETRY_ARGUMENT.fullmatch(words[at].value):
                at += 1
            obstacle = "a retry runs it again, and a pipe can be read only once"
            continue
        if name not in _TRANSPARENT:
            behind = _docker_behind(name, words, at)
            if behind is None:
                break
            at = behind
            continue
        if name == "command" and at + 1 < len(words) and words[at + 1].value in ("-v", "-V"):
            break
        at, options = _behind_options(words, at, _TRANSPARENT[name])
        at += name in _TAKE_ONE
        if name == "xargs":
            xargs_appends = True
            replaces = options.get("-I") or replaces
            obstacle = "xargs uses its input"
        elif name == "sudo" and "-S" in options:
            obstacle = "sudo reads its own password from the pipe"
        environment = _passed_on(name, options, environment)
        while name in ("sudo", "env", "cross-env") and at < len(words):
            assignment = _ASSIGNMENT.fullmatch(words[at].value)
            if assignment is None:
                break
            assignments.append((assignment[1], assignment[2]))
            if assignment[1] in (HOME, DOCKER_CONFIG):
                value = expanded(assignment[2], shell)
                environment = {**environment, assignment[1]: value}
            at += 1
    # Empty for `exec` alone and `sudo -i`.
    command = words[at:]
    return Unwrapped(command, tuple(assignments), xargs_appends, replaces, obstacle, environment)


def _docker_behind(program: str, words: Sequence[Word], at: int) -> int | None:
    """Where Docker's command is that ``program``, the word at ``at``, runs; None if there is none.

    ``poetry run docker build .``, ``wait-for-it db:5432 -- docker compose up``: what runs a command
    after ``--`` runs it here, apart from the programs in `_ELSEWHERE`.
    """
    if program in LAUNCHERS:
        index = at + 1
        while index < len(words) and words[index].value in LAUNCHERS[program]:
            index += 1
        if index < len(words) and program_of(words[index]) in DOCKER_PROGRAMS:
            return index
    if program in _ELSEWHERE:
        return None
    for index in range(at + 2, len(words)):
        if words[index - 1].value == "--" and program_of(words[index]) in DOCKER_PROGRAMS:
            return index
    return None


def _passed_on(
    program: str, options: Mapping[str, str], environment: ClientEnvironment
) -> ClientEnvironment:
    """What of ``environment`` the command behind ``program``, with its ``options``, has."""
    if program == "env":
        cleared = _is_on("i", "--ignore-environment", options) or "-" in options
        gone = {options.get("-u"), options.get("--unset")}
        kept = {OTHER_USER} if cleared else environment.keys() - gone
        return {name: value for name, value in environment.items() if name in kept}
    if program not in ("sudo", "doas"):
        return environment
    user = options.get("-u") or options.get("--user") or "root"
    home = {HOME: home_of(user)}
    if _is_on("E", "--preserve-env", options):
        home = home if _is_on("H", "--set-home", options) else {}
        return as_user(user, {**environment, **home})
    kept = set(options.get("--preserve-env", "").split(","))
    passed = {name: value for name, value in environment.items() if name in kept}
    return as_user(user, passed if HOME in kept else {**passed, **home})


def _is_on(letter: str, name: str, options: Mapping[str, str]) -> bool:
    return options.get(name) == "" or any(
        letter in option and re.fullmatch("-[A-Za-z]+", option) for option in options
    )


def _may_stand_before(words: Sequence[Word], at: int) -> bool:
    """Whether the placeholder at ``at`` of ``words`` may be a wrapper of the command after it.

    ``$SUDO docker pull x``, ``<< parameters.env >> docker-compose up``.
    """
    first = words[at].value
    if not first.startswith(("<<", "$")) or at + 1 >= len(words):
        return False
    following = program_of(words[at + 1])
    if following != "sudo" and following not in DOCKER_PROGRAMS:
        return False
    is_known = first.startswith("<<") or _SUDO_VARIABLE.fullmatch(first) is not None
    return is_known and is_only_placeholder(first)


def _behind_options(
    words: Sequence[Word], at: int, valued: frozenset[str]
) -> tuple[int, dict[str, str]]:
    """Where the words behind the options of the program at ``at`` begin, and these options."""
    options: dict[str, str] = {}
    index = at + 1
    while index < len(words):
        value = words[index].value
        if value == "--":
            return index + 1, options
        if not value.startswith("-") or value == "-":
            break
        index += 1
        if value in valued and index < len(words):
            options[value] = words[index].value
            index += 1
        elif value.startswith("-I") and len(value) > 2 and "-I" in valued:
            options["-I"] = value[2:]
        else:
            option, _, attached = value.partition("=")
            options[option] = attached
    return index, options
