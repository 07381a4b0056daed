"""The versions of CircleCI's config language: what each supports, and which are sunset.

https://circleci.com/docs/reference/configuration-reference/#version
"""

from __future__ import annotations

from msgspec import Struct


class ConfigVersion(Struct, frozen=True):
    """A version; ``names`` are what a config can call it.

    ``supports_orbs``: and commands, executors, parameters and expressions. ``sunset`` is the day on
    which CircleCI Cloud ended its support, None if it has not.
    """

    names: tuple[str, ...]
    supports_orbs: bool
    sunset: str | None = None


#: https://discuss.circleci.com/t/54719
VERSION_2 = ConfigVersion(("2", "2.0"), supports_orbs=False, sunset="21 September 2026")
VERSION_2_1 = ConfigVersion(("2.1",), supports_orbs=True)


def version_named(name: str) -> ConfigVersion:
    """The version that a config calls ``name``; an unknown one is taken for the newest."""
    return VERSION_2 if name.strip() in VERSION_2.names else VERSION_2_1
