"""The campaign that a branch, a commit or a pull request says it is from.

Anybody can write that too: it proves nothing alone (see `campaign.ownership`), but what does not
say it is not the campaign's.
"""

from __future__ import annotations

import hashlib
import re

#: The trailer with the campaign's id in its commits.
CAMPAIGN_TRAILER = "Cci-Migrate-Campaign"

_IN_COMMIT = re.compile(rf"^{CAMPAIGN_TRAILER}: ([0-9a-f]{{32}})\r?$", re.MULTILINE)
_COMMENT = re.compile(r"^\[//\]: # \(cci-migrate comment [0-9a-f]{32}\)\r?$", re.MULTILINE)
_IN_TEXT = re.compile(r"^\[//\]: # \(cci-migrate campaign ([0-9a-f]{32})\)\r?$", re.MULTILINE)


def with_identity(text: str, campaign: str) -> str:
    """The text of a pull request with the id of its ``campaign``.

    It is a link definition, which all hosts leave out of the page
    (https://spec.commonmark.org/0.31.2/#link-reference-definitions); Bitbucket shows HTML comments.
    """
    return f"{text.rstrip()}\n\n[//]: # (cci-migrate campaign {campaign})\n"


def comment_mark(text: str) -> str:
    """The line by which a comment with ``text`` is found again; hidden as in `with_identity`."""
    return f"[//]: # (cci-migrate comment {hashlib.sha256(text.encode()).hexdigest()[:32]})"


def is_own_comment(text: str) -> bool:
    """Whether `comment_mark` is in the ``text`` of a comment."""
    return _COMMENT.search(text) is not None


def campaign_of_commit(message: str) -> str:
    """The id of the campaign that a commit's ``message`` names; empty for none."""
    return _last(_IN_COMMIT, message)


def campaign_of_pull_request(text: str | None) -> str:
    """The id of the campaign that the ``text`` of a pull request, if any, names; else empty."""
    return _last(_IN_TEXT, text or "")


def _last(pattern: re.Pattern[str], text: str) -> str:
    ids: list[str] = pattern.findall(text)
    return ids[-1] if ids else ""
