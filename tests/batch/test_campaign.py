"""What a campaign's folder is good for: shares, merging, exporting and the page."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields, replace
from ruamel.yaml import YAML

from cci_migrate.campaign.folder import open_campaign
from cci_migrate.campaign.ledger import Ledger
from cci_migrate.campaign.repository_filter import Shard
from cci_migrate.campaign.states import State
from cci_migrate.cli.batch import batch as command
from cci_migrate.docker.mirrors import parse_mirror
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.policy.baseline import Baseline, BaselineEntry
from cci_migrate.policy.file import read_policy_file
from cci_migrate.policy.record import policy_from_json, policy_to_json
from cci_migrate.policy.settings import (
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
    Revert,
    UnknownSteps,
)
from cci_migrate.rules.catalogue import RULES
from cci_migrate.transport.known_secrets import redact, remember
from cci_migrate.transport.single_writer import SingleWriter
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import (
    CONFIG,
    FIXED,
    PLAIN,
    ROOT,
    Batch,
    checkout,
    content,
    write_files,
)
from tests.batch.watching import Canned, once


def test_every_repository_falls_to_exactly_one_share() -> None:
    refs = [RepositoryRef(Kind.GITHUB, "github.com", f"acme/r{at}", "") for at in range(200)]
    shares = [[ref for ref in refs if Shard(k, 4).has(ref)] for k in range(1, 5)]
    assert sorted(ref for share in shares for ref in share) == sorted(refs)
    assert all(len(share) > 20 for share in shares)


def test_shares_planned_apart_are_merged_and_applied(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"r{at}" for at in range(8)]
    for name in names:
        checkout(tmp_path / "all" / name, {CONFIG: PLAIN})
    first, two = Batch(tmp_path / "one"), Batch(tmp_path / "two")
    # The paths decide on the shares: once in a hundred runs one of the two has none.
    first("plan", tmp_path / "all", "--shard", "1/2", code=None)
    monkeypatch.setenv("CIRCLE_NODE_INDEX", "1")
    monkeypatch.setenv("CIRCLE_NODE_TOTAL", "2")
    two("plan", tmp_path / "all", code=None)
    assert first.states().keys() | two.states().keys() == set(names)
    assert not first.states().keys() & two.states().keys()

    batch("merge", first.folder, two.folder, code=1)
    assert set(batch.states()) == set(names)
    batch("apply")
    assert set(batch.states().values()) == {"changed"}


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (("--context", "hub"), "planned with another policy"),
        (("--branch", "other"), "planned with another branch"),
        (("--nested",), "planned with --nested"),
    ],
)
def test_campaigns_that_were_planned_otherwise_are_not_merged(
    tmp_path: Path, batch: Batch, option: tuple[str, ...], expected: str
) -> None:
    folder = checkout(tmp_path / "x", {CONFIG: PLAIN})
    first, two = Batch(tmp_path / "one"), Batch(tmp_path / "two")
    first("plan", folder, code=1)
    two("plan", folder, *option, code=1)
    merged = batch("merge", first.folder, two.folder, code=2)
    assert f"{two.folder}: {expected}; only equal plans can be merged" in merged.output
    # Nothing was copied: a campaign without entries takes up any other.
    batch("merge", two.folder, code=1)
    assert batch.states() == two.states()


def test_a_policy_survives_the_ledger() -> None:
    """Every field of it: this fails for a field that is added to Policy and not given here."""
    settings: dict[str, Any] = {
        "platform": Platform.RUNNER,
        "credentials": CredentialStore.CONTEXT,
        "registries": (
            RegistryPolicy("docker.io", PasswordAuth("$U", "$P"), "hub"),
            RegistryPolicy("*.dkr.ecr.*", AwsKeyAuth("$I", "$K")),
            RegistryPolicy("1.dkr.ecr.x", AwsRoleAuth("arn:x")),
            RegistryPolicy("*-docker.pkg.dev", GcpAuth("a", "b", "c")),
        ),
        "exempt_images": ("postgres:*",),
        "select": frozenset({"missing-context"}),
        "ignore": frozenset({"orb-pull"}),
        "login": LoginMethod.CLI,
        "docker_orb": "2.0.0",
        "fix_orbs": True,
        "add_workflow": True,
        "unknown_steps": UnknownSteps.LOGIN,
        "revert": Revert.CONTEXTS,
        "mirror": parse_mirror("mirror.example.com/hub"),
        "baseline": Baseline((BaselineEntry("a.yml", "orb-pull", "jobs.a", ("b",), "b"),)),
    }
    policy = Policy(**settings)
    default = Policy()
    unset = {f.name for f in fields(Policy) if getattr(policy, f.name) == getattr(default, f.name)}
    # What is new is recorded without being named here, if it can be told from its default.
    for name in unset:
        value = getattr(default, name)
        assert isinstance(value, bool | str | tuple), f"give this test a value for {name}"
        more: Any = ("x",) if isinstance(value, tuple) else "x"
        other: dict[str, Any] = {name: not value if isinstance(value, bool) else value + more}
        policy = replace(policy, **other)
    again = policy_from_json(policy_to_json(policy))
    assert again == policy
    assert policy_from_json("{}") == default


def test_a_policy_of_a_later_version_is_refused(tmp_path: Path, batch: Batch) -> None:
    batch("plan", checkout(tmp_path / "x", {CONFIG: PLAIN}), code=1)
    with sqlite3.connect(batch.folder / "ledger.sqlite") as ledger:
        ledger.execute("""UPDATE settings SET value = '{"hue": 1}' WHERE name = 'policy'""")
    ledger.close()
    assert "`hue`: not known to this version" in batch("apply", code=2).output


def test_a_ledger_of_another_version_is_refused(tmp_path: Path, batch: Batch) -> None:
    batch("plan", checkout(tmp_path / "x", {CONFIG: PLAIN}), code=1)
    with sqlite3.connect(batch.folder / "ledger.sqlite") as ledger:
        ledger.execute("PRAGMA user_version = 99")
    ledger.close()
    output = batch("status", code=2).output
    assert "another version of cci-migrate" in output


def test_a_file_that_is_no_ledger_is_refused(batch: Batch) -> None:
    write_files(batch.folder, {"ledger.sqlite": b"not a database, but long enough" * 9})
    assert "not a campaign's ledger" in batch("status", code=2).output


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """As a user who may only read ``folder``; root could write all the same."""
    user = os.geteuid()
    private = [path for path in folder.parents if not (user or path.stat().st_mode & stat.S_IXOTH)]
    for path in (*folder.rglob("*"), folder, *private):
        path.chmod(0o555)
    try:
        os.seteuid(user or 65534)
        yield
    finally:
        os.seteuid(user)
        for path in (folder, *private):
            path.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such permissions")
@pytest.mark.parametrize("has_log", [False, True])
def test_a_campaign_is_read_where_nothing_can_be_written(
    has_log: bool, tmp_path: Path, batch: Batch
) -> None:
    batch("plan", checkout(tmp_path / "x", {CONFIG: PLAIN}), code=1)
    commands = (("status", "--json"), ("diff",))
    outputs = [batch(*words, code=None).output for words in commands]
    ledger, log = (batch.folder / f"ledger.sqlite{suffix}" for suffix in ("", "-wal"))
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE settings SET value = 'x' WHERE name = 'filter'")
        connection.commit()
        changes = log.read_bytes()
    connection.close()
    log.write_bytes(changes if has_log else b"")
    files = set(batch.folder.rglob("*"))
    with read_only(batch.folder):
        if has_log:
            output = batch("status", code=2).output
            assert f"{ledger}: can't read the last changes, which are in {log.name}" in output
        else:
            assert outputs == [batch(*words, code=None).output for words in commands]
    assert set(batch.folder.rglob("*")) == files


class Killed(BaseException):
    """The process ends here, as if by SIGKILL: nothing after this is done."""


def test_ended_at_any_transaction_the_next_run_ends_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of the ledger in turn is the last thing that a run does, or just not done."""
    checkout(tmp_path / "origin" / "r0", {CONFIG: PLAIN})
    transaction = Ledger.transaction

    def is_reached(limit: int, is_done: bool) -> bool:
        """Whether a run has so many transactions; it ends there, and another one follows."""
        folder = tmp_path / f"{limit}-{is_done}"
        shutil.copytree(tmp_path / "origin", folder / "all")
        batch, transactions = Batch(folder / "campaign"), list[int]()

        @contextmanager
        def dying(ledger: Ledger) -> Iterator[None]:
            transactions.append(1)
            if len(transactions) == limit and not is_done:
                raise Killed
            with transaction(ledger):
                yield
            if len(transactions) == limit:
                raise Killed

        def plan_and_apply() -> None:
            batch("plan", folder / "all", "--jobs", 1, code=None)
            batch("apply", code=None)

        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "transaction", dying)
            try:
                plan_and_apply()
            except Killed:
                pass
            else:
                assert len(transactions) < limit
        plan_and_apply()
        assert batch.states() == {"r0": "changed"}
        assert (folder / "all" / "r0" / CONFIG).read_bytes() == FIXED
        return len(transactions) >= limit

    limit = 1
    while is_reached(limit, False) and is_reached(limit, True):
        limit += 1
    assert limit > 6


def test_two_campaigns_do_not_write_to_a_host_at_once(github: GitHubStandIn, batch: Batch) -> None:
    github.planned(batch, "api")
    host = github.api.split("/")[2]
    writer = SingleWriter(host)
    writer.take()
    assert "another campaign is writing there" in batch("apply", code=1).output
    assert github.writes() == []
    writer.release()
    batch("apply", "--seconds-between", 0)
    assert batch.states() == {"api": "pull-request-open"}


def test_one_command_at_a_time_works_on_a_campaign(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "x", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    with open_campaign(batch.folder):
        assert "another command is using this campaign" in batch("apply", code=2).output
        batch("status", code=1)
    assert (folder / CONFIG).read_bytes() == PLAIN
    batch("apply")


def test_the_guide_names_every_state_command_and_option() -> None:
    guide = (ROOT / "docs" / "batch.md").read_text()
    for state in State:
        assert f"| `{state.value}` | {state.meaning} |" in guide
    options = {o for c in command.commands.values() for p in c.params for o in p.opts}
    ours = guide.partition("## With other engines")[0]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))
    assert named <= options
    assert {f"batch {name}" for name in command.commands if f"batch {name}" not in guide} == set()


class RepositoryPage(html.parser.HTMLParser):
    """What a page shows, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.loads += [named[n] or "" for n in ("src", "srcset") if n in named]
        if tag == "link":
            self.loads.append(named.get("href") or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_escapes_what_it_shows(tmp_path: Path, batch: Batch) -> None:
    hostile = PLAIN.replace(b"checkout\n", b"run: echo '<script>alert(1)</script>'\n")
    checkout(tmp_path / "all" / "one", {CONFIG: hostile})
    checkout(tmp_path / "all" / "<b>two", {CONFIG: b"jobs: ["})
    batch("plan", tmp_path / "all", code=1)
    batch("report", "--html", tmp_path / "report.html")
    page = RepositoryPage((tmp_path / "report.html").read_text())
    assert page.loads == []
    assert page.tags.count("script") == 1
    assert "b" not in page.tags
    assert "<b>two" in page.text
    assert "+          username: $DOCKERHUB_USERNAME" in page.text
    assert "docker.io" in page.text


def test_planned_repositories_are_exported_as_a_batch_spec(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    for name in ("api", "web"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    github.add("acme/docs", {"README": b"x"})
    mirror = "mirror.example.com/hub"
    batch("plan", "github:acme", "--mirror", mirror, "--login", "cli", code=1)
    image = "registry.acme.example/cci-migrate:0.1.0"
    spec = YAML(typ="safe").load(batch("export", "--sourcegraph", "--container", image).output)
    assert spec["version"] == 2
    assert [on["repository"].split("/", 1)[1] for on in spec["on"]] == ["acme/api", "acme/web"]
    (step,) = spec["steps"]
    ((name, text),) = step["files"].items()
    assert f"cci-migrate --config {name} ." in step["run"]
    assert "install" not in step["run"]
    assert step["container"] == image
    file = tmp_path / "policy.toml"
    file.write_text(text)
    policy = read_policy_file(file, [rule.id for rule in RULES]).policy
    assert policy == Policy(mirror=parse_mirror(mirror), login=LoginMethod.CLI)
    assert spec["changesetTemplate"]["title"] == "Pull Docker images from a mirror in CircleCI"
    assert spec["changesetTemplate"]["branch"] == "cci-migrate/registry-auth"


def test_a_reversal_across_repositories_says_what_it_is(
    github: GitHubStandIn, batch: Batch
) -> None:
    github.add("acme/api", {CONFIG: FIXED})
    batch("plan", "github:acme", "--revert", code=1)
    assert "--revert=all" in batch("export", "--sourcegraph", "--container", "a").output
    batch("apply", "--canary", 0)
    (pull,) = github.repositories["acme/api"].pulls
    assert pull.title == "Remove Docker registry credentials from CircleCI"
    assert "removes Docker registry credentials from" in pull.body
    assert content(github.repositories["acme/api"].folder, pull.head) == PLAIN


def test_campaigns_on_one_machine_share_a_budget(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    for name in ("api", "web", "cli"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    pace = ("--canary", 0, "--per-hour", 2, "--seconds-between", 0)
    batch("plan", "github:acme/api", code=1)
    batch("apply", *pace)
    other = Batch(batch.folder.parent / "other")
    other("plan", "github:acme", "--exclude", "api", code=1)
    assert sum(clock.slept) == 0
    other("apply", *pace)
    assert sum(clock.slept) == pytest.approx(3600, abs=60)


def test_planning_leaves_nothing_outside_the_campaign(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    batch("plan", "github:acme", "--dry-run", code=1)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    batch("plan", "github:acme", code=1)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(batch.folder) for path in written)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_the_campaign_is_for_the_user_alone(tmp_path: Path, batch: Batch, umask: int) -> None:
    repository = checkout(tmp_path / "all" / "api", {CONFIG: PLAIN})
    (repository / CONFIG).chmod(0o600)
    campaigns = [Batch(tmp_path / "deep" / "one"), batch]
    before = os.umask(umask)
    try:
        campaigns[0]("plan", tmp_path / "all", code=1)
        campaigns[0]("apply")
        batch("merge", campaigns[0].folder)
        batch("revert")
    finally:
        os.umask(before)
    paths = [
        path for campaign in campaigns for path in (campaign.folder, *campaign.folder.rglob("*"))
    ]
    kinds = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert kinds == {(True, 0o700), (False, 0o600)}
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700
    assert {path.suffix for path in paths} >= {".before", ".diff", ".jsonl", ".sqlite"}
    assert stat.S_IMODE((repository / CONFIG).stat().st_mode) == 0o600


def test_a_ledger_that_others_can_read_is_theirs_no_more(tmp_path: Path, batch: Batch) -> None:
    checkout(tmp_path / "all" / "api", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    ledger = batch.folder / "ledger.sqlite"
    ledger.chmod(0o644)
    batch("plan", tmp_path / "all", code=1)
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


def test_everything_is_told_as_json_on_request(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/api", {CONFIG: PLAIN})

    def events(*words: str, code: int) -> list[dict[str, Any]]:
        lines = batch(*words, "--log-format", "json", code=code).stderr.splitlines()
        assert github.token not in "".join(lines)
        return [json.loads(line) for line in lines]

    reported = events("plan", "github:acme", code=1)
    assert [event["event"] for event in reported] == [
        *("begin", "request", "request", "repository", "end")
    ]
    assert reported[1] | {"time": 0} == {
        "time": 0,
        "event": "request",
        "host": github.api.split("/")[2],
        "method": "POST",
        "path": "/api/graphql",
        "status": 200,
        "left": None,
    }
    assert reported[3]["state"] == "planned"

    limit = {"Retry-After": "17", "X-RateLimit-Remaining": "0"}
    github.watch = once("CreateRef", Canned(429, {"message": "slow down"}, limit))
    reported = events("apply", code=0)
    assert {event["event"] for event in reported} == {
        *("begin", "request", "budget", "waiting", "repository", "end"),
    }
    assert {event["left"] for event in reported if event["event"] == "request"} == {None, 0}
    assert reported[-2]["url"] == "https://github.example/acme/api/pull/1"

    (batch.folder / "ledger.sqlite").unlink()
    (failed,) = events("apply", code=2)
    assert failed["event"] == "error"
    assert "no campaign here" in failed["text"]


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:geheim1234@example.com/x.git",
        "https://geheim1234@example.com/x.git",
        "token ghp_geheim1234567890",
        "Authorization: Bearer geheim1234567",
        "glpat-geheim1234567890",
        "dckr_pat_geheim1234567890",
    ],
)
def test_credentials_are_hidden(text: str) -> None:
    assert "geheim" not in redact(text)


def test_a_known_token_is_hidden_wherever_it_turns_up() -> None:
    token = remember("ein-ganz-eigener-wert")
    assert "eigener" not in redact(f"GET /x?y={token} failed")
    assert "eigener" not in repr(token)
