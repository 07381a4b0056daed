"""The commands that pages show, and whether they are run.

A block of commands is fenced as ``console``; its commands begin with ``$``. One that ends with
another exit code than 0 says so: ``# ends with 1``. Above a block that cannot run in a test stands
``<!-- not run: the reason -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from tools.shared_data import ROOT

BLOCK = re.compile(r"(?:<!-- not run: ([^>]+) -->\n\n)?[ ]*```console\n(.*?)```", re.DOTALL)
ENDS_WITH = re.compile(r"#.*\bends with (\d+)")
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if BLOCK.search(page.read_text(encoding="utf-8"))
]


class Line(Struct, frozen=True):
    """One command of a page. ``why_not`` is why it is not run."""

    text: str
    code: int
    why_not: str | None


def blocks(page: Path, language: str) -> list[str]:
    """What is fenced as ``language`` in ``page``."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(page: Path) -> Iterator[Line]:
    """The commands of ``page``, from top to bottom."""
    for why_not, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in map(str.strip, body.splitlines()):
            if line.startswith("$ "):
                code = ENDS_WITH.search(line)
                yield Line(line[2:], 0 if code is None else int(code[1]), why_not or None)
