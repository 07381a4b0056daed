"""Parses the text of a script, whole or, where that fails, in runs of lines that parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cci_migrate.docker.shell.syntax import shell_parser

if TYPE_CHECKING:
    from tree_sitter import Node

#: If a script doesn't parse as a whole: how many of its lines are tried together, and how many
#: tries there are.
_MAX_PIECE = 25
_MAX_TRIES = 300


def tree_of(shell: str, start: int, end: int) -> Node:
    """The tree of ``shell``, ASCII, from ``start`` to ``end``; offsets are into all of it."""
    return shell_parser().parse((" " * start + shell[start:end]).encode("ascii")).root_node


def trees_of_lines(shell: str, start: int, end: int) -> Iterator[tuple[int, Node]]:
    """The trees of runs of lines that parse on their own, each with the number of its first line.

    They are lines of ``shell`` from ``start`` to ``end``, which do not parse as a whole. The rest
    is left out.
    """
    lines = [start, *(match.end() + start for match in re.finditer("\n", shell[start:end])), end]
    tries = 0
    first = 0
    while first < len(lines) - 1 and tries < _MAX_TRIES:
        for last in range(first + 1, min(first + _MAX_PIECE, len(lines) - 1) + 1):
            tries += 1
            root = tree_of(shell, lines[first], lines[last])
            if not root.has_error:
                yield first, root
                first = last - 1
                break
        first += 1
