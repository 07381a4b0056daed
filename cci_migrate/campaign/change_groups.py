"""Groups of equal changes: a reviewer reads one of each, however many repositories have it.

Changes are equal if they fix findings of the same rules and registries with the same lines. Not
compared are the paths and the places of the lines, how often they occur, how far they are indented
as a whole, and what stays of a line that is rewritten: ``- build`` to ``- build:`` is the same
as ``- test`` to ``- test:``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, takewhile

from msgspec import Struct

from cci_migrate.campaign.folder import Campaign, CampaignError
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.repository_plan import FindingRecord, RepositoryPlan
from cci_migrate.campaign.states import State
from cci_migrate.findings import FindingState
from cci_migrate.lossless.unified_diff import DiffLine
from cci_migrate.reports.diffs import redacted_hunks

#: The setting of the ledger with the groups that the user approved.
_APPROVED = "approved-groups"
#: What stays of a line that is rewritten.
_KEPT = "…"
#: The number of an id's digits that people see.
_SHOWN_DIGITS = 8

_Line = tuple[int, str]
_Block = tuple[tuple[_Line, ...], tuple[_Line, ...]]


class ChangeGroup(Struct):
    """The repositories, by their keys in the ledger, with equal changes.

    ``fixes`` counts the findings that are fixed, by rule and registry.
    """

    id: str
    keys: list[str]
    states: Counter[State]
    fixes: Counter[str]

    @property
    def name(self) -> str:
        """The id as people see it."""
        return short_name(self.id)

    @property
    def fixed(self) -> str:
        """What is fixed: ``824 x unauthenticated-image (docker.io), 412 x missing-context``."""
        return ", ".join(f"{count} x {kind}" for kind, count in self.fixes.most_common())

    @property
    def by_state(self) -> str:
        """The number of repositories in each state: ``400 planned, 12 pull-request-open``."""
        return ", ".join(f"{count} {state.value}" for state, count in self.states.most_common())


def short_name(group: str) -> str:
    """The id of a group as people see it."""
    return group[:_SHOWN_DIGITS]


def group_of(plan: RepositoryPlan) -> str:
    """The id of the group that the change of ``plan`` belongs to; empty without a change.

    A change whose diff is not shown, since it writes a secret, is in a group of its own.
    """
    if not plan.changes:
        return ""
    hunks = [hunk for file in plan.file_changes for hunk in redacted_hunks(file)]
    blocks = {block for hunk in hunks for block in _blocks(hunk.lines)}
    writes_secret = any(
        line.sign == "+" and line.redacted != line.text for hunk in hunks for line in hunk.lines
    )
    fixes = sorted({_kind(finding) for finding in _fixed(plan.findings)})
    text = json.dumps([fixes, sorted(blocks), plan.digest if writes_secret else ""])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def change_groups(
    ledger: Ledger, is_chosen: Callable[[LedgerEntry], bool] = lambda _entry: True
) -> list[ChangeGroup]:
    """The groups of the chosen entries that have a change; the largest first."""
    groups: dict[str, ChangeGroup] = {}
    for entry in ledger.entries():
        if entry.group and is_chosen(entry):
            group = groups.setdefault(
                entry.group, ChangeGroup(entry.group, [], Counter(), Counter())
            )
            group.keys.append(entry.ref.key)
            group.states[entry.state] += 1
            group.fixes.update(map(_kind, _fixed(entry.findings)))
    return sorted(groups.values(), key=lambda group: (-len(group.keys), group.id))


def named_groups(ledger: Ledger, names: Iterable[str]) -> frozenset[str]:
    """The ids of the groups that ``names`` (beginnings of ids) mean.

    Raises CampaignError for a name that means none, or several.
    """
    ids = {entry.group for entry in ledger.entries() if entry.group}
    named = set()
    for name in names:
        fitting = [group for group in ids if name and group.startswith(name.lower())]
        if len(fitting) != 1:
            problem = "several groups" if fitting else "no group"
            raise CampaignError(
                f"{problem} of changes with the id {name!r}; `batch diff --stat` lists them"
            )
        named.add(fitting[0])
    return frozenset(named)


def approved_groups(campaign: Campaign) -> frozenset[str]:
    """The ids of the groups whose changes the user approved."""
    return frozenset(campaign.ledger.setting(_APPROVED).split())


def set_approved(campaign: Campaign, groups: frozenset[str]) -> None:
    """Record which groups are approved, in place of those that were."""
    campaign.ledger.set({_APPROVED: " ".join(sorted(groups))})


def _fixed(findings: Iterable[FindingRecord]) -> Iterator[FindingRecord]:
    return (finding for finding in findings if finding.state is FindingState.FIXED)


def _kind(finding: FindingRecord) -> str:
    return f"{finding.rule} ({finding.registry})" if finding.registry else finding.rule


def _blocks(lines: Iterable[DiffLine]) -> Iterator[_Block]:
    """The runs of changed lines in a hunk, each as its old and its new lines."""
    for is_changed, run in groupby(lines, lambda line: line.sign != " "):
        if is_changed:
            changed = list(run)
            yield _normalised(
                [line.redacted for line in changed if line.sign == "-"],
                [line.redacted for line in changed if line.sign == "+"],
            )


def _normalised(old: list[str], new: list[str]) -> _Block:
    """A run of changed lines without what may differ between equal changes."""
    depths = sorted({_depth(line) for line in (*old, *new)})
    old_texts, new_texts = list(map(_text, old)), list(map(_text, new))
    for at in range(min(len(old), len(new))):
        removed, added = _rewritten(old_texts[at], new_texts[at])
        new_texts[at] = added
        # What is removed here may be kept elsewhere: [hub] for hub, or an alias that is merged.
        kept = removed.strip()
        for later in range(at, len(new_texts)):
            if kept and kept in new_texts[later]:
                new_texts[later] = new_texts[later].replace(kept, _KEPT, 1)
                removed = _KEPT
                break
        old_texts[at] = removed
    return (
        tuple(
            (depths.index(_depth(line)), text) for line, text in zip(old, old_texts, strict=True)
        ),
        tuple(
            (depths.index(_depth(line)), text) for line, text in zip(new, new_texts, strict=True)
        ),
    )


def _rewritten(old: str, new: str) -> tuple[str, str]:
    """A rewritten line before and after, without the words with which both begin and end."""
    start = _common_start(old, new)
    old, new = old[start:], new[start:]
    end = _common_start(old[::-1], new[::-1])
    return old[: len(old) - end], new[: len(new) - end]


def _common_start(first: str, second: str) -> int:
    """The number of characters with which both texts start, in whole words."""
    pairs = zip(first, second, strict=False)
    size = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    while size and _is_word(first[size - 1]) and _is_in_word(first, size, second):
        size -= 1
    return size


def _is_in_word(first: str, at: int, second: str) -> bool:
    return any(_is_word(text[at : at + 1]) for text in (first, second))


def _is_word(char: str) -> bool:
    return char.isalnum() or char in ("_", "-", ".")


def _text(line: str) -> str:
    """A line without its indentation, that behind a dash included."""
    return re.sub(r"^-\s+", "- ", line.strip())


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
