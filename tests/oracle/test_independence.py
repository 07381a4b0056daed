"""The oracle is a second opinion: it shares no code with what it judges."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ORACLE = Path(__file__).parent
MODULES = sorted(path for path in ORACLE.glob("*.py") if not path.name.startswith("test_"))
#: Beside the standard library: values, YAML as events, and CircleCI's published schema.
LIBRARIES = frozenset({"msgspec", "ruamel", "jsonschema"})


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_only_itself_and_libraries(path: Path) -> None:
    allowed = LIBRARIES | sys.stdlib_module_names - {"importlib", "runpy"}
    wrong = {
        name
        for name in imported(path)
        if name.split(".")[0] not in allowed and name.split(".")[:2] != ["tests", "oracle"]
    }
    assert not wrong
