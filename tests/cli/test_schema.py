"""``cci-migrate schema``, and where a schema's address goes once the project has one."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cci_migrate import project
from cci_migrate.cli.schema_command import SCHEMA_NAMES
from cci_migrate.policy.file import read_policy_file
from cci_migrate.policy.settings import Policy
from cci_migrate.policy.text import policy_text
from cci_migrate.rules.catalogue import RULES
from tests.cli.conftest import ROOT, Program
from tools.write_docs import schema_text

SITE = "https://docs.example.com/"


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_each_schema_is_printed(name: str, program: Program) -> None:
    done = program("schema", name)
    assert done.code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(done.out))
    assert done.out == (ROOT / "cci_migrate" / "schemas" / f"{name}.schema.json").read_text()


def test_each_schema_has_a_command() -> None:
    schemas = {path.name.split(".")[0] for path in (ROOT / "cci_migrate" / "schemas").iterdir()}
    assert schemas == set(SCHEMA_NAMES)


def test_no_name(program: Program) -> None:
    done = program("schema")
    assert done.code == 2
    assert done.err.splitlines()[-1].endswith("Choose from: policy, report, baseline")


def test_another_schema(program: Program) -> None:
    done = program("schema", "sarif")
    assert done.code == 2
    assert "'policy', 'report', 'baseline'" in done.err


def test_without_a_site_no_address_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "DOCUMENTATION", None)
    assert "$id" not in json.loads(schema_text("report"))
    assert "#:schema" not in policy_text(Policy())


def test_with_a_site_all_lead_to_one_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(project, "DOCUMENTATION", SITE)
    for name in SCHEMA_NAMES:
        assert json.loads(schema_text(name))["$id"] == f"{SITE}schemas/{name}.schema.json"
    file = tmp_path / "policy.toml"
    file.write_text(policy_text(Policy()))
    assert file.read_text().splitlines()[0] == f"#:schema {SITE}schemas/policy.schema.json"
    assert read_policy_file(file, [rule.id for rule in RULES]).policy == Policy()
