"""Options whose value is optional: ``--revert`` and ``--revert contexts``.

Click itself would take any word that follows for the value, a path too.
"""

from __future__ import annotations

from collections.abc import Sequence

import click


class OptionalValue(click.Option):
    """An option of some choices; without one of them it means ``implied_value``."""

    def __init__(self, *args: object, implied_value: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.implied_value = implied_value

    @property
    def words(self) -> Sequence[str]:
        """The words that are taken for its value."""
        return self.type.choices if isinstance(self.type, click.Choice) else ()


def spelled_out(command: click.Command, args: Sequence[str]) -> list[str]:
    """``args`` with the values put in that are left out."""
    options = {
        name: param
        for param in command.params
        if isinstance(param, OptionalValue)
        for name in param.opts
    }
    spelled: list[str] = []
    for index, word in enumerate(args):
        if word == "--":
            return [*spelled, *args[index:]]
        spelled.append(word)
        option = options.get(word)
        following = args[index + 1] if index + 1 < len(args) else None
        if option is not None and following not in option.words:
            spelled[-1] = f"{word}={option.implied_value}"
    return spelled


class CommandWithOptionalValues(click.Command):
    """A command that has an `OptionalValue`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``args``, with the values put in that are left out."""
        return super().parse_args(ctx, spelled_out(self, args))
