"""No install line names a package or an account that somebody else could have taken."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from cci_migrate.project import REPOSITORY
from tests.cli.conftest import ROOT

#: What installs by name from an index, with options that may have a value of their own.
INSTALLER = re.compile(
    r"\b(?:pip3? install|pipx (?:install|run)|uvx|uv (?:tool install|tool run|pip install|add)"
    r"|docker (?:run|pull)|npx|brew install)\b(?P<rest>.*)"
)
#: The name alone, or with a version or an extra; not within a path or an address.
BARE_NAME = re.compile(
    r"(?<![\w/.@:-])[\"']?cci-migrate(?:\[\w+\])?(?:[=<>~!:@][\w.=]+)?(?=[\"'\s]|$)"
)
ADDRESS = re.compile(r"https://github\.com/([\w-]+)/cci-migrate|uses: ([\w-]+)/cci-migrate@")
#: Made there by the line before: docker build --tag cci-migrate.
BUILT_HERE = "docs/integrations/container.md", "Containerfile", ".github/workflows/check.yml"


def lines() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md", "*.yml", "*.yaml", "*.py", "*.toml", "Containerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    for name in listed.stdout.split("\0")[:-1]:
        if not name.startswith("tests/") and (ROOT / name).is_file():
            for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
                yield name, line


def names_a_package(line: str) -> bool:
    installer = INSTALLER.search(line)
    return installer is not None and BARE_NAME.search(installer["rest"]) is not None


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("pip install cci-migrate", True),
        ("python3 -m pip install --user cci-migrate==0.1.0", True),
        ("pip install 'cci-migrate[lsp]'", True),
        ("uvx cci-migrate --check", True),
        ("docker run --rm cci-migrate --check", True),
        ("pip install .", False),
        ("pip install git+https://github.com/YOUR_ORG/cci-migrate@COMMIT", False),
        ("pip install -r requirements.txt", False),
    ],
)
def test_what_an_install_line_is(line: str, is_wrong: bool) -> None:
    assert names_a_package(line) is is_wrong


def test_no_line_installs_by_the_bare_name() -> None:
    wrong = [(name, line) for name, line in lines() if names_a_package(line)]
    assert [(name, line) for name, line in wrong if name not in BUILT_HERE] == []


def test_an_address_is_the_projects_or_names_an_account_that_nobody_can_have() -> None:
    # GitHub's names have letters, digits and hyphens only.
    owner = REPOSITORY.split("/")[-2] if REPOSITORY else "YOUR_ORG"
    assert {a or b for _, line in lines() for a, b in ADDRESS.findall(line)} == {owner}
