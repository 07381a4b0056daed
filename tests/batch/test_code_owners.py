"""Reviewers from CODEOWNERS: the rules of each host, and the pull requests that have them."""

from __future__ import annotations

import time

import pytest

from cci_migrate.campaign.code_owners import code_owners, rules_for
from cci_migrate.forges.repository import Kind
from tests.batch.github_stand_in import AUTHOR, GitHubStandIn
from tests.batch.repositories import AT_ONCE, CONFIG, PLAIN, Batch, commit_bare
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.watching import Canned, Request, truly

OWNERS = "--reviewers-from-codeowners"


def owners(kind: Kind, text: str, *changed: str) -> str:
    """The owners of the ``changed`` paths."""
    rules = rules_for(kind)
    assert rules is not None
    files = dict.fromkeys(rules.paths) | {"CODEOWNERS": text.encode()}
    return " ".join(code_owners(rules, files, changed or (CONFIG,)))


BOTH = [
    ("* @all", CONFIG, "all"),
    ("* @all\n.circleci/ @ci", CONFIG, "ci"),
    (".circleci/ @ci\n* @all", CONFIG, "all"),  # the last match decides
    ("/.circleci/ @ci @acme/ops", CONFIG, "ci acme/ops"),
    ("/.circleci/*.yml @ci", CONFIG, "ci"),
    ("/.circleci/* @ci", ".circleci/src/jobs.yml", ""),
    ("/.circleci/**/*.yml @ci", CONFIG, "ci"),
    ("/.circleci/**/*.yml @ci", ".circleci/src/jobs/test.yml", "ci"),
    ("config.yml @ci", CONFIG, "ci"),
    ("/config.yml @ci", CONFIG, ""),
    ("*.yml docs@example.com", CONFIG, "docs@example.com"),
    ("**/config.yml @ci", CONFIG, "ci"),
    ("/.circleci/confi?.yml @ci", CONFIG, "ci"),
    ("# @nobody\n\n* @all", CONFIG, "all"),
    (".CIRCLECI/ @ci", CONFIG, ""),
    (r"/a\ b/ @ci", "a b/config.yml", "ci"),
    ("config.yml/ @ci", CONFIG, ""),
    ("", CONFIG, ""),
]


@pytest.mark.parametrize("kind", [Kind.GITHUB, Kind.GITLAB])
@pytest.mark.parametrize(("text", "path", "expected"), BOTH)
def test_what_both_hosts_say(kind: Kind, text: str, path: str, expected: str) -> None:
    assert owners(kind, text, path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".circleci @ci", "ci"),  # a folder needs no slash
        ("/.circleci @ci", "ci"),
        ("* @all\n/.circleci", ""),  # no owners
        ("* @all # and @nobody", "all"),
        ("/.circleci/** @ci", "ci"),
        ("* @all\n/.circleci/[c]onfig.yml @ci", "all"),  # no ranges
        ("[Section] @nobody\n* @all", "all"),
        ("* @all\n!.circleci/ @nobody", "all"),
    ],
)
def test_what_github_says(text: str, expected: str) -> None:
    assert owners(Kind.GITHUB, text) == expected


SECTIONS = """\
* @admin

[CI] @default-1 @default-2
.circleci/
*.rb @ruby

^[Optional]
config.yml @one
.circleci/config.yml @two

[ci][2] @other
/docs/ @docs
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".circleci @ci", ""),  # a folder needs a slash
        ("/.circleci/[c]onfig.yml @ci", "ci"),
        ("* @@maintainer @all", "@maintainer all"),
        (SECTIONS, "admin default-1 default-2 two"),
        ("* @all\n!.circleci/", ""),
        ("* @all\n!.circleci/\nconfig.yml @ci", ""),  # not taken back
        ("[A]\n* @all\n!.circleci/\n[B]\nconfig.yml @ci", "ci"),
        (r"\#x @no" + "\n* @all", "all"),
    ],
)
def test_what_gitlab_says(text: str, expected: str) -> None:
    assert owners(Kind.GITLAB, text) == expected


def test_each_owner_of_several_files_comes_once() -> None:
    text = "*.yml @a @b\n/x/ @b @c"
    assert owners(Kind.GITHUB, text, CONFIG, "x/y.yml") == "a b c"


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        (Kind.GITHUB, ".github/CODEOWNERS", "CODEOWNERS"),
        (Kind.GITHUB, "CODEOWNERS", "docs/CODEOWNERS"),
        (Kind.GITLAB, "CODEOWNERS", "docs/CODEOWNERS"),
        (Kind.GITLAB, "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    ],
)
def test_the_first_file_counts(kind: Kind, first: str, then: str) -> None:
    rules = rules_for(kind)
    assert rules is not None
    files = dict.fromkeys(rules.paths) | {first: b"* @a", then: b"* @b"}
    assert code_owners(rules, files, [CONFIG]) == ("a",)
    assert code_owners(rules, {**files, first: b"* @a\n" + b"#" * 2**22}, [CONFIG]) == ()


@pytest.mark.parametrize("kind", [Kind.GITHUB, Kind.GITLAB])
@pytest.mark.parametrize(
    "pattern",
    [
        *("*a" * 200 + "b", "**/" * 200 + "x", "[a" * 500, "\\" * 999, "*/" * 500 + "**"),
        *("[" * 30_000, "*[" * 30_000),
    ],
)
def test_no_pattern_takes_long(kind: Kind, pattern: str) -> None:
    started = time.process_time()
    owners(kind, f"{pattern} @x\n" * 4, "/".join(["a" * 200] * 20))
    assert time.process_time() - started < 5


FILE = b"* @ada\n/.circleci/ @ada @acme/ops me@example.com\n"


def test_on_github_owners_review_as_users_and_teams(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/api", {CONFIG: PLAIN, ".github/CODEOWNERS": FILE.splitlines()[0]})
    github.add("acme/web", {CONFIG: PLAIN, "docs/CODEOWNERS": b"/.circleci/ @acme/ops"})
    github.planned(batch, "none")
    batch("apply", *AT_ONCE, OWNERS, "--reviewer", "bert")
    reviewers = {name: r.pulls[0].reviewers for name, r in github.repositories.items()}
    assert reviewers == {
        "acme/api": ["ada", "bert"],
        "acme/web": ["bert", "ops"],
        "acme/none": ["bert"],
    }


def test_an_owner_who_cannot_be_asked_is_lacking_and_stops_nothing(
    github: GitHubStandIn, batch: Batch
) -> None:
    """The author of the pull request is not one of them."""
    names = ("a", "b", "c", "d")
    file = FILE.replace(b"@ada", f"@{AUTHOR.title()}".encode())
    for name in names:
        github.add(f"acme/{name}", {CONFIG: PLAIN, "CODEOWNERS": file})

    def watch(request: Request) -> Canned | None:
        is_asked = request.moment == "before" and request.operation.endswith("requested_reviewers")
        if is_asked and request.variables["team_reviewers"]:
            return Canned(422, {"message": "Could not resolve to a node"})
        return None

    github.watch = watch
    batch("plan", "github:acme", code=1)
    output = batch("apply", *AT_ONCE, OWNERS, code=1).output
    assert "stopped" not in output
    assert batch.states() == dict.fromkeys(names, "pull-request-incomplete")
    assert batch.results()["a"]["cause"] == (
        "code owner acme/ops: Could not resolve to a node; "
        "code owner me@example.com: an e-mail address, which can't be asked for a review"
    )
    github.watch = truly
    for name in names:
        folder = github.repositories[f"acme/{name}"].folder
        commit_bare(folder, {"CODEOWNERS": b"* @ada @acme/ops\n"}, "main")
    batch("apply", *AT_ONCE, OWNERS)
    assert github.repositories["acme/d"].pulls[0].reviewers == ["ada", "ops"]


@pytest.mark.parametrize("forge", [GitLabStandIn], indirect=True)
def test_on_gitlab_the_merge_request_is_opened_with_them(forge: RestStandIn, batch: Batch) -> None:
    forge.strangers = {"acme/ops"}
    text = b"[CI] @ada @acme/ops\n.circleci/\n[All]\n* @bertha @ada\n"
    for name in ("api", "web"):
        forge.add(f"acme/{name}", {CONFIG: PLAIN, ".gitlab/CODEOWNERS": text})
    batch("plan", forge.source, code=1)
    batch("apply", *AT_ONCE, OWNERS, code=1)
    for repository in forge.repositories.values():
        assert repository.pulls[0]["reviewers"] == [{"id": 3}, {"id": 6}]
    assert [name for name in forge.writes() if name.startswith("PUT")] == []
    assert batch.results()["api"]["cause"] == (
        "code owner acme/ops: GitLab has no such user; groups can't be asked"
    )


@pytest.mark.parametrize("forge", [BitbucketStandIn], indirect=True)
def test_where_no_rules_are_known_nothing_is_written(forge: RestStandIn, batch: Batch) -> None:
    forge.planned(batch, "api")
    result = batch("apply", *AT_ONCE, OWNERS, code=2)
    assert result.stderr.startswith("error: --reviewers-from-codeowners: on bitbucket the rules")
    assert forge.writes() == []


def test_not_everybody_is_asked(github: GitHubStandIn, batch: Batch) -> None:
    everybody = " ".join(f"@u{number} @t/{number} m{number}@x.y" for number in range(900))
    github.add("acme/api", {CONFIG: PLAIN, "CODEOWNERS": f"* {everybody}".encode()})
    batch("plan", "github:acme", code=1)
    batch("apply", *AT_ONCE, OWNERS, code=1)
    assert len(github.repositories["acme/api"].pulls[0].reviewers) == 20
    assert len(github.writes()) == 4
    cause = batch.results()["api"]["cause"]
    assert cause.startswith("code owners: only 20 of 1800 are asked; code owner m0@x.y: an e-mail")
    assert cause.count(";") == 19
