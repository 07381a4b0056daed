"""What ends a command before its report is whole: the message on standard error, the exit code."""

from __future__ import annotations

from collections.abc import Callable

from cci_migrate.cli.terminal import OutputError, Terminal
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.transport.known_secrets import redact


def exit_code_of(
    command: Callable[[], ExitCode],
    terminal: Terminal,
    wrong_use: tuple[type[Exception], ...],
    untouched: str = "nothing was written",
) -> ExitCode:
    """Run ``command`` and return its exit code.

    Errors of the kinds ``wrong_use`` say what the user has to change: USAGE. ``untouched`` is what
    an interrupted run says of its effects.
    """
    try:
        return command()
    except wrong_use as error:
        terminal.error(*(redact(str(text)) for text in error.args))
        return ExitCode.USAGE
    except OutputError as error:
        terminal.error(str(error))
        return ExitCode.FAILED
    except KeyboardInterrupt:
        terminal.err(f"cci-migrate: interrupted; {untouched}\n")
        return ExitCode.INTERRUPTED
