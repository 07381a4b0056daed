"""Reads trees into a `Config`: through aliases and merge keys, over all files of a packed tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cci_migrate.circleci.config import (
    Command,
    Config,
    Executor,
    ExecutorCall,
    ImageItem,
    ImportedOrb,
    Job,
    Namespace,
    Parameter,
    WorkflowJob,
)
from cci_migrate.lossless.merging import (
    Entry,
    entries_of,
    entry_of,
    is_null,
    items_of,
    text_of,
    value_of,
)
from cci_migrate.lossless.nodes import Document, Node, Scalar, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Sequence as SequenceNode

_NO_ARGUMENTS: Mapping[str, Node] = {}


class MountedDocument(Struct, frozen=True):
    """A document and the keys of the config under which it belongs (none: it is the config)."""

    document: Document
    mount: tuple[str, ...] = ()


class _Element(Struct, frozen=True):
    """An entry of a section: a named job, executor, command or the like."""

    name: str
    key: Scalar | None
    value: Node


def read_config(parts: Sequence[MountedDocument], *, is_orb_source: bool = False) -> Config:
    """The config that consists of ``parts``; `config` says how invalid ones are read."""
    sections = _Sections(parts)
    workflow_jobs: list[WorkflowJob] = []
    workflows = {
        element.name: element.value
        for element in sections.of("workflows")
        if element.name != "version"
    }
    for name, node in workflows.items():
        workflow_jobs += _workflow_jobs(name, node, f"workflows.{name}", is_in_group=False)
    groups = sections.of("job-groups")
    for group in groups:
        route = f"job-groups.{group.name}"
        workflow_jobs += _workflow_jobs(group.name, group.value, route, is_in_group=True)
    version = sections.top("version")
    return Config(
        documents=tuple(part.document for part in parts),
        version=version if isinstance(version, Scalar) and not is_null(version) else None,
        body=_namespace(sections, "", is_orb=is_orb_source),
        pipeline_parameters=_parameters(sections.of("parameters")),
        workflow_jobs=tuple(workflow_jobs),
        groups=frozenset(group.name for group in groups),
        has_workflows=bool(workflows),
        is_orb_source=is_orb_source,
        workflows=workflows,
    )


class _Sections:
    """The top-level sections of a config, across its files."""

    def __init__(self, parts: Sequence[MountedDocument]) -> None:
        self._parts = [(part.document.root, part.mount) for part in parts]

    def of(self, section: str) -> list[_Element]:
        elements: list[_Element] = []
        for root, mount in self._parts:
            if root is None:
                continue
            if not mount:
                elements += _elements(value_of(root, section))
            elif mount == (section,):
                elements += _elements(root)
            elif mount[0] == section:
                elements.append(_Element(mount[1], None, root))
        return elements

    def top(self, key: str) -> Node | None:
        for root, mount in self._parts:
            if not mount and (value := value_of(root, key)) is not None:
                return value
        return None


class _InlineSections(_Sections):
    """The sections of an inline orb."""

    def __init__(self, orb: Node) -> None:
        super().__init__(())
        self._parts = [(orb, ())]


def _elements(node: Node | None) -> list[_Element]:
    return [
        _Element(name, element.key, element.value) for name, element in entries_of(node).items()
    ]


def _namespace(sections: _Sections, route: str, *, is_orb: bool) -> Namespace:
    imported: dict[str, ImportedOrb] = {}
    inline: dict[str, Namespace] = {}
    for orb in sections.of("orbs"):
        value = resolved(orb.value)
        if isinstance(value, Scalar):
            name, _, version = value.value.partition("@")
            imported[orb.name] = ImportedOrb(orb.name, name.strip(), version.strip(), value)
        elif isinstance(value, MappingNode):
            below = f"{route}orbs.{orb.name}."
            inline[orb.name] = _namespace(_InlineSections(value), below, is_orb=True)
    return Namespace(
        route=route,
        jobs={
            element.name: job
            for element in sections.of("jobs")
            if (job := _job(element, route)) is not None
        },
        executors={
            element.name: executor
            for element in sections.of("executors")
            if (executor := _executor(element, f"{route}executors.{element.name}")) is not None
        },
        commands={
            element.name: command
            for element in sections.of("commands")
            if (command := _command(element, route)) is not None
        },
        imported=imported,
        inline=inline,
        is_orb=is_orb,
    )


def _job(element: _Element, prefix: str) -> Job | None:
    mapping = resolved(element.value)
    if not isinstance(mapping, MappingNode):
        return None
    route = f"{prefix}jobs.{element.name}"
    entries = entries_of(mapping)
    parameters = _parameters_in(entries)
    return Job(
        name=element.name,
        route=route,
        key=element.key,
        mapping=mapping,
        type=_text(entries, "type"),
        parameters=parameters,
        runs_on=_runs_on(element, mapping, entries, parameters, route),
        executor=_executor_call(entries.get("executor")),
        steps=entries.get("steps"),
    )


def _executor(element: _Element, route: str) -> Executor | None:
    mapping = resolved(element.value)
    if not isinstance(mapping, MappingNode):
        return None
    entries = entries_of(mapping)
    return _runs_on(element, mapping, entries, _parameters_in(entries), route)


def _runs_on(
    element: _Element,
    mapping: MappingNode,
    entries: Mapping[str, Entry],
    parameters: Mapping[str, Parameter],
    route: str,
) -> Executor:
    docker = entries.get("docker")
    value = None if docker is None else resolved(docker.value)
    expression = text_of(value)
    return Executor(
        name=element.name,
        route=route,
        key=element.key,
        mapping=mapping,
        parameters=parameters,
        docker=tuple(_images(value)) if isinstance(value, SequenceNode) else None,
        docker_expression=expression,
        machine=entries.get("machine"),
        macos=entries.get("macos"),
        resource_class=_text(entries, "resource_class"),
    )


def _command(element: _Element, prefix: str) -> Command | None:
    mapping = resolved(element.value)
    if not isinstance(mapping, MappingNode):
        return None
    entries = entries_of(mapping)
    return Command(
        name=element.name,
        route=f"{prefix}commands.{element.name}",
        key=element.key,
        mapping=mapping,
        parameters=_parameters_in(entries),
        steps=entries.get("steps"),
    )


def _images(docker: SequenceNode) -> Iterator[ImageItem]:
    for index, node in enumerate(docker.items):
        mapping = resolved(node)
        if not isinstance(mapping, MappingNode):
            continue
        image = entry_of(mapping, "image")
        text = None if image is None else text_of(image.value)
        if image is not None and text is not None and text.strip():
            yield ImageItem(index, node, mapping, image, text.strip())


def _parameters_in(entries: Mapping[str, Entry]) -> Mapping[str, Parameter]:
    declared = entries.get("parameters")
    return {} if declared is None else _parameters(_elements(declared.value))


def _parameters(elements: list[_Element]) -> Mapping[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for element in elements:
        entries = entries_of(element.value)
        written = entries.get("default")
        default = None if written is None or is_null(resolved(written.value)) else written.value
        listed = items_of(entries["enum"].value if "enum" in entries else None)
        parameters[element.name] = Parameter(
            name=element.name,
            type=_text(entries, "type") or "string",
            default=default,
            enum=tuple(text for item in listed if (text := text_of(item)) is not None),
            nodes=listed if default is None else (default, *listed),
        )
    return parameters


def _executor_call(entry: Entry | None) -> ExecutorCall | None:
    return None if entry is None else executor_call(entry.value)


def executor_call(node: Node) -> ExecutorCall | None:
    """The executor that ``node``, the value of an ``executor`` key or parameter, calls.

    ``name`` or ``{name: name, parameter: value}``; None for anything else.
    """
    value = resolved(node)
    if isinstance(value, Scalar):
        name = text_of(value)
        return None if name is None else ExecutorCall(name, _NO_ARGUMENTS, node)
    entries = entries_of(value)
    name = _text(entries, "name")
    if name is None:
        return None
    arguments = {key: entry.value for key, entry in entries.items() if key != "name"}
    return ExecutorCall(name, arguments, node)


def _workflow_jobs(
    workflow: str, node: Node, route: str, *, is_in_group: bool
) -> Iterator[WorkflowJob]:
    for index, item in enumerate(items_of(value_of(node, "jobs"))):
        target = resolved(item)
        key: Scalar
        arguments: Node | None
        holder: MappingNode | None
        if isinstance(target, Scalar) and not is_null(target):
            key, arguments, holder = target, None, None
        elif isinstance(target, MappingNode) and (call := _call(target)) is not None:
            key, arguments, holder = call.key, call.value, call.holder
        else:
            continue
        entries = entries_of(arguments)
        yield WorkflowJob(
            workflow=workflow,
            is_in_group=is_in_group,
            index=index,
            route=f"{route}.jobs[{index}]",
            node=item,
            key=key,
            arguments=arguments,
            holder=holder,
            calls=key.value,
            name=_text(entries, "name") or key.value,
            type=_text(entries, "type"),
        )


def _call(item: MappingNode) -> Entry | None:
    """The job that a workflow's item names: its only key besides merge keys."""
    for entry in entries_of(item).values():
        return entry
    return None


def _text(entries: Mapping[str, Entry], name: str) -> str | None:
    entry = entries.get(name)
    return None if entry is None else text_of(entry.value)
