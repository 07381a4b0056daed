r"""Escapes text for the body of a pull request on GitHub, GitLab and Bitbucket.

A name must not mention anybody (``@team``), close an issue (``Fixes #1``), link anywhere, or be a
quick action of GitLab (``/merge`` on a line of its own,
https://docs.gitlab.com/user/project/quick_actions/). A backslash is not enough: hosts search the
rendered text for mentions. So words with anything but letters and digits become code, which no
host interprets, except GitLab for verbs that close an issue.
"""

from __future__ import annotations

import re

from cci_migrate.escaping.commit_message import without_closing
from cci_migrate.escaping.terminal_text import printable

#: A word of a sentence, with the punctuation around it.
_WORD = re.compile(r"[(\"']*[^\W_]+(?:['-][^\W_]+)*[)\"'.,;:!?]*")
#: An issue of another tracker, or GH-1: GitLab and Bitbucket close and link these too.
_TICKET = re.compile(r"[A-Za-z]-\d")
_BEFORE, _AFTER = "(\"'", ")\"'.,;:!?"
#: The most characters of a name in a body.
_LONGEST = 1000


def code(text: str) -> str:
    """``text`` as inline code, shortened if it is long; a backtick in it becomes an apostrophe."""
    content = without_closing(printable(text).replace("`", "'").strip())
    if len(content) > _LONGEST:
        content = content[:_LONGEST] + "..."
    return f"`{content}`" if content else ""


def prose(text: str) -> str:
    """``text``, a sentence that contains names, with each name as inline code."""
    return " ".join(_word_or_code(word) for word in printable(text).replace("`", "'").split())


def _word_or_code(word: str) -> str:
    if _WORD.fullmatch(word) and not _TICKET.search(word):
        return word
    name = word.lstrip(_BEFORE)
    before = word[: len(word) - len(name)]
    after = name[len(name.rstrip(_AFTER)) :]
    name = name.removesuffix(after)
    return f"{before}{code(name)}{after}" if name else code(word)
