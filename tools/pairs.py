"""Lays what the tool makes of a config beside what its maintainer made of it by hand.

``python -m tools.pairs`` (``make pairs``) gives the tool each ``before.yml`` of the reference pairs
with the names that the maintainer chose, compares the result with ``after.yml`` and prints every
difference. It exits 1 if the tool covers less than the maintainer did where the maintainer was
right, or if a difference has no cause that someone has judged. ``docs/pairs.md`` is what was read
from these differences, and written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TypeVar

from msgspec import Struct

from cci_migrate.engine.outcomes import Examined, Refused
from cci_migrate.policy.settings import CredentialStore, PasswordAuth, Policy, RegistryPolicy
from tests.oracle.contexts_needed import tells
from tests.oracle.image_registry import DOCKER_HUB
from tests.oracle.plain_yaml import (
    Data,
    UnreadableError,
    first_lines,
    list_of,
    mapping_of,
    read,
    value_at,
)
from tests.oracle.pulled_images import Image, PulledImages, WorkflowJob, pulled_images
from tests.processing import process
from tools.shared_data import Pair, pairs, shared_folder

#: Serves public images only, and takes no credentials.
PUBLIC_ONLY = frozenset({"mcr.microsoft.com"})
DEFAULT_NAMES = ("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")
ONE_SIDE = "on one side only"


class Cause(Enum):
    """Why the two differ."""

    FORGOTTEN_IMAGE = "Docker Hub images left without credentials"
    NOT_ABOUT_HUB = "Docker Hub images, where the change was about something else"
    PUBLIC_REGISTRY = "credentials for a registry that takes none"
    OTHER_NAMES = "another user name or password"
    FORGOTTEN_CONTEXT = "workflow jobs that pull with the variables, left without the context"
    NEEDLESS_CONTEXT = "the context on workflow jobs that pull nothing with it"
    CONTEXT_FOR_STEPS = "the context on workflow jobs that log in only in their steps"
    OTHER_CONTEXT = "a context for something else"
    CONTEXT_FORM = "one context as a string, or as a list of one"
    LOGIN_STEP = "a login added to steps"
    MISPLACED_AUTH = "`auth` where CircleCI does not look for it"
    WORKFLOW_MADE = "a workflow made to hold the context"
    OTHER_WORK = "images and workflow jobs that other work in the same commit changed"
    GENERATED = "a generated config, edited by hand"
    MISSED = "the tool does less, without a reason"


#: Judged by hand, from reading the differences: `docs/pairs.md` says who is right, and why.
JUDGED = frozenset(Cause) - {Cause.OTHER_NAMES, Cause.MISSED}


class Difference(Struct, frozen=True):
    """One place that the tool and the maintainer treated differently."""

    pair: str
    cause: Cause
    place: str
    detail: str


class Comparison(Struct, frozen=True):
    """One pair: what differs, how many places are the same, and whether all bytes are."""

    pair: str
    same_images: int
    same_jobs: int
    is_same_text: bool
    is_same_data: bool
    differences: tuple[Difference, ...]


_Part = TypeVar("_Part")
#: Two names, and how many alike came before: other lines may have moved.
Key = tuple[str, str, int]


def _by_key(named: Iterable[tuple[str, str, _Part]]) -> dict[Key, _Part]:
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for first, second, part in named:
        found[first, second, seen[first, second]] = part
        seen[first, second] += 1
    return found


def images_by_key(pulled: PulledImages) -> dict[Key, Image]:
    """Images by owner and text."""
    return _by_key((image.owner, image.text, image) for image in pulled.images)


def jobs_by_key(pulled: PulledImages) -> dict[Key, WorkflowJob]:
    """Workflow jobs by workflow and job."""
    jobs = pulled.workflow_jobs
    return _by_key((job.place.rpartition(".jobs[")[0], job.job, job) for job in jobs)


def _sides(
    theirs: Mapping[Key, _Part], ours: Mapping[Key, _Part]
) -> Iterator[tuple[Key, str, _Part | None, _Part | None]]:
    """Each key of either side, its place in words, and what the two have there."""
    for key in sorted({*theirs, *ours}):
        yield key, f"{key[0]}: {key[1]}", theirs.get(key), ours.get(key)


def maintainers_policy(before: PulledImages, after: PulledImages) -> Policy:
    """The policy that the maintainer followed, told by what is new in ``after``."""
    old_images, old_jobs = images_by_key(before), jobs_by_key(before)
    credentials: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for key, image in images_by_key(after).items():
        was = old_images.get(key)
        if image.is_authenticated and image.registry is not None:
            had = None if was is None else was.credential
            credentials[image.registry][image.credential] += had != image.credential
    contexts: Counter[str] = Counter()
    for job_key, job in jobs_by_key(after).items():
        if job.needs_context:
            contexts.update(set(job.contexts) - _contexts(old_jobs.get(job_key)))
    # Of several new contexts the one named after Docker is the registry's.
    context = max(contexts, key=lambda name: (tells(name), contexts[name]), default=None)
    usual = {host: (+found).most_common(1)[0][0] for host, found in credentials.items() if +found}
    usual.setdefault(DOCKER_HUB, DEFAULT_NAMES)
    registries = tuple(
        RegistryPolicy(host, PasswordAuth(*names), context)
        for host, names in usual.items()
        if host not in PUBLIC_ONLY
    )
    store = CredentialStore.PROJECT if context is None else CredentialStore.CONTEXT
    return Policy(registries=registries, credentials=store)


def _contexts(job: WorkflowJob | None) -> set[str]:
    return set() if job is None else set(job.contexts)


def compare(pair: Pair) -> Comparison:
    """Run the tool over the pair's ``before`` and compare with its ``after``."""
    try:
        old_data, their_data = read(pair.before), read(pair.after)
    except UnreadableError as error:
        missed = Difference(pair.name, Cause.MISSED, "", first_lines(error))
        return Comparison(pair.name, 0, 0, False, False, (missed,))
    before, theirs = pulled_images(old_data), pulled_images(their_data)
    outcome = process({pair.path: pair.before}, maintainers_policy(before, theirs))
    if not isinstance(outcome, Examined):
        cause = Cause.GENERATED if isinstance(outcome, Refused) else Cause.MISSED
        difference = Difference(pair.name, cause, pair.path, type(outcome).__name__)
        return Comparison(pair.name, 0, 0, False, False, (difference,))
    result = pair.before if outcome.change is None else outcome.change.files[0].after
    our_data = read(result)
    ours = pulled_images(our_data)
    images = tuple(_image_differences(pair.name, before, theirs, ours))
    jobs = tuple(_job_differences(pair.name, before, theirs, ours, their_data))
    others = tuple(_other_differences(pair.name, old_data, their_data, theirs, ours))
    return Comparison(
        pair=pair.name,
        same_images=_count_shared(images_by_key(theirs), images_by_key(ours), images),
        same_jobs=_count_shared(jobs_by_key(theirs), jobs_by_key(ours), jobs),
        is_same_text=result == pair.after,
        is_same_data=our_data == their_data,
        differences=(*images, *jobs, *others),
    )


def _count_shared(
    theirs: Iterable[object], ours: Iterable[object], different: Iterable[Difference]
) -> int:
    return len(set(theirs) & set(ours)) - sum(
        1 for difference in different if difference.detail != ONE_SIDE
    )


def _image_differences(
    pair: str, before: PulledImages, after: PulledImages, made: PulledImages
) -> Iterator[Difference]:
    old, theirs, ours = images_by_key(before), images_by_key(after), images_by_key(made)
    meant_hub = any(
        image.is_hub and image.credential != old[key].credential
        for key, image in theirs.items()
        if key in old
    )
    for _, place, their, our in _sides(theirs, ours):
        if our is None or their is None:
            yield Difference(pair, Cause.OTHER_WORK, place, ONE_SIDE)
            continue
        if _variables(their) == _variables(our):
            continue
        if our.is_authenticated and their.is_authenticated:
            cause = Cause.OTHER_NAMES
        elif our.is_authenticated:
            cause = Cause.FORGOTTEN_IMAGE if meant_hub else Cause.NOT_ABOUT_HUB
        elif their.registry in PUBLIC_ONLY:
            cause = Cause.PUBLIC_REGISTRY
        else:
            # A fix is whole: without a place for the context it is not made.
            cause = Cause.MISSED if before.workflow_jobs else Cause.WORKFLOW_MADE
        yield Difference(pair, cause, place, f"{their.credential} by hand, {our.credential}")


def _variables(image: Image) -> tuple[str, ...]:
    # ``${NAME}`` is ``$NAME``.
    return tuple(re.sub(r"\$\{(\w+)\}", r"$\1", half) for half in image.credential)


def _job_differences(
    pair: str, before: PulledImages, after: PulledImages, made: PulledImages, their_data: Data
) -> Iterator[Difference]:
    old, theirs, ours = jobs_by_key(before), jobs_by_key(after), jobs_by_key(made)
    for key, place, their_job, our_job in _sides(theirs, ours):
        if our_job is None or their_job is None:
            cause = Cause.OTHER_WORK if before.workflow_jobs else Cause.WORKFLOW_MADE
            yield Difference(pair, cause, place, ONE_SIDE)
            continue
        had, their, our = map(_contexts, (old.get(key), their_job, our_job))
        if their == our:
            continue
        detail = f"{sorted(their)} by hand, {sorted(our)}"
        if had - their:
            cause = Cause.OTHER_WORK
        elif our - their:
            cause = Cause.FORGOTTEN_CONTEXT
        elif not any(tells(name) for name in their - our):
            cause = Cause.OTHER_CONTEXT
        elif our_job.needs_context:
            cause = Cause.MISSED
        else:
            steps = _logs_in(their_data, key[1])
            cause = Cause.CONTEXT_FOR_STEPS if steps else Cause.NEEDLESS_CONTEXT
        yield Difference(pair, cause, place, detail)


def _logs_in(config: Data, job: str) -> bool:
    """Whether the steps of ``job``, or the commands that they call, log in to a registry."""
    data = mapping_of(config)
    commands = mapping_of(data, "commands")
    pending = [value_at(data, "jobs", job, "steps")]
    seen: set[str] = set()
    while pending:
        steps = pending.pop()
        if _count_logins(steps):
            return True
        for step in list_of(steps):
            name = step if isinstance(step, str) else next(iter(mapping_of(step)), "")
            if name in commands and name not in seen:
                seen.add(name)
                pending.append(value_at(commands[name], "steps"))
    return False


def _count_logins(data: Data) -> int:
    text = json.dumps(data, default=str)
    return len(re.findall(r"docker login|docker/check", text))


def _other_differences(
    pair: str, old_data: Data, their_data: Data, theirs: PulledImages, ours: PulledImages
) -> Iterator[Difference]:
    if _count_logins(their_data) > _count_logins(old_data):
        yield Difference(pair, Cause.LOGIN_STEP, "steps", ONE_SIDE)
    for name, job in mapping_of(their_data, "jobs").items():
        if "auth" in mapping_of(job, "machine"):
            yield Difference(pair, Cause.MISPLACED_AUTH, f"jobs.{name}.machine", ONE_SIDE)
    for _, place, their_job, our_job in _sides(jobs_by_key(theirs), jobs_by_key(ours)):
        if (
            our_job is not None
            and their_job is not None
            and our_job.contexts == their_job.contexts
            and our_job.has_context_string != their_job.has_context_string
        ):
            yield Difference(pair, Cause.CONTEXT_FORM, place, ONE_SIDE)


def summary(comparisons: list[Comparison]) -> Iterator[str]:
    """What the pairs have in common, and how many places and pairs each cause has."""
    for text, attribute in (
        ("images are the same", "same_images"),
        ("workflow jobs are the same", "same_jobs"),
        ("configs have the same data", "is_same_data"),
        ("configs have the same bytes", "is_same_text"),
    ):
        count = sum(getattr(comparison, attribute) for comparison in comparisons)
        yield f"{count:6}  {text}"
    differences = [
        difference for comparison in comparisons for difference in comparison.differences
    ]
    for cause, places in Counter(difference.cause for difference in differences).most_common():
        pairs_with = {difference.pair for difference in differences if difference.cause is cause}
        yield f"{places:6}  in {len(pairs_with)} configs: {cause.value}"


def unjudged(comparisons: Iterable[Comparison]) -> list[Difference]:
    """The differences that no verdict explains: the tool may be wrong there."""
    return [
        difference
        for comparison in comparisons
        for difference in comparison.differences
        if difference.cause not in JUDGED
    ]


def _line(difference: Difference) -> str:
    return f"{difference.pair}: {difference.cause.value}: {difference.place}: {difference.detail}"


def main() -> int:
    """Compare all pairs; 1 if the tool falls short, 2 if there are no pairs."""
    shared = shared_folder()
    if shared is None:
        print("there are no reference pairs beside the repository", file=sys.stderr)
        return 2
    comparisons = [compare(pair) for pair in pairs(shared)]
    for comparison in comparisons:
        for difference in comparison.differences:
            print(_line(difference))
    print("\n".join(summary(comparisons)))
    wrong = unjudged(comparisons)
    for difference in wrong:
        print(f"falls short: {_line(difference)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
