"""Comments on the campaign's pull requests, on each kind of host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn, Pull
from tests.batch.hosts import StandIn, on_one_of_each
from tests.batch.repositories import CONFIG, PLAIN, QUICK, Batch, checkout
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request

TEXT = "Hello {{ repository }}: {{ files | join(', ') }}. Please review."


def comments(host: StandIn, name: str) -> list[str]:
    """The comments on a repository's newest pull request."""
    pull = host.repositories[f"acme/{name}"].pulls[-1]
    if isinstance(pull, Pull):
        return pull.comments
    if isinstance(host, GitLabStandIn | GiteaStandIn):
        return [note["body"] for note in pull.get("notes", [])]
    return [comment["content"]["raw"] for comment in pull.get("comments", [])]


def say(host: StandIn, name: str, text: str) -> None:
    """Have somebody comment on a repository's newest pull request."""
    pull = host.repositories[f"acme/{name}"].pulls[-1]
    if isinstance(pull, Pull):
        pull.comments.append(text)
    elif isinstance(host, GitLabStandIn | GiteaStandIn):
        pull.setdefault("notes", []).append({"id": 1, "body": text})
    else:
        pull.setdefault("comments", []).append({"id": 1, "content": {"raw": text}})


def close(host: StandIn, name: str) -> None:
    """Have somebody close a repository's pull request."""
    (pull,) = host.repositories[f"acme/{name}"].pulls
    if isinstance(pull, Pull):
        pull.state = "CLOSED"
    else:
        is_declined = isinstance(host, BitbucketStandIn)
        pull["state"] = "DECLINED" if is_declined else "closed"


@pytest.fixture
def delivered(forge: StandIn, batch: Batch) -> StandIn:
    """Three open pull requests of the campaign."""
    forge.planned(batch, "api", "old", "web")
    batch("apply", *QUICK, "--canary", 0)
    return forge


def test_each_open_pull_request_gets_the_text_once(delivered: StandIn, batch: Batch) -> None:
    close(delivered, "old")
    before = delivered.writes()
    output = batch("comment", "--message", TEXT, "--dry-run").output
    assert "2 would be commented, 1 no longer open" in output
    assert delivered.writes() == before
    assert "2 commented, 1 no longer open" in batch("comment", "-m", TEXT, *QUICK).output
    several_pages = 120 if isinstance(delivered, GitHubStandIn) else 25
    for number in range(several_pages):  # others talk
        say(delivered, "api", f"{number}")
    assert "2 commented before" in batch("comment", "-m", f"{TEXT}\n", *QUICK).output
    for name in ("api", "web"):
        (text,) = [text for text in comments(delivered, name) if not text.isdecimal()]
        visible, _, mark = text.partition("\n\n")
        assert visible == f"Hello `acme/{name}`: `{CONFIG}`. Please review."
        assert mark.startswith("[//]: # (cci-migrate comment ")
    assert comments(delivered, "old") == []
    batch("comment", "api", "-m", "Another", *QUICK)
    assert [len(comments(delivered, name)) for name in ("api", "web")] == [several_pages + 2, 1]


def commenting(host: StandIn) -> str:
    """The end of the name of the request that comments."""
    return "notes" if isinstance(host, GitLabStandIn) else "comments"


@on_one_of_each
def test_killed_while_commenting_the_next_run_comments_once(
    delivered: StandIn, batch: Batch
) -> None:
    kill_at(delivered, batch, "comment", "-m", TEXT, *QUICK, operation=commenting(delivered))
    batch("comment", "-m", TEXT, *QUICK)
    assert [len(comments(delivered, name)) for name in ("api", "old", "web")] == [1, 1, 1]


@on_one_of_each
def test_a_lost_answer_is_looked_into(delivered: StandIn, batch: Batch) -> None:
    lost: list[str] = []

    def watch(request: Request) -> Canned | None:
        is_comment = request.is_write and request.operation.endswith(commenting(delivered))
        if is_comment and request.moment == ("after", "before")[len(lost) % 2] and len(lost) < 2:
            lost.append(request.operation)
            return Canned(502, {})
        return None

    delivered.watch = watch
    assert "3 commented" in batch("comment", "-m", TEXT, *QUICK).output
    assert len(lost) == 2
    assert [len(comments(delivered, name)) for name in ("api", "old", "web")] == [1, 1, 1]


def test_only_own_pull_requests_are_commented_on(github: GitHubStandIn, batch: Batch) -> None:
    (repository,) = github.planned(batch, "api")
    batch("apply", *QUICK, "--canary", 0)
    other = Batch(batch.folder / "other")
    other("plan", "github:acme", code=1)
    assert "no pull request of this campaign is open" in other("comment", "-m", "x").output
    repository.pulls[0].body = "somebody else's text"
    repository.pulls.append(
        Pull(2, repository, repository.pulls[0].head, "main", "theirs", "", False)
    )
    repository.pulls[0].state = "CLOSED"
    assert "1 no longer open" in batch("comment", "-m", "x").output
    assert [pull.comments for pull in repository.pulls] == [[], []]


def test_equal_refusals_end_the_run(github: GitHubStandIn, batch: Batch) -> None:
    for name in "abcde":
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", "github:acme", code=1)
    batch("apply", *QUICK, "--canary", 0)
    github.watch = lambda request: (
        Canned(403, {"message": "Resource not accessible by personal access token"})
        if request.is_write and request.moment == "before"
        else None
    )
    output = batch("comment", "-m", "x", *QUICK, code=3).output
    assert output.count("comment refused: Resource not accessible") == 4
    assert "stopped after 3 failures of the same kind in a row" in output
    assert "Give the token the right to comment on pull requests" in output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "give the comment with either --message or --file"),
        (("-m", "x", "-F", "-"), "give the comment with either --message or --file"),
        (("-m", " "), "the comment is empty"),
        (("-m", "{{ nothing }}"), "the comment template is invalid: 'nothing' is undefined"),
        (("-m", "{{ 1 / 0 }}"), "the comment template is invalid: division by zero"),
        (("-m", "{% include 'x' %}"), "the comment template is invalid: no loader"),
        (("-F", "nowhere"), "nowhere"),
        (("-F", "latin-1"), "latin-1 is not UTF-8 text"),
    ],
)
def test_what_cannot_be_a_comment_is_said_in_a_line(
    arguments: tuple[str, ...],
    problem: str,
    tmp_path: Path,
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin-1").write_bytes(b"caf\xe9")
    checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", tmp_path / "one", code=1)
    assert problem in batch("comment", *arguments, code=2).output


def test_a_file_has_the_text(github: GitHubStandIn, batch: Batch, tmp_path: Path) -> None:
    (repository,) = github.planned(batch, "api")
    batch("apply", *QUICK, "--canary", 0)
    (tmp_path / "text").write_text("Hé {{ repository }}\n")
    batch("comment", "-F", tmp_path / "text", *QUICK)
    assert repository.pulls[0].comments[0].startswith("Hé `acme/api`\n\n[//]: #")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("x{% if files %}{{ 1 / 0 }}{% endif %}", "template is invalid: division by zero"),
        ("{{ project }}", "is empty"),
    ],
)
def test_a_template_that_fails_for_a_repository_ends_the_run(
    template: str, problem: str, github: GitHubStandIn, batch: Batch
) -> None:
    (repository,) = github.planned(batch, "api")
    assert f"the message {problem}" in batch("apply", "--title", template, *QUICK, code=2).output
    batch("apply", "--title", "{{ files | join }}", *QUICK)
    assert f"the comment {problem}" in batch("comment", "-m", template, *QUICK, code=2).output
    assert repository.pulls[0].comments == []
