"""Words and options that other tools have, and what does the same here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: Subcommands of ruff, terraform, git and others.
_SUBCOMMANDS = {"check": "--check", "diff": "--dry-run", "fix": "", "help": "--help"}
#: Options of ruff, eslint, prettier and others, with what to do instead of giving them.
FOREIGN_OPTIONS = {
    "--diff": "to show the changes as a diff, use --dry-run",
    "--explain": "to read about a rule, run: cci-migrate rule NAME",
    "--fix": "leave it out: cci-migrate fixes files in place by default",
    "--write": "leave it out: cci-migrate fixes files in place by default",
}


def command_meant(args: Sequence[str]) -> str | None:
    """The command that ``args`` mean where they begin with another tool's subcommand; else None.

    A file or folder of that name is a path.
    """
    if not args or args[0] not in _SUBCOMMANDS or Path(args[0]).exists():
        return None
    word, *others = args
    if word == "help":
        others = others[:1]
        return " ".join(["cci-migrate", *others, "--help"])
    return " ".join(filter(None, ["cci-migrate", _SUBCOMMANDS[word], *others]))
