"""How large a document is once its aliases and merge keys are expanded."""

from __future__ import annotations

from cci_migrate.lossless.nodes import Alias, Document, Node, Scalar, children


def repeats_more_than(document: Document, most: int) -> bool:
    """Whether the aliases of ``document`` stand for more than ``most`` values, all in all.

    An alias in what another alias means counts each time. Takes linear time.
    """
    root = document.root
    if root is None or "*" not in document.source.text:
        return False
    written = 1
    # What each collection and alias comes to, expanded; scalars come to one.
    sizes: dict[int, int] = {}
    opened: set[int] = set()
    pending: list[Node] = [root]
    while pending:
        node = pending[-1]
        inner = (node.target,) if isinstance(node, Alias) else tuple(children(node))
        unknown = [part for part in inner if not isinstance(part, Scalar) and id(part) not in sizes]
        if unknown and id(node) not in opened:
            opened.add(id(node))
            pending.extend(unknown)
            continue
        pending.pop()
        if id(node) in sizes:
            continue
        size = sum(sizes.get(id(part), 1) for part in inner)
        if not isinstance(node, Alias):
            written += len(inner)
            size += 1
        # Numbers that double would soon have thousands of digits.
        sizes[id(node)] = min(size, written + most + 1)
    return sizes[id(root)] - written > most
