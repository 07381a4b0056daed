"""Recognises steps that push images."""

from __future__ import annotations

import re

from cci_migrate.circleci.steps import Step
from cci_migrate.lossless.merging import text_of, value_of
from cci_migrate.lossless.nodes import resolved

#: A push of images, in a script or in an orb's command.
_PUSH = re.compile(r"\bpush\b|[-_]push\b|\bpublish\b")
#: ``git push``, ``git -C site push``.
_OF_GIT = re.compile(r"(?<![\w./-])git\s[^\n;&|()`]*")


def is_push(step: Step) -> bool:
    """Whether ``step`` seems to push an image, going by its text."""
    texts = [step.name]
    value = None if step.value is None else resolved(step.value)
    if step.name == "run":
        texts += [text for text in (text_of(value), text_of(value_of(value, "command"))) if text]
    return any(_PUSH.search(_OF_GIT.sub("", text)) for text in texts)
