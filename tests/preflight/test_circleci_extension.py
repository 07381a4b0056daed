"""``circleci cci-migrate``: as CircleCI's program runs it, with its token and its address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import ROOT
from tests.preflight.circleci_stand_in import TOKEN, CircleCiStandIn
from tests.preflight.conftest import ORGANISATION, PROJECT, settings


def test_its_token_goes_only_to_its_address(
    circleci: CircleCiStandIn, repository: Path, tmp_path: Path
) -> None:
    organisation = circleci.organisation(ORGANISATION)
    organisation.context("deploy-keys")
    organisation.context("docker-hub-creds", DOCKERHUB_USERNAME="a", DOCKERHUB_PASSWORD="b")
    organisation.project(PROJECT)
    elsewhere = "http://127.0.0.1:1/api/v2"
    start = "import sys; from cci_migrate.__main__ import main_of_circleci as m; sys.exit(m())"
    done = subprocess.run(
        [sys.executable, "-c", start, "doctor", "--only", "circleci"],
        cwd=repository,
        env=settings(
            tmp_path,
            None,
            PYTHONPATH=str(ROOT),
            CIRCLE_TOKEN=TOKEN,
            CIRCLE_HOST=circleci.url,
            CIRCLE_API_URL=elsewhere,
            CIRCLECI_CLI_HOST=elsewhere,
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "context docker-hub-creds: exists" in done.stdout
    assert "GET /context" in circleci.calls


def test_the_package_installs_what_circleci_looks_for() -> None:
    line = 'circleci-cci-migrate = "cci_migrate.__main__:main_of_circleci"'
    assert line in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
