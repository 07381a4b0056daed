"""What ``docker build`` and ``docker buildx bake`` build."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.command_line import CommandLine, may_hold_options, named_values, parse
from cci_migrate.docker.shell.docker_options import BAKE_SWITCHES, BUILD_SWITCHES
from cci_migrate.docker.shell.facts import BakeBuild, Build, Fact, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.word_sets import names

_STDIN = "-"
#: Off: the classic builder, https://docs.docker.com/build/buildkit/#getting-started. What is false
#: to it: https://pkg.go.dev/strconv#ParseBool.
BUILDKIT = "DOCKER_BUILDKIT"
#: podman and buildah, by default.
_SKIPS = "--skip-unused-stages"
_FALSE = names("0 f F false FALSE False")


def has_buildkit(invocation: Invocation) -> bool:
    """Whether Docker builds with BuildKit, which is the default."""
    return invocation.value_of(BUILDKIT) not in _FALSE


def buildx_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker buildx build``: as ``docker build``, always with BuildKit."""
    assignments = {**invocation.assignments, BUILDKIT: "1"}
    return build_facts(words, tool, replace(invocation, assignments=assignments))


def build_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker build``: what it builds, from which Dockerfile."""
    line = parse(words, BUILD_SWITCHES)
    if line.has("--help"):
        return []
    context = line.arguments[-1].value if line.arguments else None
    if context is None and tool is Tool.DOCKER and not invocation.xargs_appends:
        # `docker build` alone is an error; a placeholder of options may have hidden the context.
        if not any(may_hold_options(word.value) for word in words):
            return []
    elif context is None and not invocation.xargs_appends:
        context = "."
    file = line.text("-f", "--file")
    text = None
    if file == _STDIN or (context == _STDIN and file is None):
        text = invocation.stdin_text
        if text is None:
            file = invocation.stdin_file or file
    contexts = named_values(line.all("--build-context"))
    return [
        Build(
            *invocation.at,
            tool,
            directory=invocation.directory,
            context=context,
            dockerfile=file,
            dockerfile_text=text,
            target=line.text("--target"),
            build_args=tuple(named_values(line.all("--build-arg"))),
            build_contexts=tuple((name, value) for name, value in contexts if value is not None),
            tags=line.all("-t", "--tag"),
            always_pulls=line.has("--pull", "--pull-always"),
            config=invocation.config_of(tool),
            skips_stages=_skips_stages(line, tool, invocation),
        )
    ]


def _skips_stages(line: CommandLine, tool: Tool, invocation: Invocation) -> bool:
    if tool is Tool.DOCKER:
        return has_buildkit(invocation)
    return line.has(_SKIPS) or not line.options_named(_SKIPS)


def bake_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker buildx bake``: what it builds, from which files."""
    line = parse(words, BAKE_SWITCHES)
    if line.has("--print"):
        return []
    return [
        BakeBuild(
            *invocation.at,
            directory=invocation.directory,
            files=line.all("-f", "--file"),
            targets=tuple(word.value for word in line.arguments),
            config=invocation.config_of(tool),
        )
    ]
