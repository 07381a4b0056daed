"""Makes ruamel.yaml's Python parser read what its C parser (libyaml) reads.

Unpatched, the Python parser rejects tabs used as separators (before a comment, after a colon),
loses its column after the line breaks that only YAML 1.1 has, and starts a node with a tag and an
anchor at the anchor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner, ScannerError

_BREAKS = "\r\n\x85\u2028\u2029"
_ENDS = _BREAKS + "\0"
_DOCUMENT_MARKERS = ("---", "...")


def pure_events(text: str) -> Iterator[Any]:
    """The Python parser's events for ``text``.

    Raises ruamel.yaml's own errors: see `parsing.parse`.
    """
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    reader.Reader = _EventReader
    reader.Scanner = _Scanner
    yield from reader.parse(text)


class _EventReader(Reader):
    def forward(self, length: int = 1) -> None:
        self.forward_1_1(length)


class _Scanner(Scanner):
    #: The latest tag token, and the number of tokens up to and including it.
    _tag: tuple[Any, int] | None = None

    def scan_to_next_token(self) -> None:
        reader = self.reader
        while True:
            # libyaml's rule: a tab separates where no block key could start.
            blanks = " \t" if self.flow_level or not self.allow_simple_key else " "
            while reader.peek() in blanks:
                reader.forward()
            if reader.peek() == "#":
                while reader.peek() not in _ENDS:
                    reader.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        reader = self.reader
        length = 0
        while reader.peek(length) in " \t":
            length += 1
        blanks = reader.prefix(length)
        reader.forward(length)
        if reader.peek() not in _BREAKS:
            return [blanks] if blanks else []
        first = self.scan_line_break()
        self.allow_simple_key = True
        more_breaks = []
        while not self._at_document_marker():
            if reader.peek() in " \t":
                if reader.peek() == "\t" and reader.column < indent:
                    raise ScannerError(
                        "while scanning a plain scalar",
                        start_mark,
                        "found a tab character that violates indentation",
                        reader.get_mark(),
                    )
                reader.forward()
            elif reader.peek() in _BREAKS:
                more_breaks.append(self.scan_line_break())
            else:
                folded = [] if first == "\n" and more_breaks else [" " if first == "\n" else first]
                return [*folded, *more_breaks]
        return None

    def _at_document_marker(self) -> bool:
        reader = self.reader
        return (
            reader.column == 0
            and reader.prefix(3) in _DOCUMENT_MARKERS
            and reader.peek(3) in _ENDS + " \t"
        )

    def fetch_tag(self) -> None:
        super().fetch_tag()
        self._tag = (self.tokens[-1], self.tokens_taken + len(self.tokens))

    def fetch_anchor(self) -> None:
        super().fetch_anchor()
        if self._tag is not None:
            tag, count = self._tag
            if self.tokens_taken + len(self.tokens) == count + 1:
                self.tokens[-1].start_mark = tag.start_mark
