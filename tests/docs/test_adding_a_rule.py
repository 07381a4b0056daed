"""What docs/adding-a-rule.md says is done, in a copy of the program."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import put
from tests.docs.page_commands import blocks
from tests.processes import ran_python
from tools.shared_data import ROOT

PAGE = ROOT / "docs" / "adding-a-rule.md"
CONFIG = """\
version: 2.1
jobs:
  a:
    docker:
      - image: quay.io/acme/x:latest
      - image: quay.io/acme/x:1
"""


def test_a_module_is_all_that_the_program_needs(tmp_path: Path) -> None:
    code = blocks(PAGE, "python")[0]
    without = shutil.ignore_patterns("__pycache__")
    for part in ("cci_migrate", "tests", "tools"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=without)
    put(tmp_path / "cci_migrate" / "rules" / "floating_tag.py", code)
    put(tmp_path / "repository" / ".circleci" / "config.yml", CONFIG)
    put(tmp_path / "tests" / "fixtures" / "floating-tag" / "before.yml", CONFIG)

    def ran(*words: str | Path) -> str:
        # With bytecode: the copy has none yet, and several processes need it.
        own = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
        done = ran_python(*words, cwd=tmp_path, **own)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "floating-tag           an image has no tag that stays" in ran(
        "-m", "cci_migrate", "rules"
    )
    assert "# floating-tag" in ran("-m", "cci_migrate", "rule", "floating-tag")
    told = ran("-m", "cci_migrate", "--check", "--select", "floating-tag", tmp_path / "repository")
    assert "5:16" in told
    assert "quay.io/acme/x:latest has no fixed version" in told
    written = ran("-m", "tools.write_fixtures", "floating-tag")
    assert "left floating-tag jobs.a.docker[0]: can't determine which version is meant" in written
    tests = ("tests/test_rule_examples.py", "tests/test_fixtures.py")
    options = ("-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib")
    # Old cases with images without a tag among them: the rule finds something, and changes none.
    passed = ran("-m", "pytest", "-q", "-k", "floating or image or layout", *options, *tests)
    assert "passed" in passed
