"""What other configs of a repository show of its credentials. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial

from msgspec.structs import replace

from cci_migrate.assessing.assessment import assess
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.circleci.config import Config
from cci_migrate.engine.complexity import unless_too_complex
from cci_migrate.engine.config_files import ConfigFiles, RepositoryReader
from cci_migrate.engine.loading import load, refusal_of
from cci_migrate.engine.outcomes import Failed
from cci_migrate.policy.settings import Policy

#: So many bytes of siblings are read: this config's time is not for theirs.
_MOST_BYTES = 500_000
#: So many siblings are remembered: more than one repository's configs have.
_MOST_SHOWN = 32

SiblingEvidence = Callable[[], Iterable[Evidence]]


def sibling_evidence(config: ConfigFiles, policy: Policy) -> SiblingEvidence:
    """What the siblings of ``config`` show, read once and only if it is asked for.

    Those that do not fit into the bytes that are read are left out.
    """

    @lru_cache(maxsize=1)
    def evidence() -> tuple[Evidence, ...]:
        collected: list[Evidence] = []
        left = _MOST_BYTES
        for paths in config.related.siblings:
            files = config.read_existing(paths)
            size = sum(map(len, files.values()))
            if len(files) == len(paths) and size <= left:
                left -= size
                shown = unless_too_complex(
                    paths, partial(_shown_by, tuple(files.items()), config.read, policy)
                )
                # One that failed is reported when it is its own turn.
                collected += () if isinstance(shown, Failed) else shown
        return tuple(collected)

    return evidence


@lru_cache(maxsize=_MOST_SHOWN)
def _shown_by(
    files: tuple[tuple[str, bytes], ...], read: RepositoryReader, policy: Policy
) -> tuple[Evidence, ...]:
    """What the config of ``files`` shows. Cached: each is a sibling of many."""
    config = ConfigFiles(dict(files), read)
    loaded = load(config.group, config.files)
    if not isinstance(loaded, Config) or refusal_of(loaded) is not None:
        return ()
    # An orb's source runs in other projects, with their variables.
    if loaded.is_orb_source or not loaded.body.jobs:
        return ()
    # Where it keeps its variables today, not where the user wants them.
    today = replace(policy, credentials=None)
    assessment = assess(loaded, today, {}, config.read_text)
    return tuple(assessment.evidence_for_siblings())
