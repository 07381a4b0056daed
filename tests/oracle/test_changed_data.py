"""Which differences in the data of a config are those that a fix makes."""

from __future__ import annotations

import pytest

from tests.oracle.changed_data import DataChange, DataChangeKind, compare_data
from tests.oracle.plain_yaml import read

Kind = DataChangeKind
LOGIN_COMMAND = "commands: {hub: {steps: [run: docker login -u u]}}"
PUSHES = "commands: {hub: {steps: [run: docker login -u u && docker push x]}}"
SHARED = "workflows: {w: {jobs: [build: {context: *n}]}}"


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("d: {image: a}", "d: {image: a, auth: {username: u, password: p}}", Kind.AUTH_ADDED),
        (
            "d: {image: a, auth: {username: u}}",
            "d: {image: a, auth: {username: u, password: p}}",
            Kind.AUTH_CHANGED,
        ),
        (
            "d: {image: a, auth: {password: p}}",
            "d: {image: a, auth: {password: $P}}",
            Kind.AUTH_CHANGED,
        ),
        ("jobs: [build]", "jobs: [build: {context: c}]", Kind.CONTEXT_ADDED),
        ("jobs: [build: ]", "jobs: [build: {context: c}]", Kind.CONTEXT_ADDED),
        ("build: {context: a}", "build: {context: [a, b]}", Kind.CONTEXT_ADDED),
        ("build: {context: [a]}", "build: {context: [a, b]}", Kind.CONTEXT_ADDED),
        ("build: {requires: [a]}", "build: {requires: [a], context: [b]}", Kind.CONTEXT_ADDED),
        ("steps: [checkout]", "steps: [docker/check, checkout]", Kind.LOGIN_ADDED),
        (
            "steps: [checkout]",
            "steps: [checkout, {run: echo $P | docker login -u $U --password-stdin}]",
            Kind.LOGIN_ADDED,
        ),
        (
            "orbs: {node: a/b@1}",
            "orbs: {node: a/b@1, docker: circleci/docker@4.0.1}",
            Kind.ORB_ADDED,
        ),
        ("version: 2", "{version: 2, orbs: {docker: circleci/docker@4.0.1}}", Kind.ORB_ADDED),
        (
            "steps: [run: docker login -u a -p $P]",
            "steps: [run: echo $P | docker login -u a --password-stdin]",
            Kind.LOGIN_REWRITTEN,
        ),
        ("run: a", "run: docker login --password-stdin\n\n  a", Kind.LOGIN_ADDED),
        ("jobs: {a: {context: c, x: 1}}", "jobs: {a: {x: 1}}", Kind.CONTEXT_MOVED),
        (f"{LOGIN_COMMAND}\nsteps: [x]", f"{LOGIN_COMMAND}\nsteps: [hub, x]", Kind.LOGIN_ADDED),
        (f"names: &n [a]\n{SHARED}", f"names: &n [a, b]\n{SHARED}", Kind.CONTEXT_ADDED),
        # What no fix does.
        (
            "workflows: {w: {jobs: [a: {context: c, x: 1}]}}",
            "workflows: {w: {jobs: [a: {x: 1}]}}",
            Kind.OTHER,
        ),
        ("steps: [checkout]", "steps: [hub, checkout]", Kind.OTHER),
        (f"{PUSHES}\nsteps: [x]", f"{PUSHES}\nsteps: [hub, x]", Kind.OTHER),
        ("names: [a]", "names: [a, b]", Kind.OTHER),
        ("a: {b: 1}", "a: {b: 2}", Kind.OTHER),
        ("a: {b: 1}", "a: {}", Kind.OTHER),
        ("a: {b: 1}", "a: {b: 1, c: 2}", Kind.OTHER),
        ("a: {}", "a: {auth: {username: u, password: p}}", Kind.OTHER),
        ("version: 2", "version: 2.1", Kind.OTHER),
        ("build: {context: [a]}", "build: {context: [b, a]}", Kind.CONTEXT_ADDED),
        ("build: {context: [a, c]}", "build: {context: [a, b, c]}", Kind.OTHER),
        ("build: {context: [a, b]}", "build: {context: [a]}", Kind.OTHER),
        ("jobs: [build]", "jobs: [build: {context: c, requires: [a]}]", Kind.OTHER),
        ("jobs: [build]", "jobs: [test: {context: c}]", Kind.OTHER),
        ("steps: [checkout]", "steps: [docker/check]", Kind.OTHER),
        ("steps: [checkout]", "steps: [checkout, {run: docker login -p $P}]", Kind.OTHER),
        ("steps: [checkout]", "steps: [checkout, checkout]", Kind.OTHER),
        ("steps: [a, b]", "steps: [docker/check, a]", Kind.OTHER),
        ("run: a", "run: b", Kind.OTHER),
        ("version: 2", "{version: 2, orbs: {docker: circleci/docker@4, x: a/b@1}}", Kind.OTHER),
        ("steps: [a, b]", "steps: [b, a]", Kind.OTHER),
        ("orbs: {node: a/b@1}", "orbs: {node: a/b@1, x: evil/x@1}", Kind.OTHER),
    ],
)
def test_kinds(before: str, after: str, kind: Kind) -> None:
    kinds = {change.kind for change in compare_data(read(before), read(after))}
    assert kind in kinds
    assert (Kind.OTHER in kinds) is (kind is Kind.OTHER)


def test_the_same_data_have_no_differences() -> None:
    assert compare_data(read("a: &x [1]\nb: *x"), read("{a: [1], b: [1]}")) == []


def test_a_difference_is_told_for_each_place_that_an_alias_brings_it_to() -> None:
    before, after = read("a: &x {k: 1}\nb: *x"), read("a: &x {k: 2}\nb: *x")
    assert compare_data(before, after) == [
        DataChange(".a.k", Kind.OTHER),
        DataChange(".b.k", Kind.OTHER),
    ]
