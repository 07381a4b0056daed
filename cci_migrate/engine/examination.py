"""From the bytes of a config to its findings, for every command. Pure.

The command line, the interactive session, the doctor and the batch all call `examine`. What is
done about the findings is `proposing`'s.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment, assess
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.circleci.config import Config
from cci_migrate.engine.config_files import ConfigFiles, compiled_files
from cci_migrate.engine.context_grants import fixes_with_room, placement_of
from cci_migrate.engine.loading import is_packed_from, load, load_texts, refusal_of
from cci_migrate.engine.outcomes import Cause, Refused, Unexamined
from cci_migrate.engine.redacted_outcomes import redacted_reason
from cci_migrate.engine.sibling_evidence import SiblingEvidence, sibling_evidence
from cci_migrate.findings import ChosenNames, Finding, FindingKey, NoFix
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.settings import Policy
from cci_migrate.redaction.config_secrets import config_secrets, names_a_variable, variables_in
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.remedies.context_placement import ContextPlacement
from cci_migrate.rules.catalogue import RULES

_Reason = TypeVar("_Reason", bound=Unexamined)

NO_NAMES: Mapping[FindingKey, ChosenNames] = MappingProxyType({})


class Examination(Struct, frozen=True, eq=False, dict=True):
    """A config that could be read, and its findings.

    ``names`` are what the user chose for the fixes of single findings, by the key of the finding.
    ``refused`` says why the config must not be edited. ``placement`` finds places for the contexts
    that fixes bring along. ``findings`` may quote a secret: ``redaction`` withholds it.
    """

    files: ConfigFiles
    policy: Policy
    names: Mapping[FindingKey, ChosenNames]
    refused: Refused | None
    siblings: SiblingEvidence
    assessment: Assessment
    placement: ContextPlacement
    findings: tuple[Finding, ...]

    @property
    def config(self) -> Config:
        """The config as it was read."""
        return self.assessment.config

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files as trees."""
        return self.config.documents

    @cached_property
    def redaction(self) -> Redaction:
        """How to show texts of the config without the secrets that are written out in its files."""
        return Redaction(self._secrets(), self._password_variables())

    def _secrets(self) -> frozenset[str]:
        literals = {
            assessed.state.literal.value.value
            for assessed in self.assessment.images
            if isinstance(assessed.state, Authenticated) and assessed.state.literal is not None
        }
        dockers = self.assessment.dockers.logging_in()
        logins = (login for docker in dockers for login in docker.all_logins)
        literals |= {login.written_out for login in logins if login.written_out is not None}
        literals = {text for text in literals if not names_a_variable(text, self.documents)}
        unfolded = self.config.unfolded
        compiled = () if unfolded is None else unfolded.documents
        return config_secrets((*self.documents, *compiled)).union(literals) - {""}

    def _password_variables(self) -> frozenset[str]:
        """The variables that credentials are read from, here or once fixes are made.

        Not those that only a parameter of an orb names: a password that is written there by mistake
        looks the same.
        """
        by_user = {
            name for chosen in self.names.values() for name in variables_of(chosen.credential)
        }
        candidates = {name for item in self.assessment.evidence for name in item.variables}
        read: set[str] = set()
        for document in self.documents:
            text = document.source.text
            if any(name in text for name in candidates):
                read |= candidates.intersection(variables_in(text))
        return frozenset(by_user | read)


def examine(
    files: ConfigFiles, policy: Policy, names: Mapping[FindingKey, ChosenNames] = NO_NAMES
) -> Examination | Unexamined:
    """The examination of the config in ``files``, or the outcome if it cannot be examined.

    Nothing is raised for bad input but TooComplexError and RecursionError (`unless_too_complex`).
    """
    loaded = load(files.group, files.files)
    if not isinstance(loaded, Config):
        return redacted_reason(_with_baseline(loaded, policy), Redaction())
    refusal = refusal_of(loaded)
    if refusal is None and (trees := files.read_existing(files.related.trees)):
        refusal = _packed(files) if is_packed_from(loaded, trees) else None
    if refusal is not None:
        refusal = _with_baseline(refusal, policy)
    siblings = sibling_evidence(files, policy)
    config = _with_orbs(loaded, files)
    assessment = assess(config, policy, names, files.read_text, siblings=siblings)
    placement, findings = _detected(assessment)
    return Examination(files, policy, names, refusal, siblings, assessment, placement, findings)


def examine_changed(
    before: Examination, sources: Sequence[SourceText], *, keeps_conventions: bool
) -> Examination | None:
    """The examination of ``sources``, the changed files of ``before``; None if they are no config.

    ``keeps_conventions``: those of ``before`` hold. Where only some fixes are made, those of the
    outcome may differ.
    """
    loaded = load_texts(before.files.group, sources)
    if not isinstance(loaded, Config):
        return None
    known = before.assessment if keeps_conventions else None
    read_text, siblings = before.files.read_text, before.siblings
    config = _with_orbs(loaded, before.files)
    assessment = assess(config, before.policy, before.names, read_text, known, siblings)
    placement, findings = _detected(assessment)
    return replace(before, assessment=assessment, placement=placement, findings=findings)


def _with_orbs(config: Config, files: ConfigFiles) -> Config:
    """``config`` with what CircleCI's compiler shows of its orbs, if it was asked."""
    if files.compiled is None:
        return config
    own = compiled_files(files.compiled, files)
    compiled = load(own.group, own.files)
    if not isinstance(compiled, Config):
        return config
    from cci_migrate.circleci.orb_unfolding import with_unfolded_orbs

    return with_unfolded_orbs(config, compiled)


def _detected(assessment: Assessment) -> tuple[ContextPlacement, tuple[Finding, ...]]:
    """The places for contexts, and the findings of the selected rules or of a reversal.

    Their fixes are as they can be made: with a place for each context that they bring along.
    """
    placement = placement_of(assessment)
    findings = list(_of_rules(assessment, assessment.policy))
    if assessment.config.is_orb_source and not assessment.policy.fix_orbs:
        return placement, tuple(map(_explained_only, findings))
    return placement, tuple(fixes_with_room(findings, placement, assessment.policy))


def _of_rules(assessment: Assessment, policy: Policy) -> Iterator[Finding]:
    if policy.revert is not None:
        from cci_migrate.reversal import findings

        for finding in findings(assessment, policy.revert):
            if policy.is_selected(finding.rule):
                yield finding
        return
    for rule in RULES:
        if policy.is_selected(rule.id):
            yield from rule.detect(assessment)


def _explained_only(finding: Finding) -> Finding:
    if isinstance(finding.remedy, NoFix):
        return finding
    return replace(
        finding,
        remedy=NoFix(
            "the file is an orb's source; everyone who uses the orb would get the change",
            "add a parameter of type executor to its jobs, or use --fix-orbs",
        ),
    )


def _with_baseline(reason: _Reason, policy: Policy) -> _Reason:
    """``reason`` with whether the baseline leaves the whole file."""
    if not isinstance(reason, Refused) or not policy.applies_ignores:
        return reason
    return replace(reason, in_baseline=reason.baseline_entry in policy.baseline.entries)


def _packed(files: ConfigFiles) -> Refused:
    tree = posixpath.commonpath(files.related.trees)
    instead = f"change the files in {tree}, and run circleci config pack"
    return Refused(files.paths, Cause.GENERATED, f"packed from {tree}", instead)
