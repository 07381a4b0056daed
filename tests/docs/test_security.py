"""The promises of docs/security.md: each names a test, and the test is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.cli.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!\*\*)(.+?) \| (?:`(tests/[^`]*)`)? ?\|$", PAGE, re.MULTILINE)


def test_each_promise_names_a_test() -> None:
    promises = PAGE.partition("## Promises")[2].partition("\n## ")[0]
    rows = [row for row in promises.splitlines() if row.startswith("| ") and "**" not in row][1:]
    assert len(rows) == len([row for row in ROWS if row[1]]) > 40


@pytest.mark.parametrize("named", sorted({test for _, test in ROWS if test}))
def test_the_test_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name in functions


def test_it_is_said_how_to_report_a_hole() -> None:
    assert "Report a vulnerability" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(SECURITY.md)" in readme
    assert "(docs/security.md)" in readme
    assert "security.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
