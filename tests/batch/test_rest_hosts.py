"""A campaign on GitLab, Bitbucket and Gitea: real repositories, real HTTP, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from cci_migrate.forges.bitbucket import host as bitbucket_host
from cci_migrate.forges.gitlab import queries
from cci_migrate.forges.gitlab.reading import checks_of_status
from cci_migrate.forges.repository import Checks
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.gitlab_graphql import excerpt
from tests.batch.hosts import is_delivered
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    QUICK,
    Batch,
    branches,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.watching import Canned, Request, always, meanwhile, once, truly

#: The queries of GitLab's GraphQL.
GRAPHQL = ("Owner", "Named", "Files")
#: JSON that none of the hosts answers with.
ODD_BODY: dict[str, Any] = {"id": [], "values": [{}]}


def test_an_owner_from_plan_to_pull_requests(host: RestStandIn, batch: Batch) -> None:
    for name in ("api", "web", "open", "closed"):
        host.add(f"acme/{name}", {CONFIG: PLAIN})
    host.add("acme/docs", {"README": b"x"})
    host.add("acme/empty", None)
    open_one = host.repositories["acme/open"]
    commit_bare(open_one.folder, {CONFIG: FIXED}, BRANCH, base="main")
    host.request(open_one, BRANCH)
    host.request(host.repositories["acme/closed"], BRANCH, "closed")
    batch("plan", host.source, code=1)
    expected = {
        "api": "planned",
        "web": "planned",
        "open": "branch-exists",
        "closed": "closed-by-human",
        "docs": "no-config",
        "empty": "empty",
    }
    assert batch.states() == expected
    assert host.writes() == []

    batch("apply", *QUICK, code=1)
    assert batch.states() == {**expected, "api": "pull-request-open", "web": "pull-request-open"}
    assert all(is_delivered(host.repositories[f"acme/{name}"]) for name in ("api", "web"))
    assert len(host.repositories["acme/closed"].pulls) == 1


@pytest.mark.parametrize(
    ("host", "body"),
    [
        *((kind, ODD_BODY) for kind in (GitLabStandIn, BitbucketStandIn, GiteaStandIn)),
        *((GitLabStandIn, body) for body in ([5], "<html>", None)),
    ],
    indirect=["host"],
)
def test_an_answer_of_another_shape_is_told_in_a_line(
    body: Any, host: RestStandIn, batch: Batch
) -> None:
    repository = host.add("acme/api", {CONFIG: PLAIN})
    host.watch = always(Canned(200, body), host.reading, "Owner", "Named")
    output = batch("plan", f"{host.source}/api", code=None).output
    output += "".join(result["cause"] for result in batch.results().values())
    assert "returned an unexpected answer: " in output
    assert "internal error" not in output
    host.watch = truly
    batch("plan", f"{host.source}/api", code=1)
    host.watch = once(host.opening, Canned(201, body), "after")
    batch("apply", *QUICK)
    assert is_delivered(repository)


def test_a_duplicate_that_somebody_else_made_meanwhile(gitlab: GitLabStandIn, batch: Batch) -> None:
    """The answer to the opening gets lost; another campaign sees that the branch is taken."""
    (repository,) = gitlab.planned(batch, "api")
    other = Batch(batch.folder.parent / "other")
    other("plan", gitlab.source, code=1)
    gitlab.watch = once(gitlab.opening, ConnectionError, "after")
    batch("apply", *QUICK)
    assert is_delivered(repository)
    other("apply", *QUICK, code=1)
    for command in ("close", "revert"):
        other(command, code=1)
    assert is_delivered(repository)
    assert other.states() == {"api": "branch-exists"}
    assert batch.states() == {"api": "pull-request-open"}


def test_a_head_that_moves_meanwhile_is_not_clobbered(host: RestStandIn, batch: Batch) -> None:
    (repository,) = host.planned(batch, "api")
    newer = PLAIN.replace(b"20.1", b"22.0")
    host.watch = meanwhile(host.committing, lambda: commit_bare(repository.folder, {CONFIG: newer}))
    batch("apply", *QUICK, code=None)
    assert content(repository.folder, "main") == newer
    if isinstance(host, GiteaStandIn):
        # There it would begin where the default branch is now.
        assert branches(repository.folder) == ["main"]
        assert "planned again" in batch.results()["api"]["cause"]
        return
    # The branch begins where it was looked at, so merging it keeps what came in between.
    assert content(repository.folder, f"{BRANCH}^") == PLAIN
    assert git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"


@pytest.mark.parametrize(
    ("host", "is_proposed"),
    [
        (GitLabStandIn, False),
        *((kind, True) for kind in (GitLabStandIn, BitbucketStandIn, GiteaStandIn)),
    ],
    indirect=["host"],
)
def test_an_own_branch_is_brought_up_to_date(
    is_proposed: bool, host: RestStandIn, batch: Batch
) -> None:
    (repository,) = host.planned(batch, "api")
    batch("apply", *QUICK)
    if not is_proposed:
        repository.pulls.clear()
    batch("plan", host.source, "--context", "hub", "--again", code=1)
    batch("apply", *QUICK)
    assert b"- hub\n" in content(repository.folder, BRANCH)
    assert git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert len(repository.pulls) == 1


def test_where_an_earlier_campaigns_request_was_merged_the_next_branch_is_taken(
    gitlab: GitLabStandIn, batch: Batch
) -> None:
    (repository,) = gitlab.planned(batch, "api")
    batch("apply", *QUICK)
    repository.merge(BRANCH)
    commit_bare(repository.folder, {CONFIG: PLAIN.replace(b"20.1", b"22.0")})
    other = Batch(batch.folder.parent / "other")
    other("plan", gitlab.source, code=1)
    other("revert", code=1)
    assert (len(repository.pulls), other.states()) == (1, {"api": "planned"})
    other("apply", *QUICK)
    assert branches(repository.folder) == [f"{BRANCH}-2", "main"]
    assert [pull["state"] for pull in repository.pulls] == ["merged", "opened"]
    other("close")
    assert branches(repository.folder) == ["main"]


def test_close_takes_pull_request_and_branch_away(host: RestStandIn, batch: Batch) -> None:
    (repository,) = host.planned(batch, "api")
    batch("apply", *QUICK)
    batch("close")
    assert batch.states() == {"api": "closed"}
    assert branches(repository.folder) == ["main"]
    assert repository.pulls[0]["state"] in ("closed", "DECLINED")


def merge_all(host: RestStandIn, batch: Batch, *names: str) -> None:
    """Have pull requests of some repositories merged, and something else committed later."""
    host.planned(batch, *names)
    batch("apply", *QUICK)
    for repository in host.repositories.values():
        repository.merge(BRANCH)
        commit_bare(repository.folder, {"README": b"later"})


def check_is_reverted(host: RestStandIn, batch: Batch, name: str) -> None:
    """Check that one more pull request puts the config back, and nothing else."""
    repository, back = host.repositories[f"acme/{name}"], f"revert-1-{BRANCH}"
    assert branches(repository.folder) == ["main", back]
    assert content(repository.folder, back) == PLAIN
    assert git(repository.folder, "diff", "--name-only", "main", back) == CONFIG
    assert git(repository.folder, "rev-list", "--count", f"main..{back}") == "1"
    assert len(repository.pulls) == 2
    result = batch.results()[name]
    assert (result["state"], result["cause"][-2:]) == ("reverted", "/2")


def test_a_merged_pull_request_is_reverted_by_one_more(host: RestStandIn, batch: Batch) -> None:
    merge_all(host, batch, "api")
    batch("revert")
    check_is_reverted(host, batch, "api")


def test_a_revert_whose_answer_got_lost_is_made_once(gitlab: GitLabStandIn, batch: Batch) -> None:
    merge_all(gitlab, batch, "web", "cli")
    lost = {"web": gitlab.committing, "cli": gitlab.opening}

    def watch(request: Request) -> Canned | None:
        name = gitlab.concerned(request)
        if request.moment == "after" and request.operation == lost.get(name):
            del lost[name]
            raise ConnectionError
        return None

    gitlab.watch = watch
    batch("revert", code=1)
    assert lost == {}
    batch("revert")
    for name in ("web", "cli"):
        check_is_reverted(gitlab, batch, name)


def test_what_was_changed_since_the_merge_is_not_reverted(
    gitlab: GitLabStandIn, batch: Batch
) -> None:
    (repository,) = gitlab.planned(batch, "api")
    batch("apply", *QUICK)
    repository.merge(BRANCH)
    commit_bare(repository.folder, {CONFIG: FIXED + b"# theirs\n"})
    output = batch("revert", code=1).output
    assert f"{CONFIG} has changed since; revert it by hand" in output
    assert branches(repository.folder) == ["main"]
    assert len(repository.pulls) == 1


def test_the_rest_waits_for_the_canary(host: RestStandIn, batch: Batch) -> None:
    host.planned(batch, "api", "web")
    batch("apply", *QUICK, "--canary", 1, "--max-prs", 1, code=1)
    api, (running, failed, passed) = host.repositories["acme/api"], host.verdicts
    tip = api.tip(BRANCH)
    assert tip
    for status, problem in (
        (None, "CI has not started on"),
        (running, "CI has not finished on"),
        (failed, "CI failed on"),
    ):
        api.statuses.update({tip: status} if status else {})
        output = batch("apply", *QUICK, "--canary", 1, "--canary-wait", 0, code=1).output
        assert problem in output
        assert host.repositories["acme/web"].pulls == []
    api.statuses[tip] = passed
    batch("apply", *QUICK, "--canary", 1)
    assert len(host.repositories["acme/web"].pulls) == 1


def test_the_token_is_in_nothing_that_is_written(host: RestStandIn, batch: Batch) -> None:
    host.add("acme/api", {CONFIG: PLAIN})
    output = batch("plan", host.source, "-v", code=1).output
    for path in batch.folder.rglob("*"):
        assert not path.is_file() or host.token.encode() not in path.read_bytes()
    assert host.token not in output


def test_an_own_pull_request_behind_those_of_forks_is_seen(host: RestStandIn, batch: Batch) -> None:
    repository = host.add("acme/api", {CONFIG: PLAIN})
    host.request(repository, BRANCH, "closed")
    for _ in range(25):
        pull = host.request(repository, BRANCH)
        if "source" in pull:
            pull["source"]["repository"]["full_name"] = "somebody/api"
        elif "head" in pull:
            pull["head"]["repo_id"] = 99
        else:
            pull["source_project_id"] = 99
    batch("plan", host.source, code=None)
    assert batch.states() == {"api": "closed-by-human"}


def test_a_personal_token_of_bitbucket_is_a_name_and_a_password(
    bitbucket: BitbucketStandIn, monkeypatch: pytest.MonkeyPatch, batch: Batch
) -> None:
    bitbucket.token = "ada@example.com:ATATT-0123456789"
    monkeypatch.setenv("BITBUCKET_TOKEN", bitbucket.token)
    repository = bitbucket.add("acme/api", {CONFIG: PLAIN})
    output = batch("plan", bitbucket.source, "-v", code=1).output
    output += batch("apply", *QUICK).output
    assert is_delivered(repository)
    assert "ATATT-0123456789" not in output


def test_a_renamed_repository_is_followed(host: RestStandIn, batch: Batch) -> None:
    repository = host.add("acme/new", {CONFIG: PLAIN})
    host.moved["acme/old"] = "acme/new"
    batch("plan", f"{host.source}/old", code=1)
    batch("apply", *QUICK)
    assert is_delivered(repository)
    assert batch.states() == {"old": "pull-request-open"}


def test_git_gets_the_new_name_of_a_renamed_repository(gitlab: GitLabStandIn, batch: Batch) -> None:
    """Git follows no redirect, and replaces branches."""
    repository = gitlab.add("acme/new", {CONFIG: PLAIN})
    gitlab.moved["acme/old"] = "acme/new"
    for context in ("hub", "registries"):
        batch("plan", "gitlab:acme/old", "--context", context, "--again", code=1)
        batch("apply", *QUICK)
    assert b"- registries\n" in content(repository.folder, BRANCH)


def test_names_of_bitbucket_are_compared_without_case(
    bitbucket: BitbucketStandIn, tmp_path: Path, batch: Batch
) -> None:
    repository = bitbucket.add("acme/api", {CONFIG: PLAIN}, full_name="Acme/API")
    sources = tmp_path / "sources"
    sources.write_text("bitbucket:acme\nbitbucket:Acme/Api\n")
    batch("plan", f"@{sources}", code=1)
    batch("apply", *QUICK)
    assert batch.states() == {"api": "pull-request-open"}  # once, not twice
    assert is_delivered(repository)
    pull = repository.pulls[0]
    pull["state"], pull["source"]["repository"]["full_name"] = "DECLINED", "ACME/api"
    other = Batch(batch.folder.parent / "other")
    other("plan", "bitbucket:ACME/api")
    assert other.states() == {"api": "closed-by-human"}


def test_a_project_that_may_be_read_later_is_planned_then(host: RestStandIn, batch: Batch) -> None:
    host.add("acme/api", {CONFIG: PLAIN})
    forbidden = Canned(403, {"message": "Forbidden", "error": {"message": "Forbidden"}})
    host.watch = always(forbidden, host.reading, "Owner", "Named")
    batch("plan", f"{host.source}/api", code=None)
    assert batch.states() == {"api": "no-permission"}
    host.watch = truly
    batch("plan", f"{host.source}/api", code=1)
    assert batch.states() == {"api": "planned"}


def test_few_repositories_on_bitbucket_are_observed_by_the_api_and_many_by_git(
    bitbucket: BitbucketStandIn, monkeypatch: pytest.MonkeyPatch, batch: Batch
) -> None:
    nested = "services/api/.circleci/config.yml"
    extra = {f".circleci/jobs/{number}.yml": b"a: 1\n" for number in range(12)}
    bitbucket.add("acme/api", {CONFIG: PLAIN, nested: PLAIN})
    bitbucket.add("acme/big", {CONFIG: PLAIN, **extra})
    bitbucket.add("acme/docs", {"README": b"x"})
    bitbucket.add("acme/taken", {CONFIG: PLAIN})
    commit_bare(bitbucket.repositories["acme/taken"].folder, {"x": b"1"}, BRANCH, base="main")
    odd = bitbucket.add("acme/odd", {"README": b"x"})
    commit_bare(odd.folder, {CONFIG: PLAIN}, mode="100755")
    batch("plan", "bitbucket:acme/api", code=1)
    assert bitbucket.requests == 0
    assert sorted(bitbucket.operations) == [
        *("GET branches", "GET pullrequests", "GET repositories", "GET src", "GET src")
    ]
    by_api = Batch(batch.folder.parent / "by-api")
    by_api("plan", bitbucket.source, code=1)
    assert bitbucket.requests < 10  # what the branch of acme/taken has
    monkeypatch.setattr(bitbucket_host, "FEW", 3)
    bitbucket.operations.clear()
    before = bitbucket.requests
    by_git = Batch(batch.folder.parent / "by-git")
    by_git("plan", bitbucket.source, code=1)
    assert bitbucket.requests - before > 5 * 3
    assert set(bitbucket.operations) == {"GET repositories", "GET pullrequests"}
    results = [
        {name: (result["state"], result["head"]) for name, result in campaign.results().items()}
        for campaign in (by_api, by_git)
    ]
    assert results[0] == results[1]


def test_on_bitbucket_git_shows_where_links_lead(bitbucket: BitbucketStandIn, batch: Batch) -> None:
    for name, link, target in (
        ("file", CONFIG, b"../ci/config.yml"),
        ("folder", ".circleci", b"ci"),
    ):
        repository = bitbucket.add(f"acme/{name}", {"ci/config.yml": PLAIN})
        commit_bare(repository.folder, {link: target}, mode="120000")
    batch("plan", bitbucket.source, code=1)
    batch("apply", *QUICK)
    for repository in bitbucket.repositories.values():
        assert content(repository.folder, BRANCH, "ci/config.yml") == FIXED


class BelowAPath(GitLabStandIn):
    """A GitLab with a relative URL root (https://docs.gitlab.com/install/relative_url/)."""

    prefix = "/gitlab/api/v4"


@pytest.mark.parametrize("forge", [BelowAPath], indirect=True)
def test_a_gitlab_below_a_path_is_used_there(forge: BelowAPath, batch: Batch) -> None:
    """By the API, and by git where a file has an odd mode."""
    repository = forge.add("acme/api", {"README": b"x"})
    commit_bare(repository.folder, {CONFIG: PLAIN}, mode="100755")
    (forge.root / "gitlab").symlink_to(forge.root)
    batch("plan", forge.source, code=1)
    batch("apply", *QUICK)
    assert git(repository.folder, "ls-tree", BRANCH, "--", CONFIG).startswith("100755 ")


def test_a_project_that_the_role_cannot_read_is_no_permission(
    gitlab: GitLabStandIn, batch: Batch
) -> None:
    """A guest sees a private project, and neither its default branch nor its files."""
    guest = {"project_access": {"access_level": 10}, "group_access": None}
    gitlab.add("acme/theirs", {CONFIG: PLAIN}, permissions=guest, default_branch=None)
    gitlab.add("acme/moved", {CONFIG: PLAIN}, default_branch="trunk")
    gitlab.watch = always(Canned(404, {}), *GRAPHQL)
    batch("plan", "gitlab:acme", code=3)
    assert batch.states() == {"theirs": "no-permission", "moved": "failed"}
    assert "the default branch does not exist" in batch.results()["moved"]["cause"]


def test_a_persons_projects_are_listed_without_graphql(gitlab: GitLabStandIn, batch: Batch) -> None:
    gitlab.add("ada/api", {CONFIG: PLAIN})
    gitlab.people = ("ada",)
    gitlab.watch = always(Canned(404, {}), *GRAPHQL)
    batch("plan", "gitlab:ada", code=1)
    assert batch.states() == {"api": "planned"}
    assert "404 Not Found" in batch("plan", "gitlab:nobody", code=3).output


# -- GitLab's GraphQL


def test_a_pipeline_in_which_nothing_ran_has_not_passed() -> None:
    assert checks_of_status("skipped") is Checks.NONE
    assert checks_of_status("manual") is Checks.PASSED


def test_every_query_fits_the_excerpt_of_the_schema() -> None:
    for text in (queries.OWNER, queries.NAMED, queries.FILES):
        assert validate(excerpt(), parse(text)) == []


def test_a_group_is_seen_forty_projects_a_request(gitlab: GitLabStandIn, batch: Batch) -> None:
    for at in range(43):
        gitlab.add(f"acme/team/r{at}", {CONFIG: PLAIN})
    batch("plan", "gitlab:acme", "--dry-run", code=1)
    dry, gitlab.operations[:] = list(gitlab.operations), []
    batch("plan", "gitlab:acme", code=1)
    assert dry == gitlab.operations == ["Owner", "Owner"]
    assert set(batch.states().values()) == {"planned"}
    assert len(batch.states()) == 43


def test_what_a_group_says_of_its_projects(gitlab: GitLabStandIn, batch: Batch) -> None:
    gitlab.add("acme/old", {CONFIG: PLAIN}, archived=True)
    gitlab.add("acme/copy", {CONFIG: PLAIN}, forked_from_project={"id": 1})
    reporter = {"project_access": {"access_level": 20}, "group_access": None}
    gitlab.add("acme/theirs", {CONFIG: PLAIN}, permissions=reporter)
    expected = {"old": "archived", "copy": "excluded", "theirs": "no-permission"}
    batch("plan", "gitlab:acme", code=1)
    assert gitlab.operations == ["Owner"]
    assert batch.states() == expected
    gitlab.watch = always(Canned(403, {"message": "403 Forbidden"}), "Owner")
    other = Batch(batch.folder.parent / "other")
    other("plan", "gitlab:acme", code=1)
    assert other.states() == expected
    assert set(gitlab.operations[1:]) > {"Owner", "GET projects", "GET merge_requests"}


TOO_COMPLEX = {
    "errors": [{"message": "Query has complexity of 300, which exceeds max complexity of 250"}]
}
MISFIT = {
    "errors": [
        {"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}},
    ]
}


@pytest.mark.parametrize("overloaded", [Canned(502, {}), Canned(200, TOO_COMPLEX)])
def test_an_overloaded_scan_asks_for_less_until_it_gets_answers(
    overloaded: Canned, gitlab: GitLabStandIn, batch: Batch
) -> None:
    for at in range(12):
        gitlab.add(f"acme/r{at}", {CONFIG: FIXED})
    sizes = []

    def watch(request: Request) -> Canned | None:
        if request.operation == "Owner" and request.moment == "before":
            sizes.append(request.variables["first"])
            return overloaded if sizes[-1] > 5 else None
        return None

    gitlab.watch = watch
    batch("plan", "gitlab:acme")
    assert sizes[:4] == [40, 20, 10, 5]
    assert set(gitlab.operations) == {"Owner"}
    assert len(batch.states()) == 12


def broken(path: list[Any]) -> dict[str, Any]:
    """One of the errors of a partial answer."""
    return {"message": "Timeout on Repository.blobs", "path": path}


def test_what_is_missing_in_an_answer_is_asked_of_the_rest_api(
    gitlab: GitLabStandIn, batch: Batch
) -> None:
    for name in ("api", "web", "cli"):
        gitlab.add(f"acme/{name}", {CONFIG: PLAIN})

    def watch(request: Request) -> Canned | None:
        """Of acme/web, GraphQL never shows the repository."""
        if request.moment == "before" or request.operation not in ("Owner", "Named"):
            return None
        holder = request.body["data"].get("namespace") or request.body["data"]
        nodes = holder["projects"]["nodes"]
        at = next((at for at, node in enumerate(nodes) if node["fullPath"] == "acme/web"), None)
        if at is None:
            return None
        nodes[at]["repository"] = None
        path = ["namespace", "projects", "nodes", at, "repository"]
        path = path if request.operation == "Owner" else path[1:]
        return Canned(200, {**request.body, "errors": [broken(path)]})

    gitlab.watch = watch
    batch("plan", "gitlab:acme", code=1)
    assert gitlab.operations[:3] == ["Owner", "Named", "GET projects"]
    assert set(batch.states().values()) == {"planned"}
    batch("apply", *QUICK)
    assert all(is_delivered(repository) for repository in gitlab.repositories.values())


@pytest.mark.parametrize(
    "canned",
    [
        Canned(200, MISFIT),
        Canned(404, {"message": "404 Not Found"}),
        Canned(200, TOO_COMPLEX),
        Canned(502, {}),
        Canned(200, {"data": {"namespace": {"projects": 1}, "projects": 1, "project": 1}}),
        Canned(200, {"data": {"namespace": {"projects": {"pageInfo": {}}}}}),
    ],
    ids=["another schema", "switched off", "too complex at any size", "down", "odd", "cut"],
)
def test_without_graphql_the_rest_api_shows_the_same(
    canned: Canned, gitlab: GitLabStandIn, batch: Batch
) -> None:
    files = {f".circleci/{name}.yml": PLAIN for name in ("config", "extra", "more")}
    for name in ("api", "sub/web"):
        gitlab.add(f"acme/{name}", files)
    gitlab.add("acme/docs", {"README": b"x"})
    gitlab.add("acme/empty", None)
    taken = gitlab.add("acme/taken", {CONFIG: PLAIN})
    commit_bare(taken.folder, {"x": b"theirs"}, BRANCH, base="main")
    gitlab.watch = always(canned, *GRAPHQL)
    batch("plan", "gitlab:acme", code=1)
    assert batch.states() == {
        **dict.fromkeys(("api", "web"), "planned"),
        "docs": "no-config",
        "empty": "empty",
        "taken": "branch-exists",
    }
    for repository in gitlab.repositories.values():
        name = repository.name.rpartition("/")[2]
        assert batch.results()[name]["head"] == (repository.tip("main") or "")


def test_without_graphql_all_files_are_delivered(gitlab: GitLabStandIn, batch: Batch) -> None:
    files = {f".circleci/{name}.yml": PLAIN for name in ("config", "extra", "more")}
    repository = gitlab.add("acme/api", files)
    gitlab.watch = always(Canned(404, {}), *GRAPHQL)
    batch("plan", "gitlab:acme", code=1)
    batch("apply", *QUICK)
    for path in files:
        assert content(repository.folder, BRANCH, path) == FIXED


def test_what_is_named_is_looked_at_in_one_request(
    gitlab: GitLabStandIn, batch: Batch, tmp_path: Path
) -> None:
    names = [f"r{at}" for at in range(12)]
    for name in names:
        gitlab.add(f"acme/{name}", {CONFIG: FIXED})
    listing = tmp_path / "list"
    listing.write_text("".join(f"gitlab:acme/{name}\n" for name in (*names, "gone")))
    batch("plan", f"@{listing}", code=3)
    assert gitlab.operations == ["Named", "GET projects"]
    states = batch.states()
    assert states.pop("gone") == "failed"
    assert set(states.values()) == {"nothing-to-do"}
    assert "404 Project Not Found" in batch.results()["gone"]["cause"]


def test_configs_below_the_root_are_seen_on_request(gitlab: GitLabStandIn, batch: Batch) -> None:
    nested = "services/api/.circleci/config.yml"
    many = {f"src/{at}.py": b"1\n" for at in range(120)}
    repository = gitlab.add("acme/mono", {CONFIG: PLAIN, nested: PLAIN, **many})
    batch("plan", "gitlab:acme", "--nested", code=1)
    assert gitlab.operations == ["Owner", "GET tree", "GET tree", "GET raw"]
    batch("apply", *QUICK)
    changed = git(repository.folder, "diff", "--name-only", "main", BRANCH).splitlines()
    assert changed == [CONFIG, nested]
