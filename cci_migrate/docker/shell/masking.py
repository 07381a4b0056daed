r"""Prepares a script's text for a shell parser, keeping its length.

Text that isn't shell is replaced, never removed, so that offsets stay valid in the original text,
from which words are read. The result is ASCII, so that the parser's byte offsets are character
offsets too.
"""

from __future__ import annotations

import re

#: A ``<< parameters.x >>`` of CircleCI, with the expressions that it has since 2025
#: (``<< pipeline.git.branch == "main" and "a" or "b" >>``). It has to start with a name and a dot:
#: a here-document whose line goes on with ``>>`` (``cat <<EOF >> file``) must not look like one.
#: An unclosed one extends to the end of its line and is not replaced, so that a line is scanned
#: once, however many begin in it.
_PLACEHOLDER_TEXT = r"""<<[ \t]*(?:(?:not\b|\()[ \t]*)*
    (?:parameters|pipeline|matrix|executor|job|command|orb)\.
    (?:"[^"\n]*"|'[^'\n]*'|[^\n"'>]|>(?!>))*(>>)?"""
_PLACEHOLDER = re.compile(_PLACEHOLDER_TEXT, re.VERBOSE)
#: ``<<# parameters.x >>`` ... ``<</ parameters.x >>``: sections of Mustache, which early 2.1 orbs
#: use for optional text.
_SECTION = re.compile(r"<<[ \t]*[#^/][ \t]*[\w.-]+[ \t]*>>")
_ESCAPED_HEREDOC = re.compile(r"\\(?=<<)")
_DASH_BEFORE_HEREDOC = re.compile(r"(?<=[ \t])-(?=[ \t]+<<)")
_NOT_ASCII = re.compile(r"[^\x01-\x7f]")
_WINDOWS_CONTINUATION = "\\\r\n"


def without_placeholders(text: str) -> str:
    """``text`` with CircleCI's placeholders replaced by as many letters."""
    return _PLACEHOLDER.sub(lambda match: "P" * len(match[0]) if match[1] else match[0], text)


def masked(text: str) -> str:
    r"""``text`` as shell, in ASCII, of the same length.
    Placeholders of CircleCI become letters; CircleCI's ``\<<`` becomes a here-document's ``<<``
    (https://circleci.com/docs/guides/orchestrate/pipeline-variables/#escape-characters); Windows
    line ends become plain ones.
    """
    shell = text
    if "<<" in text:
        shell = without_placeholders(shell)
        shell = _SECTION.sub(lambda match: " " * len(match[0]), shell)
        shell = _ESCAPED_HEREDOC.sub(" ", shell)
    if "\r" in shell:
        shell = shell.replace(_WINDOWS_CONTINUATION, " \\\n").replace("\r\n", "\n\n")
        shell = shell.replace("\r", " ")
    # What the grammar fails on: a lone dash before a here-document (it is lost), empty backticks,
    # and a last line that ends in a backslash.
    if "<<" in shell:
        shell = _DASH_BEFORE_HEREDOC.sub("Z", shell)
    if "``" in shell:
        shell = shell.replace("``", "  ")
    if shell.rstrip().endswith("\\"):
        shell = shell.rstrip()[:-1].ljust(len(shell))
    return shell if shell.isascii() and "\0" not in shell else _NOT_ASCII.sub("Z", shell)
