"""A mirror and an upgrade, on real and on invented configs: all are proven, and once is enough."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import pytest

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine.outcomes import Cause, Refused
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, PasswordAuth, Policy, RegistryPolicy
from tests.processing import PATH, changed_files, examined, process, text_after
from tests.samples import NAMES, configs_of
from tools.shared_data import corpus_files

AT_MIRROR = RegistryPolicy("mirror.acme.dev", PasswordAuth("$USER_NAME", "$TOKEN"), "mirror")
POLICIES = {
    "mirror": Policy(mirror=Mirror("mirror.acme.dev", "hub")),
    "mirror with credentials": Policy(
        mirror=Mirror("mirror.acme.dev"), registries=(AT_MIRROR, DEFAULT_DOCKER_HUB)
    ),
    "upgrade": Policy(upgrade_version=True),
}
#: One of so many files: `make corpus` looks at all of them, without these policies.
SHARE = 24


@pytest.fixture(params=["samples", pytest.param("corpus", marks=pytest.mark.corpus)])
def configs(request: pytest.FixtureRequest) -> Iterable[tuple[str, bytes]]:
    """Names and bytes of configs."""
    if request.param == "samples":
        return ((name, data) for name in NAMES for data in configs_of(name).values())
    files = corpus_files(request.getfixturevalue("corpus").parent)
    return ((file.name, file.data) for file in islice(files, 0, None, SHARE))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_change_is_proven_and_once_is_enough(
    configs: Iterable[tuple[str, bytes]], policy: Policy
) -> None:
    changed = 0
    for name, data in configs:
        outcome = process({PATH: data}, policy)
        assert not isinstance(outcome, Refused) or outcome.cause is not Cause.NOT_PROVEN, name
        if changed_files(outcome):
            changed += 1
            assert examined(text_after(outcome), policy).change is None, name
    assert changed > 0
