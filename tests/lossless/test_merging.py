"""Mappings as SnakeYAML merges them."""

from __future__ import annotations

import pytest

from cci_migrate.lossless.merging import (
    duplicate_keys,
    entries_of,
    entry_of,
    is_merge_key,
    is_null,
    items_of,
    merged_mappings,
    own_entry,
    text_of,
    value_of,
)
from cci_migrate.lossless.nodes import Scalar, resolved
from tests.lossless.trees import mapping_at, node_at, root_of, scalar_at

ANCHORS = "a: &a {k: of a, only-a: 1}\nb: &b {k: of b, only-b: 2}\n"

#: The mapping ``m`` of a text, and what it holds.
MERGES: dict[str, tuple[str, dict[str, str]]] = {
    "own key wins, merge above": ("m: {<<: *a, k: own}", {"k": "own", "only-a": "1"}),
    "own key wins, merge below": ("m: {k: own, <<: *a}", {"k": "own", "only-a": "1"}),
    "earlier of two merges wins": (
        "m:\n  <<: *b\n  <<: *a",
        {"k": "of b", "only-b": "2", "only-a": "1"},
    ),
    "earlier in a list wins": ("m: {<<: [*a, *b]}", {"k": "of a", "only-a": "1", "only-b": "2"}),
    "last of duplicate keys wins": ("m: {k: 1, k: 2}", {"k": "2"}),
    "last duplicate wins over a merge": ("m: {k: 1, <<: *a, k: 2}", {"k": "2", "only-a": "1"}),
    "merge of a merge": (
        "c: &c {<<: *a, only-c: 3}\nm: {<<: *c}",
        {"only-c": "3", "k": "of a", "only-a": "1"},
    ),
    "the merging mapping's own keys win over what it merges": (
        "c: &c {<<: *a, k: of c}\nm: {<<: [*c, *b]}",
        {"k": "of c", "only-a": "1", "only-b": "2"},
    ),
    "written out": ("m: {<<: {k: written}}", {"k": "written"}),
    "an alias of a mapping that merges": ("c: &c {<<: *b}\nm: *c", {"k": "of b", "only-b": "2"}),
    "quoted << is a key": ("m: {'<<': x}", {"<<": "x"}),
    "a merge of nothing": ("m: {<<: , k: own}", {"k": "own"}),
    "a merge of a scalar": ("m: {<<: text, k: own}", {"k": "own"}),
    "a re-used anchor means the one above": ("a2: &a {k: new}\nm: {<<: *a}", {"k": "new"}),
}


@pytest.mark.parametrize(("text", "wanted"), MERGES.values(), ids=MERGES)
def test_what_a_mapping_holds(text: str, wanted: dict[str, str]) -> None:
    node = node_at(root_of(f"{ANCHORS}{text}\n"), "m")
    assert {key: text_of(entry.value) for key, entry in entries_of(node).items()} == wanted
    for key, value in wanted.items():
        entry = entry_of(node, key)
        assert entry is not None
        assert text_of(entry.value) == value
        found = value_of(node, key)
        assert isinstance(found, Scalar)
        assert found.value == value
    assert entry_of(node, "none") is None
    assert value_of(node, "none") is None


def test_an_entry_knows_the_mapping_in_whose_text_it_stands() -> None:
    root = root_of(f"{ANCHORS}m:\n  <<: *a\n  own: x\n")
    entries = entries_of(node_at(root, "m"))
    assert entries["own"].holder is mapping_at(root, "m")
    assert entries["k"].holder is mapping_at(root, "a")
    assert list(entries) == ["own", "k", "only-a"]


def test_only_what_stands_in_its_own_text_is_a_mappings_own() -> None:
    root = root_of(f"{ANCHORS}m: {{<<: *a, k: 1, k: 2}}\n")
    own = own_entry(mapping_at(root, "m"), "k")
    assert own is not None
    assert text_of(own.value) == "2"
    assert own_entry(mapping_at(root, "m"), "only-a") is None


def test_merged_mappings_come_in_the_order_in_which_they_win() -> None:
    root = root_of(f"{ANCHORS}m: {{<<: [*b, *a], <<: *a}}\n")
    a, b = mapping_at(root, "a"), mapping_at(root, "b")
    assert list(merged_mappings(mapping_at(root, "m"))) == [b, a, a]


def test_merges_that_double_at_every_level_are_read_once() -> None:
    lines = ["a0: &a0 {k: v}\n"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 100)]
    root = root_of("".join(lines))
    assert text_of(value_of(node_at(root, "a99"), "k")) == "v"


def test_keys_that_stand_twice_are_told_but_not_merges() -> None:
    mapping = mapping_at(root_of(f"{ANCHORS}m: {{<<: *a, <<: *b, k: 1, k: 2, j: 3, k: 4}}\n"), "m")
    found = list(duplicate_keys(mapping))
    assert [text_of(first) for first, _ in found] == ["k", "k"]
    assert found[0][0].start < found[0][1].start < found[1][1].start


def test_an_alias_to_a_keys_name_repeats_the_key() -> None:
    mapping = mapping_at(root_of("a: &a k\nm: {k: 1, *a : 2, *a : 3, j: 4}\n"), "m")
    assert [first.start for first, _ in duplicate_keys(mapping)] == [
        mapping.entries[0][0].start
    ] * 2


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("", True), ("~", True), ("null", True), ("NULL", True), ("'null'", False), ("nULL", False),
     ("!!str", False), ("!!str null", False), ("[]", False), ("0", False), ("''", False)],
)  # fmt: skip
def test_a_null_is_written_or_not(value: str, is_one: bool) -> None:
    assert is_null(node_at(root_of(f"a: {value}\n"), "a")) is is_one


def test_a_null_is_no_text_and_no_list() -> None:
    root = root_of("a: &a ~\nb: *a\nc: &c [x]\nd: *c\ne: {}\n")
    assert text_of(node_at(root, "b")) is None
    assert text_of(node_at(root, "c")) is None
    assert text_of(None) is None
    assert items_of(node_at(root, "a")) == ()
    assert items_of(None) == ()
    assert [text_of(item) for item in items_of(node_at(root, "d"))] == ["x"]
    assert entries_of(node_at(root, "c")) == {}
    assert entry_of(None, "x") is None
    assert is_null(resolved(node_at(root, "b")))


@pytest.mark.parametrize(("key", "is_one"), [("<<", True), ("'<<'", False), ("<<x", False)])
def test_a_merge_key_has_no_quotes(key: str, is_one: bool) -> None:
    mapping = mapping_at(root_of(f"a: &a {{}}\nm:\n  {key}: *a\n"), "m")
    assert is_merge_key(mapping.entries[0][0]) is is_one


def test_what_looks_like_a_merge_in_a_value_is_text() -> None:
    root = root_of("image: << parameters.image >>\ntag: <<pipeline.number>>\n")
    assert scalar_at(root, "image").value == "<< parameters.image >>"
    assert scalar_at(root, "tag").value == "<<pipeline.number>>"
