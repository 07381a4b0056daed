"""Variables in Dockerfiles and Compose files."""

from __future__ import annotations

import pytest

from cci_migrate.docker.interpolation import Escaping, interpolated

VALUES = {"A": "quay.io", "EMPTY": "", "NONE": None}


@pytest.mark.parametrize("escaping", Escaping)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A/x", "quay.io/x"),
        ("${A}/x", "quay.io/x"),
        ("${A:-b}/x", "quay.io/x"),
        ("${EMPTY-b}/x", "/x"),
        ("${EMPTY:-b}/x", "b/x"),
        ("${NONE-b}", "b"),
        ("${GONE-b}", "b"),
        ("${GONE:-${NONE:-${EMPTY:-$A}}}/x", "quay.io/x"),
        ("${A:+b}", "b"),
        ("${A+${GONE:-$A}}", "quay.io"),
        ("${EMPTY:+b}c", "c"),
        ("${EMPTY+b}", "b"),
        ("${GONE+b}c", "c"),
        ("${A:?must be set}", "quay.io"),
        ("${GONE:?must be set}", "${GONE:?must be set}"),
        ("$GONE/x", "$GONE/x"),
        ("${GONE}/x", "${GONE}/x"),
        ("${A:-", "${A:-"),
        ("${A:-{}", "${A:-{}"),
        ("$", "$"),
        ("${}", "${}"),
        # Nobody writes them so deep: the outermost one stays, and is a placeholder.
        ("${G:-${G:-${G:-${G:-${G:-a}}}}}", "${G:-a}"),
        # Values are not looked into.
        ("${B}", "$A"),
    ],
)
def test_both_fill_in_alike(escaping: Escaping, text: str, expected: str) -> None:
    assert interpolated(text, {**VALUES, "B": "$A"}, escaping) == expected


@pytest.mark.parametrize(
    "text", ["$A", "${A}", "${A:-b}", "${A-b}", "${A:+b}", "${A+b}", "${A:?b}"]
)
def test_what_is_undecided_stays_in_every_form(text: str) -> None:
    assert interpolated(text, {}, Escaping.BACKSLASH, undecided={"A"}) == text
    nested = "${B:-" + text + "}"
    assert interpolated(nested, {}, Escaping.BACKSLASH, undecided={"A"}) == text


def test_each_has_its_own_escape_and_names() -> None:
    assert interpolated(r"\$A $$A", VALUES, Escaping.BACKSLASH) == "$A $quay.io"
    assert interpolated(r"\$A $$A", VALUES, Escaping.DOLLAR) == r"\quay.io $A"
    assert interpolated("$1", {"1": "x"}, Escaping.BACKSLASH) == "x"
    assert interpolated("$1", {"1": "x"}, Escaping.DOLLAR) == "$1"


@pytest.mark.parametrize("escaping", Escaping)
def test_what_would_grow_without_bound_stays_as_it_is_written(escaping: Escaping) -> None:
    text = "$A" * 1000
    assert interpolated(text, {"A": "a" * 1000}, escaping) == text
    assert interpolated(text, {"A": "a"}, escaping) == "a" * 1000
