"""A mirror and an upgrade, on real configs: all are proven, and once is enough."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine.outcomes import Cause, Examined, Refused
from cci_migrate.policy.model import DEFAULT_DOCKER_HUB, PasswordAuth, Policy, RegistryPolicy
from tests.processing import process
from tools.shared_data import corpus_files

pytestmark = pytest.mark.corpus
AT_MIRROR = RegistryPolicy("mirror.acme.dev", PasswordAuth("$USER_NAME", "$TOKEN"), "mirror")
POLICIES = {
    "mirror": Policy(mirror=Mirror("mirror.acme.dev", "hub")),
    "mirror with credentials": Policy(
        mirror=Mirror("mirror.acme.dev"), registries=(AT_MIRROR, DEFAULT_DOCKER_HUB)
    ),
    "upgrade": Policy(upgrade_version=True),
}
#: One of so many files: `make corpus` looks at all of them, without these policies.
SHARE = 12


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_change_is_proven_and_once_is_enough(corpus: Path, policy: Policy) -> None:
    changed = 0
    for file in islice(corpus_files(corpus.parent), 0, None, SHARE):
        path = ".circleci/config.yml"
        outcome = process({path: file.data}, policy)
        assert not isinstance(outcome, Refused) or outcome.cause is not Cause.NOT_PROVEN, file
        if isinstance(outcome, Examined) and outcome.change is not None:
            changed += 1
            again = process({path: outcome.change.files[0].after}, policy)
            assert isinstance(again, Examined), file
            assert again.change is None, file
    assert changed > 0
