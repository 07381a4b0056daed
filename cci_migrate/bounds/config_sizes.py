"""Size limits of configs: each, and all of one repository."""

from __future__ import annotations

#: CircleCI's limit for a compiled config
#: (https://support.circleci.com/hc/en-us/articles/360045043634); a source is seldom larger.
SIZE_LIMIT = 8 * 2**20
#: Why a larger file is not read.
TOO_LARGE = f"more than the {SIZE_LIMIT // 2**20} MB that CircleCI takes"

#: A compressed megabyte may unpack to a gigabyte; no single repository may exhaust the memory.
TOTAL_LIMIT = 64 * 2**20


def total_problem(size: int) -> str:
    """Why a repository whose configs have ``size`` bytes is not read; empty if it is."""
    if size <= TOTAL_LIMIT:
        return ""
    return f"its configs are more than {TOTAL_LIMIT // 2**20} MB in all"
