"""Writes what the tool makes of a case: ``python -m tools.write_fixtures CASE...``.

For each case the change is printed as a diff, with the findings: read both. What is right by the
eye of the one who reads is then held by the tests. A new case is about the rules that find
something in it; the first line of its ``findings.txt`` can name others, which must find nothing.
"""

from __future__ import annotations

import sys
from difflib import unified_diff

from tests.fixture_cases import FIXTURES, Case, changed, described, rules_that_find, run
from tests.processing import PATH


def main(names: list[str]) -> int:
    """Write the cases called ``names``."""
    for name in names:
        folder = FIXTURES / name
        if not any((folder / before).exists() for before in ("before.yml", "before")):
            print(f"error: {folder} has neither before.yml nor before/", file=sys.stderr)
            return 2
        write(Case(folder))
    return 0


def write(case: Case) -> None:
    """Write ``after`` and ``findings.txt`` of ``case``."""
    before = case.before
    outcomes = run(case, before)
    after = changed(before, outcomes)
    is_single = (case.folder / "before.yml").exists()
    for path, data in after.items():
        target = case.folder / "after.yml" if is_single else case.folder / "after" / path
        if is_single and path != PATH:
            continue
        if data == before[path]:
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        old, new = before[path].decode().splitlines(), data.decode().splitlines()
        print(*unified_diff(old, new, path, path, lineterm=""), sep="\n")
    is_new = not (case.folder / "findings.txt").exists()
    rules = rules_that_find(outcomes) if is_new else case.rules
    findings = described(rules, outcomes)
    (case.folder / "findings.txt").write_text(findings, encoding="utf-8")
    print(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
