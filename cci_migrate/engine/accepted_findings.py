"""Which findings a baseline accepts: those that it has, wherever in their file they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cci_migrate.findings import Finding, FindingKey
from cci_migrate.groups import grouped
from cci_migrate.policy.baseline import Baseline, BaselineEntry


def _kind_of_place(place: str) -> tuple[str, str]:
    """What ``jobs.build.docker`` and ``jobs.compile.docker`` have in common."""
    first, _, rest = place.partition(".")
    return first, rest.rpartition(".")[2]


#: What an entry and a finding have in common if they are the same, the surest first: all, all but
#: the tag, the place, the place in any job.
_IDENTITIES: tuple[Callable[[BaselineEntry], object], ...] = (
    lambda entry: entry,
    lambda entry: (entry.path, entry.rule, entry.place, frozenset(entry.what)),
    lambda entry: (entry.path, entry.rule, entry.place),
    lambda entry: (entry.path, entry.rule, _kind_of_place(entry.place)),
)


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
    for identity in _IDENTITIES:
        entries_by_identity = grouped((identity(entry), entry) for entry in entries)
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
