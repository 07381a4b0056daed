"""Which workflow jobs only run in builds of forks, by their filters and their workflow's condition.

A fork's branch is called ``pull/N``; filters and conditions are about the whole name.
"""

from __future__ import annotations

import pytest

from cci_migrate.circleci.fork_jobs import entries_for_forks
from tests.circleci.configs import config_of, entry_of

JOBS = "version: 2.1\njobs:\n  build: {docker: [{image: redis}], steps: [checkout]}\n"


@pytest.mark.parametrize(
    ("filters", "only_forks"),
    [
        (r"{branches: {only: /pull\/.*/}}", True),
        (r'{branches: {only: "/^pull\\/.*$/"}}', True),
        (r"{branches: {only: ['/pull\/[0-9]+/']}}", True),
        (r"{branches: {only: [/pull\/1.*/, /pull\/2.*/]}}", True),
        (r"{branches: {only: [/pull\/.*/], ignore: pull/7}}", True),
        (r"{branches: {only: [/pull\/.*/, main]}}", False),
        (r"{branches: {only: /(pull\/.*|main)/}}", False),
        (r"{branches: {only: /pull\/.*|main/}}", False),
        (r"{branches: {only: '/(pull\/)?[0-9]+/'}}", False),
        (r"{branches: {only: /pulls.*/}}", False),
        (r"{branches: {ignore: /pull\/.*/}}", False),
        (r"{branches: {only: /pull\/.*/}, tags: {only: /.*/}}", False),
        ("{branches: {ignore: /.*/}}", False),  # it never runs
        ('pipeline.git.branch starts-with "pull/"', True),
    ],
)
def test_filters(filters: str, *, only_forks: bool) -> None:
    config = config_of(
        f"{JOBS}workflows:\n  main:\n    jobs:\n      - build:\n          filters: {filters}\n"
    )
    assert entries_for_forks(config) == {entry_of(config, "build"): only_forks}


MATCHES = r'matches: {pattern: "^pull/.*$", value: << pipeline.git.branch >>}'


@pytest.mark.parametrize(
    ("condition", "only_forks"),
    [
        (f"when: {{{MATCHES}}}", True),
        (f"when: {{and: [<< pipeline.parameters.on >>, {{{MATCHES}}}]}}", True),
        (f"when: {{or: [{{and: [{{{MATCHES}}}]}}, {{{MATCHES}}}]}}", True),
        (f"unless: {{not: {{{MATCHES}}}}}", True),
        (r"when: pipeline.git.branch matches /pull\/\d+/", True),
        (f"when: {{or: [<< pipeline.parameters.on >>, {{{MATCHES}}}]}}", False),
        (f"when: {{not: {{{MATCHES}}}}}", False),
        (f"unless: {{{MATCHES}}}", False),
        # It never runs: nothing says that it is for forks.
        (f"when: {{and: [false, {{{MATCHES}}}]}}", False),
    ],
)
def test_a_workflow_s_condition_at_any_depth(condition: str, *, only_forks: bool) -> None:
    config = config_of(
        f"{JOBS}parameters: {{on: {{type: boolean, default: true}}}}\n"
        f"workflows:\n  main:\n    {condition}\n    jobs: [build]\n"
    )
    assert entries_for_forks(config) == {entry_of(config, "build"): only_forks}


def test_the_jobs_of_a_group_run_where_the_group_is_called() -> None:
    config = config_of(
        f"{JOBS}job-groups:\n  all: {{jobs: [build]}}\n"
        "workflows:\n  main:\n    jobs:\n"
        "      - all: {filters: {branches: {only: /pull\\/.*/}}}\n"
    )
    in_group = [entry for entry in config.workflow_jobs if entry.is_in_group]
    assert in_group
    only_forks = entries_for_forks(config)
    assert [only_forks[entry] for entry in in_group] == [True]
