"""The way that docs/architecture.md draws for an image is the one that it takes."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest

from cci_migrate.cli.main_command import main_command
from tools.shared_data import ROOT

PACKAGE = str(ROOT / "cci_migrate")
MOST = 16
CONFIG = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4
    steps: [checkout]
workflows:
  main: {jobs: [build]}
"""


def drawn() -> list[str]:
    """The functions of the drawing, each with its module."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## An image's way")[2].partition("\n## ")[0]
    return re.findall(r"^    ([\w.]+) +\S.* → ", section, re.MULTILINE)


def function(name: str) -> Callable[..., Any]:
    module, _, own = name.rpartition(".")
    member = getattr(importlib.import_module(f"cci_migrate.{module}"), own)
    callback = inspect.unwrap(getattr(member, "callback", member))
    assert inspect.isfunction(callback), f"{name} is no function"
    return callback


def only_passes_on(code: CodeType) -> bool:
    """Whether a function does nothing but call another one with what it was given."""
    if code.co_name.startswith("<"):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    body = [
        statement
        for statement in definition.body
        if not isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Expr):
        return False
    call = body[0].value
    if not isinstance(call, ast.Call):
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(argument, ast.Name | ast.Attribute | ast.Constant) for argument in given)


def place(code: CodeType) -> str:
    return f"{Path(code.co_filename).relative_to(PACKAGE)}: {code.co_name}"


class Watched(NamedTuple):
    """What runs of the drawing, in the order of the first calls, and what of ours calls it."""

    order: list[CodeType]
    callers: set[CodeType]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    (tmp_path / ".circleci").mkdir()
    (tmp_path / ".circleci" / "config.yml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    steps = {function(name).__code__ for name in drawn()}
    order: list[CodeType] = []
    callers: set[CodeType] = set()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        del argument
        code = frame.f_code
        if event != "call" or code not in steps or code in order:
            return
        order.append(code)
        above: FrameType | None = frame
        while above is not None:
            if above.f_code.co_filename.startswith(PACKAGE):
                callers.add(above.f_code)
            above = above.f_back

    sys.setprofile(watch)
    try:
        main_command.main([".", "--no-config"], standalone_mode=False)
    finally:
        sys.setprofile(None)
    assert "auth:" in (tmp_path / ".circleci" / "config.yml").read_text()
    return Watched(order, callers)


def test_the_drawing_is_the_way_that_it_goes(watched: Watched) -> None:
    assert list(map(place, watched.order)) == [place(function(name).__code__) for name in drawn()]
    assert 0 < len(watched.order) <= MOST


def test_no_function_on_the_way_only_passes_on(watched: Watched) -> None:
    assert not sorted(place(code) for code in watched.callers if only_passes_on(code))


def test_what_only_passes_on_is_seen() -> None:
    assert only_passes_on(_idle.__code__)
    assert not only_passes_on(function.__code__)


def _idle(first: str, second: str) -> str:
    """What the test above is about."""
    return first.removeprefix(second)
