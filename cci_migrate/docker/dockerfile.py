"""Which images a Dockerfile makes the builder fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """What in a Dockerfile fetches an image."""

    FROM = "FROM"
    COPY_FROM = "COPY --from"
    MOUNT_FROM = "RUN --mount=from"
    SYNTAX = "# syntax"


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image that a build fetches; ``line`` counts from 1.

    ``image`` holds what `ARG` defaults and build arguments give; a variable that neither gives
    stays as it is written and is a placeholder to `registry_of`.
    """

    image: str
    reason: Reason
    line: int


def images_of(
    text: str,
    target: str | None = None,
    build_args: Mapping[str, str | None] | None = None,
    build_contexts: Mapping[str, str] | None = None,
) -> tuple[FetchedImage, ...]:
    """The images that building ``target`` (the last stage by default) of ``text`` fetches.

    ``build_args``: what ``--build-arg`` sets; None is a value from the environment, not known here.
    ``build_contexts``: what ``--build-context NAME=VALUE`` puts in the place of names.
    Stages that the target does not need are left out, as BuildKit does. A target that the text
    lacks counts as the last stage.
    """
    raise NotImplementedError
