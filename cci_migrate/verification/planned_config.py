"""What a config says that the compiled one must show: images, credentials and contexts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.compiled_names import may_become
from cci_migrate.circleci.compiled_texts import matches
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.circleci.workflow_jobs import image_items, job_contexts, runs_nothing
from cci_migrate.engine.examination import Examination
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import text_of
from cci_migrate.verification.compiled_config import AnonymousPull, CompiledEntry, Credentials


class PlannedImage(Struct, frozen=True):
    """An image as the config writes it: ``texts`` are what it may become."""

    route: str
    texts: tuple[str, ...]
    credentials: Credentials

    def may_be(self, image: str) -> bool:
        """Whether it may compile to ``image``."""
        return any(matches(text, image) for text in self.texts)

    def has(self, credentials: Credentials) -> bool:
        """Whether its credentials may compile to ``credentials``."""
        if any("." not in name for name in self.credentials):
            # A whole ``auth`` is put in: << parameters.auth >>.
            return _forms(credentials) == _forms(self.credentials)
        return credentials.keys() == self.credentials.keys() and all(
            matches(value, credentials[name]) for name, value in self.credentials.items()
        )


def _forms(credentials: Credentials) -> set[str]:
    return {name.partition(".")[0] for name in credentials}


class PlannedEntry(Struct, frozen=True):
    """A workflow job as the config writes it.

    ``images`` are those that its executor may pull, None where an orb says what it runs on.
    ``anonymous_hosts`` are the registries that its steps pull from without a login,
    ``step_images`` the images that they pull after one.
    """

    entry: WorkflowJob
    orb: str | None
    contexts: tuple[str, ...]
    images: tuple[PlannedImage, ...] | None
    anonymous_hosts: frozenset[str]
    step_images: frozenset[str]

    @property
    def place(self) -> str:
        """``.circleci/config.yml:12``."""
        source = self.entry.key.source
        return f"{source.path}:{source.position(self.entry.key.start).line}"

    def lacks(self, pull: AnonymousPull) -> bool:
        """Whether the config itself shows that ``pull`` has no credentials."""
        if pull.in_steps:
            return pull.host in self.anonymous_hosts
        return any(
            image.may_be(pull.image) and not image.credentials for image in self.images or ()
        )

    def logs_in_for(self, pull: AnonymousPull) -> bool:
        """Whether the config itself shows a login before ``pull``, which steps make."""
        return all(
            any(matches(text, image) for text in self.step_images)
            for image in pull.image.split(", ")
        )

    def may_be(self, entry: CompiledEntry) -> bool:
        """Whether it may compile to ``entry``."""
        return may_become(self.entry, entry.workflow, entry.name)


class PlannedConfig(Struct, frozen=True, dict=True):
    """What the compiled config must show."""

    entries: tuple[PlannedEntry, ...]
    images: Mapping[str, PlannedImage]

    @property
    def places(self) -> Mapping[str, str]:
        """The place of each workflow job, by its route."""
        return {planned.entry.route: planned.place for planned in self.entries}

    def entries_of(self, compiled: CompiledEntry) -> Sequence[PlannedEntry]:
        """Those that may compile to ``compiled``, of the same name if there are any."""
        named = self._by_name.get(compiled.name, ())
        exact = [entry for entry in named if entry.may_be(compiled)]
        return exact or [entry for entry in self.entries if entry.may_be(compiled)]

    @cached_property
    def _by_name(self) -> Mapping[str, list[PlannedEntry]]:
        return grouped((planned.entry.name, planned) for planned in self.entries)


def planned_config(examined: Examination) -> PlannedConfig:
    """What the config ``examined`` says."""
    assessment = examined.assessment
    images = {assessed.image.route: _planned(assessed.image) for assessed in assessment.images}
    entries = tuple(
        _entry(entry, assessment)
        for entry in assessment.config.workflow_jobs
        if entry.is_in_group or entry.calls not in assessment.config.groups
    )
    return PlannedConfig(entries, images)


def _entry(entry: WorkflowJob, assessment: Assessment) -> PlannedEntry:
    config = assessment.config
    docker = assessment.dockers.of(entry)
    missing = () if docker is None else assessment.logins.missing_by_job.get(docker.job, ())
    orb = config.body.imported.get(entry.calls.partition("/")[0])
    return PlannedEntry(
        entry=entry,
        orb=None if orb is None else f"{orb.name}@{orb.version}",
        contexts=job_contexts(entry).values,
        images=_images(entry, assessment),
        anonymous_hosts=frozenset(login.host for login in missing),
        step_images=frozenset(() if docker is None else _step_images(docker)),
    )


def _images(entry: WorkflowJob, assessment: Assessment) -> tuple[PlannedImage, ...] | None:
    config, values = assessment.config, assessment.values
    if runs_nothing(entry, config):
        return ()
    called = config.body.job(entry.calls)
    if called is None:
        return None
    declared = DeclaredJob(*called, values)
    if declared.job.runs_on.docker is None:
        executors = [executor for _, executor in declared.executors(entry)]
        if (declared.job.executor is not None and not executors) or None in executors:
            return None
    return tuple(
        _planned(assessment.uses.image_by_item[item.mapping].image)
        for item in image_items(entry, config, values)
    )


def _planned(image: PulledImage) -> PlannedImage:
    credentials: dict[str, str] = {}
    for auth in image.auths:
        if auth.is_expression:
            credentials[auth.form.value] = text_of(auth.entry.value) or ""
        for key, value in auth.values.items():
            credentials[f"{auth.form.value}.{key}"] = text_of(value.value) or ""
    return PlannedImage(
        image.route, tuple(dict.fromkeys((image.item.text, *image.texts))), credentials
    )


def _step_images(docker: JobDocker) -> Iterator[str]:
    for pull in docker.pulls:
        if pull.hosts and all(docker.login_before(pull, host) for host in pull.hosts):
            yield from pull.texts
