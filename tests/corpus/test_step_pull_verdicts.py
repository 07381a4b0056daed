"""The pulls in steps that the tool finds, held against a person's reading of the configs.

Those of the reference corpus are in ``step_pull_verdicts.toml``, those of the invented repositories
in ``sample_step_pull_verdicts.toml``.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined
from tests.processing import PATH, process, text_after
from tests.samples import files_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Verdicts = Mapping[str, Mapping[str, Mapping[str, list[str]]]]


def read_verdicts(name: str) -> Verdicts:
    verdicts: Verdicts = tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return verdicts


REAL = read_verdicts("step_pull_verdicts.toml")
INVENTED = read_verdicts("sample_step_pull_verdicts.toml")
VERDICTS = {**REAL, **INVENTED}
#: The kind of verdict that lists what can't be followed, and the configs that have it from here on.
NAMES = "not_followed"
REAL_WITH_NAMES = list(REAL)[list(REAL).index("Aman-poojary__finalci__.circleci__config.yml") :]
each_config = pytest.mark.parametrize(
    "name", [*INVENTED, *(pytest.param(name, marks=pytest.mark.corpus) for name in REAL)]
)


@pytest.fixture
def files(request: pytest.FixtureRequest, name: str) -> dict[str, bytes]:
    """The files of the repository with the config ``name``."""
    if name in INVENTED:
        return files_of(name)
    corpus: Path = request.getfixturevalue("corpus")
    return {PATH: (corpus / name).read_bytes()}


def examined(files: Mapping[str, bytes]) -> Examined:
    outcome = process({PATH: files[PATH]}, read=files.get, explain=True)
    assert isinstance(outcome, Examined)
    return outcome


#: Why a task or a script can't be followed: it may pull nothing, and a person noted pulls alone.
NOT_FOLLOWED = re.compile(
    r"cci-migrate doesn't follow .*|.* isn't known|its script isn't in the config"
    r"|no visible later step .*|.* has no (?:script|target) .*|which (?:script|target) .*"
    r"|where it runs .*"
    r"|it is downloaded|the script is downloaded|the parameter has no known value"
    r"|no (?!\S*dockerfile[^/]* found|compose file).* found.*",
    re.IGNORECASE,
)


def is_followed(pull: ExplainedPull) -> bool:
    return pull.registry is not None or NOT_FOLLOWED.fullmatch(pull.reason) is None


def step_pulls(outcome: Examined) -> dict[str, list[ExplainedPull]]:
    found: dict[str, list[ExplainedPull]] = defaultdict(list)
    for pull in outcome.pulls:
        if pull.daemon is not None and is_followed(pull):
            found[pull.job.removeprefix("job ")].append(pull)
    return found


def not_followed(outcome: Examined) -> dict[str, set[str]]:
    """The names of the programs and scripts that the tool does not follow, by job."""
    names: dict[str, set[str]] = defaultdict(set)
    for pull in outcome.pulls:
        if pull.daemon is not None and not is_followed(pull):
            program = pull.source.partition(": ")[2].split()[0].rpartition("/")[2]
            names[pull.job.removeprefix("job ")].add(program)
    return names


#: What the reasons for not telling have in common, by what a person calls it.
CAUSES = {
    "loaded image": "docker load",
    "variable": "depends on an unknown value",
    "Compose file": "compose",
    "Dockerfile": "dockerfile",
}


def cause(reason: str) -> str:
    found = [name for name, words in CAUSES.items() if words in reason.lower()]
    return found[0] if found else reason


def verdict(pulls: list[ExplainedPull]) -> dict[str, list[str]]:
    by_registry: dict[str, set[Access]] = defaultdict(set)
    undecidable = {cause(pull.reason) for pull in pulls if pull.registry is None}
    for pull in pulls:
        if pull.registry is not None:
            by_registry[pull.registry].add(pull.access)
    logged_in = {host for host, seen in by_registry.items() if seen == {Access.AUTHENTICATED}}
    return {
        name: sorted(values)
        for name, values in (
            ("logged_in", logged_in),
            ("anonymous", by_registry.keys() - logged_in),
            ("undecidable", undecidable),
        )
        if values
    }


def test_enough_files_were_read() -> None:
    assert len(REAL) >= 70


@each_config
def test_the_tool_sees_what_a_person_saw_and_logs_in_before_it(
    files: dict[str, bytes], name: str
) -> None:
    before = examined(files)
    followed = {job: kinds for job, kinds in VERDICTS[name].items() if kinds.keys() != {NAMES}}
    assert {job: verdict(pulls) for job, pulls in step_pulls(before).items()} == {
        job: {kind: sorted(values) for kind, values in kinds.items() if kind != NAMES}
        for job, kinds in followed.items()
    }
    if name in REAL_WITH_NAMES:
        assert not_followed(before) == {
            job: set(kinds[NAMES]) for job, kinds in REAL[name].items() if NAMES in kinds
        }
    anonymous = {host for job in followed.values() for host in job.get("anonymous", ())}
    assert before.change is not None or DOCKER_HUB not in anonymous
    if before.change is not None:
        after = step_pulls(examined({**files, PATH: text_after(before).encode()}))
        hub = [pull for pulls in after.values() for pull in pulls if pull.registry == DOCKER_HUB]
        assert {pull.access for pull in hub} <= {Access.AUTHENTICATED}, "after the fix"
        assert after.keys() == followed.keys(), "after the fix"
