"""Removes the import of the Docker orb if only logins that are removed use it."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config import ImportedOrb
from cci_migrate.circleci.docker_orb import ORBS, docker_orb
from cci_migrate.circleci.steps import Step
from cci_migrate.findings import Effect, Finding, FindingKey, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.merging import Entry, own_entry
from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar
from cci_migrate.lossless.operations import RemoveEntry
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN


def orb_finding(
    assessment: Assessment, logins: Sequence[Step], keys: tuple[FindingKey, ...]
) -> Finding | None:
    """The finding that removes the orb, if nothing but the removed ``logins`` uses it.

    ``keys`` are those of the findings that remove them.
    """
    config = assessment.config
    orb = docker_orb(config.body.imported)
    if orb is None or not any(step.name == f"{orb.alias}/check" for step in logins):
        return None
    is_added = orb.version == assessment.policy.docker_orb
    reason = "its version isn't the policy's, so you may have added it"
    removed_nodes = {step.node for step in logins}
    roots = [document.root for document in config.documents if document.root is not None]
    if any(_names(root, f"{orb.alias}/", removed_nodes) for root in roots):
        return None
    for root in roots:
        if isinstance(root, Mapping) and (entry := _import_of(orb, root)) is not None:
            return Finding(
                rule=PULL_BEFORE_LOGIN,
                place=Place(entry.key, f"orbs.{orb.alias}"),
                message=f"nothing else uses the orb {orb.name}",
                plural="orbs have no other use",
                subject=orb.name,
                owner="orbs",
                effect=Effect.WARNING if is_added else Effect.NOTE,
                because="",
                remedy=_without_import(entry, root) if is_added else NoFix(reason),
                after_all=keys,
            )
    return None


def _import_of(orb: ImportedOrb, root: Mapping) -> Entry | None:
    """The entry that imports ``orb``: under ``orbs``, or in a packed tree at a file's top level."""
    section = own_entry(root, ORBS)
    for holder in (root, None if section is None else section.value):
        entry = own_entry(holder, orb.alias) if isinstance(holder, Mapping) else None
        if entry is not None and entry.value is orb.node:
            return entry
    return None


def _without_import(entry: Entry, root: Mapping) -> Remedy:
    title = "remove the orb"
    if len(entry.holder.entries) > 1:
        return Fix(title, (RemoveEntry(entry.holder, entry.key.value),))
    if entry.holder is root:
        return NoFix("the file has nothing else", "delete the file")
    return Fix(title, (RemoveEntry(root, ORBS),))


def _names(root: Node, prefix: str, without: set[Node]) -> bool:
    """Whether a scalar under ``root``, but not under ``without``, starts with ``prefix``."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node in without or isinstance(node, Alias):
            continue
        if isinstance(node, Scalar):
            if node.value.startswith(prefix):
                return True
        elif isinstance(node, Mapping):
            pending += (part for entry in node.entries for part in entry)
        else:
            pending += node.items
    return False
