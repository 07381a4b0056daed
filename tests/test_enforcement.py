"""The exported config policy says of each image what ``--check`` says, in a real Rego engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.image_states import (
    AccountUnclear,
    Incomplete,
    Misplaced,
    OnlyForForks,
    Unauthenticated,
)
from cci_migrate.circleci.workflow_jobs import image_items, job_contexts, runs_nothing
from cci_migrate.enforcement.config_policy import config_policy
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.lossless.merging import entries_of, is_null, text_of
from cci_migrate.lossless.nodes import Mapping, Node, Sequence, resolved
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)
from tests.samples import NAMES, configs_of
from tools.shared_data import corpus_files

regopy = pytest.importorskip("regopy", reason="no Rego engine for this Python")

POLICY = Policy(
    registries=(
        DEFAULT_DOCKER_HUB,
        RegistryPolicy("quay.io", PasswordAuth("$QUAY_USER", "$QUAY_PASSWORD"), "quay"),
        RegistryPolicy("*.dkr.ecr.*.amazonaws.com", AwsRoleAuth("arn:x"), "aws"),
        RegistryPolicy("*-docker.pkg.dev", GcpAuth("a", "b", "c")),
    ),
    exempt_images=("docker.io/library/postgres", "nightjar/*", "redis:7"),
)
#: What `--check` has a finding about, and jobs for builds of forks: it leaves these anonymous, as
#: they may not have secrets. A config policy can't tell them from others.
LACKING = (Unauthenticated, Incomplete, Misplaced, AccountUnclear, OnlyForForks)
#: One of so many files of the corpus.
SHARE = 40


class Engine:
    """Evaluates a config policy for one config after the other."""

    def __init__(self, policy: Policy) -> None:
        self._engine = regopy.Interpreter()
        self._engine.add_module("policy", config_policy(policy, is_hard=False).rego)

    def violations(self, rule: str, config: Any) -> dict[str, str]:
        self._engine.set_input(config)
        output = self._engine.query(f"data.org.{rule}")
        violations: dict[str, str] = json.loads(str(output))["expressions"][0]
        return violations


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(POLICY)


def data_of(node: Node) -> Any:
    """``node`` as the compiler writes it out: without anchors and merges."""
    node = resolved(node)
    if isinstance(node, Mapping):
        return {key: data_of(entry.value) for key, entry in entries_of(node).items()}
    if isinstance(node, Sequence):
        return [data_of(item) for item in node.items]
    return None if is_null(node) else text_of(node)


def compiled(examined: Examination) -> tuple[dict[str, Any], set[str]]:
    """A config as CircleCI compiles it, as far as images and contexts go, and what it lacks.

    Each workflow job is a job of its own. Images with parameters are left out.
    """
    assessment = examined.assessment
    jobs: dict[str, Any] = {}
    entries: list[Any] = []
    lacking: set[str] = set()
    for entry in examined.config.workflow_jobs:
        if runs_nothing(entry, examined.config):
            continue
        name = f"job{len(jobs)}"
        images: list[Any] = []
        for item in image_items(entry, examined.config, assessment.values):
            if "<<" in item.text or "$" in item.text:
                continue
            assessed = assessment.uses.image_by_item[item.mapping]
            if isinstance(assessed.state, LACKING):
                lacking.add(f"{name}.docker[{len(images)}]")
            images.append(data_of(item.mapping))
        jobs[name] = {"docker": images}
        contexts = [context for context in job_contexts(entry).names if context]
        entries.append({name: {"context": contexts}} if contexts else name)
    return {"jobs": jobs, "workflows": {"version": 2, "all": {"jobs": entries}}}, lacking


EVERY_HOST = RegistryPolicy("*", PasswordAuth("$ANY_USER", "$ANY_PASSWORD"), "any")


def _broken_rules(case: dict[str, Any]) -> Iterator[str]:
    for kind in ("hard", "soft"):
        for failure in case.get("decision", {}).get(f"{kind}_failures", []):
            yield failure["rule"]


@pytest.mark.parametrize(
    "policy", [POLICY, replace(POLICY, registries=(*POLICY.registries, EVERY_HOST))]
)
def test_its_own_tests(policy: Policy) -> None:
    engine = Engine(policy)
    for is_hard in (False, True):
        made = config_policy(policy, is_hard=is_hard)
        assert ('enable_hard["registry_credentials"]' in made.rego) == is_hard
        (test,) = json.loads(made.tests).values()
        cases = {"": test, **test["cases"]}
        broken = [rule for case in cases.values() for rule in _broken_rules(case)]
        assert set(broken) == {"registry_credentials", "registry_contexts"}
        for name, case in cases.items():
            decision = case.get("decision", test["decision"])
            found = engine.violations("registry_credentials", case["input"])
            found |= engine.violations("registry_contexts", case["input"])
            failures = decision.get("hard_failures" if is_hard else "soft_failures", [])
            assert [failure["reason"] for failure in failures] == list(found.values()), name
            assert (decision["status"] == "PASS") == (not found), name


@pytest.mark.parametrize(
    ("image", "is_covered"),
    [
        ("node", True),
        ("node:22@sha256:" + "0" * 64, True),
        ("docker.io/acme/x", True),
        ("index.docker.io/acme/x:1", True),
        ("acme/x:1", True),
        ("postgres", False),
        ("postgres:16", False),
        ("docker.io/library/postgres:16", False),
        ("nightjar/x:1", False),
        ("docker.io/nightjar/x", False),
        ("redis:7", False),
        ("redis:8", True),
        ("quay.io/nightjar/x", True),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1", True),
        ("europe-docker.pkg.dev/p/r/x", True),
        ("ghcr.io/acme/x", False),
        ("localhost:5000/x", False),
        ("registry.acme.dev:5000/node", False),
    ],
)
def test_which_images_need_credentials(engine: Engine, image: str, is_covered: bool) -> None:
    config = {"jobs": {"build": {"docker": [{"image": image}]}}}
    assert bool(engine.violations("registry_credentials", config)) == is_covered
    assert not engine.violations("registry_credentials", {"_compiled_": {}, **config})


@pytest.mark.parametrize(
    ("block", "is_enough"),
    [
        ({"auth": {"username": "a", "password": "$B"}}, True),
        ({"auth": {"username": "a", "password": ""}}, False),
        ({"auth": {"username": "a", "password": None}}, False),
        ({"auth": {"password": "$B"}}, False),
        ({"auth": None}, False),
        ({"aws_auth": {"oidc_role_arn": "x"}}, True),
        ({"aws_auth": {"aws_access_key_id": "x"}}, False),
        ({"gcp_auth": {"oidc_service_account": "x"}}, False),
    ],
)
def test_which_credentials_are_enough(
    engine: Engine, block: dict[str, Any], is_enough: bool
) -> None:
    config = {"jobs": {"build": {"docker": [{"image": "node", **block}]}}}
    assert (not engine.violations("registry_credentials", config)) == is_enough


def test_contexts(engine: Engine) -> None:
    auth = {"username": "$DOCKERHUB_USERNAME", "password": "${DOCKERHUB_PASSWORD}"}
    own = {"username": "$MINE", "password": "$MINE_TOO"}
    jobs = {
        name: {"docker": [{"image": "node", "auth": used}]}
        for name, used in (("a", auth), ("b", auth), ("c", auth), ("d", own))
    }
    entries = ["a", {"b": {"context": ["x"]}}, {"c": {"context": "docker-hub-creds"}}, "d"]
    config = {"jobs": jobs, "workflows": {"version": 2, "main": {"jobs": entries}}}
    found = engine.violations("registry_contexts", config)
    assert [reason.split(" needs ")[0] for reason in found.values()] == [
        "job a of workflow main",
        "job b of workflow main",
    ]


def verdicts_agree(engine: Engine, configs: dict[str, bytes]) -> int:
    """Check that the engine finds what ``--check`` finds; how many images that were."""
    count = 0
    for name, data in configs.items():
        examined = examine(ConfigFiles({".circleci/config.yml": data}), POLICY)
        if isinstance(examined, Examination):
            config, lacking = compiled(examined)
            assert set(engine.violations("registry_credentials", config)) == lacking, name
            count += len(lacking)
    return count


def test_it_agrees_with_check_on_samples(engine: Engine) -> None:
    configs = {f"{name}/{path}": d for name in NAMES for path, d in configs_of(name).items()}
    assert verdicts_agree(engine, configs) > 50


@pytest.mark.corpus
def test_it_agrees_with_check_on_real_configs(engine: Engine, corpus: Path) -> None:
    files = list(corpus_files(corpus.parent))[::SHARE]
    assert verdicts_agree(engine, {file.name: file.data for file in files}) > 50
