"""YAML files that Docker's tools and task runners read, as plain data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import Struct


class NotYaml(Struct, frozen=True):
    """Why a text has no data."""

    reason: str


@lru_cache(maxsize=64)
def yaml_data(text: str) -> Any | NotYaml:
    """The data in the YAML file ``text``. Cached: callers must not change them."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _loader().load(text)
    except MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        return NotYaml(f"not YAML: {error.problem}{line}")
    except (YAMLError, ValueError, RecursionError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        return NotYaml(f"not YAML: {reason}")


def as_mapping(value: Any, key: str) -> Any:
    """``value``, which may be written short: as the value of ``key`` alone."""
    return value if isinstance(value, dict) else {key: value}


def text_of_value(value: Any) -> str:
    """A plain value as a text: ``true``, ``8080``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1)
def _loader() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor

    class Constructor(SafeConstructor):  # type: ignore[misc,unused-ignore]
        """Reads ``!reset``, which removes a value, as null; ignores other tags (``!override``)."""

    def untagged(constructor: Any, suffix: str, node: Any) -> Any:
        kind = node.id
        if suffix == "reset":
            return None
        if kind == "mapping":
            return constructor.construct_mapping(node, deep=True)
        if kind == "sequence":
            return constructor.construct_sequence(node, deep=True)
        return constructor.construct_scalar(node)

    Constructor.add_multi_constructor("!", untagged)
    loader = YAML(typ="safe", pure=True)
    loader.Constructor = Constructor
    # It is no fault, and the warning would show the file's lines with their secrets.
    loader.composer.warn_double_anchors = False
    loader.allow_duplicate_keys = True
    return loader
