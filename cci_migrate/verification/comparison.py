"""Whether the compiled config is what was planned: before and after the change, and as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.circleci.expressions import has_expression
from cci_migrate.docker.container_tools import ANY_TOOL, CLIENTS
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.lossless.plain_data import Added, Change, Path, Plain, Removed, Replaced, changes
from cci_migrate.verification.compiled_config import (
    CompiledConfig,
    CompiledEntry,
    CompiledImage,
    text_in,
)
from cci_migrate.verification.planned_config import PlannedConfig, PlannedEntry
from cci_migrate.verification.source_changes import SourceChanges, StepChanges, script_of

_FORMS = frozenset(form.value for form in CredentialForm)
_LOGIN = re.compile(rf"\b(?:{'|'.join((ANY_TOOL, *CLIENTS))})\b[^\n]{{0,200}}\blogin\b")


class Agreement(Struct, frozen=True):
    """How the compiled config agrees with what the source says.

    ``images`` and ``entries`` are the routes of those of the source that it shows.
    """

    differences: tuple[str, ...]
    images: frozenset[str]
    entries: frozenset[str]


class Gains(Struct, frozen=True):
    """What the compiled config has more: images with credentials, and jobs with a login.

    ``contexts`` are the workflow jobs whose contexts are others than before.
    """

    images: int = 0
    logins: int = 0
    contexts: int = 0


def agreement(compiled: CompiledConfig, planned: PlannedConfig) -> Agreement:
    """Whether each job of ``compiled`` has the images, credentials and contexts of ``planned``."""
    differences: list[str] = []
    images: set[str] = set()
    entries: set[str] = set()
    for entry in compiled.entries:
        candidates = planned.entries_of(entry)
        entries.update(candidate.entry.route for candidate in candidates)
        if entry.workflow and candidates:
            differences += _contexts_differ(entry, candidates)
        differences += _images_differ(entry, candidates, planned, images)
    differences += _logins_lack(compiled, planned)
    return Agreement(tuple(dict.fromkeys(differences)), frozenset(images), frozenset(entries))


def _contexts_differ(entry: CompiledEntry, candidates: Sequence[PlannedEntry]) -> Iterator[str]:
    if not any(_may_hold(candidate.contexts, entry.contexts) for candidate in candidates):
        texts = dict.fromkeys(_contexts(candidate.contexts) for candidate in candidates)
        planned = " or ".join(texts)
        yield f"job {entry.name} of {entry.workflow} has {_contexts(entry.contexts)}, not {planned}"


def _may_hold(written: tuple[str, ...], compiled: tuple[str, ...]) -> bool:
    if any(has_expression(context) for context in written):
        # It may come to nothing, or to several.
        remaining = iter(compiled)
        return all(has_expression(context) or context in remaining for context in written)
    return written == compiled


def _contexts(names: tuple[str, ...]) -> str:
    if not names:
        return "no context"
    return f"context {names[0]}" if len(names) == 1 else f"contexts {', '.join(names)}"


def _images_differ(
    entry: CompiledEntry,
    candidates: Sequence[PlannedEntry],
    planned: PlannedConfig,
    compiled_routes: set[str],
) -> Iterator[str]:
    runs_on_orb = any(candidate.images is None for candidate in candidates)
    possible = [image for candidate in candidates for image in candidate.images or ()]
    if not candidates:
        possible = list(planned.images.values())
    for image in entry.images:
        fitting = [written for written in possible if written.may_be(image.text)]
        compiled_routes.update(written.route for written in fitting)
        if not fitting:
            if candidates and not runs_on_orb:
                yield f"job {entry.name} pulls {image.text}, which isn't in the config"
        elif not any(written.has(image.credentials) for written in fitting):
            yield f"job {entry.name} pulls {image.text} {_with(image, fitting[0].credentials)}"


def _with(image: CompiledImage, written: object) -> str:
    if not image.credentials:
        return "without its credentials in the config"
    return "with other credentials than in the config" if written else "with credentials"


def _logins_lack(compiled: CompiledConfig, planned: PlannedConfig) -> Iterator[str]:
    """Pulls of steps without a login where the source has one, as far as that is read."""
    for pull in compiled.anonymous:
        if not pull.in_steps:
            continue
        for entry in compiled.entries:
            candidates = planned.entries_of(entry) if entry.name == pull.job else ()
            if candidates and all(candidate.logs_in_for(pull) for candidate in candidates):
                yield f"job {pull.job} pulls {pull.image} in its steps without a login"


class Difference(Struct, frozen=True):
    """The changes of a compiled config that are not planned, and what it gained."""

    unplanned: tuple[str, ...]
    gains: Gains


def difference(before: CompiledConfig, after: CompiledConfig, source: SourceChanges) -> Difference:
    """What the change ``source`` does to the compiled config.

    Credentials and contexts may change here: `agreement` says whether they are the planned ones.
    """
    steps: dict[str, tuple[_Steps, _Steps]] = {}
    unplanned: list[str] = []
    images = 0
    contexts: set[Path] = set()
    for change in changes(dict(before.data), dict(after.data)):
        path = change.path
        job = str(path[1]) if path[:1] == ("jobs",) and len(path) > 1 else ""
        if _is_credential(path):
            images += isinstance(change, Added) and path[-1] in _FORMS
        elif _is_context(path):
            contexts.add(path[:4])
        elif job and path[2:3] == ("steps",) and not isinstance(change, Replaced):
            gets, loses = steps.setdefault(job, (_Steps(), _Steps()))
            (gets if isinstance(change, Added) else loses).add(change)
        elif not _is_planned(change, source):
            unplanned.append(_shown(change))
    logins = 0
    for job, (gets, loses) in steps.items():
        for block in gets.blocks:
            unplanned += _strange_steps(job, "gets", block, source.added)
        for block in loses.blocks:
            unplanned += _strange_steps(job, "loses", block, source.removed)
        logins += any(_logs_in(step) for block in gets.blocks for step in block)
    return Difference(tuple(unplanned), Gains(images, logins, len(contexts)))


class _Steps:
    """The steps that a job gets, or loses, in ``blocks`` of those that follow each other."""

    def __init__(self) -> None:
        self.blocks: list[list[Plain]] = []
        self._next = -1

    def add(self, change: Added | Removed) -> None:
        steps = change.value if len(change.path) == 3 else [change.value]
        start = change.path[-1] if isinstance(change.path[-1], int) else 0
        for index, step in enumerate(steps if isinstance(steps, list) else [], start):
            if index != self._next or not self.blocks:
                self.blocks.append([])
            self.blocks[-1].append(step)
            self._next = index + 1


def _strange_steps(job: str, verb: str, steps: list[Plain], planned: StepChanges) -> Iterator[str]:
    """Those of ``steps``, which follow each other, that were not planned to come or go."""
    others = [step for step in steps if not planned.explain(step)]
    # What an orb's command comes to only the compiler knows: it logs in, and is made of scripts.
    is_orbs = planned.has_orbs and any(map(_logs_in, others))
    for step in others:
        if not is_orbs or script_of(step) is None:
            yield f"job {job} {verb} an unplanned step: {_step_title(step)}"


def _is_credential(path: Path) -> bool:
    is_of_image = path[:1] == ("jobs",) and path[2:3] == ("docker",)
    return is_of_image and len(path) > 4 and path[4] in _FORMS


def _is_context(path: Path) -> bool:
    return path[:1] == ("workflows",) and path[2:3] == ("jobs",) and path[5:6] == ("context",)


def _is_planned(change: Change, source: SourceChanges) -> bool:
    path = change.path
    if path[0] == "workflows" and source.touches("workflows"):
        return True
    if path == ("version",):
        return source.touches("version")
    if path[0] == "jobs" and source.moves_jobs and path[2:3] != ("steps",) and len(path) > 2:
        return True
    return (
        isinstance(change, Replaced)
        and isinstance(change.old, str)
        and isinstance(change.new, str)
        and source.explain_text(change.old, change.new)
    )


def _logs_in(step: Plain) -> bool:
    return _LOGIN.search(text_in((script_of(step) or {}).get("command", ""))) is not None


def _step_title(step: Plain) -> str:
    script = script_of(step)
    if script is None:
        return ", ".join(step) if isinstance(step, dict) else text_in(step)
    title = text_in(script.get("name", "")) or text_in(script.get("command", ""))
    return title.strip().partition("\n")[0]


def _shown(change: Change) -> str:
    place = "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" for key in change.path
    ).removeprefix(".")
    match change:
        case Added():
            return f"{place} is new, which was not planned"
        case Removed():
            return f"{place} is gone, which was not planned"
        case Replaced():
            return f"{place} changed, which was not planned"
        case _:
            assert_never(change)
