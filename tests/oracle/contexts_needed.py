"""Which workflow jobs need the context with the registry's variables, by the file's own habit.

Read from the promise: a file whose authenticated jobs hold no context keeps its variables in the
project's settings; one that keeps them in a context shows which by what those jobs hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tests.oracle.plain_yaml import Data, list_of, mapping_of, value_at
from tests.oracle.pulled_images import VARIABLE, PulledImages, WorkflowJob, contexts_of
from tests.oracle.step_logins import Login

TELLING_WORDS = ("docker", "hub", "registry", "pull")
UNKNOWN_UNTIL_RUN = "<<"
SUPERFLUOUS = "superfluous contexts"
OVERRIDING = "contexts that could override what a step reads"
TWO_PAIRS = "files that got a second pair of names"
UNPROVIDED = "workflow jobs that read names that nobody provides"
RISKS = (UNPROVIDED, SUPERFLUOUS, OVERRIDING, TWO_PAIRS)


class ContextHabit(Struct, frozen=True):
    """Which contexts hold the variables; none are needed if the project's settings do."""

    accepted: frozenset[str]
    in_project: bool = False


def context_habit(before: PulledImages, default: str | None) -> ContextHabit:
    """The habit of the config that pulled ``before``; ``default`` is what a new one would use."""
    using = [job for job in before.workflow_jobs if job.needs_context or _would_read(job)]
    pulling = [job for job in using if not _only_publishes(job, before)]
    if using and not pulling and default:
        # Jobs that publish keep theirs to themselves, or show it to all.
        shown = _habit_of(using, default)
        return replace(shown, accepted=shown.accepted | {default})
    return _habit_of(pulling, default)


def _would_read(job: WorkflowJob) -> bool:
    """Whether an image of ``job`` has its names where CircleCI does not read them.

    Without a context such a job shows nothing: it never read them.
    """
    return bool(job.contexts) and any(
        image.is_hub and any(VARIABLE.match(half) for half in image.misplaced_credential)
        for image in job.images
    )


def _only_publishes(job: WorkflowJob, before: PulledImages) -> bool:
    reads_in_images = any(image.is_authenticated for image in job.images)
    return not reads_in_images and before.logins.isdisjoint(job.logins)


def _habit_of(using: Iterable[WorkflowJob], default: str | None) -> ContextHabit:
    """The habit that the workflow jobs ``using`` the variables show."""
    today = [set(job.contexts) for job in using]
    if not today:
        return ContextHabit(frozenset({default} if default else ()), in_project=default is None)
    if not any(today):
        return ContextHabit(frozenset(), in_project=True)
    telling = {name for held in today for name in held if tells(name, default)}
    if sum(1 for held in today if held & telling) * 2 > len(today):
        return ContextHabit(frozenset(telling))
    common = set.intersection(*today)
    if len(common) == 1:
        return ContextHabit(frozenset(common | telling))
    # Which of several holds the variables cannot be told: any of them will do, or a new one.
    fallback = {default} if default else set()
    return ContextHabit(frozenset(common | telling | fallback))


def tells(name: str, default: str | None = None) -> bool:
    """Whether the context ``name`` says that it is about a registry."""
    return name == default or any(word in name.lower() for word in TELLING_WORDS)


class MisplacedContext(Struct, frozen=True):
    """Contexts where CircleCI does not look, and which workflow jobs they are about.

    Those at ``place`` and below it that run ``job``; None means every job.
    """

    route: str
    names: frozenset[str]
    place: str = ""
    job: str | None = None

    def is_about(self, job: WorkflowJob) -> bool:
        return job.place.startswith(self.place) and self.job in (None, job.job)


def misplaced_contexts(config: Data) -> list[MisplacedContext]:
    """The contexts of ``config`` that have no effect."""
    data = mapping_of(config)
    misplaced: list[MisplacedContext] = []

    def add(route: str, holder: Data, place: str = "", job: str | None = None) -> None:
        for key in ("context", "contexts"):
            is_read = key == "context" and job is not None and bool(place)
            names = frozenset(contexts_of(value_at(holder, key)))
            if names and not is_read:
                misplaced.append(MisplacedContext(f"{route}.{key}", names, place, job))

    for name, job in mapping_of(data, "jobs").items():
        add(f"jobs.{name}", job, job=name)
    for name, workflow in mapping_of(data, "workflows").items():
        add(f"workflows.{name}", workflow, f"workflows.{name}.jobs")
        for index, entry in enumerate(list_of(workflow, "jobs")):
            place = f"workflows.{name}.jobs[{index}]"
            add(place, entry, place)
            for called, arguments in mapping_of(entry).items():
                add(f"{place}.{called}", arguments, place, called)
    return misplaced


def lost_contexts(before: Data, after: Data, pulled: PulledImages) -> list[tuple[WorkflowJob, str]]:
    """The workflow jobs that lack a context which ``after`` took from where it has no effect."""
    left = {misplaced.route for misplaced in misplaced_contexts(after)}
    return [
        (job, f"holds {list(job.contexts)}, not {sorted(misplaced.names)}")
        for misplaced in misplaced_contexts(before)
        if misplaced.route not in left
        for job in pulled.workflow_jobs
        if misplaced.is_about(job) and job.needs_context and not misplaced.names <= {*job.contexts}
    ]


def wrong_contexts(
    before: PulledImages,
    after: PulledImages,
    default: str | None,
    misplaced: Sequence[MisplacedContext] = (),
) -> list[tuple[WorkflowJob, str]]:
    """The workflow jobs that lack the context after a fix, or got one that they do not need.

    What was ``misplaced`` before they may get.
    """
    habit = context_habit(before, default)
    known = {_key(job): job for job in before.workflow_jobs}

    def wrong(job: WorkflowJob) -> str | None:
        moved = {name for shown in misplaced if shown.is_about(job) for name in shown.names}
        was = known.get(_key(job))
        allowed = moved.union(was.contexts if was is not None else ())
        gained = [name for name in job.contexts if name not in allowed]
        if not job.needs_context:
            return f"got {gained} and needs none" if gained else None
        if job.only_for_forks or _is_in_project(job, before):
            return None
        if _is_asked(job, was):
            return f"got {gained}, which may override what it reads today" if gained else None
        if _reads_new_names(job, before):
            # The habit is about other variables: names of the policy come with its context.
            is_right = default is None or default in job.contexts
            return None if is_right else f"holds {list(job.contexts)}, not {default}"
        if habit.in_project:
            return f"got {gained} though the project holds the variables" if gained else None
        # What works today may have them from the project: it is asked.
        is_settled = was is not None and was.needs_context
        is_known = not any(UNKNOWN_UNTIL_RUN in name for name in job.contexts)
        if is_settled or not is_known or not habit.accepted.isdisjoint(job.contexts):
            return None
        return f"holds {list(job.contexts)}, none of {sorted(habit.accepted)}"

    return [(job, problem) for job in after.workflow_jobs if (problem := wrong(job)) is not None]


def _reads_new_names(job: WorkflowJob, before: PulledImages) -> bool:
    """Whether no image and no login of the config read the names that the images of ``job`` do."""
    today = {image.credential for image in before.images} | before.logins | before.publishing
    today |= {image.misplaced_credential for image in before.images}
    written = {image.credential for image in job.images if image.is_hub and image.is_authenticated}
    return not written | set(job.logins) <= today


def context_risks(before: PulledImages, after: PulledImages) -> Counter[str]:
    """What a fix should never do with names and contexts, by how often it does."""
    old = {_key(job): job for job in before.workflow_jobs}
    risks: Counter[str] = Counter()
    in_project = _read_without_context(before)
    for job in after.workflow_jobs:
        was = old.get(_key(job))
        gained = [name for name in job.contexts if was is None or name not in was.contexts]
        if was is not None and job.needs_context and not (job.contexts or job.only_for_forks):
            known = in_project | _read(was) | was.step_words
            risks[UNPROVIDED] += not (_read(job) <= known or _is_in_project(job, before))
        if not gained or was is None:
            continue
        risks[SUPERFLUOUS] += not job.needs_context
        # The last context wins over those before it, and all win over the project.
        is_last = job.contexts[-1] in gained
        risks[OVERRIDING] += is_last and not _read(job).isdisjoint(was.step_words)
    pairs = {i.credential for i in after.images if i.is_hub and i.is_authenticated}
    had = {i.credential for i in before.images if i.is_hub and i.is_authenticated}
    risks[TWO_PAIRS] += len(pairs) > 1 and pairs != had
    return risks


def _read_without_context(pulled: PulledImages) -> set[str]:
    """The variables that images and logins of jobs without any context read."""
    idle = [job for job in pulled.workflow_jobs if not (job.contexts or job.runs_nothing)]
    return _names(login for job in idle for login in job.logins).union(*map(_read, idle))


def _read(job: WorkflowJob) -> set[str]:
    """The variables that the images of ``job`` from Docker Hub read."""
    return _names(image.credential for image in job.images if image.is_hub)


def _names(logins: Iterable[Login]) -> set[str]:
    return {half.strip("${}") for login in logins for half in login}


def _is_asked(job: WorkflowJob, was: WorkflowJob | None) -> bool:
    """Whether a context could change what ``job`` read before, as ``was``, without any.

    The project may provide that: it is asked.
    """
    if was is None or was.contexts:
        return False
    halves = [half for image in was.images for half in image.credential if VARIABLE.match(half)]
    return not _read(job).isdisjoint({half.strip("${}") for half in halves} | was.step_words)


def _is_in_project(job: WorkflowJob, before: PulledImages) -> bool:
    """Whether no context is known to provide what the images of ``job`` read now.

    Steps of a job without contexts name all of it, or it is that of a login that nothing runs.
    """
    read = _read(job)
    if not read:
        return False
    running = [other for other in before.workflow_jobs if not other.runs_nothing]
    if any(not other.contexts and read <= other.step_words for other in running):
        return True
    idle = before.logins - {login for other in running for login in other.logins}
    return any(read == _names([login]) for login in idle)


def _key(job: WorkflowJob) -> tuple[str, str]:
    return job.place, job.job
