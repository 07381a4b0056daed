"""Keeps fields out of a repr: passwords, and texts that may contain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct


def repr_without(*hidden: str) -> Callable[[Any], str]:
    """A ``__repr__`` for a struct, without the fields ``hidden``."""

    def visible_repr(value: Struct) -> str:
        fields = ", ".join(
            f"{name}={getattr(value, name)!r}"
            for name in value.__struct_fields__
            if name not in hidden
        )
        return f"{type(value).__name__}({fields})"

    return visible_repr
