"""Trees of test texts, and their nodes by route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate

from typing_extensions import ParamSpec

from cci_migrate.lossless.edits import Edit, apply_edits, undo_edits
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence, resolved
from cci_migrate.lossless.operations import Operation
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText
from cci_migrate.lossless.values import expected, is_data_of

P = ParamSpec("P")
#: An operation on a document that is still to be read.
Make = Callable[[Document], Operation]


def document_of(text: str, *, pure: bool = False) -> Document:
    """The document that ``text`` is."""
    return parse(SourceText("config.yml", text), pure=pure)


def root_of(text: str, *, pure: bool = False) -> Node:
    """The root of ``text``, which must have one."""
    root = document_of(text, pure=pure).root
    assert root is not None
    return root


def node_at(node: Node | Document | None, *route: str | int) -> Node:
    """The node at ``route``: keys (the last of duplicates) and indexes; aliases are followed.

    The last step is not followed: it may be an alias.
    """
    if isinstance(node, Document):
        node = node.root
    assert node is not None
    for step in route:
        target = resolved(node)
        if isinstance(step, int):
            assert isinstance(target, Sequence)
            node = target.items[step]
        else:
            assert isinstance(target, Mapping)
            node = next(
                value
                for key, value in reversed(target.entries)
                if isinstance(key, Scalar) and key.value == step
            )
    return node


def mapping_at(node: Node | Document | None, *route: str | int) -> Mapping:
    """The mapping at ``route``."""
    found = resolved(node_at(node, *route))
    assert isinstance(found, Mapping)
    return found


def scalar_at(node: Node | Document | None, *route: str | int) -> Scalar:
    """The scalar that stands at ``route``."""
    found = node_at(node, *route)
    assert isinstance(found, Scalar)
    return found


def alias_at(node: Node | Document | None, *route: str | int) -> Alias:
    """The alias that stands at ``route``."""
    found = node_at(node, *route)
    assert isinstance(found, Alias)
    return found


def steps(route: str) -> list[str | int]:
    """The keys and indexes of ``route``, such as ``jobs.0.build``; the root's is empty."""
    return [int(step) if step.isdigit() else step for step in route.split(".") if step]


def at(
    route: str,
    operation: Callable[Concatenate[Any, P], Operation],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Make:
    """``operation`` on the node at ``route``."""
    return lambda document: operation(node_at(document, *steps(route)), *args, **kwargs)


def written(node: Node) -> str:
    """The text of ``node`` in its file."""
    return node.source.text[node.start : node.end]


Shape = tuple[object, ...]


def shape(node: Node | None) -> Shape:
    """All that the tree says of ``node``, for comparing trees."""
    match node:
        case None:
            return ()
        case Scalar():
            kept = (node.value, node.style, node.anchor, node.tag)
            return ("scalar", node.start, node.end, *kept)
        case Alias():
            return ("alias", node.start, node.end, node.name, node.target.start)
        case Mapping():
            entries = tuple((shape(key), shape(value)) for key, value in node.entries)
            kept_of = (node.is_flow, node.anchor, node.tag)
            return ("mapping", node.start, node.end, *kept_of, entries)
        case Sequence():
            items = tuple(shape(item) for item in node.items)
            return ("sequence", node.start, node.end, node.is_flow, node.anchor, node.tag, items)


def changed(document: Document, *operations: Operation) -> str:
    """``document``'s text with ``operations`` done, which are proven on the way.

    The edits can be taken back, and both parsers read what the operations promised.
    Raises CannotRenderError.
    """
    edits = render(document, operations)
    new = apply_edits(document.source.text, edits)
    prove(document, operations, edits, new)
    return new


def prove(
    document: Document, operations: tuple[Operation, ...], edits: tuple[Edit, ...], new: str
) -> None:
    """Fail unless ``new`` is what ``operations`` promise."""
    assert undo_edits(new, edits) == document.source.text
    wanted = expected((document,), operations)
    again = document_of(new)
    assert is_data_of(wanted, (again,))
    pure = document_of(new, pure=True)
    assert shape(again.root) == shape(pure.root)
