"""Configs behind symbolic links: followed within the repository, refused where they leave it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import Struct

from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.forges.config_listing import Links, find_configs
from tests.batch.git_server import GitServer
from tests.batch.hosts import HOSTS, served
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    bare,
    commit_bare,
    content,
    git,
)

#: Links by their paths, in repositories with a config at ci/config.yml.
REPOSITORIES = {
    "file": {CONFIG: "../ci/config.yml"},
    "folder": {".circleci": "ci"},
    "chain": {CONFIG: "link.yml", ".circleci/link.yml": "../parts/config.yml", "parts": "ci"},
    "outside": {CONFIG: "../../../outside.yml"},
    "absolute": {".circleci": "/etc"},
    "dangling": {CONFIG: "nowhere"},
    "loop": {CONFIG: "config.yml"},
}
FOLLOWED = ("file", "folder", "chain")
STATES = {
    "outside": "refused",
    "absolute": "refused",
    "dangling": "broken-config",
    "loop": "broken-config",
}


class Place(Struct):
    """Where the repositories are: each by its name, and how a campaign is told of them."""

    folders: Mapping[str, Path]
    sources: Callable[[], tuple[object, ...]]
    end: str
    options: tuple[str, ...] = ()


@pytest.fixture(params=["in-place", "branch", "git", "github", "gitlab"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The repositories in one of the places where they can be.

    A few of them in a checkout's commits, which are read as those of a URL.
    """
    root = tmp_path / "served"
    root.mkdir()
    files = {"ci/config.yml": PLAIN}
    kind = request.param
    if kind in {"in-place", "branch", "git"}:
        names = ("folder", "outside", "file") if kind == "branch" else REPOSITORIES
        folders = {name: bare(root / f"{name}.git", files) for name in names}
        if kind == "git":
            with GitServer.serving(root) as server:
                urls = tuple(server.url(f"{name}.git") for name in REPOSITORIES)
                yield Place(folders, lambda: urls, "changed")
            return
        clones = {name: tmp_path / "checkouts" / name for name in names}

        def cloned() -> tuple[Path]:
            for name, folder in clones.items():
                git(tmp_path, "clone", "--quiet", str(folders[name]), str(folder))
            return (tmp_path / "checkouts",)

        yield Place(folders, cloned, "changed", ("--local", kind))
        return
    with served(HOSTS[kind], tmp_path, monkeypatch) as host:
        folders = {name: host.add(f"acme/{name}", files).folder for name in REPOSITORIES}
        yield Place(folders, lambda: (host.source,), "pull-request-open")


def test_links_mean_the_same_wherever_a_repository_is(
    place: Place, tmp_path: Path, batch: Batch, request: pytest.FixtureRequest
) -> None:
    for name, folder in place.folders.items():
        texts = {path: text.encode() for path, text in REPOSITORIES[name].items()}
        commit_bare(folder, texts, mode="120000")
    batch("plan", *place.sources(), code=1)
    diff = batch("diff", "file").output
    assert "--- a/ci/config.yml" in diff
    batch("apply", "--seconds-between", 0, "--canary", 0, *place.options, code=1)
    expected = {**dict.fromkeys(FOLLOWED, place.end), **STATES}
    if "gitlab" in request.node.name:
        # The listing of a folder that is a link is empty.
        expected |= {"folder": "no-config", "absolute": "no-config"}
    assert batch.states() == {name: expected[name] for name in place.folders}
    for name in FOLLOWED:
        if batch.states().get(name) != place.end:
            continue
        if "in-place" in place.options:
            checkout = tmp_path / "checkouts" / name
            assert (checkout / "ci" / "config.yml").read_bytes() == FIXED
            assert (checkout / ".circleci" / "config.yml").read_bytes() == FIXED
            assert git(checkout, "diff", "--name-only") == "ci/config.yml"
            continue
        folder = tmp_path / "checkouts" / name if place.options else place.folders[name]
        assert content(folder, BRANCH, "ci/config.yml") == FIXED
        assert git(folder, "diff", "--name-only", "main", BRANCH) == "ci/config.yml"
    if "in-place" in place.options:
        batch("revert", "file", code=None)
        assert (tmp_path / "checkouts/file/ci/config.yml").read_bytes() == PLAIN


def test_where_a_link_leads() -> None:
    links = {"a": "b/../c", "b": "d", "up": "../x", "root": "/x", "git": ".git/x", "me": "me"}
    modes = {**dict.fromkeys(links, "120000"), "c/x.yml": "100644", "d/y.yml": "100755"}

    def lead(path: str) -> str | Refused | Failed:
        return Links(modes, lambda link: links[link].encode()).real_path(path)

    assert lead("a/x.yml") == "c/x.yml"
    assert lead("b") == "d"
    assert lead("c/../d/./y.yml") == "d/y.yml"
    for path in ("up", "root", "git", "../x"):
        assert isinstance(lead(path), Refused), path
    for path in ("me", "nowhere", "c/z.yml"):
        assert isinstance(lead(path), Failed), path


def test_a_link_to_a_script_is_nobodys_business() -> None:
    modes = {".circleci/run.sh": "120000", ".circleci/config.yml": "100644"}
    configs = find_configs(modes, lambda _: b"/usr/bin/run")
    assert (dict(configs.modes), configs.problems) == ({".circleci/config.yml": "100644"}, ())


def test_many_links_and_orbs_are_as_much_work_as_there_are() -> None:
    def work_on(count: int) -> int:
        links = {f".circleci/{n}": "120000" for n in range(count)}
        files = {f"{folder}/{n}.yml": "100644" for n in range(count) for folder in ("ci", "other")}
        orbs = {f"o{n}/@orb.yml": "100644" for n in range(count)}
        calls = 0

        def note(*_: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            configs = find_configs({**links, **files, **orbs}, lambda _: b"../ci")
        finally:
            sys.setprofile(before)
        assert len(configs.modes) == 2 * count
        return calls

    assert work_on(400) < 2.6 * work_on(200)


def test_so_many_links_are_read_and_the_others_are_reported() -> None:
    links = {f".circleci/{n:03}.yml": "120000" for n in range(210)}
    read = []

    def target(link: str) -> bytes:
        read.append(link)
        return b"config.yml"

    configs = find_configs({**links, ".circleci/config.yml": "100644"}, target)
    assert len(read) == 200
    assert len(configs.problems) == 10
    assert "more than 200 links" in str(configs.problems[0])
