"""Recognises steps that push images."""

from __future__ import annotations

import re

from cci_migrate.circleci.steps import Step, script_node
from cci_migrate.docker.container_tools import ANY_TOOL
from cci_migrate.docker.image_reference import Undecidable, registry_of
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host

#: A push of images, in a script or in an orb's command.
_PUSH = re.compile(r"\bpush\b|[-_]push\b|\bpublish\b")
#: ``git push``, ``git -C site push``.
_OF_GIT = re.compile(r"(?<![\w./-])git\s[^\n;&|()`]*")


def is_push(step: Step) -> bool:
    """Whether ``step`` seems to push an image, going by its text."""
    script = script_node(step)
    text = step.name if script is None else script.value
    if "push" not in text and "publish" not in text:
        return False
    return _PUSH.search(_OF_GIT.sub("", text)) is not None


#: ``docker push``, with its options and the image behind it.
_OF_DOCKER = re.compile(
    rf"\b(?:{ANY_TOOL})(?:[ \t]+image)?[ \t]+push"
    r"(?:[ \t]+-[\w-]+(?:=\S*)?)*[ \t]+[\"']?([^\s\"';&|()<>`]+)"
)
#: Orbs whose commands push to the registry of their cloud, and to no other.
_OF_CLOUDS = frozenset(
    {"circleci/aws-ecr", "circleci/gcp-gcr", "circleci/gcp-artifact-registry", "circleci/azure-acr"}
)


def may_push_to(step: Step, host: str) -> bool:
    """Whether ``step`` seems to push an image, and not to another registry than ``host``."""
    if not is_push(step):
        return False
    orb = step.home.imported.get(step.name.partition("/")[0])
    if orb is not None and orb.name in _OF_CLOUDS:
        return normalise_host(host) != DOCKER_HUB
    node = script_node(step)
    if node is None or not _OF_DOCKER.search(node.value):
        return True
    others = _OF_DOCKER.sub("", _OF_GIT.sub("", node.value))
    return _PUSH.search(others) is not None or any(
        _may_be_on(host, image) for image in _OF_DOCKER.findall(node.value)
    )


def _may_be_on(host: str, image: str) -> bool:
    registry = registry_of(image)
    return isinstance(registry, Undecidable) or registry == normalise_host(host)
