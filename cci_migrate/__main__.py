"""The program ``cci-migrate``, and ``python -m cci_migrate``."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TextIO

from cci_migrate.error_kinds import OutsideError
from cci_migrate.escaping.error_place import place_of
from cci_migrate.exit_codes import ExitCode

#: A config's tree is many small objects that all live until it is done: collecting between them
#: finds nothing and takes a third of the time.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> int:
    """Run the program on ``sys.argv``; the result is its exit code."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # A CI service ends a job by SIGTERM: that is an interrupt, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code: int = ExitCode.FAILED
    try:
        try:
            code = _run()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 0
        except Exception as error:  # noqa: BLE001 - Python's own code means that something is left
            internal = f"internal error, please report it: {place_of(error)}"
            problem = str(error) if isinstance(error, OutsideError) else internal
            _say(f"error: {problem}")
        # Python looks for garbage in all that is there before it ends: the system takes it anyway.
        gc.freeze()
        code = code if _took(sys.stdout) else code or ExitCode.FAILED
    except KeyboardInterrupt:
        # While importing, or after everything was done: `run` itself tells what was written.
        code = ExitCode.INTERRUPTED
        _say("cci-migrate: interrupted")
    finally:
        # Also after another Ctrl-C.
        _took(sys.stderr)
        _end_at_once_if_reading(code)
    return code


def _end_at_once_if_reading(code: int) -> None:
    """End the process while threads wait for answers of hosts: Python would wait for them, too."""
    threads = sys.modules.get("cci_migrate.transport.reading_threads")
    if threads is not None and threads.is_reading():
        os._exit(code)


def _say(line: str) -> None:
    """Write ``line`` to standard error, whose reader may have gone."""
    _took(sys.stderr, f"{line}\n")


def _took(stream: TextIO | None, text: str = "") -> bool:
    """Whether ``stream`` took all before and ``text``. Python would end with 120 for the rest."""
    try:
        # The language server closes its output when the editor ends.
        if stream is not None and not stream.closed:
            stream.write(text)
            stream.flush()
    except OSError:
        from cci_migrate.cli.terminal import write_into_the_void

        write_into_the_void(stream)
        return False
    return True


def main_of_circleci() -> int:
    """The program as ``circleci cci-migrate``; the result is its exit code.

    CircleCI's program runs what is called ``circleci-NAME``, with its own token and the address
    that the token is for (https://github.com/CircleCI-Public/circleci-cli,
    ``internal/extension``). No other address may get that token, so other variables that name one
    don't count.
    """
    if os.environ.get("CIRCLE_HOST"):
        for variable in ("CIRCLE_API_URL", "CIRCLECI_CLI_HOST"):
            os.environ.pop(variable, None)
    return main()


def _run() -> int:
    from io import StringIO

    import click

    from cci_migrate.cli.main_command import COMPLETION_VARIABLE, main_command
    from cci_migrate.escaping.terminal_text import printable

    if COMPLETION_VARIABLE in os.environ:
        import cci_migrate.cli.powershell_completion  # noqa: F401 - click lacks this shell
    try:
        code = main_command.main(prog_name="cci-migrate", standalone_mode=False)
    except click.exceptions.Abort:
        _say("cci-migrate: interrupted")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        # It may quote an argument, and a shell makes arguments of the names of files.
        text = StringIO()
        error.show(text)
        message = error.format_message()
        # click lists choices on lines of their own.
        one_line = printable(message.replace("\n\t", " "))
        _say(text.getvalue().replace(message, one_line).removesuffix("\n"))
        return ExitCode.USAGE
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
