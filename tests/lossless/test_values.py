"""What two texts mean, and when they do not mean the same."""

from __future__ import annotations

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
from tests.lossless.trees import Make, at, document_of, mapping_at, node_at, root_of


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


def means(before: str, *makes: Make, after: str) -> bool:
    """Whether ``after`` means what ``before`` does after the operations of ``makes``."""
    document = document_of(before)
    operations = tuple(make(document) for make in makes)
    return is_data_of(expected((document,), operations), (document_of(after),))


def test_a_change_of_what_is_anchored_reaches_its_aliases() -> None:
    text, added = "a: &x {b: c}\nd: *x\n", at("a", AddEntry, "e", Text("f"))
    assert means(text, added, after="a: &x {b: c, e: f}\nd: *x\n")
    assert not means(text, added, after="a: {b: c, e: f}\nd: {b: c}\n")


def test_a_change_of_an_alias_stays_there() -> None:
    text, replaced = "a: &x [b]\nc: *x\n", at("c", ReplaceScalar, Items((Text("b"), Text("d"))))
    assert means(text, replaced, after="a: [b]\nc: [b, d]\n")
    assert not means(text, replaced, after="a: &x [b, d]\nc: *x\n")


def test_operations_find_their_place_after_others_moved_it() -> None:
    assert means(
        "- a\n- b\n- c: d\n  e: f\n",
        at("", AddItem, 0, Text("x")),
        at("", AddItem, 3, Text("z")),
        at("", AddItem, 0, Text("y")),
        at("1", ScalarToMapping, Entries((("g", Text("h")),))),
        at("2", AddEntry, "i", Text("j"), "c"),
        at("2", AddEntry, "k", Text("l"), "c"),
        at("2", RenameKey, 1, "m"),
        after="[x, y, a, {b: {g: h}}, {c: d, i: j, k: l, m: f}, z]",
    )


def test_an_alias_as_content_means_what_is_anchored() -> None:
    def added(document: Document) -> Operation:
        return at("d", AddEntry, "e", AliasTo(node_at(document, "a"), "x"))(document)

    assert means("a: &x {b: c}\nd: {}\n", added, after="a: {b: c}\nd: {e: {b: c}}\n")


def test_numbers_and_strings_are_told_apart_in_new_content() -> None:
    number = at("a", ReplaceScalar, Text("2.1", is_number=True))
    assert means("a: b\n", number, after="a: 2.1\n")
    assert not means("a: b\n", number, after="a: '2.1'\n")
    string = at("a", ReplaceScalar, Text("2.1"))
    assert means("a: b\n", string, after="a: '2.1'\n")
    assert not means("a: b\n", string, after="a: 2.1\n")


def test_comments_change_nothing() -> None:
    assert means("a: b\n", at("a", AddComment, "why"), after="a: b\n")


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
UNKNOWN: dict[str, tuple[Make, ...]] = {
    "after an unknown key": (at("", AddEntry, "c", Text("d"), "none"),),
    "a key that is there": (at("", AddEntry, "a", Text("d")),),
    "another document": (lambda _: AddEntry(mapping_at(root_of("x: y")), "c", Text("d")),),
    "remove an unknown key": (at("", RemoveEntry, "none"),),
    "rename to a key that is there": (at("", RenameKey, 0, "e"),),
    "nest an unknown key": (at("", NestEntries, "e", ("none",)),),
    "what is gone": (at("", RemoveEntry, "a"), at("a", ScalarToMapping, Entries(()))),
    "one key twice": (
        at("", AddEntry, "c", Text("d")),
        at("", AddEntry, "c", Text("d"), "a"),
    ),
}


@pytest.mark.parametrize("makes", UNKNOWN.values(), ids=UNKNOWN)
def test_operations_on_what_is_not_there_are_refused(makes: tuple[Make, ...]) -> None:
    document = document_of("a: b\ne:\n")
    operations = tuple(make(document) for make in makes)
    with pytest.raises(UnknownPlaceError):
        expected((document,), operations)
