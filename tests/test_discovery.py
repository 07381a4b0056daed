"""Which files are looked at, in real folders with real git."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cci_migrate.bounds.limits import SIZE_LIMIT
from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.files.discovery import (
    Discovery,
    candidates_in,
    discover,
    read_candidate,
    reader_of,
    root_of,
)
from tests.processes import git


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("version: 2.1\n")


def init(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init")


def files(found: Discovery, base: Path) -> list[str]:
    """All files found, as seen from ``base``."""
    return [
        (repository.root / file).relative_to(base).as_posix()
        for repository in found.repositories
        for file in repository.files
    ]


def found_in(base: Path, *named: str) -> list[str]:
    """The files found in what is ``named`` below ``base``; in all of it without a name."""
    return files(discover([base / name for name in named or ("",)]), base)


@pytest.fixture(params=["git", "no git"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder to search, with and without git."""
    folder = tmp_path / "repository"
    folder.mkdir()
    if request.param == "git":
        init(folder)
    return folder


def test_every_yaml_file_in_a_circleci_folder_at_any_depth(root: Path) -> None:
    put(
        root,
        ".circleci/config.yml",
        ".circleci/continue.yaml",
        ".circleci/deep/er/part.yml",
        "services/api/.circleci/config.yml",
        ".circleci/README.md",
        "docker-compose.yml",
        "circleci/config.yml",
    )
    assert found_in(root) == [
        ".circleci/config.yml",
        ".circleci/continue.yaml",
        ".circleci/deep/er/part.yml",
        "services/api/.circleci/config.yml",
    ]


def test_the_source_tree_of_an_orb(root: Path) -> None:
    put(
        root,
        "src/@orb.yml",
        "src/jobs/build.yml",
        "src/executors/default.yml",
        "src/commands/deep/er.yml",
        "src/kubernetes/deployment.yml",
        "src/other.yml",
        "other/jobs/build.yml",
    )
    assert found_in(root) == [
        "src/@orb.yml",
        "src/commands/deep/er.yml",
        "src/executors/default.yml",
        "src/jobs/build.yml",
    ]


def test_dependencies_are_not_searched_unless_they_are_named(root: Path) -> None:
    skipped = ["node_modules/a/.circleci/config.yml", "deep/vendor/b/.circleci/config.yml"]
    put(root, ".circleci/config.yml", *skipped)
    assert found_in(root) == [".circleci/config.yml"]
    assert found_in(root, "deep/vendor/b") == ["deep/vendor/b/.circleci/config.yml"]


def test_what_git_ignores_is_not_searched_but_what_it_does_not_know_yet_is(tmp_path: Path) -> None:
    init(tmp_path)
    put(tmp_path, ".circleci/config.yml", "build/.circleci/config.yml", "new/.circleci/config.yml")
    (tmp_path / ".gitignore").write_text("build/\n")
    assert found_in(tmp_path) == [
        ".circleci/config.yml",
        "new/.circleci/config.yml",
    ]
    ignored = "build/.circleci/config.yml"
    assert found_in(tmp_path, ignored) == [ignored]


def test_a_deleted_file_that_git_still_lists_is_no_candidate(tmp_path: Path) -> None:
    init(tmp_path)
    put(tmp_path, ".circleci/config.yml", ".circleci/gone.yml")
    git(tmp_path, "add", "-A")
    (tmp_path / ".circleci/gone.yml").unlink()
    assert found_in(tmp_path) == [".circleci/config.yml"]


def test_a_folder_below_the_root_limits_the_search(root: Path) -> None:
    put(root, ".circleci/config.yml", "a/.circleci/config.yml")
    assert found_in(root, "a") == ["a/.circleci/config.yml"]


def test_the_circleci_folder_itself(root: Path) -> None:
    put(root, ".circleci/config.yml", ".circleci/more/x.yml")
    found = discover([root / ".circleci"])
    assert files(found, root) == [".circleci/config.yml", ".circleci/more/x.yml"]
    assert found.repositories[0].root == root


def test_what_belongs_to_a_repository(tmp_path: Path) -> None:
    put(tmp_path, ".circleci/config.yml", "app/.circleci/config.yml", "orb/@orb.yml")
    # Without git it may be a home folder, which is not searched as a whole.
    assert candidates_in(tmp_path) == (".circleci/config.yml",)
    assert candidates_in(tmp_path / "orb") == ("@orb.yml",)
    assert candidates_in(tmp_path / "app" / ".circleci") == ()
    assert candidates_in(tmp_path / "none") == ()
    init(tmp_path)
    everything = (".circleci/config.yml", "app/.circleci/config.yml", "orb/@orb.yml")
    assert candidates_in(tmp_path) == everything


def test_a_file_that_is_named_is_always_taken(root: Path) -> None:
    put(root, "ci/build.yml", "node_modules/x.txt")
    named = ["ci/build.yml", "node_modules/x.txt"]
    assert found_in(root, *named) == named


def test_a_part_of_a_source_tree_brings_the_others(root: Path) -> None:
    tree = [
        ".circleci/src/jobs/build.yml",
        ".circleci/src/jobs/test.yml",
        ".circleci/src/workflows/main.yml",
    ]
    put(root, ".circleci/config.yml", *tree)
    assert found_in(root, ".circleci/src/jobs/build.yml") == tree
    assert found_in(root, ".circleci/src/jobs") == tree
    assert found_in(root, ".circleci/config.yml") == [".circleci/config.yml"]


def test_a_part_of_an_orb_brings_the_orb(root: Path) -> None:
    tree = ["src/@orb.yml", "src/executors/default.yml", "src/jobs/build.yml"]
    put(root, "src/other.yml", *tree)
    assert found_in(root, "src/jobs/build.yml") == tree


def test_a_file_is_taken_once_however_often_it_is_named(root: Path) -> None:
    put(root, ".circleci/config.yml")
    (root / ".circleci/alias.yml").symlink_to("config.yml")
    named = ["", ".circleci/alias.yml", ".circleci/config.yml"]
    assert found_in(root, *named) == [".circleci/config.yml"]


def reasons(found: Discovery) -> dict[str, str]:
    """Why each file that is not read is not, by its path."""
    outcomes = [problem.outcome for problem in found.problems]
    return {
        outcome.paths[0]: outcome.reason if isinstance(outcome, Refused) else outcome.problem
        for outcome in outcomes
        if isinstance(outcome, Refused | Failed)
    }


def test_what_is_behind_a_link_goes_by_its_real_path(root: Path) -> None:
    put(root, "ci/config.yml", "ci/more/x.yml", "shared/y.yml", "parts/z.yml", "parts/no.txt")
    (root / ".circleci").symlink_to("ci")
    (root / "ci" / "y.yml").symlink_to("../shared/y.yml")
    (root / "sub" / ".circleci").mkdir(parents=True)
    (root / "sub" / ".circleci" / "parts").symlink_to("../../parts")
    (root / "sub" / ".circleci" / "chain.yml").symlink_to("../../ci/y.yml")
    found = discover([root])
    assert found.problems == ()
    assert files(found, root) == ["ci/config.yml", "ci/more/x.yml", "parts/z.yml", "shared/y.yml"]
    for named in (".circleci", ".circleci/config.yml", "ci/config.yml"):
        assert "ci/config.yml" in found_in(root, named)


@pytest.mark.parametrize("named", ["", ".circleci", ".circleci/config.yml"])
def test_a_circleci_folder_that_leaves_the_repository_is_refused(
    root: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root.parent, "outside/config.yml")
    # What is linked may be a repository itself, and is not the one that was named.
    init(root.parent / "outside")
    (root / ".circleci").symlink_to(root.parent / "outside")
    monkeypatch.chdir(root)
    for path in (root / named, Path(named or ".")):
        found = discover([path])
        assert files(found, root) == []
        assert reasons(found) == {
            named or ".circleci": "a symbolic link that leaves the repository"
        }
        assert found.problems[0].root == root


@pytest.mark.parametrize(
    "target", ["../outside.yml", "../gone.yml", ".git/config", ".git/x.yml", "/dev/null"]
)
def test_a_link_that_leaves_the_repository_is_refused(root: Path, target: str) -> None:
    put(root, ".circleci/config.yml", ".git/config", ".git/x.yml")
    put(root.parent, "outside.yml")
    link = root / ".circleci" / "link.yml"
    link.symlink_to(target if target.startswith("/") else f"../{target}")
    for path in (root, root / ".circleci" / "link.yml"):
        found = discover([path])
        assert files(found, root) in ([".circleci/config.yml"], [])
        assert reasons(found) == {
            ".circleci/link.yml": "a symbolic link that leaves the repository"
        }


def test_a_link_to_a_pipe_is_a_failure_not_a_wait(root: Path) -> None:
    (root / ".circleci").mkdir()
    os.mkfifo(root / "pipe")
    (root / ".circleci" / "config.yml").symlink_to("../pipe")
    assert found_in(root) == ["pipe"]
    outcome = read_candidate(root, "pipe")
    assert isinstance(outcome, Failed)


def test_a_link_that_comes_after_the_search_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    put(root, ".circleci/config.yml")
    put(tmp_path, "outside/config.yml")
    (path,) = found_in(root)
    shutil.rmtree(root / ".circleci")
    (root / ".circleci").symlink_to("../outside")
    assert isinstance(read_candidate(root, path), Failed)


def test_a_checkout_that_is_named_through_a_link_is_read(tmp_path: Path) -> None:
    init(tmp_path / "real")
    put(tmp_path / "real", ".circleci/config.yml")
    init(tmp_path)
    (tmp_path / "link").symlink_to("real")
    for named in ("link", "link/.circleci", "link/.circleci/config.yml"):
        assert found_in(tmp_path, named) == ["real/.circleci/config.yml"]


def test_a_link_to_nothing_is_a_failure(root: Path) -> None:
    (root / ".circleci").mkdir()
    (root / ".circleci/config.yml").symlink_to("nowhere")
    (problem,) = discover([root]).problems
    assert isinstance(problem.outcome, Failed)
    assert "No such file" in problem.outcome.problem


def test_links_in_a_circle_end(root: Path) -> None:
    (root / ".circleci").mkdir()
    (root / ".circleci/a.yml").symlink_to("b.yml")
    (root / ".circleci/b.yml").symlink_to("a.yml")
    (root / "loop").symlink_to(root)
    assert len(discover([root]).problems) == 2


def test_many_links_to_one_folder_are_one_search(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "ci/a.yml", "ci/b/c.yml", "ci/vendor/d.yml", ".circleci/config.yml")
    for number in range(20):
        (root / f".circleci/to{number}").symlink_to("../ci")
        (root / f".circleci/x{number}").symlink_to("../ci/b")
        (root / f".circleci/y{number}").symlink_to("../ci/vendor")
    listed: list[Path] = []
    scan = os.scandir

    def scandir(path: Path) -> Any:
        listed.append(path)
        return scan(path)

    monkeypatch.setattr("cci_migrate.files.discovery.os.scandir", scandir)
    found = found_in(root)
    assert found == [".circleci/config.yml", "ci/a.yml", "ci/b/c.yml", "ci/vendor/d.yml"]
    assert len(listed) < 10


def test_folders_may_be_nested_deeper_than_python_calls_itself(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for name in (".circleci", *["a"] * 1500):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("c.yml", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    put(tmp_path, ".circleci/config.yml")
    deep = f".circleci/{'a/' * 1500}c.yml"
    assert found_in(tmp_path) == [deep, ".circleci/config.yml"]
    # As a tree of pytest's own, its end would be a RecursionError too.
    subprocess.run(["rm", "-rf", tmp_path / ".circleci"], check=True)


def test_repositories_may_be_nested_deeper_than_python_calls_itself(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a"] * 100)
    put(deep, ".circleci/config.yml")
    for folder in (deep, *deep.parents[:99]):
        (folder / ".git").mkdir()  # nothing that git can list
    # A call for each would be too many.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        found = discover([tmp_path])
    finally:
        sys.setrecursionlimit(limit)
    assert [repository.root for repository in found.repositories] == [deep]


def test_a_folder_of_checkouts_is_several_repositories(tmp_path: Path) -> None:
    for name in ("one", "two"):
        init(tmp_path / name)
        put(tmp_path / name, ".circleci/config.yml", "out/.circleci/config.yml")
        (tmp_path / name / ".gitignore").write_text("out/\n")
    put(tmp_path, "three/.circleci/config.yml")
    found = discover([tmp_path])
    assert {
        str(repository.root.relative_to(tmp_path)): repository.files
        for repository in found.repositories
    } == {
        "one": (".circleci/config.yml",),
        "two": (".circleci/config.yml",),
        ".": ("three/.circleci/config.yml",),
    }


def test_paths_that_lead_to_nothing_are_told(root: Path) -> None:
    put(root, "a/.circleci/config.yml", "b/main.py")
    assert discover([root / "b", root / "a"]).empty == (root / "b",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_listed_all_the_same(tmp_path: Path) -> None:
    init(tmp_path)
    put(tmp_path, ".circleci/config.yml", "build/.circleci/config.yml")
    (tmp_path / ".gitignore").write_text("build/\n")
    for path in (tmp_path, tmp_path / ".git", *(tmp_path / ".git").rglob("*")):
        os.chown(path, 1234, 1234)
    plain = subprocess.run(["git", "status"], cwd=tmp_path, capture_output=True, check=False)
    assert b"dubious ownership" in plain.stderr
    assert found_in(tmp_path) == [".circleci/config.yml"]


@pytest.mark.parametrize(
    "settings",
    [
        ["update-index", "--split-index"],
        ["sparse-checkout", "set", "--cone", "--sparse-index", ".circleci"],
        ["worktree", "add", "-q", "../linked"],
    ],
    ids=["split index", "sparse index", "linked work tree"],
)
def test_each_way_of_keeping_an_index_is_read(tmp_path: Path, settings: list[str]) -> None:
    root = tmp_path / "one"
    init(root)
    put(root, ".circleci/config.yml", "other/x.yml", "build/.circleci/config.yml")
    (root / ".gitignore").write_text("build/\n")
    for words in (["add", "-A"], ["commit", "-m", "x"], settings):
        git(root, *words)
    linked = tmp_path / "linked"
    work_tree = linked if linked.exists() else root
    put(work_tree, "build/.circleci/config.yml")
    assert found_in(work_tree) == [".circleci/config.yml"]


def test_exclusions_of_this_clone_alone_count(tmp_path: Path) -> None:
    init(tmp_path)
    put(tmp_path, ".circleci/config.yml", "build/.circleci/config.yml")
    (tmp_path / ".git" / "info" / "exclude").write_text("build/\n")
    assert found_in(tmp_path) == [".circleci/config.yml"]


def test_the_variables_of_a_git_hook_do_not_mislead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path / "mine")
    init(tmp_path / "other")
    put(tmp_path / "mine", ".circleci/config.yml")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / ".git" / "index"))
    assert found_in(tmp_path, "mine") == ["mine/.circleci/config.yml"]


def test_the_root_is_where_git_is(tmp_path: Path) -> None:
    init(tmp_path)
    put(tmp_path, "a/b/.circleci/config.yml")
    assert root_of(tmp_path / "a" / "b" / ".circleci" / "config.yml") == tmp_path


def test_the_root_without_git_is_the_folder_that_holds_circleci(tmp_path: Path) -> None:
    put(tmp_path, "a/.circleci/src/jobs/x.yml")
    assert root_of(tmp_path / "a/.circleci/src/jobs/x.yml") == tmp_path / "a"


def test_the_reader_stays_in_the_repository(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    put(root, "Dockerfile", "sub/x")
    put(tmp_path, "secret")
    (root / "link").symlink_to("../secret")
    os.mkfifo(root / "pipe")
    read = reader_of(root)
    assert read("Dockerfile") == read("sub/../Dockerfile") == b"version: 2.1\n"
    for path in ("../secret", str(tmp_path / "secret"), "link", "sub", "gone", "pipe", "a\0b", ""):
        assert read(path) is None


def test_what_cannot_be_read_is_a_failure_not_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    with (tmp_path / "limit.yml").open("wb") as file:
        file.truncate(SIZE_LIMIT)
    with (tmp_path / "large.yml").open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    assert isinstance(read_candidate(tmp_path, "limit.yml"), bytes)
    for path, problem in [
        ("pipe.yml", "not a regular file"),
        ("large.yml", "more than the 8 MB"),
        ("gone.yml", "No such file"),
    ]:
        outcome = read_candidate(tmp_path, path)
        assert isinstance(outcome, Failed)
        assert problem in outcome.problem
