"""What a change does to a config's own data, to be found again in the compiled one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeAlias

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.circleci.compiled_texts import matches, substituted
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.steps import RUN_STEPS, anchored_step
from cci_migrate.engine.examination import Examination
from cci_migrate.lossless.merging import entries_of, items_of, values_by_key
from cci_migrate.lossless.nodes import Document, Node, Scalar
from cci_migrate.lossless.plain_data import (
    Added,
    Change,
    Path,
    Plain,
    Removed,
    Replaced,
    changes,
    plain_data,
)
from cci_migrate.verification.compiled_config import mapping_in, regular, text_in

#: What a ``run`` step says, by its keys.
Script: TypeAlias = "dict[str, Plain]"

#: Keys below which there are no steps.
_NO_STEPS = frozenset({"auth", "context", "docker", "environment", "filters", "matrix", "requires"})


class StepChanges(Struct, frozen=True):
    """Steps that a change puts in or takes out.

    ``scripts`` are their ``run`` steps, with what their commands unfold to; ``has_orbs``: an orb's
    command is among them, or an argument of its job, and the compiler knows what that comes to.
    """

    scripts: tuple[Script, ...]
    has_orbs: bool

    def explain(self, step: Plain) -> bool:
        """Whether ``step`` of a compiled job is one of the ``run`` steps."""
        compiled = script_of(step)
        return compiled is not None and any(
            is_compiled_from(script, compiled) for script in self.scripts
        )


class SourceChanges(Struct, frozen=True):
    """What a change does. ``places`` are the keys on the way to each part of it."""

    places: tuple[Path, ...]
    added: StepChanges
    removed: StepChanges
    texts: tuple[tuple[str, str], ...]

    @property
    def moves_jobs(self) -> bool:
        """Whether a job gets another executor."""
        keys = {str(key) for place in self.places for key in place} - {"executors"}
        return any("executor" in key for key in keys)

    def touches(self, key: str) -> bool:
        """Whether the value of the top-level ``key`` is put in, taken out or replaced."""
        return (key,) in self.places

    def explain_text(self, old: str, new: str) -> bool:
        """Whether the compiled text ``old`` becomes ``new`` by one of the replaced texts."""
        return any(substituted(was, now, old) == new for was, now in self.texts)


def source_changes(before: Examination, after: Examination) -> SourceChanges:
    """What the change from ``before`` to ``after``, the same files, does."""
    collected: list[Change] = []
    added: list[StepChanges] = []
    removed: list[StepChanges] = []
    for old, new in zip(before.documents, after.documents, strict=True):
        for change in changes(regular(plain_data(old.root)), regular(plain_data(new.root))):
            collected.append(change)
            match change:
                case Added(path=path):
                    added.append(_steps_at(new, path, after.config))
                case Removed(path=path):
                    removed.append(_steps_at(old, path, before.config))
                case Replaced():
                    pass
                case _:
                    assert_never(change)
    return SourceChanges(
        places=tuple(change.path for change in collected),
        added=_joined(added),
        removed=_joined(removed),
        texts=tuple(
            (change.old, change.new)
            for change in collected
            if isinstance(change, Replaced)
            and isinstance(change.old, str)
            and isinstance(change.new, str)
        ),
    )


def _joined(changed: Collection[StepChanges]) -> StepChanges:
    scripts = tuple(script for steps in changed for script in steps.scripts)
    return StepChanges(scripts, any(steps.has_orbs for steps in changed))


def is_compiled_from(template: Plain, compiled: Plain) -> bool:
    """Whether ``template`` may compile to ``compiled``."""
    if isinstance(template, str):
        return not isinstance(compiled, list | dict) and matches(template, text_in(compiled))
    if isinstance(template, list):
        return (
            isinstance(compiled, list)
            and len(template) == len(compiled)
            and all(map(is_compiled_from, template, compiled))
        )
    if isinstance(template, dict):
        return (
            isinstance(compiled, dict)
            and template.keys() == compiled.keys()
            and all(is_compiled_from(value, compiled[key]) for key, value in template.items())
        )
    return template == compiled


def script_of(step: Plain) -> Script | None:
    """What a ``run`` step says; None for another step."""
    for name in RUN_STEPS:
        value = mapping_in(step).get(name)
        if isinstance(value, dict):
            return value
        if isinstance(value, str):
            return {"command": value}
    return None


def _steps_at(document: Document, path: Path, config: Config) -> StepChanges:
    """The steps that the node at ``path`` unfolds to."""
    if not _NO_STEPS.isdisjoint(path):
        return StepChanges((), has_orbs=False)
    node = _node_at(document.root, path)
    last = path[-1] if path else ""
    scripts: list[Script] = []
    # An argument of an orb's job may have it log in (``registry_login: true``).
    calls_orb = path[:1] == ("workflows",) and "jobs" in path and isinstance(node, Scalar)
    for step in [node] if isinstance(last, int) and node is not None else _listed(node):
        for unfolded in anchored_step(config, step):
            script = script_of({unfolded.name: plain_data(unfolded.value)})
            if script is not None and unfolded.within is None:
                scripts.append(script)
            else:
                calls_orb = True
    return StepChanges(tuple(scripts), calls_orb)


def _listed(node: Node | None) -> Iterator[Node]:
    """The steps in the lists of ``node``."""
    pending = [] if node is None else [node]
    while pending:
        current = pending.pop()
        yield from items_of(current)
        pending += (
            value for name, value in values_by_key(current).items() if name not in _NO_STEPS
        )


def _node_at(root: Node | None, path: Path) -> Node | None:
    node = root
    for key in path:
        if isinstance(key, int):
            items = items_of(node)
            node = items[key] if key < len(items) else None
        else:
            entry = entries_of(node).get(key)
            node = None if entry is None else entry.value
    return node
