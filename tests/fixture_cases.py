"""The cases in ``tests/fixtures``: one folder each, nothing else to edit when one is added.

``before.yml`` (a ``.circleci/config.yml``) or the folder ``before/`` (a repository) is what there
is; ``after.yml`` or ``after/`` what the fix makes of it, absent if nothing is changed.
``findings.txt`` begins with the rules that the case is about: only these run, so that a new rule
changes no old case. Then it has a line for each finding: ``state rule route``, and the reason where
one is left; then what is to be done outside and the notes. ``policy.toml`` is a policy file.
``revert`` holds the word that ``--revert`` is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.findings import FindingKey, FindingState, Resolution
from cci_migrate.policy.file import read_policy_file
from cci_migrate.policy.settings import Policy, Revert
from cci_migrate.rules.catalogue import RULES
from tests.processing import PATH, changed_files, process_repository
from tests.samples import configs_among, files_under

FIXTURES = Path(__file__).parent / "fixtures"
ALL_RULES = frozenset(rule.id for rule in RULES)
RULES_LINE = "rules: "


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
    def rules(self) -> frozenset[str]:
        """The rules that the case is about; all of them where it does not say so yet."""
        if not (self.folder / "findings.txt").exists():
            return ALL_RULES
        first = self.findings.partition("\n")[0]
        rules = frozenset(first.removeprefix(RULES_LINE).split(", "))
        if not first.startswith(RULES_LINE) or not rules <= ALL_RULES:
            raise ValueError(f"{self.name}/findings.txt must begin with '{RULES_LINE}ID, ID'")
        return rules

    @property
    def policy(self) -> Policy:
        path = self.folder / "policy.toml"
        policy = Policy()
        if path.exists():
            policy = read_policy_file(path, sorted(ALL_RULES)).policy
        selected = self.rules if policy.select is None else self.rules & policy.select
        policy = replace(policy, select=selected)
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
        return {PATH: single.read_bytes()}
    return files_under(folder / name)


def run(case: Case, files: dict[str, bytes], *, only_find: bool = False) -> tuple[Outcome, ...]:
    configs = configs_among(files)
    return process_repository(configs, case.policy, read=files.get, only_find=only_find)


def changed(files: dict[str, bytes], outcomes: tuple[Outcome, ...]) -> dict[str, bytes]:
    result = dict(files)
    for outcome in outcomes:
        result.update({file.path: file.after for file in changed_files(outcome)})
    return result


def described(rules: frozenset[str], outcomes: tuple[Outcome, ...]) -> str:
    """What ``findings.txt`` says of a case about ``rules``."""
    lines = [RULES_LINE + ", ".join(rule.id for rule in RULES if rule.id in rules)]
    lines += [line for outcome in outcomes for line in _lines(outcome)]
    return "".join(f"{line}\n" for line in lines)


def rules_that_find(outcomes: tuple[Outcome, ...]) -> frozenset[str]:
    """The rules that have a finding."""
    return frozenset(
        resolution.finding.rule
        for outcome in outcomes
        if isinstance(outcome, Examined | Refused)
        for resolution in outcome.resolutions
    )


def left(outcomes: tuple[Outcome, ...]) -> frozenset[FindingKey]:
    """The findings that are left."""
    return frozenset(
        resolution.finding.key
        for outcome in outcomes
        if isinstance(outcome, Examined | Refused)
        for resolution in outcome.resolutions
        if resolution.state is FindingState.LEFT
    )


def _lines(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome, NotAConfig):
        yield f"not a config: {outcome.kind}"
    elif isinstance(outcome, Failed):
        yield f"failed: {outcome.problem}; {outcome.instead}"
    else:
        if isinstance(outcome, Refused):
            yield f"refused: {outcome.reason}; {outcome.instead}"
        yield from (_finding(resolution) for resolution in outcome.resolutions)
        if isinstance(outcome, Examined):
            yield from (f"to do: {todo}" for todo in outcome.todos)
            yield from (f"note: {note}" for note in outcome.notes)


def _finding(resolution: Resolution) -> str:
    finding = resolution.finding
    reason = f": {resolution.reason}" if resolution.state is FindingState.LEFT else ""
    return f"{resolution.state.value} {finding.rule} {finding.place.route}{reason}"
