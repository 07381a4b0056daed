"""Maps each job of a config, and each image, to the workflow jobs that run or pull it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from cci_migrate.circleci.config import Config, ImageItem, Job, WorkflowJob
from cci_migrate.circleci.images import ImageOwner, PulledImage
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.workflow_jobs import called_job, image_items
from cci_migrate.groups import grouped
from cci_migrate.lossless.nodes import Mapping as MappingNode


class Pullers(Struct, frozen=True):
    """The jobs that make a pull, by route, and for each of their runs its names."""

    jobs: frozenset[str] = frozenset()
    names: tuple[frozenset[str], ...] = ()


def _named(
    owners: Sequence[ImageOwner], entries: Sequence[WorkflowJob]
) -> tuple[frozenset[str], ...]:
    if entries:
        return tuple(frozenset({entry.name, entry.calls}) for entry in entries)
    return tuple(frozenset({owner.job.name}) for owner in owners if owner.job is not None)


class Runs:
    """The workflow jobs that run each job and pull each image of a config."""

    def __init__(self, config: Config, values: ParameterValues) -> None:
        self._config = config
        self._values = values

    @cached_property
    def items(self) -> Mapping[WorkflowJob, tuple[ImageItem, ...]]:
        """The `image_items` of each workflow job."""
        return {
            entry: tuple(image_items(entry, self._config, self._values))
            for entry in self._config.workflow_jobs
        }

    @cached_property
    def _entries_by_item(self) -> Mapping[MappingNode, list[WorkflowJob]]:
        return grouped(
            (item.mapping, entry) for entry, items in self.items.items() for item in items
        )

    def entries_of(self, job: Job) -> tuple[WorkflowJob, ...]:
        """The workflow jobs that run ``job``."""
        return tuple(call.entry for call in self._values.job_calls.get(job, ()))

    def entries_with(self, image: PulledImage) -> tuple[WorkflowJob, ...]:
        """The workflow jobs that pull ``image``."""
        return tuple(self._entries_by_item.get(image.item.mapping, ()))

    def pullers_of(self, image: PulledImage) -> Pullers:
        """The jobs that pull ``image``, and their names in workflows."""
        return Pullers(self.jobs_with(image), _named(image.owners, self.entries_with(image)))

    def pullers_in(self, job: Job) -> Pullers:
        """``job`` as the only puller, for the pulls in its steps."""
        names = [frozenset({job.name, entry.name}) for entry in self.entries_of(job)]
        return Pullers(frozenset({job.route}), tuple(names) or (frozenset({job.name}),))

    def jobs_with(self, image: PulledImage) -> frozenset[str]:
        """The routes of the jobs that pull ``image``, directly or through an executor."""
        own = {owner.job.route for owner in image.owners if owner.job is not None}
        called = (called_job(entry, self._config) for entry in self.entries_with(image))
        return frozenset(own | {job.route for job in called if job is not None})
