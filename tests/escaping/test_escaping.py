"""What each escaping makes of any text."""

from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_migrate.escaping.commit_message import message_text
from cci_migrate.escaping.json_text import json_text, json_to_read_back
from cci_migrate.escaping.markdown import code, prose
from cci_migrate.escaping.terminal_text import printable, printable_file, without_controls
from tests.any_text import CHARACTERS
from tests.cli.conftest import ROOT
from tests.escaping.hostile_text import assert_steady

#: Lone surrogates too: so Python reads bytes of names that are not UTF-8.
TEXT = st.text(
    st.sampled_from("a1 :#[]`@!$/\\\n\r\t\0\x1b\x9b\u202e\u200b\u3164\udcff\ud800\U000e0041")
    | CHARACTERS,
    max_size=30,
)


@given(TEXT)
def test_each_makes_one_steady_line(text: str) -> None:
    for made in (printable(text), code(text), prose(text), message_text(text)):
        assert "\n" not in made
        assert_steady(made)
        made.encode()
    assert printable(printable(text)) == printable(text)
    assert_steady(printable_file(text.encode("utf-8", "surrogatepass")))


@given(TEXT)
def test_json_is_json(text: str) -> None:
    document = {"a": [text], text: None}
    assert json.loads(json_to_read_back(document)) == json.loads(json.dumps(document))
    made = json_text(document)
    assert_steady(made)
    read = json.loads(made)
    json.dumps(read, ensure_ascii=False).encode()
    if text.isascii():
        assert read == document


@given(TEXT)
def test_code_is_one_span_of_it(text: str) -> None:
    made = code(text)
    assert not made or re.fullmatch(r"`[^`]+`", made)
    assert prose(text).count("`") % 2 == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("job build-and-test needs context hub (provides $U, $P)", None),
        ("日本語 Größe naïve", "日本語 Größe naïve"),
        ("std::string a:b", "std::string a:b"),
        (" ::error::x", r" \x3a:error::x"),
        ("##[error]x ##vso[y] ## [z]", r"\x23#[error]x \x23#vso[y] ## [z]"),
        ("a\udcffb\u202e\n\t", r"a\xffb\u202e\n\t"),
    ],
)
def test_terminal(text: str, shown: str | None) -> None:
    assert printable(text) == (shown or text)


def test_colours_stay_where_they_are_wanted() -> None:
    assert without_controls("\x1b[31mred\x1b[0m\n\tx", in_colour=True) == "\x1b[31mred\x1b[0m\n\tx"
    assert without_controls("\x1b[31mred\n\x1b[2J", in_colour=False) == "\\x1b[31mred\n\\x1b[2J"
    assert without_controls("\x1b[31mred\x1b[2J", in_colour=True) == "\x1b[31mred\\x1b[2J"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("job build-and-test needs context docker-hub-creds.", None),
        ("It isn't (yet) supported; see below!", None),
        ("it provides $U, $P.", "it provides `$U`, `$P`."),
        ("ask @acme/ops", "ask `@acme/ops`"),
        ("Fixes #1 closes ABC-1", "Fixes `#1` closes `ABC-1`"),
        ("/merge", "`/merge`"),
        ("what `docker build` pulls", "what 'docker build' pulls"),
        ("- a\n# b", r"`-` `a\n#` b"),
    ],
)
def test_prose(text: str, made: str | None) -> None:
    assert prose(text) == (made or text)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Fixes #1", r"`Fixes\x20#1`"),
        ("fix tests", "`fix tests`"),
        ("a`b", "`a'b`"),
        ("", ""),
        ("x" * 2000, f"`{'x' * 1000}...`"),
    ],
)
def test_code(text: str, made: str) -> None:
    assert code(text) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("cimg/node@sha256:ab is fine", "cimg/node@sha256:ab is fine"),
        ("@acme and a #1 and !2", r"\x40acme and a \x231 and \x212"),
        ("[skip ci] [ ci skip ]", r"\x5bskip ci] \x5b ci skip ]"),
        ("closes https://x/1", r"closes\x20https://x/1"),
        ("a\n\nSigned-off-by: b", r"a\n\nSigned-off-by: b"),
    ],
)
def test_message_text(text: str, made: str) -> None:
    assert message_text(text) == made


#: Where output is made; all else hands its texts to these, or to click with an escaping.
WRITERS = {
    "__main__.py", "cli/terminal.py", "interactive/screen.py", "interactive/prompter.py",
    "transport/progress.py",
}  # fmt: skip
ESCAPINGS = {"printable", "printable_lines", "printable_file", "json_text"}


WRITING = re.compile(r"\b(echo|secho|confirm|prompt|print|write)\(")


def test_nothing_is_written_past_the_escapings() -> None:
    package = ROOT / "cci_migrate"
    for path in package.rglob("*.py"):
        name, source = path.relative_to(package).as_posix(), path.read_text(encoding="utf-8")
        if not WRITING.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("click.echo", "click.secho", "click.confirm", "click.prompt"):
                text = node.args[0].body if isinstance(node.args[0], ast.IfExp) else node.args[0]
                assert isinstance(text, ast.Constant) or (
                    isinstance(text, ast.Call) and ast.unparse(text.func) in ESCAPINGS
                ), f"{name}:{node.lineno}"
            is_write = called == "print" or re.search(r"(stdout|stderr|stream)\S*\.write$", called)
            assert not is_write or name in WRITERS, f"{name}:{node.lineno}"
