"""Reads the images that building a Dockerfile pulls.

The format: https://docs.docker.com/reference/dockerfile/. The library dockerfile-parse would not
do: it takes the lines of a here-document (``RUN <<EOF``) for instructions, and supports neither
stages nor build arguments without a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from cci_migrate.docker.interpolation import Escaping, interpolated


class FetchedImage(Struct, frozen=True):
    """An image that a build pulls; ``line`` counts from 1.

    In ``name``, variables are replaced by `ARG` defaults and build arguments; any other variable
    is kept as written and is a placeholder to `registry_of`.
    """

    name: str
    line: int


class _BuildStage(Struct):
    """A stage under construction: the images it pulls, and the earlier stages it uses, by index."""

    fetched: list[FetchedImage] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)


_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)")
_HEREDOC = re.compile(r"(?<!<)<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?", re.IGNORECASE)
_FLAG = re.compile(r"--([\w-]+)(?:=(\S+))?(?:\s+|$)")
_ARG = re.compile(r"(?<!\S)(\w+)(?:=(\"(?:\\.|[^\"\\])*\"|'[^']*'|(?:\\.|[^\s\\])*))?(?:\s+|$)")
#: The arguments that BuildKit sets: https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
#: On an Arm machine they differ, the registries do not.
_AUTOMATIC = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
    "BUILDVARIANT": "",
}


def images_of(
    text: str,
    target: str | None = None,
    build_args: Mapping[str, str | None] | None = None,
    build_contexts: Mapping[str, str] | None = None,
    *,
    skips_stages: bool = True,
) -> tuple[FetchedImage, ...]:
    """The images that building ``target`` (default: the last stage) of ``text`` pulls, by line.

    ``build_args`` has the ``--build-arg`` options; a value of None comes from the environment and
    is unknown. ``build_contexts`` has the ``--build-context NAME=VALUE`` options.
    Like BuildKit, leaves out stages that the target doesn't need, unless not ``skips_stages``: the
    classic builder makes all up to the target, and ignores ``# syntax``. An unknown target means
    the last stage. An invalid Dockerfile raises nothing.
    """
    reader = _DockerfileReader(build_args or {}, build_contexts or {}, skips_stages)
    return reader.read(text, target)


class _DockerfileReader:
    def __init__(
        self,
        build_args: Mapping[str, str | None],
        build_contexts: Mapping[str, str],
        skips_stages: bool,
    ) -> None:
        self._skips_stages = skips_stages
        self._build_args = build_args
        self._undecided = {name for name, value in build_args.items() if value is None}
        self._contexts = {name.lower(): value for name, value in build_contexts.items()}
        self._arguments: dict[str, str | None] = dict(_AUTOMATIC)
        self._stages: list[_BuildStage] = []
        #: A later stage of the same name hides an earlier one.
        self._by_name: dict[str, int] = {}

    def read(self, text: str, target: str | None) -> tuple[FetchedImage, ...]:
        directives, lines = _directives(text)
        for line, instruction, value in _instructions(lines, directives.get("escape", "\\")):
            if instruction == "ARG" and not self._stages:
                self._declare(value)
            elif instruction == "FROM":
                self._from(value, line)
            elif self._stages and instruction in ("COPY", "ADD", "RUN"):
                self._flags(instruction, value, line)
        fetched = [image for stage in self._needed(target) for image in self._stages[stage].fetched]
        syntax = directives.get("syntax")
        if syntax is not None and self._stages and self._skips_stages:
            line = next(
                number
                for number, content in enumerate(lines, start=1)
                if content.lstrip().startswith("#") and syntax in content
            )
            fetched.insert(0, FetchedImage(syntax, line))
        return tuple(sorted(fetched, key=lambda image: image.line))

    def _declare(self, value: str) -> None:
        for match in _ARG.finditer(value):
            name, default = match[1], match[2]
            if name in self._build_args:
                self._arguments[name] = self._build_args[name]
            elif default is not None:
                self._arguments[name] = self._expanded(_unquoted(default))
            elif name not in _AUTOMATIC:
                self._arguments[name] = None

    def _from(self, value: str, line: int) -> None:
        match = _FROM.match(value)
        if match is None:
            return
        stage = _BuildStage()
        self._take(stage, self._expanded(_unquoted(match[1])), line)
        if match[2] is not None:
            self._by_name[match[2].lower()] = len(self._stages)
        self._stages.append(stage)

    def _flags(self, instruction: str, value: str, line: int) -> None:
        stage = self._stages[-1]
        position = 0
        while (match := _FLAG.match(value, position)) is not None:
            position = match.end()
            name, content = match[1], match[2] or ""
            if name == "from" and instruction == "COPY":
                self._take(stage, self._expanded(content), line, by_number=True)
            elif name == "mount" and instruction == "RUN":
                for part in content.split(","):
                    key, _, source = part.partition("=")
                    if key == "from":
                        self._take(stage, self._expanded(_unquoted(source)), line)

    def _take(self, stage: _BuildStage, name: str, line: int, *, by_number: bool = False) -> None:
        """Record that ``stage`` needs ``name``: another stage, a context, or an image."""
        context = self._contexts.get(name.lower())
        if context is not None:
            if context.startswith("docker-image://"):
                stage.fetched.append(FetchedImage(context.removeprefix("docker-image://"), line))
            return
        number = self._stage_number(name) if by_number else self._by_name.get(name.lower())
        if number is not None:
            stage.stages.append(number)
        elif name and name.lower() != "scratch":
            stage.fetched.append(FetchedImage(name, line))

    def _stage_number(self, name: str) -> int | None:
        """The stage so far that ``name`` means, by its name or its number."""
        is_number = name.isdecimal() and int(name) < len(self._stages)
        return self._by_name.get(name.lower(), int(name) if is_number else None)

    def _needed(self, target: str | None) -> set[int]:
        if not self._stages:
            return set()
        number = None if target is None else self._stage_number(target)
        target_stage = len(self._stages) - 1 if number is None else number
        if not self._skips_stages:
            return set(range(target_stage + 1))
        needed: set[int] = set()
        open_stages = [target_stage]
        while open_stages:
            number = open_stages.pop()
            if number not in needed:
                needed.add(number)
                open_stages.extend(self._stages[number].stages)
        return needed

    def _expanded(self, text: str) -> str:
        return interpolated(text, self._arguments, Escaping.BACKSLASH, undecided=self._undecided)


def _directives(text: str) -> tuple[dict[str, str], list[str]]:
    """The parser directives at the top of ``text``, and its lines."""
    lines = text.removeprefix("\ufeff").splitlines()
    directives: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if match is None:
            break
        directives.setdefault(match[1].lower(), match[2])
    return directives, lines


def _instructions(lines: list[str], escape: str) -> Iterator[tuple[int, str, str]]:
    """Yield each instruction: its first line, its name in capitals, its arguments on one line."""
    numbered = enumerate(map(str.strip, lines), start=1)
    for first, start in numbered:
        if not start or start.startswith("#"):
            continue
        line = start
        parts: list[str] = []
        while line.endswith(escape):
            parts.append(line[: -len(escape)])
            # Comments and empty lines within an instruction are skipped.
            line = next((text for _, text in numbered if text and not text.startswith("#")), "")
        parts.append(line)
        name, _, value = "".join(parts).strip().partition(" ")
        name, tab, argument = name.partition("\t")
        value = f"{argument} {value}" if tab else value
        if name.upper() in ("RUN", "COPY", "ADD"):
            for heredoc in _HEREDOC.finditer(value):
                for _, text in numbered:
                    if text == heredoc[2]:
                        break
        yield first, name.upper(), value.strip()


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
