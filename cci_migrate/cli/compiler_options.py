"""Options for CircleCI's compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from msgspec import Struct

from cci_migrate.cli.circleci_options import circleci_options
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
    flags = {name: text for name, text in (("--verify", verify), ("--compile", compile_)) if text}

    def decorate(command: _F) -> _F:
        @wraps(command)
        def run(
            *args: Any,
            api_url: str,
            organisation: Organisation | None,
            send_secrets: bool,
            confirms: bool = False,
            unfolds: bool = False,
            **kwargs: Any,
        ) -> Any:
            is_used = confirms or unfolds or not flags
            if not is_used and (organisation is not None or send_secrets):
                raise click.UsageError(f"--org and --send-secrets require {' or '.join(flags)}")
            compiler = CompilerOptions(api_url, organisation, send_secrets, confirms, unfolds)
            return command(*args, compiler=compiler if is_used else None, **kwargs)

        run = circleci_options(
            click.option(
                "--send-secrets",
                is_flag=True,
                help="Send configs to CircleCI even if they contain a secret",
            )(run)
        )
        for flag, parameter in (("--compile", "unfolds"), ("--verify", "confirms")):
            if flag in flags:
                run = click.option(flag, parameter, is_flag=True, help=flags[flag])(run)
        return run  # type: ignore[return-value]

    return decorate
