"""How large a document is once its aliases and merge keys are expanded."""

from __future__ import annotations

from cci_migrate.lossless.nodes import Alias, Document, Node, Scalar, children


def repeats_more_than(document: Document, most: int) -> bool:
    """Whether the aliases of ``document`` stand for more than ``most`` values, all in all.

    An alias in what another alias means counts each time. Takes linear time.
    """
    # What each collection comes to, expanded; scalars come to one.
    sizes: dict[Node, int] = {}
    opened: set[Node] = set()
    pending: list[Node] = [alias.target for alias in document.aliases]
    while pending:
        node = pending[-1]
        inner = [part.target if isinstance(part, Alias) else part for part in children(node)]
        unknown = [part for part in inner if not isinstance(part, Scalar) and part not in sizes]
        if unknown and node not in opened:
            opened.add(node)
            pending.extend(unknown)
            continue
        pending.pop()
        # Numbers that double would soon have thousands of digits.
        sizes[node] = min(1 + sum(sizes.get(part, 1) for part in inner), most + 1)
    return sum(sizes[alias.target] for alias in document.aliases) > most
