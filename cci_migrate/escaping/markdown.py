r"""Text for the body of a pull request, on GitHub, GitLab and Bitbucket alike.

A name must mention nobody (``@team``), close nothing (``Fixes #1``), link nowhere, and be no quick
action of GitLab (``/merge`` on a line of its own,
https://docs.gitlab.com/user/project/quick_actions/). A backslash is not enough: hosts look for
mentions in what was rendered. So words with anything in them but letters and digits become code, in
which no host looks for a meaning, except GitLab for verbs that close an issue.
"""

from __future__ import annotations

import re

from cci_migrate.escaping.commit_message import without_closing
from cci_migrate.escaping.terminal_text import printable

#: A word of a sentence, with the punctuation around it.
_WORD = re.compile(r"[(\"']*[^\W_]+(?:['-][^\W_]+)*[)\"'.,;:!?]*")
#: An issue of another tracker, or GH-1: GitLab and Bitbucket close and link those too.
_TICKET = re.compile(r"[A-Za-z]-\d")
_BEFORE, _AFTER = "(\"'", ")\"'.,;:!?"
#: The most characters that a name may take up in a body.
_LONGEST = 1000


def code(text: str) -> str:
    """``text`` as code. A grave accent in it is shown as an apostrophe."""
    shown = without_closing(printable(text).replace("`", "'").strip())
    if len(shown) > _LONGEST:
        shown = shown[:_LONGEST] + "..."
    return f"`{shown}`" if shown else ""


def prose(text: str) -> str:
    """``text``, a sentence with names in it, with each of these as code."""
    return " ".join(_word(word) for word in printable(text).replace("`", "'").split())


def _word(word: str) -> str:
    if _WORD.fullmatch(word) and not _TICKET.search(word):
        return word
    name = word.lstrip(_BEFORE)
    before = word[: len(word) - len(name)]
    after = name[len(name.rstrip(_AFTER)) :]
    name = name.removesuffix(after)
    return f"{before}{code(name)}{after}" if name else code(word)
