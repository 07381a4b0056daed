"""Scripts of bash and its kin, by way of tree-sitter."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.docker.shell.facts import Script


def read_bash(text: str, environment: Mapping[str, str]) -> Script:
    """Read a script of a POSIX shell; see `facts_of`."""
    raise NotImplementedError
