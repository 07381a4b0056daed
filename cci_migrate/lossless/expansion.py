"""How large a document is once its aliases and merge keys are expanded."""

from __future__ import annotations

from cci_migrate.lossless.nodes import Alias, Document, Node, Scalar, children


def expands_beyond(document: Document, limit: int) -> bool:
    """Whether the aliases of ``document`` expand to more than ``limit`` nodes in total.

    An alias inside the target of another alias counts each time. Takes linear time.
    """
    # The number of nodes in each collection once expanded; a scalar is one.
    sizes: dict[Node, int] = {}
    opened: set[Node] = set()
    pending: list[Node] = [alias.target for alias in document.aliases]
    while pending:
        node = pending[-1]
        if node in sizes:
            pending.pop()
            continue
        inner = [part.target if type(part) is Alias else part for part in children(node)]
        unknown = [part for part in inner if type(part) is not Scalar and part not in sizes]
        if unknown and node not in opened:
            opened.add(node)
            pending.extend(unknown)
            continue
        pending.pop()
        # Numbers that double would soon have thousands of digits.
        sizes[node] = min(1 + sum(sizes.get(part, 1) for part in inner), limit + 1)
    return sum(sizes[alias.target] for alias in document.aliases) > limit
