"""Which names a config that has none of its own may take from those beside it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.oracle.fix_judge import DEFAULT_NAMES, DOCUMENTED_USER, Expected
from tests.oracle.plain_yaml import Data
from tests.oracle.pulled_images import VARIABLE, Image, PulledImages, pulled_images


def expected_names(config: Data, siblings: Iterable[Data]) -> tuple[Expected, ...]:
    """The names that a fix of ``config`` may bring in; of several, any.

    Its ``siblings`` are the other configs of the repository: what they agree on holds for it too.
    """
    if _shows_names(pulled_images(config)):
        return (DEFAULT_NAMES,)
    shown = {
        Expected(image.credential, context)
        for sibling in siblings
        for job in pulled_images(sibling).workflow_jobs
        for image in job.images
        if _has_names(image)
        for context in (job.contexts or (None,))
    }
    return tuple(shown) if len(shown) == 1 else (*shown, DEFAULT_NAMES)


def _shows_names(pulled: PulledImages) -> bool:
    return bool(pulled.logins | pulled.publishing) or any(map(_has_names, pulled.images))


def _has_names(image: Image) -> bool:
    username, password = image.credential
    is_own = image.is_hub and username != DOCUMENTED_USER
    return is_own and VARIABLE.match(password) is not None
