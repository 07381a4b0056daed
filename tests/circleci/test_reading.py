"""From a tree to a config: what each key becomes, and what makes no sense is left out."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.config_reading import MountedDocument, read_config
from tests.circleci.configs import config_of, document_of, entry_of, job_of

CONFIG = """\
version: 2.1
setup: yes
x-defaults: &defaults
  docker: [{image: merged/image}]
  resource_class: large
parameters:
  p: {type: boolean, default: true}
orbs:
  node: circleci/node@5.1
  url: https://example.com/orb.yml
  plain: acme/plain
  nothing:
  inline:
    orbs:
      deeper:
        executors:
          e: {docker: [{image: deep/image}]}
    jobs:
      inner: {docker: [{image: inner/image}]}
    commands:
      say: {steps: [checkout]}
executors:
  vm: {machine: {image: "ubuntu-2404:current"}}
  mac: {macos: {xcode: 15.4.0}}
  none:
commands:
  greet:
    parameters:
      who: {default: world}
      empty: {type: string, default: }
    steps: [checkout]
  broken: text
jobs:
  merged:
    <<: *defaults
    steps: [checkout]
  own:
    <<: *defaults
    docker:
      - image: own/image
        auth: {username: u}
      - name: no-image
      - image:
      - text
      - image: second
  on-executor:
    executor: {name: vm, size: 2}
  passed:
    docker: << parameters.images >>
  typed: {type: approval}
  broken:
workflows:
  version: 2
  main:
    jobs:
      - merged
      - own: {name: renamed, context: c}
      - hold: {type: approval}
      - null
      - []
      - {}
  empty:
job-groups:
  group:
    jobs: [merged]
"""


def test_the_whole() -> None:
    config = config_of(CONFIG)
    assert config.version is not None
    assert config.version.value == "2.1"
    assert config.supports_orbs
    assert config.has_workflows
    assert config.groups == {"group"}
    assert config.pipeline_parameters["p"].type == "boolean"


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("merged", ["merged/image"]),
        ("own", ["own/image", "second"]),
        ("on-executor", None),
        ("passed", None),
        ("inline/inner", ["inner/image"]),
    ],
)
def test_the_images_of_jobs(name: str, images: list[str] | None) -> None:
    docker = job_of(config_of(CONFIG), name).runs_on.docker
    assert (None if docker is None else [item.text for item in docker]) == images


def test_items_keep_their_place_in_the_list() -> None:
    docker = job_of(config_of(CONFIG), "own").runs_on.docker
    assert docker is not None
    assert [item.index for item in docker] == [0, 4]


def test_a_list_that_is_passed_is_kept_as_its_text() -> None:
    job = job_of(config_of(CONFIG), "passed")
    assert job.runs_on.docker_expression == "<< parameters.images >>"


def test_merged_keys_count() -> None:
    assert job_of(config_of(CONFIG), "own").runs_on.resource_class == "large"


def test_what_is_no_mapping_is_left_out() -> None:
    body = config_of(CONFIG).body
    assert "broken" not in body.jobs
    assert "broken" not in body.commands
    assert "none" not in body.executors


def test_an_executor_is_called_with_arguments() -> None:
    call = job_of(config_of(CONFIG), "on-executor").executor
    assert call is not None
    assert (call.name, list(call.arguments)) == ("vm", ["size"])


def test_a_null_default_is_no_default() -> None:
    parameters = config_of(CONFIG).body.commands["greet"].parameters
    assert parameters["empty"].default is None
    assert parameters["who"].default is not None
    assert parameters["who"].type == "string"


@pytest.mark.parametrize(
    ("alias", "name", "version"),
    [
        ("node", "circleci/node", "5.1"),
        ("url", "https://example.com/orb.yml", ""),
        ("plain", "acme/plain", ""),
    ],
)
def test_imported_orbs(alias: str, name: str, version: str) -> None:
    orb = config_of(CONFIG).body.imported[alias]
    assert (orb.name, orb.version) == (name, version)


@pytest.mark.parametrize(
    ("kind", "name", "route"),
    [
        ("executor", "vm", "executors.vm"),
        ("executor", "inline/deeper/e", "orbs.inline.orbs.deeper.executors.e"),
        ("executor", "inline/nothing", None),
        ("executor", "node/default", None),
        ("job", "inline/inner", "orbs.inline.jobs.inner"),
        ("command", "inline/say", "orbs.inline.commands.say"),
        ("command", "say", None),
    ],
)
def test_names_with_orbs_in_them(kind: str, name: str, route: str | None) -> None:
    body = config_of(CONFIG).body
    found = {"executor": body.executor, "job": body.job, "command": body.command}[kind](name)
    assert (None if found is None else found[1].route) == route


def test_workflow_jobs() -> None:
    assert [
        (entry.workflow, entry.route, entry.calls, entry.name, entry.type, entry.is_in_group)
        for entry in config_of(CONFIG).workflow_jobs
    ] == [
        ("main", "workflows.main.jobs[0]", "merged", "merged", None, False),
        ("main", "workflows.main.jobs[1]", "own", "renamed", None, False),
        ("main", "workflows.main.jobs[2]", "hold", "hold", "approval", False),
        ("group", "job-groups.group.jobs[0]", "merged", "merged", None, True),
    ]


def test_the_place_of_a_workflow_job() -> None:
    entry = entry_of(config_of(CONFIG), "renamed")
    assert entry.route == "workflows.main.jobs[1]"
    assert entry.key.value == "own"


@pytest.mark.parametrize(
    ("text", "version", "supports_orbs"),
    [
        ("version: 2.1", "2.1", True),
        ("version: '2'", "2", False),
        ("version: 2.0", "2.0", False),
        ("version:", None, False),
        ("jobs: {}", None, False),
        ("- a list", None, False),
        ("", None, False),
    ],
)
def test_versions(text: str, version: str | None, supports_orbs: bool) -> None:
    config = config_of(text)
    assert (None if config.version is None else config.version.value) == version
    assert config.supports_orbs == supports_orbs


def test_a_packed_tree_is_one_config() -> None:
    config = read_config(
        [
            MountedDocument(document_of("version: 2.1", "src/@config.yml")),
            MountedDocument(
                document_of("machine: true", "src/jobs/build.yml"), ("jobs", "build")
            ),
            MountedDocument(document_of("main: {jobs: [build]}", "src/workflows/@all.yml"),
                            ("workflows",)),
        ]
    )  # fmt: skip
    assert job_of(config, "build").mapping.source.path == "src/jobs/build.yml"
    assert [entry.calls for entry in config.workflow_jobs] == ["build"]
    assert config.supports_orbs


def test_an_orb_source_is_out_of_reach_of_pipeline_parameters() -> None:
    assert config_of("jobs: {a: {machine: true}}", is_orb_source=True).body.is_orb
