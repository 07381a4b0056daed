"""Which variables a workflow job's images and steps seem to read, and whether that is visible.

A job gets the variables of the project and of its contexts, the later contexts winning
(https://circleci.com/docs/guides/security/contexts/). A fix must not change what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from cci_migrate.assessing.context_conventions import is_about_a_registry
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.images import auths_of
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.steps import Bindings, Step, job_steps
from cci_migrate.circleci.workflow_jobs import JobContexts, image_items
from cci_migrate.lossless.merging import text_of, value_of
from cci_migrate.lossless.nodes import Node, scalars_in

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PUBLISHES = re.compile(r"log-?_?in|push|publish|release|deploy", re.IGNORECASE)
#: A command that runs another file.
_RUNS_A_FILE = re.compile(
    r"(?:^|[\s;&|(])(?:(?:\.{0,2}/)?[\w./-]+\.(?:sh|py|rb|js|ps1|bash)\b|\.{0,2}/[\w./-]+|"
    r"(?:make|just|task|rake|mage|invoke|npm|yarn|pnpm|bundle|npx|gradle|mvn|source|bash|sh|\.)\s)"
)

#: What a shell does not run, and what only takes variables away.
_NO_USE = re.compile(r"(?:^|(?<=\s))#[^\n]*|^[ \t]*unset[ \t][^\n]*", re.MULTILINE)


class _Named(Struct, frozen=True):
    """The names in a job or a step. ``used`` are those outside comments and ``unset``.

    ``unread`` is the title and the command of a step that runs something that can't be read.
    """

    names: frozenset[str]
    used: frozenset[str]
    unread: str = ""


class JobVariables:
    """The variables that each workflow job of a config reads in its images' auth and its steps."""

    def __init__(self, config: Config, values: ParameterValues) -> None:
        self._config = config
        self._values = values
        self._text = "\n".join(document.source.text for document in config.documents)
        self._in_text: dict[str, bool] = {}
        self._known: dict[WorkflowJob, tuple[_Named, bool]] = {}
        self._parts: dict[Node, _Named] = {}
        self._bound: dict[Bindings, frozenset[str]] = {}

    def mentioned(self, entry: WorkflowJob, variables: Iterable[str]) -> frozenset[str]:
        """Those of ``variables`` that images or steps of ``entry``, or their arguments, name."""
        present = frozenset(filter(self._is_in_text, variables))
        return present & self._of(entry)[0].names if present else present

    def uses_all(self, entry: WorkflowJob, variables: frozenset[str]) -> bool:
        """Whether images or steps of ``entry`` name all of ``variables`` where they may read them.

        A comment that names a variable, and a step that unsets it, show nothing of who provides it.
        """
        return all(map(self._is_in_text, variables)) and variables <= self._of(entry)[0].used

    def _is_in_text(self, name: str) -> bool:
        if name not in self._in_text:
            self._in_text[name] = name in self._text
        return self._in_text[name]

    def may_overlap(self, entry: WorkflowJob, contexts: JobContexts) -> bool:
        """Whether ``entry`` may read a registry's credentials from ``contexts``, out of sight."""
        if not contexts.values:
            return False
        return any(map(is_about_a_registry, contexts.names)) or self._of(entry)[1]

    def _of(self, entry: WorkflowJob) -> tuple[_Named, bool]:
        """The names in images and steps of ``entry``, and if an unreadable step may publish."""
        names = self._known.get(entry)
        if names is None:
            names = self._known[entry] = self._read(entry)
        return names

    def _passed(self, bindings: Bindings | None) -> frozenset[str]:
        """The names in the arguments and defaults of the commands around a step."""
        names: frozenset[str] = frozenset()
        while bindings is not None:
            bound = self._bound.get(bindings)
            if bound is None:
                defaults = (parameter.default for parameter in bindings.parameters.values())
                bound = _names_in_all([*bindings.arguments.values(), *defaults])
                self._bound[bindings] = bound
            names |= bound
            bindings = bindings.outer
        return names

    def _read(self, entry: WorkflowJob) -> tuple[_Named, bool]:
        names, used = set(_names_in(entry.arguments)), set(_used_in(entry.arguments))
        for item in image_items(entry, self._config, self._values):
            for auth in auths_of(item.mapping):
                if auth.is_complete:
                    names.update(auth.variables)
                    used.update(auth.variables)
        home_and_job = self._config.body.job(entry.calls)
        if home_and_job is None:
            publishes = _PUBLISHES.search(entry.calls) is not None
            return _Named(frozenset(names), frozenset(used)), publishes
        own_names = f"{entry.name} {entry.calls}"
        publishes = False
        for step in job_steps(self._config, *home_and_job, entry):
            part = self._parts.get(step.node)
            if part is None:
                part = self._parts[step.node] = _read_step(step)
            passed = self._passed(step.bindings)
            names |= part.names | passed
            used |= part.used | passed
            if part.unread and not publishes:
                label = f"{own_names} {step.bindings.expand(part.unread)}"
                publishes = _PUBLISHES.search(label) is not None
        return _Named(frozenset(names), frozenset(used)), publishes


def _names_in_all(nodes: Iterable[Node | None]) -> frozenset[str]:
    return frozenset().union(*map(_names_in, nodes))


def _names_in(node: Node | None) -> frozenset[str]:
    return frozenset() if node is None else frozenset(_NAME.findall(_text(node)))


def _text(node: Node) -> str:
    return node.source.text[node.start : node.end]


def _used_in(node: Node | None) -> frozenset[str]:
    scalars = () if node is None else scalars_in(node)
    return frozenset(
        name for scalar in scalars for name in _NAME.findall(_NO_USE.sub("", scalar.value))
    )


def _read_step(step: Step) -> _Named:
    names = _names_in(step.node) | _names_in(step.value)
    used = _used_in(step.node) | _used_in(step.value)
    if step.name != "run":
        return _Named(names, used, step.name if "/" in step.name else "")
    command = text_of(step.value) or text_of(value_of(step.value, "command")) or ""
    title = text_of(value_of(step.value, "name")) or ""
    unread = "" if _RUNS_A_FILE.search(command) is None else f"{title} {command}"
    return _Named(names, used, unread)
