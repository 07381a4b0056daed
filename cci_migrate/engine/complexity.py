"""Configs that are too complex to work on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.engine.outcomes import Failed

_T = TypeVar("_T")


def unless_too_complex(paths: tuple[str, ...], work: Callable[[], _T]) -> _T | Failed:
    """What ``work`` on the config with the files ``paths`` returns, or that it is too complex."""
    try:
        return work()
    except TooComplexError as error:
        reason = str(error)
    except RecursionError:
        reason = "its collections, aliases or scripts are nested too deeply"
    return Failed(paths, reason, "simplify it, or edit it by hand")
