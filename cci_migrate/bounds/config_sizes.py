"""How large configs may be: each, and those of one repository together."""

from __future__ import annotations

#: CircleCI's limit for a compiled config
#: (https://support.circleci.com/hc/en-us/articles/360045043634); a source is seldom larger.
SIZE_LIMIT = 8 * 2**20
#: Of a file that CircleCI would not take either.
TOO_LARGE = f"more than the {SIZE_LIMIT // 2**20} MB that CircleCI takes"

#: A megabyte of a repository unpacks to a gigabyte, and one must not take the memory of them all.
TOTAL_LIMIT = 64 * 2**20


def total_problem(size: int) -> str:
    """What is wrong with a repository whose configs have ``size`` bytes; empty if nothing is."""
    if size <= TOTAL_LIMIT:
        return ""
    return f"its configs are more than {TOTAL_LIMIT // 2**20} MB in all"
