"""What the commands of docker, podman and buildah give that name images.

Some pull them, some make local ones, some only name them. Each function is handed the words behind
the command's name, the tool that runs it, and how the script does: `Invocation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cci_migrate.docker.container_tools import Purpose, Tool
from cci_migrate.docker.shell.command_line import CommandLine, parse
from cci_migrate.docker.shell.docker_options import (
    BUILDER_SWITCHES,
    COMMIT_SWITCHES,
    FROM_SWITCHES,
    IMAGETOOLS_SWITCHES,
    MANIFEST_SWITCHES,
    NAMING_SWITCHES,
    PLUGIN_SWITCHES,
    PULL_SWITCHES,
    REMOVE_SWITCHES,
    RUN_SWITCHES,
    SERVICE_SWITCHES,
    WITH_LOGIN,
)
from cci_migrate.docker.shell.facts import (
    Fact,
    ImagePull,
    LocalImage,
    NamedImage,
    Quoting,
    Verb,
    Word,
)
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_access import client_access, registries_holding, written_pair
from cci_migrate.docker.shell.shell_words import expands_braces

_ANCESTOR = "ancestor="


def _image_facts(line: CommandLine, verb: Verb, tool: Tool, invocation: Invocation) -> list[Fact]:
    policy = line.text("--pull") or ""
    if policy == "never" or line.has("--pull-never"):
        return []
    images: list[Word | None] = list(line.arguments[:1])
    if verb is Verb.PULL:
        # podman accepts several; docker rejects them, so nothing is lost.
        images = list(line.arguments)
    if not images and invocation.xargs_appends:
        images = [None]
    if line.last("--creds") is not None:
        credentials = written_pair(line, "--creds")
        return [
            client_access(Purpose.PULL, registries_holding(image.value), credentials, invocation)
            for image in images
            if image is not None
        ]
    always = verb is Verb.PULL or policy in ("always", "newer") or line.has("--pull-always")
    config = invocation.config_of(tool)
    return [
        ImagePull(*invocation.at, tool, verb, _known(image, invocation), always, config)
        for image in images
    ]


def _known(image: Word | None, invocation: Invocation) -> Word | None:
    """``image`` if it is known which one the command gets."""
    if image is None or not image.value or expands_braces(image):
        return None
    return None if invocation.replaces and invocation.replaces in image.value else image


def pull_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker pull``: the images that it pulls."""
    return _image_facts(parse(words, PULL_SWITCHES), Verb.PULL, tool, invocation)


def start_facts(
    verb: Verb, words: Sequence[Word], tool: Tool, invocation: Invocation
) -> list[Fact]:
    """``docker run``, ``docker create``: the image that it pulls unless it is there."""
    return _image_facts(parse(words, RUN_SWITCHES, interspersed=False), verb, tool, invocation)


def service_facts(
    verb: Verb, words: Sequence[Word], tool: Tool, invocation: Invocation
) -> list[Fact]:
    """``docker service create|update``: the image that the nodes of the swarm pull."""
    creates = verb is Verb.SERVICE_CREATE
    line = parse(words, SERVICE_SWITCHES, interspersed=not creates)
    image = next(iter(line.arguments), None) if creates else line.last("--image")
    if image is None or line.has("--help"):
        return []
    return [
        ImagePull(
            *invocation.at,
            tool,
            verb,
            image,
            always_pulls=False,
            config=invocation.config_of(tool),
            keeps_login=not line.has(WITH_LOGIN),
        )
    ]


def plugin_facts(
    verb: Verb, words: Sequence[Word], tool: Tool, invocation: Invocation
) -> list[Fact]:
    """``docker plugin install|upgrade``: the plugin, which is an image.

    A plugin to upgrade comes from where it came from before, unless a second argument says whence.
    """
    line = parse(words, PLUGIN_SWITCHES)
    at = 0 if verb is Verb.PLUGIN_INSTALL or len(line.arguments) == 1 else 1
    return _requests(line, line.arguments[at : at + 1], verb, tool, invocation)


def manifest_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker manifest inspect``: the image whose manifest it gets, which counts as a pull.

    https://docs.docker.com/docker-hub/usage/pulls/
    """
    line = parse(words, MANIFEST_SWITCHES)
    return _requests(line, line.arguments[-1:], Verb.MANIFEST_INSPECT, tool, invocation)


def imagetools_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker buildx imagetools inspect|create``: the images whose manifests it gets."""
    line = parse(words, IMAGETOOLS_SWITCHES)
    for verb in (Verb.IMAGETOOLS_INSPECT, Verb.IMAGETOOLS_CREATE):
        if line.arguments and verb.value.endswith(f" {line.arguments[0].value}"):
            return _requests(line, line.arguments[1:], verb, tool, invocation)
    return []


def builder_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker buildx create --bootstrap``: the image in which the builder runs.

    https://docs.docker.com/build/builders/drivers/docker-container/. Kubernetes pulls by itself.
    """
    line = parse(words, BUILDER_SWITCHES)
    if not line.has("--bootstrap") or line.text("--driver") not in (None, "docker-container"):
        return []
    options = ",".join(line.all("--driver-opt")).replace('"', "").split(",")
    images = [option.removeprefix("image=") for option in options if option.startswith("image=")]
    image = Word(*invocation.at[:2], "", images[-1] if images else "moby/buildkit:buildx-stable-1")
    return _requests(line, (image,), Verb.BUILDX_CREATE, tool, invocation)


def _requests(
    line: CommandLine, images: Iterable[Word], verb: Verb, tool: Tool, invocation: Invocation
) -> list[Fact]:
    """The requests for ``images`` of a command that runs no container from them."""
    if line.has("--help"):
        return []
    return [
        ImagePull(
            *invocation.at,
            tool,
            verb,
            image,
            always_pulls=verb is not Verb.MANIFEST_INSPECT,  # it prefers a list that was made here
            config=invocation.config_of(tool),
        )
        for image in images
    ]


def from_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``buildah from``: the image that it pulls unless it is there."""
    line = parse(words, FROM_SWITCHES)
    if line.arguments and line.arguments[0].value == "scratch":
        return []
    return _image_facts(line, Verb.CREATE, tool, invocation)


def tag_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker tag``: the image that it names, and the one that it makes."""
    arguments = parse(words).arguments
    return [
        *_named(arguments[:1], invocation),
        *(LocalImage(*invocation.at, word.value) for word in arguments[1:]),
    ]


def _named(words: Iterable[Word], invocation: Invocation) -> list[Fact]:
    return [NamedImage(*invocation.at, word) for word in words]


def named_images(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """Commands whose arguments are images that they name and do not pull."""
    return _named(parse(words, NAMING_SWITCHES).arguments, invocation)


def remove_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker rmi``: the images that it names."""
    return _named(parse(words, REMOVE_SWITCHES).arguments, invocation)


def inspect_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker inspect``: the images that it names."""
    line = parse(words, NAMING_SWITCHES)
    only_images = line.text("--type") == "image"
    # A bare name may be a container's.
    image_words = (word for word in line.arguments if only_images or re.search("[:@/]", word.value))
    return _named(image_words, invocation)


def ps_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker ps``: the images that its filters name."""
    line = parse(words, NAMING_SWITCHES)
    image_words: list[Word] = []
    for option in line.options_named("-f", "--filter"):
        word = option.value
        if word is None or word.quoting is Quoting.MIXED:
            continue
        quotes = 0 if word.quoting is Quoting.NONE else 1
        text = word.text[quotes : len(word.text) - quotes]
        if text.startswith(_ANCESTOR) and word.value.startswith(_ANCESTOR):
            start, image = word.start + quotes + len(_ANCESTOR), text.removeprefix(_ANCESTOR)
            value = word.value.removeprefix(_ANCESTOR)
            image_words.append(Word(start, start + len(image), image, value))
    return _named(image_words, invocation)


def load_facts(_words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker load``: images that exist from here on, whose names are unknown."""
    return [LocalImage(*invocation.at, None)]


def made_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker import``, ``docker commit``: the image that it makes."""
    arguments = parse(words, COMMIT_SWITCHES).arguments
    return [LocalImage(*invocation.at, arguments[1].value if len(arguments) > 1 else None)]


def manifest_list_facts(words: Sequence[Word], _tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker manifest create``: the list that it makes."""
    arguments = parse(words, MANIFEST_SWITCHES).arguments
    return [LocalImage(*invocation.at, word.value) for word in arguments[:1]]
