"""Queries of tree-sitter's syntax nodes of a shell script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: A statement, and whether it runs in the background.
Statement: TypeAlias = "tuple[Node, bool]"

#: Tokens that are no part of a command or a condition.
KEYWORDS = names(
    "if then elif else fi while until do done for in case esac function select"
    " ; & { } ( ) $( ` <( >( && || | |& ;; ;& ;;& !"
) | {"\n"}
_SUBSTITUTIONS = names("command_substitution process_substitution")
_HEREDOC_PARTS = names("comment heredoc_body heredoc_start heredoc_end")


@lru_cache(maxsize=1)
def shell_parser() -> Parser:
    """The parser of bash, built once."""
    from tree_sitter import Language, Parser
    from tree_sitter_bash import language

    return Parser(Language(language()))


def span_of(node: Node) -> tuple[int, int]:
    """Where ``node`` starts and ends."""
    return node.start_byte, node.end_byte


def inner_nodes(node: Node) -> list[Node]:
    """The statements inside a pipeline, a list, a negation or a redirection."""
    return [
        child
        for child in node.children
        if child.is_named
        and child.type not in _HEREDOC_PARTS
        and not child.type.endswith("_redirect")
    ]


def redirects_of(node: Node) -> list[Node]:
    """The redirections that the grammar puts in ``node``."""
    return [child for child in node.children if child.type.endswith("_redirect")]


def statements(children: Iterable[Node]) -> list[Statement]:
    """The statements among ``children``."""
    result: list[Statement] = []
    for child in children:
        if child.type == "&" and result:
            result[-1] = (result[-1][0], True)
        elif child.is_named and child.type != "comment":
            result.append((child, False))
    return result


def clause(node: Node) -> tuple[list[Statement], list[Statement]]:
    """The condition and the body of an ``if`` or ``elif``."""
    condition, behind = parted(node.children, "then")
    body = (child for child in behind if child.type not in ("elif_clause", "else_clause"))
    return statements(condition[1:]), statements(body)


def parted(children: Sequence[Node], kind: str) -> tuple[Sequence[Node], Sequence[Node]]:
    """The ``children`` before the first of ``kind``, and those behind it."""
    kinds = [child.type for child in children]
    at = kinds.index(kind) if kind in kinds else len(kinds)
    return children[:at], children[at + 1 :]


def child_of_type(node: Node, *types: str) -> Node | None:
    """The first child of one of ``types``; None if there is none."""
    return next((child for child in node.children if child.type in types), None)


def argument_nodes(node: Node) -> list[Node]:
    """The nodes of a command's words, its name first, without assignments and redirections."""
    nodes: list[Node] = []
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment" and not nodes:
            continue
        if kind == "command_name":
            nodes.extend(child.children or [child])
        elif not kind.endswith("_redirect") and (child.is_named or kind not in KEYWORDS):
            nodes.append(child)
    return nodes


def substitutions_in(nodes: Sequence[Node]) -> list[Node]:
    """The outermost ``$(...)`` and ``<(...)`` within nodes, in order."""
    substitutions: list[Node] = []
    stack = list(reversed(nodes))
    while stack:
        current = stack.pop()
        if current.type in _SUBSTITUTIONS:
            substitutions.append(current)
        elif current.child_count:
            stack.extend(reversed(current.children))
    return substitutions
