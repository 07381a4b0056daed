"""Builds the tree from ruamel.yaml's events.

`compose()` replaces an alias by the anchored node and so loses the alias's position; events keep
it. ruamel.yaml has two parsers that produce the same events: one in C (`ruamel.yaml.clib`, about
25 times faster), used if it is installed, and one in Python.

YAML 1.1 is read as CircleCI reads it: several ``<<`` in one mapping and reused anchor names are
legal, duplicate keys are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import MERGE_KEY, is_merge_key
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence
from cci_migrate.lossless.source import BOM, SourceText

#: Deeper files are rejected. No real config nests this deep, and recursion over the tree must stay
#: within Python's limit.
MAX_DEPTH = 300

#: Looks up an anchor defined by another file of the same config; None if there is none.
OuterAnchors = Callable[[str], "Scalar | Mapping | Sequence | None"]

_COLON = lazy_pattern(r"[ \t]*:")
_COLON_BELOW = lazy_pattern(r"(?:[ \t]*(?:(?<=[ \t])#[^\r\n]*)?(?:\r\n|\r(?!\n)|\n))+( *):(?=\s|$)")
_QUESTION_MARK = lazy_pattern(r"\?[ \t]+$")
_BLOCK_HEADER = lazy_pattern(
    r"(?:[&!]\S*(?=\s)[ \t]*(?:(?:#[^\r\n]*)?[\r\n][ \t]*)*)*[|>]([-+0-9]*)"
)
_LINE_BREAKS = "\r\n\x85\u2028\u2029"

#: Errors of the C parser alone: the Python parser decides. libyaml rejects a plain scalar with a
#: colon in a flow collection (``[{image: node:20}]``), an anchor with a dot, and an unknown
#: directive; CircleCI's parser accepts all three.
_ONLY_IN_C = (
    "found unexpected ':'",
    "did not find expected alphabetic or numeric character",
    "found unknown directive name",
)


class YamlError(ValueError):
    """The text is not YAML: ``problem``, for people to read, at the character ``offset``."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset
        self.problem = problem


def has_c_parser() -> bool:
    """Whether ruamel.yaml's C parser is installed."""
    try:
        import _ruamel_yaml  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return False
    return True


def parse(source: SourceText, *, pure: bool = False, outer: OuterAnchors | None = None) -> Document:
    """The tree of the first document of ``source``.

    ``pure`` selects the Python parser even if the C one is installed. ``outer`` resolves aliases
    of anchors that the text does not define.
    Raises YamlError.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
    from ruamel.yaml.reader import ReaderError

    if source.text.startswith(BOM):
        raise YamlError(0, "a second byte order mark is here")
    builder = _Builder(source, outer)
    try:
        if not pure and has_c_parser():
            try:
                return _build_from_c(builder, source.text)
            except MarkedYAMLError as error:
                if error.problem not in _ONLY_IN_C:
                    raise
        from cci_migrate.lossless.pure_events import pure_events

        return builder.build(partial(next, pure_events(source.text), None))
    except MarkedYAMLError as error:
        raise YamlError(*_explained(error, source)) from None
    except ReaderError as error:
        offset = _first_unprintable(source.text)
        raise YamlError(offset, "a character that YAML does not allow is here") from error
    except (YAMLError, YAMLStreamError) as error:
        raise YamlError(0, str(error).splitlines()[0]) from None
    except RecursionError:
        raise YamlError(0, "collections are nested too deeply") from None


def _build_from_c(builder: _Builder, text: str) -> Document:
    from _ruamel_yaml import CParser

    parser = CParser(text)
    try:
        return builder.build(parser.get_event)
    finally:
        parser.dispose()


def _explained(error: Any, source: SourceText) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "not valid YAML"
    if error.context and error.problem:
        problem = f"{error.problem} ({error.context})"
    index = min(mark.index, len(source.text)) if mark is not None else 0
    return index, " ".join(str(problem).split())


def _first_unprintable(text: str) -> int:
    match = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    return match.start() if match else 0


class _Builder:
    """Builds one document's tree from its events."""

    def __init__(self, source: SourceText, outer: OuterAnchors | None) -> None:
        self._source = source
        self._outer = outer

    def build(self, next_event: Callable[[], Any]) -> Document:
        """The tree of the events that ``next_event`` returns, and None after the last."""
        from ruamel.yaml.events import (
            AliasEvent,
            DocumentStartEvent,
            MappingEndEvent,
            MappingStartEvent,
            ScalarEvent,
            SequenceEndEvent,
            SequenceStartEvent,
        )

        # One loop with local names, for speed: it runs once for every node of every file.
        source = self._source
        text = source.text
        anchors: dict[str, Scalar | Mapping | Sequence | None] = {}
        documents: list[Node] = []
        children: list[Node] = documents
        stack: list[tuple[list[Node], Any, int]] = []
        #: Both ordered by where they start; one is None until it ends.
        mappings: list[Any] = []
        sequences: list[Any] = []
        aliases: list[Alias] = []
        anchored: list[Scalar | Mapping | Sequence] = []
        multiline: list[Scalar] = []
        more = False
        while (event := next_event()) is not None:
            kind = event.__class__
            if kind is ScalarEvent:
                style = event.style or ""
                anchor = event.anchor
                start = event.start_mark.index
                end = event.end_mark.index
                value = event.value
                if style == "|" or style == ">":
                    end = _block_scalar_end(text, start, end, value)
                elif (
                    start == end
                    and len(children) % 2
                    and stack[-1][1].__class__ is MappingStartEvent
                ):
                    # A value without text: the two parsers place it differently.
                    start = end = _behind_key(text, children[-1])
                tag = None if event.ctag is None else event.tag
                node: Scalar | Mapping | Sequence
                node = scalar = Scalar(source, start, end, value, style, anchor, tag)
                if "\n" in value:
                    multiline.append(scalar)
                if anchor is not None:
                    anchors[anchor] = node
                    anchored.append(node)
                children.append(node)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise YamlError(
                        event.start_mark.index, f"collections are nested more than {MAX_DEPTH} deep"
                    )
                found = mappings if kind is MappingStartEvent else sequences
                stack.append((children, event, len(found)))
                found.append(None)
                if event.anchor is not None:
                    anchors[event.anchor] = None
                children = []
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                parent, opening, place = stack.pop()
                start = opening.start_mark.index
                flow = bool(opening.flow_style)
                tag = None if opening.ctag is None else opening.tag
                closing = event.end_mark.index
                if not flow or closing == event.start_mark.index:
                    # Block collections and `[a: b]` have no closing token.
                    closing = children[-1].end if children else start
                anchor = opening.anchor
                if kind is MappingEndEvent:
                    pairs = iter(children)
                    entries = tuple(zip(pairs, pairs, strict=True))
                    values: dict[str, Node] = {}
                    for key, item in entries:
                        if isinstance(key, Scalar):
                            values[key.value] = item
                    merges = MERGE_KEY in values and any(is_merge_key(key) for key, _ in entries)
                    if merges:
                        values = _without_merge_keys(entries)
                    node = Mapping(
                        source, start, closing, entries, flow, anchor, tag, values, merges
                    )
                    mappings[place] = node
                else:
                    node = Sequence(source, start, closing, tuple(children), flow, anchor, tag)
                    sequences[place] = node
                if anchor is not None:
                    anchors[anchor] = node
                    anchored.append(node)
                children = parent
                children.append(node)
            elif kind is AliasEvent:
                start = event.start_mark.index
                target = self._target(event.anchor, start, anchors)
                alias = Alias(source, start, event.end_mark.index, event.anchor, target)
                aliases.append(alias)
                children.append(alias)
            elif kind is DocumentStartEvent and documents:
                more = True
                break
        root = documents[0] if documents else None
        return Document(
            source,
            root,
            has_more_documents=more,
            mappings=tuple(mappings),
            aliases=tuple(aliases),
            anchored=tuple(anchored),
            sequences=tuple(sequences),
            multiline=tuple(multiline),
        )

    def _target(
        self, name: str, offset: int, anchors: dict[str, Scalar | Mapping | Sequence | None]
    ) -> Scalar | Mapping | Sequence:
        target = anchors.get(name)
        if target is None and name in anchors:
            raise YamlError(offset, "an alias is inside its own anchor")
        if target is None and self._outer is not None:
            target = self._outer(name)
        if target is None:
            raise YamlError(offset, "an alias has no anchor before it")
        return target


def _without_merge_keys(entries: tuple[tuple[Node, Node], ...]) -> dict[str, Node]:
    return {
        key.value: value
        for key, value in entries
        if isinstance(key, Scalar) and not is_merge_key(key)
    }


def _behind_key(text: str, key: Node) -> int:
    """The offset after the colon of ``key``, or after ``key`` itself if it has none."""
    colon = _COLON.match(text, key.end)
    if colon:
        return colon.end()
    below = _COLON_BELOW.match(text, key.end)
    if below:
        line = text[key.source.line_start(key.start) : key.start]
        mark = _QUESTION_MARK.search(line)
        if mark and mark.start() == len(below.group(1)):
            return below.end()
    return key.end


def _block_scalar_end(text: str, start: int, end: int, value: str) -> int:
    """The end of a block scalar's last line; with ``+``, trailing blank lines belong to it."""
    if text[start] not in "|>" or "+" in text[start : start + 3]:
        header = _BLOCK_HEADER.match(text, start)
        if header is not None and "+" in header.group(1):
            return end
    if value.rstrip("\n")[-1:] in (" ", "\t"):
        # Its last lines have blanks beyond the indent, which are part of the value.
        return start + len(text[start:end].rstrip(_LINE_BREAKS))
    return start + len(text[start:end].rstrip())
