"""From the findings of a config and the decisions on them to a proven change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.engine.authenticated_images import authenticated_images, unprovided_images
from cci_migrate.engine.examination import Examination, examine_changed
from cci_migrate.engine.outcomes import Cause, Examined, FileEdit, Outcome, Refused, Unexamined
from cci_migrate.engine.planning import Plan, plan_changes
from cci_migrate.engine.policy_patterns import matched_patterns
from cci_migrate.engine.redacted_outcomes import redacted
from cci_migrate.engine.suppressions import unused_suppressions
from cci_migrate.engine.todos import notes, todos
from cci_migrate.findings import APPLY_ALL, Apply, Decisions, FindingKey, Severity
from cci_migrate.lossless.source import SourceText
from cci_migrate.wording import counted

if TYPE_CHECKING:
    from cci_migrate.engine.explanation import ExplainedPull
    from cci_migrate.engine.proof import NotProven, ProvenChange
    from cci_migrate.engine.proof_side import ProofSide


def propose(
    examined: Examination | Unexamined,
    decisions: Decisions = APPLY_ALL,
    *,
    explain: bool = False,
    only_find: bool = False,
    lists_edits: bool = False,
) -> Outcome:
    """The outcome of a config with ``decisions`` on its findings.

    ``explain`` asks for each pull and the chain that authenticates it (`Examined.pulls`).
    ``only_find`` asks for the findings alone: no change is written out and proven.
    ``lists_edits`` asks for the edits of each fix (`Examined.fix_edits`).
    Nothing is written. No text of the outcome holds a secret that is written out in the files; its
    change does, as the files do. Raises what `examine` does.
    """
    if not isinstance(examined, Examination):
        return examined
    assessment, refused = examined.assessment, examined.refused
    plan = plan_changes(
        examined.documents,
        examined.findings,
        decisions,
        examined.placement,
        examined.policy,
        writes=refused is None and not only_find,
    )
    if refused is not None and _leaves_something(plan):
        return redacted(_with_pulls(refused, examined, explain=explain), examined.redaction)
    change = None
    if plan.operations and refused is None and not only_find:
        from cci_migrate.engine.proof import NotProven

        proven = _proven(examined, plan, decisions)
        if isinstance(proven, NotProven):
            reason = f"can't prove the change ({proven.clause.value}): {proven.reason}"
            instead = "please report this; the file is unchanged"
            unproven = Refused(examined.files.paths, Cause.NOT_PROVEN, reason, instead)
            unproven = _with_findings(_with_images(unproven, examined), plan)
            return redacted(unproven, examined.redaction)
        change = proven
    fix_edits: Mapping[FindingKey, tuple[FileEdit, ...]] = {}
    if change is not None and lists_edits:
        from cci_migrate.engine.fix_edits import edits_by_finding

        fix_edits = edits_by_finding(examined, plan, change)
    authenticated, unprovided = _with_credentials(examined, plan)
    outcome = Examined(
        paths=examined.files.paths,
        resolutions=plan.resolutions,
        change=change,
        todos=todos(assessment, plan),
        notes=notes(assessment, plan, refused),
        images=len(assessment.images),
        authenticated=authenticated,
        unprovided=unprovided,
        pulls=_explained(assessment) if explain else (),
        unused=tuple(unused_suppressions(examined.documents, examined.findings, examined.policy)),
        matched_patterns=matched_patterns(assessment),
        redaction=examined.redaction,
        fix_edits=fix_edits,
    )
    return redacted(outcome, examined.redaction)


def _explained(assessment: Assessment) -> tuple[ExplainedPull, ...]:
    from cci_migrate.engine.explanation import explained_pulls

    return explained_pulls(assessment)


def _proven(examined: Examination, plan: Plan, decisions: Decisions) -> ProvenChange | NotProven:
    from cci_migrate.engine.proof import prove
    from cci_migrate.engine.proof_side import ProofSide

    # Where a human left out some fixes, the outcome may show another convention.
    is_whole = not decisions.by_key and decisions.otherwise == Apply()
    is_whole = is_whole and not examined.policy.baseline.entries

    def read_again(sources: Sequence[SourceText]) -> ProofSide | str:
        after = examine_changed(examined, sources, keeps_conventions=not is_whole)
        if after is None:
            return "it no longer reads as a config"
        placement, policy = after.placement, after.policy
        plan = plan_changes(after.documents, after.findings, decisions, placement, policy)
        return ProofSide.of(after.assessment, plan)

    before = ProofSide.of(examined.assessment, plan)
    return prove(before, examined.policy, examined.names, read_again, examined.redaction)


def _leaves_something(plan: Plan) -> bool:
    return any(
        not resolution.state.is_ignored and resolution.finding.severity is not Severity.NOTE
        for resolution in plan.resolutions
    )


def _with_pulls(refused: Refused, examined: Examination, *, explain: bool) -> Refused:
    """``refused`` with its pulls, which have to be changed elsewhere."""
    pulls = _explained(examined.assessment)
    lacking = sum(pull.access.lacks_credentials for pull in pulls)
    reason = refused.reason
    if lacking:
        reason = f"{reason}, with {counted(lacking, 'pull')} without credentials"
    return replace(_with_images(refused, examined), reason=reason, pulls=pulls if explain else ())


def _with_images(refused: Refused, examined: Examination) -> Refused:
    """``refused`` with the number of its images, and of those with credentials."""
    assessment = examined.assessment
    return replace(
        refused,
        images=len(assessment.images),
        authenticated=len(authenticated_images(assessment, Plan((), (), {}))),
        redaction=examined.redaction,
    )


def _with_findings(refused: Refused, plan: Plan) -> Refused:
    resolutions = tuple(resolution.unmade(refused.reason) for resolution in plan.resolutions)
    return replace(refused, resolutions=resolutions)


def _with_credentials(examined: Examination, plan: Plan) -> tuple[int, int]:
    """The number of images with credentials, and of those whose variables no context provides."""
    assessment = examined.assessment
    if examined.policy.revert is not None:
        from cci_migrate.reversal import authenticated_after

        return authenticated_after(assessment, plan.fixed), 0
    images = authenticated_images(assessment, plan)
    return len(images), len(unprovided_images(assessment, images, plan.contexts))
