"""Which lines are still there, and why those that are not may be gone."""

from __future__ import annotations

import pytest

from tests.oracle.changed_text import (
    AlterationKind,
    TextChange,
    broken_frame,
    compare_text,
    lines_of,
)
from tests.oracle.explained_lines import Reason, explain

WORDS = frozenset({"hub", "$U", "$P"})


def reason_for(before: str, after: str) -> Reason | None:
    (alteration,) = compare_text(before, after).alterations
    return explain(alteration, lines_of(after), WORDS)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("- build # c\n", "- build: # c\n    context: hub\n", Reason.ENTRY_BECAME_MAPPING),
        ('- "a b"\n', '- "a b":\n    context: hub\n', Reason.ENTRY_BECAME_MAPPING),
        ("- *image\n", "- <<: *image\n  auth: x\n", Reason.ALIAS_BECAME_MERGE),
        ("- job: *all\n", "- job:\n    <<: *all\n    context: hub\n", Reason.ALIAS_BECAME_MERGE),
        ("context: aws # c\n", "context: # c\n  - aws\n  - hub\n", None),
        ("context: aws\n", "context:\n  - aws\n  - hub\n", Reason.CONTEXT_BECAME_LIST),
        ("context: u\n", "context:\n  - hub\n  - u\n", Reason.CONTEXT_BECAME_LIST),
        ("context: aws\n", "context: [aws, hub]\n", Reason.CONTEXT_BECAME_LIST),
        ("context: [aws]\n", "context: [aws, hub]\n", Reason.CONTEXT_EXTENDED),
        ("- {image: a}\n", "- {image: a, auth: {username: $U}}\n", Reason.FLOW_EXTENDED),
        ("jobs: [a]\n", "jobs: [{a: {context: hub}}]\n", Reason.FLOW_EXTENDED),
        ("auth:\n", "auth: *hub\n", Reason.VALUE_FILLED),
        ("- a: null # c\n", "- a: # c\n    context: hub\n", Reason.VALUE_FILLED),
        (
            "[a: ~, b: ~, d: ~]\n",
            "[a: {context: hub}, b: {context: hub}, d: ~]\n",
            Reason.VALUE_FILLED,
        ),
        ("[a: ~, b]\n", "[a: {context: hub}, b]\n", Reason.VALUE_FILLED),
        ("password: secret\n", "password: $P\n", Reason.CREDENTIAL_REPLACED),
        ("username: u\n", "auth:\n  username: u\n", Reason.LOGIN_MOVED),
        ("<<: *login\n", "auth: *login\n", Reason.LOGIN_MOVED),
        ("a: 1\n", "<<: &b\n  a: 1\n", Reason.ARGUMENTS_MERGED),
        ("context: hub\n", "", Reason.CONTEXT_MOVED),
        ("contexts: [u] # c\n", "context: [u] # c\n", Reason.CONTEXT_MOVED),
        ("  - hub\n", "", Reason.CONTEXT_MOVED),
        # What no fix may do.
        ("- build # c\n", "- build:\n    context: hub\n", None),
        ("- build\n", "- build2:\n", None),
        ("command: make\n", "command: make hub\n", None),
        ("- a: null # c\n", "- a:\n    context: hub\n", None),
        ("- a: null\n", "- a:\n    user: hub\n", Reason.VALUE_FILLED),
        ("- {image: a}\n", "- {image: b, auth: {username: $U}}\n", None),
        ("- {image: a}\n", "- {image: a, user: root}\n", None),
        ("context: aws\n", "context: hub\n", None),
        ("password: secret\n", "password: other\n", None),
        ("a: 1\n", "<<: *b\n  a: 1\n", None),
        ("  - other\n", "", None),
        ("# comment\n", "", None),
        ("\n", "", None),
    ],
)
def test_reasons(before: str, after: str, reason: Reason | None) -> None:
    assert reason_for(before, after) is reason


def test_added_lines_alter_nothing() -> None:
    assert compare_text("a: 1\nb: 2\n", "a: 1\nx:\n  y: 3\nb: 2\n") == TextChange(2, ())


def test_a_byte_order_mark_is_part_of_no_line() -> None:
    change = compare_text("\ufeff{a: [b]}\n", "\ufeff{a: [b, {hub: $U}]}\n")
    assert [alteration.kind for alteration in change.alterations] == [AlterationKind.EXTENDED]


def test_a_last_line_may_get_a_break() -> None:
    assert compare_text("a: 1\nb: 2", "a: 1\nb: 2\nc: 3") == TextChange(1, ())


def test_a_lost_line_does_not_hide_the_next() -> None:
    change = compare_text("one\ntwo\nthree\nfour\n", "one\nfour\n")
    assert [alteration.line for alteration in change.alterations] == [2, 3]
    assert {alteration.kind for alteration in change.alterations} == {AlterationKind.LOST}


def test_lines_that_change_places_are_seen() -> None:
    assert compare_text("one\ntwo\n", "two\none\n").alterations


@pytest.mark.parametrize(
    ("before", "after", "amount"),
    [
        (b"a\r\nb\r\n", b"a\r\nx\r\nb\r\n", 0),
        (b"a\r\nb\r\n", b"a\r\nx\nb\r\n", 1),
        (b"a\r\nb\n", b"a\nx\r\nb\n", 0),
        (b"a\r\nb\n", b"a\nx\nb\n", 1),
        (b"\xef\xbb\xbfa\n", b"a\nb\n", 1),
        (b"a", b"a\nb", 0),
        (b"a", b"a\nb\n", 1),
        (b"a\n\n", b"a\nb\n", 1),
    ],
)
def test_frame(before: bytes, after: bytes, amount: int) -> None:
    assert len(list(broken_frame(before, after))) == amount
