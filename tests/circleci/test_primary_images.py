"""What the names of the images say in which the steps of a job may run."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.primary_images import primary_images
from tests.circleci.configs import config_of, declared_job

HEAD = """\
version: 2.1
orbs: {node: circleci/node@5}
executors:
  vm: {machine: {image: "ubuntu-2404:current"}}
  image: {docker: [{image: "alpine:3"}]}
  tagged:
    parameters: {tag: {type: string, default: alpine}}
    docker: [{image: "node:<< parameters.tag >>"}]
jobs:
  j:
    """


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker: [{image: docker}]", True),
        ("docker: [{image: 'docker:git'}]", True),
        ("docker: [{image: 'docker.io/library/docker:27-cli'}]", True),
        ("docker: [{image: 'alpine@sha256:0'}]", True),
        ("docker: [{image: 'node:20-alpine'}]", True),
        ("docker: [{image: 'quay.io/x/y:1.0-alpine3.20'}]", True),
        ("docker: [{image: busybox}]", True),
        ("executor: image", True),
        ("executor: tagged", True),
        ("executor: {name: tagged, tag: bookworm}", True),
        ("docker: [{image: 'cimg/base:2024.02'}, {image: alpine}]", False),
        ("docker: [{image: 'acme/docker-tools:1'}]", False),
        ("docker: [{image: 'docker/compose-bin'}]", False),
        ("docker: [{image: 'alpine.example.com:5000/x'}]", False),
        ("executor: vm", False),
        ("executor: node/default", False),
    ],
)
def test_images_without_bash(text: str, expected: bool) -> None:
    config = config_of(HEAD + text)
    images = primary_images(declared_job(config, "j"))
    assert images.may_lack_bash == expected
