"""What is said to be written for sure, without writing it, is held against the writer."""

from __future__ import annotations

import pytest

from cci_migrate.lossless.operations import AddItem, ReplaceText, Text, WrapInMerge, WrapInSequence
from cci_migrate.lossless.plain_places import are_surely_written
from cci_migrate.lossless.rendering import render
from tests.lossless.test_rendering import CONTEXT, HUB, REFUSED, bare_job, context
from tests.lossless.trees import Make, at, document_of

#: What no fix does: no key is wrapped, and each kind of collection is made in its own places.
NEVER_ASKED = {"a value as a key", "a list of a list's item", "an alias that is a document's key"}


@pytest.mark.parametrize(
    ("before", "make"),
    [pytest.param(*case[:2], id=name) for name, case in REFUSED.items() if name not in NEVER_ASKED],
)
def test_what_cannot_be_written_is_never_sure(before: str, make: Make) -> None:
    assert not are_surely_written((make(document_of(before)),))


@pytest.mark.parametrize(
    ("before", "make"),
    [
        ("a: b\n", context("")),
        ("{a: b}\n", context("")),
        ("a: |\n  b\n", context("")),
        ("- build\n- test", bare_job("0")),
        ("a: 'b'", at("a", WrapInSequence, HUB)),
        ("a: &a b\nc: *a", at("c", WrapInSequence, HUB)),
        ("- &a {b: c}\n- *a", at("1", WrapInMerge, CONTEXT)),
        ("a:\n- b\nc: d", at("a", AddItem, 1, Text("x"))),
        ("[{a: 'b c'}]", at("0.a", ReplaceText, 2, 3, "[d]")),
        ("a: |\n  b c\n", at("a", ReplaceText, 2, 3, "d")),
    ],
)
def test_what_most_fixes_do_is_sure_and_can_be_written(before: str, make: Make) -> None:
    document = document_of(before)
    operations = (make(document),)
    assert are_surely_written(operations)
    assert render(document, operations)
