"""The jobs of the container's page: each parses, and runs what there is to run."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import CONFIG, ROOT, Program, put
from tests.processing import examined
from tests.published_schemas import check_published

PAGE = (ROOT / "docs" / "integrations" / "container.md").read_text(encoding="utf-8")
JOBS = {
    service: textwrap.dedent(text)
    for service, text in re.findall(
        r'=== "(\w+)"\n.*?```(?:yaml|groovy)\n(.*?)    ```', PAGE, re.DOTALL
    )
}
yaml = YAML(typ="safe")


def test_circleci_takes_its_job_and_it_is_authenticated() -> None:
    text = JOBS["CircleCI"]
    check_published("circleciconfig", yaml.load(text))
    outcome = examined(text)
    assert (outcome.resolutions, outcome.images) == ((), 1)


def test_gitlab_runs_its_own_shell_in_the_image() -> None:
    (job,) = yaml.load(JOBS["GitLab"]).values()
    assert job["image"]["entrypoint"] == [""]
    assert job["artifacts"]["reports"]["junit"] in job["script"][0]


def test_jenkins_runs_its_own_shell_in_the_image() -> None:
    text = JOBS["Jenkins"]
    without_texts = re.sub(r"'[^'\n]*'", "", text)
    depth = 0
    for character in without_texts:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert "'" not in without_texts
    assert "args '--entrypoint='" in text


@pytest.mark.parametrize("service", ["CircleCI", "GitLab", "Jenkins"])
def test_what_a_job_runs_works(service: str, program: Program, tmp_path: Path) -> None:
    put(tmp_path / ".circleci" / "config.yml", CONFIG)
    (line,) = re.findall(r"cci-migrate --check[^'\n]*", JOBS[service])
    *words, output = shlex.split(line)[1:]
    assert output.endswith("cci-migrate.xml")
    assert program(*words, "report.xml").code == 1
    assert "<failure" in (tmp_path / "report.xml").read_text()
