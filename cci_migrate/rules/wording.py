"""Lists of names and of owners in the text of findings."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.circleci.images import PulledImage


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def owners_of(*images: PulledImage) -> str:
    """The jobs and executors with ``images`` in their lists: ``job lint and 3 others``."""
    titles = list(dict.fromkeys(owner.title for image in images for owner in image.owners))
    if len(titles) <= 3:
        return listed(titles)
    return f"{titles[0]} and {len(titles) - 1} others"
