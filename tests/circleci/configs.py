"""Configs to test with, from texts."""

from __future__ import annotations

from textwrap import dedent

from cci_migrate.circleci.config import Config, Job, WorkflowJob
from cci_migrate.circleci.config_reading import MountedDocument, read_config
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.steps import Step, job_steps
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText

PATH = ".circleci/config.yml"


def document_of(text: str, path: str = PATH) -> Document:
    return parse(SourceText.decode(path, dedent(text).encode()))


def config_of(text: str, *, is_orb_source: bool = False) -> Config:
    return read_config([MountedDocument(document_of(text))], is_orb_source=is_orb_source)


def values_of(config: Config) -> ParameterValues:
    return ParameterValues(config)


def declared_job(config: Config, name: str) -> DeclaredJob:
    return DeclaredJob(config.body, job_of(config, name), values_of(config))


def job_of(config: Config, name: str) -> Job:
    found = config.body.job(name)
    assert found is not None
    return found[1]


def entry_of(config: Config, name: str) -> WorkflowJob:
    (entry,) = (entry for entry in config.workflow_jobs if entry.name == name)
    return entry


def steps_of(config: Config, name: str, entry: WorkflowJob | None = None) -> list[Step]:
    return job_steps(config, config.body, job_of(config, name), entry)


def step_of(text: str) -> Step:
    """The step ``text``, the only one of a job."""
    (step,) = steps_of(config_of(f"jobs: {{j: {{machine: true, steps: [{text}]}}}}"), "j")
    return step
