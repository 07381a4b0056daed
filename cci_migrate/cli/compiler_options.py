"""Options for CircleCI's compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from msgspec import Struct

from cci_migrate.cli.circleci_options import circleci_options
from cci_migrate.cli.option_values import option_group
from cci_migrate.preflight.circleci_address import CLOUD
from cci_migrate.preflight.slugs import Organisation

_F = TypeVar("_F", bound=Callable[..., Any])


class CompilerOptions(Struct, frozen=True):
    """Where configs are compiled, for whom, and whether those with secrets are sent there.

    ``confirms``: no change is made that the compiler does not confirm. ``unfolds``: findings rest
    on what the compiled config shows of orbs, too.
    """

    root: str = CLOUD
    organisation: Organisation | None = None
    sends_secrets: bool = False
    confirms: bool = False
    unfolds: bool = False


def compiler_options(*, verify: str = "", compile_: str = "") -> Callable[[_F], _F]:
    """Gives a command ``--org``, ``--api-url``, ``--send-secrets``, ``--verify``, ``--compile``.

    The last two only with a help text. The command's argument ``compiler`` is the `CompilerOptions`
    that they make; None if the command has one of the two, and the user gave none.
    """
    modes = [("--verify", "confirms", verify), ("--compile", "unfolds", compile_)]
    flags = [(flag, parameter, text) for flag, parameter, text in modes if text]

    def compiler(
        api_url: str,
        organisation: Organisation | None,
        send_secrets: bool,
        confirms: bool = False,
        unfolds: bool = False,
    ) -> CompilerOptions | None:
        if flags and not (confirms or unfolds):
            if organisation is not None or send_secrets:
                names = " or ".join(flag for flag, *_ in flags)
                raise click.UsageError(f"--org and --send-secrets require {names}")
            return None
        return CompilerOptions(api_url, organisation, send_secrets, confirms, unfolds)

    return option_group(
        "compiler",
        compiler,
        *(click.option(flag, name, is_flag=True, help=text) for flag, name, text in flags),
        circleci_options,
        click.option(
            "--send-secrets",
            is_flag=True,
            help="Send configs to CircleCI even if they contain a secret",
        ),
    )
