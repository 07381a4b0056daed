"""Where this project is on the web."""

from __future__ import annotations

#: The address of the documentation's site, which ends in a slash; None as long as it has none: then
#: reports have no links to it.
DOCUMENTATION: str | None = None


def rule_page_address(rule: str) -> str | None:
    """The address of the page of the rule with this id, if there is one."""
    return f"{DOCUMENTATION}rules/{rule}/" if DOCUMENTATION else None
