"""A policy as plain data, so that a campaign is applied with the policy it was planned with.

Read off the types of `Policy` itself: a field that is added there is recorded here.
"""

from __future__ import annotations

import types
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import fields

from cci_migrate.policy.model import Policy

_T = TypeVar("_T")

#: Names the class of a value that may be of several; no field may be called so.
_CLASS = "class"


class PolicyRecordError(ValueError):
    """What was recorded is not a policy of this version of the tool."""


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """``policy`` as JSON can hold it."""
    plain: dict[str, Any] = _plain(policy)
    return plain


def policy_from_json(data: dict[str, Any]) -> Policy:
    """The inverse of `policy_to_json`; what ``data`` does not name has its default.

    Raises PolicyRecordError for what this version of the tool does not know.
    """
    return _made(Policy, data)


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {_CLASS: type(value).__name__, **named}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a policy cannot hold a {type(value).__name__}")


def _made(kind: type[_T], data: Any) -> _T:
    hints = get_type_hints(kind)
    unknown = sorted(data.keys() - hints.keys() - {_CLASS})
    if unknown:
        raise PolicyRecordError(f"{', '.join(unknown)}: not known to this version of cci-migrate")
    return kind(**{name: _value(hints[name], data[name]) for name in hints.keys() & data.keys()})


def _value(hint: Any, data: Any) -> Any:
    """``data`` as a value of the type ``hint``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        choices = [one for one in arguments if one is not type(None)]
        if len(choices) > 1:
            choices = [one for one in choices if one.__name__ == data[_CLASS]]
        if not choices:
            raise PolicyRecordError(f"{data[_CLASS]}: not known to this version of cci-migrate")
        return _value(choices[0], data)
    if origin is tuple:
        return tuple(_value(arguments[0], one) for one in data)
    if origin is frozenset:
        return frozenset(_value(arguments[0], one) for one in data)
    if not isinstance(hint, type):
        raise TypeError(f"a policy cannot hold a {hint}")
    if issubclass(hint, Enum):
        return hint(data)
    return _made(hint, data) if issubclass(hint, Struct) else data
