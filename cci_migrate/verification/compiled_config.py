"""What a compiled config runs: its workflow jobs, their images, and what they pull anonymously.

A compiled config is a config of version 2 with every orb, command, parameter and matrix unfolded
(https://circleci.com/docs/guides/toolkit/how-to-use-the-circleci-local-cli/#process-a-configuration),
so it is read as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.docker.image_reference import registry_of
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.engine.config_files import ConfigFiles, compiled_files
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.explanation import ExplainedPull, explained_pulls
from cci_migrate.lossless.plain_data import Plain, plain_data
from cci_migrate.policy.settings import Policy

#: The keys of an image's credentials, and their values: ``auth.username`` and ``$NAME``.
Credentials = Mapping[str, str]


class NotReadError(Exception):
    """What the compiler gave is no config that can be read; the text says why."""


class CompiledImage(Struct, frozen=True):
    """An image that a job's Docker executor pulls."""

    text: str
    credentials: Credentials


class CompiledEntry(Struct, frozen=True):
    """A workflow's use of the job ``name``, which is the only one of that name."""

    workflow: str
    name: str
    contexts: tuple[str, ...]
    images: tuple[CompiledImage, ...]


class AnonymousPull(Struct, frozen=True):
    """A pull from ``host`` without credentials: of the executor of ``job``, or of its steps."""

    job: str
    image: str
    host: str
    in_steps: bool


class CompiledConfig(Struct, frozen=True):
    """A compiled config: its ``data`` with equal things written equally, and what it runs.

    ``anonymous`` are its pulls that surely have no credentials.
    """

    data: Mapping[str, Plain]
    entries: tuple[CompiledEntry, ...]
    anonymous: tuple[AnonymousPull, ...]


def read_compiled(text: str, files: ConfigFiles, policy: Policy) -> CompiledConfig:
    """The compiled config ``text`` of ``files``. Raises NotReadError, and what `examine` does."""
    examined = examine(compiled_files(text, files), policy)
    if not isinstance(examined, Examination):
        raise NotReadError("the compiler's answer isn't a config")
    data = regular(plain_data(examined.documents[0].root))
    pulls = explained_pulls(examined.assessment)
    anonymous = tuple(dict.fromkeys(_anonymous(examined, pulls)))
    return CompiledConfig(data, tuple(_entries(data)), anonymous)


def credentials_in(item: Plain) -> Credentials:
    """The credentials of ``item``, an item of a ``docker`` list."""
    credentials: dict[str, str] = {}
    for form in CredentialForm:
        value = mapping_in(item).get(form.value, "")
        halves = mapping_in(value).items()
        credentials |= {f"{form.value}.{key}": text_in(part) for key, part in halves}
        credentials[form.value] = text_in(value)
    return {name: text for name, text in credentials.items() if text}


def text_in(value: Plain) -> str:
    """The text of a scalar; empty for anything else."""
    if isinstance(value, str):
        return value
    return "" if isinstance(value, list | dict) else value.text


def mapping_in(value: Plain | None) -> dict[str, Plain]:
    """The mapping that ``value`` is; empty for anything else."""
    return value if isinstance(value, dict) else {}


def _list_in(value: Plain | None) -> list[Plain]:
    return value if isinstance(value, list) else []


def regular(root: Plain) -> dict[str, Plain]:
    """The config ``root`` with workflow jobs as mappings, and with contexts as lists."""
    data = dict(mapping_in(root))
    workflows = data.get("workflows")
    if isinstance(workflows, dict):
        data["workflows"] = {
            name: _regular_workflow(workflow) for name, workflow in workflows.items()
        }
    return data


def _regular_workflow(workflow: Plain) -> Plain:
    if not isinstance(workflow, dict) or not isinstance(workflow.get("jobs"), list):
        return workflow
    return {**workflow, "jobs": [_regular_entry(entry) for entry in _list_in(workflow["jobs"])]}


def _regular_entry(entry: Plain) -> Plain:
    if isinstance(entry, str):
        return {entry: {}}
    if not isinstance(entry, dict):
        return entry
    return {name: _regular_arguments(arguments) for name, arguments in entry.items()}


def _regular_arguments(arguments: Plain) -> Plain:
    if not isinstance(arguments, dict):
        return {}
    context = arguments.get("context")
    return {**arguments, "context": [context]} if isinstance(context, str) else arguments


def _entries(data: Mapping[str, Plain]) -> Iterator[CompiledEntry]:
    jobs = data.get("jobs")
    if not isinstance(jobs, dict):
        return
    run: set[str] = set()
    for workflow, body in mapping_in(data.get("workflows")).items():
        for item in _list_in(mapping_in(body).get("jobs")):
            for name, arguments in mapping_in(item).items():
                run.add(name)
                contexts = tuple(map(text_in, _list_in(mapping_in(arguments).get("context"))))
                yield CompiledEntry(workflow, name, contexts, tuple(_images(jobs.get(name))))
    for name, job in jobs.items():
        if name not in run:
            yield CompiledEntry("", name, (), tuple(_images(job)))


def _images(job: Plain | None) -> Iterator[CompiledImage]:
    for item in _list_in(mapping_in(job).get("docker")):
        if isinstance(item, dict) and "image" in item:
            yield CompiledImage(text_in(item["image"]), credentials_in(item))


def _anonymous(examined: Examination, pulls: Iterable[ExplainedPull]) -> Iterator[AnonymousPull]:
    for pull in pulls:
        if pull.daemon is None and pull.access.lacks_credentials:
            job = pull.job.removeprefix("job ")
            yield AnonymousPull(job, pull.image, pull.registry or "", in_steps=False)
    for missing in examined.assessment.logins.missing:
        for docker, command in missing.pulls:
            if not _may_be_logged_in(docker, command, missing.host):
                texts = (text for text in command.texts if registry_of(text) == missing.host)
                image = ", ".join(texts) or command.command
                yield AnonymousPull(docker.job.name, image, missing.host, in_steps=True)


def _may_be_logged_in(docker: JobDocker, pull: StepPull, host: str) -> bool:
    """Whether a login before ``pull`` goes to a registry that only a run of the script shows.

    Scripts of orbs take it from variables.
    """
    return any(
        login.may_be_to(host) and login.moment.order <= pull.moment.order for login in docker.logins
    )
