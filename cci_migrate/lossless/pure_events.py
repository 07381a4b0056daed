"""ruamel.yaml's Python parser, made to read what its C parser (libyaml) reads.

Out of the box the two differ: the Python one refuses tabs that only separate (before a comment,
after a colon), loses its column behind the line ends that only YAML 1.1 knows, and says that a
node with a tag and an anchor starts at its anchor.
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
    """The events of ``text``, from the Python parser.

    Raises what ruamel.yaml raises.
    """
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    reader.Reader = _Reader
    reader.Scanner = _Scanner
    yield from reader.parse(text)


class _Reader(Reader):
    def forward(self, length: int = 1) -> None:
        self.forward_1_1(length)


class _Scanner(Scanner):
    #: The token of the latest tag, and how many tokens there were with it.
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
        others = []
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
                others.append(self.scan_line_break())
            else:
                folded = [] if first == "\n" and others else [" " if first == "\n" else first]
                return [*folded, *others]
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
