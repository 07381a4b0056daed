"""The policy for each folder, from its policy file, the options and the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.cli.policy_options import PolicySource
from cci_migrate.cli.processing import Task
from cci_migrate.files.discovery import Repository
from cci_migrate.policy.file import PolicyError, PolicyFile, find_policy_file, read_policy_file
from cci_migrate.policy.overrides import policy_of
from cci_migrate.policy.settings import Policy
from cci_migrate.rules.catalogue import RULES

if TYPE_CHECKING:
    from cci_migrate.cli.baselines import Baselines


class _FolderPolicy(Struct, frozen=True):
    """The policy for a folder, the keys that options and its file set, and its baseline.

    ``base`` is the folder that the paths in it start from; None for the repository's root.
    """

    policy: Policy
    keys: frozenset[str]
    baseline: Path | None
    base: Path | None = None


class Policies:
    """The policy for each folder, each file read once.

    ``baseline`` replaces those that policy files name; ``reads_baselines`` False: use none.
    """

    def __init__(
        self,
        source: PolicySource,
        *,
        applies_ignores: bool = True,
        baseline: Path | None = None,
        reads_baselines: bool = True,
    ) -> None:
        self._source = source
        self._applies_ignores = applies_ignores
        self._baseline = baseline
        self._reads_baselines = reads_baselines
        self._by_file: dict[Path | None, _FolderPolicy] = {}
        self._baselines: Baselines | None = None
        self._by_folder: dict[Path, Path | None] = {}
        self._excluding: set[str] = set()

    def for_folder(self, folder: Path) -> Policy:
        """The policy for configs in ``folder``. Raises PolicyError."""
        return self._for_folder(folder).policy

    def keys(self, folder: Path) -> frozenset[str]:
        """The keys that the options and the policy file for ``folder`` set. Raises PolicyError."""
        return self._for_folder(folder).keys

    def excludes(self, root: Path, path: str) -> bool:
        """Whether the policy excludes the file ``path`` of the repository at ``root``.

        Raises PolicyError.
        """
        folder_policy = self._for_folder((root / path).parent)
        if not folder_policy.policy.exclude:
            return False
        file = root.resolve() / path
        base = folder_policy.base or root.resolve()
        patterns = folder_policy.policy.exclusions_of(file.relative_to(base).as_posix())
        self._excluding.update(patterns)
        return bool(patterns)

    def unmatched_exclusions(self) -> Iterator[str]:
        """The patterns in ``exclude`` that have excluded nothing so far."""
        policies = (of_folder.policy for of_folder in self._by_file.values())
        for pattern in dict.fromkeys(pattern for policy in policies for pattern in policy.exclude):
            if pattern not in self._excluding:
                yield f'"{pattern}" in exclude'

    def included(self, repository: Repository) -> Repository:
        """``repository`` without the files that the policy excludes. Raises PolicyError."""
        root = repository.root
        return Repository(
            root, tuple(path for path in repository.files if not self.excludes(root, path))
        )

    def with_baseline(self, task: Task) -> Task:
        """``task`` with its baseline in its policy. Raises PolicyError."""
        path = self._baseline or self._for_folder(task.folder).baseline
        if path is None or not self._reads_baselines:
            return task
        if self._baselines is None:
            from cci_migrate.cli.baselines import Baselines

            self._baselines = Baselines()
        return self._baselines.with_baseline(task, path)

    def _for_folder(self, folder: Path) -> _FolderPolicy:
        path = self._source.file
        if path is None and self._source.reads_files:
            if folder not in self._by_folder:
                self._by_folder[folder] = find_policy_file(folder)
            path = self._by_folder[folder]
        if path not in self._by_file:
            self._by_file[path] = self._read(path)
        return self._by_file[path]

    def _read(self, path: Path | None) -> _FolderPolicy:
        file = PolicyFile(Path(), Policy())
        if path is not None:
            file = read_policy_file(path, frozenset(rule.id for rule in RULES))
        policy = policy_of(self._source.options, file.policy)
        _check_revert(policy, path)
        base = None
        if path is not None and self._source.file is None:
            base = path.parent.resolve()
            _check_is_beside(file, base)
        return _FolderPolicy(
            replace(policy, applies_ignores=self._applies_ignores),
            file.keys.union(self._source.options),
            file.baseline,
            base,
        )


def _check_revert(policy: Policy, path: Path | None) -> None:
    """Raise PolicyError where images would lose the credentials that their mirror needs."""
    if policy.revert is not None and policy.mirror is not None:
        raise PolicyError(
            f"{path}: mirror: --revert can't be combined with a mirror: images at "
            f"{policy.mirror} would lose their credentials; remove it from the policy, or "
            "use --no-config",
            ("mirror",),
        )


def _check_is_beside(file: PolicyFile, folder: Path) -> None:
    """Raise PolicyError where a policy that nobody named leads out of its own ``folder``.

    Whoever can write to the repository wrote it.
    """
    if file.baseline is not None and not file.baseline.resolve().is_relative_to(folder):
        raise PolicyError(
            f"{file.path}: baseline: is outside the folder of this file; name it "
            "with --baseline, or this file with --config",
            ("baseline",),
        )
