"""What the tree says of each kind of node; both parsers say the same."""

from __future__ import annotations

import pytest

from cci_migrate.lossless.nodes import Alias, Mapping, Scalar, Sequence, walk
from cci_migrate.lossless.parsing import MAX_DEPTH, YamlError, has_c_parser, parse
from cci_migrate.lossless.source import SourceText
from cci_migrate.lossless.values import data_of, is_data_of
from tests.lossless.trees import (
    alias_at,
    document_of,
    mapping_at,
    node_at,
    root_of,
    scalar_at,
    shape,
    written,
)

PARSERS = pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])

#: Text, and for the nodes in the order of the text: what stands at their spans.
SPANS: dict[str, tuple[str, list[str]]] = {
    "plain scalars": ("a: b c # d\n", ["a: b c", "a", "b c"]),
    "quoted scalars": ("'a': \"b\" # c\n", ["'a': \"b\"", "'a'", '"b"']),
    "plain scalar of several lines": ("a: b\n  c # d\n", ["a: b\n  c", "a", "b\n  c"]),
    "quoted scalar of several lines": ("a: 'b\n\n  c'\n", ["a: 'b\n\n  c'", "a", "'b\n\n  c'"]),
    "literal": ("a: |\n  b\n\nc: d\n", ["a: |\n  b\n\nc: d", "a", "|\n  b", "c", "d"]),
    "literal with a comment": ("a: | # b\n  c\n", ["a: | # b\n  c", "a", "| # b\n  c"]),
    "literal, stripped": ("a: |-\n  b\n\n\n", ["a: |-\n  b", "a", "|-\n  b"]),
    "literal, kept": ("- |+\n  b\n\n\n- c\n", ["- |+\n  b\n\n\n- c", "|+\n  b\n\n\n", "c"]),
    "literal, kept, anchor above": (
        "- &a\n  |+\n  b\n\n- c\n",
        ["- &a\n  |+\n  b\n\n- c", "&a\n  |+\n  b\n\n", "c"],
    ),
    "literal with blanks beyond its indent": (
        "- |\n  a \n   \n",
        ["- |\n  a \n   ", "|\n  a \n   "],
    ),
    "literal with an indent of its own": ("- |2\n   a\n", ["- |2\n   a", "|2\n   a"]),
    "literal without text": ("a: |\nb: c\n", ["a: |\nb: c", "a", "|", "b", "c"]),
    "folded": ("a: >-\n  b\n  c\n\n", ["a: >-\n  b\n  c", "a", ">-\n  b\n  c"]),
    "block collections": (
        "a:\n  - b: c\n    d:\n    - e\n",
        [
            "a:\n  - b: c\n    d:\n    - e",
            "a",
            "- b: c\n    d:\n    - e",
            "b: c\n    d:\n    - e",
            "b",
            "c",
            "d",
            "- e",
            "e",
        ],
    ),
    "flow collections": (
        "a: {b: [c, d], e: {}} # f\n",
        ["a: {b: [c, d], e: {}}", "a", "{b: [c, d], e: {}}", "b", "[c, d]", "c", "d", "e", "{}"],
    ),
    "flow collections of several lines": (
        "{\n  a: [\n    b, # c\n  ],\n}\n",
        ["{\n  a: [\n    b, # c\n  ],\n}", "a", "[\n    b, # c\n  ]", "b"],
    ),
    "a pair without braces": (
        "[ a: b , ? c : d ]\n",
        ["[ a: b , ? c : d ]", "a: b", "a", "b", "? c : d", "c", "d"],
    ),
    "colons in a flow collection": (
        "[{image: cimg/node:20.1}, http://a.b]\n",
        [
            "[{image: cimg/node:20.1}, http://a.b]",
            "{image: cimg/node:20.1}",
            "image",
            "cimg/node:20.1",
            "http://a.b",
        ],
    ),
    "JSON": ('{"a":1,"b":["c"]}', ['{"a":1,"b":["c"]}', '"a"', "1", '"b"', '["c"]', '"c"']),
    "nulls": ("a:\nb: # c\nd: ~\n", ["a:\nb: # c\nd: ~", "a", "", "b", "", "d", "~"]),
    "nulls in a sequence": ("-\n- # a\n- b\n", ["-\n- # a\n- b", "", "", "b"]),
    "nulls in a flow mapping": ("{a, b: , c: }", ["{a, b: , c: }", "a", "", "b", "", "c", ""]),
    "an anchored null": ("a: &b\nc: !d\n", ["a: &b\nc: !d", "a", "&b", "c", "!d"]),
    "anchors and tags": (
        "a: &b c\nd: !e &f\n  g: h\ni: &j !k\n  - l\n",
        [
            "a: &b c\nd: !e &f\n  g: h\ni: &j !k\n  - l",
            "a",
            "&b c",
            "d",
            "!e &f\n  g: h",
            "g",
            "h",
            "i",
            "&j !k\n  - l",
            "l",
        ],
    ),
    "an anchor with a comment": (
        "- &a # b\n  c: d\n",
        ["- &a # b\n  c: d", "&a # b\n  c: d", "c", "d"],
    ),
    "an anchor on the first key": ("- &a b: c\n", ["- &a b: c", "&a b: c", "&a b", "c"]),
    "aliases": (
        "a: &b c\nd: [*b, e: *b]\n*b : f\n",
        [
            "a: &b c\nd: [*b, e: *b]\n*b : f",
            "a",
            "&b c",
            "d",
            "[*b, e: *b]",
            "*b",
            "e: *b",
            "e",
            "*b",
            "*b",
            "f",
        ],
    ),
    "an anchor with a dot": ("- &a.b c\n- *a.b\n", ["- &a.b c\n- *a.b", "&a.b c", "*a.b"]),
    "several merges": (
        "a: &a {}\nb:\n  <<: *a\n  <<: *a\n",
        [
            "a: &a {}\nb:\n  <<: *a\n  <<: *a",
            "a",
            "&a {}",
            "b",
            "<<: *a\n  <<: *a",
            "<<",
            "*a",
            "<<",
            "*a",
        ],
    ),
    "explicit keys": (
        "? a\n: b\n? c\n? - d\n: e\n",
        ["? a\n: b\n? c\n? - d\n: e", "a", "b", "c", "", "- d", "d", "e"],
    ),
    "explicit keys without values": (
        "? ? a\n:\n? b\n# c\n: # d\n? e\n",
        ["? ? a\n:\n? b\n# c\n: # d\n? e", "? a", "a", "", "", "b", "", "e", ""],
    ),
    "duplicate keys": ("a: 1\na: 2\n", ["a: 1\na: 2", "a", "1", "a", "2"]),
    "a dash on its own line": (
        "-\n  a: b\n- # c\n  d\n",
        ["-\n  a: b\n- # c\n  d", "a: b", "a", "b", "d"],
    ),
    "sequences in a sequence": ("- - a\n  - b\n", ["- - a\n  - b", "- a\n  - b", "a", "b"]),
    "CRLF": ("a: b\r\nc:\r\n  - d\r\n", ["a: b\r\nc:\r\n  - d", "a", "b", "c", "- d", "d"]),
    "CR": ("a: b\rc: |\r  d\r", ["a: b\rc: |\r  d", "a", "b", "c", "|\r  d"]),
    "mixed line ends": (
        "a: b\r\nc: d\ne: f\r",
        ["a: b\r\nc: d\ne: f", "a", "b", "c", "d", "e", "f"],
    ),
    "line ends that only YAML 1.1 knows": (
        "a: b\x85c: d # \u2028e: f\u2029",
        ["a: b\x85c: d # \u2028e: f", "a", "b", "c", "d", "e", "f"],
    ),
    "no line end at the end": ("a:\n  - b", ["a:\n  - b", "a", "- b", "b"]),
    "tabs that separate": (
        "a:\tb\t# c\nd: {e: f}\t\n\ng: h \t i\n  \t\n",
        ["a:\tb\t# c\nd: {e: f}\t\n\ng: h \t i", "a", "b", "d", "{e: f}", "e", "f", "g", "h \t i"],
    ),
    "multi-byte text": (
        "é: 😀 # 😀\n名: [😀, b]\n",
        ["é: 😀 # 😀\n名: [😀, b]", "é", "😀", "名", "[😀, b]", "😀", "b"],
    ),
    "directives and markers": (
        "%YAML 1.1\n%TAG ! tag:x,2000:\n%FOO bar\n--- # a\nb: c\n... # d\n",
        ["b: c", "b", "c"],
    ),
    "text on the marker's line": ("--- |\n  a\n", ["|\n  a"]),
}


each_text = pytest.mark.parametrize("text", [text for text, _ in SPANS.values()], ids=list(SPANS))


@PARSERS
@pytest.mark.parametrize(("text", "wanted"), SPANS.values(), ids=SPANS)
def test_spans_hold_the_nodes_as_they_are_written(text: str, wanted: list[str], pure: bool) -> None:
    assert [written(node) for node in walk(root_of(text, pure=pure))] == wanted


@each_text
def test_both_parsers_build_the_same_tree(text: str) -> None:
    assert shape(root_of(text)) == shape(root_of(text, pure=True))


@PARSERS
@each_text
def test_a_document_knows_its_nodes_of_each_kind(text: str, pure: bool) -> None:
    document = parse(SourceText("config.yml", text), pure=pure)
    nodes = list(walk(document.root)) if document.root is not None else []
    assert document.mappings == tuple(node for node in nodes if isinstance(node, Mapping))
    assert document.aliases == tuple(node for node in nodes if isinstance(node, Alias))
    anchored = {node for node in nodes if not isinstance(node, Alias) and node.anchor is not None}
    assert set(document.anchored) == anchored


def test_the_c_parser_is_installed_where_these_tests_run() -> None:
    assert has_c_parser()


@PARSERS
def test_positions_do_not_count_the_byte_order_mark(pure: bool) -> None:
    source = SourceText.decode("config.yml", "\ufeffa: b\n".encode())
    root = parse(source, pure=pure).root
    assert root is not None
    assert (root.start, root.end) == (0, 4)


@PARSERS
def test_a_scalar_has_its_value_its_style_its_anchor_and_its_tag(pure: bool) -> None:
    root = root_of("a: &b !!str 'c''d'\ne: yes\nf: |+\n  g\n\n", pure=pure)
    quoted = scalar_at(root, "a")
    assert (quoted.value, quoted.style) == ("c'd", "'")
    assert (quoted.anchor, quoted.tag) == ("b", "tag:yaml.org,2002:str")
    assert scalar_at(root, "e").value == "yes"
    assert (scalar_at(root, "f").value, scalar_at(root, "f").style) == ("g\n\n", "|")


@PARSERS
def test_an_alias_stands_where_it_is_written_and_means_the_latest_anchor(pure: bool) -> None:
    root = root_of("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", pure=pure)
    first, second = alias_at(root, "b"), alias_at(root, "d")
    assert (first.name, written(first)) == ("x", "*x")
    assert first.target is node_at(root, "a")
    assert second.target is node_at(root, "c")


@PARSERS
def test_an_anchor_of_another_file_is_asked_for(pure: bool) -> None:
    shared = root_of("x: &x {image: a}\n")
    anchors = {"x": mapping_at(shared, "x")}
    source = SourceText("jobs.yml", "docker: [*x]\n")
    document = parse(source, pure=pure, outer=anchors.get)
    assert alias_at(document, "docker", 0).target is anchors["x"]


@PARSERS
def test_only_the_first_document_is_read(pure: bool) -> None:
    document = document_of("---\na: 1\n---\nb: 2\n", pure=pure)
    assert document.root is not None
    assert written(document.root) == "a: 1"
    assert document.has_more_documents


@PARSERS
@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "\n  \n"])
def test_a_file_may_have_no_document(text: str, pure: bool) -> None:
    document = document_of(text, pure=pure)
    assert document.root is None
    assert not document.has_more_documents


@PARSERS
def test_deep_nesting_is_read(pure: bool) -> None:
    text = "".join("  " * depth + "a:\n" for depth in range(200))
    nodes = list(walk(root_of(text, pure=pure)))
    assert sum(isinstance(node, Mapping) for node in nodes) == 200
    document = document_of(text, pure=pure)
    assert is_data_of(data_of((document,)), (document_of(text),))


@PARSERS
@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_too_deep_nesting_is_refused_where_it_gets_too_deep(opening: str, pure: bool) -> None:
    text = opening * 500
    with pytest.raises(YamlError, match="collections are nested more than 300 deep") as error:
        document_of(text, pure=pure)
    assert error.value.offset == MAX_DEPTH * len(opening)


@PARSERS
def test_an_alias_bomb_is_no_larger_than_its_text(pure: bool) -> None:
    lines = ["a0: &a0 [x]\n"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 200)]
    document = document_of("".join(lines), pure=pure)
    assert document.root is not None
    assert len(list(walk(document.root))) == 3 + 199 * 6 + 1
    assert is_data_of(data_of((document,)), (document,))


#: Text, the offset of the error, and words of it.
ERRORS: dict[str, tuple[str, int, str]] = {
    "unknown alias": ("a: 1\nb: *c\n", 8, "alias has no anchor before it"),
    "alias above its anchor": ("a: *b\nc: &b d\n", 3, "has no anchor"),
    "alias inside itself": ("a: &b\n  - *b\n", 10, "inside its own anchor"),
    "merge of itself": ("a: &b\n  <<: *b\n", 12, "inside its own anchor"),
    "tab as indent": ("a:\n\tb: c\n", 3, "cannot start any token"),
    "tab before a comment line": ("a: b\n\t# c\n", 5, "tab character"),
    "unclosed quote": ("a: 'b\n", 6, "end of stream"),
    "unclosed bracket": ("a: [b\nc: d\n", 7, "while parsing a flow sequence"),
    "mapping in a plain scalar": ("a: b: c\n", 4, "mapping values are not allowed"),
    "wrong indent": ("a:\n  b: c\n d: e\n", 11, "while parsing a block mapping"),
    "control character": ("a: b\x07\n", 4, "a character that YAML does not allow"),
    "second byte order mark": ("\ufeffa: b\n", 0, "second byte order mark"),
    "text behind the end": ("a: b\n...\nc: d\n", 9, "document start"),
}


@PARSERS
@pytest.mark.parametrize(("text", "offset", "words"), ERRORS.values(), ids=ERRORS)
def test_an_error_says_where_and_what(text: str, offset: int, words: str, pure: bool) -> None:
    with pytest.raises(YamlError) as error:
        document_of(text, pure=pure)
    assert error.value.offset == offset
    assert words in error.value.problem
    assert "\n" not in error.value.problem


def test_nodes_know_their_source() -> None:
    document = document_of("a: [b, *c]\n".replace("b", "&c b"))
    assert document.root is not None
    kinds = {type(node) for node in walk(document.root)}
    assert kinds == {Mapping, Scalar, Sequence, Alias}
    assert all(node.source is document.source for node in walk(document.root))
