"""What a plan rests on, as a hash: while it is the same, planning again returns the same plan.

That is this program, the policy, the limits, and the content of the files that were read or looked
for. A commit stands for every file, there or not. Git's id of the folder ``.circleci`` stands for
the files in it, which is enough for a plan that asked for no others. If in doubt, there is no
basis, and the repository is planned again. What to do with a plan is always decided anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from msgspec import Struct, to_builtins

from cci_migrate import __version__
from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.isolation import Failure
from cci_migrate.campaign.ledger import LedgerEntry, PlanRecord
from cci_migrate.campaign.planner import PlanResult
from cci_migrate.forges.repository import Kind, Snapshot


class PlanBasis(Struct, frozen=True):
    """What the plans of one run have in common. ``policy`` is its record.

    ``is_split``: projects of monorepos are repositories of their own.
    """

    policy: str
    limits: WorkLimits
    is_nested: bool
    is_split: bool

    def record(self, planned: PlanResult) -> PlanRecord | None:
        """The record of ``planned``; None if it may not be kept."""
        snapshot, plan = planned.snapshot, planned.plan
        if isinstance(plan, Failure) or not plan.is_repeatable or not _has_commit(snapshot):
            return None
        has_asked = bool(planned.others or plan.missing_files or snapshot.has_links)
        tree = None if has_asked else self._tree(snapshot)
        basis = self._hash(f"commit {snapshot.head}" if tree is None else tree)
        return PlanRecord(basis, plan.state, plan.cause, tuple(sorted(plan.matched_patterns)))

    def holds(self, entry: LedgerEntry, snapshot: Snapshot) -> bool:
        """Whether the plan in ``entry`` is the one that planning ``snapshot`` would return.

        The snapshot may come without its files.
        """
        return (
            entry.plan is not None
            and _has_commit(snapshot)
            and entry.plan.basis in self._possible(snapshot)
        )

    def _possible(self, snapshot: Snapshot) -> Iterator[str]:
        yield self._hash(f"commit {snapshot.head}")
        tree = self._tree(snapshot)
        if tree is not None:
            yield self._hash(tree)

    def _tree(self, snapshot: Snapshot) -> str | None:
        if self.is_nested or snapshot.config_tree is None:
            return None
        return f"folder {snapshot.config_tree}"

    def _hash(self, content: str) -> str:
        parts = [__version__, to_builtins(self), content]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _has_commit(snapshot: Snapshot) -> bool:
    """Whether all files are those of a commit: in a checkout, they may be in the work tree."""
    return bool(snapshot.head) and snapshot.ref.kind is not Kind.LOCAL
