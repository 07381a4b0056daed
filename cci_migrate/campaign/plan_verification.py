"""Has CircleCI's compiler confirm planned changes before anybody reviews them.

One config is compiled before and after its change: two requests, and up to four where an orb is not
public. Equal configs are asked about once.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.planner import PlanResult
from cci_migrate.campaign.repository_plan import RepositoryPlan, planned_configs, without_changes
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.outcomes import Failed, NotAConfig, Refused, Unexamined
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.forges.repository import RepositoryRef
from cci_migrate.policy.settings import Policy
from cci_migrate.reports.verdict_report import unconfirmed
from cci_migrate.transport.pace import Clock
from cci_migrate.verification.change_verdict import verdict_on
from cci_migrate.verification.verdicts import Compile, Verdict
from cci_migrate.workers.limited_work import within

#: Seconds between two configs: how many a minute CircleCI takes is documented nowhere.
_APART = 1.0


class PlanVerification(Struct):
    """Asks about one config after the other, until it has ``asked`` about ``most``.

    ``compile_for`` compiles the configs of a repository. Configs with a secret are only sent where
    ``sends_secrets``.
    """

    policy: Policy
    compile_for: Callable[[RepositoryRef], Compile]
    limits: WorkLimits
    clock: Clock
    most: int
    sends_secrets: bool
    asked: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether this run has asked about as many configs as it may."""
        return self.asked >= self.most

    def verified(self, planned: PlanResult, plan: RepositoryPlan) -> RepositoryPlan:
        """``plan``, that of ``planned``, if the compiler confirms its changes; else without any."""
        if not plan.changes:
            return plan
        configs = {
            path: config
            for config in planned_configs(planned.snapshot.files, self.policy, planned.others)
            for path in config.paths
        }
        compile_text = self.compile_for(planned.snapshot.ref)
        for change in plan.changes:
            problem = self._problem(configs[change.files[0].path], change, compile_text)
            if problem is not None:
                return without_changes(plan, problem)
        return replace(plan, is_confirmed=True)

    def _problem(
        self, config: ConfigFiles, change: ProvenChange, compile_text: Compile
    ) -> Refused | Failed | None:
        """Why ``change`` is not to be made; None if the compiler confirms it."""
        if self.asked:
            self.clock.sleep(_APART)
        self.asked += 1

        def work() -> Verdict | Unexamined:
            return verdict_on(
                config,
                self.policy,
                lambda _: change,
                compile_text,
                sends_secrets=self.sends_secrets,
            )

        result = within(self.limits, config.paths, work)
        if isinstance(result, Verdict):
            return unconfirmed(result)
        assert not isinstance(result, NotAConfig)  # noqa: S101 - it was planned
        return result
