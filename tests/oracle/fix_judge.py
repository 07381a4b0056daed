"""Holds what was made of a config against what the tool promises, in terms of the two texts alone.

It knows nothing of findings, plans or proofs: only of bytes before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, field

from tests.oracle.changed_data import DataChangeKind, compare_data
from tests.oracle.changed_text import broken_frame, compare_text, lines_of
from tests.oracle.config_schema import ConfigSchema
from tests.oracle.contexts_needed import (
    context_risks,
    lost_contexts,
    misplaced_contexts,
    wrong_contexts,
)
from tests.oracle.explained_lines import Reason, explain, login_tokens
from tests.oracle.image_registry import DOCKER_HUB
from tests.oracle.plain_yaml import UnreadableError, first_lines, read
from tests.oracle.pulled_images import VARIABLE, Image, PulledImages, pulled_images

#: A credential: its user name and its password.
Credential = tuple[str, str]
NO_CREDENTIAL: Credential = ("", "")
#: The user that CircleCI's own page on private images has.
DOCUMENTED_USER = "mydockerhub-user"


class Expected(Struct, frozen=True):
    """The names that a fix may bring into a file that has none of its own."""

    credential: Credential = ("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")
    context: str | None = "docker-hub-creds"


class Complaint(Struct, frozen=True):
    """One way in which a fix falls short. ``check`` names the promise, ``place`` where."""

    check: str
    place: str
    detail: str


def _is_asked_about(image: Image, pulled: PulledImages, expected: Expected) -> bool:
    """Whether a job that pulls ``image`` logs in with one half of the pair that a fix brings in.

    Whether that is the same account nobody but the user knows.
    """
    wanted = set(expected.credential)
    return any(
        pair[0] != pair[1] and len(wanted & set(pair)) == 1
        for job in pulled.workflow_jobs
        if any(placed.place == image.place for placed in job.images)
        for pair in job.logins
    )


def _is_for_forks(image: Image, pulled: PulledImages) -> bool:
    """Whether only builds of forks, which get no credentials, pull ``image``."""
    jobs = [job for job in pulled.workflow_jobs if image.place in {i.place for i in job.images}]
    return bool(jobs) and all(job.only_for_forks for job in jobs)


NOTHING_PULLED = PulledImages((), ())


class Judgement(Struct, frozen=True):
    """What is to be said of one fix; ``pulled`` is what the result pulls."""

    complaints: tuple[Complaint, ...]
    pulled: PulledImages = NOTHING_PULLED
    reasons: Counter[Reason] = field(default_factory=Counter)
    changes: Counter[DataChangeKind] = field(default_factory=Counter)
    lines_added: int = 0
    risks: Counter[str] = field(default_factory=Counter)


#: The names that the tool uses by default.
DEFAULT_NAMES = Expected()


def judge(
    before: bytes,
    after: bytes,
    schema: ConfigSchema | None = None,
    expected: Expected = DEFAULT_NAMES,
) -> Judgement:
    """Whether ``after`` is a right, whole and minimal fix of the config ``before``.

    ``before`` must be a readable config. Without a ``schema`` that check is left out.
    """
    old_data = read(before)
    try:
        new_data = old_data if after == before else read(after)
    except UnreadableError as error:
        return Judgement((Complaint("readable", "", first_lines(error, 2)),))
    old, new = pulled_images(old_data), pulled_images(new_data)
    complaints = [
        *_credential_complaints(old, new, expected),
        *(
            Complaint("covers every Docker Hub image", image.place, image.text)
            for image in new.images
            if image.is_hub
            and not image.is_authenticated
            and not _is_asked_about(image, old, expected)
            and not _is_for_forks(image, new)
        ),
        *(
            Complaint("contexts", f"{job.place} ({job.job})", problem)
            for job, problem in (
                *wrong_contexts(old, new, expected.context, misplaced_contexts(old_data)),
                *lost_contexts(old_data, new_data, new),
            )
        ),
    ]
    if before == after:
        return Judgement(tuple(complaints), new)
    changes: Counter[DataChangeKind] = Counter()
    for change in compare_data(old_data, new_data):
        changes[change.kind] += 1
        if change.kind is DataChangeKind.OTHER:
            complaints.append(Complaint("data", change.route, change.kind.value))
    text = compare_text(before.decode(), after.decode())
    reasons: Counter[Reason] = Counter()
    lines = lines_of(after.decode())
    words = _new_words(old, new, expected) | login_tokens(new_data)
    for alteration in text.alterations:
        reason = explain(alteration, lines, words)
        is_unfounded = reason is Reason.CONTEXT_MOVED and not changes[DataChangeKind.CONTEXT_MOVED]
        if reason is None or is_unfounded:
            shown = f"{alteration.before!r} became {alteration.after!r}"
            complaints.append(Complaint("lines kept", f"line {alteration.line}", shown))
        else:
            reasons[reason] += 1
    complaints += [
        Complaint("frame", "", problem)
        for problem in broken_frame(before, after, reasons[Reason.CONTEXT_MOVED])
    ]
    if schema is not None:
        complaints += [
            Complaint("schema", path, f"{keyword} was satisfied before")
            for path, keyword in schema.new_errors(old_data, new_data)
        ]
    risks = context_risks(old, new)
    return Judgement(tuple(complaints), new, reasons, changes, text.added, risks)


def _credential_complaints(
    old: PulledImages, new: PulledImages, expected: Expected
) -> Iterator[Complaint]:
    before = {(image.place, image.text): image for image in old.images}
    known = {image.credential for image in old.images if image.is_hub and _is_safe(image)}
    # Right names in the wrong place are the file's own names too.
    known |= {image.misplaced_credential for image in old.images if image.is_hub} - {NO_CREDENTIAL}
    logins = {login for login in old.logins if _is_name(login[1])}
    publishing = {login for login in old.publishing if _is_name(login[1])}
    own = {login for login in known | logins if login[0] != DOCUMENTED_USER}
    is_shown_by_images = any(login[0] != DOCUMENTED_USER for login in known)
    # Which of a job's contexts provides what only its steps read, a second opinion can't say: there
    # the whole pair of the policy is as right. So it is beside the login of a job that publishes.
    holding = [job for job in old.workflow_jobs if job.contexts and own & set(job.logins)]
    if not own:
        known = {expected.credential, *publishing}
    elif is_shown_by_images or not holding:
        known = own
    else:
        known = {expected.credential, *own}
    for image in new.images:
        was = before.get((image.place, image.text))
        if was is None:
            yield Complaint("images kept", image.place, image.text)
        elif image.credential != was.credential:
            problem = _wrong_credential(was, image, known)
            if problem is not None:
                yield Complaint("credentials", image.place, problem)
    if len(new.images) != len(old.images):
        detail = f"{len(old.images)} images became {len(new.images)}"
        yield Complaint("images kept", "", detail)


def _wrong_credential(was: Image, image: Image, own: set[Credential]) -> str | None:
    if image.registry != DOCKER_HUB:
        where = image.registry or "a registry that cannot be told"
        return f"Docker Hub's credentials went to {where}"
    if was.is_authenticated and _is_safe(was):
        return "complete credentials were changed"
    for half, old, new in zip(
        ("username", "password"), was.credential, image.credential, strict=True
    ):
        is_kept = old in ("", "None") or old == new or (half == "password" and not _is_name(old))
        if not is_kept:
            return f"the {half} was there and was changed"
    if not _is_name(image.credential[1]):
        return "the password is not a variable"
    halves = {half for credential in own for half in credential}
    if image.credential in own:
        return None
    if was.credential == NO_CREDENTIAL or image.credential[1] not in halves:
        return f"{image.credential[0]} and {image.credential[1]} are not the file's own names"
    return None


def _is_safe(image: Image) -> bool:
    return image.is_authenticated and _is_name(image.credential[1])


def _is_name(text: str) -> bool:
    return VARIABLE.match(text) is not None


def _new_words(old: PulledImages, new: PulledImages, expected: Expected) -> frozenset[str]:
    words = set(expected.credential) | ({expected.context} if expected.context else set())
    for pulled in (old, new):
        words.update(half for image in pulled.images for half in image.credential)
        words.update(half for login in pulled.logins for half in login)
        words.update(name for job in pulled.workflow_jobs for name in job.contexts)
    parts = {part for word in words for part in word.split()}
    return frozenset((words | parts) - {"", "None"})
