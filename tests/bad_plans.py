"""Plans that are not the tool's own, for the tests that hold them against the proof."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence

from msgspec.structs import replace

from cci_migrate import reversal
from cci_migrate.assessing.assessment import assess
from cci_migrate.circleci.packing import Group, Part
from cci_migrate.engine.context_grants import context_placement
from cci_migrate.engine.loading import Loaded, load_texts
from cci_migrate.engine.planning import Plan, plan_changes
from cci_migrate.engine.proof import Clause, NotProven, ProvenChange, Reading, prove
from cci_migrate.findings import APPLY_ALL, FindingKey, Names
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.merging import items_of, value_of
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.operations import Entries, Operation, Text
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.settings import Policy
from cci_migrate.rules.catalogue import RULES

PATH = "config.yml"
FIXING = Policy()


def auth(username: str, password: str) -> Entries:
    """The value of ``auth`` with these halves."""
    return Entries((("username", Text(username)), ("password", Text(password))))


HUB = auth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")


def read(sources: Sequence[SourceText], policy: Policy = FIXING) -> Reading | str:
    """The config of ``sources`` as the tool reads it, with the tool's own plan for it."""
    loaded = load_texts(Group((Part(PATH, ()),)), sources)
    if not isinstance(loaded, Loaded):
        return "it is no config"
    assessment = assess(loaded.config, policy, {})
    if policy.revert is None:
        findings = [finding for rule in RULES for finding in rule.detect(assessment)]
    else:
        findings = list(reversal.findings(assessment, policy.revert))
    placement = context_placement(assessment)
    plan = plan_changes(loaded.config.documents, findings, APPLY_ALL, placement=placement)
    return Reading.of(assessment, plan)


def good(text: str, policy: Policy = FIXING) -> Reading:
    """`read` for one text that is a config."""
    reading = read([SourceText(PATH, text)], policy)
    assert isinstance(reading, Reading)
    return reading


def proven(
    reading: Reading, policy: Policy = FIXING, names: MappingOf[FindingKey, Names] | None = None
) -> ProvenChange | NotProven:
    """What the proof says of the plan of ``reading``."""
    return prove(reading, policy, names or {}, lambda sources: read(sources, policy))


def refused_by(
    reading: Reading, policy: Policy = FIXING, names: MappingOf[FindingKey, Names] | None = None
) -> Clause | None:
    """The clause that refuses the plan of ``reading``; None if it is proven."""
    outcome = proven(reading, policy, names)
    if isinstance(outcome, ProvenChange):
        return None
    assert outcome.reason
    return outcome.clause


def with_edits(reading: Reading, *edits: Edit) -> Reading:
    """``reading`` with these edits for the operations of its plan."""
    return replace(reading, plan=replace(reading.plan, edits={PATH: edits}))


def planned(reading: Reading, *operations: Operation) -> Reading:
    """``reading`` with a plan that does ``operations``, text and data alike, and claims no fix."""
    edits = {PATH: render(reading.documents[0], list(operations))}
    return replace(reading, plan=Plan((), operations, edits))


def item(reading: Reading, job: str, index: int = 0) -> Mapping:
    """An image of ``job``."""
    jobs = value_of(reading.documents[0].root, "jobs")
    docker = value_of(value_of(jobs, job), "docker")
    mapping = resolved(items_of(docker)[index])
    assert isinstance(mapping, Mapping)
    return mapping


def scalar(mapping: Mapping, key: str) -> Scalar:
    """The value of ``key``."""
    found = value_of(mapping, key)
    assert isinstance(found, Scalar)
    return found
