"""The images that are pulled, and the credentials they have in effect."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.images import PulledImage, pulled_images, variable_in
from tests.circleci.configs import config_of, values_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("$NAME", "NAME"),
        ("${NAME}", "NAME"),
        (" $NAME ", "NAME"),
        ("NAME", None),
        ("$NAME-x", None),
        ("${NAME:-x}", None),
        ("$1", None),
        ("$$", None),
        ("", None),
    ],
)
def test_the_variable_that_a_value_is(text: str, name: str | None) -> None:
    assert variable_in(text) == name


def images_of(text: str) -> dict[str, PulledImage]:
    config = config_of(text)
    return {image.route: image for image in pulled_images(config, values_of(config))}


def item(text: str) -> PulledImage:
    (image,) = images_of(
        f"version: 2.1\nx-login: &login {{username: $U, password: $P}}\n"
        f"x-auth: &auth {{auth: *login}}\njobs: {{j: {{docker: [{text}]}}}}"
    ).values()
    return image


@pytest.mark.parametrize(
    ("text", "form", "missing", "variables"),
    [
        ("{image: a, auth: {username: $U, password: $P}}", "auth", (), ("U", "P")),
        ("{image: a, auth: *login}", "auth", (), ("U", "P")),
        ("{<<: *auth, image: a}", "auth", (), ("U", "P")),
        ("{image: a, auth: {<<: *login, username: me}}", "auth", (), ("P",)),
        ("{image: a, auth: {username: $U}}", "auth", ("password",), ("U",)),
        ("{image: a, auth: {username: $U, password: }}", "auth", ("password",), ("U",)),
        ("{image: a, auth: }", "auth", ("username", "password"), ()),
        ("{image: a, auth: {}}", "auth", ("username", "password"), ()),
        ("{image: a, auth: << parameters.auth >>}", "auth", (), ()),
        (
            "{image: a, aws_auth: {aws_access_key_id: $K, aws_secret_access_key: $S}}",
            "aws_auth",
            (),
            ("K", "S"),
        ),
        ("{image: a, aws_auth: {oidc_role_arn: $R}}", "aws_auth", (), ("R",)),
        (
            "{image: a, aws_auth: {aws_access_key_id: $K}}",
            "aws_auth",
            ("aws_secret_access_key",),
            ("K",),
        ),
        (
            "{image: a, gcp_auth: {oidc_service_account: $A}}",
            "gcp_auth",
            ("workload_identity_pool", "workload_identity_provider"),
            ("A",),
        ),
    ],
)
def test_credentials(
    text: str, form: str, missing: tuple[str, ...], variables: tuple[str, ...]
) -> None:
    auth = item(text).auth
    assert auth is not None
    assert (auth.form.value, auth.missing) == (form, missing)
    assert sorted(auth.variables) == sorted(variables)
    assert auth.is_complete == (not missing)


@pytest.mark.parametrize("text", ["{image: a}", "{image: a, user: root, username: u}"])
def test_no_credentials(text: str) -> None:
    assert item(text).auth is None


def test_the_complete_credentials_count() -> None:
    both = item("{image: a, auth: {username: u}, aws_auth: {oidc_role_arn: r}}")
    assert both.auth is not None
    assert both.auth.form.value == "aws_auth"


SHARED = """\
version: 2.1
x-image: &image
  image: shared/image
executors:
  e:
    parameters: {tag: {type: string, default: a}, image: {type: string}}
    docker:
      - *image
      - image: quay.io/x:<< parameters.tag >>
      - image: << parameters.image >>
  unused: {docker: [{image: never/run}]}
jobs:
  a:
    docker: [*image, {<<: *image, name: other}]
    executor: e
  vm: {machine: {image: "ubuntu-2404:current"}}
  b: {executor: {name: e, image: "redis:7"}}
  c: {executor: {name: e, image: "gcr.io/p/x"}}
orbs:
  o: {jobs: {j: {docker: [{image: << pipeline.parameters.image >>}]}}}
"""


@pytest.mark.parametrize(
    ("route", "owners", "hosts", "is_decided"),
    [
        ("jobs.a.docker[0]", ["job a", "executor e"], {"docker.io"}, True),
        ("jobs.a.docker[1]", ["job a"], {"docker.io"}, True),
        ("executors.e.docker[1]", ["executor e"], {"quay.io"}, True),
        ("executors.e.docker[2]", ["executor e"], {"docker.io", "gcr.io"}, False),
        ("executors.unused.docker[0]", ["executor unused"], {"docker.io"}, True),
        ("orbs.o.jobs.j.docker[0]", ["job o/j"], set(), False),
    ],
)
def test_images(route: str, owners: list[str], hosts: set[str], is_decided: bool) -> None:
    image = images_of(SHARED)[route]
    assert [owner.title for owner in image.owners] == owners
    assert image.hosts == hosts
    assert (image.host is not None) == is_decided


def test_there_are_no_others() -> None:
    assert len(images_of(SHARED)) == 6


def test_who_merges_an_image_shares_its_definition() -> None:
    images = images_of(SHARED)
    assert images["jobs.a.docker[1]"].definition == "jobs.a.docker[0]"
    assert images["jobs.a.docker[0]"].definition == "jobs.a.docker[0]"
