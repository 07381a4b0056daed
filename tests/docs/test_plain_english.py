"""Phrases that read as if translated, or that only this project uses, do not come back.

What users read: the strings of the program (not its docstrings, but for the rules' manuals, which
are pages of the documentation), the documentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cci_migrate
from cci_migrate.redaction.redaction import Redaction
from tools.shared_data import ROOT

PACKAGE = Path(cci_migrate.__file__).parent

#: What not to write, and what to write instead.
BANNED = {
    r"(?:cannot|can't) be told": "can't determine",
    r"nothing (?:in the \w+ )?(?:tells|shows) (?:which|what|where)": "the config doesn't show",
    r"\bis told\b|\bare told\b|\btells? of\b": "is reported, report",
    r"\bwho may not\b": "people without access",
    r"\bheed(?:s|ed)?\b": "apply, follow",
    r"\bstands? (?:on|beside|there|here|for any|behind the)\b": "is on, is next to, is",
    r"\btakes? (?:it|them|\S+) out again\b": "remove",
    r"\btake (?:it|them) (?:out|back)\b": "remove, revoke",
    r"\bis no (?!longer|more\b|place\b|need\b|login\b|fix\b|such\b)\w+ of\b": "isn't the … of",
    r"\bis no (?:plain|single|mapping|text|config|baseline|step|valid)\b": "isn't a …",
    r"\bby (?:its|their) names? alone\b": "only by name",
    r"\blie too deep\b|\bin each other\b": "nested too deeply",
    r"\bcomes to more than\b": "is larger than",
    r"\bis to (?:fetch|get|run|stay|keep)\b|\bare to (?:fetch|get|run|stay|keep)\b": "will, should",
    r"\bin which a context could\b|\bof which (?:it|one)\b": "split the sentence",
    r"\bnot judged\b": "not checked",
    r"\bfor nothing\b": "unused",
    r"\blook(?:s|ed)? at again\b": "check again",
    r"\bgives? no answers?\b": "does not answer",
    r"\bmoved on\b|\bis another now\b": "has changed",
    r"\banew\b": "again",
    r"\bof our own making\b|\bof ours\b": "generated, this campaign's",
    r"\bgo(?:es)? on (?:all the same|anyway)\b": "continue",
    r"\b(?:is|are) wanted\b": "must be, requires",
    r"\bis there already\b|\bif (?:it is|they are) there\b": "exists",
    r"\bat work on\b": "is using",
    r"\bmay not (?:write|open|use)\b": "can't",
    r"\bto know of\b": "to note",
    r"\bby no workflow\b": "not by any workflow",
    r"\bnobody can be asked\b|\bdecides on nothing\b": "can't prompt, changes nothing",
}


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    skipped = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
            parts = (v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, text in _strings(path):
            yield f"{path.relative_to(ROOT)}:{line}", text
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for path in pages:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_no_banned_phrase() -> None:
    patterns = [(re.compile(banned), instead) for banned, instead in BANNED.items()]
    any_of_them = re.compile("|".join(BANNED))
    texts = ((place, " ".join(text.lower().split())) for place, text in _texts() if " " in text)
    problems = [
        f"{place}: {found[0]!r}; write: {instead}"
        for place, text in texts
        if any_of_them.search(text)
        for pattern, instead in patterns
        for found in pattern.finditer(text)
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "room", ["assessing", "circleci", "engine", "remedies", "reversal", "rules"]
)
def test_no_message_looks_like_a_secret(room: str) -> None:
    texts = (text for path in (PACKAGE / room).rglob("*.py") for _, text in _strings(path))
    messages = [text for text in texts if " " in text and "\n" not in text]
    assert [Redaction().prose(message) for message in messages] == messages
