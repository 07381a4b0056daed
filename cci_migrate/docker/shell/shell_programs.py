"""Programs that start a shell: which of their arguments is its script, and what it starts with."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.docker.shell.client_config import HOME, ClientEnvironment, home_of
from cci_migrate.docker.shell.facts import Word
from cci_migrate.docker.word_sets import names

SHELLS = names("sh bash dash ash ksh zsh")
#: Programs that start one for another user or group.
USER_CHANGERS = names("su sg runuser")
_STANDARD_INPUT = ("-", "/dev/stdin")


def script_argument(words: Sequence[Word]) -> tuple[Word | None, bool]:
    """The argument of a shell that is its script, or the script's path.

    ``words`` are the whole command. The second value is whether it is the script itself (``-c``).
    None if the script is on its standard input.
    """
    index = 1
    is_text = reads_input = False
    while index < len(words) and words[index].value.startswith(("-", "+")):
        value = words[index].value
        index += 1
        if value == "--":
            break
        if value.startswith("--"):
            index += value in ("--rcfile", "--init-file")
            continue
        is_text = is_text or ("c" in value and value.startswith("-"))
        reads_input = reads_input or ("s" in value and value.startswith("-"))
        index += value.endswith(("o", "O"))
    script = words[index] if index < len(words) else None
    if script is None or reads_input or (not is_text and script.value in _STANDARD_INPUT):
        return None, False
    return script, is_text


def environment_as_user(
    program: str, words: Sequence[Word], option: int
) -> ClientEnvironment | None:
    """The environment behind ``su USER -c``; ``option`` is the index of its ``-c``.

    None is that of the script.
    """
    if program == "sg":
        return None
    users = [word.value for word in (*words[1:option], *words[option + 2 :])]
    return {HOME: home_of(next((user for user in users if not user.startswith("-")), "root"))}
