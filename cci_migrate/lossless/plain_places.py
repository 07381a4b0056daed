"""Which operations can surely be written, known from their nodes alone.

Who only reports findings need not write their fixes, if nothing about their places is unusual.
"""

from __future__ import annotations

from collections.abc import Iterable

from cci_migrate.lossless.merging import own_entry
from cci_migrate.lossless.nodes import Alias, Mapping, Scalar, Sequence
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Operation,
    ReplaceText,
    ScalarToMapping,
    WrapInMerge,
    WrapInSequence,
)
from cci_migrate.lossless.scalar_positions import replaced_text


def are_surely_written(operations: Iterable[Operation]) -> bool:
    """Whether `rendering.render` writes ``operations``; False also if only it can say.

    A scalar becomes a mapping where it is an item of a list, a list where it is the value of a key,
    and no key becomes either: callers see to that.
    """
    return all(map(_is_surely_written, operations))


def _is_surely_written(operation: Operation) -> bool:
    match operation:
        case AddEntry(mapping=Mapping() as mapping, key=key, after=after):
            has_place = after is None or own_entry(mapping, after) is not None
            return has_place and own_entry(mapping, key) is None and _ends_its_last_line(mapping)
        case AddItem(sequence=sequence):
            return _ends_its_last_line(sequence)
        case ReplaceText(scalar, start, end, text):
            # What brackets around it change is no matter to a scalar in quotes or a block.
            return bool(scalar.style and replaced_text(scalar, start, end, text))
        case ScalarToMapping(node=Scalar() as node) | WrapInSequence(node=Scalar() as node):
            return _is_plain_word(node)
        case WrapInSequence(node=Alias()) | WrapInMerge(node=Alias()):
            return True
        case _:
            return False


def _ends_its_last_line(node: Mapping | Sequence) -> bool:
    """Whether lines can follow ``node``: they can't where the file may end in its block scalar."""
    text = node.source.text
    return node.end < len(text) or text.endswith(("\n", "\r"))


def _is_plain_word(scalar: Scalar) -> bool:
    """Whether ``scalar`` is a text on one line and nothing else."""
    text = scalar.source.text[scalar.start : scalar.end]
    is_bare = scalar.anchor is None and scalar.tag is None and scalar.style not in ("|", ">")
    return is_bare and text != "" and "\n" not in text and "\r" not in text
