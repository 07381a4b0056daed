"""The next step of a delivery, decided from an observation alone. Pure."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from cci_migrate.campaign.repository_plan import RepositoryPlan
from cci_migrate.campaign.states import State
from cci_migrate.forges.host import Delivery
from cci_migrate.forges.repository import Branch, BranchContent, PullRequest, PullState, Snapshot


class DeliveryStep(Enum):
    """What to do next: fork the repository, write the change, or open its pull request."""

    FORK = "fork"
    WRITE = "write"
    PULL_REQUEST = "pull request"


class Stop(Struct, frozen=True):
    """There is nothing to do; ``state`` is the repository's, ``cause`` says why."""

    state: State
    cause: str = ""


def delivery_step(
    snapshot: Snapshot, plan: RepositoryPlan, delivery: Delivery, *, may_fork: bool = False
) -> DeliveryStep | Stop:
    """The next step of delivering ``plan`` to the repository in ``snapshot``.

    The snapshot comes from `ownership.with_ownership`. A run can continue from every state that a
    killed one leaves behind: a branch without a commit, a branch without a pull request, a pull
    request that the ledger does not have. ``may_fork`` is that of `needs_fork`.
    """
    pull = snapshot.pull
    if pull is not None and pull.state is PullState.OPEN and pull.is_ours:
        return _with_own_pull_request(pull, snapshot, plan)
    if snapshot.traits.empty:
        return Stop(State.EMPTY)
    if plan.state is not State.PLANNED:
        if pull is not None and pull.state is PullState.MERGED and pull.is_ours:
            return Stop(State.PULL_REQUEST_MERGED, pull.url)
        return Stop(plan.state, plan.cause)
    if delivery is Delivery.FILES:
        return DeliveryStep.WRITE
    if snapshot.traits.archived:
        return Stop(State.ARCHIVED)
    if pull is not None and pull.state is PullState.OPEN:
        return Stop(
            State.BRANCH_EXISTS, f"{pull.url} is open from the branch, but is not this campaign's"
        )
    if pull is not None:
        return _after_pull_request(pull)
    if needs_fork(snapshot, may_fork=may_fork):
        return DeliveryStep.FORK
    if not snapshot.may_deliver:
        return Stop(State.NO_PERMISSION)
    return _with_branch(snapshot.branch, delivery)


def needs_fork(snapshot: Snapshot, *, may_fork: bool) -> bool:
    """Whether a fork is to be made: where the token can't push, if the user and host allow it."""
    return may_fork and not snapshot.may_deliver


def _with_own_pull_request(
    pull: PullRequest, snapshot: Snapshot, plan: RepositoryPlan
) -> DeliveryStep | Stop:
    """Bring it up to date, unless people committed to its branch."""
    branch, traits = snapshot.branch, snapshot.traits
    if plan.state is State.PLANNED and not traits.archived and snapshot.may_deliver:
        if branch is not None and branch.content is BranchContent.EARLIER:
            return DeliveryStep.WRITE
        if branch is not None and branch.content is BranchContent.OTHER:
            return Stop(
                State.PULL_REQUEST_OPEN,
                f"{pull.url}; others committed to it, so it stays as it is",
            )
    return Stop(State.PULL_REQUEST_OPEN, pull.url)


def _after_pull_request(pull: PullRequest) -> Stop:
    if pull.state is PullState.MERGED and pull.is_ours:
        return Stop(
            State.NEEDS_DECISION,
            f"{pull.url} is merged, but there is a new change; plan that in a new campaign",
        )
    if pull.state is PullState.MERGED:
        return Stop(State.LISTED, f"{pull.url} used up the branch; plan it again")
    return Stop(State.CLOSED_BY_HUMAN, pull.url)


def _with_branch(branch: Branch | None, delivery: Delivery) -> DeliveryStep | Stop:
    if branch is None:
        return DeliveryStep.WRITE
    if branch.content is BranchContent.OTHER:
        return Stop(State.BRANCH_EXISTS, "it is not this campaign's, or others committed to it")
    if branch.content is not BranchContent.PLANNED:
        return DeliveryStep.WRITE
    if delivery is Delivery.BRANCH:
        return Stop(State.CHANGED, "on the branch")
    return DeliveryStep.PULL_REQUEST
