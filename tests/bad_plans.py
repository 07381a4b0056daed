"""Plans that are not the tool's own, for the tests that hold them against the proof."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence

from msgspec.structs import replace

from cci_migrate import reversal
from cci_migrate.assessing.assessment import assess
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.packing import Group, Part
from cci_migrate.engine.context_grants import placement_of
from cci_migrate.engine.loading import load_texts
from cci_migrate.engine.planning import Plan, plan_changes
from cci_migrate.engine.proof import Clause, NotProven, ProvenChange, prove
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import APPLY_ALL, ChosenNames, FindingKey, Resolution
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.merging import items_of, value_of
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.operations import Content, Entries, Operation, Text
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.settings import Policy
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.rules.catalogue import RULES

PATH = "config.yml"
FIXING = Policy()


def auth(username: str, password: str) -> Entries:
    """The value of ``auth`` with these halves."""
    return Entries((("username", Text(username)), ("password", Text(password))))


def check(username: str, password: str, **more: str) -> Content:
    """A step that logs in with the orb, with these names of variables."""
    names = {"docker_username": username, "docker_password": password, **more}
    arguments = Entries(tuple((key, Text(value)) for key, value in names.items()))
    return Entries((("docker/check", arguments),))


HUB = auth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")


def read(sources: Sequence[SourceText], policy: Policy = FIXING) -> ProofSide | str:
    """The config of ``sources`` as the tool reads it, with the tool's own plan for it."""
    loaded = load_texts(Group((Part(PATH, ()),)), sources)
    if not isinstance(loaded, Config):
        return "it is no config"
    assessment = assess(loaded, policy, {})
    if policy.revert is None:
        findings = [finding for rule in RULES for finding in rule.detect(assessment)]
    else:
        findings = list(reversal.findings(assessment, policy.revert))
    placement = placement_of(assessment)
    plan = plan_changes(loaded.documents, findings, APPLY_ALL, placement)
    return ProofSide.of(assessment, plan)


def good(text: str, policy: Policy = FIXING) -> ProofSide:
    """`read` for one text that is a config."""
    side = read([SourceText(PATH, text)], policy)
    assert isinstance(side, ProofSide)
    return side


def proven(
    side: ProofSide,
    policy: Policy = FIXING,
    names: MappingOf[FindingKey, ChosenNames] | None = None,
) -> ProvenChange | NotProven:
    """What the proof says of the plan of ``side``."""
    return prove(side, policy, names or {}, lambda sources: read(sources, policy), Redaction())


def refused_by(
    side: ProofSide,
    policy: Policy = FIXING,
    names: MappingOf[FindingKey, ChosenNames] | None = None,
) -> Clause | None:
    """The clause that refuses the plan of ``side``; None if it is proven."""
    outcome = proven(side, policy, names)
    if isinstance(outcome, ProvenChange):
        return None
    assert outcome.reason
    return outcome.clause


def with_edits(side: ProofSide, *edits: Edit) -> ProofSide:
    """``side`` with these edits for the operations of its plan."""
    return replace(side, plan=replace(side.plan, edits={PATH: edits}))


def planned(
    side: ProofSide, *operations: Operation, resolutions: tuple[Resolution, ...] = ()
) -> ProofSide:
    """``side`` with a plan that does ``operations``, text and data alike.

    Without ``resolutions`` it claims no fix.
    """
    edits = {PATH: render(side.documents[0], operations)}
    return replace(side, plan=Plan(resolutions, operations, edits))


def planned_instead(side: ProofSide, *operations: Operation) -> ProofSide:
    """``side`` with ``operations`` for those of its plan, which claims the same fixes."""
    return planned(side, *operations, resolutions=side.plan.resolutions)


def item(side: ProofSide, job: str, index: int = 0) -> Mapping:
    """An image of ``job``."""
    jobs = value_of(side.documents[0].root, "jobs")
    docker = value_of(value_of(jobs, job), "docker")
    mapping = resolved(items_of(docker)[index])
    assert isinstance(mapping, Mapping)
    return mapping


def scalar(mapping: Mapping, key: str) -> Scalar:
    """The value of ``key``."""
    found = value_of(mapping, key)
    assert isinstance(found, Scalar)
    return found
