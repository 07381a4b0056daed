"""Where this project is on the web: the one place that names its addresses.

As long as it has none, both are None, and nothing that is printed or generated leads there.
`docs/releasing.md` says what follows from a change here.
"""

from __future__ import annotations

#: The address of the repository, without a slash at its end.
REPOSITORY: str | None = None
#: The address of the documentation's site, which ends in a slash.
DOCUMENTATION: str | None = None


def rule_page_address(rule: str) -> str | None:
    """The address of the page of the rule with this id, if there is one."""
    return f"{DOCUMENTATION}rules/{rule}/" if DOCUMENTATION else None


def schema_address(name: str) -> str | None:
    """The address of the JSON Schema of a policy, report or baseline, if there is one."""
    return f"{DOCUMENTATION}schemas/{name}.schema.json" if DOCUMENTATION else None


def package_urls() -> dict[str, str]:
    """The addresses in the package's metadata, by the labels that the package index knows.

    https://packaging.python.org/en/latest/specifications/well-known-project-urls/
    """
    urls: dict[str, str] = {}
    if DOCUMENTATION:
        urls |= {"Homepage": DOCUMENTATION, "Documentation": DOCUMENTATION}
    if REPOSITORY:
        urls |= {
            "Source": REPOSITORY,
            "Issues": f"{REPOSITORY}/issues",
            "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
        }
    return urls
