"""What a condition, and whether it succeeds, says about what runs after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.emptiness import Emptiness, emptiness_of, joined
from cci_migrate.docker.shell.syntax import Statement, inner_nodes
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

_TESTS = names("[ [[ test grep egrep fgrep which type hash diff cmp false expr jq pgrep")
_TEST_SUBCOMMANDS = {
    "command": re.compile(r"-[vV]"),
    "git": re.compile(r"diff|ls-remote|show-ref|rev-parse|merge-base|cat-file|ls-files"),
    **dict.fromkeys(
        (tool.value for tool in Tool),
        re.compile(r"inspect|ps|images|image|manifest|info|container|volume|network"),
    ),
}


class Conditions:
    """Reads the conditions in one script's text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]

    def emptiness(self, statements: Sequence[Statement]) -> Emptiness | None:
        """The condition as a test for empty variables; None if it tests anything else."""
        return self._emptiness(statements[0][0]) if len(statements) == 1 else None

    def _emptiness(self, node: Node) -> Emptiness | None:
        kind = node.type
        if kind == "test_command":
            return emptiness_of(self._source(node).strip("[] \t\n"))
        if kind == "negated_command":
            parts = [self._emptiness(inner) for inner in inner_nodes(node)]
            return parts[0].negated() if parts and parts[0] else None
        if kind == "list":
            parts = [self._emptiness(inner) for inner in inner_nodes(node)]
            return joined(parts[0], parts[-1]) if len(parts) == 2 else None
        if kind == "command":
            text = self._source(node)
            return emptiness_of(text[5:]) if text.startswith("test ") else None
        return None

    def is_test(self, node: Node) -> bool:
        """Whether a command is a test, so that its failure is normal."""
        kind = node.type
        if kind in ("test_command", "negated_command"):
            return True
        if kind == "compound_statement":
            return self._source(node).startswith("((")
        if kind in ("list", "pipeline", "redirected_statement", "subshell"):
            inner = inner_nodes(node)
            return bool(inner) and (
                any(map(self.is_test, inner)) if kind == "list" else self.is_test(inner[-1])
            )
        if kind == "command":
            words = self._source(node).split() or [""]
            pattern = _TEST_SUBCOMMANDS.get(words[0])
            if pattern is not None:
                return len(words) > 1 and pattern.fullmatch(words[1]) is not None
            return words[0] in _TESTS or words[0].startswith(("$", "<<"))
        return False

    def end_script(self, statements: Sequence[Statement]) -> bool:
        """Whether the script ends with ``statements``."""
        return any(self.ends_script(node) for node, background in statements if not background)

    def ends_script(self, node: Node) -> bool:
        """Whether the script ends with the statement ``node``."""
        kind = node.type
        if kind == "command":
            return self._source(node).split()[:1] == ["exit"]
        if kind in ("compound_statement", "redirected_statement"):
            return any(self.ends_script(inner) for inner in inner_nodes(node))
        if kind == "list":
            sides = inner_nodes(node)
            chained = any(child.type == "&&" for child in node.children)
            return (
                chained
                and len(sides) == 2
                and self.ends_script(sides[1])
                and not self.is_test(sides[0])
            )
        return False


def names_if_empty(before: Sequence[Emptiness | None], own: Emptiness | None) -> frozenset[str]:
    """The variables one of which must be empty if all of ``before`` failed and ``own`` held.

    None of them if the conditions don't imply that.
    """
    if own is not None and own.true_when_empty:
        return own.names
    for condition in before:
        if condition is not None and not condition.true_when_empty:
            return condition.names
    return frozenset()
