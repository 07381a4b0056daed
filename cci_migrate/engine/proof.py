"""The proof that a plan makes its changes and no others, before a byte is written.

`Clause` lists its clauses. `prove` stops at the first that does not hold: the function of a clause
returns what is wrong, as a text for people, or None. LOGINS, CONTEXTS and NAMES are about what is
added, REVERTED about a reversal; IMAGES is checked where the policy has a mirror, ESCAPES for an
upgrade from version 2 to 2.1.

Only `prove` makes a `ProvenChange`, and writers and hosts accept nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from cci_migrate.circleci.config_versions import VERSION_2, VERSION_2_1
from cci_migrate.circleci.images import PulledImage, texts_with_values
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.workflow_jobs import job_contexts
from cci_migrate.docker.mirrors import Mirror, is_mirrored
from cci_migrate.engine.context_proof import contexts_stray
from cci_migrate.engine.credential_proof import (
    KnownCredentials,
    credentials_stray,
    secret_half,
    secrets_of_image,
    unknown_name,
)
from cci_migrate.engine.login_proof import account_replaced, login_too_late
from cci_migrate.engine.planning import Plan
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ChosenNames, FindingKey, FindingState
from cci_migrate.lossless.edits import Edit, EditConflictError, apply_edits, undo_edits
from cci_migrate.lossless.merging import is_merge_key, text_of, value_of
from cci_migrate.lossless.nodes import Document, Scalar, walk
from cci_migrate.lossless.operations import Operation
from cci_migrate.lossless.source import LINE_BREAK, SourceText, line_breaks_in
from cci_migrate.lossless.values import UnknownPlaceError, expected, is_data_of
from cci_migrate.policy.settings import Policy
from cci_migrate.redaction.redaction import Redaction

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import JobDocker


class Clause(Enum):
    """A clause of the proof, in the order in which they are checked; the value is its statement."""

    REVERSIBLE = "undoing the change restores the original"
    LINE_ENDS = "line ends, byte order mark and final newline stay"
    PARSES = "the result is YAML"
    DATA = "the data change exactly as planned"
    ESCAPES = "2.1 replaces no text that version 2 keeps"
    IMAGES = "the mirror serves the same image as before"
    CREDENTIALS = "no image and no login gets another registry's credentials"
    LOGINS = "a login comes before each pull from its registry, and replaces no other account"
    CONTEXTS = "no variable changes its value, and no job gets a context that it does not need"
    NAMES = "every added name is known for its registry"
    REVERTED = "only what the policy would add is removed"
    SETTLED = "a second run changes nothing"


class FileChange(Struct, frozen=True):
    """The bytes of one file before and after."""

    path: str
    before: bytes
    after: bytes

    __repr__ = repr_without("before", "after")


class ProvenFile(FileChange, frozen=True):
    """A file of a proven change, with the ``edits`` that were proven.

    ``redaction`` withholds the secrets in its lines.
    """

    edits: tuple[Edit, ...]
    redaction: Redaction = Redaction()

    __repr__ = repr_without("before", "after", "edits", "redaction")


class ProvenChange(Struct, frozen=True):
    """A change that passed the proof. Only this module makes one; writers accept nothing else."""

    files: tuple[ProvenFile, ...]


class NotProven(Struct, frozen=True):
    """The clause that a plan violates, and what is wrong."""

    clause: Clause
    reason: str


#: Reads the changed texts again; a text says why they no longer make a config.
ReadAgain = Callable[[Sequence[SourceText]], ProofSide | str]


def prove(
    before: ProofSide,
    policy: Policy,
    names: Mapping[FindingKey, ChosenNames],
    read_again: ReadAgain,
    redaction: Redaction,
) -> ProvenChange | NotProven:
    """The change that ``before.plan`` makes, or the clause that it violates.

    ``names`` are those that the user chose, by the key of the finding that they are for.
    ``redaction`` is for whoever shows the change.
    """
    sources = [document.source for document in before.documents]
    edits = before.plan.edits
    try:
        changed = [
            source.with_text(apply_edits(source.text, edits.get(source.path, ())))
            for source in sources
        ]
    except EditConflictError as error:
        return NotProven(Clause.REVERSIBLE, str(error))
    for clause, reason in _clauses(before, changed, policy, names, read_again):
        if reason is not None:
            return NotProven(clause, reason)
    return ProvenChange(
        tuple(
            ProvenFile(old.path, old.encode(), new.encode(), edits[old.path], redaction)
            for old, new in zip(sources, changed, strict=True)
            if old.text != new.text
        )
    )


def _clauses(
    before: ProofSide,
    changed: Sequence[SourceText],
    policy: Policy,
    names: Mapping[FindingKey, ChosenNames],
    read_again: ReadAgain,
) -> Iterator[tuple[Clause, str | None]]:
    """The clauses in their order, each with what is wrong; each relies on those before it."""
    plan = before.plan
    for document, new in zip(before.documents, changed, strict=True):
        old = document.source
        yield Clause.REVERSIBLE, not_reversible(old, new, plan.edits.get(old.path, ()))
        yield Clause.LINE_ENDS, line_ends_differ(old, new)
    after = read_again(changed)
    if isinstance(after, str):
        yield Clause.PARSES, after
        return
    yield Clause.DATA, data_differ(before.documents, plan.operations, after.documents)
    yield Clause.ESCAPES, expression_appears(before.documents, after.documents)
    yield Clause.IMAGES, other_image(before, after, policy)
    known = KnownCredentials(before, policy, names)
    yield Clause.CREDENTIALS, credentials_stray(before, after, known)
    if policy.revert is None:
        yield Clause.LOGINS, login_too_late(plan, after.all_dockers)
        yield Clause.LOGINS, account_replaced(before, after)
        yield Clause.CONTEXTS, contexts_stray(before, after, policy, names.values())
        yield Clause.NAMES, unknown_name(before, after, known)
    else:
        yield Clause.REVERTED, taken_too_much(before, after, policy)
    yield Clause.SETTLED, something_left(plan, after.plan)


def not_reversible(old: SourceText, new: SourceText, edits: Iterable[Edit]) -> str | None:
    """REVERSIBLE for one file: what undoing ``edits`` does not restore; None: nothing."""
    if undo_edits(new.text, edits) != old.text:
        return f"{old.path}: undoing the edits does not restore the original text"
    return None


def data_differ(
    before: tuple[Document, ...], operations: tuple[Operation, ...], after: tuple[Document, ...]
) -> str | None:
    """DATA: how the data of ``after`` differ from ``before`` with ``operations``; None: not."""
    try:
        planned_data = expected(before, operations)
    except UnknownPlaceError as error:
        return str(error)
    if not is_data_of(planned_data, after):
        return "the changed text differs from the plan"
    return None


def something_left(done: Plan, again: Plan) -> str | None:
    """SETTLED: what a second run would find again or plan besides; None: nothing."""
    settled = {
        resolution.finding.key
        for resolution in done.resolutions
        if resolution.state is not FindingState.LEFT
    }
    remaining = settled & {
        resolution.finding.key
        for resolution in again.resolutions
        if not resolution.state.is_ignored
    }
    if remaining:
        return f"{min(remaining)} would be reported again"
    if again.operations:
        return "a second run would change the file again"
    return None


def taken_too_much(before: ProofSide, after: ProofSide, policy: Policy) -> str | None:
    """REVERTED: what a reversal removed or added beyond what the policy adds; None: nothing.

    The policy follows the names with which the steps that stay log in.
    """
    logins = [login for docker in after.dockers for login in docker.logins]
    remaining = _secrets_by_owner(after.images)
    earlier_secrets = _secrets_by_owner(before.images)
    if remaining.keys() != earlier_secrets.keys():
        return "the jobs and executors would pull other images"
    for image in before.images:
        own = {
            secret_half(credential)
            for host in image.hosts
            if (registry := policy.registry_for(host)) is not None
            for credential in registry.credentials
        }
        own |= {
            login.password
            for login in logins
            if login.password is not None and any(login.is_to(host) for host in image.hosts)
        }
        for owner in image.owners:
            key = (owner.executor.route, image.texts)
            had, has = earlier_secrets[key], remaining[key]
            if not has <= had or not had - has <= own:
                return f"{image.route} would lose credentials that are not the policy's"
    contexts = {
        context
        for registry in policy.registries
        for _, context in registry.accounts
        if context is not None
    }
    holding = {
        workflow_job.route: set(job_contexts(workflow_job).names)
        for workflow_job in after.config.workflow_jobs
    }
    for entry in before.config.workflow_jobs:
        earlier = set(job_contexts(entry).names)
        kept = holding.get(entry.route)
        if kept is None or not kept <= earlier or not earlier - kept <= contexts:
            return f"{entry.route} would lose contexts that are not the policy's"
    return None


def _secrets_by_owner(images: Iterable[PulledImage]) -> dict[tuple[str, tuple[str, ...]], set[str]]:
    """The secret variables that each job or executor uses for each of its images.

    Not by the image's route: where an alias comes back, images become one again.
    """
    secrets: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for image in images:
        for owner in image.owners:
            secrets[owner.executor.route, image.texts] |= secrets_of_image(image)
    return secrets


def other_image(before: ProofSide, after: ProofSide, policy: Policy) -> str | None:
    """IMAGES: what pulls another image in ``after``, apart from mirrors of it; None: nothing."""
    if policy.mirror is None:
        return None
    earlier = {image.route: image.texts for image in before.images}
    values = ParameterValues(after.config)
    for image in after.images:
        old = earlier.get(image.route, image.texts)
        # Behind a registry that is written out, parameters are left as they are.
        if not _are_alike(old, image.texts, policy.mirror) and not _are_alike(
            old, texts_with_values(image.item, image.owners, values), policy.mirror
        ):
            return f"{image.route} would be another image"
    before_steps, after_steps = _pulls_of_steps(before.dockers), _pulls_of_steps(after.dockers)
    if before_steps.keys() != after_steps.keys():
        return "other jobs would pull in their steps"
    for route, pulls in before_steps.items():
        current = after_steps[route]
        if len(pulls) != len(current) or not all(
            _are_alike(old, new, policy.mirror) for old, new in zip(pulls, current, strict=True)
        ):
            return f"the steps of {route} would pull other images"
    return None


def _are_alike(before: tuple[str, ...], after: tuple[str, ...], mirror: Mirror) -> bool:
    return len(before) == len(after) and all(
        old == new or is_mirrored(old, new, mirror) for old, new in zip(before, after, strict=True)
    )


def _pulls_of_steps(dockers: Iterable[JobDocker]) -> dict[str, list[tuple[str, ...]]]:
    """The images that the steps of each job pull, command by command, for each variant."""
    images: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for docker in dockers:
        images[docker.job.route] += (pull.texts for pull in docker.pulls)
    return images


def expression_appears(before: tuple[Document, ...], after: tuple[Document, ...]) -> str | None:
    """ESCAPES: where an upgrade makes a ``<<`` of version 2 an expression; None: nowhere."""
    versions = [
        {text_of(value_of(document.root, "version")) for document in documents}
        for documents in (before, after)
    ]
    if versions[0].isdisjoint(VERSION_2.names) or versions[1].isdisjoint(VERSION_2_1.names):
        return None
    for document in after:
        for node in walk(document.root) if document.root is not None else ():
            if (
                isinstance(node, Scalar)
                and "<<" in node.value.replace("\\<<", "")
                and not is_merge_key(node)
            ):
                line = node.source.position(node.start).line
                return f"{document.source.path}:{line}: 2.1 would replace the text"
    return None


def line_ends_differ(old: SourceText, new: SourceText) -> str | None:
    """LINE_ENDS for one file: what differs; None: nothing."""
    if old.has_bom != new.has_bom:
        return f"{old.path}: the byte order mark changed"
    if bool(old.text) and _ends_with_break(old.text) != _ends_with_break(new.text):
        return f"{old.path}: the newline at the end of the file changed"
    kinds = line_breaks_in(old.text)
    strangers = line_breaks_in(new.text) - kinds
    if strangers and (kinds or strangers != {"\n"}):
        return f"{old.path}: a new kind of line end appeared"
    return None


def _ends_with_break(text: str) -> bool:
    return LINE_BREAK.fullmatch(text[-1:]) is not None
