"""A file's text, exactly as its bytes are, and places in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cci_migrate.lossless.source import LINE_BREAK, NotUtf8Error, Position, SourceText
from tests.any_text import CHARACTERS


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=40) | st.text(CHARACTERS, max_size=20).map(str.encode))
def test_decoding_loses_nothing(data: bytes) -> None:
    try:
        source = SourceText.decode("a.yml", data)
    except NotUtf8Error:
        return
    assert source.encode() == data
    assert source.with_text(source.text + "x").encode() == data + b"x"


def test_the_byte_order_mark_is_kept_apart() -> None:
    source = SourceText.decode("a.yml", b"\xef\xbb\xbfa: b\n")
    assert (source.text, source.has_bom) == ("a: b\n", True)
    assert source.position(0) == Position(1, 1)
    assert source.encode() == b"\xef\xbb\xbfa: b\n"


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [(b"a\n\xff", 2, "not UTF-8"), (b"a\nb\0", 2, "NUL"), ("é".encode("latin-1"), 1, "not UTF-8")],
)
def test_other_encodings_and_binaries_are_refused(data: bytes, line: int, words: str) -> None:
    with pytest.raises(NotUtf8Error, match=words) as error:
        SourceText.decode("a.yml", data)
    assert error.value.line == line


def test_places_are_counted_in_characters_and_lines() -> None:
    source = SourceText("a.yml", "é😀x\r\nb\rc\nd\x85e")
    at = {char: source.position(source.text.index(char)) for char in "éxbcde"}
    assert at == {
        "é": Position(1, 1),
        "x": Position(1, 3),
        "b": Position(2, 1),
        "c": Position(3, 1),
        "d": Position(4, 1),
        "e": Position(5, 1),
    }
    assert source.line_count == 5
    assert source.position(len(source.text)) == Position(5, 2)


@settings(deadline=None, derandomize=True)
@given(st.text("ab \r\n\x85\u2028", max_size=30))
def test_lines_have_their_start_their_end_and_a_next(text: str) -> None:
    source = SourceText("a.yml", text)
    starts = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
    for offset in range(len(text) + 1):
        start, end, following = (
            source.line_start(offset),
            source.line_end(offset),
            source.next_line(offset),
        )
        assert start == max(place for place in starts if place <= offset)
        assert end <= following
        assert LINE_BREAK.fullmatch(text[end:following]) or following == end == len(text)
    spans = [source.line_span(number + 1) for number in range(source.line_count)]
    lines = LINE_BREAK.split(text)
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    assert [text[span.start : span.end] for span in spans] == lines


@pytest.mark.parametrize(
    ("text", "offset", "wanted"),
    [
        ("a\r\nb\nc\rd", 0, "\r\n"),
        ("a\r\nb\nc\rd", 3, "\r\n"),
        ("a\r\nb\nc\rd", 5, "\n"),
        ("a\r\nb\nc\rd", 7, "\r"),
        ("a", 1, "\n"),
        ("", 0, "\n"),
        ("a\u2028b\r\n", 2, "\r\n"),
        ("a\u2028b", 2, "\n"),
    ],
)
def test_a_new_line_ends_as_the_one_above_it(text: str, offset: int, wanted: str) -> None:
    assert SourceText("a.yml", text).line_break_near(offset) == wanted


def test_neither_a_text_nor_a_node_is_shown() -> None:
    from tests.lossless.trees import root_of

    source = SourceText("a.yml", "password: hunter2\n")
    assert "hunter2" not in repr(source)
    assert "hunter2" not in repr(root_of(source.text))
