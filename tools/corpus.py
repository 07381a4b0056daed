"""Runs the tool over every real config of the reference corpus and holds it to its promises.

``python -m tools.corpus`` (``make corpus``) prints what became of the files, what was done to their
lines, and each file that falls short with the reason; it exits 1 if any does. What is right is told
by the oracle in `tests/oracle`, which shares no code with the tool.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing import Pool
from operator import add
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import astuple
from typing_extensions import assert_never

from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.findings import FindingState
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN, UNDECIDABLE_IMAGE
from tests.oracle.changed_data import DataChangeKind
from tests.oracle.config_schema import ConfigSchema
from tests.oracle.contexts_needed import RISKS
from tests.oracle.explained_lines import Reason
from tests.oracle.file_kinds import FileKind, FileReading, read_file
from tests.oracle.fix_judge import judge
from tests.oracle.plain_yaml import Data, mapping_of
from tests.oracle.sibling_names import expected_names
from tests.oracle.step_docker import StepDocker
from tests.processing import changed_files, process_repository
from tools.reversals import Reversal, reversal
from tools.shared_data import CorpusFile, circleci_schema, corpus_files, shared_folder

WORKERS = 2
#: Of places that fall short for the same reason, as many are listed.
MOST_SHOWN = 5
#: What each kind of outcome may be for each sort of file, by the oracle's own look at the file.
FITTING: Mapping[FileKind, frozenset[type[Outcome]]] = {
    FileKind.CONFIG: frozenset({Examined}),
    # One in which nothing is to be done need not be refused.
    FileKind.GENERATED: frozenset({Refused, Examined}),
    FileKind.DUPLICATE_KEYS: frozenset({Refused, Examined}),
    FileKind.TEMPLATE: frozenset({Refused, Failed, NotAConfig}),
    FileKind.UNREADABLE: frozenset({Failed}),
    FileKind.SEVERAL_DOCUMENTS: frozenset({Refused}),
    FileKind.ORB_SOURCE: frozenset({Examined}),
    FileKind.VERSION_1: frozenset({NotAConfig}),
    FileKind.OTHER: frozenset({NotAConfig, Examined}),
}


#: What is said of a job where nothing is.
_SILENT = "passed over in silence"
#: Names of files and images in a reason: without them, equal reasons add up.
_NAME = re.compile(r"'[^']*'|[^ ]*[./][^ ]*|\bDockerfile\b")


class Shortfall(Struct, frozen=True):
    """One promise that one file breaks."""

    file: str
    check: str
    place: str
    detail: str


class Tally(Struct, frozen=True):
    """What was seen in some of the files; two add up."""

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)
    fixed: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    risks: Counter[str] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    changes: Counter[DataChangeKind] = field(default_factory=Counter)
    step_pulls: Counter[str] = field(default_factory=Counter)
    step_jobs: Counter[str] = field(default_factory=Counter)
    reversals: Counter[Reversal] = field(default_factory=Counter)
    shortfalls: tuple[Shortfall, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(*map(add, astuple(self), astuple(other)))


def _short(file: str, check: str, detail: str = "", *, place: str = "") -> Tally:
    return Tally(shortfalls=(Shortfall(file, check, place, detail),))


def check_repository(
    files: Mapping[str, bytes],
    names: Mapping[str, str],
    schema: ConfigSchema | None = None,
) -> Tally:
    """Run the tool over the configs of one repository and judge what it did to each.

    ``files`` are their bytes by path, ``names`` what to call each path in a report.
    """
    outcomes = _run(files)
    if isinstance(outcomes, str):
        crashes = [_short(names[path], "no exception", outcomes) for path in files]
        return sum(crashes, Tally(numbers=Counter(files=len(files))))
    tally = Tally()
    reached = {path for outcome in outcomes for path in outcome.paths}
    for path in files.keys() - reached:
        tally += _short(names[path], "an outcome for each file")
    changed = dict(files)
    readings = {path: read_file(path, data) for path, data in files.items()}
    for outcome in outcomes:
        tally += _check_outcome(outcome, files, readings, names, schema)
        if files_now := changed_files(outcome):
            changed.update({file.path: file.after for file in files_now})
            tally += _check_reversal(outcome, files, names)
    if changed != files:
        tally += _check_second_run(outcomes, changed, names)
    return tally


def _run(files: Mapping[str, bytes]) -> tuple[Outcome, ...] | str:
    try:
        return process_repository(files, read=files.get, explain=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a shortfall of the tool
        return f"{type(error).__name__}: {error}"[:200]


def _check_outcome(
    outcome: Outcome,
    files: Mapping[str, bytes],
    readings: Mapping[str, FileReading],
    names: Mapping[str, str],
    schema: ConfigSchema | None,
) -> Tally:
    tally = Tally()
    after = {file.path: file.after for file in changed_files(outcome)}
    for file in changed_files(outcome):
        if file.before != files.get(file.path):
            tally += _short(names[file.path], "change", "not of the bytes given")
    is_alone = len(outcome.paths) == 1
    for path in outcome.paths:
        name = names[path]
        reading = readings[path]
        tally += Tally(
            kinds=Counter({(reading.kind.value, _title(outcome)): 1}), numbers=Counter(files=1)
        )
        if type(outcome) not in FITTING[reading.kind]:
            detail = f"{reading.kind.value}, yet {_title(outcome)}: {_why(outcome)}"
            tally += _short(name, "kind of outcome", detail)
        if is_alone:
            siblings = [
                beside.data
                for other, beside in readings.items()
                if other != path and beside.kind is FileKind.CONFIG
            ]
            tally += _check_file(
                outcome, reading, siblings, name, files[path], after.get(path), schema
            )
    return tally + _resolutions(outcome)


def _check_file(
    outcome: Outcome,
    reading: FileReading,
    siblings: Iterable[Data],
    name: str,
    before: bytes,
    after: bytes | None,
    schema: ConfigSchema | None,
) -> Tally:
    if not isinstance(outcome, Examined):
        return Tally()
    if reading.kind in (FileKind.ORB_SOURCE, FileKind.GENERATED):
        detail = f"{reading.kind.value} was changed without being asked to"
        return Tally() if after is None else _short(name, "left alone", detail)
    if reading.kind is not FileKind.CONFIG and after is None:
        return Tally()
    result = before if after is None else after
    judgements = [
        judge(before, result, schema, names) for names in expected_names(reading.data, siblings)
    ]
    judgement = min(judgements, key=lambda judgement: len(judgement.complaints))
    pulled = judgement.pulled
    hub = [image for image in pulled.images if image.is_hub]
    unknown = sum(image.registry is None for image in pulled.images)
    numbers = {
        "configs": 1,
        "changed": after is not None,
        "lines_added": judgement.lines_added,
        "Docker Hub images": len(hub),
        "Docker Hub images authenticated": sum(image.is_authenticated for image in hub),
        "images of other registries": len(pulled.images) - len(hub) - unknown,
        "images whose registry cannot be told": unknown,
        "workflow jobs that need a context or project variables": sum(
            job.needs_context for job in pulled.workflow_jobs
        ),
    }
    said = {job: _said_of_job(job, outcome) for job in StepDocker(mapping_of(reading.data)).jobs()}
    tally = Tally(
        numbers=Counter(numbers),
        risks=judgement.risks,
        reasons=judgement.reasons,
        changes=judgement.changes,
        step_jobs=Counter(said.values()),
    )
    for complaint in judgement.complaints:
        tally += _short(name, complaint.check, complaint.detail, place=complaint.place)
    for job in [job for job, what in said.items() if what == _SILENT]:
        tally += _short(name, "no job with Docker in steps is silent", _SILENT, place=job)
    return tally


def _said_of_job(name: str, outcome: Examined) -> str:
    """What the tool says of the job ``name``."""
    job = f"job {name}"
    found = {
        (resolution.finding.rule, resolution.state)
        for resolution in outcome.resolutions
        if resolution.finding.owner == job
    }
    rules = {rule for rule, _ in found}
    if (PULL_BEFORE_LOGIN, FindingState.FIXED) in found:
        return "fixed"
    if PULL_BEFORE_LOGIN in rules:
        return "left, with the reason"
    if UNDECIDABLE_IMAGE in rules:
        return "not known, with the reason"
    pulls = [pull for pull in outcome.pulls if pull.job == job and pull.daemon is not None]
    # What isn't known has a login before it, or there would be a finding.
    if any(pull.access is Access.AUTHENTICATED or pull.registry is None for pull in pulls):
        return "known, with a login"
    if pulls:
        return "known, from registries without credentials in the policy"
    return _SILENT


def _check_second_run(
    first: Iterable[Outcome],
    changed: Mapping[str, bytes],
    names: Mapping[str, str],
) -> Tally:
    again = _run(changed)
    if isinstance(again, str):
        return sum((_short(names[path], "second run", again) for path in changed), Tally())
    left_before = {outcome.paths: _left(outcome) for outcome in first}
    tally = Tally()
    for outcome in again:
        name = names[outcome.paths[0]]
        if isinstance(outcome, Examined) and outcome.change is not None:
            fixed = [
                str(s.finding.key) for s in outcome.resolutions if s.state is FindingState.FIXED
            ]
            tally += _short(name, "second run changes nothing", ", ".join(fixed))
        new = _left(outcome) - left_before.get(outcome.paths, set())
        if new:
            tally += _short(name, "second run finds nothing new", ", ".join(sorted(new)))
    return tally


def _left(outcome: Outcome) -> set[str]:
    if isinstance(outcome, Examined | Refused):
        return {
            str(resolution.finding.key)
            for resolution in outcome.resolutions
            if resolution.state is FindingState.LEFT
        }
    return set()


def _resolutions(outcome: Outcome) -> Tally:
    tally = Tally()
    if isinstance(outcome, Examined):
        for resolution in outcome.resolutions:
            if resolution.state is FindingState.LEFT:
                tally.left[resolution.finding.rule, resolution.reason] += 1
            elif resolution.state is FindingState.FIXED:
                tally.fixed[resolution.finding.rule] += 1
                if resolution.finding.names is not None:
                    tally.names[resolution.finding.names.source] += 1
        tally.step_pulls.update(_step_pull(pull) for pull in _step_pulls(outcome))
    return tally


def _step_pulls(outcome: Examined) -> Iterable[ExplainedPull]:
    """The pulls in steps, each once, however many workflow jobs run it."""
    pulls = (pull for pull in outcome.pulls if pull.daemon is not None)
    return {
        (pull.path, pull.line, pull.source, pull.image, pull.registry): pull for pull in pulls
    }.values()


def _step_pull(pull: ExplainedPull) -> str:
    """What is to be said of a pull in a step, of whichever workflow job."""
    if pull.access is Access.UNKNOWN and pull.registry is None:
        return f"undecidable: {_NAME.sub('...', pull.reason)}"
    where = "Docker Hub" if pull.registry == DOCKER_HUB else "another registry"
    before = "logged in before" if pull.access is Access.AUTHENTICATED else "no login before"
    return f"{where}, {before}"


def _check_reversal(
    outcome: Outcome, files: Mapping[str, bytes], names: Mapping[str, str]
) -> Tally:
    if len(outcome.paths) > 1:
        return Tally()
    (path,) = outcome.paths
    came_back = reversal(path, files[path], files)
    if came_back is None:
        return Tally()
    tally = Tally(reversals=Counter({came_back: 1}))
    if came_back is Reversal.OTHER:
        tally += _short(names[path], "fix, then revert", came_back.value)
    return tally


def _title(outcome: Outcome) -> str:
    match outcome:
        case Examined(change=change):
            return "examined" if change is None else "changed"
        case NotAConfig():
            return "not a config"
        case Refused():
            return "refused"
        case Failed():
            return "failed"
        case _:
            assert_never(outcome)


def _why(outcome: Outcome) -> str:
    match outcome:
        case Examined():
            return ""
        case NotAConfig(kind=kind):
            return kind
        case Refused(reason=reason):
            return reason
        case Failed(problem=problem):
            return problem
        case _:
            assert_never(outcome)


def by_repository(files: Iterable[CorpusFile]) -> Iterator[list[CorpusFile]]:
    """The files of each state of each repository together: a config may have several files."""
    groups: dict[tuple[str, str], list[CorpusFile]] = defaultdict(list)
    for file in files:
        groups[file.repository, file.commit].append(file)
    yield from groups.values()


_schemas: dict[Path, ConfigSchema] = {}


def check_group(shared: Path, group: list[CorpusFile]) -> Tally:
    """Check the files of one state of a repository; the schema is read once a process."""
    if shared not in _schemas:
        _schemas[shared] = ConfigSchema(circleci_schema(shared))
    return check_repository(
        {file.path: file.data for file in group},
        {file.path: file.name for file in group},
        _schemas[shared],
    )


def _check_groups(task: tuple[Path, list[list[CorpusFile]]]) -> Tally:
    shared, groups = task
    return sum((check_group(shared, group) for group in groups), Tally())


def check_corpus(shared: Path) -> Tally:
    """Check every file of the corpus."""
    groups = list(by_repository(corpus_files(shared)))
    # Small bundles, as the files' sizes differ by three orders of magnitude.
    tasks = [(shared, groups[at : at + 16]) for at in range(0, len(groups), 16)]
    with Pool(WORKERS) as pool:
        return sum(pool.imap_unordered(_check_groups, tasks), Tally())


def report(tally: Tally) -> Iterator[str]:
    """The lines that ``make corpus`` prints."""
    yield "what the files are, and what became of them"
    for (kind, outcome), count in sorted(tally.kinds.items()):
        yield f"  {count:6}  {kind}: {outcome}"
    yield "what no fix should do"
    for title in RISKS:
        yield f"  {tally.risks[title]:6}  {title}"
    yield "what the configs hold now"
    for title, count in sorted(tally.numbers.items()):
        yield f"  {count:6}  {title}"
    for heading, counter in (
        ("jobs with Docker in steps", tally.step_jobs),
        ("pulls in steps, as they were", tally.step_pulls),
        ("findings fixed", tally.fixed),
        ("names written, by their evidence", tally.names),
        ("differences in the data", {kind.value: n for kind, n in tally.changes.items()}),
        ("lines that are not as they were", {r.value: n for r, n in tally.reasons.items()}),
        ("files fixed, then reverted", {r.value: n for r, n in tally.reversals.items()}),
    ):
        yield heading
        for title, count in sorted(counter.items(), key=lambda counted: -counted[1]):
            yield f"  {count:6}  {title}"
    yield "findings left, with the reason"
    for (rule, reason), count in sorted(tally.left.items(), key=lambda counted: -counted[1]):
        yield f"  {count:6}  {rule}: {reason}"
    files = {shortfall.file for shortfall in tally.shortfalls}
    yield f"{len(files)} of {tally.numbers['files']} files fall short"
    by_check: dict[str, list[Shortfall]] = defaultdict(list)
    for shortfall in tally.shortfalls:
        by_check[shortfall.check].append(shortfall)
    for check, found in sorted(by_check.items(), key=lambda checked: -len(checked[1])):
        yield f"{check}: {len(found)} in {len({shortfall.file for shortfall in found})} files"
        alike: dict[str, list[Shortfall]] = defaultdict(list)
        for shortfall in sorted(found, key=lambda shortfall: (shortfall.file, shortfall.place)):
            alike[shortfall.detail].append(shortfall)
        for detail, places in sorted(alike.items(), key=lambda counted: -len(counted[1])):
            yield f"  {detail}"
            yield from (
                f"    {shortfall.file}: {shortfall.place}" for shortfall in places[:MOST_SHOWN]
            )
            if len(places) > MOST_SHOWN:
                yield f"    and {len(places) - MOST_SHOWN} more"


def main() -> int:
    """Check the corpus; 0 if no file falls short, 1 if one does, 2 if there is no corpus."""
    shared = shared_folder()
    if shared is None:
        print("there is no reference corpus beside the repository", file=sys.stderr)
        return 2
    started = time.perf_counter()
    tally = check_corpus(shared)
    print("\n".join(report(tally)))
    print(f"in {time.perf_counter() - started:.0f} s")
    return 1 if tally.shortfalls else 0


if __name__ == "__main__":
    sys.exit(main())
