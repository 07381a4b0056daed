"""The orb's source and the page with a job: CircleCI takes them, and the tool has no complaint."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_migrate.engine.outcomes import Examined
from cci_migrate.policy.settings import Policy
from tests.cli.conftest import ROOT
from tests.docs.page_commands import blocks
from tests.processing import examined, process_repository
from tests.published_schemas import check_published
from tests.samples import files_under

ORB = ROOT / "orb" / "src"
PAGE = ROOT / "docs" / "integrations" / "circleci.md"
yaml = YAML(typ="safe")


def packed_orb() -> dict[str, Any]:
    """The orb as `circleci orb pack` makes it: each file below the name of its folder."""
    orb: dict[str, Any] = yaml.load(ORB / "@orb.yml")
    for path in sorted(ORB.glob("*/*.yml")):
        orb.setdefault(path.parent.name, {})[path.stem] = yaml.load(path)
    return orb


def test_the_tool_has_nothing_to_say_of_the_orb() -> None:
    files = {f"src/{path}": data for path, data in files_under(ORB).items()}
    (outcome,) = process_repository(files, Policy(fix_orbs=True))
    assert isinstance(outcome, Examined)
    assert (outcome.resolutions, outcome.images) == ((), 1)


def test_the_orb_works_inline() -> None:
    orb = packed_orb()
    examples = orb.pop("examples")
    config = {
        "version": 2.1,
        "orbs": {"cci-migrate": orb},
        "workflows": examples["check"]["usage"]["workflows"],
    }
    check_published("circleciconfig", config)
    for command in orb["commands"].values():
        used = set(re.findall(r"<< parameters\.(\w+) >>", str(command)))
        assert used == command["parameters"].keys()


@pytest.fixture
def job() -> str:
    return blocks(PAGE, "yaml")[0]


def test_the_job_of_the_page(job: str) -> None:
    check_published("circleciconfig", yaml.load(job))
    assert examined(job).resolutions == ()


def test_the_orb_installs_only_what_its_user_names() -> None:
    orb = packed_orb()
    for part in (orb["commands"]["install"], orb["jobs"]["check"]):
        assert "default" not in part["parameters"]["package"]


def test_the_container_has_an_entry_point_and_no_root() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["cci-migrate"]' in lines
    assert lines.index("USER cci") < lines.index('ENTRYPOINT ["cci-migrate"]')
