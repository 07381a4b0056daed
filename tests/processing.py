"""The engine from end to end, for tests: from bytes to what becomes of a config."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.engine.complexity import unless_too_complex
from cci_migrate.engine.config_files import (
    ConfigFiles,
    RepositoryReader,
    configs_in,
    no_repository,
)
from cci_migrate.engine.examination import examine
from cci_migrate.engine.outcomes import Outcome
from cci_migrate.engine.proposing import propose
from cci_migrate.findings import APPLY_ALL, Decisions
from cci_migrate.policy.settings import Policy


def process(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = no_repository,
    *,
    explain: bool = False,
) -> Outcome:
    """What becomes of the config that ``files`` make up."""
    return _processed(ConfigFiles(files, read), policy, decisions, explain=explain)


def process_repository(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = no_repository,
    *,
    only_find: bool = False,
) -> tuple[Outcome, ...]:
    """What becomes of each config of a repository with the CircleCI ``files``."""
    return tuple(
        _processed(config, policy, decisions, only_find=only_find)
        for config in configs_in(files, read)
    )


def _processed(
    config: ConfigFiles,
    policy: Policy,
    decisions: Decisions,
    *,
    explain: bool = False,
    only_find: bool = False,
) -> Outcome:
    return unless_too_complex(
        config.paths,
        lambda: propose(examine(config, policy), decisions, explain=explain, only_find=only_find),
    )
