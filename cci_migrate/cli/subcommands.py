"""A command with its own options and paths that also has subcommands, each loaded when used.

``cci-migrate rules`` is the subcommand; ``cci-migrate ./rules`` is the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from msgspec import Struct

from cci_migrate.cli.foreign_words import FOREIGN_OPTIONS, command_meant
from cci_migrate.cli.optional_values import spelled_out


class Subcommand(Struct, frozen=True):
    """A subcommand of the same name as in ``module``. ``summary`` is its line of help."""

    module: str
    summary: str


class CommandWithSubcommands(click.Group):
    """Runs the subcommand that the first argument names, and else itself."""

    #: A command's options may follow its paths; groups usually forbid that.
    allow_interspersed_args = True

    def __init__(self, *args: Any, subcommands: Mapping[str, Subcommand], **kwargs: Any) -> None:
        kwargs |= {"invoke_without_command": True, "no_args_is_help": False}
        super().__init__(*args, **kwargs)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands."""
        del ctx
        return list(self._subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name, None if there is none."""
        del ctx
        return self._load(cmd_name) if cmd_name in self._subcommands else None

    def _load(self, name: str) -> click.Command:
        from importlib import import_module

        command = getattr(import_module(self._subcommands[name].module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - what the table promises
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``args`` for this command, unless they begin with a subcommand."""
        if args and args[0] in self._subcommands:
            ctx.args = list(args)
            return ctx.args
        meant = command_meant(args)
        if meant is not None:
            raise click.UsageError(f"no such command {args[0]!r}; run: {meant}", ctx)
        try:
            return click.Command.parse_args(self, ctx, spelled_out(self, args))
        except click.NoSuchOption as error:
            instead = FOREIGN_OPTIONS.get(error.option_name)
            if instead is None:
                raise
            raise click.UsageError(f"no such option {error.option_name}; {instead}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand or this command."""
        if not ctx.args:
            return click.Command.invoke(self, ctx)
        name, *rest = ctx.args
        # No parent: its line of usage would name the paths of this command too.
        names = ctx.help_option_names
        path = f"{ctx.command_path} {name}"
        command = self._load(name)
        with command.make_context(path, rest, help_option_names=names) as inner:
            return command.invoke(inner)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The rest of the usage line after the name."""
        return click.Command.collect_usage_pieces(self, ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without loading them."""
        del ctx
        rows = [(name, subcommand.summary) for name, subcommand in self._subcommands.items()]
        with formatter.section("Subcommands"):
            formatter.write_dl(rows)
