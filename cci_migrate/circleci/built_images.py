"""The names of the images that steps of a config build, tag or save."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from cci_migrate.circleci.config import Config
from cci_migrate.docker.container_tools import ANY_TOOL, Tool
from cci_migrate.docker.image_patterns import without_tag

_TOOL = re.compile(rf"\b(?:{ANY_TOOL})\b")
#: Each begins with literal characters and looks behind only then, for speed: the whole file is
#: searched.
_SAVED = re.compile(r"(?:save(?<=\ssave)|tag(?<=\stag))\s+(?:-o\s*\S+\s+)?[\"']?([^\s\"'>|;&]+)")
_TAG_OPTION = re.compile(r"-(?<=\s-)(?:t|-tag)[ =][\"']?([^\s\"']+)")


@lru_cache(maxsize=4)
def built_images(config: Config) -> frozenset[str]:
    """The names, without tags, of the images that some step of ``config`` makes."""
    return frozenset(without_tag(image) for text in config.texts for image in _built_in(text))


def _built_in(text: str) -> Iterator[str]:
    for match in _TAG_OPTION.finditer(text):
        yield match.group(1)
    done = 0
    for match in _SAVED.finditer(text) if any(tool.value in text for tool in Tool) else ():
        # The name of such a program precedes it on its line.
        start = max(done, text.rfind("\n", done, match.start()))
        if _TOOL.search(text, start, match.start()):
            yield match.group(1)
        done = match.end()
