"""What is gone through: a config's files, its policy, and what is found in it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment, assess
from cci_migrate.assessing.conventions import policy_for
from cci_migrate.circleci.packing import Group, group_by_name
from cci_migrate.engine.context_grants import context_placement
from cci_migrate.engine.loading import Loaded, load
from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.engine.planning import plan_changes
from cci_migrate.engine.processing import (
    NO_NEIGHBOURS,
    Neighbours,
    RepositoryReader,
    findings_of,
    nothing_else,
    secrets_of,
    sibling_evidence,
)
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import Decision, Decisions, Finding, Names, Skip
from cci_migrate.lossless.edits import apply_edits
from cci_migrate.lossless.nodes import Document
from cci_migrate.policy.model import Policy, RegistryCredential
from cci_migrate.remedies.context_placement import ContextPlacement
from cci_migrate.workers.limited_processing import process_within
from cci_migrate.workers.work_limits import DEFAULT_LIMITS, WorkLimits


class Topic(Enum):
    """What a policy says, by the keys of a policy file."""

    PLATFORM = "platform"
    CREDENTIALS = "credentials"
    USERNAME = "username"
    PASSWORD = "password"  # noqa: S105 - the name of a key
    CONTEXT = "context"
    LOGIN = "login"


class ConfigFiles(Struct, frozen=True, eq=False):
    """One config: its files, by their paths from the root of the repository.

    ``prefix`` makes such a path one that the user knows. ``told`` is what the options and the
    policy file say, as against what ``policy`` has by default.
    """

    prefix: str
    files: Mapping[str, bytes]
    policy: Policy
    told: frozenset[Topic] = frozenset()
    read: RepositoryReader = nothing_else
    beside: Neighbours = NO_NEIGHBOURS
    limits: WorkLimits = DEFAULT_LIMITS

    __repr__ = repr_without("files")

    def shown(self, path: str) -> str:
        """``path`` as the user knows it."""
        return self.prefix + path

    @property
    def name(self) -> str:
        """What the config is called: its first file."""
        return self.shown(min(self.files))

    def with_policy(self, policy: Policy) -> ConfigFiles:
        """The same files under another policy."""
        return replace(self, policy=policy)


class TextChange(Struct, frozen=True):
    """A file's text before and after a change."""

    path: str
    before: str
    after: str

    __repr__ = repr_without("before", "after")


class Examination:
    """A config and what is found in it, with ``names`` overriding what single fixes write.

    ``outcome`` is what the engine says of it; nothing is decided in it.
    """

    def __init__(self, config: ConfigFiles, names: Mapping[str, Names]) -> None:
        self.config = config
        self.names = names
        self.outcome = _processed(config, Decisions(names=names), only_finds=True)

    def decided(self, decisions: Decisions) -> Outcome:
        """What becomes of the config with ``decisions``, proven."""
        return _processed(self.config, decisions, only_finds=False)

    @cached_property
    def assessment(self) -> Assessment | None:
        """What each pull has and ought to have; None for what is not to be changed."""
        if not isinstance(self.outcome, Examined):
            return None
        groups = group_by_name(self.config.files)
        parts = tuple(part for group in groups for part in group.parts)
        loaded = load(groups[0] if len(groups) == 1 else Group(parts), self.config.files)
        if not isinstance(loaded, Loaded):
            return None
        config = self.config
        siblings = sibling_evidence(config.beside.configs, config.policy, config.read)
        return assess(
            loaded.config, config.policy, self.names, self._text_reader(), siblings=siblings
        )

    def _text_reader(self) -> _TextReader | None:
        read = self.config.read
        return None if read is nothing_else else _TextReader(read)

    @cached_property
    def _findings(self) -> Mapping[str, Finding]:
        """The findings by their keys, over the tree of ``assessment``."""
        found = self.assessment
        if found is None or self._placement is None:
            return {}
        return {one.key: one for one in findings_of(found, self._placement)}

    @cached_property
    def _placement(self) -> ContextPlacement | None:
        return None if self.assessment is None else context_placement(self.assessment)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files as trees."""
        return () if self.assessment is None else self.assessment.config.documents

    def credential_for(self, host: str) -> RegistryCredential | None:
        """What pulls from ``host`` are to use: the file's own names, or else the policy's."""
        convention = None if self.assessment is None else self.assessment.conventions.get(host)
        if convention is not None and convention.credential is not None:
            return convention.credential
        registry = policy_for(host, self.config.policy)
        return None if registry is None else registry.credential

    def preview(self, key: str, decision: Decision) -> tuple[TextChange, ...]:
        """What ``decision`` on the finding ``key`` does to the files, and nothing besides."""
        finding = self._findings.get(key)
        if finding is None:
            return ()
        alone = replace(finding, after=(), after_all=())
        decisions = Decisions(Skip(), {key: decision})
        plan = plan_changes(self.documents, [alone], decisions, placement=self._placement)
        texts = {one.source.path: one.source.text for one in self.documents}
        return tuple(
            TextChange(path, texts[path], apply_edits(texts[path], edits))
            for path, edits in plan.edits.items()
            if edits
        )

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that are written out in the files."""
        return () if self.assessment is None else secrets_of(self.assessment)


def _processed(config: ConfigFiles, decisions: Decisions, *, only_finds: bool) -> Outcome:
    return process_within(
        config.limits,
        config.files,
        config.policy,
        decisions,
        config.read,
        explain=only_finds,
        only_find=only_finds,
        beside=config.beside,
    )


class _TextReader:
    """A reader of text files over a reader of files."""

    def __init__(self, read: RepositoryReader) -> None:
        self._read = read

    def __call__(self, path: str) -> str | None:
        data = self._read(path)
        return None if data is None else data.decode("utf-8", errors="replace")
