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
    entries_of,
    entry_of,
    is_null,
    items_of,
    text_of,
    value_of,
    values_by_key,
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


class _Declaration(Struct, frozen=True):
    """An element that is a mapping: a job, an executor or a command, with its ``values``."""

    name: str
    route: str
    key: Scalar | None
    mapping: MappingNode
    values: Mapping[str, Node]
    parameters: Mapping[str, Parameter]


def read_config(parts: Sequence[MountedDocument], *, is_orb_source: bool = False) -> Config:
    """The config that consists of ``parts``; `config` says how invalid ones are read."""
    sections = _Sections([(part.document.root, part.mount) for part in parts])
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
    return Config(
        documents=tuple(part.document for part in parts),
        version=sections.version(),
        body=_namespace(sections, "", is_orb=is_orb_source),
        pipeline_parameters=_parameters(
            {element.name: element.value for element in sections.of("parameters")}
        ),
        workflow_jobs=tuple(workflow_jobs),
        groups=frozenset(group.name for group in groups),
        has_workflows=bool(workflows),
        is_orb_source=is_orb_source,
        workflows=workflows,
    )


class _Sections:
    """The sections of a config, across the roots of its files, or of an inline orb."""

    def __init__(self, parts: list[tuple[Node | None, tuple[str, ...]]]) -> None:
        self._parts = parts

    def declarations(self, section: str, prefix: str) -> Iterator[_Declaration]:
        for element in self.of(section):
            mapping = resolved(element.value)
            if isinstance(mapping, MappingNode):
                values = values_by_key(mapping)
                yield _Declaration(
                    name=element.name,
                    route=f"{prefix}{section}.{element.name}",
                    key=element.key,
                    mapping=mapping,
                    values=values,
                    parameters=_parameters(values_by_key(values.get("parameters"))),
                )

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

    def version(self) -> Scalar | None:
        values = (value_of(root, "version") for root, mount in self._parts if not mount)
        version = next((value for value in values if value is not None), None)
        return version if isinstance(version, Scalar) and not is_null(version) else None


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
            inline[orb.name] = _namespace(_Sections([(value, ())]), below, is_orb=True)
    return Namespace(
        route=route,
        jobs={job.name: _job(job) for job in sections.declarations("jobs", route)},
        executors={
            executor.name: _runs_on(executor)
            for executor in sections.declarations("executors", route)
        },
        commands={
            command.name: _command(command) for command in sections.declarations("commands", route)
        },
        imported=imported,
        inline=inline,
        is_orb=is_orb,
    )


def _job(job: _Declaration) -> Job:
    executor = job.values.get("executor")
    return Job(
        name=job.name,
        route=job.route,
        key=job.key,
        mapping=job.mapping,
        type=text_of(job.values.get("type")),
        parameters=job.parameters,
        runs_on=_runs_on(job),
        executor=None if executor is None else executor_call(executor),
        steps=job.values.get("steps"),
    )


def _runs_on(owner: _Declaration) -> Executor:
    """What ``owner``, a job or an executor, says about where it runs."""
    values = owner.values
    docker = value_of(owner.mapping, "docker")
    return Executor(
        name=owner.name,
        route=owner.route,
        mapping=owner.mapping,
        parameters=owner.parameters,
        docker=tuple(_images(docker)) if isinstance(docker, SequenceNode) else None,
        docker_expression=text_of(docker),
        machine=values.get("machine"),
        macos=values.get("macos"),
        resource_class=text_of(values.get("resource_class")),
    )


def _command(command: _Declaration) -> Command:
    return Command(
        name=command.name,
        route=command.route,
        key=command.key,
        mapping=command.mapping,
        parameters=command.parameters,
        steps=command.values.get("steps"),
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


def _parameters(declared: Mapping[str, Node]) -> Mapping[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for name, node in declared.items():
        values = values_by_key(node)
        written = values.get("default")
        default = None if written is None or is_null(resolved(written)) else written
        listed = items_of(values.get("enum"))
        parameters[name] = Parameter(
            type=text_of(values.get("type")) or "string",
            default=default,
            enum=tuple(text for item in listed if (text := text_of(item)) is not None),
            nodes=listed if default is None else (default, *listed),
        )
    return parameters


def executor_call(node: Node) -> ExecutorCall | None:
    """The executor that ``node``, the value of an ``executor`` key or parameter, calls.

    ``name`` or ``{name: name, parameter: value}``; None for anything else.
    """
    value = resolved(node)
    if isinstance(value, Scalar):
        name = text_of(value)
        return None if name is None else ExecutorCall(name, _NO_ARGUMENTS, node)
    values = values_by_key(value)
    name = text_of(values.get("name"))
    if name is None:
        return None
    arguments = {key: argument for key, argument in values.items() if key != "name"}
    return ExecutorCall(name, arguments, node)


def _workflow_jobs(
    workflow: str, node: Node, route: str, *, is_in_group: bool
) -> Iterator[WorkflowJob]:
    for index, item in enumerate(items_of(value_of(node, "jobs"))):
        target = resolved(item)
        # A mapping has one key besides merge keys: the job that it names.
        name = next(iter(values_by_key(target)), None)
        call = None if name is None else entry_of(target, name)
        key = target if call is None else call.key
        if not isinstance(key, Scalar) or (call is None and is_null(key)):
            continue
        arguments = None if call is None else call.value
        values = values_by_key(arguments)
        yield WorkflowJob(
            workflow=workflow,
            is_in_group=is_in_group,
            route=f"{route}.jobs[{index}]",
            node=item,
            key=key,
            arguments=arguments,
            calls=key.value,
            name=text_of(values.get("name")) or key.value,
            type=text_of(values.get("type")),
        )
