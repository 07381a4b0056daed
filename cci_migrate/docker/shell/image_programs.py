"""Programs that have Docker pull an image for their own work, with the logins of its client.

`container_tools.IMAGE_PROGRAMS` lists them. kind runs ``docker pull``, see
pkg/cluster/internal/providers/docker/images.go in https://github.com/kubernetes-sigs/kind. pack
reads the client's credentials: https://github.com/buildpacks/pack/issues/74.
"""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.docker.container_tools import IMAGE_PROGRAMS, Tool
from cci_migrate.docker.shell.command_line import parse
from cci_migrate.docker.shell.facts import Fact, ImagePull, Verb, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.word_sets import names

_SWITCHES = names(
    "-h --help -q --quiet --retain"
    # pack
    " --verbose --no-color --force-color --timestamps --publish --clear-cache --trust-builder"
    " --trust-extra-buildpacks --sparse --interactive"
)
#: https://kind.sigs.k8s.io/docs/user/rootless/
KINDS_TOOL = "KIND_EXPERIMENTAL_PROVIDER"


def image_program_facts(words: Sequence[Word], program: str, invocation: Invocation) -> list[Fact]:
    """The pull of the command ``words``, whose first word runs ``program``."""
    known = IMAGE_PROGRAMS[program]
    line = parse(words[1:], _SWITCHES)
    command = tuple(word.value for word in line.arguments[: len(known.command)])
    policy = line.text("--pull-policy")
    if command != known.command or line.has("-h", "--help") or policy == "never":
        return []
    image = line.last(*known.options)
    if image is None and known.default and line.last("--config") is None:
        image = Word(*invocation.at[:2], "", known.default)
    chosen = invocation.value_of(KINDS_TOOL)
    is_chosen = program == "kind" and chosen in {tool.value for tool in Tool}
    tool = Tool(chosen) if is_chosen else Tool.DOCKER
    return [
        ImagePull(
            *invocation.at,
            tool,
            Verb(known.command[0]),
            image,
            always_pulls=program == "pack" and policy in (None, "always"),
            config=invocation.config_of(tool),
            command=" ".join((program, *command)),
        )
    ]
