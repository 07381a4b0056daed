"""Which findings a baseline accepts: those that it has, wherever in their file they are now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cci_migrate.findings import Finding, FindingKey
from cci_migrate.policy.baseline import Baseline, BaselineEntry


def accepted_findings(
    findings: Iterable[Finding], baseline: Baseline
) -> Mapping[FindingKey, BaselineEntry]:
    """The findings that ``baseline`` accepts, by their keys, each with its entry.

    An entry accepts one finding: a second pull of an image that is accepted once is new. What is
    where it was comes first, then what has another tag or pulls less, then what is in another job.
    """
    entries: Sequence[BaselineEntry] = baseline.entries
    waiting = [(finding.key, finding.baseline_entry) for finding in findings] if entries else []
    accepted: dict[FindingKey, BaselineEntry] = {}
    for identity in (_as_it_is, _with_any_tag, _in_its_place, _in_any_job):
        entries_by_identity: dict[object, list[BaselineEntry]] = {}
        for entry in entries:
            entries_by_identity.setdefault(identity(entry), []).append(entry)
        still_waiting = []
        for key, sought in waiting:
            candidates = entries_by_identity.get(identity(sought), [])
            for entry in candidates:
                if set(sought.what) <= set(entry.what):
                    candidates.remove(entry)
                    accepted[key] = entry
                    break
            else:
                still_waiting.append((key, sought))
        waiting = still_waiting
        entries = [entry for group in entries_by_identity.values() for entry in group]
    return accepted


def _as_it_is(entry: BaselineEntry) -> object:
    return entry


def _with_any_tag(entry: BaselineEntry) -> object:
    return entry.path, entry.rule, entry.place, frozenset(entry.what)


def _in_its_place(entry: BaselineEntry) -> object:
    return entry.path, entry.rule, entry.place


def _in_any_job(entry: BaselineEntry) -> object:
    # jobs.build.docker and jobs.compile.docker are alike.
    first, _, rest = entry.place.partition(".")
    return entry.path, entry.rule, first, rest.rpartition(".")[2]
