"""The images in which the steps of a job may run, and what their names say about them.

A job's steps run in the first image of its list, those of an executor in that executor's.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cci_migrate.circleci.config import Executor, ImageItem, Job
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.lazy_patterns import lazy_pattern

#: Images without bash: https://hub.docker.com/_/docker and what else builds on Alpine or BusyBox.
_WITHOUT_BASH = lazy_pattern(
    r"(?:docker\.io/)?(?:library/)?(?:docker|alpine|busybox)(?:[:@]|$)"
    r"|.*:[^/:]*(?:alpine|busybox)"
)
#: The tags of Docker's own image before 17.07, whose client has no ``--password-stdin``:
#: https://docs.docker.com/engine/release-notes/17.07/.
_OLD_CLIENT = lazy_pattern(
    r"(?:docker\.io/)?(?:library/)?docker:(?:1\.\d+(?:\.\d+)?|17\.0[0-6](?:\.\d+)?)(?:-[\w.-]+)?(?:@.*)?"
)
_WITH_CLIENT = lazy_pattern(r"(?:docker\.io/)?(?:(?:cimg|circleci)/|(?:library/)?docker(?:[:@]|$))")
#: Images whose steps run as the user circleci; of others root is the usual one:
#: https://circleci.com/docs/guides/execution-managed/circleci-images/.
_WITH_USER = lazy_pattern(r"(?:docker\.io/)?(?:cimg|circleci)/")


class PrimaryImages(Struct, frozen=True):
    """The primary images of a job, by the ``names`` that they can have."""

    names: tuple[str, ...]

    @property
    def may_lack_bash(self) -> bool:
        """Whether one is known to lack bash."""
        return any(map(_WITHOUT_BASH.match, self.names))

    @property
    def may_have_old_client(self) -> bool:
        """Whether one has a Docker older than 17.07."""
        return any(map(_OLD_CLIENT.fullmatch, self.names))

    @property
    def have_client(self) -> bool:
        """Whether all are known to bring Docker's client."""
        return all(map(_WITH_CLIENT.match, self.names))

    @property
    def may_run_as_root(self) -> bool:
        """Whether steps may run in one as root, for whom ``sudo`` changes nothing."""
        return not all(map(_WITH_USER.match, self.names))


def primary_images(declared: DeclaredJob) -> PrimaryImages:
    """The primary images of a job, with the possible values of parameters in their names."""
    return PrimaryImages(
        tuple(
            name
            for owner, item in primary_items(declared)
            for name in declared.values.texts(item.text, owner, is_orb=declared.home.is_orb)
        )
    )


def primary_items(declared: DeclaredJob) -> Iterator[tuple[Job | Executor, ImageItem]]:
    """The primary images of a job as they are written, each with what declares it."""
    job = declared.job
    if job.runs_on.docker is not None:
        yield from ((job, item) for item in job.runs_on.docker[:1])
        return
    for _, executor in declared.executors():
        if executor is not None:
            yield from ((executor[1], item) for item in (executor[1].docker or ())[:1])
