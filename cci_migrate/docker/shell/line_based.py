"""Scripts of PowerShell and cmd, line by line."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import Script


def read_lines(text: str, dialect: Dialect, environment: Mapping[str, str]) -> Script:
    """Read a script of PowerShell or cmd; see `facts_of`."""
    raise NotImplementedError
