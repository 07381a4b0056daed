"""Where a file keeps its variables: told the same before and after the change that follows."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from cci_migrate.assessing.context_conventions import ContextConvention, context_convention
from cci_migrate.circleci.workflow_jobs import HeldContexts
from cci_migrate.policy import DEFAULT_DOCKER_HUB, CredentialStore, Policy

NONE: tuple[str, ...] = ()
OURS = "docker-hub-creds"
HELD = (NONE, ("aws",), ("docker-x",), (OURS,), ("aws", "b"), ("aws", "docker-x"))
Names = tuple[str, ...]


def convention(
    today: tuple[Names, ...],
    coming: tuple[Names, ...] = (),
    credentials: CredentialStore | None = None,
) -> ContextConvention:
    return context_convention(
        [holding(names) for names in today],
        [holding(names) for names in coming],
        DEFAULT_DOCKER_HUB,
        Policy(credentials=credentials),
    )


def holding(names: Names) -> HeldContexts:
    return HeldContexts(None, names, has_expression=False)


def fixed(names: Names, found: ContextConvention, *, works_today: bool) -> Names:
    lacks = found.lacks(holding(names), works_today=works_today)
    return (*names, found.preferred) if lacks and found.preferred is not None else names


@pytest.mark.parametrize(
    ("today", "coming", "preferred"),
    [
        pytest.param((), (NONE,), OURS, id="nothing to go by: the policy's"),
        pytest.param((NONE, NONE), (NONE,), None, id="authenticated without: the project's"),
        pytest.param((("docker-x",), NONE), (NONE,), "docker-x", id="named after Docker"),
        pytest.param((("team",), ("team", "aws")), (NONE,), "team", id="common to all"),
        pytest.param((("a", "b"),), (NONE,), OURS, id="one of two, nobody knows which"),
        pytest.param((NONE,), (("docker-x",),), None, id="what others hold for other ends"),
    ],
)
def test_what_is_preferred(
    today: tuple[Names, ...], coming: tuple[Names, ...], preferred: str | None
) -> None:
    assert convention(today, coming).preferred == preferred


@pytest.mark.parametrize(
    ("today", "names", "lacks"),
    [
        pytest.param((("docker-x",), ("docker-x",), NONE), NONE, True, id="forgotten"),
        pytest.param((("docker-x",), ("docker-x",), ("aws",)), ("aws",), True, id="most tell"),
        pytest.param(((OURS,), (OURS,), ("aws",)), ("aws",), False, id="perhaps from the other"),
        pytest.param((("a", "b"),), ("a", "b"), False, id="works, nobody knows why"),
        pytest.param((NONE, NONE), NONE, False, id="the project's"),
    ],
)
def test_jobs_that_work_today(today: tuple[Names, ...], names: Names, lacks: bool) -> None:
    assert convention(today).lacks(holding(names), works_today=True) is lacks


@pytest.mark.parametrize("credentials", [None, *CredentialStore])
def test_a_second_look_asks_for_nothing_more(credentials: CredentialStore | None) -> None:
    for today_count in range(4):
        for coming_count in range(3):
            for today in combinations_with_replacement(HELD, today_count):
                for coming in combinations_with_replacement(HELD, coming_count):
                    first = convention(today, coming, credentials)
                    after = (
                        *(fixed(names, first, works_today=True) for names in today),
                        *(fixed(names, first, works_today=False) for names in coming),
                    )
                    then = convention(after, (), credentials)
                    again = tuple(fixed(names, then, works_today=True) for names in after)
                    assert again == after, (today, coming)
