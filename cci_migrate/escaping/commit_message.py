"""Text for a commit message or a title: one line that refers to nothing and tells CI nothing."""

from __future__ import annotations

import re

from cci_migrate.escaping.terminal_text import printable

#: Where hosts see a mention, an issue, a merge request, and CI services "[skip ci]" and its like
#: (https://circleci.com/docs/guides/orchestrate/skip-build/#skip-jobs,
#: https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs).
_REFERENCE = re.compile(r"(?<!\w)@(?=\w)|[#!](?=\d)|\[(?=\s*(?:skip|ci|no)\b)", re.I)
#: A verb that closes the issue that comes next, by its number, its key or its address
#: (https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically).
_CLOSING = re.compile(
    r"\b((?:clos|fix|resolv|implement)\w{0,3}:?)\s(?=(?:issues?\s)?\S*?(?:[#!-]\d|://))", re.I
)


def message_text(text: str) -> str:
    r"""``text`` for a line of a message; what would refer to something is shown as ``\x40team``."""
    shown = _REFERENCE.sub(lambda match: f"\\x{ord(match[0]):02x}", printable(text))
    return without_closing(shown)


def without_closing(text: str) -> str:
    r"""``text`` that closes no issue: ``Fixes\x20#1``. GitLab looks for that in code too."""
    return _CLOSING.sub(r"\1\\x20", text)
