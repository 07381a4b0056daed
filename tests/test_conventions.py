"""What a file does already, and that the answer is the same once the change is made."""

from __future__ import annotations

import pytest

from cci_migrate.assessing.auth_forms import PLAIN, Anchored, Written
from cci_migrate.assessing.conventions import (
    CredentialConvention,
    credential_conventions,
)
from cci_migrate.assessing.evidence_collection import EvidenceCollector
from cci_migrate.assessing.step_assessment import JobDockers
from cci_migrate.circleci.images import pulled_images
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.policy.settings import (
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)
from tests.circleci.configs import config_of, values_of


def credentials_of(images: str) -> dict[str, CredentialConvention]:
    config = config_of(
        "version: 2.1\nx-login: &login {username: $HUB_USER, password: $HUB_PASS}\n"
        "x-merge: &merge {auth: {username: $HUB_USER, password: $HUB_PASS}}\n"
        f"jobs:\n  j:\n    docker:\n{images}"
    )
    values = values_of(config)
    collector = EvidenceCollector(config, Runs(config, values), JobDockers(config, values, None))
    evidence = collector.of_images(pulled_images(config, values), {})
    return dict(credential_conventions(evidence))


AUTH = "auth: {username: $A, password: $B}"
OTHER = "auth: {username: $C, password: $D}"


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ("      - image: a", {}),
        (f"      - {{image: a, {AUTH}}}", {"docker.io": PasswordAuth("$A", "$B")}),
        (
            f"      - {{image: a, {AUTH}}}\n      - {{image: b, {OTHER}}}\n"
            f"      - {{image: c, {OTHER}}}",
            {"docker.io": PasswordAuth("$C", "$D")},
        ),
        (
            f"      - {{image: a, {AUTH}}}\n      - {{image: quay.io/b/c, {OTHER}}}",
            {"docker.io": PasswordAuth("$A", "$B"), "quay.io": PasswordAuth("$C", "$D")},
        ),
        (
            "      - {image: a, auth: {username: me, password: $B}}",
            {"docker.io": PasswordAuth("me", "$B")},
        ),
        ("      - {image: a, auth: {username: me, password: literal}}", {}),
        ("      - {image: a, auth: {username: $A}}", {}),
        ("      - {image: a, auth: << parameters.auth >>}", {}),
        ("      - {image: $X, auth: {username: $A, password: $B}}", {}),
    ],
)
def test_the_credentials_that_a_file_uses(
    images: str, expected: dict[str, RegistryCredential]
) -> None:
    found = credentials_of(images)
    assert {host: convention.credential for host, convention in found.items()} == expected


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ("      - image: a\n        auth:\n          username: $A\n          password: $B", PLAIN),
        (f"      - image: a\n        {AUTH}", Written(flow=True)),
        (f"      - {{image: a, {AUTH}}}", PLAIN),
        (
            "      - image: a\n        auth:\n          password: $B\n          username: $A",
            Written(password_first=True),
        ),
    ],
)
def test_the_form_of_credentials(images: str, expected: Written) -> None:
    assert credentials_of(images)["docker.io"].accounts[0].form == expected


@pytest.mark.parametrize(
    ("image", "name", "is_merge"),
    [("{image: a, auth: *login}", "login", False), ("{<<: *merge, image: a}", "merge", True)],
)
def test_credentials_that_are_defined_once(image: str, name: str, is_merge: bool) -> None:
    form = credentials_of(f"      - {image}")["docker.io"].accounts[0].form
    assert isinstance(form, Anchored)
    assert (form.name, form.is_merge) == (name, is_merge)


def test_credentials_of_another_registry_are_no_convention() -> None:
    config = config_of(f"version: 2.1\njobs: {{j: {{docker: [{{image: a, {AUTH}}}]}}}}")
    values = values_of(config)
    (image,) = pulled_images(config, values)
    collector = EvidenceCollector(config, Runs(config, values), JobDockers(config, values, None))
    evidence = collector.of_images([image], {image: "quay.io"})
    assert credential_conventions(evidence) == {}


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("docker.io", "docker.io"),
        ("acme.azurecr.io", "acme.azurecr.io"),
        ("other.azurecr.io", "*.azurecr.io"),
        ("quay.io", None),
    ],
)
def test_the_pattern_that_says_most_is_taken(host: str, pattern: str | None) -> None:
    credential = PasswordAuth("$U", "$P")
    policy = Policy(
        registries=(
            RegistryPolicy("*.azurecr.io", credential),
            RegistryPolicy("acme.azurecr.io", credential),
        )
    )
    found = policy.registry_for(host)
    assert (None if found is None else found.host) == pattern
