"""The scripts of ``run`` steps, and those that they call, as facts: each text is read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.steps import RunStep
from cci_migrate.docker.shell.dialects import Dialect, dialect_of
from cci_migrate.docker.shell.facts import Script
from cci_migrate.docker.shell.script_reading import READ_UNNAMED, facts_of


def facts(text: str, dialect: Dialect, environment: Mapping[str, str]) -> Script:
    """`facts_of` ``text``, cached: jobs share commands, and the proof reads everything again."""
    if "printenv" in text:
        read = tuple(environment.items())
    else:
        read = tuple(
            (name, value)
            for name, value in environment.items()
            if name in text or name in READ_UNNAMED
        )
    return _facts(text, dialect, read)


@lru_cache(maxsize=1024)
def _facts(text: str, dialect: Dialect, environment: tuple[tuple[str, str], ...]) -> Script:
    return facts_of(text, dialect, dict(environment))


def step_dialect(run: RunStep, daemon: Daemon) -> Dialect:
    """The dialect of a step's script; on Windows, PowerShell is the default."""
    if run.shell is None and daemon is Daemon.WINDOWS:
        return Dialect.POWERSHELL
    return dialect_of(run.shell)


def written_script(run: RunStep, daemon: Daemon) -> Script:
    """The script of ``run`` with its parameters as they are written: offsets are into its scalar.

    Raises TooComplexError.
    """
    return facts(run.command.value, step_dialect(run, daemon), run.environment)
