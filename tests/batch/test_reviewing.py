"""Reviewing a campaign: equal changes are one group, which is shown once and approved as one."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from cci_migrate.campaign import html_report
from cci_migrate.campaign.apply_options import ApplyOptions
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import MessageTemplates
from cci_migrate.campaign.states import State
from cci_migrate.forges.repository import Kind, RepositoryRef
from tests import program
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import (
    CONFIG,
    FIXED,
    GENERATED,
    PLAIN,
    Batch,
    checkout,
    commit,
    content,
)


def _wider(match: re.Match[bytes]) -> bytes:
    """The indentation of a line, in fours instead of twos, and its dash."""
    return match[1] * 2 + (b"-   " if match[2] else b"")


#: The change of `PLAIN` under other names, in another layout, and at two places.
SAME = {
    "same-names": PLAIN.replace(b"build", b"unit-tests").replace(b"node:20.1", b"go:1.21"),
    "same-twice": PLAIN.replace(
        b"    steps:", b"      - image: cimg/postgres:14.0\n    steps:"
    ).replace(b"version: 2.1", b"# Our config.\nversion: 2.1"),
    "same-indent": re.sub(rb"(?m)^( *)(- )?", _wider, PLAIN),
    "same-line-ends": PLAIN.replace(b"\n", b"\r\n"),
}
QUAY = """\
[registries."quay.io"]
username = "$QUAY_USER"
password = "$QUAY_PASSWORD"
context = "quay"
"""
#: Changes that add something else, or for another registry.
OTHER = {
    "other-context": PLAIN.replace(b"- build\n", b"- build: {context: [org]}\n"),
    "other-registry": PLAIN.replace(b"cimg/node:20.1", b"quay.io/acme/node:20.1"),
    "other-no-context": FIXED.replace(
        b"        auth:\n          username: $DOCKERHUB_USERNAME\n"
        b"          password: $DOCKERHUB_PASSWORD\n",
        b"",
    ),
}


@pytest.fixture
def planned(tmp_path: Path, batch: Batch) -> Batch:
    for name, config in {"plain": PLAIN, **SAME, **OTHER}.items():
        checkout(tmp_path / "all" / name, {CONFIG: config})
    policy = tmp_path / "policy.toml"
    policy.write_text(QUAY)
    batch("plan", tmp_path / "all", "--config", policy, code=1)
    return batch


def groups(batch: Batch) -> dict[str, str]:
    """The group of each repository, by its name."""
    return {name: record["group"] for name, record in batch.results().items()}


def test_changes_are_equal_whatever_names_and_places(planned: Batch) -> None:
    ids = groups(planned)
    assert {ids[name] for name in SAME} == {ids["plain"]}
    others = [ids[name] for name in OTHER]
    assert len({ids["plain"], *others}) == len(OTHER) + 1, others


def test_a_diff_shows_one_of_each_group(planned: Batch) -> None:
    review = planned("diff")
    assert review.stdout.count("diff --git") == 1 + len(OTHER)
    assert "4 of 8 diffs shown, 1 of each group of equal changes" in review.stderr
    plain = groups(planned)["plain"]
    assert f"# group {plain[:8]}: 5 repositories (5 planned)\n" in review.stdout
    assert planned("diff", "--sample", "2").stdout.count("diff --git") == 2 + len(OTHER)
    for options, count in {
        ("--sample", "all"): 8,
        ("--group", plain[:8]): 5,
        ("same-*",): 4,
        ("--group", plain, "--sample", "1"): 1,
        ("--rule", "unauthenticated-image", "--sample", "all"): 8,
        ("--state", "planned", "--sample", "all"): 8,
        ("--stat",): 0,
    }.items():
        assert planned("diff", *options).stdout.count("diff --git") == count, options
    for options in (("--state", "changed"), ("--rule", "orb-pull")):
        output = planned("diff", *options, code=1).stderr
        assert output == "no planned change matches these options\n"
    assert "\x1b[32m+        auth:" in planned("diff", "plain", "--color", "always").stdout
    assert "\x1b" not in review.stdout
    table = planned("diff", "--stat").stdout.splitlines()
    assert re.fullmatch(rf"{plain[:8]} +5  6 x unauthenticated-image.* \(5 planned\)", table[1])


def test_the_page_lists_groups_and_what_needs_somebody_first(
    planned: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout(tmp_path / "more" / "no-config", {"README": b""})
    checkout(tmp_path / "more" / "generated", {CONFIG: GENERATED})
    planned("plan", tmp_path / "more", "--config", tmp_path / "policy.toml", code=1)
    planned("approve", groups(planned)["plain"])
    path = tmp_path / "report.html"
    planned("report", "--html", path)
    page = path.read_text()
    changes = page.partition("<h2>Changes</h2>")[2].partition("<h2>States</h2>")[0]
    assert changes.count("+  ") >= 4
    assert "(5 planned, approved)" in changes
    states = re.findall(r'<tr data-state="([a-z-]+)"', page)
    assert states == ["generated-config", *["planned"] * 8, "no-config"]
    assert 'data-registries="quay.io"' in page
    # The page may lie anywhere: its links lead to the web, or to a place in it.
    ids = {f"#{name}" for name in re.findall(r' id="([^"]*)"', page)}
    assert set(re.findall(r' href="([^"]*)"', page)) <= ids

    monkeypatch.setattr(html_report, "ROW_LIMIT", 3)
    monkeypatch.setattr(html_report, "DETAILS_LIMIT", 0)
    planned("report", "--html", path)
    page = path.read_text()
    assert "The first 3 of 10, those that need somebody before the others" in page
    assert page.count("<tr data-state=") == 3
    assert page.count("details: results.jsonl") == 2
    assert "+        auth:" in page, "of a group"


def test_only_approved_changes_are_written(planned: Batch, tmp_path: Path) -> None:
    plain = groups(planned)["plain"]
    assert plain[:8] in planned("approve", plain[:5]).stdout
    # What is planned again, and then differs, is not what was approved.
    commit(tmp_path / "all" / "same-names", {CONFIG: OTHER["other-context"]})
    planned("apply", "--approved", code=1)
    planned("apply", "--approved", code=1)
    changed = {name for name, state in planned.states().items() if state == "changed"}
    assert changed == {"plain", *SAME} - {"same-names"}
    planned("approve", "--all")
    planned("approve", "--withdraw", groups(planned)["other-registry"])
    assert "1 change waits for approval" in planned("apply", "--approved", code=1).stderr
    waiting = {name for name, state in planned.states().items() if state == "planned"}
    assert waiting == {"other-registry"}
    for names in (["zz"], [""], [plain, "--all"], []):
        planned("approve", *names, code=2)


def test_a_terminal_gets_colour_and_the_pager(planned: Batch, tmp_path: Path) -> None:
    terminal, its_end = os.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "PAGER": "sed s/^/|/"}
    words = ("batch", "diff", "plain", "--campaign", str(planned.folder))
    running = program.start(tmp_path, words, environment, (its_end, its_end, its_end))
    os.close(its_end)
    screen = b""
    with suppress(OSError):  # the end of a terminal, on Linux
        while part := os.read(terminal, 65536):
            screen += part
    os.close(terminal)
    assert running.wait() == 0
    assert b"|\x1b[32m+        auth:\x1b[0m\r\n" in screen


def test_labels_of_a_pull_request_without_a_change_need_no_approval() -> None:
    options = ApplyOptions(MessageTemplates("", "", ""), approved=frozenset({"a"}))
    ref = RepositoryRef(Kind.GITHUB, "github.com", "acme/api", "https://api.github.com")
    assert options.is_approved(LedgerEntry(ref, State.PULL_REQUEST_INCOMPLETE))
    assert not options.is_approved(LedgerEntry(ref, State.PULL_REQUEST_INCOMPLETE, group="b"))


def test_nothing_is_pushed_before_it_is_approved(github: GitHubStandIn, batch: Batch) -> None:
    (repository,) = github.planned(batch, "api")
    batch("apply", "--approved", code=1)
    assert repository.pulls == []
    batch("approve", "--all")
    batch("apply", "--approved", "--canary", 0)
    assert content(repository.folder, "cci-migrate/registry-auth") == FIXED


def test_the_time_that_pull_requests_take_is_said_before(
    github: GitHubStandIn, clock: QuickClock, batch: Batch
) -> None:
    for at in range(7):
        github.add(f"acme/r{at}", {CONFIG: PLAIN})
    batch("plan", "github:acme", code=1)
    notes = batch("apply", "--dry-run", "--per-hour", 3, code=1).stderr
    assert "7 pull requests take at least 2 h 0 min (3 an hour)" in notes
    began = clock.now()
    batch("apply", "--per-hour", 3, "--canary", 0)
    assert 0 <= clock.now() - began - 2 * 3600 < 60
