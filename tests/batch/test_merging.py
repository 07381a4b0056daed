"""Merging a campaign's own pull requests, on each kind of host."""

from __future__ import annotations

import pytest

from tests.batch.clocks import QuickClock
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn, Pull
from tests.batch.hosts import delivered, opened
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    PLAIN,
    QUICK,
    Batch,
    branches,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request, meanwhile, once, truly

NO_CANARY = ("--canary", 0)


def green(github: GitHubStandIn, batch: Batch, *names: str) -> dict[str, Pull]:
    """Approved pull requests whose CI passed."""
    delivered(github, batch, *names)
    for repository in github.repositories.values():
        repository.otherwise = "SUCCESS"
        repository.pulls[0].decision = "REVIEW_REQUIRED"
        repository.pulls[0].approve()
    return {name: github.repositories[f"acme/{name}"].pulls[0] for name in names}


def break_base(github: GitHubStandIn, pull: Pull, verdict: str = "FAILURE") -> None:
    """Have CI say ``verdict`` of the base once ``pull`` is merged."""

    def say() -> None:
        pull.repository.statuses[pull.merge_commit] = verdict

    github.watch = meanwhile("Merge", say, "after")


def test_only_what_is_approved_green_and_the_campaigns_own_is_merged(
    github: GitHubStandIn, batch: Batch
) -> None:
    names = ("ready", "theirs", "nameless", "draft", "red", "running", "asked", "blocked", "free")
    pulls = green(github, batch, *names)
    commit_bare(github.repositories["acme/theirs"].folder, {"x": b"a commit of theirs"}, BRANCH)
    pulls["nameless"].body = "Rewritten by somebody."
    pulls["draft"].draft = True
    github.repositories["acme/red"].otherwise = "FAILURE"
    github.repositories["acme/running"].otherwise = "PENDING"
    pulls["asked"].decision, pulls["asked"].status = "REVIEW_REQUIRED", "BLOCKED"
    pulls["blocked"].status = "BLOCKED"
    pulls["free"].decision, pulls["free"].opinions = None, {}
    output = batch("merge-when-green", "-v", *QUICK, code=1).output
    assert {name for name, pull in pulls.items() if pull.state == "MERGED"} == {"ready"}
    assert pulls["ready"].method == "MERGE"
    assert b"docker-hub-creds" in content(github.repositories["acme/ready"].folder, "main")
    assert "acme/theirs: pull-request-open (somebody else committed to its branch" in output
    assert "acme/nameless: pull-request-open (does not name this campaign any more" in output
    assert "acme/free: pull-request-open (waits for review; nobody is asked)" in output
    assert batch.states()["ready"] == "pull-request-merged"
    assert github.writes() == ["Merge"]
    batch("merge-when-green", "free", "--unreviewed", *QUICK, code=0)
    assert pulls["free"].state == "MERGED"


def test_a_dry_run_merges_nothing(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "api", "web")
    pulls["web"].decision, pulls["web"].can_auto_merge = "REVIEW_REQUIRED", True
    output = batch("merge-when-green", "--dry-run", code=1).output
    assert "acme/api: pull-request-open (would be merged)" in output
    assert "acme/web: pull-request-open (the host would be asked to merge it)" in output
    assert github.writes() == []


@pytest.mark.parametrize(("method", "merged_by"), [("squash", "SQUASH"), ("rebase", "REBASE")])
def test_the_method_is_the_users_choice(
    method: str, merged_by: str, github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "api")
    batch("merge-when-green", "--method", method, *QUICK)
    assert pulls["api"].method == merged_by


def test_the_usual_method_is_the_repositorys(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "api")
    github.repositories["acme/api"].methods = ("SQUASH",)
    batch("merge-when-green", *QUICK)
    assert pulls["api"].method == "SQUASH"


def test_a_commit_that_arrives_before_the_merge_is_not_merged(
    github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "api")
    repository = github.repositories["acme/api"]
    github.watch = meanwhile(
        "Merge", lambda: commit_bare(repository.folder, {"x": b"a commit of theirs"}, BRANCH)
    )
    output = batch("merge-when-green", "-v", *QUICK, code=1).output
    assert pulls["api"].state == "OPEN"
    assert "somebody else committed to its branch; merge it by hand" in output


@pytest.mark.parametrize("verdict", ["FAILURE", "PENDING", None, "SUCCESS"])
def test_the_rest_waits_for_ci_of_the_canarys_base(
    verdict: str | None, github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    pulls = green(github, batch, "a", "b", "c")
    break_base(github, pulls["a"], verdict or "")
    passes = verdict == "SUCCESS"
    output = batch("merge-when-green", "--canary", 1, *QUICK, code=0 if passes else 1).output
    states = [pull.state for pull in pulls.values()]
    assert states == (["MERGED"] * 3 if passes else ["MERGED", "OPEN", "OPEN"])
    if verdict == "FAILURE":
        assert "stopped with 2 left to merge: CI of the base failed after" in output
        # A later run does not begin with another canary.
        batch("merge-when-green", "--canary", 1, *QUICK, code=1)
        assert pulls["b"].state == "OPEN"
        batch("merge-when-green", *NO_CANARY, *QUICK)
        assert pulls["c"].state == "MERGED"
    elif not passes:
        assert 1790 < sum(clock.slept) < 1810
        assert "; run it again later, or continue with --canary 0" in output


@pytest.mark.parametrize("wait", [("--canary", 1), (*NO_CANARY, "--per-hour", 1)])
def test_what_changes_during_a_wait_is_seen(
    wait: tuple[object, ...], github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    pulls = green(github, batch, "a", "b")
    clock.sleep(4000)
    before = sum(clock.slept)
    for pull in pulls.values():
        pull.decision = None  # no rule requires a review

    def watch(request: Request) -> Canned | None:
        statuses = github.repositories["acme/a"].statuses
        if request.operation == "Merge" and request.moment == "after":
            statuses[pulls["a"].merge_commit] = "PENDING"
        elif request.operation == "BaseChecks" and sum(clock.slept) > before + 120:
            statuses[pulls["a"].merge_commit] = "SUCCESS"
        if sum(clock.slept) > before + 60:
            pulls["b"].opinions = {"ada": "CHANGES_REQUESTED"}
        return None

    github.watch = watch
    output = batch("merge-when-green", "-v", *wait, *QUICK, code=1).output
    assert "waits for author campaigner: changes requested" in output
    assert [pull.state for pull in pulls.values()] == ["MERGED", "OPEN"]


def test_a_base_that_was_red_before_stops_nothing(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "a", "b")
    for repository in github.repositories.values():
        repository.statuses[str(repository.tip("main"))] = "FAILURE"
    break_base(github, pulls["a"])
    batch("merge-when-green", "--canary", 1, *QUICK)
    assert [pull.state for pull in pulls.values()] == ["MERGED", "MERGED"]


def test_the_host_is_asked_to_merge_what_only_lacks_a_review(
    github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "green", "running", "closed", "queue")
    for name in ("green", "running", "closed"):
        pulls[name].decision, pulls[name].opinions = "REVIEW_REQUIRED", {}
        pulls[name].status = "BLOCKED"
    pulls["green"].can_auto_merge = pulls["running"].can_auto_merge = True
    # GitHub merges once the rules allow, and a rule need not require this CI.
    github.repositories["acme/running"].otherwise = "PENDING"
    pulls["queue"].has_queue = pulls["queue"].can_auto_merge = True
    output = batch("merge-when-green", *QUICK, code=1).output
    assert "2 more can be merged by their host, once the CI of the first merges is known" in output
    assert github.writes() == []
    batch("merge-when-green", "--no-auto-merge", *NO_CANARY, *QUICK, code=1)
    assert github.writes() == ["AutoMerge"]
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert {name for name, pull in pulls.items() if pull.auto_merge} == {"green", "queue"}
    assert {pull.state for pull in pulls.values()} == {"OPEN"}
    before = len(github.writes())
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert len(github.writes()) == before


@pytest.mark.parametrize("command", ["apply", "merge-when-green", "close", "revert"])
def test_a_pace_is_a_number(command: str, batch: Batch) -> None:
    for value in ("nan", "inf"):
        output = batch(command, "--seconds-between", value, code=2).output
        assert f"{value} is not a number up to 1,000,000" in output


def test_equal_refusals_stop_the_run(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, *"abcde")
    for repository in github.repositories.values():
        repository.methods = ("MERGE",)
    output = batch("merge-when-green", "--method", "squash", *QUICK, code=3).output
    assert github.writes() == ["Merge"] * 3
    assert (
        "stopped after 3 failures of the same kind in a row (merge refused: Squash commits are not "
        "allowed on this repository.). Change --method, or see what rule of the repositories "
        "refuses the merge, then run it again; 2 more are waiting"
    ) in output
    assert {pull.state for pull in pulls.values()} == {"OPEN"}
    # What was refused is tried again.
    batch("merge-when-green", *NO_CANARY, *QUICK)
    assert {pull.state for pull in pulls.values()} == {"MERGED"}


def test_a_token_that_may_not_merge_is_not_tried(github: GitHubStandIn, batch: Batch) -> None:
    green(github, batch, "api")
    github.repositories["acme/api"].permission = "TRIAGE"
    output = batch("merge-when-green", "-v", *QUICK, code=1).output
    assert "the token can't merge it" in output
    assert github.writes() == []


def test_a_pull_request_with_another_base_is_not_merged(
    github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "api", "queue", "merged")
    for pull in pulls.values():
        git(pull.repository.folder, "branch", "scratch", "main")
        pull.base = "scratch"
    pulls["queue"].has_queue = pulls["queue"].can_auto_merge = True
    pulls["merged"].state = "MERGED"
    output = batch("merge-when-green", "-v", *QUICK, code=1).output
    waits = "author campaigner: its base is scratch, planned for main"
    assert f"acme/api: pull-request-open (waits for {waits})" in output
    assert github.writes() == []
    assert batch.results()["api"]["review"]["waits_for"] == "base"
    assert "2 open: 2 with another base" in batch("status", code=1).output
    merged = batch.results()["merged"]
    assert merged["state"] == "needs-decision"
    assert merged["cause"].endswith("is merged into scratch, not into main")
    pulls["api"].base = "main"
    batch("merge-when-green", *QUICK, code=1)
    assert pulls["api"].state == "MERGED"


def test_a_new_plan_keeps_the_canary_of_merges(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "a", "b")
    break_base(github, pulls["a"])
    batch("merge-when-green", "--canary", 1, *QUICK, code=1)
    for state in ("pull-request-merged", "needs-decision"):
        batch("plan", "github:acme", "--again", code=None)
        assert batch.states()["a"] == state
        output = batch("merge-when-green", "--canary", 1, *QUICK, code=1).output
        assert "stopped with 1 left to merge: CI of the base failed after" in output
        commit_bare(github.repositories["acme/a"].folder, {CONFIG: PLAIN})
    assert pulls["b"].state == "OPEN"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_merging_the_next_run_ends_alike(
    moment: str, github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "a", "b")
    kill_at(
        github, batch, "merge-when-green", "--canary", 1, *QUICK, operation="Merge", moment=moment
    )
    batch("merge-when-green", "--canary", 1, *QUICK)
    assert [pull.state for pull in pulls.values()] == ["MERGED", "MERGED"]
    assert set(batch.states().values()) == {"pull-request-merged"}


def test_a_lost_answer_to_a_merge_is_read_again(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "a")
    github.watch = once("Merge", ConnectionError, "after")
    batch("merge-when-green", *QUICK)
    assert pulls["a"].state == "MERGED"
    assert batch.states() == {"a": "pull-request-merged"}
    assert github.writes() == ["Merge"]


def test_merges_have_a_pace_and_a_limit(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    pulls = green(github, batch, "a", "b", "c")
    clock.sleep(4000)
    before = sum(clock.slept)
    batch("merge-when-green", *NO_CANARY, "--per-hour", 1, "--max-merges", 2, code=1)
    assert [pull.state for pull in pulls.values()] == ["MERGED", "MERGED", "OPEN"]
    assert 3590 < sum(clock.slept) - before < 3610
    clock.sleep(4000)
    before = sum(clock.slept)
    github.repositories["acme/c"].pulls[0].approve()
    batch("merge-when-green", *NO_CANARY, "--seconds-between", 50)
    assert sum(clock.slept) - before < 1


def test_other_hosts_merge_what_is_approved_and_green(host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, *"abcde")
    for name in "abcd":
        repositories[name].review.approve()
    commit_bare(repositories["b"].folder, {"x": b"a commit of theirs"}, BRANCH)
    repositories["c"].otherwise = host.verdicts.failed
    repositories["d"].review.is_draft = True
    batch("merge-when-green", "--no-auto-merge", *QUICK, code=1)
    merged = {name for name, repository in repositories.items() if repository.review.merge_commit}
    assert merged == {"a"}
    assert b"docker-hub-creds" in content(repositories["a"].folder, "main")
    # As the repository usually does it.
    assert repositories["a"].review.method == (
        "merge" if isinstance(host, GitLabStandIn) else "squash"
    )
    assert batch.states()["a"] == "pull-request-merged"
    assert len([name for name in host.operations if name.endswith(" merge")]) == 1


def test_other_hosts_do_not_merge_a_commit_that_arrives_meanwhile(
    host: RestStandIn, batch: Batch
) -> None:
    repository = opened(host, batch, "a")["a"]
    repository.review.approve()
    # Bitbucket takes no commit's id with the merge.
    before = "GET branches" if isinstance(host, BitbucketStandIn) else " merge"
    host.watch = meanwhile(
        before, lambda: commit_bare(repository.folder, {"x": b"a commit of theirs"}, BRANCH)
    )
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert repository.review.merge_commit is None
    assert "somebody else committed to its branch" in batch.results()["a"]["cause"]


def test_other_hosts_do_not_merge_into_another_base(host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, "a", "b")
    for repository in repositories.values():
        repository.review.approve()
        git(repository.folder, "branch", "scratch", "main")
    repositories["a"].review.base = "scratch"

    def watch(request: Request) -> Canned | None:
        # Bitbucket is asked for the pull request once more before the merge.
        if request.operation == "GET pullrequests" and request.moment == "after":
            repositories["b"].review.base = "scratch"
        return None

    host.watch = watch
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert repositories["a"].review.merge_commit is None
    assert "its base is scratch, planned for main" in batch.results()["a"]["review"]["text"]
    if isinstance(host, BitbucketStandIn):
        assert repositories["b"].review.merge_commit is None
        assert batch.results()["b"]["review"]["waits_for"] == "base"


def test_other_hosts_have_a_canary_too(gitlab: GitLabStandIn, batch: Batch) -> None:
    repositories = opened(gitlab, batch, "a", "b")
    for repository in repositories.values():
        repository.review.approve()

    def watch(request: Request) -> Canned | None:
        if request.operation.endswith(" merge") and request.moment == "after":
            merge_commit = str(repositories["a"].review.merge_commit)
            repositories["a"].statuses[merge_commit] = gitlab.verdicts.failed
        return None

    gitlab.watch = watch
    output = batch("merge-when-green", "--canary", 1, *QUICK, code=1).output
    assert "stopped with 1 left to merge: CI of the base failed after" in output
    assert branches(repositories["b"].folder) == [BRANCH, "main"]


def test_killed_after_a_merge_on_other_hosts_the_next_run_ends_alike(
    gitlab: GitLabStandIn, batch: Batch
) -> None:
    repositories = opened(gitlab, batch, "a", "b")
    for repository in repositories.values():
        repository.review.approve()
    kill_at(gitlab, batch, "merge-when-green", *QUICK, operation=" merge")
    batch("merge-when-green", *QUICK)
    assert set(batch.states().values()) == {"pull-request-merged"}


@pytest.mark.parametrize(
    ("host", "answer"),
    [(GitLabStandIn, 502), *((k, 403) for k in (GitLabStandIn, BitbucketStandIn, GiteaStandIn))],
    indirect=["host"],
)
def test_other_hosts_refuse_a_merge(answer: int, host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, *"abcd")
    for repository in repositories.values():
        repository.review.approve()

    def watch(request: Request) -> Canned | None:
        if request.operation.endswith(" merge") and request.moment == "before":
            return Canned(answer, {"message": "no", "error": {"message": "no"}})
        return None

    host.watch = watch
    output = batch("merge-when-green", *QUICK, code=3).output
    assert "stopped after 3 failures of the same kind in a row" in output
    assert "1 more are waiting" in output
    host.watch = truly
    batch("merge-when-green", *NO_CANARY, *QUICK)
    assert set(batch.states().values()) == {"pull-request-merged"}


@pytest.mark.parametrize("host", [GitLabStandIn], ids=["gitlab"], indirect=True)
def test_gitlab_is_asked_to_merge_what_waits_for_its_pipeline(
    host: RestStandIn, batch: Batch
) -> None:
    repositories = opened(host, batch, "running", "none", "unreviewed")
    for name, status in {"running": "running", "none": None, "unreviewed": "success"}.items():
        repositories[name].otherwise = status
    for name in ("running", "none"):
        repositories[name].review.approve()
        repositories[name].review.status = "ci_still_running"
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert {name for name, repository in repositories.items() if repository.review.auto_merge} == {
        "running",
        "unreviewed",
    }
    output = batch("merge-when-green", "--method", "rebase", *QUICK, code=3).output
    assert "this host can't be asked for --method rebase, only for merge, squash" in output


@pytest.mark.parametrize("host", [GiteaStandIn], ids=["gitea"], indirect=True)
def test_gitea_is_asked_once_to_merge_what_lacks_a_review(host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, "a", "b")
    assert isinstance(host, GiteaStandIn)
    host.required_approvals = 1
    repositories["b"].review.approve()
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    review = repositories["a"].review
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert batch.states() == {"a": "pull-request-open", "b": "pull-request-merged"}
    assert review.auto_merge
    assert len([name for name in host.operations if name == "POST merge"]) == 2


@pytest.mark.parametrize("host", [GitLabStandIn], ids=["gitlab"], indirect=True)
def test_a_gitlab_role_that_may_not_merge_ends_nothing(host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, "a", "b")
    for repository in repositories.values():
        repository.review.approve()
    repositories["a"].review.can_merge = False
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    assert batch.states() == {"a": "pull-request-open", "b": "pull-request-merged"}


@pytest.mark.parametrize("host", [BitbucketStandIn], ids=["bitbucket"], indirect=True)
def test_a_merge_that_takes_longer_is_found_by_the_next_run(
    host: RestStandIn, batch: Batch
) -> None:
    repository = opened(host, batch, "a")["a"]
    repository.review.approve()
    repository.review.is_slow = True
    batch("merge-when-green", *QUICK, code=1)
    assert batch.results()["a"]["cause"] == "the host is merging it"
    batch("merge-when-green", *QUICK)
    assert batch.states() == {"a": "pull-request-merged"}


@pytest.mark.parametrize("host", [GiteaStandIn], ids=["gitea"], indirect=True)
def test_on_gitea_approvals_of_others_or_of_another_commit_do_not_count(
    host: RestStandIn, batch: Batch
) -> None:
    repositories = opened(host, batch, "outsider", "stale")
    assert isinstance(host, GiteaStandIn)
    host.outsiders = ("eve",)
    repositories["outsider"].review.approve("eve")
    repositories["stale"].review.approve()
    repositories["stale"].review.is_stale = True
    batch("merge-when-green", *NO_CANARY, *QUICK, code=1)
    waits = {record["review"]["waits_for"] for record in batch.results().values()}
    assert waits == {"review"}


def test_an_approval_of_an_earlier_change_does_not_count(
    github: GitHubStandIn, batch: Batch
) -> None:
    pulls = green(github, batch, "free", "ruled")
    pulls["free"].decision = None  # no rule requires a review
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    batch("apply", *NO_CANARY, *QUICK)
    output = batch("merge-when-green", "-v", *NO_CANARY, *QUICK, code=1).output
    assert "acme/free: pull-request-open (waits for review" in output
    # Whether it counts is up to the rule that requires one.
    assert pulls["ruled"].state == "MERGED"
    pulls["free"].approve()
    batch("merge-when-green", *NO_CANARY, *QUICK)


def test_a_planned_update_comes_before_the_merge(github: GitHubStandIn, batch: Batch) -> None:
    pulls = green(github, batch, "a")
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    output = batch("merge-when-green", "-v", *QUICK, code=1).output
    assert "another change is planned; run `batch apply` first" in output
    assert pulls["a"].state == "OPEN"


def test_a_watch_merges_what_becomes_ready(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    pulls = green(github, batch, "a", "b")
    pulls["b"].decision, pulls["b"].opinions = "REVIEW_REQUIRED", {}
    passes: list[str] = []

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("Reviews", "before"):
            passes.append(request.operation)
            if len(passes) == 4:
                pulls["b"].approve()
        return None

    github.watch = watch
    batch("merge-when-green", "--watch", *NO_CANARY, *QUICK)
    assert [pull.state for pull in pulls.values()] == ["MERGED", "MERGED"]
    assert sum(clock.slept) >= 3 * 60
    refused = batch("merge-when-green", "--watch", "--dry-run", code=2)
    assert "--watch can't be combined with --dry-run or --max-merges" in refused.output


def test_a_watch_ends_where_a_person_has_to_act(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    pulls = green(github, batch, "a", "b")
    break_base(github, pulls["a"])
    before = len(clock.slept)
    output = batch("merge-when-green", "--watch", "--canary", 1, *QUICK, code=1).output
    assert output.count("stopped with 1 left to merge") == 1
    assert sum(clock.slept[before:]) < 60
