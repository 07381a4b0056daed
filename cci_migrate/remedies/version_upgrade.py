r"""The changes that upgrade a config from version 2 to 2.1, and the obstacles to them.

2.1 substitutes each ``<< ... >>`` in a string, which version 2 takes literally (mostly
here-documents and here-strings of a shell); 2.1 spells them ``\<<``:
https://circleci.com/docs/guides/orchestrate/pipeline-variables/#escape-characters. It rejects
unknown keys, which version 2 ignores, and reads some that version 2 does not:
https://circleci.com/docs/reference/configuration-reference/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import Config, Job, WorkflowJob
from cci_migrate.circleci.config_versions import VERSION_2_1
from cci_migrate.circleci.expressions import Scope, references
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import (
    Entry,
    entries_of,
    is_merge_key,
    items_of,
    own_entry,
    value_of,
)
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved, walk
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.operations import (
    AddEntry,
    Entries,
    Operation,
    RemoveEntry,
    ReplaceScalar,
    ReplaceText,
    Text,
)

NEW_VERSION = VERSION_2_1.names[0]

#: A ``<<`` that 2.1 would read as the start of an expression.
_UNESCAPED = lazy_pattern(r"(?<!\\)<<")


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The keys that both versions know.
_JOB_KEYS = _keys(
    "docker machine macos shell steps working_directory parallelism environment resource_class"
    " circleci_ip_ranges description"
)
_IMAGE_KEYS = _keys("image name entrypoint command user environment auth aws_auth gcp_auth")
_MACHINE_KEYS = _keys("image docker_layer_caching shell")
_WORKFLOW_KEYS = _keys("jobs triggers max_auto_reruns")
_ENTRY_KEYS = _keys("requires filters context type serial-group")
_STEP_KEYS: Mapping[str, frozenset[str]] = {
    name: _keys(keys)
    for name, keys in {
        "run": "command name shell environment background working_directory no_output_timeout when"
        " max_auto_reruns auto_rerun_delay",
        "checkout": "path method depth name",
        "setup_remote_docker": "docker_layer_caching version prefer_same_region",
        "save_cache": "paths key name when",
        "restore_cache": "key keys name",
        "store_artifacts": "path destination name",
        "store_test_results": "path name",
        "persist_to_workspace": "root paths name",
        "attach_workspace": "at name",
        "add_ssh_keys": "fingerprints name",
    }.items()
}
#: Sections that version 2 ignores and 2.1 reads.
_NEW_SECTIONS = ("orbs", "commands", "executors", "parameters", "job-groups", "setup")
#: Keys that version 2 ignores and 2.1 acts on.
_NEW_KEYS = _keys(
    "executor parameters type name matrix pre-steps post-steps when unless override-with"
)
_ADVICE = {
    "branches": "filter branches on the workflow job: filters: branches:",
    "env": "write it as environment:",
    "pwd": "write it as working_directory:",
    "enabled": "write machine: true, or name an image",
}


class Obstacle(Struct, frozen=True, eq=False):
    """Something that 2.1 rejects or reads differently. ``route`` names its place in the config."""

    node: Node
    route: str
    problem: str
    instead: str


class Upgrade(Struct, frozen=True):
    """The operations that upgrade a config; they may only be applied if there are no obstacles."""

    operations: tuple[Operation, ...]
    obstacles: tuple[Obstacle, ...]


def upgrade_of(config: Config, version: Scalar) -> Upgrade:
    """The upgrade of ``config``, whose ``version`` is 2 or 2.0, to 2.1 with the same meaning.

    The obstacles are in file order, at most one for each node.
    """
    obstacles = {
        obstacle.node: obstacle for obstacle in reversed(tuple(_obstacles(config, version)))
    }
    in_file_order = sorted(
        obstacles.values(), key=lambda obstacle: (obstacle.node.source.path, obstacle.node.start)
    )
    number = ReplaceScalar(version, Text(NEW_VERSION, is_number=not version.style))
    operations = (number, *_without_inner_version(config), *_escapes(config))
    return Upgrade(operations, tuple(in_file_order))


def in_new_version(operations: Iterable[Operation]) -> Iterator[Operation]:
    """``operations``; those that add workflows fit the version that the others upgrade to.

    Version 2 requires ``workflows.version``, and 2.1 ignores it.
    """
    all_operations = tuple(operations)
    replaced = {op.scalar for op in all_operations if isinstance(op, ReplaceScalar)}
    for op in all_operations:
        if isinstance(op, AddEntry) and op.key == "workflows" and isinstance(op.content, Entries):
            version = (
                own_entry(op.mapping, "version") if isinstance(op.mapping, MappingNode) else None
            )
            if version is not None and version.value in replaced:
                kept = tuple(entry for entry in op.content.entries if entry[0] != "version")
                op = replace(op, content=replace(op.content, entries=kept))
        yield op


def _without_inner_version(config: Config) -> Iterator[Operation]:
    """Remove ``workflows.version``, which 2.1 ignores.

    It stays if it has no line of its own, or is shared through an anchor.
    """
    for document in config.documents:
        entry = _inner_version(document.root)
        if entry is None or not isinstance(resolved(entry.value), Scalar):
            continue
        workflows = entry.holder
        has_line = not workflows.is_flow and len(workflows.entries) > 1
        is_anchored = isinstance(entry.value, Scalar) and entry.value.anchor is not None
        has_own_key = entry.key.anchor is None and entry.key.source is workflows.source
        if has_line and has_own_key and not is_anchored:
            yield RemoveEntry(workflows, "version")


def _escapes(config: Config) -> Iterator[Operation]:
    for node in _nodes(config):
        if isinstance(node, Scalar) and "<<" in node.value and not is_merge_key(node):
            for match in reversed(tuple(_UNESCAPED.finditer(node.value))):
                yield ReplaceText(node, match.start(), match.start(), "\\")


def _nodes(config: Config) -> Iterator[Node]:
    for document in config.documents:
        if document.root is not None:
            yield from walk(document.root)


def _obstacles(config: Config, version: Scalar) -> Iterator[Obstacle]:
    if version.anchor is not None and _has_aliases(config, version):
        yield Obstacle(
            version,
            "version.anchor",
            "the version's anchor is also used elsewhere",
            "write the version out there",
        )
    if version.tag is not None:
        yield Obstacle(version, "version.tag", "the version has a tag", "write version: 2.1")
    yield from _in_strings(config)
    for document in config.documents:
        for name, section in entries_of(document.root).items():
            if name in _NEW_SECTIONS:
                yield Obstacle(
                    section.key,
                    name,
                    f"version 2 ignores {name}, and 2.1 reads it",
                    "rename it if it only defines anchors; else check what 2.1 does with it",
                )
    for job in config.body.jobs.values():
        yield from _in_job(job)
    for name, node in config.workflows.items():
        yield from _unknown(node, _WORKFLOW_KEYS, f"workflows.{name}", "a workflow")
    for entry in config.workflow_jobs:
        yield from _in_entry(entry)


def _has_aliases(config: Config, node: Scalar) -> bool:
    """Whether an alias other than ``workflows.version`` means ``node``."""
    return any(
        alias.target is node and alias is not getattr(_inner_version(document.root), "value", None)
        for document in config.documents
        for alias in document.aliases
    )


def _inner_version(root: Node | None) -> Entry | None:
    workflows = value_of(root, "workflows")
    return own_entry(workflows, "version") if isinstance(workflows, MappingNode) else None


def _in_strings(config: Config) -> Iterator[Obstacle]:
    for node in _nodes(config):
        if isinstance(node, MappingNode):
            for key, _ in node.entries:
                if isinstance(key, Scalar) and not is_merge_key(key) and "<<" in key.value:
                    yield Obstacle(
                        key,
                        f"key({key.value})",
                        "2.1 reads << in a key",
                        "give it another name",
                    )
        elif isinstance(node, Scalar):
            for reference in references(node.value):
                if reference.scope is Scope.EXPRESSION:
                    continue
                text = node.value[reference.start : reference.end]
                yield Obstacle(
                    node,
                    f"expression({text}):{node.source.position(node.start).line}",
                    f"version 2 keeps {text} as it is, and 2.1 replaces it",
                    f"write \\{text} to keep the text; else add it after the upgrade",
                )
                break


def _in_job(job: Job) -> Iterator[Obstacle]:
    yield from _unknown(job.mapping, _JOB_KEYS, job.route, "a job")
    machine = value_of(job.mapping, "machine")
    yield from _unknown(machine, _MACHINE_KEYS, f"{job.route}.machine", "machine")
    for image in job.runs_on.docker or ():
        route = f"{job.route}.docker[{image.index}]"
        yield from _unknown(image.mapping, _IMAGE_KEYS, route, "an image")
    for index, item in enumerate(items_of(job.steps)):
        yield from _in_step(resolved(item), f"{job.route}.steps[{index}]")


def _in_step(step: Node, route: str) -> Iterator[Obstacle]:
    if isinstance(step, SequenceNode):
        yield Obstacle(
            step,
            route,
            "a list of steps is in the place of a step",
            "move its steps into the outer list",
        )
        return
    if isinstance(step, Scalar):
        if step.value not in ("checkout", "setup_remote_docker", "add_ssh_keys"):
            yield Obstacle(
                step,
                f"{route}({step.value[:40]})",
                f"{step.value[:40]!r} isn't a step",
                "write it as - run: ...",
            )
        return
    entries = entries_of(step)
    if len(entries) != 1:
        yield Obstacle(
            step,
            route,
            f"a step has several keys: {', '.join(entries)}" if entries else "a step is empty",
            "indent the keys that belong under the first",
        )
        return
    for name, entry in entries.items():
        step_keys = _STEP_KEYS.get(name)
        if name == "deploy":
            yield Obstacle(
                entry.key,
                f"{route}.deploy",
                "the step deploy is deprecated",
                "write run: if the job has no parallelism, else move it to a separate job; see "
                "https://circleci.com/docs/guides/orchestrate/migrate-from-deploy-to-run/",
            )
        elif step_keys is None:
            yield Obstacle(
                entry.key,
                f"{route}.{name}",
                f"2.1 has no step {name}",
                "remove it, or correct its name",
            )
        else:
            yield from _unknown(entry.value, step_keys, f"{route}.{name}", f"the step {name}")


def _in_entry(entry: WorkflowJob) -> Iterator[Obstacle]:
    yield from _unknown(entry.arguments, _ENTRY_KEYS, entry.route, "a workflow's job")
    if "/" in entry.calls:
        yield Obstacle(
            entry.key,
            f"{entry.route}({entry.calls})",
            f"2.1 reads {entry.calls} as the job of an orb",
            "give the job a name without a slash",
        )


def _unknown(node: Node | None, allowed: frozenset[str], route: str, of: str) -> Iterator[Obstacle]:
    for name, entry in entries_of(node).items():
        if name in allowed:
            continue
        if name in _NEW_KEYS:
            problem = f"version 2 ignores the key {name} of {of}, and 2.1 uses it"
        else:
            problem = f"2.1 doesn't allow the key {name} in {of}"
        yield Obstacle(
            entry.key, f"{route}.{name}", problem, _ADVICE.get(name, "remove it if it does nothing")
        )
