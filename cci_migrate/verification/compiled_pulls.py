"""What orbs pull, as the compiled config shows it, for the workflow job that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from cci_migrate.engine.examination import Examination
from cci_migrate.engine.explanation import ExplainedPull, explained_pulls
from cci_migrate.verification.compiled_config import CompiledConfig
from cci_migrate.verification.planned_config import PlannedEntry, planned_config
from cci_migrate.verification.templates import matches

_Owner = tuple[str | None, str | None]


def with_orb_pulls(examined: Examination, compiled: CompiledConfig) -> tuple[ExplainedPull, ...]:
    """The pulls of ``examined``, with those that only ``compiled`` shows.

    These are what orbs' jobs and commands pull. They have the place of the workflow job. What is
    not known of an orb's job goes where the compiled config has the job.
    """
    planned = planned_config(examined)
    known: dict[_Owner, list[ExplainedPull]] = {}
    for pull in explained_pulls(examined.assessment):
        known.setdefault((pull.workflow, pull.workflow_job), []).append(pull)
    of_job: dict[str, list[ExplainedPull]] = {}
    for pull in compiled.pulls:
        # What orbs' jobs are called there looks like the name of another orb's.
        of_job.setdefault(pull.workflow_job or pull.job.removeprefix("job "), []).append(pull)
    shown: dict[_Owner, list[ExplainedPull]] = {}
    for entry in compiled.entries:
        for asking in planned.entries_of(entry)[:1]:
            owner: _Owner = (asking.workflow, asking.name)
            new = _new(of_job.get(entry.name, []), known.get(owner, []), asking)
            shown.setdefault(owner, []).extend(new)
    found: list[ExplainedPull] = []
    for each in dict.fromkeys((*known, *shown)):
        found += (
            pull
            for pull in known.get(each, [])
            if pull.image or pull.daemon is not None or each not in shown
        )
        found += dict.fromkeys(shown.get(each, []))
    return tuple(found)


def _new(
    pulls: Sequence[ExplainedPull], known: Sequence[ExplainedPull], asking: PlannedEntry
) -> Iterator[ExplainedPull]:
    is_orbs = asking.orb is not None
    for pull in pulls:
        if (pull.image or is_orbs) and not any(_is_same(known_pull, pull) for known_pull in known):
            reason = "the orb gives it no credentials" if is_orbs else ""
            yield replace(
                pull,
                workflow=asking.workflow,
                workflow_job=asking.name,
                job=f"job {asking.calls}",
                source=f"{pull.source}, {f'by orb {asking.orb}' if is_orbs else 'as compiled'}",
                contexts=asking.contexts,
                path=asking.path,
                line=asking.line,
                reason=reason if pull.access.lacks_credentials else pull.reason,
            )


def _is_same(known: ExplainedPull, pull: ExplainedPull) -> bool:
    if (known.daemon is None) is not (pull.daemon is None) or not known.image:
        return False
    texts = known.image.split(", ")
    return all(any(matches(text, image) for text in texts) for image in pull.image.split(", "))
