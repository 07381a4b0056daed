"""A rule's id is written once: in `rule_ids`, or in its own module if nothing else names it."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from cci_migrate.rules.catalogue import RULES

PACKAGE = Path(__file__).resolve().parent.parent / "cci_migrate"


def test_each_rule_id_is_written_once() -> None:
    ids = {rule.id for rule in RULES}
    written = Counter(
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ids
    )
    assert written == dict.fromkeys(ids, 1)
