"""Which names of other configs of the repository a config may take."""

from __future__ import annotations

import pytest

from tests.oracle.fix_judge import DEFAULT_NAMES, Expected
from tests.oracle.plain_yaml import read
from tests.oracle.sibling_names import expected_names

BARE = "{version: 2.1, jobs: {a: {docker: [image: redis]}}, workflows: {w: {jobs: [a]}}}"
NAMED = """\
version: 2.1
jobs:
  b: {docker: [{image: redis, auth: {username: me, password: $PEAR}}]}
workflows: {w: {jobs: [b: {context: pears}]}}
"""
OF_ANOTHER_REGISTRY = NAMED.replace("redis", "quay.io/acme/x")
IN_PROJECT = NAMED.replace("context: pears", "")
PEARS = Expected(("me", "$PEAR"), "pears")


@pytest.mark.parametrize(
    ("config", "siblings", "expected"),
    [
        pytest.param(BARE, [], {DEFAULT_NAMES}, id="alone"),
        pytest.param(BARE, [BARE], {DEFAULT_NAMES}, id="a sibling without names"),
        pytest.param(BARE, [NAMED, BARE], {PEARS}, id="a sibling with names"),
        pytest.param(BARE, [IN_PROJECT], {Expected(("me", "$PEAR"), None)}, id="of the project"),
        pytest.param(BARE, [OF_ANOTHER_REGISTRY], {DEFAULT_NAMES}, id="of another registry"),
        pytest.param(
            BARE,
            [NAMED, NAMED.replace("me,", "you,")],
            {PEARS, Expected(("you", "$PEAR"), "pears"), DEFAULT_NAMES},
            id="they differ",
        ),
        pytest.param(NAMED, [NAMED.replace("me,", "you,")], {DEFAULT_NAMES}, id="it has its own"),
    ],
)
def test_expected_names(config: str, siblings: list[str], expected: set[Expected]) -> None:
    assert set(expected_names(read(config), map(read, siblings))) == expected
