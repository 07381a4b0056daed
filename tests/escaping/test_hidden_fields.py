"""A field that a repr must hide is hidden under the name that it has now."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

import cci_migrate

PACKAGE = Path(cci_migrate.__file__).parent


def structs() -> Iterator[type[Struct]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.stem.startswith("__"):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            module = importlib.import_module(name)
            for kind in vars(module).values():
                if inspect.isclass(kind) and issubclass(kind, Struct) and kind is not Struct:
                    yield kind


HIDING = {
    kind: inspect.getclosurevars(kind.__repr__).nonlocals["hidden"]
    for kind in structs()
    if getattr(kind.__repr__, "__module__", "") == "cci_migrate.escaping.hidden_fields"
}


@pytest.mark.parametrize("kind", HIDING, ids=lambda kind: str(kind.__name__))
def test_every_hidden_name_is_that_of_a_field(kind: type[Struct]) -> None:
    assert set(HIDING[kind]) <= set(kind.__struct_fields__)


def test_structs_that_hide_fields_are_found() -> None:
    assert {"PasswordAuth", "Snapshot", "RepositoryPage"} <= {kind.__name__ for kind in HIDING}
