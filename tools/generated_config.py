"""Configs of any size, in the shape of real ones, for where no corpus is."""

from __future__ import annotations

_HEAD = """\
version: 2.1

orbs:
  node: circleci/node@5.2.0

x-defaults: &defaults
  working_directory: ~/project
  environment:
    TZ: UTC

executors:
  small:
    docker:
      - image: cimg/base:2024.01

jobs:
"""
_JOB = """\
  # what part {n} of the product needs
  test-{n}:
    <<: *defaults
    docker:
      - image: cimg/python:3.{minor} # pinned
        environment: {{LANG: C.UTF-8}}
      - image: "postgres:16-alpine"
        environment:
          POSTGRES_DB: part_{n}
    steps:
      - checkout
      - restore_cache:
          keys:
            - v1-deps-{{{{ checksum "requirements-{n}.txt" }}}}
      - run:
          name: Install
          command: |
            set -eu
            pip install --requirement requirements-{n}.txt
      - run: pytest tests/part_{n}
      - store_test_results:
          path: results/{n}

"""
_ENTRY = """\
      - test-{n}:
          requires: [setup]
          filters:
            branches:
              only: main
"""
_TAIL = """\
  setup:
    executor: small
    steps: [checkout]

workflows:
  main:
    jobs:
      - setup
"""


def generated_config(size: int) -> bytes:
    """A config of about ``size`` bytes, and never less than one job."""
    count = max(1, (size - len(_HEAD) - len(_TAIL)) // (len(_JOB) + len(_ENTRY)))
    jobs = "".join(_JOB.format(n=n, minor=9 + n % 5) for n in range(count))
    entries = "".join(_ENTRY.format(n=n) for n in range(count))
    return f"{_HEAD}{jobs}{_TAIL}{entries}".encode()
