"""CircleCI's published JSON schema, as a measure of what a fix did to a config.

The schema refuses configs that CircleCI runs (every version 2.0 one, ``gcp_auth``), so it never
says that a config is wrong: only whether a fix made it worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from tests.oracle.plain_yaml import Data, mapping_of

#: Where in the data, and which keyword of the schema it does not satisfy.
SchemaError = tuple[str, str]


class ConfigSchema:
    """CircleCI's schema, ready to be asked."""

    def __init__(self, schema: dict[str, object]) -> None:
        self._validator = Draft7Validator(schema)

    def new_errors(self, before: Data, after: Data) -> list[SchemaError]:
        """What the schema has against ``after`` and had not against ``before``.

        Both are looked at as version 2.1, else a 2.0 config's version would hide all the rest.
        """
        new = self._errors(after)
        return sorted(new - self._errors(before)) if new else []

    def _errors(self, config: Data) -> set[SchemaError]:
        data = {**mapping_of(config), "version": 2.1}
        return set(_leaves(self._validator.iter_errors(data)))


def _leaves(errors: Iterable[ValidationError]) -> Iterator[SchemaError]:
    for error in errors:
        yield ".".join(str(part) for part in error.absolute_path), str(error.validator)
        yield from _leaves(error.context or ())
