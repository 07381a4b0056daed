"""What a config that breaks the doctor, or that it never gets through, does to the others."""

from __future__ import annotations

import pytest

from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.policy.model import Policy
from cci_migrate.preflight import demands
from cci_migrate.workers.work_limits import WorkLimits
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
    process = demands.config_demands

    def hostile(files: ConfigFiles, policy: Policy) -> demands.Demands:
        if next(iter(files.files.values())).startswith(MARK):
            if way == "loop":
                loop()
            raise KeyError("hunter2")
        return process(files, policy)

    monkeypatch.setattr(demands, "config_demands", hostile)
    monkeypatch.setattr(demands, "DEFAULT_LIMITS", WorkLimits(seconds=0.3))
    found = demands.repository_demands(
        [
            (ConfigFiles({"bad.yml": MARK + CONFIG}), Policy()),
            (ConfigFiles({"good.yml": CONFIG}), Policy()),
        ]
    )
    (unread,) = found.unread
    assert unread.text.startswith(f"bad.yml: {said}")
    assert [job.name for job in found.jobs] == ["build"]


def test_a_config_that_is_too_complex_is_no_fault_of_ours() -> None:
    lines = [f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 60)]
    data = b"version: 2.1\nx0: &x0 [redis]\n" + "".join(lines).encode() + CONFIG[13:]
    found = demands.repository_demands([(ConfigFiles({"bad.yml": data}), Policy())])
    (unread,) = found.unread
    problem = "aliases and merge keys repeat more than 500,000 values of it"
    assert unread.text == f"bad.yml: {problem}"
