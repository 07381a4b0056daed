"""The config before a change or after it, as the clauses of the proof compare the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from cci_migrate.assessing.evidence import Evidence
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.images import PulledImage
from cci_migrate.engine.planning import Plan
from cci_migrate.lossless.nodes import Document

if TYPE_CHECKING:
    from cci_migrate.assessing.assessment import Assessment
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin


class ProofSide(Struct, frozen=True, eq=False):
    """A config, its images and the plan for it, before the change or after.

    ``evidence`` is what the file shows of its credentials. ``docker_of`` are the steps of each
    workflow job by its route, ``logins_by`` the logins that it may make.
    """

    config: Config
    images: tuple[PulledImage, ...]
    plan: Plan
    evidence: tuple[Evidence, ...]
    dockers: tuple[JobDocker, ...]
    docker_of: Mapping[str, JobDocker] = field(default_factory=dict)
    logins_by: Mapping[str, tuple[StepLogin, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, assessment: Assessment, plan: Plan) -> ProofSide:
        """The config of ``assessment`` with ``plan`` for it."""
        dockers = assessment.dockers
        return cls(
            assessment.config,
            tuple(assessed.image for assessed in assessment.images),
            plan,
            assessment.evidence,
            dockers.all(),
            {
                entry.route: docker
                for entry in assessment.config.workflow_jobs
                if (docker := dockers.of(entry)) is not None
            },
            {
                entry.route: tuple(dockers.logins_by(entry))
                for entry in assessment.config.workflow_jobs
            },
        )

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files that make up the config."""
        return self.config.documents

    @property
    def all_dockers(self) -> tuple[JobDocker, ...]:
        """The steps of all jobs with Docker, including those of orbs' jobs."""
        return tuple(dict.fromkeys((*self.dockers, *self.docker_of.values())))
