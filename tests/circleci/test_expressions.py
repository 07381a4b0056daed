"""``<< ... >>`` in strings."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.expressions import (
    Scope,
    has_expression,
    references,
    sole_reference,
    substitute,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", []),
        ("<< parameters.tag >>", [(Scope.PARAMETER, "tag")]),
        ("<<parameters.tag>>", [(Scope.PARAMETER, "tag")]),
        ("<<\tparameters.a-b_c\n>>", [(Scope.PARAMETER, "a-b_c")]),
        ("cimg/node:<< pipeline.parameters.v >>", [(Scope.PIPELINE_PARAMETER, "v")]),
        ("<< pipeline.git.branch >>", [(Scope.PIPELINE_VALUE, "git.branch")]),
        ("<< matrix.v >>", [(Scope.MATRIX, "v")]),
        (
            "<< parameters.a >>/<< matrix.b >>",
            [(Scope.PARAMETER, "a"), (Scope.MATRIX, "b")],
        ),
        (
            '<< pipeline.git.branch == "main" and "a" or "b" >>',
            [(Scope.EXPRESSION, 'pipeline.git.branch == "main" and "a" or "b"')],
        ),
        ("<< include(scripts/x.sh) >>", [(Scope.EXPRESSION, "include(scripts/x.sh)")]),
        (r"cat \<< EOF >> file", []),
        ("cat << EOF", []),
        ("cat <<EOF >>file", [(Scope.EXPRESSION, "EOF")]),
        (r"\<< a >> << parameters.b >>", [(Scope.PARAMETER, "b")]),
    ],
)
def test_references(text: str, expected: list[tuple[Scope, str]]) -> None:
    assert [(reference.scope, reference.name) for reference in references(text)] == expected
    assert has_expression(text) == bool(expected)


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("<< parameters.x >>", True),
        ("  << parameters.x >>\n", True),
        ("<< parameters.x >>y", False),
        ("<< parameters.x >><< parameters.y >>", False),
        ("x", False),
    ],
)
def test_a_string_that_is_one_reference(text: str, is_whole: bool) -> None:
    assert (sole_reference(text) is not None) == is_whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<< parameters.a >>", "1"),
        ("x<< parameters.a >>y<<parameters.a>>z", "x1y1z"),
        ("<< parameters.unknown >>:<< parameters.a >>", "<< parameters.unknown >>:1"),
        (r"\<< parameters.a >>", r"\<< parameters.a >>"),
    ],
)
def test_what_is_known_is_put_in_and_the_rest_stays(text: str, expected: str) -> None:
    assert substitute(text, lambda reference: "1" if reference.name == "a" else None) == expected
