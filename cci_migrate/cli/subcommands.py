"""A command with its own options and paths that also has subcommands, each loaded when used.

``cci-migrate rules`` is the subcommand; ``cci-migrate ./rules`` is the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from msgspec import Struct

from cci_migrate.cli.foreign_words import command_meant, option_meant
from cci_migrate.cli.optional_values import spelled_out


class Subcommand(Struct, frozen=True):
    """Where a subcommand is found: ``package.module:name``. ``summary`` is its line of help."""

    target: str
    summary: str

    @property
    def is_there(self) -> bool:
        """Whether its module is installed; asking does not import it."""
        from importlib.util import find_spec

        module = self.target.partition(":")[0]
        try:
            return find_spec(module) is not None
        except ModuleNotFoundError:
            return False

    def load(self) -> click.Command:
        """The command itself."""
        from importlib import import_module

        module, _, name = self.target.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - what the table below promises
        return command


class CommandWithSubcommands(click.Group):
    """Runs the subcommand that the first argument names, and else itself."""

    #: A command's options may follow its paths; groups usually forbid that.
    allow_interspersed_args = True

    def __init__(self, *args: Any, subcommands: Mapping[str, Subcommand], **kwargs: Any) -> None:
        kwargs |= {"invoke_without_command": True, "no_args_is_help": False}
        super().__init__(*args, **kwargs)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands that are there."""
        del ctx
        return [name for name, subcommand in self._subcommands.items() if subcommand.is_there]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name, None if there is none."""
        del ctx
        subcommand = self._subcommands.get(cmd_name)
        return subcommand.load() if subcommand is not None and subcommand.is_there else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``args`` for this command, unless they begin with a subcommand."""
        if args and args[0] in self._subcommands and self._subcommands[args[0]].is_there:
            ctx.args = list(args)
            return ctx.args
        meant = command_meant(args)
        if meant is not None:
            raise click.UsageError(f"no such command {args[0]!r}; run: {meant}", ctx)
        try:
            return click.Command.parse_args(self, ctx, spelled_out(self, args))
        except click.NoSuchOption as error:
            instead = option_meant(error.option_name)
            if instead is None:
                raise
            raise click.UsageError(f"no such option {error.option_name}; {instead}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand or this command."""
        if not ctx.args:
            return click.Command.invoke(self, ctx)
        name, *rest = ctx.args
        command = self.get_command(ctx, name)
        assert command is not None  # noqa: S101 - parse_args looked
        # No parent: its line of usage would name the paths of this command too.
        names = ctx.help_option_names
        path = f"{ctx.command_path} {name}"
        with command.make_context(path, rest, help_option_names=names) as inner:
            return command.invoke(inner)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The rest of the usage line after the name."""
        return click.Command.collect_usage_pieces(self, ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without loading them."""
        rows: Sequence[tuple[str, str]] = [
            (name, self._subcommands[name].summary) for name in self.list_commands(ctx)
        ]
        with formatter.section("Subcommands"):
            formatter.write_dl(rows)
