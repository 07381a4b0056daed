"""A campaign over folders of local checkouts."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.batch.git_server import GitServer
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    GENERATED,
    PLAIN,
    Batch,
    bare,
    branches,
    checkout,
    commit,
    commit_bare,
    content,
    git,
    write_files,
)


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    """Checkouts in every state that a folder of them can hold."""
    folder = tmp_path / "checkouts"
    checkout(folder / "plain", {CONFIG: PLAIN})
    checkout(folder / "team" / "windows", {CONFIG: PLAIN.replace(b"\n", b"\r\n")})
    checkout(folder / "done", {CONFIG: FIXED})
    checkout(folder / "none", {"README": b"nothing"})
    checkout(folder / "broken", {CONFIG: b"jobs: ["})
    checkout(folder / "generated", {CONFIG: GENERATED})
    write_files(folder / "bare-folder", {CONFIG: PLAIN})
    return folder


def test_from_plan_to_change(checkouts: Path, batch: Batch) -> None:
    batch("plan", checkouts, code=1)
    assert batch.states() == {
        "plain": "planned",
        "windows": "planned",
        "bare-folder": "planned",
        "done": "nothing-to-do",
        "none": "no-config",
        "broken": "broken-config",
        "generated": "generated-config",
    }
    assert (checkouts / "plain" / CONFIG).read_bytes() == PLAIN
    assert "jobs" not in batch.results()["broken"]["cause"]

    patch = batch("diff", "plain").output
    assert git(checkouts / "plain", "apply", "--numstat", stdin=patch.encode()).startswith("6\t1\t")

    batch("apply", code=1)
    assert (checkouts / "plain" / CONFIG).read_bytes() == FIXED
    assert (checkouts / "bare-folder" / CONFIG).read_bytes() == FIXED
    windows = (checkouts / "team" / "windows" / CONFIG).read_bytes()
    assert windows == FIXED.replace(b"\n", b"\r\n")
    assert (checkouts / "generated" / CONFIG).read_bytes() == GENERATED
    states = batch.states()
    assert [states[n] for n in ("plain", "windows", "bare-folder")] == ["changed"] * 3

    again = batch("apply", code=1)
    assert "3  changed" in again.output
    assert batch.states() == states


def test_the_stored_diff_gives_the_same_bytes_as_apply(checkouts: Path, batch: Batch) -> None:
    batch("plan", checkouts, code=1)
    for name, folder in (("plain", "plain"), ("windows", "team/windows")):
        patch = batch.folder / batch.results()[name]["diff"]
        git(checkouts / folder, "apply", str(patch))
    by_git = (checkouts / "team" / "windows" / CONFIG).read_bytes()
    assert by_git == FIXED.replace(b"\n", b"\r\n")


def test_a_dry_run_leaves_no_trace(checkouts: Path, batch: Batch) -> None:
    output = batch("plan", checkouts, "--dry-run", code=1).output
    assert "3  planned" in output
    assert not batch.folder.exists()
    batch("plan", checkouts, code=1)
    before = batch.states()
    batch("apply", "--dry-run", code=1)
    assert batch.states() == before
    assert (checkouts / "plain" / CONFIG).read_bytes() == PLAIN


def test_a_checkout_that_moved_on_is_planned_again(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    moved = PLAIN.replace(b"node:20.1", b"node:22.0")
    commit(folder, {CONFIG: moved})

    batch("apply", code=1)
    assert (folder / CONFIG).read_bytes() == moved
    record = batch.results()["one"]
    assert record["state"] == "planned"
    assert "it changed" in record["cause"]
    assert "node:22.0" in batch("diff").output

    batch("apply")
    assert (folder / CONFIG).read_bytes() == FIXED.replace(b"node:20.1", b"node:22.0")


def test_a_limit_ends_the_run_and_the_next_goes_on(tmp_path: Path, batch: Batch) -> None:
    for name in "abc":
        checkout(tmp_path / "all" / name, {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    batch("apply", "--max-prs", 2, code=1)
    assert sorted(batch.states().values()) == ["changed", "changed", "planned"]
    batch("apply", "--max-prs", 2)
    assert set(batch.states().values()) == {"changed"}


def test_only_the_named_are_changed(tmp_path: Path, batch: Batch) -> None:
    for name in ("api", "web"):
        checkout(tmp_path / "all" / name, {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    batch("apply", "ap*", code=1)
    assert batch.states() == {"api": "changed", "web": "planned"}


def test_a_branch_is_committed_beside_the_work_tree(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN, "run.sh": b"#!/bin/sh\n"})
    write_files(folder, {"unsaved": b"work"})
    batch("plan", folder, code=1)
    batch("apply", "--local", "branch")
    assert batch.states() == {"one": "changed"}
    assert content(folder, BRANCH) == FIXED
    assert content(folder, "HEAD") == (folder / CONFIG).read_bytes() == PLAIN
    assert git(folder, "status", "--porcelain") == "?? unsaved"
    assert git(folder, "diff", "--name-only", "main", BRANCH) == CONFIG
    assert "[skip ci]" not in git(folder, "log", "-1", "--format=%B", BRANCH)


def test_the_branch_of_somebody_else_is_left_alone(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    git(folder, "checkout", "--quiet", "-b", BRANCH)
    foreign_commit = commit(folder, {"theirs": b"work"})
    git(folder, "checkout", "--quiet", "main")
    batch("plan", folder, code=1)
    batch("apply", "--local", "branch", code=1)
    assert batch.states() == {"one": "branch-exists"}
    assert git(folder, "rev-parse", BRANCH) == foreign_commit


def test_a_branch_is_pushed_to_origin(tmp_path: Path, batch: Batch, git_server: GitServer) -> None:
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    folder = tmp_path / "one"
    git(tmp_path, "clone", "--quiet", git_server.url("origin.git"), str(folder))
    batch("plan", folder, code=1)
    batch("apply", "--local", "push")
    assert batch.states() == {"one": "changed"}
    assert content(origin, BRANCH) == FIXED
    assert content(origin, "main") == PLAIN
    # A second campaign leaves the branch to the first one.
    other = Batch(tmp_path / "other")
    other("plan", folder, code=1)
    other("apply", "--local", "push", code=1)
    assert other.states() == {"one": "branch-exists"}
    assert git(origin, "rev-list", "--count", BRANCH) == "2"


def test_a_branch_is_reviewed_and_then_pushed(
    tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    """The very commit that is on the local branch; a branch of somebody else stays as it is."""
    origins = {}
    for name in ("api", "web"):
        origins[name] = bare(git_server.root / f"{name}.git", {CONFIG: PLAIN})
        git(tmp_path, "clone", "--quiet", git_server.url(f"{name}.git"), str(tmp_path / name))
    batch("plan", tmp_path / "api", tmp_path / "web", code=1)
    batch("apply", "--local", "branch")
    reviewed = git(tmp_path / "api", "rev-parse", BRANCH)
    git(tmp_path / "web", "checkout", "--quiet", BRANCH)
    foreign_commit = commit(tmp_path / "web", {"theirs": b"work"})
    git(tmp_path / "web", "checkout", "--quiet", "main")
    batch("apply", "--local", "push", code=3)
    assert batch.states() == {"api": "changed", "web": "failed"}
    assert git(origins["api"], "rev-parse", BRANCH) == reviewed
    assert git(origins["web"], "branch", "--list", BRANCH) == ""
    assert git(tmp_path / "web", "rev-parse", BRANCH) == foreign_commit
    assert "holds other work" in batch.results()["web"]["cause"]
    batch("revert", "*/api", code=3)
    assert git(origins["api"], "branch", "--list", BRANCH) == ""


@pytest.mark.parametrize("is_staged", [True, False], ids=["staged", "unstaged"])
def test_a_checkout_with_uncommitted_changes_is_rewritten_only_if_asked(
    is_staged: bool, tmp_path: Path, batch: Batch
) -> None:
    for name in ("dirty", "untracked", "windows"):
        checkout(tmp_path / "all" / name, {CONFIG: PLAIN, "README": b"x\r\n"})
    dirty = tmp_path / "all" / "dirty"
    write_files(dirty, {"README": b"unsaved"})
    if is_staged:
        git(dirty, "add", "README")
    write_files(tmp_path / "all" / "untracked", {"notes": b"unsaved"})
    # What the checkout says of line ends counts: nothing is changed in it.
    git(tmp_path / "all" / "windows", "config", "core.autocrlf", "true")
    batch("plan", tmp_path / "all", code=1)
    batch("apply", code=3)
    assert batch.states() == {"dirty": "failed", "untracked": "changed", "windows": "changed"}
    cause = "has uncommitted changes (README); commit or stash them, or pass --allow-dirty"
    assert batch.results()["dirty"]["cause"] == cause
    assert (dirty / CONFIG).read_bytes() == PLAIN
    batch("apply", "--allow-dirty")
    assert (dirty / CONFIG).read_bytes() == FIXED


def test_nothing_is_pushed_to_a_folder_of_this_machine(tmp_path: Path, batch: Batch) -> None:
    origin = bare(tmp_path / "origin.git", {CONFIG: PLAIN})
    folder = tmp_path / "one"
    git(tmp_path, "clone", "--quiet", str(origin), str(folder))
    batch("plan", folder, code=1)
    batch("apply", "--local", "push", code=3)
    assert "a push would run its hooks" in batch.results()["one"]["cause"]
    assert git(origin, "branch", "--list", BRANCH) == ""


@pytest.mark.parametrize("is_gone", [True, False], ids=["deleted", "with-work"])
def test_a_pushed_branch_is_closed_whatever_became_of_the_local_one(
    is_gone: bool, tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    folder = tmp_path / "one"
    git(tmp_path, "clone", "--quiet", git_server.url("origin.git"), str(folder))
    batch("plan", folder, code=1)
    batch("apply", "--local", "push")
    if is_gone:
        git(folder, "branch", "-D", BRANCH)
    else:
        git(folder, "branch", "--force", BRANCH, "main")
    batch("close")
    assert batch.states() == {"one": "closed"}
    assert branches(origin) == ["main"]
    assert branches(folder / ".git") == (["main"] if is_gone else [BRANCH, "main"])


def test_why_origin_keeps_a_branch_is_said(
    tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    git(tmp_path, "clone", "--quiet", git_server.url("origin.git"), str(tmp_path / "one"))
    batch("plan", tmp_path / "one", code=1)
    batch("apply", "--local", "push")
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho nothing is deleted here; exit 1\n")
    hook.chmod(0o755)
    output = batch("close", code=1).output
    rejected = f"! [remote rejected] {BRANCH} (pre-receive hook declined)"
    assert f"git push: {rejected}; remote: nothing is deleted here" in output


@pytest.mark.parametrize("filtered", [(), ("--filter=blob:none",), ("--depth=1",)])
def test_a_branch_is_pushed_from_a_partial_or_shallow_work_tree(
    filtered: tuple[str, ...], tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    commit_bare(origin, {"other": b"x"})
    main = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", *filtered, git_server.url("origin.git"), str(main))
    folder = tmp_path / "one"
    git(main, "worktree", "add", "--quiet", "--detach", str(folder))
    commit_bare(origin, {"newer": b"y"})
    batch("plan", folder, code=1)
    batch("apply", "--local", "push")
    assert batch.states() == {"one": "changed"}
    assert content(origin, BRANCH) == content(main, BRANCH) == FIXED
    assert git(origin, "rev-list", "--count", BRANCH) == "3"
    batch("revert", "one", code=None)
    assert branches(origin) == branches(main) == ["main"]


def test_what_the_user_configured_by_folder_counts(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").write_text("[user]\n\tname = Grace\n\temail = grace@example.com\n")
    (tmp_path / "global").write_text(
        f'[user]\n\tname = Ada\n[includeIf "gitdir:{tmp_path}/checkouts/"]\n\tpath = work\n'
    )
    folder = checkout(tmp_path / "checkouts" / "one", {CONFIG: PLAIN})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}")
    batch("plan", folder, code=1)
    batch("apply", "--local", "branch")
    assert git(folder, "log", "-1", "--format=%an %ce", BRANCH) == "Grace grace@example.com"


def test_one_command_at_a_time(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    with (batch.folder / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        output = batch("apply", code=2).output
    assert "another command is using" in output
    assert (folder / CONFIG).read_bytes() == PLAIN
    batch("apply")
    assert (folder / CONFIG).read_bytes() == FIXED


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["plan", "nowhere"], "is not a source"),
        (["plan", "https://ada:secret@example.com/x.git"], "credential helper"),
        (["apply"], "no campaign here"),
        (["apply", "--message", "[skip ci] Authenticate"], "skip the build that"),
        (["apply", "--title", " "], "the title is empty"),
        (["apply", "--title", "{{ nothing }}"], "'nothing' is undefined"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], problem: str, batch: Batch
) -> None:
    output = batch(*arguments, code=2).output
    assert problem in output
    assert "secret" not in output
    assert len(output.splitlines()) == 1


def test_another_policy_needs_a_word(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    assert "another policy" in batch("plan", folder, "--context", "hub", code=2).output
    batch("plan", folder, "--context", "hub", "--again", code=1)
    batch("apply")
    assert b"- hub\n" in (folder / CONFIG).read_bytes()


def test_what_the_policy_excludes_is_not_planned(tmp_path: Path, batch: Batch) -> None:
    extra = ".circleci/templates/extra.yml"
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN, extra: GENERATED})
    policy = tmp_path / "policy.toml"
    policy.write_text('exclude = ["*/templates"]\n')
    batch("plan", folder, "--config", policy, code=1)
    batch("apply")
    assert (folder / CONFIG).read_bytes() == FIXED
    assert (folder / extra).read_bytes() == GENERATED


@pytest.mark.parametrize("other", [("--upgrade-version",), ("--mirror", "mirror.example.com")])
def test_a_reversal_takes_no_mirror_and_no_upgrade_back(
    other: tuple[str, ...], batch: Batch
) -> None:
    assert "be combined with" in batch("plan", ".", "--revert", *other, code=2).output
