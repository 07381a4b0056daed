"""Which logins the steps of a config's jobs lack, and with which credential each is to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from cci_migrate.assessing.auth_forms import PLAIN
from cci_migrate.assessing.conventions import Account, CredentialConvention
from cci_migrate.assessing.image_states import Contested, Proposed, wanted_for
from cci_migrate.assessing.step_assessment import JobDockers, MissingLogin, missing_logins
from cci_migrate.assessing.step_states import StepState, step_states
from cci_migrate.circleci.config import Job, WorkflowJob
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.findings import ChosenNames, FindingKey
from cci_migrate.groups import grouped
from cci_migrate.lossless.operations import Operation
from cci_migrate.policy.settings import PasswordAuth, Policy

if TYPE_CHECKING:
    from cci_migrate.assessing.misaddressed_logins import MisaddressedLogin, Readdressing
    from cci_migrate.assessing.step_mirroring import StepMirroring
    from cci_migrate.circleci.step_pulls import JobDocker, StepPull


class LoginNeeds(Struct, frozen=True, eq=False, dict=True):
    """The logins that steps lack. ``names`` are those that the user chose for single findings.

    ``entries_for_forks`` has for each workflow job whether only builds of forks run it: these get
    no credentials.
    """

    policy: Policy
    dockers: JobDockers
    runs: Runs
    conventions: Mapping[str, CredentialConvention]
    names: Mapping[FindingKey, ChosenNames]
    entries_for_forks: Mapping[WorkflowJob, bool]

    @cached_property
    def missing(self) -> tuple[MissingLogin, ...]:
        """The logins that jobs lack before pulls in their steps."""
        dockers = (*self.dockers.all(), *self.dockers.of_orbs())
        pulls = (
            (docker, pull, self.step_states(docker, pull))
            for docker in dockers
            for pull in docker.pulls
        )
        return missing_logins(pulls)

    def step_states(
        self, docker: JobDocker, pull: StepPull
    ) -> Iterator[tuple[str | None, StepState]]:
        """What ``pull``, in the steps of ``docker``, has and ought to have: by `pull_key`."""
        mirroring = self.mirrored_steps
        mirrored: frozenset[StepPull] = frozenset() if mirroring is None else mirroring.rewritten
        entries = self.dockers.entries_of(docker)
        only_for_forks = bool(entries) and all(map(self.entries_for_forks.get, entries))
        return step_states(docker, pull, self.policy, mirrored, only_for_forks=only_for_forks)

    @cached_property
    def missing_by_job(self) -> Mapping[Job, Sequence[MissingLogin]]:
        """The same, by the job."""
        return grouped((missing.docker.job, missing) for missing in self.missing)

    @cached_property
    def misaddressed(self) -> Sequence[MisaddressedLogin]:
        """The logins that are meant for Docker Hub and that no pull finds."""
        dockers = self.dockers.all()
        if not any(login.is_misaddressed for docker in dockers for login in docker.logins):
            return ()
        from cci_migrate.assessing.misaddressed_logins import misaddressed_logins

        return misaddressed_logins(dockers)

    def readdressing(self, missing: MissingLogin) -> tuple[Operation, ...]:
        """What makes misaddressed logins serve all pulls of ``missing``; empty if nothing does."""
        readdressing = self._readdressing if missing.host == DOCKER_HUB else None
        return () if readdressing is None else readdressing.operations(missing.pulls)

    @cached_property
    def _readdressing(self) -> Readdressing | None:
        if not self.misaddressed:
            return None
        from cci_migrate.assessing.misaddressed_logins import Readdressing

        return Readdressing(self.misaddressed)

    @cached_property
    def mirrored_steps(self) -> StepMirroring | None:
        """The images in steps that are to come from the mirror; None without a mirror or pulls."""
        dockers = self.dockers.all()
        if self.policy.mirror is None or not dockers:
            return None
        from cci_migrate.assessing.step_mirroring import step_mirroring

        return step_mirroring(dockers, self.policy.mirror, self.policy.exempts)

    def credential(self, missing: MissingLogin) -> PasswordAuth | None:
        """The credential for a missing login; None if it is unknown, contested or no password."""
        proposed = self.proposed(missing)
        credential = proposed.credential if isinstance(proposed, Proposed) else None
        return credential if isinstance(credential, PasswordAuth) else None

    def proposed(self, missing: MissingLogin) -> Proposed | Contested | None:
        """The credential for a missing login with its evidence; None if none is known."""
        if missing.key in self.names:
            return Proposed(self.names[missing.key].credential, PLAIN)
        pullers = self.runs.pullers_in(missing.docker.job)
        host = normalise_host(missing.host)

        def proposed(*, prefers_own: bool) -> Proposed | Contested | None:
            return wanted_for(host, self.policy, self.conventions, pullers, prefers_own=prefers_own)

        own = proposed(prefers_own=True)
        entries = self.runs.entries_of(missing.docker.job)
        if not isinstance(own, Proposed) or all(
            any(login.may_be_to(missing.host) for login in self.dockers.logins_by(entry))
            for entry in entries
        ):
            return own
        # A workflow job that makes no login may lack the variables that the others log in with.
        usual = proposed(prefers_own=False)
        if not isinstance(usual, Proposed) or usual.credential == own.credential:
            return usual
        if any(self._logs_in_first(entry, missing.host) for entry in entries):
            accounts = (Account(each.credential, each.form, each.evidence) for each in (own, usual))
            return Contested(tuple(accounts))
        return usual

    def _logs_in_first(self, entry: WorkflowJob, host: str) -> bool:
        """Whether ``entry`` may log in to ``host`` before a pull: a new login may replace it."""
        docker = self.dockers.of(entry)
        last = max((pull.moment.order for pull in docker.pulls), default=-1) if docker else -1
        return any(
            login.moment.order <= last
            for login in self.dockers.logins_by(entry)
            if login.may_be_to(host)
        )
