"""Where additions go among comments: which belong to what is above them, which to what is below.

`removals` decides which comments go with what is removed.
"""

from __future__ import annotations

import re

from cci_migrate.lossless.source import SourceText

_COMMENT_LINE = re.compile(r"([ \t]*)#")
#: What a comment begins with that ends a part of the file.
_CLOSES = re.compile(r"#+[ \t]*(?:-+[ \t]*)?(?:<<<|\}\}\}|/|end(?:region)?\b)", re.IGNORECASE)


def comment_block_above(source: SourceText, offset: int) -> int:
    """The start of the comment lines directly above the line of ``offset``.

    The start of that line itself if there are none. Only comments at its own indent belong to it.
    """
    start = source.line_start(offset)
    own_indent = _indent(source.text[start:offset])
    while start > 0:
        above = source.line_start(start - 1)
        comment = _COMMENT_LINE.match(source.text, above)
        if comment is None or comment.group(1) != own_indent:
            break
        start = above
    return start


def deeper_comments_end(source: SourceText, line_start: int, min_indent: int) -> int:
    """The end of the comment lines from ``line_start`` that are indented by ``min_indent`` or more.

    Such comments belong to the node above them.
    """
    while True:
        comment = _COMMENT_LINE.match(source.text, line_start)
        if comment is None or len(comment.group(1)) < min_indent:
            return line_start
        line_start = source.next_line(line_start)


def closing_comments_end(source: SourceText, line_start: int) -> int:
    """The end of the comment lines from ``line_start`` that close what is above them.

    They do if a blank line follows, or the last of them says so (``# <<< x``, ``# end of x``).
    """
    end = at = line_start
    while (comment := _COMMENT_LINE.match(source.text, at)) is not None:
        at = source.next_line(at)
        if at == len(source.text):
            return line_start
        if _CLOSES.match(source.text, comment.end(1)):
            end = at
    is_blank = at > line_start and not source.text[at : source.next_line(at)].strip()
    return at if is_blank else end


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
