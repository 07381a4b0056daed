"""Whether a restriction holds wherever a job runs, against its value for one name after the other.

The values are computed by Python itself, from the filters and expressions in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec import Struct

from cci_migrate.circleci.config import Config
from cci_migrate.circleci.expression_restrictions import coverage
from cci_migrate.circleci.pipeline_expressions import UnreadExpression, parse_expression
from cci_migrate.circleci.run_conditions import RunCondition, RunConditions
from tests.circleci.configs import config_of


class Ref(Struct, frozen=True):
    """A branch or a tag: one of the two is empty."""

    branch: str = ""
    tag: str = ""

    @property
    def is_release(self) -> bool:
        return self.branch == "main" or self.branch.startswith("release-")

    @property
    def is_version(self) -> bool:
        return re.fullmatch(r"v\d+", self.branch) is not None


Holds = Callable[[Ref], bool]

FILTERS: dict[str, Holds] = {
    "{}": lambda ref: not ref.tag,
    "{branches: {only: main}}": lambda ref: ref.branch == "main",
    "{branches: {only: [main, /release-.*/]}}": lambda ref: ref.is_release,
    r"{branches: {only: /v\d+/}}": lambda ref: ref.is_version,
    "{branches: {ignore: [main, develop]}}": lambda ref: (
        not ref.tag and ref.branch not in ("main", "develop")
    ),
    "{branches: {ignore: /.*/}, tags: {only: /^v.*/}}": lambda ref: ref.tag.startswith("v"),
    "{tags: {only: /.*/}}": lambda ref: bool(ref.tag or ref.branch),
    "{tags: {ignore: /^v.*/}}": lambda ref: not ref.tag.startswith("v"),
    "{tags: {}}": lambda ref: not ref.tag,
}
RESTRICTIONS: dict[str, Holds] = {
    'pipeline.git.branch == "main"': lambda ref: ref.branch == "main",
    'not (pipeline.git.branch == "main")': lambda ref: ref.branch != "main",
    r"pipeline.git.branch matches /^(main|release-.*)$/": lambda ref: ref.is_release,
    r'pipeline.git.branch matches /v\d+/ OR pipeline.git.tag starts-with "v"': lambda ref: (
        ref.is_version or ref.tag.startswith("v")
    ),
    'pipeline.git.branch starts-with "release"': lambda ref: ref.branch.startswith("release"),
    'pipeline.git.branch == "main" or pipeline.git.tag starts-with "v1"': lambda ref: (
        ref.branch == "main" or ref.tag.startswith("v1")
    ),
    "not " * 99 + "false": lambda ref: bool(ref.tag or ref.branch),
    "true and FALSE": lambda ref: not (ref.tag or ref.branch),
}
NAMES = ("main", "develop", "release-1", "release/1", "release", "v1", "v", "v2.0", "mainly", "x")


@pytest.mark.parametrize("filters", FILTERS)
def test_it_is_as_for_each_name(filters: str) -> None:
    config: Config = config_of(
        "version: 2.1\njobs:\n  build: {docker: [{image: redis}], steps: [checkout]}\n"
        f"workflows:\n  main:\n    jobs:\n      - build: {{filters: {filters}}}\n"
    )
    runs = RunConditions(config).of(config.workflow_jobs[0])
    refs = [Ref(branch=name) for name in NAMES] + [Ref(tag=name) for name in NAMES]
    certain = 0
    for expression, holds in RESTRICTIONS.items():
        covered = coverage(runs, parse_expression(expression)).holds
        failures = [ref for ref in refs if FILTERS[filters](ref) and not holds(ref)]
        assert covered is not True or not failures, (expression, failures)
        assert covered is not False or failures, expression
        certain += covered is not None
    assert certain >= len(RESTRICTIONS) - 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pipeline.git.branch = main",
        '"unclosed',
        "a b",
        "(a",
        "a ==",
        "a && b",
        "a matches /unclosed",
        "(" * 3000 + "a",
        "not " * 5000 + "a",
    ],
)
def test_what_is_no_expression(text: str) -> None:
    assert isinstance(parse_expression(text), UnreadExpression)


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"a*a*a*a*a*b", r"(a|a)*b"])
def test_a_pattern_that_takes_long_is_not_tried(pattern: str) -> None:
    text = f'pipeline.git.branch == "{"a" * 60}" and pipeline.git.branch matches /{pattern}/'
    assert coverage(RunCondition(), parse_expression(text)).holds is False
