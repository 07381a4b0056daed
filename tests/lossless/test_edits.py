"""Cutting strings: edits, and taking them back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cci_migrate.lossless.edits import (
    Edit,
    EditConflictError,
    apply_edits,
    in_order,
    insertion,
    undo_edits,
    with_none_behind_the_last_line,
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


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_edits_can_be_taken_back(data: st.DataObject) -> None:
    text = data.draw(st.text("ab\n😀", max_size=20))
    edits = drawn_edits(data, text, st.text("aXY", max_size=3))
    changed = apply_edits(text, edits)
    assert undo_edits(changed, edits) == text


@settings(deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_are_appended_in_front_of_the_last_line_break(
    data: st.DataObject, line_break: str
) -> None:
    text = data.draw(st.text("ab\n", max_size=12)).replace("\n", line_break) + line_break
    edits = drawn_edits(data, text, st.text("aXY", max_size=3))
    edits.append(insertion(len(text), f"new{line_break}"))
    moved = with_none_behind_the_last_line(text, edits)
    assert apply_edits(text, moved) == apply_edits(text, edits)
    last = Span(len(text) - len(line_break), len(text))
    if all(edit.span.end <= last.start or edit.span.start == last.end for edit in edits):
        assert all(edit.span.end <= last.start for edit in moved)
        # Editors disagree about the order of edits at one position.
        assert sum(edit.span.end == last.start for edit in moved) == 1


def drawn_edits(data: st.DataObject, text: str, new: st.SearchStrategy[str]) -> list[Edit]:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [
        Edit(Span(start, end), text[start:end], data.draw(new))
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]


def test_what_the_edits_did_not_make_cannot_be_taken_back() -> None:
    edits = [Edit(Span(1, 2), "2", "xyz"), insertion(3, "w")]
    assert undo_edits("1xyz3w", edits) == "123"
    assert undo_edits("1xy3w", edits) is None
    assert undo_edits("1xyz3", edits) is None
    assert undo_edits("", edits) is None
