"""Which texts to rewrite so that an image is pulled through a mirror.

An image's text may begin with a parameter. Its name is then in the values of that parameter: its
default, its enum, what callers and matrices pass. A name is rewritten only if everything that reads
it is an image that is to come from the mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config import Command, Executor, Job
from cci_migrate.circleci.expressions import Reference, Scope, references
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.parameter_values import ValueNode, ValueScope
from cci_migrate.docker.image_reference import registry_of
from cci_migrate.docker.mirrors import Mirror, NewHead, mirrored
from cci_migrate.findings import NoFix
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import entries_of, items_of, text_of, value_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved, scalars_in
from cci_migrate.lossless.operations import ReplaceText

#: The sections that CircleCI reads; others only have anchors.
_READ = frozenset(
    ["orbs", "commands", "parameters", "executors", "jobs", "job-groups", "workflows", "examples"]
)
_OF_A_ROOT = _READ | {"version", "setup"}
#: Parameters that pass each other on deeper than this are not followed.
_DEEPEST = 20


#: Who declares a parameter (None: the pipeline), and its name.
_Parameter = tuple[Job | Executor | Command | None, str]


class _Trace(Struct):
    """Where the name of an image is written: the nodes on the way, and what to change."""

    heads: dict[Scalar, NewHead] = field(default_factory=dict)
    #: The nodes, as written, that are read for the image.
    written: dict[Node, None] = field(default_factory=dict)
    #: The parameters on the way.
    parameters: dict[_Parameter, None] = field(default_factory=dict)
    calls: dict[Node, ValueNode] = field(default_factory=dict)
    error: str | None = None

    def change(self, scalar: Scalar, head: NewHead) -> str | None:
        """Have ``head`` written before what ``scalar`` names; the error, if any."""
        earlier = self.heads.setdefault(scalar, head)
        return None if earlier == head else "it stands for images of different kinds"


class MirrorPlacement:
    """Finds what to rewrite for ``to_mirror``, the images that are to come from ``mirror``."""

    def __init__(
        self, assessment: Assessment, mirror: Mirror, to_mirror: Sequence[PulledImage]
    ) -> None:
        self._config = assessment.config
        self._values = assessment.values
        self._sharing = assessment.sharing
        self._mirror = mirror
        self._readers: dict[Job | Executor | Command | None, Mapping[str, list[Scalar]]] = {}
        self._to_mirror = to_mirror
        moved = frozenset(to_mirror)
        images = (assessed.image for assessed in assessment.images)
        self._others = [image for image in images if image not in moved]
        self._traces = {image: self._trace(image) for image in self._to_mirror}
        while self._refuse_some():
            pass

    def rewritten(self, image: PulledImage) -> tuple[ReplaceText, ...] | NoFix:
        """The changes that make ``image``, one of those wanted, come from the mirror."""
        trace = self._traces[image]
        if trace.error is not None:
            return NoFix(trace.error)
        return tuple(
            ReplaceText(scalar, 0, head.length, head.text) for scalar, head in trace.heads.items()
        )

    # Where a name is written

    def _trace(self, image: PulledImage) -> _Trace:
        trace = _Trace()
        for owner in image.owners:
            at = owner.job or owner.executor
            start = ValueNode(image.item.image.value, ValueScope(at, owner.home.is_orb))
            trace.error = trace.error or self._follow(start, "", trace, _DEEPEST)
        return trace

    def _follow(self, value: ValueNode, rest: str, trace: _Trace, deepest: int) -> str | None:
        """Add ``value``, which the text ``rest`` follows, to ``trace``; the error, if any."""
        scalar = resolved(value.node)
        if not isinstance(scalar, Scalar) or scalar.value != scalar.value.strip():
            return "its name isn't a plain string"
        if not scalar.value or (rest and rest[0] not in ":@/"):
            return "its name is built from parts"
        trace.written[value.node] = None
        text = scalar.value + rest
        if registry_of(text) == self._mirror.host:
            return None
        head = mirrored(text, self._mirror)
        if isinstance(head, NewHead):
            if head.length > len(scalar.value):
                return "its registry and its name are in different places"
            return trace.change(scalar, head)
        expressions = references(scalar.value)
        if not expressions or expressions[0].start != 0 or deepest == 0:
            return head.reason
        tail = scalar.value[expressions[0].end :] + rest
        if self._has_other_callers(expressions[0], value):
            return self._before_expression(scalar, expressions[0], tail, value, trace)
        return self._values_of(expressions[0], value, tail, trace, deepest - 1)

    def _has_other_callers(self, reference: Reference, value: ValueNode) -> bool:
        """Whether callers outside the config may pass a value from the enum of a parameter.

        Triggers by the API, schedules and continuations pass pipeline parameters, the users of an
        orb the parameters of its jobs and commands; a value that its enum no longer has is refused.
        """
        if reference.scope is Scope.PIPELINE_PARAMETER:
            declared = self._config.pipeline_parameters
        elif self._config.is_orb_source and value.where.owner is not None:
            declared = value.where.owner.parameters
        else:
            return False
        return reference.name in declared and bool(declared[reference.name].enum)

    def _before_expression(
        self, scalar: Scalar, reference: Reference, tail: str, value: ValueNode, trace: _Trace
    ) -> str | None:
        """Put the mirror before the expression that ``scalar`` begins with; the error, if any."""
        nodes = self._values.nodes(reference, value.where)
        texts = [f"{text_of(node.node) or ''}{tail}" for node in nodes]
        heads = {mirrored(text, self._mirror) for text in texts}
        head = heads.pop() if len(heads) == 1 else None
        if not isinstance(head, NewHead) or head.length:
            return (
                f"callers outside the config pass values of the enum of {reference.name}, which "
                "need different prefixes"
            )
        return trace.change(scalar, head)

    def _values_of(
        self, reference: Reference, value: ValueNode, rest: str, trace: _Trace, deepest: int
    ) -> str | None:
        nodes = self._values.nodes(reference, value.where)
        if not nodes:
            return f"the config doesn't have all values of {reference.name}"
        if reference.scope is Scope.PIPELINE_PARAMETER:
            trace.parameters[None, reference.name] = None
        elif reference.scope is Scope.PARAMETER and value.where.owner is not None:
            trace.parameters[value.where.owner, reference.name] = None
        for node in nodes:
            if node.where.call is not None:
                trace.calls[node.node] = node
            error = self._follow(node, rest, trace, deepest)
            if error is not None:
                return error
        return None

    # Who else reads it

    def _refuse_some(self) -> bool:
        """Refuse images whose names something else reads; return whether there were any."""
        open_traces = [trace for trace in self._traces.values() if trace.error is None]
        written = {node for trace in open_traces for node in trace.written}
        parameters = {key for trace in open_traces for key in trace.parameters}
        foreign = {image.item.image.value: image for image in self._others}
        for image in self._to_mirror:
            if self._traces[image].error is not None:
                foreign[image.item.image.value] = image
        for trace in open_traces:
            trace.error = self._other_reader(trace, written, parameters, foreign)
        return any(trace.error is not None for trace in open_traces)

    def _other_reader(
        self,
        trace: _Trace,
        written: set[Node],
        parameters: set[_Parameter],
        foreign: Mapping[Node, PulledImage],
    ) -> str | None:
        for node in trace.written:
            if node in foreign:
                return f"{foreign[node].route} shares its name and isn't changed"
        for scalar in trace.heads:
            uses: list[Node] = [*self._sharing.aliases_of(scalar)]
            if not self._is_loose(scalar):
                uses.append(scalar)
            for use in uses:
                if use not in written:
                    return f"{_line_of(use)} uses its name through an anchor"
            reason = self._declared_elsewhere(scalar, parameters)
            if reason is not None:
                return reason
        for owner, name in trace.parameters:
            for reader in self._readers_of(owner).get(name, ()):
                if reader not in written:
                    return f"{_line_of(reader)} also reads the parameter {name}"
        for value in trace.calls.values():
            reason = self._named_in_workflow(value, written)
            if reason is not None:
                return reason
        return None

    def _sections(self) -> Iterator[Node]:
        """The sections of the config that CircleCI reads."""
        for document in self._config.documents:
            entries = document.root.entries if isinstance(document.root, MappingNode) else ()
            sections = [value for key, value in entries if text_of(key) in _READ]
            if sections:
                yield from sections
            elif document.root is not None:
                yield document.root  # a part of a packed tree

    def _is_loose(self, scalar: Scalar) -> bool:
        """Whether ``scalar`` is in a section that CircleCI does not read."""
        for document in self._config.documents:
            if document.source is scalar.source and isinstance(document.root, MappingNode):
                if not any(text_of(key) in _OF_A_ROOT for key, _ in document.root.entries):
                    return False  # a part of a packed tree
                for key, value in document.root.entries:
                    if key.start <= scalar.start < value.end and isinstance(key, Scalar):
                        return key.value not in _READ
        return False

    def _declared_elsewhere(self, scalar: Scalar, followed: set[_Parameter]) -> str | None:
        """The problem if ``scalar`` is also a value of a parameter not in ``followed``."""
        for home in self._config.body.walk():
            owners: list[Job | Executor | Command] = [*home.jobs.values()]
            owners += [*home.executors.values(), *home.commands.values()]
            for owner in owners:
                for name, parameter in owner.parameters.items():
                    if (owner, name) not in followed and any(
                        resolved(node) is scalar for node in parameter.nodes
                    ):
                        return f"its name is also a value of the parameter {name} of {owner.route}"
        return None

    def _readers_of(self, owner: Job | Executor | Command | None) -> Mapping[str, list[Scalar]]:
        """The scalars that read each parameter of ``owner`` (None: of the pipeline)."""
        if owner not in self._readers:
            roots = list(self._sections()) if owner is None else [owner.mapping]
            scope = Scope.PIPELINE_PARAMETER if owner is None else Scope.PARAMETER
            self._readers[owner] = grouped(
                (reference.name, scalar)
                for scalar in scalars_in(*roots)
                for reference in references(scalar.value)
                if reference.scope is scope
            )
        return self._readers[owner]

    def _named_in_workflow(self, value: ValueNode, written: set[Node]) -> str | None:
        """The problem if something else contains a value of a matrix, as names of its jobs do."""
        call = value.where.call
        if call is None:
            return None
        text = text_of(value.node) or ""
        arguments = call.entry.arguments
        matrix = value_of(arguments, "matrix")
        for name, nodes in call.matrix.items():
            if not any(node is value.node for node in nodes):
                continue
            if any(name in entries_of(item) for item in items_of(value_of(matrix, "exclude"))):
                return f"the matrix excludes values of {name}"
            if arguments is not None:
                for scalar in scalars_in(arguments):
                    if scalar not in written and any(
                        reference.scope is Scope.MATRIX and reference.name == name
                        for reference in references(scalar.value)
                    ):
                        return f"{_line_of(scalar)} also reads the matrix's {name}"
            for entry in self._config.workflow_jobs:
                for item in items_of(value_of(entry.arguments, "requires")):
                    if text and text in (text_of(item) or ""):
                        return f"{_line_of(item)} requires a job with this name in its own"
        return None


def _line_of(node: Node) -> str:
    return f"line {node.source.position(node.start).line}"
