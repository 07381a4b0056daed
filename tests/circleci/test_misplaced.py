"""Credentials where CircleCI does not look for them."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.misplaced_logins import (
    MisplacedKind,
    auth_on_owners,
    auth_under_machine,
    beside_the_image,
    follows_auth,
    lost_logins,
    merged_login,
)
from cci_migrate.lossless.merging import value_of
from cci_migrate.lossless.nodes import Mapping
from tests.circleci.configs import config_of, document_of


def item(text: str) -> Mapping:
    document = document_of(f"login: &login {{username: $U, password: $P}}\nitem: {text}")
    found = value_of(document.root, "item")
    assert isinstance(found, Mapping)
    return found


@pytest.mark.parametrize(
    ("text", "kind", "halves"),
    [
        ("{image: a, auth: , username: u, password: $P}", "beside-empty-auth", ("u", "$P")),
        ("{image: a, auth: , username: u}", "beside-empty-auth", ("u", None)),
        ("{image: a, username: u, password: $P}", "without-auth", ("u", "$P")),
        ("{image: a, password: ''}", "without-auth", (None, None)),
        ("{<<: *login, image: a}", "merged-into-image", ("$U", "$P")),
        ("{<<: *login, image: a, username: own}", "without-auth", ("own", "$P")),
    ],
)
def test_beside_the_image(text: str, kind: str, halves: tuple[str | None, str | None]) -> None:
    found = beside_the_image(item(text))
    assert found is not None
    assert found.kind is MisplacedKind(kind)
    assert (found.username, found.password) == halves


@pytest.mark.parametrize(
    "text",
    ["{image: a}", "{image: a, user: root}", "{image: a, auth: {username: u}, username: u}"],
)
def test_nothing_beside_the_image(text: str) -> None:
    assert beside_the_image(item(text)) is None


@pytest.mark.parametrize(
    ("text", "index"),
    [("{image: a, <<: *login}", 1), ("{<<: *login}", 0), ("{image: a}", None), ("{<<: {}}", None)],
)
def test_the_merged_login(text: str, index: int | None) -> None:
    assert merged_login(item(text)) == index


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("{image: a, auth: , username: u, password: p}", ("username", "password")),
        ("{auth: , password: p, image: a}", ("password",)),
        ("{auth: , image: a, username: u}", ()),
        ("{username: u, auth: , password: p}", ()),
        ("{image: a, username: u}", ()),
        ("{auth: , username: u, username: v}", ()),
    ],
)
def test_what_stands_right_behind_an_empty_auth(text: str, keys: tuple[str, ...]) -> None:
    assert follows_auth(item(text)) == keys


CONFIG = """\
version: 2.1
a: &a
  run: {command: make}
login: &login
  run: {command: docker login -u u --password-stdin}
other: &other
  run: {command: ls}
executors:
  e: {auth: {username: u}, docker: [{image: x}]}
jobs:
  on-job: {auth: {username: u}, docker: [{image: x}]}
  on-machine: {machine: {image: y, auth: {username: u}}}
  fine: {docker: [{image: x, auth: {username: u}}]}
  merges:
    machine: true
    steps:
      - <<: [*a, *login]
      - <<: [*login, *a]
      - <<: [*a, *other]
      - <<: *login
"""


def test_on_jobs_and_executors() -> None:
    found = [title for title, *_ in auth_on_owners(config_of(CONFIG))]
    assert found == ["job on-job", "executor e"]


def test_under_machine() -> None:
    found = [(title, route) for title, route, _ in auth_under_machine(config_of(CONFIG))]
    assert found == [("job on-machine", "jobs.on-machine.machine")]


def test_logins_that_a_merge_loses() -> None:
    found = [mapping.source.position(mapping.start).line for mapping, _ in
             lost_logins(config_of(CONFIG))]  # fmt: skip
    assert found == [17]


def test_jobs_of_one_name_have_their_own_routes() -> None:
    job = "{build: {auth: {username: a}, docker: [{image: a}]}}"
    config = config_of(f"version: 2.1\norbs: {{own: {{jobs: {job}}}}}\njobs: {job}\n")
    routes = [route for _, route, *_ in auth_on_owners(config)]
    assert sorted(routes) == ["jobs.build", "orbs.own.jobs.build"]
