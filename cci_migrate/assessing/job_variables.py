"""Which variables the steps of a workflow job seem to read, and whether that can be seen at all.

CircleCI gives a job the variables of the project and of its contexts, where the later context wins
(https://circleci.com/docs/guides/security/contexts/). What a step reads must stay what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cci_migrate.assessing.context_conventions import is_about_a_registry
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.steps import Bindings, Step, job_steps
from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.lossless.merging import text_of, value_of
from cci_migrate.lossless.nodes import Node

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PUBLISHES = re.compile(r"log-?_?in|push|publish|release|deploy", re.IGNORECASE)
#: A command that runs another file.
_RUNS_A_FILE = re.compile(
    r"(?:^|[\s;&|(])(?:(?:\.{0,2}/)?[\w./-]+\.(?:sh|py|rb|js|ps1|bash)\b|\.{0,2}/[\w./-]+|"
    r"(?:make|just|task|rake|mage|invoke|npm|yarn|pnpm|bundle|npx|gradle|mvn|source|bash|sh|\.)\s)"
)


class JobVariables:
    """The variables that each workflow job of a config reads in its steps."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._text = "\n".join(document.source.text for document in config.documents)
        self._in_text: dict[str, bool] = {}
        self._known: dict[WorkflowJob, tuple[frozenset[str], bool]] = {}
        self._parts: dict[Node, tuple[frozenset[str], str]] = {}
        self._bound: dict[Bindings, frozenset[str]] = {}

    def mentioned(self, entry: WorkflowJob, variables: Iterable[str]) -> frozenset[str]:
        """Those of ``variables`` that the steps of ``entry``, or what is passed to them, name."""
        names = frozenset(filter(self._is_in_text, variables))
        return names & self._of(entry)[0] if names else names

    def _is_in_text(self, name: str) -> bool:
        if name not in self._in_text:
            self._in_text[name] = name in self._text
        return self._in_text[name]

    def may_overlap(self, entry: WorkflowJob, held: JobContexts, variables: Iterable[str]) -> bool:
        """Whether a step of ``entry`` may read one of ``variables`` from a context it holds."""
        if not held.values:
            return False
        if any(map(is_about_a_registry, held.names)) or self.mentioned(entry, variables):
            return True
        return self._of(entry)[1]

    def _of(self, entry: WorkflowJob) -> tuple[frozenset[str], bool]:
        """The names in the steps of ``entry``; whether one publishes in a way unseen."""
        known = self._known.get(entry)
        if known is None:
            known = self._known[entry] = self._read(entry)
        return known

    def _passed(self, bindings: Bindings | None) -> frozenset[str]:
        """The names in what is passed to the command in whose scope a step stands."""
        names: frozenset[str] = frozenset()
        while bindings is not None:
            known = self._bound.get(bindings)
            if known is None:
                defaults = (one.default for one in bindings.parameters.values())
                known = _names_in_all([*bindings.arguments.values(), *defaults])
                self._bound[bindings] = known
            names |= known
            bindings = bindings.outer
        return names

    def _read(self, entry: WorkflowJob) -> tuple[frozenset[str], bool]:
        names = set(_names_in(entry.arguments))
        home_and_job = self._config.body.job(entry.calls)
        if home_and_job is None:
            return frozenset(names), _PUBLISHES.search(entry.calls) is not None
        own_names = f"{entry.name} {entry.calls}"
        publishes = False
        for step in job_steps(self._config, *home_and_job, entry):
            part = self._parts.get(step.node)
            if part is None:
                part = self._parts[step.node] = _read_step(step)
            mentioned, unread = part
            names |= mentioned
            names |= self._passed(step.bindings)
            if unread and not publishes:
                called = f"{own_names} {step.bindings.expand(unread)}"
                publishes = _PUBLISHES.search(called) is not None
        return frozenset(names), publishes


def _names_in_all(nodes: Iterable[Node | None]) -> frozenset[str]:
    return frozenset().union(*map(_names_in, nodes))


def _names_in(node: Node | None) -> frozenset[str]:
    return frozenset() if node is None else frozenset(_NAME.findall(_text(node)))


def _text(node: Node) -> str:
    return node.source.text[node.start : node.end]


def _read_step(step: Step) -> tuple[frozenset[str], str]:
    """The names in ``step``; what it is called, if what it does cannot be read."""
    names = _names_in(step.node) | _names_in(step.value)
    if step.name != "run":
        return names, step.name if "/" in step.name else ""
    command = text_of(step.value) or text_of(value_of(step.value, "command")) or ""
    title = text_of(value_of(step.value, "name")) or ""
    return names, "" if _RUNS_A_FILE.search(command) is None else f"{title} {command}"
