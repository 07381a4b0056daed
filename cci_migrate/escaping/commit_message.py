"""Escapes text for a commit message or a title: no references, no instructions to CI."""

from __future__ import annotations

import re

from cci_migrate.escaping.terminal_text import printable

#: The start of a mention, an issue, a merge request to hosts, and of "[skip ci]" to CI services
#: (https://circleci.com/docs/guides/orchestrate/skip-build/#skip-jobs,
#: https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs).
_REFERENCE = re.compile(r"(?<!\w)@(?=\w)|[#!](?=\d)|\[(?=\s*(?:skip|ci|no)\b)", re.I)
#: A verb that closes the issue after it, which is a number, a key or a URL
#: (https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically).
_CLOSING = re.compile(
    r"\b((?:clos|fix|resolv|implement)\w{0,3}:?)\s(?=(?:issues?\s)?\S*?(?:[#!-]\d|://))", re.I
)


def message_text(text: str) -> str:
    r"""``text`` on one line, with anything that would be a reference escaped: ``\x40team``."""
    escaped = _REFERENCE.sub(lambda match: f"\\x{ord(match[0]):02x}", printable(text))
    return without_closing(escaped)


def without_closing(text: str) -> str:
    r"""``text`` escaped to close no issue: ``Fixes\x20#1``. GitLab closes them from code too."""
    return _CLOSING.sub(r"\1\\x20", text)
