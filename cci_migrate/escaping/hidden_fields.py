"""Fields that a value does not show: passwords, and texts that may hold one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct


def repr_without(*hidden: str) -> Callable[[Any], str]:
    """A ``__repr__`` for a struct that leaves out the fields ``hidden``."""

    def shown(value: Struct) -> str:
        fields = ", ".join(
            f"{name}={getattr(value, name)!r}"
            for name in value.__struct_fields__
            if name not in hidden
        )
        return f"{type(value).__name__}({fields})"

    return shown
