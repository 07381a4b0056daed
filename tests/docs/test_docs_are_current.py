"""What the documents say is so: their generated parts, their links, their commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cci_migrate.cli.main_command import main_command
from tools.shared_data import ROOT
from tools.write_docs import GENERATED, PAGES, PARTS, current

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)[^)]*\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
#: Options of other programs, and of commands that have their own tests.
OTHERS = re.compile(
    r"docker login|git |make |multi-gitter|turbolift|all-repos|batch|cci-migrate init"
)


@pytest.mark.parametrize("page", PAGES)
def test_generated_parts_are_current(page: str) -> None:
    assert (ROOT / page).read_text() == current(page), "run: make docs"


@pytest.mark.parametrize("page", GENERATED)
def test_generated_pages_are_current(page: str) -> None:
    assert (ROOT / page).read_text() == GENERATED[page](), "run: make docs"


def test_no_page_of_a_rule_is_left_over() -> None:
    there = {f"docs/rules/{path.name}" for path in (ROOT / "docs" / "rules").iterdir()}
    assert there <= GENERATED.keys()


def test_every_generated_part_has_its_place() -> None:
    text = "".join((ROOT / page).read_text() for page in PAGES)
    assert [name for name in PARTS if f"<!-- {name}: written by" not in text] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize(
    "name", ["README.md", "docs/policy.md", "docs/safety.md", "docs/output-formats.md"]
)
def test_every_option_that_is_named_exists(name: str) -> None:
    known = {
        option for param in main_command.params for option in (*param.opts, *param.secondary_opts)
    } | {"--help"}
    lines = [line for line in (ROOT / name).read_text().splitlines() if not OTHERS.search(line)]
    assert [
        option for line in lines for option in OPTION.findall(line) if option not in known
    ] == []
