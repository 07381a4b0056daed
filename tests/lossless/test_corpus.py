"""The core over invented configs, and over real ones where the reference corpus is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.merging import entries_of, is_null, items_of, own_entry, value_of
from cci_migrate.lossless.nodes import Document, Mapping, Node, Scalar, resolved, walk
from cci_migrate.lossless.operations import (
    AddEntry,
    Entries,
    Items,
    Operation,
    ScalarToMapping,
    Text,
)
from cci_migrate.lossless.parsing import YamlError, parse
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import NotUtf8Error, SourceText
from tests.lossless.trees import changed, shape
from tests.samples import NAMES, configs_of

#: The Python parser takes a second for 20 kB: only so many files, and only small ones.
SAMPLE = 60
SMALL = 6_000


@pytest.fixture(
    scope="module", params=["samples", pytest.param("corpus", marks=pytest.mark.corpus)]
)
def sources(request: pytest.FixtureRequest) -> list[SourceText]:
    """Invented configs, or small files from all over the corpus."""
    if request.param == "samples":
        files = [(name, data) for name in NAMES for data in configs_of(name).values()]
    else:
        corpus = request.getfixturevalue("corpus")
        paths = sorted(path for path in corpus.iterdir() if path.stat().st_size < SMALL)
        chosen = paths[:: max(1, len(paths) // SAMPLE)]
        files = [(path.name, path.read_bytes()) for path in chosen]
    decoded = []
    for name, data in files:
        with suppress(NotUtf8Error):
            decoded.append(SourceText.decode(name, data))
    return decoded


def tree_of(source: SourceText, *, pure: bool) -> object:
    """The tree of ``source``, or the place of the error."""
    try:
        return shape(parse(source, pure=pure).root)
    except YamlError as error:
        return error.offset


def test_both_parsers_agree(sources: list[SourceText]) -> None:
    assert len(sources) >= SAMPLE
    for source in sources:
        assert tree_of(source, pure=False) == tree_of(source, pure=True), source.path


def test_auth_and_contexts_can_be_added_everywhere(sources: list[SourceText]) -> None:
    done = refused = 0
    for source in sources:
        try:
            document = parse(source)
        except YamlError:
            continue
        operations = [*auth_everywhere(document), *contexts_everywhere(document)]
        written = [operation for operation in operations if can_be_written(document, operation)]
        changed(document, *written)
        done += len(written)
        refused += len(operations) - len(written)
    assert done > SAMPLE
    # A literal that ends its file without a line end cannot be followed by anything.
    assert refused < done / 100


def can_be_written(document: Document, operation: Operation) -> bool:
    """Whether ``one`` is not refused."""
    try:
        render(document, [operation])
    except CannotRenderError:
        return False
    return True


def auth_everywhere(document: Document) -> Iterator[Operation]:
    """``auth`` for each image of a ``docker`` list that has none."""
    credentials = Entries((("username", Text("$USER")), ("password", Text("$PASS"))))
    images: dict[Mapping, None] = {}
    for node in walk(document.root) if document.root else ():
        for item in items_of(value_of(node, "docker")) if isinstance(node, Mapping) else ():
            mapping = resolved(item)
            if isinstance(mapping, Mapping) and own_entry(mapping, "image"):
                images[mapping] = None
    for mapping in images:
        if not own_entry(mapping, "auth"):
            yield AddEntry(mapping, "auth", credentials, "image")


def contexts_everywhere(document: Document) -> Iterator[Operation]:
    """A context for each workflow job that is a bare name or has none."""
    names = Items((Text("docker-hub-creds"),))
    seen: set[Node] = set()
    for workflow in entries_of(value_of(document.root, "workflows")).values():
        for item in items_of(value_of(workflow.value, "jobs")):
            node = arguments(item)
            if node is None or node in seen:
                continue
            seen.add(node)
            if node is item and isinstance(node, Scalar):
                yield ScalarToMapping(node, Entries((("context", names),)))
            elif is_null(node) or (isinstance(node, Mapping) and not own_entry(node, "context")):
                assert isinstance(node, Mapping | Scalar)
                yield AddEntry(node, "context", names)


def arguments(item: Node) -> Node | None:
    """The bare name of a workflow job, or its arguments."""
    if isinstance(item, Scalar):
        return item
    return resolved(item.entries[0][1]) if isinstance(item, Mapping) else None
