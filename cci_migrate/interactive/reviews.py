"""What a session goes through: configs with their policies, and what is found in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS, WorkLimits
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined, Failed, Outcome
from cci_migrate.engine.planning import plan_changes
from cci_migrate.engine.proof import ProvenFile
from cci_migrate.engine.proposing import propose
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ChosenNames, Decision, Decisions, FindingKey, Resolution, Skip
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.settings import Policy, RegistryCredential
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.workers.limited_work import within

_T = TypeVar("_T")


class Topic(Enum):
    """What a policy says, by the keys of a policy file."""

    PLATFORM = "platform"
    CREDENTIALS = "credentials"
    USERNAME = "username"
    PASSWORD = "password"  # noqa: S105 - the name of a key
    CONTEXT = "context"
    LOGIN = "login"


class SessionConfig(Struct, frozen=True, eq=False):
    """One config of a session, and its policy.

    ``prefix`` makes a path from the root of the repository the one that the user sees.
    ``decided_topics`` are set by options or the policy file; ``policy`` has defaults for others.
    """

    prefix: str
    files: ConfigFiles
    policy: Policy
    decided_topics: frozenset[Topic] = frozenset()
    limits: WorkLimits = DEFAULT_WORK_LIMITS

    def display_path(self, path: str) -> str:
        """``path`` as the user knows it."""
        return self.prefix + path

    @property
    def name(self) -> str:
        """What the config is called: its first file."""
        return self.display_path(min(self.files.paths))


class TextChange(Struct, frozen=True):
    """Edits of a file's text."""

    source: SourceText
    edits: tuple[Edit, ...]

    __repr__ = repr_without("edits")

    @classmethod
    def of(cls, file: ProvenFile) -> TextChange:
        """The change of ``file``."""
        return cls(SourceText.decode(file.path, file.before), file.edits)


class ConfigReview:
    """What is found in a config, with ``names`` overriding what single fixes write.

    ``outcome`` is what the engine says of it; nothing is decided in it.
    """

    def __init__(self, config: SessionConfig, names: Mapping[FindingKey, ChosenNames]) -> None:
        self.config = config
        self.names = names
        self._examined = self._within_limits(lambda: examine(config.files, config.policy, names))
        self.outcome = self._within_limits(
            lambda: propose(self._examined, explain=True, only_find=True)
        )

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """Its findings, in no order; none of what is not examined."""
        return self.outcome.resolutions if isinstance(self.outcome, Examined) else ()

    def decided(self, decisions: Decisions) -> Outcome:
        """What becomes of the config with ``decisions``, proven."""
        return self._within_limits(lambda: propose(self._examined, decisions))

    @cached_property
    def untouched(self) -> Outcome:
        """What becomes of the config when every finding is skipped."""
        skipped = Decisions(Skip())
        return self._within_limits(lambda: propose(self._examined, skipped, only_find=True))

    def _within_limits(self, work: Callable[[], _T]) -> _T | Failed:
        return within(self.config.limits, self.config.files.paths, work)

    @property
    def _examination(self) -> Examination | None:
        """What is found, over trees; None for what is not to be changed."""
        examined = self._examined
        if not isinstance(examined, Examination) or not isinstance(self.outcome, Examined):
            return None
        return examined

    @property
    def assessment(self) -> Assessment | None:
        """What each pull has and ought to have; None for what is not to be changed."""
        return None if self._examination is None else self._examination.assessment

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files as trees."""
        return () if self._examination is None else self._examination.documents

    def credential_for(self, host: str) -> RegistryCredential | None:
        """What pulls from ``host`` are to use: the file's own names, or else the policy's."""
        convention = None if self.assessment is None else self.assessment.conventions.get(host)
        if convention is not None and convention.credential is not None:
            return convention.credential
        registry = self.config.policy.registry_for(host)
        return None if registry is None else registry.credential

    def preview(self, key: FindingKey, decision: Decision) -> tuple[TextChange, ...]:
        """What ``decision`` on the finding ``key`` does to the files, and nothing besides."""
        examined = self._examination
        findings = () if examined is None else examined.findings
        alone = [
            replace(finding, after=(), after_all=()) for finding in findings if finding.key == key
        ]
        if examined is None or not alone:
            return ()
        decisions = Decisions(Skip(), {key: decision})
        plan = plan_changes(self.documents, alone[-1:], decisions, examined.placement)
        sources = {document.source.path: document.source for document in self.documents}
        return tuple(
            TextChange(sources[path], edits) for path, edits in plan.edits.items() if edits
        )

    @property
    def redaction(self) -> Redaction:
        """How to show parts of the config."""
        examined = self._examined
        return examined.redaction if isinstance(examined, Examination) else Redaction()
