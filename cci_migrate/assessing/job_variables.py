"""Which variables a workflow job's images and steps seem to read, and whether that is visible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from cci_migrate.circleci.config import Config, Job, Namespace, WorkflowJob
from cci_migrate.circleci.images import auths_of
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.step_lists import StepLists, Way, way_of
from cci_migrate.circleci.steps import Bindings, Step
from cci_migrate.circleci.workflow_jobs import image_items
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import text_of, value_of
from cci_migrate.lossless.nodes import Node, scalars_in

_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_PUBLISHES = lazy_pattern(r"log-?_?in|push|publish|release|deploy", re.IGNORECASE)
#: A command that runs another file.
_RUNS_A_FILE = lazy_pattern(
    r"(?:^|[\s;&|(])(?:(?:\.{0,2}/)?[\w./-]+\.(?:sh|py|rb|js|ps1|bash)\b|\.{0,2}/[\w./-]+|"
    r"(?:make|just|task|rake|mage|invoke|npm|yarn|pnpm|bundle|npx|gradle|mvn|source|bash|sh|\.)\s)"
)

#: What a shell does not run, and what only takes variables away.
_NO_USE = lazy_pattern(r"(?:^|(?<=\s))#[^\n]*|^[ \t]*unset[ \t][^\n]*", re.MULTILINE)


class _Part(Struct, frozen=True, eq=False, dict=True):
    """A part of a job: a step, the arguments of a call, variables in credentials of images.

    ``written`` are the texts of ``nodes`` as in the file, with ``variables`` before them.
    ``step`` is there if the part is a step.

    Mostly few variables are asked for, so a text is only split into names if it has one of them.
    """

    nodes: tuple[Node, ...]
    written: str
    variables: tuple[str, ...] = ()
    step: Step | None = None

    def names(self, variable: str) -> bool:
        """Whether ``variable`` is named anywhere, in comments too."""
        return variable in self.written and variable in self.all_names

    def uses(self, variable: str) -> bool:
        """Whether ``variable`` is named outside of comments and of ``unset``."""
        if variable not in self.written and not self._is_written_otherwise:
            return False
        return variable in self._values and variable in self.used_names

    @cached_property
    def _is_written_otherwise(self) -> bool:
        """Whether a value may have a name that ``written`` lacks: by an alias or an escape."""
        return "*" in self.written or "\\" in self.written

    @cached_property
    def _values(self) -> str:
        """The values of all scalars, through aliases."""
        # A line break ends a name, a comment and an `unset`: no value runs into the next.
        values = (scalar.value for scalar in scalars_in(*self.nodes))
        return "\n".join((*self.variables, *values))

    @cached_property
    def all_names(self) -> frozenset[str]:
        """The names anywhere, in comments too."""
        return frozenset(_NAME.findall(self.written))

    @cached_property
    def used_names(self) -> frozenset[str]:
        """The names outside of comments and of ``unset``."""
        return frozenset(_NAME.findall(_NO_USE.sub("", self._values)))

    @cached_property
    def unread(self) -> str:
        """The title and the command of a step that runs something that can't be read."""
        step = self.step
        if step is None:
            return ""
        if step.name != "run":
            return step.name if "/" in step.name else ""
        command = text_of(step.value) or text_of(value_of(step.value, "command")) or ""
        title = text_of(value_of(step.value, "name")) or ""
        return "" if _RUNS_A_FILE.search(command) is None else f"{title} {command}"


class _Steps:
    """The parts of the steps of a job, for all workflow jobs that run it in the same way."""

    def __init__(self, steps: Sequence[tuple[Step, _Part]], passed: Iterable[_Part]) -> None:
        self._steps = steps
        self._parts = tuple(dict.fromkeys(part for _, part in steps))
        #: What commands around the steps are given: no script, so without comments.
        self._passed = tuple(dict.fromkeys(passed))
        self._named: dict[str, bool] = {}
        self._used: dict[str, bool] = {}

    def names(self, variable: str) -> bool:
        """Whether ``variable`` is named anywhere, in comments too."""
        named = self._named.get(variable)
        if named is None:
            parts = (*self._parts, *self._passed)
            named = self._named[variable] = any(part.names(variable) for part in parts)
        return named

    def uses(self, variable: str) -> bool:
        """Whether ``variable`` is named outside of comments and of ``unset``."""
        used = self._used.get(variable)
        if used is None:
            used = any(part.uses(variable) for part in self._parts)
            used = used or any(part.names(variable) for part in self._passed)
            self._used[variable] = used
        return used

    @cached_property
    def used_names(self) -> frozenset[str]:
        """The names outside of comments and of ``unset``."""
        used = (part.used_names for part in self._parts)
        passed = (part.all_names for part in self._passed)
        return frozenset[str]().union(*used, *passed)

    def may_publish(self, own_names: str) -> bool:
        """Whether an unreadable step of the job called ``own_names`` may publish."""
        if not self._unread:
            return False
        return _PUBLISHES.search(own_names) is not None or self._some_unread_publishes

    @cached_property
    def _unread(self) -> Sequence[tuple[Step, str]]:
        return [(step, part.unread) for step, part in self._steps if part.unread]

    @cached_property
    def _some_unread_publishes(self) -> bool:
        labels = (step.bindings.expand(label) for step, label in self._unread)
        return any(_PUBLISHES.search(label) is not None for label in labels)


class JobVariables:
    """The variables that each workflow job of a config reads in its images' auth and its steps."""

    def __init__(self, config: Config, values: ParameterValues, lists: StepLists) -> None:
        self._config = config
        self._values = values
        self._lists = lists
        self._text = "\n".join(config.texts)
        self._in_text: dict[str, bool] = {}
        self._own: dict[WorkflowJob, _Part] = {}
        self._steps_by_entry: dict[WorkflowJob, _Steps | None] = {}
        self._steps: dict[tuple[Job, Way, tuple[Step, ...]], _Steps] = {}
        self._parts: dict[Node, _Part] = {}
        self._bound: dict[Bindings, _Part] = {}

    def mentioned(self, entry: WorkflowJob, variables: Iterable[str]) -> frozenset[str]:
        """Those of ``variables`` that images or steps of ``entry``, or their arguments, name."""
        present = frozenset(filter(self._is_in_text, variables))
        if not present:
            return present
        own, steps = self._own_of(entry), self._steps_of(entry)
        return frozenset(
            name for name in present if own.names(name) or (steps is not None and steps.names(name))
        )

    def uses_all(self, entry: WorkflowJob, variables: frozenset[str]) -> bool:
        """Whether images or steps of ``entry`` name all of ``variables`` where they may read them.

        A comment that names a variable, and a step that unsets it, show nothing of who provides it.
        """
        return all(self._is_in_text(name) and self._uses(entry, name) for name in variables)

    def used_names(self, entry: WorkflowJob) -> frozenset[str]:
        """All names that images or steps of ``entry`` use: see `uses_all`.

        Where many variables are asked for, this takes less time.
        """
        steps = self._steps_of(entry)
        own = self._own_of(entry).used_names
        return own if steps is None else own | steps.used_names

    def _uses(self, entry: WorkflowJob, name: str) -> bool:
        steps = self._steps_of(entry)
        return self._own_of(entry).uses(name) or (steps is not None and steps.uses(name))

    def _is_in_text(self, name: str) -> bool:
        if name not in self._in_text:
            self._in_text[name] = name in self._text
        return self._in_text[name]

    def may_publish_unseen(self, entry: WorkflowJob) -> bool:
        """Whether ``entry`` may publish, with credentials of a registry, in steps not read."""
        steps = self._steps_of(entry)
        if steps is None:
            return _PUBLISHES.search(entry.calls) is not None
        return steps.may_publish(f"{entry.name} {entry.calls}")

    def _own_of(self, entry: WorkflowJob) -> _Part:
        """The arguments of ``entry``, and the variables in the credentials of its images."""
        own = self._own.get(entry)
        if own is None:
            variables = tuple(
                name
                for item in image_items(entry, self._config, self._values)
                for auth in auths_of(item.mapping)
                if auth.is_complete
                for name in auth.variables
            )
            own = self._own[entry] = _part_of(entry.arguments, variables=variables)
        return own

    def _steps_of(self, entry: WorkflowJob) -> _Steps | None:
        """The steps of the job that ``entry`` runs; None if it is not in the config."""
        if entry not in self._steps_by_entry:
            called = self._config.body.job(entry.calls)
            self._steps_by_entry[entry] = None if called is None else self._steps_in(*called, entry)
        return self._steps_by_entry[entry]

    def _steps_in(self, home: Namespace, job: Job, entry: WorkflowJob) -> _Steps:
        listed = self._lists.of(home, job, entry)
        run = self._lists.run_by(home, job, entry)
        key = (job, way_of(job, entry), () if len(run) == len(listed) else tuple(run))
        steps = self._steps.get(key)
        if steps is None:
            steps = self._steps[key] = self._read(run)
        return steps

    def _read(self, steps: Iterable[Step]) -> _Steps:
        parts: list[tuple[Step, _Part]] = []
        passed: list[_Part] = []
        for step in steps:
            part = self._parts.get(step.node)
            if part is None:
                nodes = step.node, step.value
                part = self._parts[step.node] = _part_of(*nodes, step=step)
            parts.append((step, part))
            bindings: Bindings | None = step.bindings
            while bindings is not None:
                passed.append(self._passed(bindings))
                bindings = bindings.outer
        return _Steps(parts, passed)

    def _passed(self, bindings: Bindings) -> _Part:
        """The arguments and defaults of one of the commands around a step."""
        bound = self._bound.get(bindings)
        if bound is None:
            defaults = (parameter.default for parameter in bindings.parameters.values())
            bound = self._bound[bindings] = _part_of(*bindings.arguments.values(), *defaults)
        return bound


def _part_of(
    *nodes: Node | None, variables: tuple[str, ...] = (), step: Step | None = None
) -> _Part:
    """The part with ``nodes`` and ``variables``."""
    present = tuple(node for node in nodes if node is not None)
    return _Part(present, "\n".join((*variables, *map(_written, present))), variables, step)


def _written(node: Node) -> str:
    return node.source.text[node.start : node.end]
