"""What a config that breaks the doctor, or that it never gets through, does to the others."""

from __future__ import annotations

import pytest

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.policy.settings import Policy
from cci_migrate.preflight import requirements
from tests.hostile_work import MARK, loop

CONFIG = b"""\
version: 2.1
jobs:
  build: {docker: [{image: cimg/node:22.4}]}
workflows:
  main: {jobs: [build]}
"""


@pytest.mark.parametrize(
    ("way", "said"), [("loop", "took too long"), ("break", "internal error: KeyError at ")]
)
def test_the_other_configs_go_on(monkeypatch: pytest.MonkeyPatch, way: str, said: str) -> None:
    process = requirements.config_requirements

    def hostile(files: ConfigFiles, policy: Policy) -> requirements.Requirements:
        if next(iter(files.files.values())).startswith(MARK):
            if way == "loop":
                loop()
            raise KeyError("hunter2")
        return process(files, policy)

    monkeypatch.setattr(requirements, "config_requirements", hostile)
    monkeypatch.setattr(requirements, "DEFAULT_WORK_LIMITS", WorkLimits(seconds=0.3))
    found = requirements.repository_requirements(
        [
            (ConfigFiles({"bad.yml": MARK + CONFIG}), Policy()),
            (ConfigFiles({"good.yml": CONFIG}), Policy()),
        ]
    )
    (unreadable,) = found.unreadable
    assert unreadable.text.startswith(f"bad.yml: {said}")
    assert [job.name for job in found.jobs] == ["build"]


def test_a_config_that_is_too_complex_is_no_fault_of_ours() -> None:
    lines = [f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 60)]
    data = b"version: 2.1\nx0: &x0 [redis]\n" + "".join(lines).encode() + CONFIG[13:]
    found = requirements.repository_requirements([(ConfigFiles({"bad.yml": data}), Policy())])
    (unreadable,) = found.unreadable
    problem = "its aliases and merge keys repeat more than 500,000 values"
    assert unreadable.text == f"bad.yml: {problem}"
