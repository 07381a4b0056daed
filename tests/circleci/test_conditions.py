"""Conditions of steps: whether they are sure to hold, and which are alike."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.expressions import substitute
from cci_migrate.circleci.logic_statements import Condition, condition_of
from cci_migrate.lossless.merging import value_of
from tests.circleci.configs import document_of

KNOWN = {"yes": "true", "no": "false", "empty": "", "os": "linux"}


def condition(text: str) -> Condition:
    def expand(value: str) -> str:
        return substitute(value, lambda reference: KNOWN.get(reference.name))

    return condition_of(value_of(document_of(f"c: {text}").root, "c"), expand, lambda: None)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ("yes", True),
        ("some text", True),
        ("false", False),
        ("off", False),
        ("0", False),
        ("''", False),
        ("", False),
        ("null", False),
        ("<< parameters.yes >>", True),
        ("<< parameters.no >>", False),
        ("<< parameters.empty >>", False),
        ("<< pipeline.parameters.x >>", None),
        ("{equal: [linux, << parameters.os >>]}", True),
        ("{equal: [mac, << parameters.os >>]}", False),
        ("{equal: [main, << pipeline.git.branch >>]}", None),
        ("{not: << parameters.no >>}", True),
        ("{not: {equal: [linux, << parameters.os >>]}}", False),
        ("{not: << pipeline.parameters.x >>}", None),
        ("{and: [true, << parameters.yes >>]}", True),
        ("{and: [<< pipeline.parameters.x >>, << parameters.no >>]}", False),
        ("{and: [<< pipeline.parameters.x >>, true]}", None),
        ("{or: [<< pipeline.parameters.x >>, true]}", True),
        ("{or: [false, << parameters.no >>]}", False),
        ("{or: [false, << pipeline.parameters.x >>]}", None),
        ("{matches: {pattern: a, value: a}}", None),
        ("[true]", None),
        ("{and: [], or: []}", None),
    ],
)
def test_whether_it_holds(text: str, holds: bool | None) -> None:
    assert condition(text).holds is holds


@pytest.mark.parametrize(
    ("first", "second", "are_alike"),
    [
        ("<< pipeline.parameters.x >>", "<<pipeline.parameters.x>>", True),
        ("{equal: [a, << pipeline.number >>]}", "{equal: [ 'a', <<pipeline.number>> ]}", True),
        ("{equal: [linux, b]}", "{equal: [<< parameters.os >>, b]}", True),
        ("<< pipeline.parameters.x >>", "<< pipeline.parameters.y >>", False),
        ("{not: << pipeline.parameters.x >>}", "<< pipeline.parameters.x >>", False),
        ("{and: [a, b]}", "{or: [a, b]}", False),
        ("{and: [a, b]}", "{and: [b, a]}", False),
    ],
)
def test_which_are_alike(first: str, second: str, are_alike: bool) -> None:
    assert (condition(first).text == condition(second).text) == are_alike
