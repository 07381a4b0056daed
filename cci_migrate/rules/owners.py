"""Who has the images of a finding, in its text."""

from __future__ import annotations

from cci_migrate.circleci.images import PulledImage
from cci_migrate.wording import listed


def owners_of(*images: PulledImage) -> str:
    """The jobs and executors with ``images`` in their lists: ``job lint and 3 others``."""
    titles = list(dict.fromkeys(owner.title for image in images for owner in image.owners))
    if len(titles) <= 3:
        return listed(titles)
    return f"{titles[0]} and {len(titles) - 1} others"
