"""``policy export``, as a user runs it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Program


def test_the_command(program: Program, tmp_path: Path) -> None:
    (tmp_path / ".cci-migrate.toml").write_text('exempt-images = ["cimg/*"]\n')
    done = program("policy", "export", "--rego", "out")
    assert done.code == 0
    assert done.out.splitlines() == [
        "Wrote out/registry_credentials.rego.",
        "Wrote out/registry_credentials_test.yaml.",
    ]
    assert '"^cimg/.*$"' in (tmp_path / "out/registry_credentials.rego").read_text()
    again = program("policy", "export", "--rego", "out")
    assert (again.code, again.out) == (2, "")
    assert "out/registry_credentials.rego: exists already" in again.err
    assert program("policy", "export", "--rego", "out", "--force", "--hard-fail").code == 0
    assert "enable_hard" in (tmp_path / "out/registry_credentials.rego").read_text()
