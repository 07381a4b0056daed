"""What the package index shows of the project: its README and addresses."""

from __future__ import annotations

import re

import pytest

from cci_migrate import project
from tests.cli.conftest import ROOT
from tools.package_metadata import with_whole_links

README = (ROOT / "README.md").read_text(encoding="utf-8")
RELATIVE_LINK = re.compile(r"\]\((?!https://)")


def test_without_a_repository_the_readme_leads_nowhere() -> None:
    text = with_whole_links(
        "See [the policy](docs/policy.md), [CLI](https://example.com).", None, "1"
    )
    assert text == "See the policy, [CLI](https://example.com)."
    assert not RELATIVE_LINK.search(with_whole_links(README, None, "1"))


def test_with_a_repository_the_readme_leads_to_the_files_of_its_version() -> None:
    text = with_whole_links(README, "https://git.example.com/acme/cci-migrate", "1.2.3")
    assert not RELATIVE_LINK.search(text)
    paths = re.findall(
        r"\]\(https://git\.example\.com/acme/cci-migrate/blob/v1\.2\.3/(.*?)\)", text
    )
    assert "docs/policy.md" in paths
    assert all((ROOT / path).exists() for path in paths)


def test_the_metadata_have_only_addresses_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "REPOSITORY", None)
    monkeypatch.setattr(project, "DOCUMENTATION", None)
    assert project.package_urls() == {}
    monkeypatch.setattr(project, "REPOSITORY", "https://git.example.com/acme/cci-migrate")
    assert project.package_urls().keys() == {"Source", "Issues", "Changelog"}
    monkeypatch.setattr(project, "DOCUMENTATION", "https://docs.example.com/")
    assert project.package_urls()["Homepage"] == "https://docs.example.com/"
