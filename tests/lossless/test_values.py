"""What two texts mean, and when they do not mean the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.operations import (
    AddComment,
    AddEntry,
    AddItem,
    AliasTo,
    Entries,
    Items,
    NestEntries,
    Operation,
    RemoveEntry,
    RenameKey,
    ReplaceScalar,
    ScalarToMapping,
    Text,
)
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText
from cci_migrate.lossless.values import UnknownPlaceError, data_of, expected, is_data_of
from tests.lossless.trees import (
    alias_at,
    document_of,
    mapping_at,
    node_at,
    root_of,
    scalar_at,
    sequence_at,
)


def mean_the_same(*texts: str) -> bool:
    """Whether two texts have the same data."""
    first, second = ((document_of(text),) for text in texts)
    forth, back = is_data_of(data_of(first), second), is_data_of(data_of(second), first)
    assert forth == back
    return forth


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a: b\n", "{a: b}"),
        ("a: b\n", "'a': \"b\" # c\n"),
        ("a: [b, c]\n", "a:\n- b\n- c\n"),
        ("a: |\n  b\n", 'a: "b\\n"\n'),
        ("a: &x b\nc: *x\n", "a: b\nc: b\n"),
        ("a: &x {b: c}\nd: *x\n", "a: {b: c}\nd: {b: c}\n"),
        ("a: &x [[b], [b]]\nc: *x\n", "a: [&x [b], *x]\nc: [*x, *x]\n"),
        ("a:\n", "a: # c\n"),
        ("# nothing\n", ""),
        ("a: !!str 1\n", "a: !!str '1'\n"),
    ],
)
def test_texts_that_mean_the_same(first: str, second: str) -> None:
    assert mean_the_same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a: b\n", "a: c\n"),
        ("a: b\n", "b: b\n"),
        ("a: b\n", "a: b\nc: d\n"),
        ("a: b\nc: d\n", "c: d\na: b\n"),
        ("[a, b]", "[b, a]"),
        ("[a]", "[a, a]"),
        ("[a]", "a"),
        ("a: [b]\n", "a: b\n"),
        ("a: {b: }\n", "a: [b]\n"),
        ("a: {b: }\n", "a: b\n"),
        ("a: yes\n", "a: 'yes'\n"),
        ("a: 2.1\n", 'a: "2.1"\n'),
        ("a: 0644\n", "a: '0644'\n"),
        ("a: 12:30\n", "a: '12:30'\n"),
        ("a: ~\n", "a: '~'\n"),
        ("a:\n", "a: ''\n"),
        ("a:\n", "a: ~\n"),
        ("a: b\n", "a: !x b\n"),
        ("a: b\n", "a: 'b '\n"),
        ("a: |\n  b\n", "a: |-\n  b\n"),
        ("a: &x {}\nb: {<<: *x}\n", "a: &x {}\nb: {'<<': *x}\n"),
        ("a: &x {}\nb: {<<: *x}\n", "a: &x {}\nb: {}\n"),
        ("a: &x {b: 1}\nc: *x\n", "a: {b: 1}\nc: {b: 2}\n"),
        ("a: 1\na: 2\n", "a: 2\n"),
        ("a: b\n", "# a: b\n"),
    ],
)
def test_texts_that_do_not_mean_the_same(first: str, second: str) -> None:
    assert not mean_the_same(first, second)


def test_what_aliases_share_is_compared_once() -> None:
    lines = ["a0: &a0 [x]\n"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 150)]
    bomb = "".join(lines)
    assert mean_the_same(bomb, bomb.replace(", ", " ,  "))
    assert not mean_the_same(bomb, bomb.replace("[x]", "[y]"))


def means(document: Document, operations: tuple[Operation, ...], text: str) -> bool:
    """Whether ``text`` means what ``document`` does after ``operations``."""
    return is_data_of(expected((document,), operations), (document_of(text),))


def test_a_change_of_what_is_anchored_reaches_its_aliases() -> None:
    document = document_of("a: &x {b: c}\nd: *x\n")
    added = (AddEntry(mapping_at(document, "a"), "e", Text("f")),)
    assert means(document, added, "a: &x {b: c, e: f}\nd: *x\n")
    assert not means(document, added, "a: {b: c, e: f}\nd: {b: c}\n")


def test_a_change_of_an_alias_stays_there() -> None:
    document = document_of("a: &x [b]\nc: *x\n")
    replaced = (ReplaceScalar(alias_at(document, "c"), Items((Text("b"), Text("d")))),)
    assert means(document, replaced, "a: [b]\nc: [b, d]\n")
    assert not means(document, replaced, "a: &x [b, d]\nc: *x\n")


def test_operations_find_their_place_after_others_moved_it() -> None:
    document = document_of("- a\n- b\n- c: d\n  e: f\n")
    operations: tuple[Operation, ...] = (
        AddItem(sequence_at(document), 0, Text("x")),
        AddItem(sequence_at(document), 3, Text("z")),
        AddItem(sequence_at(document), 0, Text("y")),
        ScalarToMapping(scalar_at(document, 1), Entries((("g", Text("h")),))),
        AddEntry(mapping_at(document, 2), "i", Text("j"), "c"),
        AddEntry(mapping_at(document, 2), "k", Text("l"), "c"),
        RenameKey(mapping_at(document, 2), 1, "m"),
    )
    assert means(document, operations, "[x, y, a, {b: {g: h}}, {c: d, i: j, k: l, m: f}, z]")


def test_an_alias_as_content_means_what_is_anchored() -> None:
    document = document_of("a: &x {b: c}\nd: {}\n")
    added = (AddEntry(mapping_at(document, "d"), "e", AliasTo(node_at(document, "a"), "x")),)
    assert means(document, added, "a: {b: c}\nd: {e: {b: c}}\n")


def test_numbers_and_strings_are_told_apart_in_new_content() -> None:
    document = document_of("a: b\n")
    number = (ReplaceScalar(scalar_at(document, "a"), Text("2.1", is_number=True)),)
    assert means(document, number, "a: 2.1\n")
    assert not means(document, number, "a: '2.1'\n")
    string = (ReplaceScalar(scalar_at(document, "a"), Text("2.1")),)
    assert means(document, string, "a: '2.1'\n")
    assert not means(document, string, "a: 2.1\n")


def test_comments_change_nothing() -> None:
    document = document_of("a: b\n")
    assert means(document, (AddComment(node_at(document, "a"), "why"),), "a: b\n")


def test_the_data_of_several_files_are_one() -> None:
    shared = document_of("x: &x {image: a}\n")
    source = SourceText("jobs.yml", "docker: [*x]\n")
    jobs = parse(source, outer={"x": mapping_at(shared, "x")}.get)
    added = (AddEntry(mapping_at(shared, "x"), "user", Text("u")),)
    wanted = expected((jobs, shared), added)
    together = document_of("- docker: [{image: a, user: u}]\n- x: {image: a, user: u}\n")
    pieces = (
        document_of("docker: [{image: a, user: u}]\n"),
        document_of("x: {image: a, user: u}\n"),
    )
    assert is_data_of(wanted, pieces)
    assert not is_data_of(wanted, (together,))


#: Operations on the document ``a: b``, ``e:`` that name what it does not have.
UNKNOWN: dict[str, Callable[[Document], tuple[Operation, ...]]] = {
    "after an unknown key": lambda d: (AddEntry(mapping_at(d), "c", Text("d"), "none"),),
    "a key that is there": lambda d: (AddEntry(mapping_at(d), "a", Text("d")),),
    "another document": lambda _: (AddEntry(mapping_at(root_of("x: y")), "c", Text("d")),),
    "remove an unknown key": lambda d: (RemoveEntry(mapping_at(d), "none"),),
    "rename to a key that is there": lambda d: (RenameKey(mapping_at(d), 0, "e"),),
    "nest an unknown key": lambda d: (NestEntries(mapping_at(d), "e", ("none",)),),
    "what is gone": lambda d: (
        RemoveEntry(mapping_at(d), "a"),
        ScalarToMapping(scalar_at(d, "a"), Entries(())),
    ),
    "one key twice": lambda d: (
        AddEntry(mapping_at(d), "c", Text("d")),
        AddEntry(mapping_at(d), "c", Text("d"), "a"),
    ),
}


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_operations_on_what_is_not_there_are_refused(
    make: Callable[[Document], tuple[Operation, ...]],
) -> None:
    document = document_of("a: b\ne:\n")
    with pytest.raises(UnknownPlaceError):
        expected((document,), make(document))
