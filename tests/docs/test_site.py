"""The site builds strictly: each page has its place, each link and anchor leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.processes import ran_python
from tools.shared_data import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = ("-m", "mkdocs", "build", "--strict", "--site-dir", folder)
    done = ran_python(*build, NO_MKDOCS_2_WARNING="1", PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_whoever_reads_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r"<(?:script|img|link rel=\"stylesheet\")[^>]*(?:src|href)=\"?https?:")
    for page in site.rglob("*.html"):
        assert not fetched.search(page.read_text()), page


def test_the_page_of_each_rule_is_there(site: Path) -> None:
    text = (site / "rules" / "unauthenticated-image" / "index.html").read_text()
    assert "What it finds" in text
    assert "cimg/python" in text


def test_links_to_other_sites_are_well_formed() -> None:
    link = re.compile(r"\]\((https?:[^)]*)\)")
    whole = re.compile(r"https://[a-z0-9.-]+\.[a-z]{2,}(/[^\s]*)?")
    for page in (ROOT / "docs").rglob("*.md"):
        for url in link.findall(page.read_text()):
            assert whole.fullmatch(url), f"{page}: {url}"
