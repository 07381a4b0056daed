"""A fix must not give a config errors that it had not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.config_schema import ConfigSchema
from tests.oracle.plain_yaml import read
from tests.published_schemas import published_schema
from tools.shared_data import circleci_schema

BEFORE = "version: 2.1\njobs: {build: {docker: [{image: redis}], steps: [checkout]}}\n"
AUTH = "{image: redis, auth: {username: $U, password: $P}}"


@pytest.fixture(scope="module")
def schema() -> ConfigSchema:
    return ConfigSchema(published_schema("circleciconfig"))


@pytest.fixture(scope="module")
def newer_schema(reference: Path) -> ConfigSchema:
    return ConfigSchema(circleci_schema(reference))


@pytest.mark.parametrize("version", ["2", "2.1"])
def test_a_right_fix_gives_no_new_errors(schema: ConfigSchema, version: str) -> None:
    before = BEFORE.replace("2.1", version)
    after = before.replace("{image: redis}", AUTH)
    assert schema.new_errors(read(before), read(after)) == []


@pytest.mark.parametrize("version", ["2", "2.1"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{image: redis}", "{image: redis, username: $U, password: $P}"),
        ("{image: redis}", "{image: redis, auth: null}"),
        ("}}\n", "}}\nworkflows: {w: {jobs: [{build: null, context: c}]}}\n"),
    ],
)
def test_a_wrong_fix_gives_new_errors(
    schema: ConfigSchema, version: str, old: str, new: str
) -> None:
    before = BEFORE.replace("2.1", version)
    assert schema.new_errors(read(before), read(before.replace(old, new)))


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{image: redis}", "{image: redis, auth: {username: $U}}"),
        ("steps:", "auth: {username: $U, password: $P}, steps:"),
    ],
)
def test_a_newer_schema_sees_more(newer_schema: ConfigSchema, old: str, new: str) -> None:
    assert newer_schema.new_errors(read(BEFORE), read(BEFORE.replace(old, new)))


def test_an_error_that_was_there_before_is_not_new() -> None:
    small = ConfigSchema({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    assert small.new_errors({"a": 1}, {"a": 2}) == []
    assert small.new_errors({"a": 1}, {"a": 1, "b": 1}) == [("b", "type")]


def test_errors_of_alternatives_are_seen_where_the_whole_was_wrong_before() -> None:
    job = {
        "oneOf": [
            {"required": ["docker"], "properties": {"docker": {"maxItems": 1}}},
            {"required": ["machine"]},
        ]
    }
    small = ConfigSchema({"properties": {"job": job}})
    before: dict[str, object] = {"job": {"steps": []}}
    assert small.new_errors(before, {"job": {"docker": [1, 2]}}) == [("job.docker", "maxItems")]
