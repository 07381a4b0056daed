"""Where a file keeps its variables: told the same before and after the change that follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, combinations_with_replacement

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.context_conventions import (
    ContextConvention,
    ContextOrigin,
    context_convention,
)
from cci_migrate.assessing.context_names import is_about_a_registry
from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.policy.settings import CredentialStore, Policy

OURS = "docker-hub-creds"
EXPRESSION = "<< pipeline.parameters.c >>"


def held(names: str) -> JobContexts:
    """A job that holds the contexts ``names``, separated by blanks; ``?`` is an expression."""
    return JobContexts(None, tuple(names.replace("?", "<<x>>").split()))


def convention(
    today: Iterable[str],
    coming: Iterable[str] = (),
    store: CredentialStore | None = None,
    *,
    own: bool = True,
) -> ContextConvention:
    return context_convention(
        [held(names) for names in today],
        [held(names) for names in coming],
        OURS,
        Policy(credentials=store),
        is_policys_own=own,
    )


@pytest.mark.parametrize(
    ("today", "coming", "preferred"),
    [
        # Nobody reads the policy's variables yet: the policy tells.
        ([], [""], OURS),
        ([], ["org"], OURS),
        # Those who read them hold no context: the project has them.
        ([""], [], None),
        (["", ""], ["org"], None),
        (["", "aws-deploy"], [""], None),
        # One context that all of them hold, whatever its name.
        (["org"], [""], "org"),
        (["org aws", "org slack"], [""], "org"),
        (["org", "?"], [""], "org"),
        # One named after a registry that most of them hold, or the one so named of several.
        (["dockerhub org", "dockerhub"], [""], "dockerhub"),
        # Of several, the one whose name fits best, whichever comes first.
        (["npm-registry dockerhub", "dockerhub npm-registry"], [""], "dockerhub"),
        (["quay-registry hub-docker"], [""], "hub-docker"),
        (["dockerhub-push dockerhub-pull"], [""], "dockerhub-pull"),
        (["docker-creds registry-prod"], [""], "docker-creds"),
        (["registry dockerhub"], [""], "dockerhub"),
        (["my-registry aws", "my-registry aws"], [""], "my-registry"),
        (["dockerhub", "dockerhub", ""], [], "dockerhub"),
        (["docker-x", "team docker-x"], [""], "docker-x"),
        # Nothing in common: the policy tells where its own variables are.
        (["a", "b"], [""], OURS),
        (["a b", "a b"], [""], OURS),
    ],
)
def test_the_context_that_is_added(
    today: list[str], coming: list[str], preferred: str | None
) -> None:
    assert convention(today, coming).preferred == preferred


@pytest.mark.parametrize(
    ("today", "held_by_the_job", "is_unknown"),
    [
        (["a b", "a b"], "", True),
        (["a b", "a b"], "other", True),
        (["a b", "a b"], "a", True),
        (["a b", "a b"], "b c a", False),
        (["a", "b"], "", True),
        (["a", "b"], "b", False),
        (["?"], "", True),
        (["?"], "?", False),
        # What nobody reads yet contradicts nothing.
        ([], "", False),
    ],
)
def test_other_variables_than_the_policys_whose_context_is_unknown(
    today: list[str], held_by_the_job: str, is_unknown: bool
) -> None:
    found = convention(today, [held_by_the_job], own=False)
    assert found.preferred is None
    assert found.cannot_be_had_by(held(held_by_the_job)) is is_unknown


@pytest.mark.parametrize(
    ("store", "preferred"),
    [(CredentialStore.PROJECT, None), (CredentialStore.CONTEXT, OURS), (None, None)],
)
def test_what_the_user_says_counts_before_what_the_file_does(
    store: CredentialStore | None, preferred: str | None
) -> None:
    assert convention([""], [""], store).preferred == preferred


def test_a_registry_without_a_context_needs_none() -> None:
    found = context_convention([], [held("")], None, Policy(), is_policys_own=True)
    assert found.preferred is None


@pytest.mark.parametrize(
    ("today", "job", "works_today", "lacks"),
    [
        (["dockerhub", "dockerhub"], "", False, True),
        (["dockerhub", "dockerhub"], "org", False, True),
        (["dockerhub", "dockerhub"], "dockerhub", False, False),
        (["dockerhub", "dockerhub"], "org dockerhub", False, False),
        # Another context that tells of a registry may provide the same variables.
        (["hub-dev"], "hub-prod", False, False),
        (["hub-dev"], "github", False, True),
        # Nobody has seen the policy's variables in the file: what is held is not known for them.
        ([], "hub-prod", False, True),
        # What works today may have them from the project.
        (["docker-x", "docker-x", ""], "", True, False),
        (["docker-x", "docker-x", "aws"], "aws", True, False),
        (["org", "org"], "other", False, True),
        (["org", "org"], "other", True, False),
        (["org", "org"], "?", True, False),
        (["", ""], "", True, False),
    ],
)
def test_who_lacks_it(today: list[str], job: str, works_today: bool, lacks: bool) -> None:
    assert convention(today).lacks(held(job), works_today=works_today) == lacks


@pytest.mark.parametrize(
    ("today", "job", "is_asked"),
    [
        (["docker-x", "docker-x", ""], "", True),
        (["docker-x", "docker-x", "aws"], "aws", True),
        ([OURS, OURS, "aws"], "aws", False),
        ([OURS, OURS, ""], "", True),
        (["org", "org"], "other", False),
        (["org", "?"], "?", False),
        (["docker-x", ""], "", False),
        (["", ""], "", False),
    ],
)
def test_who_may_lack_it_today(today: list[str], job: str, is_asked: bool) -> None:
    assert convention(today).may_be_lacked_by(held(job)) == is_asked


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docker-hub-creds", True),
        ("DOCKERHUB", True),
        ("acme-registry", True),
        ("hub-prod", True),
        ("pull-only", True),
        ("github", False),
        ("github-token", False),
        ("bull", False),
        ("aws", False),
    ],
)
def test_names_that_tell_of_a_registry(name: str, expected: bool) -> None:
    assert is_about_a_registry(name) is expected


#: Every way of holding contexts whose names tell, are the policy's own, or neither.
NAMES = ("org", "docker-push", "my-dockerhub", OURS)
WAYS = [
    *(JobContexts(None, names) for size in range(4) for names in combinations(NAMES, size)),
    JobContexts(None, (EXPRESSION,)),
    JobContexts(None, ("org", EXPRESSION)),
]


def files(most: int = 3) -> Iterator[tuple[list[JobContexts], list[JobContexts]]]:
    """Every file of up to ``most`` workflow jobs, each authenticated today or still to be."""
    jobs = [(way, works) for way in WAYS for works in (True, False)]
    for size in range(1, most + 1):
        for chosen in combinations_with_replacement(jobs, size):
            yield (
                [way for way, works in chosen if works],
                [way for way, works in chosen if not works],
            )


def fixed(
    found: ContextConvention, jobs: Iterable[JobContexts], *, works_today: bool
) -> list[JobContexts]:
    return [
        replace(job, values=(*job.values, found.preferred))
        if found.preferred is not None and found.lacks(job, works_today=works_today)
        else job
        for job in jobs
    ]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("store", [None, CredentialStore.CONTEXT, CredentialStore.PROJECT])
def test_the_answer_is_the_same_once_the_change_is_made(
    store: CredentialStore | None, own: bool
) -> None:
    policy = Policy(credentials=store)
    wrong = []
    # Where the user says where they are, what other jobs have counts less.
    for today, coming in files(most=3 if store is None else 2):
        found = context_convention(today, coming, OURS, policy, is_policys_own=own)
        if any(found.cannot_be_had_by(job) for job in coming):
            continue  # other credentials are used for them
        after = fixed(found, today, works_today=True) + fixed(found, coming, works_today=False)
        again = context_convention(after, [], OURS, policy, is_policys_own=own)
        if fixed(again, after, works_today=True) != after:
            wrong.append((today, coming, found, again))
    assert wrong == []


def test_no_job_is_given_a_context_that_it_has_or_that_no_other_reader_holds() -> None:
    for today, coming in files():
        found = context_convention(today, coming, OURS, Policy(), is_policys_own=False)
        for works, jobs in ((True, today), (False, coming)):
            for job in jobs:
                if found.lacks(job, works_today=works):
                    assert found.preferred not in job.values
                    assert any(found.preferred in reader.values for reader in today)
        assert found.origin is not ContextOrigin.POLICY
