"""The oracle's YAML reading: CircleCI's dialect, not ruamel.yaml's."""

from __future__ import annotations

import pytest

from tests.oracle.plain_yaml import UnreadableError, read, read_by


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: &x {k: 1}\nb: *x\n", {"a": {"k": 1}, "b": {"k": 1}}),
        ("a: &x {k: 1, l: 1}\nb: {<<: *x, k: 2}\n", {"a": {"k": 1, "l": 1}, "b": {"k": 2, "l": 1}}),
        # Of several merges the first that has the key counts.
        ("b: {<<: [{k: 1}, {k: 2, l: 3}]}\n", {"b": {"k": 1, "l": 3}}),
        ("b:\n  <<: {k: 1}\n  <<: {k: 2, l: 3}\n", {"b": {"k": 1, "l": 3}}),
        # An anchor's name may be used again: an alias means the last one before it.
        ("- &x one\n- *x\n- &x two\n- *x\n", ["one", "one", "two", "two"]),
        ("k: 1\nk: 2\n", {"k": 2}),
        ("- yes\n- off\n- y\n- ~\n- 2.1\n- 0x1\n", [True, False, "y", None, 2.1, "0x1"]),
        ('- "yes"\n- \'2.1\'\n- "<<"\n', ["yes", "2.1", "<<"]),
        ("on: {}\n1.0: x\n", {"on": {}, "1.0": "x"}),
        ('"<<": {k: 1}\n', {"<<": {"k": 1}}),
        ("", None),
        ("# only a comment\n", None),
        ("one\n---\ntwo\n", "one"),
        ("docker: [image: cimg/go:1.22]\n", {"docker": [{"image": "cimg/go:1.22"}]}),
    ],
)
def test_reads_as_circleci_does(text: str, data: object) -> None:
    assert read(text) == data


def test_reads_bytes_with_a_byte_order_mark() -> None:
    assert read(b"\xef\xbb\xbfa: 1\r\n") == {"a": 1}


@pytest.mark.parametrize("text", [b"a: *nothing\n", b"a: [\n", b"a:\n\t- b\n", b"\xff\xfe"])
def test_refuses_what_nobody_can_read(text: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(text)


def test_both_parsers_give_the_same() -> None:
    text = "a: &x [1, 'two', \"three\"]\nb: |\n  text\n  <<: no\nc: {<<: {d: *x}}\n"
    assert read_by(text, pure=True) == read_by(text, pure=False)
