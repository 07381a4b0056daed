"""Plain values of documents, what differs between two, and texts that the compiler fills in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cci_migrate.circleci.compiled_texts import matches, substituted
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.plain_data import (
    Added,
    Bare,
    Plain,
    Removed,
    Replaced,
    changes,
    plain_data,
)
from cci_migrate.lossless.source import SourceText


def read(text: str) -> Plain:
    return plain_data(parse(SourceText.decode("a.yml", text.encode())).root)


def test_aliases_and_merge_keys_are_followed() -> None:
    assert read("a: &a {x: 1, y: 'two'}\nb: {<<: *a, y: ~}\nc: *a\n") == {
        "a": {"x": Bare("1"), "y": "two"},
        "b": {"y": Bare(""), "x": Bare("1")},
        "c": {"x": Bare("1"), "y": "two"},
    }


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("[a, b, c]", "[a, x, b, c]", ["+ 1 x"]),
        ("[a, b, c]", "[a, c]", ["- 1 b"]),
        ("[a, b]", "[a, c]", ["~ 1 b c"]),
        ("{a: 1}", "{a: '1'}", ["~ a 1 1"]),
        ("{a: 1}", "{b: 1}", ["- a 1", "+ b 1"]),
        # A step is put before one that is changed.
        (
            "[{run: {name: pull, command: one}}]",
            "[{run: login}, {run: {name: pull, command: two}}]",
            ["+ 0 {'run': 'login'}", "~ 1.run.command one two"],
        ),
    ],
)
def test_changes(old: str, new: str, shown: list[str]) -> None:
    found = []
    for change in changes(read(old), read(new)):
        place = ".".join(map(str, change.path))
        match change:
            case Added(value=value):
                found.append(f"+ {place} {_shown(value)}")
            case Removed(value=value):
                found.append(f"- {place} {_shown(value)}")
            case Replaced(old=was, new=now):
                found.append(f"~ {place} {_shown(was)} {_shown(now)}")
    assert found == shown


def _shown(value: Plain) -> str:
    return value.text if isinstance(value, Bare) else str(value)


_PLAIN = st.recursive(
    st.sampled_from(["a", "b", Bare("1"), Bare("")]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["run", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(_PLAIN, _PLAIN)
def test_there_are_changes_exactly_where_the_data_differ(old: Plain, new: Plain) -> None:
    assert (list(changes(old, new)) == []) is (old == new)


@pytest.mark.parametrize(
    ("template", "text", "fits"),
    [
        ("node:<< parameters.v >>", "node:22", True),
        ("node:<< parameters.v >>", "nodes:22", False),
        ("<< a.b >>-<< c >>-z", "1-2-z", True),
        ("<< parameters.x >>", "", True),
        ("a<< parameters.x >>a", "a", False),
        ("cat \\<<EOF", "cat <<EOF", True),
        ("plain", "plain", True),
    ],
)
def test_templates(template: str, text: str, fits: bool) -> None:
    assert matches(template, text) is fits


def test_values_are_put_into_the_new_text() -> None:
    old, new = (
        "pull << parameters.x >>:<< parameters.y >>",
        "get << parameters.x >>/<< parameters.y >>",
    )
    assert substituted(old, new, "pull a:b") == "get a/b"
    assert substituted(old, new, "push a:b") is None
    assert substituted(old, "<< parameters.z >>", "pull a:b") is None


def test_a_hostile_template_takes_no_longer_than_its_length() -> None:
    template = "<< parameters.x >>a" * 3000
    started = time.process_time()
    assert not matches(template, "a" * 100_000 + "b")
    assert time.process_time() - started < 2
