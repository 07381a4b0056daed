"""The plan of one repository, computed from its files alone; picklable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS, SIZE_LIMIT, TOO_LARGE, WorkLimits
from cci_migrate.campaign.equal_changes import group_of
from cci_migrate.campaign.states import State
from cci_migrate.engine.config_files import ConfigFiles, configs_in
from cci_migrate.engine.examination import examine
from cci_migrate.engine.explanation import Access
from cci_migrate.engine.outcomes import Cause, Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.engine.proof import ProvenChange, ProvenFile
from cci_migrate.engine.proposing import propose
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import FindingState, NoFix, Question, Resolution
from cci_migrate.forges.fetched_files import FetchedFiles
from cci_migrate.forges.repository import FileHash
from cci_migrate.lossless.unified_diff import Hunk
from cci_migrate.policy.settings import Policy
from cci_migrate.reports.diffs import diff_of_hunks, redacted_hunks
from cci_migrate.workers.limited_work import within


class FindingRecord(Struct, frozen=True):
    """A finding as the ledger, results.jsonl and the HTML report have it."""

    rule: str
    path: str
    line: int
    column: int
    owner: str
    subject: str
    message: str
    registry: str
    state: FindingState
    reason: str

    @property
    def kind(self) -> str:
        """Its rule, and the registry if it is about one."""
        return f"{self.rule} ({self.registry})" if self.registry else self.rule


def kinds_of_fixes(findings: Iterable[FindingRecord]) -> Iterator[str]:
    """The kind of each of ``findings`` that is fixed."""
    return (finding.kind for finding in findings if finding.state is FindingState.FIXED)


class RegistryCount(Struct, frozen=True):
    """How many pulls from one registry there were before the change, and how many had credentials.

    ``registry`` is empty for pulls whose registry is undetermined. A pull counts once, however
    many workflow jobs make it.
    """

    registry: str
    found: int
    authenticated: int


class RepositoryPlan(Struct, frozen=True):
    """The planned change of a repository.

    ``state`` is PLANNED when there are ``changes``. ``matched_patterns`` are the policy's patterns
    that match something in it. ``missing_files`` are files of the repository
    that planning asked for and did not have: the plan is void until they are fetched.
    ``is_repeatable``: only what is in the repository decided it, not the time or memory it took.
    """

    state: State
    cause: str = ""
    changes: tuple[ProvenChange, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    todos: tuple[str, ...] = ()
    images: int = 0
    authenticated: int = 0
    pulls: tuple[RegistryCount, ...] = ()
    matched_patterns: frozenset[str] = frozenset()
    missing_files: tuple[str, ...] = ()
    is_confirmed: bool = False
    is_repeatable: bool = True

    #: The change as a patch for `git apply`; in files with secrets these are withheld.
    diff: bytes = b""
    #: The id of the group of equal changes; empty without a change.
    group: str = ""

    __repr__ = repr_without("changes", "diff")

    @property
    def file_changes(self) -> tuple[ProvenFile, ...]:
        """The changed files, sorted by path."""
        files = (file for change in self.changes for file in change.files)
        return tuple(sorted(files, key=lambda file: file.path))

    @property
    def hashes(self) -> tuple[FileHash, ...]:
        """The hashes of the changed files, before and after."""
        return tuple(FileHash.of(file.path, file.before, file.after) for file in self.file_changes)

    @property
    def digest(self) -> str:
        """A hash over the path and the new content of every changed file."""
        whole = "".join(f"{file.path}\0{_sha256(file.after)}\0" for file in self.file_changes)
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def plan_repository(
    files: Mapping[str, bytes],
    policy: Policy,
    others: Mapping[str, bytes | None],
    limits: WorkLimits = DEFAULT_WORK_LIMITS,
    problems: tuple[Refused | Failed, ...] = (),
    *,
    may_have_more: bool = False,
) -> RepositoryPlan:
    """Plan the change of a repository whose CircleCI files are ``files``.

    ``others`` are further files of the repository that were fetched (None: not there). If it
    ``may_have_more`` and some are missing, the plan only says which.
    ``problems`` are the outcomes of configs that could not be read. Each config is processed within
    ``limits``; what goes wrong with one becomes its outcome.
    """
    problems += tuple(
        Failed((path,), TOO_LARGE)
        for path, data in files.items()
        if _is_too_large(data) and not policy.excludes(path)
    )
    files = _usable(files, policy)
    fetched = FetchedFiles(files, others)

    def is_void() -> bool:
        return may_have_more and bool(fetched.missing)

    results = [
        within(limits, config.paths, partial(_outcome, config, policy, is_void))
        for config in configs_in(files, fetched.read)
    ]
    missing = tuple(sorted(fetched.missing))
    if is_void():
        return RepositoryPlan(State.LISTED, missing_files=missing)
    outcomes = (*(outcome for outcome in results if outcome is not None), *problems)
    state, cause = combined_state(outcomes)
    examined = [outcome for outcome in outcomes if isinstance(outcome, Examined)]
    todos = dict.fromkeys(todo for outcome in examined for todo in outcome.todos)
    plan = RepositoryPlan(
        state=state,
        cause=cause,
        changes=tuple(outcome.change for outcome in examined if outcome.change is not None),
        findings=tuple(_record(resolution) for resolution in _resolutions(outcomes)),
        todos=tuple(todos),
        images=sum(outcome.images for outcome in examined),
        authenticated=sum(outcome.authenticated for outcome in examined),
        pulls=_pulls(examined),
        matched_patterns=frozenset[str]().union(
            *(outcome.matched_patterns for outcome in examined)
        ),
        missing_files=missing,
        is_repeatable=not any(
            isinstance(outcome, Failed) and outcome.is_transient for outcome in outcomes
        ),
    )
    paths = tuple(file.path for file in plan.file_changes)
    shown = within(limits, paths, partial(_with_diff, plan)) if paths else plan
    return without_changes(plan, shown) if isinstance(shown, Failed) else shown


def _with_diff(plan: RepositoryPlan) -> RepositoryPlan:
    hunks = {file.path: redacted_hunks(file) for file in plan.file_changes}
    fixes = kinds_of_fixes(plan.findings)
    return replace(
        plan,
        diff=b"".join(_shown_diff(path, of_file) for path, of_file in hunks.items()),
        group=group_of(chain.from_iterable(hunks.values()), fixes, plan.digest),
    )


def planned_configs(
    files: Mapping[str, bytes], policy: Policy, others: Mapping[str, bytes | None]
) -> Iterator[ConfigFiles]:
    """The configs that `plan_repository` plans the change of."""
    usable = _usable(files, policy)
    return configs_in(usable, FetchedFiles(usable, others).read)


def without_changes(plan: RepositoryPlan, problem: Refused | Failed) -> RepositoryPlan:
    """``plan`` once ``problem`` keeps its changes from being made."""
    state, cause = combined_state((problem,))
    if isinstance(problem, Failed) and problem.instead:
        cause = f"{cause}; {problem.instead}"
    reason = problem.problem if isinstance(problem, Failed) else problem.reason
    findings = tuple(
        replace(finding, state=FindingState.LEFT, reason=reason)
        if finding.state is FindingState.FIXED
        else finding
        for finding in plan.findings
    )
    return replace(
        plan,
        state=state,
        cause=cause,
        changes=(),
        findings=findings,
        images=0,
        authenticated=0,
        diff=b"",
        group="",
        is_repeatable=False,
    )


def _usable(files: Mapping[str, bytes], policy: Policy) -> Mapping[str, bytes]:
    return {
        path: data
        for path, data in files.items()
        if not policy.excludes(path) and not _is_too_large(data)
    }


def _outcome(config: ConfigFiles, policy: Policy, is_void: Callable[[], bool]) -> Outcome | None:
    """The outcome; None if the plan `is_void` once the config is examined."""
    examination = examine(config, policy)
    return None if is_void() else propose(examination, explain=True)


def _is_too_large(data: bytes) -> bool:
    return len(data) > SIZE_LIMIT


def _pulls(examined: list[Examined]) -> tuple[RegistryCount, ...]:
    """The pulls by registry; one that several jobs make has credentials if it has in all."""
    is_authenticated: dict[tuple[str, str, int, str], bool] = {}
    for pull in chain.from_iterable(outcome.pulls for outcome in examined):
        if pull.access is not Access.NOT_NEEDED:
            place = (pull.registry or "", pull.path, pull.line, pull.image)
            is_everywhere = is_authenticated.get(place, True)
            is_authenticated[place] = is_everywhere and pull.access is Access.AUTHENTICATED
    found = Counter(registry for registry, *_ in is_authenticated)
    authenticated = Counter(place[0] for place, has_any in is_authenticated.items() if has_any)
    return tuple(
        RegistryCount(registry, found[registry], authenticated[registry])
        for registry in sorted(found)
    )


def combined_state(outcomes: tuple[Outcome, ...]) -> tuple[State, str]:
    """The state of a repository whose configs have ``outcomes``, and its cause.

    A change comes first: it is worth having even if another file could not be read. Then failures,
    then refusals, then findings that are left.
    """
    configs = [outcome for outcome in outcomes if not isinstance(outcome, NotAConfig)]
    if not configs:
        kinds = sorted({outcome.kind for outcome in outcomes if isinstance(outcome, NotAConfig)})
        return State.NO_CONFIG, f"only {', '.join(kinds)}" if kinds else ""
    failed = [outcome for outcome in configs if isinstance(outcome, Failed)]
    refused = [outcome for outcome in configs if isinstance(outcome, Refused)]
    left = [resolution for resolution in _resolutions(outcomes) if resolution.is_left]
    if any(isinstance(outcome, Examined) and outcome.change is not None for outcome in configs):
        return State.PLANNED, _remaining_problems(failed, refused, left)
    if failed:
        first = next((outcome for outcome in failed if outcome.is_transient), failed[0])
        where = first.paths[0] if first.paths else "?"
        if first.position is not None:
            where += f":{first.position.line}:{first.position.column}"
        return (
            State.FAILED if first.is_transient else State.BROKEN_CONFIG,
            f"{where}: {first.problem}",
        )
    if refused:
        generated = [outcome for outcome in refused if _is_generated(outcome)]
        first_refused = (generated or refused)[0]
        instead = f"; {first_refused.instead}" if first_refused.instead else ""
        cause = f"{first_refused.paths[0]}: {first_refused.reason}{instead}"
        return (State.GENERATED_CONFIG if generated else State.REFUSED), cause
    if left:
        return State.NEEDS_DECISION, _why_left(left[0])
    return State.NOTHING_TO_DO, ""


def _is_generated(refused: Refused) -> bool:
    return refused.cause in (Cause.GENERATED, Cause.TEMPLATE)


def _remaining_problems(
    failed: list[Failed], refused: list[Refused], left: list[Resolution]
) -> str:
    parts = []
    if failed:
        first = failed[0]
        parts.append(f"{len(failed)} config(s) failed: {first.paths[0]}: {first.problem}")
    if refused:
        parts.append(f"{len(refused)} file(s) refused: {refused[0].paths[0]}")
    if left:
        parts.append(f"{len(left)} finding(s) left: {_why_left(left[0])}")
    return "; ".join(parts)


def _resolutions(outcomes: tuple[Outcome, ...]) -> tuple[Resolution, ...]:
    return tuple(
        resolution
        for outcome in outcomes
        if isinstance(outcome, Examined | Refused)
        for resolution in outcome.resolutions
    )


def _why_left(resolution: Resolution) -> str:
    finding = resolution.finding
    where = f"{finding.place.source.path}:{finding.place.position.line}"
    return f"{where}: {_reason(resolution) or finding.message}"


def _reason(resolution: Resolution) -> str:
    if resolution.state is FindingState.FIXED:
        return ""
    if resolution.reason:
        return resolution.reason
    match resolution.finding.remedy:
        case NoFix(reason=reason):
            return reason
        case Question(text=text):
            return text
        case _:
            return ""


def _record(resolution: Resolution) -> FindingRecord:
    finding = resolution.finding
    return FindingRecord(
        rule=finding.rule,
        path=finding.place.source.path,
        line=finding.place.position.line,
        column=finding.place.position.column,
        owner=finding.owner,
        subject=finding.subject,
        message=finding.message,
        registry=finding.registry or "",
        state=resolution.state,
        reason=_reason(resolution),
    )


def is_as_planned(
    planned: tuple[FileHash, ...], plan: RepositoryPlan, contents: Mapping[str, bytes]
) -> bool:
    """Whether ``plan`` changes only what was recorded as ``planned``.

    Each file it changes has the recorded hashes before and after. Each other recorded file already
    has its new content in ``contents`` (a run was killed between two files).
    """
    recorded, changing = set(planned), set(plan.hashes)
    return changing <= recorded and all(
        file.path in contents and _sha256(contents[file.path]) == file.after
        for file in recorded - changing
    )


def _shown_diff(path: str, redacted: tuple[Hunk, ...]) -> bytes:
    diff = diff_of_hunks(path, redacted)
    name = path.encode("utf-8", "surrogateescape")
    if diff.data is None:
        return b"# %s: not shown, because the diff writes a secret\n" % name
    if not diff.withheld:
        return diff.data
    return b"# %s: secrets are withheld, so this does not apply\n" % name + diff.data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
