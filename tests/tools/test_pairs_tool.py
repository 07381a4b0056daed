"""How the tool's change and a maintainer's are compared, and when that is a failure."""

from __future__ import annotations

import pytest

from tools.pairs import JUDGED, Cause, Comparison, compare, summary, unjudged
from tools.shared_data import ROOT, Pair

BEFORE = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/go:1.22
      - image: mcr.microsoft.com/mssql/server:2022
    steps: [checkout]
  vm:
    machine: {image: ubuntu-2404:current}
    steps: [checkout]
workflows:
  main:
    jobs:
      - build
      - vm
      - hold: {type: approval}
"""
LOGIN = """\
        auth:
          username: robot
          password: $HUB
"""
HELD = "context: [hub]"
AFTER = BEFORE.replace("go:1.22\n", f"go:1.22\n{LOGIN}").replace(
    "- build\n", f"- build:\n          {HELD}\n"
)
STEP = "{run: echo $HUB | docker login -u robot --password-stdin}"


def comparison(after: str, before: str = BEFORE) -> Comparison:
    return compare(Pair("o__r__1", ".circleci/config.yml", before.encode(), after.encode(), {}))


def causes(after: str, before: str = BEFORE) -> set[Cause]:
    return {difference.cause for difference in comparison(after, before).differences}


def test_the_same_change() -> None:
    same = comparison(AFTER)
    assert same.differences == ()
    assert (same.same_images, same.same_jobs) == (2, 3)
    assert same.is_same_data
    assert not same.is_same_text
    assert comparison(AFTER.replace(HELD, "context:\n            - hub")).is_same_text


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (AFTER.replace("- build:\n          context: [hub]\n", "- build\n"), None),
        (AFTER.replace("2022\n", f"2022\n{LOGIN}"), Cause.PUBLIC_REGISTRY),
        (AFTER.replace("approval}", f"approval, {HELD}}}"), Cause.NEEDLESS_CONTEXT),
        (
            AFTER.replace("- vm\n", f"- vm: {{{HELD}}}\n").replace(
                "current}\n    steps: [checkout]", f"current}}\n    steps: [{STEP}]"
            ),
            Cause.CONTEXT_FOR_STEPS,
        ),
        (AFTER.replace("[hub]", "[hub, npm]"), Cause.OTHER_CONTEXT),
        (AFTER.replace("[hub]", "hub"), Cause.CONTEXT_FORM),
        (
            AFTER.replace("    steps: [checkout]\n  vm", f"    steps: [{STEP}]\n  vm"),
            Cause.LOGIN_STEP,
        ),
        (AFTER.replace("current}", "current, auth: {username: a}}"), Cause.MISPLACED_AUTH),
        (AFTER.replace("build:", "compile:"), Cause.OTHER_WORK),
    ],
)
def test_causes(after: str, cause: Cause | None) -> None:
    assert causes(after) >= ({cause} if cause else set())
    assert unjudged([comparison(after)]) == []
    if cause is None:
        assert causes(after) == set()


def test_what_the_maintainer_forgot() -> None:
    two = BEFORE.replace("mcr.microsoft.com/mssql/server:2022", "redis")
    after = two.replace("go:1.22\n", f"go:1.22\n{LOGIN}")
    assert causes(after, two) == {Cause.FORGOTTEN_IMAGE}
    only_steps = BEFORE.replace("steps: [checkout]\n  vm", f"steps: [{STEP}]\n  vm")
    assert Cause.NOT_ABOUT_HUB in causes(only_steps)


def test_a_workflow_of_the_maintainers() -> None:
    before = BEFORE[: BEFORE.index("workflows")]
    assert causes(AFTER, before) == {Cause.WORKFLOW_MADE}


def test_a_tool_that_does_less_falls_short() -> None:
    # The maintainer authenticates an image whose registry the tool cannot tell.
    before = BEFORE.replace("mcr.microsoft.com/mssql/server:2022", "$WHERE/db")
    after = before.replace("go:1.22\n", f"go:1.22\n{LOGIN}").replace("/db\n", f"/db\n{LOGIN}")
    wrong = unjudged([comparison(after, before)])
    assert [difference.cause for difference in wrong] == [Cause.MISSED]
    assert f"     1  in 1 configs: {Cause.MISSED.value}" in summary([comparison(after, before)])


def test_a_config_that_the_tool_does_not_read_falls_short() -> None:
    assert [difference.cause for difference in unjudged([comparison(AFTER, "a: [")])] == [
        Cause.MISSED
    ]


def test_the_page_judges_every_cause_that_it_names() -> None:
    page = (ROOT / "docs" / "pairs.md").read_text(encoding="utf-8")
    assert {cause for cause in Cause if f"| {cause.value} |" in page} <= JUDGED
    assert set(Cause) - JUDGED == {Cause.MISSED, Cause.OTHER_NAMES}
