"""What a release needs, and the entry for SchemaStore."""

from __future__ import annotations

from pathlib import Path

import pytest

from cci_migrate import __version__, project
from tests.cli.conftest import put
from tests.published_schemas import check_published
from tools import schemastore_entry
from tools.check_release import problems

SITE = "https://docs.example.com/"


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that can be released."""
    monkeypatch.setattr(project, "REPOSITORY", "https://git.example.com/acme/cci-migrate")
    monkeypatch.setattr(project, "DOCUMENTATION", SITE)
    put(tmp_path / "CHANGELOG.md", f"# Changelog\n\n## {__version__} - 2026-12-01\n")
    put(tmp_path / "docs" / "installing.md", "pip install git+https://git.example.com/acme/x@1\n")
    return tmp_path


def test_nothing_is_in_the_way(ready: Path) -> None:
    assert list(problems(f"v{__version__}", ready)) == []


def test_another_tag(ready: Path) -> None:
    (problem,) = problems("v99.0.0", ready)
    assert problem.startswith("the tag is v99.0.0")


def test_changes_that_are_not_released(ready: Path) -> None:
    put(ready / "CHANGELOG.md", "# Changelog\n\n## Unreleased\n")
    (problem,) = problems(f"v{__version__}", ready)
    assert problem.startswith("CHANGELOG.md")


def test_an_address_that_is_missing(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "REPOSITORY", None)
    (problem,) = problems(f"v{__version__}", ready)
    assert problem == "cci_migrate/project.py: REPOSITORY is not set"


def test_a_page_that_names_no_owner(ready: Path) -> None:
    put(ready / "docs" / "integrations" / "a.md", "uses: YOUR_ORG/cci-migrate@COMMIT\n")
    (problem,) = problems(f"v{__version__}", ready)
    assert problem.startswith("docs/integrations/a.md: ")


def test_the_entry_for_schemastore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "DOCUMENTATION", None)
    assert schemastore_entry.entry() is None
    monkeypatch.setattr(project, "DOCUMENTATION", SITE)
    schema = "https://json.schemastore.org/schema-catalog.json"
    catalogue = {"$schema": schema, "version": 1, "schemas": [schemastore_entry.entry()]}
    check_published("schema-catalog", catalogue)
