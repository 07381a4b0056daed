"""A CircleCI config as typed values, each with the nodes that it was read from.

Nothing is validated here: a config that CircleCI would reject is read as far as it makes sense.
The keys are those of https://circleci.com/docs/reference/configuration-reference/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct, field

from cci_migrate.circleci.config_versions import version_named
from cci_migrate.lossless.merging import Entry
from cci_migrate.lossless.nodes import Document, Node, Scalar
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Sequence as SequenceNode

_Element = TypeVar("_Element")


class Parameter(Struct, frozen=True, eq=False):
    """A declared parameter. ``default`` is None if it is missing or null.

    ``nodes`` are the values in its declaration, as written: its default and its enum.
    """

    type: str
    default: Node | None
    enum: tuple[str, ...]
    nodes: tuple[Node, ...] = ()


class ImageItem(Struct, frozen=True, eq=False):
    """One item of a ``docker`` list.

    ``node`` is the item as written, possibly an alias, ``mapping`` its resolved value; ``image`` is
    its ``image`` entry, own or merged, and ``text`` that entry's value. There is no `ImageItem` for
    an item without an image.
    """

    index: int
    node: Node
    mapping: MappingNode
    image: Entry
    text: str


class ExecutorCall(Struct, frozen=True, eq=False):
    """The value of a job's ``executor`` key: a name (or an expression) and arguments."""

    name: str
    arguments: Mapping[str, Node]
    node: Node


class Executor(Struct, frozen=True, eq=False):
    """An entry of ``executors``, or the part of a job that determines where it runs.

    ``docker`` is None if there is no such key; ``docker_expression`` is the text of a
    ``docker: << ... >>``.
    """

    name: str
    route: str
    mapping: MappingNode
    parameters: Mapping[str, Parameter]
    docker: tuple[ImageItem, ...] | None
    docker_expression: str | None
    machine: Node | None
    macos: Node | None
    resource_class: str | None


class Job(Struct, frozen=True, eq=False):
    """An entry of ``jobs``. ``runs_on`` has its own ``docker``, ``machine`` and the like."""

    name: str
    route: str
    key: Scalar | None
    mapping: MappingNode
    type: str | None
    parameters: Mapping[str, Parameter]
    runs_on: Executor
    executor: ExecutorCall | None
    steps: Node | None


class Command(Struct, frozen=True, eq=False):
    """An entry of ``commands``."""

    name: str
    route: str
    key: Scalar | None
    mapping: MappingNode
    parameters: Mapping[str, Parameter]
    steps: Node | None


class ImportedOrb(Struct, frozen=True, eq=False):
    """An orb imported by a string such as ``circleci/docker@2.8.2``; ``name`` is before the @."""

    alias: str
    name: str
    version: str
    node: Node


class Namespace(Struct, frozen=True, eq=False):
    """The jobs, executors, commands and orbs that refer to each other by bare names.

    The config itself is a namespace, and so is each inline orb, whose elements others call by
    ``alias/name``. Pipeline parameters are out of scope in orbs (`is_orb`). Orbs that are not part
    of the config are `is_published`: releases of published ones, and what a compiled config shows.
    """

    route: str
    jobs: Mapping[str, Job]
    executors: Mapping[str, Executor]
    commands: Mapping[str, Command]
    imported: Mapping[str, ImportedOrb]
    inline: Mapping[str, Namespace]
    is_orb: bool
    is_published: bool = False

    def walk(self) -> Iterator[Namespace]:
        """This namespace and, recursively, its inline orbs."""
        yield self
        for orb in self.inline.values():
            yield from orb.walk()

    def job(self, name: str) -> tuple[Namespace, Job] | None:
        """The job called ``name`` or ``orb/name`` here, and its namespace; None if unknown."""
        return self._called(name, _JOBS)

    def executor(self, name: str) -> tuple[Namespace, Executor] | None:
        """The executor called ``name`` or ``orb/name`` here, and its namespace; None if unknown."""
        return self._called(name, _EXECUTORS)

    def command(self, name: str) -> tuple[Namespace, Command] | None:
        """The command called ``name`` or ``orb/name`` here, and its namespace; None if unknown."""
        return self._called(name, _COMMANDS)

    def _called(
        self, name: str, elements_of: Callable[[Namespace], Mapping[str, _Element]]
    ) -> tuple[Namespace, _Element] | None:
        home: Namespace | None = self
        while home is not None and "/" in name:
            alias, _, name = name.partition("/")
            home = home.inline.get(alias)
        element = None if home is None else elements_of(home).get(name)
        return None if home is None or element is None else (home, element)


_JOBS: Callable[[Namespace], Mapping[str, Job]] = attrgetter("jobs")
_EXECUTORS: Callable[[Namespace], Mapping[str, Executor]] = attrgetter("executors")
_COMMANDS: Callable[[Namespace], Mapping[str, Command]] = attrgetter("commands")


class WorkflowJob(Struct, frozen=True, eq=False):
    """One entry of a workflow's (or a job group's) ``jobs``.

    ``node`` is the entry as written: a name, a mapping of one key, or an alias of either.
    ``key`` is the scalar with the job's name, ``arguments`` its value (None for a bare name).
    ``calls`` is the name of the job that it runs, ``name`` its own.
    """

    workflow: str
    is_in_group: bool
    route: str
    node: Node
    key: Scalar
    arguments: Node | None
    calls: str
    name: str
    type: str | None


class UnfoldedOrbs(Struct, frozen=True, eq=False):
    """What the compiled config shows of orbs whose sources were not read.

    ``home`` is the namespace of it all, and no part of the config. ``jobs`` are what workflow jobs
    run, once for each combination of a matrix; ``executors`` what jobs run on, by the node that
    names the orb's executor; ``steps`` what a command of an orb runs in a job, by the step that
    calls it: several lists if the job calls it with other arguments in other runs.
    """

    documents: tuple[Document, ...]
    home: Namespace
    jobs: Mapping[WorkflowJob, tuple[Job, ...]]
    executors: Mapping[Node, Executor]
    steps: Mapping[Job, Mapping[Node, tuple[SequenceNode, ...]]]


class Config(Struct, frozen=True, eq=False):
    """A whole config. ``version`` is None if the key is missing (orb and packed sources).

    ``unfolded`` is there if CircleCI has compiled the config.
    """

    documents: tuple[Document, ...]
    version: Scalar | None
    body: Namespace
    pipeline_parameters: Mapping[str, Parameter]
    workflow_jobs: tuple[WorkflowJob, ...]
    groups: frozenset[str]
    has_workflows: bool
    is_orb_source: bool = False
    workflows: Mapping[str, Node] = field(default_factory=dict)
    unfolded: UnfoldedOrbs | None = None

    def all_jobs(self) -> Iterator[tuple[Namespace, Job]]:
        """All jobs, those of inline orbs too, each with its namespace."""
        for home in self.body.walk():
            for job in home.jobs.values():
                yield home, job

    def owners(self) -> Iterator[tuple[str, Executor]]:
        """What its jobs run on, and its executors, each with its title: ``job build``."""
        for home in self.body.walk():
            for job in home.jobs.values():
                yield f"job {job.name}", job.runs_on
            for executor in home.executors.values():
                yield f"executor {executor.name}", executor

    def executor(self, name: str, home: Namespace) -> tuple[Namespace, Executor] | None:
        """The executor that a job in ``home`` calls ``name``, and its namespace; None if unknown.

        An inline orb's jobs also run on executors of the config, which workflows pass to them.
        """
        return home.executor(name) or self.body.executor(name)

    @property
    def texts(self) -> Iterator[str]:
        """The texts of its files."""
        return (document.source.text for document in self.documents)

    def has_key(self, *names: str) -> bool:
        """Whether one of ``names`` is a key anywhere in it."""
        return any(not document.keys.isdisjoint(names) for document in self.documents)

    @property
    def supports_orbs(self) -> bool:
        """Whether its version has orbs, commands, executors and parameters."""
        return self.version is not None and version_named(self.version.value).supports_orbs

    @property
    def imports_orbs(self) -> bool:
        """Whether it uses orbs of other sources than its own."""
        return any(home.imported for home in self.body.walk())
