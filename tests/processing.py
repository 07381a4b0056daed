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
from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.engine.proof import ProvenFile
from cci_migrate.engine.proposing import propose
from cci_migrate.findings import APPLY_ALL, Decisions, Finding, FindingState
from cci_migrate.policy.settings import Policy

#: Where the config of a repository is.
PATH = ".circleci/config.yml"
DEFAULTS = Policy()


def process(
    files: Mapping[str, bytes],
    policy: Policy = DEFAULTS,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = no_repository,
    *,
    explain: bool = False,
) -> Outcome:
    """What becomes of the config that ``files`` make up."""
    return _processed(ConfigFiles(files, read), policy, decisions, explain=explain)


def examined(
    config: str,
    policy: Policy = DEFAULTS,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = no_repository,
) -> Examined:
    """What becomes of a repository's only config, which nothing speaks against editing."""
    outcome = process({PATH: config.encode()}, policy, decisions, read)
    assert isinstance(outcome, Examined), outcome
    return outcome


def fixed(config: str, policy: Policy = DEFAULTS, decisions: Decisions = APPLY_ALL) -> str:
    """The text that becomes of `examined`; the same if nothing is changed."""
    outcome = examined(config, policy, decisions)
    return config if outcome.change is None else text_after(outcome)


def changed_files(outcome: Outcome) -> tuple[ProvenFile, ...]:
    """The files that are changed, if any are."""
    change = outcome.change if isinstance(outcome, Examined) else None
    return () if change is None else change.files


def text_after(outcome: Outcome) -> str:
    """The text of the one file that is changed."""
    (file,) = changed_files(outcome)
    return file.after.decode()


def left(outcome: Examined) -> list[Finding]:
    """The findings that are not fixed."""
    return [
        resolution.finding
        for resolution in outcome.resolutions
        if resolution.state is FindingState.LEFT
    ]


def process_repository(
    files: Mapping[str, bytes],
    policy: Policy = DEFAULTS,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = no_repository,
    *,
    explain: bool = False,
    only_find: bool = False,
) -> tuple[Outcome, ...]:
    """What becomes of each config of a repository with the CircleCI ``files``."""
    return tuple(
        _processed(config, policy, decisions, explain=explain, only_find=only_find)
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
