"""Who else means an anchored node."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.sharing import (
    Sharing,
    Users,
    aliases_on_the_way,
    merge_chain,
    node_anchor,
)
from cci_migrate.lossless.merging import entry_of, sources_of
from cci_migrate.lossless.nodes import Alias, Mapping, Node, resolved
from tests.circleci.configs import document_of

TEXT = """\
base: &base {image: a}
more: &more
  <<: *base
  auth: {}
unshared: {image: b}
list:
  - *base
  - <<: *more
  - <<: [*base, *more]
"""
DOCUMENT = document_of(TEXT)


def node(*route: str | int) -> Node:
    found = DOCUMENT.root
    for step in route:
        assert found is not None
        if isinstance(step, int):
            at = resolved(found)
            assert not isinstance(at, Mapping)
            found = at.items[step]  # type: ignore[union-attr]
        else:
            entry = entry_of(found, step)
            assert entry is not None
            found = entry.value
    assert found is not None
    return found


def mapping(*route: str | int) -> Mapping:
    found = resolved(node(*route))
    assert isinstance(found, Mapping)
    return found


@pytest.mark.parametrize(
    ("route", "lines"),
    [(("base",), [3, 7, 9]), (("more",), [8, 9]), (("unshared",), []), (("list",), [])],
)
def test_the_aliases_of_a_node(route: tuple[str], lines: list[int]) -> None:
    aliases = Sharing([DOCUMENT]).aliases_of(
        mapping(*route) if route != ("list",) else node(*route)
    )
    assert sorted(alias.source.position(alias.start).line for alias in aliases) == lines


@pytest.mark.parametrize(
    ("target", "known", "expected"),
    [
        (("unshared",), [], False),
        (("base",), [], True),
        (("base",), [("list", 0)], True),
        (("base",), [("more",), ("list", 0), ("list", 2)], False),
        (("more",), [("list", 1)], True),
        (("more",), [("list", 1), ("list", 2)], False),
    ],
)
def test_whether_others_use_it(
    target: tuple[str], known: list[tuple[str | int, ...]], expected: bool
) -> None:
    users = [node(*route) for route in known]
    assert Sharing([DOCUMENT]).has_other_users(mapping(*target), users) == expected


@pytest.mark.parametrize(
    ("route", "names"),
    [
        (("unshared",), []),
        (("list", 0), ["base"]),
        (("list", 1), ["base", "more"]),
        (("list", 2), ["base", "base", "more"]),
    ],
)
def test_the_aliases_on_the_way(route: tuple[str | int, ...], names: list[str]) -> None:
    assert sorted(alias.name for alias in aliases_on_the_way(node(*route))) == names


def test_anchors() -> None:
    assert node_anchor(node("base")) == "base"
    assert node_anchor(node("unshared")) is None
    alias = node("list", 0)
    assert isinstance(alias, Alias)
    assert node_anchor(alias) is None


@pytest.mark.parametrize(
    ("at", "holder", "length"),
    [
        (("base",), ("base",), 1),
        (("more",), ("base",), 2),
        (("list", 1), ("base",), 3),
        (("list", 2), ("base",), 2),
        (("unshared",), ("base",), 1),
    ],
)
def test_the_chain_of_merges(
    at: tuple[str | int, ...], holder: tuple[str, ...], length: int
) -> None:
    chain = merge_chain(mapping(*at), mapping(*holder))
    assert len(chain) == length
    assert chain[-1] is mapping(*at)
    if length > 1:
        assert chain[0] is mapping(*holder)


def test_what_a_mapping_gets_its_entries_from() -> None:
    found = list(sources_of(mapping("list", 1)))
    assert [user is mapping(*route) for user, route in zip(
        found, [("list", 1), ("more",), ("base",)], strict=True)] == [True, True, True]  # fmt: skip


def test_the_users_of_a_mapping() -> None:
    users = Users([("first", mapping("list", 1)), ("second", mapping("unshared"))])
    assert list(users.of(mapping("base"))) == ["first"]
    assert list(users.of(mapping("unshared"))) == ["second"]
    assert list(users.of(mapping("list", 2))) == []
