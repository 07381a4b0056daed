"""The cases in ``tests/fixtures``: one folder each, nothing else to edit when one is added.

``before.yml`` (a ``.circleci/config.yml``) or the folder ``before/`` (a repository) is what there
is; ``after.yml`` or ``after/`` what the fix makes of it, absent if nothing is changed.
``findings.txt`` has a line for each finding: ``state rule route``, and the reason where one is
left; then what is to be done outside and the notes. ``policy.toml`` is a policy file. ``revert``
holds the word that ``--revert`` is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.findings import FindingState, Settled
from cci_migrate.policy.file import read_policy_file
from cci_migrate.policy.model import Policy, Revert
from cci_migrate.rules.catalogue import RULES
from tests.processing import process_repository

FIXTURES = Path(__file__).parent / "fixtures"
CONFIG = ".circleci/config.yml"


class Case(Struct, frozen=True):
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def before(self) -> dict[str, bytes]:
        return _tree(self.folder, "before")

    @property
    def after(self) -> dict[str, bytes]:
        """All files as they are to be, those that stay as they were too."""
        return {**self.before, **_tree(self.folder, "after")}

    @property
    def findings(self) -> str:
        return (self.folder / "findings.txt").read_text(encoding="utf-8")

    @property
    def policy(self) -> Policy:
        path = self.folder / "policy.toml"
        policy = Policy()
        if path.exists():
            policy = read_policy_file(path, [rule.id for rule in RULES]).policy
        revert = self.folder / "revert"
        if revert.exists():
            policy = replace(policy, revert=Revert(revert.read_text(encoding="utf-8").strip()))
        return policy


def cases() -> Iterator[Case]:
    for folder in sorted(FIXTURES.iterdir()):
        yield Case(folder)


def _tree(folder: Path, name: str) -> dict[str, bytes]:
    single = folder / f"{name}.yml"
    if single.exists():
        return {CONFIG: single.read_bytes()}
    root = folder / name
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def run(case: Case, files: dict[str, bytes]) -> tuple[Outcome, ...]:
    configs = {
        path: data
        for path, data in files.items()
        if path.startswith((".circleci/", "src/")) and path.endswith((".yml", ".yaml"))
    }
    return process_repository(configs, case.policy, read=files.get)


def changed(files: dict[str, bytes], outcomes: tuple[Outcome, ...]) -> dict[str, bytes]:
    result = dict(files)
    for outcome in outcomes:
        if isinstance(outcome, Examined) and outcome.change is not None:
            result.update({file.path: file.after for file in outcome.change.files})
    return result


def described(outcomes: tuple[Outcome, ...]) -> str:
    return "".join(f"{line}\n" for outcome in outcomes for line in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome, NotAConfig):
        yield f"not a config: {outcome.kind}"
    elif isinstance(outcome, Failed):
        yield f"failed: {outcome.problem}; {outcome.instead}"
    else:
        if isinstance(outcome, Refused):
            yield f"refused: {outcome.reason}; {outcome.instead}"
        yield from (_finding(one) for one in outcome.settled)
        if isinstance(outcome, Examined):
            yield from (f"to do: {one.text}" for one in outcome.todos)
            yield from (f"note: {one}" for one in outcome.notes)


def _finding(one: Settled) -> str:
    reason = f": {one.reason}" if one.state is FindingState.LEFT else ""
    return f"{one.state.value} {one.finding.rule} {one.finding.place.route}{reason}"
