"""What ends a command before its report is whole: the message on standard error, the exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import click

from cci_migrate.error_kinds import OutsideError, UserError
from cci_migrate.exit_codes import ExitCode


class ErrorOutput(Protocol):
    """Where errors are written to; `terminal.Terminal` is one."""

    def error(self, problem: str, *more: str) -> None:
        """Write an error: one line, and a line for each of ``more``."""

    def interrupted(self, effects: str) -> None:
        """Write that the user interrupted the command, and what it has done until then."""


def exit_code_of(
    command: Callable[[], ExitCode],
    output: ErrorOutput,
    effects: Callable[[], str] | str = "nothing was written",
) -> ExitCode:
    """Run ``command`` and return its exit code.

    ``effects`` is what an interrupted command says of what it has done until then.
    """
    try:
        return command()
    except (UserError, OutsideError) as error:
        from cci_migrate.transport.known_secrets import redact

        texts = error.args if isinstance(error, UserError) else (error,)
        output.error(*(redact(str(text)) for text in texts))
        return ExitCode.USAGE if isinstance(error, UserError) else ExitCode.FAILED
    except BrokenPipeError:
        raise  # whoever read the output went away: click ends quietly
    except OSError as error:
        # What no command expects where it happens: a full disk, a folder that is gone.
        where = f"{error.filename}: " if error.filename else ""
        output.error(f"{where}{error.strerror or type(error).__name__}")
        return ExitCode.FAILED
    except (KeyboardInterrupt, click.Abort):
        output.interrupted(effects if isinstance(effects, str) else effects())
        return ExitCode.INTERRUPTED
