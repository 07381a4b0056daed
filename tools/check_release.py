"""Checks that a release can be made of this checkout: ``python -m tools.check_release v1.2.3``.

Ends with 1 and says what is missing, for the one who releases and for the workflow that does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cci_migrate import __version__, project
from tools.shared_data import ROOT


def problems(tag: str, root: Path) -> Iterator[str]:
    """What is in the way of releasing ``root`` as ``tag``."""
    if tag != f"v{__version__}":
        yield f"the tag is {tag}, but cci_migrate/__init__.py has version {__version__}"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(
        rf"^## {re.escape(__version__)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE
    ):
        yield f'CHANGELOG.md has no line "## {__version__} - YYYY-MM-DD"'
    for name, address in (
        ("REPOSITORY", project.REPOSITORY),
        ("DOCUMENTATION", project.DOCUMENTATION),
    ):
        if address is None:
            yield f"cci_migrate/project.py: {name} is not set"
    for path in sorted(
        [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("orb/**/*.yml")]
    ):
        if path.name != "releasing.md" and "YOUR_ORG" in path.read_text(encoding="utf-8"):
            yield f"{path.relative_to(root)}: replace YOUR_ORG with the owner of the repository"


def main() -> int:
    """Print what is in the way of the release that the first argument names."""
    if len(sys.argv) != 2:
        print("usage: python -m tools.check_release TAG", file=sys.stderr)
        return 2
    found = list(problems(sys.argv[1], ROOT))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
