"""What a file does already, and that the answer is the same once the change is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations, combinations_with_replacement

import pytest

from cci_migrate.assessing.auth_forms import PLAIN, Anchored, Written
from cci_migrate.assessing.context_conventions import ContextConvention, context_convention
from cci_migrate.assessing.conventions import (
    CredentialConvention,
    credential_conventions,
    is_safe,
    policy_for,
)
from cci_migrate.assessing.evidence_collection import EvidenceCollector
from cci_migrate.circleci.images import pulled_images
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.circleci.workflow_jobs import HeldContexts
from cci_migrate.policy import (
    DEFAULT_DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)
from tests.circleci.configs import config_of, values_of

WANTED = "docker-hub-creds"


def held(names: str, *, has_expression: bool = False) -> HeldContexts:
    return HeldContexts(None, tuple(names.split()), has_expression)


def convention(
    today: Iterable[str], coming: Iterable[str] = (), store: CredentialStore | None = None
) -> ContextConvention:
    return context_convention(
        [held(names) for names in today],
        [held(names) for names in coming],
        DEFAULT_DOCKER_HUB,
        Policy(credentials=store),
    )


@pytest.mark.parametrize(
    ("today", "coming", "preferred"),
    [
        # Nobody has credentials yet: the policy tells.
        ([], [""], WANTED),
        ([], ["org"], WANTED),
        # Those who have them hold no context: the project has the variables.
        ([""], [], None),
        (["", ""], ["org"], None),
        # One context that all of them hold, whatever its name.
        (["org"], [""], "org"),
        (["org aws", "org slack"], [""], "org"),
        # One named after Docker that most of them hold.
        (["dockerhub org", "dockerhub"], [""], "dockerhub"),
        (["my-registry aws", "my-registry aws"], [""], "my-registry"),
        (["dockerhub", "dockerhub", ""], [], "dockerhub"),
        # Nothing in common: the policy tells.
        (["a", "b"], [""], WANTED),
        (["a b", "a b"], [""], WANTED),
    ],
)
def test_the_context_that_is_added(
    today: list[str], coming: list[str], preferred: str | None
) -> None:
    assert convention(today, coming).preferred == preferred


@pytest.mark.parametrize(
    ("store", "preferred"),
    [(CredentialStore.PROJECT, None), (CredentialStore.CONTEXT, WANTED), (None, None)],
)
def test_what_the_user_says_counts_before_what_the_file_does(
    store: CredentialStore | None, preferred: str | None
) -> None:
    assert convention([""], [""], store).preferred == preferred


def test_a_registry_without_a_context_needs_none() -> None:
    registry = RegistryPolicy("quay.io", PasswordAuth("$U", "$P"))
    assert context_convention([], [held("")], registry, Policy()).preferred is None


@pytest.mark.parametrize(
    ("names", "works_today", "lacks"),
    [
        ("", False, True),
        ("org", False, True),
        ("dockerhub", False, False),
        ("org dockerhub", False, False),
        ("dockerhub", True, False),
    ],
)
def test_who_lacks_it(names: str, works_today: bool, lacks: bool) -> None:
    clear = convention(["dockerhub", "dockerhub"])
    assert clear.lacks(held(names), works_today=works_today) == lacks


def test_a_working_job_with_other_contexts_may_have_the_variables_from_them() -> None:
    common = convention(["org", "org"])
    assert common.lacks(held("other"), works_today=False)
    assert not common.lacks(held("other"), works_today=True)
    assert not common.lacks(held("", has_expression=True), works_today=True)


#: Every way of holding contexts whose names tell, are the policy's own, or neither.
NAMES = ("org", "aws", "my-dockerhub", WANTED)
WAYS = [
    *(HeldContexts(None, names, False) for size in range(4) for names in combinations(NAMES, size)),
    HeldContexts(None, (), True),
    HeldContexts(None, ("org",), True),
]


def files() -> Iterator[tuple[list[HeldContexts], list[HeldContexts]]]:
    """Every file of up to three workflow jobs, each authenticated today or still to be."""
    jobs = [(way, works) for way in WAYS for works in (True, False)]
    for size in (1, 2, 3):
        for chosen in combinations_with_replacement(jobs, size):
            yield (
                [way for way, works in chosen if works],
                [way for way, works in chosen if not works],
            )


def fixed(
    found: ContextConvention, jobs: Iterable[HeldContexts], *, works_today: bool
) -> list[HeldContexts]:
    return [
        replace(one, names=(*one.names, found.preferred))
        if found.preferred is not None and found.lacks(one, works_today=works_today)
        else one
        for one in jobs
    ]


@pytest.mark.parametrize("store", [None, CredentialStore.CONTEXT, CredentialStore.PROJECT])
def test_the_answer_is_the_same_once_the_change_is_made(store: CredentialStore | None) -> None:
    policy = Policy(credentials=store)
    wrong = []
    for today, coming in files():
        found = context_convention(today, coming, DEFAULT_DOCKER_HUB, policy)
        after = fixed(found, today, works_today=True) + fixed(found, coming, works_today=False)
        again = context_convention(after, [], DEFAULT_DOCKER_HUB, policy)
        if fixed(again, after, works_today=True) != after:
            wrong.append((today, coming, found, again))
    assert wrong == []


def test_a_job_that_works_today_is_given_no_context_it_already_has() -> None:
    for today, coming in files():
        found = context_convention(today, coming, DEFAULT_DOCKER_HUB, Policy())
        assert all(
            found.preferred not in one.names
            for works, jobs in ((True, today), (False, coming))
            for one in jobs
            if found.lacks(one, works_today=works)
        )


def credentials_of(images: str) -> dict[str, CredentialConvention]:
    config = config_of(
        "version: 2.1\nx-login: &login {username: $HUB_USER, password: $HUB_PASS}\n"
        "x-merge: &merge {auth: {username: $HUB_USER, password: $HUB_PASS}}\n"
        f"jobs:\n  j:\n    docker:\n{images}"
    )
    values = values_of(config)
    collector = EvidenceCollector(config, Runs(config, values))
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
    assert {host: one.credential for host, one in found.items()} == expected


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
    collector = EvidenceCollector(config, Runs(config, values))
    evidence = collector.of_images([image], {id(image): "quay.io"})
    assert credential_conventions(evidence) == {}


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (PasswordAuth("me", "$P"), True),
        (PasswordAuth("me", "${P}"), True),
        (PasswordAuth("$U", "secret"), False),
        (AwsKeyAuth("AKIA", "$S"), True),
        (AwsKeyAuth("$K", "secret"), False),
        (AwsRoleAuth("arn:aws:iam::1:role/x"), True),
        (GcpAuth("a@b", "pool", "provider"), True),
    ],
)
def test_what_may_be_repeated(credential: RegistryCredential, expected: bool) -> None:
    assert is_safe(credential) == expected


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
    found = policy_for(host, policy)
    assert (None if found is None else found.host) == pattern
