"""One repository never ends a campaign, whatever it is called and whatever is in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cci_migrate.bounds import limits
from cci_migrate.campaign import campaign_files, ledger, plan_run
from cci_migrate.forges.git_clones import GitClones
from cci_migrate.forges.local_checkouts import LocalHost
from cci_migrate.forges.repository import Kind, RepositoryRef, Snapshot
from cci_migrate.transport.git import process
from tests.batch.git_server import GitServer
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    bare,
    checkout,
    commit_git_bomb,
    content,
    copy_of,
    git,
)
from tests.batch.watching import Request

NOT_UTF8 = os.fsdecode(b".circleci/\xff.yml")
ODD_FILES = {
    "not-utf8": NOT_UTF8,
    "long": ".circleci/" + "n" * 251 + ".yml",
    "control": ".circleci/a\nb\x1b[31m.yml",
    "device": ".circleci/con.yml",
    "dashes": ".circleci/--output=x.yml",
}


def checkouts(root: Path) -> Path:
    """Checkouts with odd names of files, and one that is as any."""
    for name, path in ODD_FILES.items():
        checkout(root / name, {path: PLAIN})
    checkout(root / "fine", {CONFIG: PLAIN})
    return root


@pytest.mark.parametrize("mode", ["in-place", "branch"])
def test_files_may_be_called_anything(tmp_path: Path, batch: Batch, mode: str) -> None:
    root = checkouts(tmp_path / "all")
    batch("plan", root, code=1)
    names = [*ODD_FILES, "fine"]
    assert batch.states() == dict.fromkeys(names, "planned")
    for command in (("diff",), ("status",), ("status", "--json")):
        batch(*command, code=None)
    batch("report", "--html", tmp_path / "page.html")
    batch("apply", "--local", mode)
    assert batch.states() == dict.fromkeys(names, "changed")
    for name, path in {**ODD_FILES, "fine": CONFIG}.items():
        is_branch = mode == "branch"
        written = content(root / name, BRANCH, path) if is_branch else (root / name / path)
        assert (written if isinstance(written, bytes) else written.read_bytes()) == FIXED
    batch("revert")
    assert batch.states() == dict.fromkeys(names, "reverted")
    for name, path in ODD_FILES.items():
        assert (root / name / path).read_bytes() == PLAIN


def test_repositories_may_be_called_anything(tmp_path: Path, batch: Batch) -> None:
    names = ["a.diff", "a", "\\xff\\xfe", "n" * 250, "con", "CON", "a\nb", ".git.x"]
    for name in names:
        folder = os.fsdecode(b"\xff\xfe") if "xff" in name else name
        checkout(tmp_path / "all" / folder, {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    assert batch.states() == dict.fromkeys(names, "planned")
    batch("apply")
    assert batch.states() == dict.fromkeys(names, "changed")
    batch("diff")
    batch("status")


def test_each_repository_has_files_of_its_own_on_any_file_system() -> None:
    names = ["o/.github", "o/github", "o/Repo", "o/repo", "o/b", "o/b.diff/c", "o/b-diff-c", "nul"]
    names += ["o/" + "x" * 300, "o/" + "x" * 301, "o/aux.txt", os.fsdecode(b"o/\xff"), "o/..", "/"]
    refs = [RepositoryRef(Kind.GITHUB, "github.com", name, "") for name in names]
    refs += [RepositoryRef(Kind.GITLAB, "gitlab.com", name, "") for name in names]
    names = [campaign_files.diff_name(ref) for ref in refs]
    names += [
        campaign_files.original_name(ref, path) for ref in refs for path in ("a", "A", "../a")
    ]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert all(len(part) < 100 and part.isascii() for part in name.split("/"))
        assert name == os.path.normpath(name)
        for part in name.split("/"):
            assert not part.endswith((".", " "))
            assert part.split(".")[0].lower() not in {"con", "nul", "aux", "prn", "com1"}


def test_a_repository_that_breaks_us_fails_alone(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is looked at, while its plan is recorded, while it is written to."""
    for name in ("look", "record", "write", "fine"):
        checkout(tmp_path / "all" / name, {CONFIG: PLAIN})

    def breaks(place: str, function: Any) -> Any:
        def broken(*arguments: Any, **options: Any) -> Any:
            if any(f"/all/{place}" in repr(argument) for argument in arguments):
                raise KeyError("hunter2")
            return function(*arguments, **options)

        return broken

    monkeypatch.setattr(LocalHost, "_work_tree", breaks("look", LocalHost._work_tree))
    monkeypatch.setattr(plan_run, "planned_entry", breaks("record", plan_run.planned_entry))
    monkeypatch.setattr(LocalHost, "_replace", breaks("write", LocalHost._replace))
    batch("plan", tmp_path / "all", code=3)
    expected = {"look": "failed", "record": "failed", "write": "planned", "fine": "planned"}
    assert batch.states() == expected
    done = batch("apply", code=3)
    assert batch.states() == {**expected, "write": "failed", "fine": "changed"}
    for name in ("look", "record", "write"):
        cause = batch.results()[name]["cause"]
        assert cause.startswith("internal error, please report it: KeyError at ")
    assert "hunter2" not in done.output + (batch.folder / "results.jsonl").read_text()


def test_one_remote_that_breaks_us_fails_alone(
    git_server: GitServer, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("one", "two", "three")
    for name in names:
        bare(git_server.root / f"{name}.git", {CONFIG: PLAIN})
    see = GitClones.observe

    def broken(self: GitClones, known: Snapshot) -> Any:
        if "two" in known.ref.address:
            raise IndexError
        return see(self, known)

    monkeypatch.setattr(GitClones, "observe", broken)
    batch("plan", *(git_server.url(f"{name}.git") for name in names), code=3)
    assert batch.states() == {"one": "planned", "two": "failed", "three": "planned"}


def test_an_answer_that_is_none_fails_alone(github: GitHubStandIn, batch: Batch) -> None:
    for name in ("one", "two", "three"):
        github.add(f"acme/{name}", {CONFIG: PLAIN}, visibility="PUBLIC")

    def watch(request: Request) -> None:
        data = (request.body or {}).get("data") or {} if request.moment == "after" else {}
        listed = (data.get("repositoryOwner") or {}).get("repositories", {}).get("nodes", [])
        for node in [*listed, *(value for value in data.values() if isinstance(value, dict))]:
            if node.get("nameWithOwner") == "acme/two":
                node["visibility"] = "SECRET"

    github.watch = watch
    batch("plan", "github:acme", code=3)
    assert batch.states() == {"one": "planned", "two": "failed", "three": "planned"}


def test_what_is_too_large_is_not_read(
    git_server: GitServer, github: GitHubStandIn, tmp_path: Path, batch: Batch
) -> None:
    large = {CONFIG: PLAIN, ".circleci/large.yml": PLAIN + b"# x\n" * 2_100_000}
    bare(git_server.root / "remote.git", large)
    checkout(tmp_path / "here", large)
    github.add("acme/hosted", large)
    sources = (git_server.url("remote.git"), tmp_path / "here", "github:acme")
    batch("plan", *sources, code=1)
    for name in ("remote", "here", "hosted"):
        result = batch.results()[name]
        assert result["state"] == "planned"
        assert "1 config(s) failed: .circleci/large.yml: " in result["cause"]
        assert "more than the 8 MB" in result["cause"]
    assert "GET /api/v3/repos/acme/hosted/git/blobs/N" not in github.operations


def test_files_that_are_too_large_together_fail_alone(
    git_server: GitServer, tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.TOTAL_LIMIT == 64 * 2**20
    monkeypatch.setattr(limits, "TOTAL_LIMIT", 2**20)
    large = {f".circleci/{n}.yml": PLAIN + b"# %d" % n + b"x" * 400_000 for n in range(3)}
    bare(git_server.root / "remote.git", large)
    git(tmp_path, "clone", "--quiet", git_server.url("remote.git"), "here")
    checkout(tmp_path / "fine", {CONFIG: PLAIN})
    batch("plan", git_server.url("remote.git"), tmp_path / "here", tmp_path / "fine", code=3)
    assert batch.states() == {"remote": "failed", "here": "failed", "fine": "planned"}
    for name in ("remote", "here"):
        assert "its configs have more than 1 MB in total" in batch.results()[name]["cause"]


def test_a_commit_of_ten_billion_files_fails_alone(
    git_server: GitServer, tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "OUTPUT_LIMIT", 2**20)
    for name in ("head", "planted", "fine"):
        bare(git_server.root / f"{name}.git", {CONFIG: PLAIN})
    commit_git_bomb(git_server.root / "head.git")
    commit_git_bomb(git_server.root / "planted.git", BRANCH)
    batch("plan", *(git_server.url(f"{name}.git") for name in ("head", "planted", "fine")), code=3)
    batch("apply", code=3)
    states = {"head": "failed", "planted": "branch-exists", "fine": "changed"}
    assert batch.states() == states
    assert "printed more than 1 MB" in batch.results()["head"]["cause"]
    commit_git_bomb(checkout(tmp_path / "here", {CONFIG: PLAIN}))
    here = Batch(tmp_path / "campaign-here")
    here("plan", tmp_path / "here", code=1)
    here("apply", "--local", "branch", code=3)
    assert "printed more than 1 MB" in here.results()["here"]["cause"]


# -- a ledger and a folder of somebody else


def rewrite(folder: Path, batch: Batch) -> None:
    """Have a campaign rewrite a local checkout."""
    checkout(folder, {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    batch("apply")


@pytest.fixture
def share(tmp_path: Path, batch: Batch) -> Path:
    """The folder of a campaign, of which a local checkout was rewritten."""
    rewrite(tmp_path / "one", batch)
    return batch.folder


@pytest.fixture
def copied(tmp_path: Path) -> Batch:
    """A copy of such a campaign: its commands can do nothing to the checkout."""
    folder = copy_of(
        ("a rewritten checkout",),
        tmp_path / "copied",
        lambda made: rewrite(made / "one", Batch(made / "campaign")),
    )
    return Batch(folder / "campaign")


def change(share: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(share / "ledger.sqlite") as ledger:
        ledger.execute(statement, values)
    ledger.close()


def change_record(share: Path, **values: Any) -> None:
    """Change what the ledger keeps of its one repository; None takes a value out."""
    with sqlite3.connect(share / "ledger.sqlite") as ledger:
        (text,) = ledger.execute("SELECT record FROM repositories").fetchone()
        record = json.loads(text)
        record["ref"] |= values.pop("ref", {})
        record |= values
        fields = {name: value for name, value in record.items() if value is not None}
        ledger.execute("UPDATE repositories SET record = ?", (json.dumps(fields),))
    ledger.close()


def test_no_path_of_a_ledger_leads_out_of_the_campaign(
    share: Path, tmp_path: Path, batch: Batch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    change_record(share, diff="../secret")
    assert "unknown key diff" in batch("diff", code=2).output
    change_record(share, diff=None)
    (diff,) = (share / "diffs").iterdir()
    diff.unlink()
    diff.symlink_to(secret)
    assert "hunter2" not in batch("diff").output
    target = Batch(tmp_path / "merged")
    target("merge", share)
    contents = [path.read_bytes() for path in target.folder.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in data for data in contents)
    before = {path for path in tmp_path.rglob("*") if target.folder not in path.parents}
    assert {path for path in tmp_path.rglob("*") if target.folder not in path.parents} == before


def test_an_original_is_what_was_there(share: Path, tmp_path: Path, batch: Batch) -> None:
    (original,) = (path for path in (share / "originals").rglob("*") if path.is_file())
    original.write_bytes(b"evil\n")
    output = batch("revert", code=None).output
    assert "the campaign has no original of .circleci/config.yml" in output
    assert (tmp_path / "one" / CONFIG).read_bytes() == FIXED


def test_revert_writes_nothing_outside_of_the_checkout(
    share: Path, tmp_path: Path, batch: Batch
) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_bytes(FIXED)
    files = [
        {"path": "../outside.yml", "before": sha256(PLAIN), "after": sha256(FIXED)},
    ]
    change_record(share, files=files)
    (original,) = (path for path in (share / "originals").rglob("*") if path.is_file())
    ref = RepositoryRef(Kind.LOCAL, "", str(tmp_path / "one"), str(tmp_path / "one"))
    shutil.copy(original, share / campaign_files.original_name(ref, "../outside.yml"))
    output = batch("revert", code=None).output
    assert "../outside.yml: can't be read: it is outside of the folder" in output
    assert outside.read_bytes() == FIXED


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE repositories SET state = 'nonsense'", "can't read the ledger"),
        ("UPDATE repositories SET record = '{'", "can't be read (is not JSON"),
        ("UPDATE repositories SET record = '[]'", "can't be read (expected an object"),
        ("UPDATE repositories SET record = 5", "can't be read (expected an object"),
        ("UPDATE repositories SET record = x'ff'", "can't be read (expected a string"),
        ("UPDATE repositories SET cause = x'ff'", "can't be read (cause: expected a string"),
        ("DROP TABLE repositories", "can't use the campaign's ledger"),
    ],
)
def test_a_ledger_that_was_changed_is_refused_in_a_line(
    copied: Batch, statement: str, problem: str
) -> None:
    change(copied.folder, statement)
    output = copied("revert", code=2).output
    assert problem in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"files": [{"x": 1}]}, "can't be read (files[0]: missing key"),
        ({"files": [{"path": 1, "before": "", "after": ""}]}, "(files[0].path: expected a string"),
        ({"images": "7"}, "can't be read (images: expected a number"),
        ({"waits_since": 1e18}, "can't be read (waits_since: expected"),
        ({"todos": ["x" * 2**25]}, "can't be read (expected a string, got null"),
        ({"pull": {"number": 1, "url": "", "state": "odd"}}, "can't be read (pull.state: "),
        ({"ref": {"name": "/etc"}}, "belongs to another repository"),
        ({"ref": {"address": "/etc"}}, "the campaign recorded it on another host"),
    ],
)
def test_a_record_that_was_changed_is_refused_in_a_line(
    copied: Batch, changes: dict[str, Any], problem: str
) -> None:
    change_record(copied.folder, **changes)
    output = copied("revert", code=2).output
    assert problem in output
    assert "Traceback" not in output


def test_more_findings_than_a_ledger_takes_fail_alone(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MAX_RECORD_BYTES", 2**17)
    images = b"".join(b"      - image: cimg/base:%d\n" % number for number in range(500))
    first = b"      - image: cimg/node:20.1\n"
    checkout(tmp_path / "all" / "large", {CONFIG: PLAIN.replace(first, images)})
    checkout(tmp_path / "all" / "fine", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=3)
    assert batch.states() == {"fine": "planned", "large": "failed"}
    assert batch.results()["large"]["cause"].startswith("its findings take more than")


def test_a_token_goes_to_no_other_host_that_a_ledger_names(
    github: GitHubStandIn, batch: Batch
) -> None:
    github.planned(batch, "api")
    change_record(batch.folder, ref={"address": "https://evil.example/api/v3"})
    assert "the campaign recorded it on another host" in batch("apply", code=2).output


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
