"""The program ``cci-migrate``, and ``python -m cci_migrate``."""

from __future__ import annotations

import gc
import os
import sys

#: A config's tree is many small objects that all live until it is done: collecting between them
#: finds nothing and takes a third of the time.
OBJECTS_BETWEEN_COLLECTIONS = 100_000

_USAGE = 2
_INTERRUPTED = 130


def main() -> int:
    """Run the program on ``sys.argv``; the result is its exit code."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        return _run()
    except KeyboardInterrupt:
        # While importing, or after everything was done: `run` itself tells what was written.
        sys.stderr.write("cci-migrate: interrupted\n")
        return _INTERRUPTED


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
        sys.stderr.write("cci-migrate: interrupted\n")
        return _INTERRUPTED
    except click.ClickException as error:
        # It may quote an argument, and a shell makes arguments of the names of files.
        text = StringIO()
        error.show(text)
        message = error.format_message()
        sys.stderr.write(text.getvalue().replace(message, printable(message)))
        return _USAGE
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
