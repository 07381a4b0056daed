"""Whatever the text and the operations: either the right result, or a reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.edits import apply_edits, in_order, undo_edits
from cci_migrate.lossless.nodes import (
    Alias,
    Collection,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    children,
    span_of,
    walk,
)
from cci_migrate.lossless.operations import (
    AddComment,
    AddEntry,
    AddItem,
    AliasTo,
    Content,
    Entries,
    Items,
    KeepItem,
    MappingToScalar,
    MergeToAlias,
    NestEntries,
    Operation,
    RemoveEntry,
    RemoveItems,
    RenameKey,
    ReplaceScalar,
    ReplaceText,
    ScalarToMapping,
    Text,
    WrapInMerge,
    WrapInSequence,
)
from cci_migrate.lossless.parsing import YamlError
from cci_migrate.lossless.rendering import node_of, render
from cci_migrate.lossless.source import LINE_BREAK
from cci_migrate.lossless.values import UnknownPlaceError, expected, is_data_of
from tests.lossless.trees import document_of, prove, shape
from tests.yaml_text import documents, scalars


def examples(count: int) -> settings:
    """``count`` examples, the same in each run, however long they take to make."""
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=count, deadline=None, derandomize=True, suppress_health_check=unhurried
    )


CONTENTS: st.SearchStrategy[Content] = st.recursive(
    st.builds(Text, scalars(), literal=st.booleans())
    | st.builds(Text, st.sampled_from(["1", "2.1"]), is_number=st.just(True)),
    lambda inner: st.one_of(
        st.builds(
            Items, st.lists(inner, max_size=3).map(tuple), flow=st.sampled_from([False, True])
        ),
        st.builds(
            Entries,
            st.dictionaries(st.sampled_from(["x", "y z", "on"]), inner, max_size=2).map(
                lambda entries: tuple(entries.items())
            ),
            flow=st.sampled_from([False, True]),
        ),
    ),
    max_leaves=4,
)


def additions(draw: st.DrawFn, node: Node, parent: Collection | None) -> Iterator[Operation]:
    """Operations at ``node`` that leave all other nodes where they are."""
    content = draw(CONTENTS)
    yield AddComment(node, "why é")
    is_key = isinstance(parent, Mapping) and any(key is node for key, _ in parent.entries)
    if isinstance(node, Mapping):
        names = [key.value for key, _ in node.entries if isinstance(key, Scalar)]
        yield AddEntry(node, "new key", content, draw(st.sampled_from([None, *names])))
        yield WrapInMerge(node, Entries((("new", content),)))
    elif isinstance(node, Sequence):
        yield AddItem(node, draw(st.integers(0, len(node.items))), content)
    elif not is_key:
        items = Items((content, Text("z")), flow=draw(st.booleans()))
        entries = Entries((("new", content), ("z", Text("1"))))
        yield WrapInSequence(node, items)
        if isinstance(node, Scalar):
            yield ScalarToMapping(node, entries)
            if not node.value:
                yield AddEntry(node, "new", content)
        elif isinstance(node.target, Mapping):
            yield WrapInMerge(node, entries)
        elif isinstance(node.target, Scalar):
            yield ScalarToMapping(node, entries)


def replacements(draw: st.DrawFn, node: Node, parent: Collection | None) -> Iterator[Operation]:
    """Operations that take something of ``node`` away."""
    if isinstance(node, Sequence) and node.items:
        index = draw(st.integers(0, len(node.items) - 1))
        more = draw(st.sets(st.integers(0, len(node.items) - 1)))
        yield RemoveItems(node, tuple(sorted(more | {index})))
        if isinstance(node.items[index], Scalar | Alias):
            yield KeepItem(node, index)
    if isinstance(node, Mapping) and node.entries:
        if len(node.entries) == 1:
            yield MappingToScalar(node)
        yield MergeToAlias(node)
        names = [key.value if isinstance(key, Scalar) else "?" for key, _ in node.entries]
        index = draw(st.integers(0, len(names) - 1))
        yield RemoveEntry(node, names[index])
        yield RenameKey(node, index, draw(st.sampled_from(["new", "a b", "yes", "x:"])))
        count = draw(st.integers(1, 2))
        yield NestEntries(node, names[index], tuple(names[index + 1 : index + 1 + count]))
    elif isinstance(node, Alias):
        yield ReplaceScalar(node, Items((Text("a b"), Text("c")), flow=draw(st.booleans())))
        yield ReplaceScalar(node, Text(draw(scalars())))
    elif isinstance(node, Scalar) and not isinstance(parent, Mapping):
        yield ReplaceScalar(node, Text(draw(scalars())))
    if isinstance(node, Scalar) and node.value:
        start = draw(st.integers(0, len(node.value)))
        end = draw(st.integers(start, len(node.value)))
        yield ReplaceText(node, start, end, draw(scalars()))


Draw = Callable[[st.DrawFn, Node, "Collection | None"], Iterator[Operation]]


def operation(
    draw: st.DrawFn, document: Document, kinds: Draw, used: set[Node]
) -> Operation | None:
    """An operation on a node of ``document`` that is not yet among the ``used``."""
    assert document.root is not None
    parents: dict[Node, Collection] = {}
    nodes = [node for node in walk(document.root) if node not in used]
    for node in walk(document.root):
        if isinstance(node, Mapping | Sequence):
            parents.update((child, node) for child in children(node))
    if not nodes:
        return None
    node = draw(st.sampled_from(nodes))
    used.add(node)
    found = list(kinds(draw, node, parents.get(node)))
    return draw(st.sampled_from(found)) if found else None


class Change:
    """A document and operations on it, shown in short."""

    def __init__(self, document: Document, operations: list[Operation | None]) -> None:
        self.document = document
        self.operations = tuple(operation for operation in operations if operation is not None)

    def __repr__(self) -> str:
        text = self.document.source.text
        shown = [
            (repr(operation), text[node_of(operation).start : node_of(operation).end])
            for operation in self.operations
        ]
        return f"Change({text!r}, {shown})"


@st.composite
def one_change(draw: st.DrawFn) -> Change:
    """A document and any one operation on it."""
    document = document_of(draw(documents()))
    kinds = draw(st.sampled_from([additions, replacements, replacements]))
    return Change(document, [operation(draw, document, kinds, set())])


@st.composite
def several_additions(draw: st.DrawFn) -> Change:
    """A document and operations on several of its nodes."""
    document = document_of(draw(documents()))
    used: set[Node] = set()
    count = draw(st.integers(3, 10))
    return Change(document, [operation(draw, document, additions, used) for _ in range(count)])


@examples(40)
@given(documents())
def test_both_parsers_agree_and_spans_are_in_each_other_and_in_order(text: str) -> None:
    document = document_of(text)
    assert shape(document.root) == shape(document_of(text, pure=True).root)
    assert document.root is not None
    for node in walk(document.root):
        at = node.start
        assert 0 <= node.start <= node.end <= len(text)
        for child in children(node):
            assert at <= child.start
            assert child.end <= node.end
            at = child.end
        if isinstance(node, Scalar) and not node.style and not LINE_BREAK.search(node.value):
            assert text[node.start : node.end].endswith(node.value)
        assert span_of(node).start == node.start


@examples(200)
@given(st.text(st.sampled_from("ab:-?,[]{}#&*!|>'\"%\\ \n\n\t\r\ufeffé😀"), max_size=30))
def test_both_parsers_agree_on_any_text_that_both_take(text: str) -> None:
    trees = []
    for pure in (False, True):
        with suppress(YamlError):
            trees.append(shape(document_of(text, pure=pure).root))
    assert len(set(trees)) <= 1


@examples(60)
@given(one_change())
def test_one_operation(change: Change) -> None:
    document, operations = change.document, change.operations
    try:
        edits = render(document, operations)
        wanted = expected((document,), operations)
    except (CannotRenderError, UnknownPlaceError):
        return
    new = apply_edits(document.source.text, edits)
    assert wanted.roots
    if loses_an_anchor(document, operations):
        return
    prove(document, operations, edits, new)


def loses_an_anchor(document: Document, operations: tuple[Operation, ...]) -> bool:
    """Whether what is removed holds an anchor, which the proof would refuse."""
    text = document.source.text
    removals = (RemoveEntry, RemoveItems, KeepItem, MappingToScalar, MergeToAlias, ReplaceScalar)
    return any(isinstance(operation, removals) and "&" in text for operation in operations)


@examples(60)
@given(several_additions())
def test_several_operations(change: Change) -> None:
    document, operations = change.document, change.operations
    done: list[Operation] = []
    for operation in operations:
        try:
            render(document, [operation])
        except CannotRenderError:
            continue
        done.append(operation)
    edits = render(document, done)
    old = document.source.text
    new = apply_edits(old, edits)
    prove(document, tuple(done), edits, new)
    assert in_order(edits) == edits
    assert undo_edits(new, edits) == old
    kinds = set(LINE_BREAK.findall(old)) or {"\n"}
    assert set(LINE_BREAK.findall(new)) <= kinds, "a line ends in another way"
    assert new.endswith(("\n", "\r")) == old.endswith(("\n", "\r")), "the text ends in another way"


def test_the_data_of_aliases_are_shared() -> None:
    document = document_of("a: &a {b: c}\nd: *a\n")
    added = AddEntry(document.root.entries[0][1], "e", AliasTo(document.root, "x"))  # type: ignore[union-attr,arg-type]
    assert not is_data_of(expected((document,), (added,)), (document,))
