"""The spine: from the bytes of CircleCI files to proven changes.

Everything here is pure. The command line, the prompts and the batch all call `process`, each with
its own `Decisions`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment, assess
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.bounds.limits import TooComplexError
from cci_migrate.circleci.packing import Group, group_by_name, trees_beside
from cci_migrate.engine.authenticated_images import authenticated_images, unprovided_images
from cci_migrate.engine.context_grants import context_placement, fixes_with_room
from cci_migrate.engine.loading import Loaded, is_packed_from, load, load_texts
from cci_migrate.engine.outcomes import Cause, Examined, Failed, Outcome, Refused
from cci_migrate.engine.planning import Plan, plan_changes
from cci_migrate.engine.redacted_outcomes import redacted
from cci_migrate.engine.suppressions import UnusedSuppression, unused_suppressions
from cci_migrate.engine.todos import notes, todos
from cci_migrate.findings import (
    APPLY_ALL,
    Apply,
    Decisions,
    Finding,
    NoFix,
    Settled,
    Severity,
    State,
)
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.model import Policy
from cci_migrate.redaction.config_secrets import config_secrets
from cci_migrate.redaction.redaction import Redaction, redaction_of
from cci_migrate.remedies.context_placement import ContextPlacement
from cci_migrate.rules.catalogue import RULES

if TYPE_CHECKING:
    from cci_migrate.engine.explanation import ExplainedPull
    from cci_migrate.engine.proof import Reading

#: Gives the bytes of a file of the repository by its path from the root, None if there is none.
RepositoryReader = Callable[[str], bytes | None]


def nothing_else(path: str) -> bytes | None:
    """The reader for a file that comes without its repository (standard input)."""
    del path
    return None


def group_files(paths: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Which of a repository's ``paths`` make up one config together, told by their names.

    A packed source tree is one group; any other file is a group of its own. Sorted.
    """
    return tuple(tuple(part.path for part in group.parts) for group in group_by_name(paths))


class Neighbours(Struct, frozen=True):
    """The other files of a repository that bear on a config.

    ``trees`` are those of packed source trees in its folder, of which it may be the output.
    ``configs`` are other configs, each with its files: what they are authenticated with is evidence
    for this one.
    """

    trees: tuple[str, ...] = ()
    configs: tuple[tuple[str, ...], ...] = ()


NO_NEIGHBOURS = Neighbours()
#: So many other configs are looked at for a convention, those whose paths come first.
_MOST_SIBLINGS = 20
#: And so much of them, without those that do not fit: this config's time is not for theirs.
_MOST_SIBLING_BYTES = 500_000


def neighbours(paths: Iterable[str]) -> Mapping[str, Neighbours]:
    """What stands beside each config of a repository's ``paths``, by the config's first file."""
    known = tuple(paths)
    groups, trees = group_files(known), trees_beside(known)
    first = groups[: _MOST_SIBLINGS + 1]
    return {
        group[0]: Neighbours(
            trees.get(group[0], ()),
            tuple(other for other in first if other != group)[:_MOST_SIBLINGS],
        )
        for group in groups
    }


def process(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = nothing_else,
    *,
    explain: bool = False,
    only_find: bool = False,
    beside: Neighbours = NO_NEIGHBOURS,
) -> Outcome:
    """What becomes of the config that ``files`` (one group: path from the root to bytes) make up.

    ``explain`` asks for each pull and the chain that authenticates it (`Examined.pulls`).
    ``only_find`` asks for the findings alone: no change is written out and proven. ``beside`` is
    what bears on this config from outside (`neighbours`).
    Nothing is written and nothing is raised for bad input: the outcome says it, and none of its
    texts holds a secret that is written out in the files. Its change does, as the files do.
    """
    try:
        return _processed(files, policy, decisions, read, explain, only_find, beside)
    except TooComplexError as error:
        reason = str(error)
    except RecursionError:
        reason = "its collections, aliases or scripts lie too deep in each other"
    return Failed(tuple(files), reason, "simplify it, or edit it by hand")


def _processed(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions,
    read: RepositoryReader,
    explain: bool,
    only_find: bool,
    beside: Neighbours,
) -> Outcome:
    group = as_one(files)
    loaded = load(group, files)
    if not isinstance(loaded, Loaded):
        return redacted(_with_baseline(loaded, policy), Redaction())
    refused = loaded.refused
    if refused is None and beside.trees and is_packed_from(loaded.config, beside.trees, read):
        refused = _packed(files, beside.trees)
    writes = refused is None and not only_find
    siblings = sibling_evidence(beside.configs, policy, read)
    examined = _examine(loaded, policy, decisions, read, siblings, writes=writes)
    plan = examined.plan
    secrets = secrets_of(examined.assessment)
    redaction = redaction_of(secrets)
    if refused is not None and _leaves_something(plan):
        found = _with_pulls(refused, examined.assessment, explain=explain)
        return redacted(_with_baseline(found, policy), redaction)
    change = None
    if plan.operations and writes:
        from cci_migrate.engine.proof import NotProven, prove

        # Where a human left out some fixes, the outcome may show another convention.
        is_whole = not decisions.by_key and decisions.otherwise == Apply()
        is_whole = is_whole and not policy.baseline.accepted
        known = None if is_whole else examined.assessment
        proven = prove(
            examined.reading,
            policy,
            decisions.names,
            lambda sources: _read_again(group, sources, policy, decisions, read, siblings, known),
            secrets,
        )
        if isinstance(proven, NotProven):
            reason = f"the change could not be proven ({proven.clause.value}): {proven.reason}"
            instead = "please report this; the file stays as it was"
            paths = tuple(files)
            unproven = Refused(paths, Cause.NOT_PROVEN, reason, instead)
            return redacted(_with_findings(unproven, plan), redaction)
        change = proven
    authenticated, unprovided = _with_credentials(examined.assessment, plan)
    outcome = Examined(
        paths=tuple(files),
        settled=plan.settled,
        change=change,
        todos=todos(examined.assessment, plan),
        notes=notes(examined.assessment, plan),
        images=len(examined.assessment.images),
        authenticated=authenticated,
        unprovided=unprovided,
        pulls=_explained(examined.assessment) if explain else (),
        unused=examined.unused,
    )
    return redacted(outcome, redaction)


def _explained(assessment: Assessment) -> tuple[ExplainedPull, ...]:
    from cci_migrate.engine.explanation import explained_pulls

    return explained_pulls(assessment)


def process_repository(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = nothing_else,
    *,
    explain: bool = False,
) -> tuple[Outcome, ...]:
    """`process` for each group of ``files``."""
    beside = neighbours(files)
    return tuple(
        process(
            {path: files[path] for path in group},
            policy,
            decisions,
            read,
            explain=explain,
            beside=beside[group[0]],
        )
        for group in group_files(files)
    )


class _Examination(Struct, frozen=True, eq=False):
    assessment: Assessment
    plan: Plan
    unused: tuple[UnusedSuppression, ...]

    @property
    def reading(self) -> Reading:
        from cci_migrate.engine.proof import Reading

        return Reading(
            self.assessment.config,
            tuple(one.image for one in self.assessment.images),
            self.plan,
            self.assessment.evidence,
            self.assessment.dockers.all(),
            {
                entry.route: docker
                for entry in self.assessment.config.workflow_jobs
                if (docker := self.assessment.dockers.of(entry)) is not None
            },
        )


def as_one(files: Mapping[str, bytes]) -> Group:
    """The group that ``files`` are: the caller has grouped them by `group_files`."""
    groups = group_by_name(files)
    if len(groups) == 1:
        return groups[0]
    return Group(tuple(part for group in groups for part in group.parts))


def _examine(
    loaded: Loaded,
    policy: Policy,
    decisions: Decisions,
    read: RepositoryReader,
    siblings: SiblingEvidence,
    *,
    writes: bool = True,
    known: Assessment | None = None,
) -> _Examination:
    config = loaded.config
    assessment = assess(config, policy, decisions.names, text_reader(read), known, siblings)
    placement = context_placement(assessment)
    findings = tuple(findings_of(assessment, placement))
    plan = plan_changes(
        config.documents, findings, decisions, policy, placement=placement, writes=writes
    )
    unused = tuple(unused_suppressions(config.documents, findings, policy))
    return _Examination(assessment, plan, unused)


SiblingEvidence = Callable[[], Iterable[Evidence]]


def sibling_evidence(
    configs: Sequence[Sequence[str]], policy: Policy, read: RepositoryReader
) -> SiblingEvidence:
    """What other configs of the repository show, read once and only if it is asked for."""

    @lru_cache(maxsize=1)
    def shown() -> tuple[Evidence, ...]:
        evidence: list[Evidence] = []
        left = _MOST_SIBLING_BYTES
        for paths in configs:
            files = {path: data for path in paths if (data := read(path)) is not None}
            size = sum(map(len, files.values()))
            if len(files) == len(paths) and size <= left:
                left -= size
                evidence += _shown_by(files, policy, read)
        return tuple(evidence)

    return shown


def _shown_by(
    files: Mapping[str, bytes], policy: Policy, read: RepositoryReader
) -> Iterator[Evidence]:
    try:
        loaded = load(as_one(files), files)
        # An orb's source runs in other projects, with their variables.
        if (
            isinstance(loaded, Loaded)
            and loaded.refused is None
            and not loaded.config.is_orb_source
            and loaded.config.body.jobs
        ):
            # Where it keeps its variables today, not where the user wants them.
            today = replace(policy, credentials=None)
            assessment = assess(loaded.config, today, {}, text_reader(read))
            yield from tuple(assessment.shown_to_siblings())
    except (TooComplexError, RecursionError):
        return  # it is reported when it is this config's turn


def text_reader(read: RepositoryReader) -> Callable[[str], str | None] | None:
    """``read`` for text files; None for a file that comes without its repository."""
    if read is nothing_else:
        return None

    def text(path: str) -> str | None:
        data = read(path)
        return None if data is None else data.decode("utf-8", errors="replace")

    return text


def findings_of(assessment: Assessment, placement: ContextPlacement) -> Iterator[Finding]:
    """What the selected rules find, or for a reversal what is to be taken out.

    ``placement`` finds the places for the contexts that fixes bring along.
    """
    found = _found(assessment, assessment.policy)
    if assessment.config.is_orb_source and not assessment.policy.fix_orbs:
        return map(_explained_only, found)
    return iter(fixes_with_room(list(found), placement, assessment.policy))


def _found(assessment: Assessment, policy: Policy) -> Iterator[Finding]:
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
            "this is an orb's source: everyone who uses the orb would get the change",
            "give its jobs a parameter of type executor, or ask for the change with --fix-orbs",
        ),
    )


def _read_again(
    group: Group,
    sources: Sequence[SourceText],
    policy: Policy,
    decisions: Decisions,
    read: RepositoryReader,
    siblings: SiblingEvidence,
    known: Assessment | None,
) -> Reading | str:
    loaded = load_texts(group, sources)
    if not isinstance(loaded, Loaded):
        return "it can no longer be read as a config"
    return _examine(loaded, policy, decisions, read, siblings, known=known).reading


def _packed(files: Mapping[str, bytes], beside: Sequence[str]) -> Refused:
    tree = posixpath.commonpath(beside)
    instead = f"change the files in {tree}, and run circleci config pack"
    return Refused(tuple(files), Cause.GENERATED, f"packed from {tree}", instead)


def _leaves_something(plan: Plan) -> bool:
    return any(
        not one.state.is_unwanted and one.finding.severity is not Severity.NOTE
        for one in plan.settled
    )


def _with_pulls(refused: Refused, assessment: Assessment, *, explain: bool) -> Refused:
    """``refused``, which says how many pulls are to be changed elsewhere."""
    pulls = _explained(assessment)
    lacking = sum(pull.access.lacks_credentials for pull in pulls)
    reason = refused.reason
    if lacking:
        what = "1 pull" if lacking == 1 else f"{lacking} pulls"
        reason = f"{reason}, with {what} without credentials"
    return replace(refused, reason=reason, pulls=pulls if explain else ())


def _with_baseline(outcome: Outcome, policy: Policy) -> Outcome:
    if not isinstance(outcome, Refused) or not policy.heeds_ignores:
        return outcome
    return replace(outcome, in_baseline=outcome.accepted in policy.baseline.accepted)


def _with_findings(refused: Refused, plan: Plan) -> Refused:
    settled = tuple(
        Settled(one.finding, State.LEFT, refused.reason) if one.state is State.FIXED else one
        for one in plan.settled
    )
    return replace(refused, settled=settled)


def secrets_of(assessment: Assessment) -> tuple[str, ...]:
    """The secrets that are written out in the config, sorted."""
    found = [
        one.state.literal.value.value
        for one in assessment.images
        if isinstance(one.state, Authenticated) and one.state.literal is not None
    ]
    logins = (login for docker in assessment.dockers.all() for login in docker.logins)
    found += (login.written_out for login in logins if login.written_out is not None)
    return tuple(sorted({*found, *config_secrets(assessment.config.documents)} - {""}))


def _with_credentials(assessment: Assessment, plan: Plan) -> tuple[int, int]:
    """How many images have credentials, and of how many the config does not provide them."""
    if assessment.policy.revert is not None:
        from cci_migrate.reversal import authenticated_after

        return authenticated_after(assessment, plan.fixed), 0
    images = authenticated_images(assessment, plan)
    return len(images), len(unprovided_images(assessment, images, plan.contexts))
