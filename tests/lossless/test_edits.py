"""Cutting strings: edits, and taking them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_migrate.lossless.edits import (
    Edit,
    EditConflictError,
    apply_edits,
    in_order,
    insertion,
    undo_edits,
)
from cci_migrate.lossless.source import Span


def test_insertions_at_one_place_stay_in_the_order_given() -> None:
    edits = [insertion(1, "x"), insertion(0, "a"), insertion(1, "y")]
    assert apply_edits("12", edits) == "a1xy2"
    assert [edit.text for edit in in_order(edits)] == ["a", "x", "y"]


def test_an_insertion_stands_before_what_replaces_the_text_there() -> None:
    edits = [Edit(Span(1, 2), "2", "z"), insertion(1, "x"), insertion(2, "y")]
    assert apply_edits("123", edits) == "1xzy3"


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(Span(0, 2), "12", "x"), Edit(Span(1, 3), "23", "y")],
        [Edit(Span(0, 2), "12", "x"), insertion(1, "y")],
        [Edit(Span(0, 1), "2", "x")],
        [Edit(Span(2, 4), "3", "x")],
        [insertion(4, "x")],
    ],
    ids=["overlap", "inside", "another text", "beyond the end", "behind the end"],
)
def test_edits_that_do_not_fit_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(EditConflictError):
        apply_edits("123", edits)


@given(st.data())
def test_edits_can_be_taken_back(data: st.DataObject) -> None:
    text = data.draw(st.text("ab\n😀", max_size=20))
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    new = st.text("aXY", max_size=3)
    edits = [
        Edit(Span(start, end), text[start:end], data.draw(new))
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    changed = apply_edits(text, edits)
    assert undo_edits(changed, edits) == text


def test_what_the_edits_did_not_make_cannot_be_taken_back() -> None:
    edits = [Edit(Span(1, 2), "2", "xyz"), insertion(3, "w")]
    assert undo_edits("1xyz3w", edits) == "123"
    assert undo_edits("1xy3w", edits) is None
    assert undo_edits("1xyz3", edits) is None
    assert undo_edits("", edits) is None
