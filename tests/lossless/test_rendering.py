"""Each operation in each shape of text: before, the operation, after.

Every row also shows that the edits can be taken back, that both parsers read the result alike, and
that it holds the data which the operation promises.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest
from msgspec import Struct

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.edits import apply_edits
from cci_migrate.lossless.nodes import Alias, Document, Scalar
from cci_migrate.lossless.operations import (
    AddComment,
    AddEntry,
    AddItem,
    AliasTo,
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
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText
from tests.lossless.trees import (
    alias_at,
    changed,
    document_of,
    mapping_at,
    node_at,
    scalar_at,
    sequence_at,
)

One = Callable[[Document], Operation]
Make = Callable[[Document], "Operation | tuple[Operation, ...]"]


class Row(Struct, frozen=True):
    """One row of a table; the texts are indented as the source code is."""

    name: str
    before: str
    make: Make
    after: str


def table(*rows: Row) -> pytest.MarkDecorator:
    """``rows`` as cases of a test."""
    assert len({row.name for row in rows}) == len(rows)
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def check(row: Row) -> None:
    """Do what ``row`` says, with the line ends of Unix, Windows and no line end at the end."""
    before, after = dedent(row.before.removeprefix("\n")), dedent(row.after.removeprefix("\n"))
    assert result(row.make, before) == after
    assert result(row.make, before.replace("\n", "\r\n")) == after.replace("\n", "\r\n")


def result(make: Make, before: str) -> str:
    """``before`` with the operations of ``make`` done and proven."""
    document = document_of(before)
    made = make(document)
    return changed(document, *(made if isinstance(made, tuple) else (made,)))


AUTH = Entries((("username", Text("$USER")), ("password", Text("$PASS"))))
CONTEXT = Entries((("context", Items((Text("hub"),))),))


def auth(*route: str | int, after: str | None = "image") -> One:
    """``auth`` in the mapping at ``route``."""
    return lambda document: AddEntry(mapping_at(document, *route), "auth", AUTH, after)


def context(*route: str | int) -> One:
    """``context`` at the end of the mapping at ``route``."""
    return lambda document: AddEntry(mapping_at(document, *route), "context", Items((Text("hub"),)))


@table(
    Row(
        "last key",
        """
        docker:
          - image: a
        """,
        auth("docker", 0),
        """
        docker:
          - image: a
            auth:
              username: $USER
              password: $PASS
        """,
    ),
    Row(
        "between keys, comment on the line, blank line below",
        """
        docker:
          - image: a # why

            environment:
              A: b
        """,
        auth("docker", 0),
        """
        docker:
          - image: a # why
            auth:
              username: $USER
              password: $PASS

            environment:
              A: b
        """,
    ),
    Row(
        "dashes at the parent's column",
        """
        docker:
        - image: a
        - image: b
        steps: []
        """,
        auth("docker", 0),
        """
        docker:
        - image: a
          auth:
            username: $USER
            password: $PASS
        - image: b
        steps: []
        """,
    ),
    Row(
        "wide dashes, four spaces",
        """
        build:
            docker:
                -   image: a
                    environment:
                        A: b
                -   image: b
        """,
        auth("build", "docker", 1),
        """
        build:
            docker:
                -   image: a
                    environment:
                        A: b
                -   image: b
                    auth:
                        username: $USER
                        password: $PASS
        """,
    ),
    Row(
        "a dash on its own line",
        """
        docker:
          -
            image: a
            user: b
        """,
        auth("docker", 0),
        """
        docker:
          -
            image: a
            auth:
              username: $USER
              password: $PASS
            user: b
        """,
    ),
    Row(
        "an anchored item",
        """
        docker:
          - &a # c
            image: a
          - &b
            image: b
          - &c image: c
        """,
        lambda document: tuple(
            AddEntry(mapping_at(document, "docker", index), "auth", AUTH, "image")
            for index in (2, 0)
        ),
        """
        docker:
          - &a # c
            image: a
            auth:
              username: $USER
              password: $PASS
          - &b
            image: b
          - &c image: c
            auth:
              username: $USER
              password: $PASS
        """,
    ),
    Row(
        "a merge above, an alias as the value, a banner below",
        """
        a: &a x
        build:
          docker:
            - <<: &b {user: c}
              image: *a

        # ---- next job ----
        test: x
        """,
        auth("build", "docker", 0),
        """
        a: &a x
        build:
          docker:
            - <<: &b {user: c}
              image: *a
              auth:
                username: $USER
                password: $PASS

        # ---- next job ----
        test: x
        """,
    ),
    Row(
        "comments below: deeper ones belong above, others below",
        """
        - image: a
            # of the image
          # of the user
          user: b
        """,
        auth(0),
        """
        - image: a
            # of the image
          auth:
            username: $USER
            password: $PASS
          # of the user
          user: b
        """,
    ),
    Row(
        "at the end, behind a nested list and what is commented out of it",
        """
        jobs:
          - test:
              requires:
                - a
                # - b
          # - lint
          - deploy
        """,
        context("jobs", 0, "test"),
        """
        jobs:
          - test:
              requires:
                - a
                # - b
              context:
                - hub
          # - lint
          - deploy
        """,
    ),
    Row(
        "items as the siblings have them",
        """
        - test:
            requires:
            - a
        """,
        context(0, "test"),
        """
        - test:
            requires:
            - a
            context:
            - hub
        """,
    ),
    Row(
        "behind a literal",
        """
        - image: |
            a

          user: b
        """,
        auth(0),
        """
        - image: |
            a
          auth:
            username: $USER
            password: $PASS

          user: b
        """,
    ),
    Row(
        "behind a literal that keeps its blank lines",
        """
        - image: |+
            a

          user: b
        """,
        auth(0),
        """
        - image: |+
            a

          auth:
            username: $USER
            password: $PASS
          user: b
        """,
    ),
    Row(
        "behind a folded last value, a comment below it",
        """
        - image: a
          command: >-
            b
            c
          # done
        - image: b
        """,
        auth(0, after=None),
        """
        - image: a
          command: >-
            b
            c
          auth:
            username: $USER
            password: $PASS
          # done
        - image: b
        """,
    ),
    Row(
        "behind a scalar of several lines",
        """
        - image: a
            b
          user: 'c

            d' # e
        """,
        auth(0, after="user"),
        """
        - image: a
            b
          user: 'c

            d' # e
          auth:
            username: $USER
            password: $PASS
        """,
    ),
    Row(
        "behind a null, and behind the last of duplicate keys",
        """
        - image: # later
          user: a
          user:
          name: b
        """,
        lambda document: (
            AddEntry(mapping_at(document, 0), "auth", AUTH, "user"),
            AddEntry(mapping_at(document, 0), "entrypoint", Text(""), "image"),
        ),
        """
        - image: # later
          entrypoint: ""
          user: a
          user:
          auth:
            username: $USER
            password: $PASS
          name: b
        """,
    ),
    Row(
        "behind an explicit key",
        """
        ? image
        : a
        ? user
        """,
        auth(),
        """
        ? image
        : a
        auth:
          username: $USER
          password: $PASS
        ? user
        """,
    ),
    Row(
        "behind an explicit key whose colon has nothing behind it",
        """
        - ? image
          # none
          : # later
          user: b
        - ? |
            c
        """,
        lambda document: (auth(0)(document), AddEntry(mapping_at(document, 1), "x", Text("y"))),
        """
        - ? image
          # none
          : # later
          auth:
            username: $USER
            password: $PASS
          user: b
        - ? |
            c
          x: y
        """,
    ),
    Row(
        "in a nested sequence",
        """
        - - image: a
          - image: b
        """,
        auth(0, 0),
        """
        - - image: a
            auth:
              username: $USER
              password: $PASS
          - image: b
        """,
    ),
    Row(
        "multi-byte text on the line",
        """
        - "é😀": 😀
          image: 名 # 😀
        """,
        auth(0),
        """
        - "é😀": 😀
          image: 名 # 😀
          auth:
            username: $USER
            password: $PASS
        """,
    ),
    Row(
        "a tab before the comment",
        """
        - image: a\t# b
          user:\tc
        """,
        auth(0),
        """
        - image: a\t# b
          auth:
            username: $USER
            password: $PASS
          user:\tc
        """,
    ),
    Row(
        "between document markers",
        """
        %YAML 1.1
        ---
        image: a
        ...
        # end
        """,
        auth(),
        """
        %YAML 1.1
        ---
        image: a
        auth:
          username: $USER
          password: $PASS
        ...
        # end
        """,
    ),
    Row(
        "an alias, and a merge",
        """
        x: &x {a: b}
        docker:
          - image: a
          - image: b
        """,
        lambda document: (
            AddEntry(
                mapping_at(document, "docker", 0),
                "auth",
                AliasTo(mapping_at(document, "x"), "x"),
                "image",
            ),
            AddEntry(
                mapping_at(document, "docker", 1),
                "<<",
                AliasTo(mapping_at(document, "x"), "x"),
                "image",
            ),
        ),
        """
        x: &x {a: b}
        docker:
          - image: a
            auth: *x
          - image: b
            <<: *x
        """,
    ),
    Row(
        "quotes where the text needs them",
        """
        a: b
        """,
        lambda document: tuple(
            AddEntry(mapping_at(document), key, Text(value))
            for key, value in {
                "yes": "no",
                "n o": "# c",
                "x:": "12",
                "e": "e: f",
                "l": "1\n2",
                "p": "$P",
                "m": "Docker Auth",
            }.items()
        ),
        """
        a: b
        "yes": "no"
        n o: "# c"
        "x:": "12"
        e: "e: f"
        l: "1\\n2"
        p: $P
        m: Docker Auth
        """,
    ),
    Row(
        "what the content asks for",
        """
        a:
          b: c
        """,
        lambda document: AddEntry(
            mapping_at(document),
            "run",
            Entries(
                (
                    ("command", Text("set +x\n\nlogin\n", literal=True)),
                    ("shell", Text("a\nb", literal=True)),
                    ("odd", Text(" a\nb", literal=True)),
                    ("timeout", Text("10", is_number=True)),
                    ("list", Items((Text("x"), Entries((("y", AUTH),)), Items((Text("z"),))))),
                    ("flow", Items((Text("a,b"),), flow=True)),
                    ("empty", Items(())),
                    ("none", Entries(())),
                )
            ),
        ),
        """
        a:
          b: c
        run:
          command: |
            set +x

            login
          shell: |-
            a
            b
          odd: " a\\nb"
          timeout: 10
          list:
            - x
            - y:
                username: $USER
                password: $PASS
            - [z]
          flow: ["a,b"]
          empty: []
          none: {}
        """,
    ),
)
def test_an_entry_in_a_block_mapping(row: Row) -> None:
    check(row)


@table(
    Row(
        "one line",
        "- {image: a}\n",
        auth(0),
        "- {image: a, auth: {username: $USER, password: $PASS}}\n",
    ),
    Row(
        "padding",
        "- { image: a, user: b }\n",
        auth(0),
        "- { image: a, auth: { username: $USER, password: $PASS }, user: b }\n",
    ),
    Row(
        "trailing comma",
        "- {image: a, }\n",
        auth(0),
        "- {image: a, auth: {username: $USER, password: $PASS}, }\n",
    ),
    Row("empty", "a: {}\nb: { }\n", lambda document: (
        AddEntry(mapping_at(document, "a"), "c", Text("d")),
        AddEntry(mapping_at(document, "a"), "e", Text("f")),
        AddEntry(mapping_at(document, "b"), "c", Text("d")),
        AddEntry(mapping_at(document, "b"), "e", Text("f")),
    ), "a: {c: d, e: f}\nb: { c: d, e: f }\n"),
    Row(
        "JSON",
        '{"docker": [{"image": "a"}]}\n',
        auth("docker", 0),
        '{"docker": [{"image": "a", "auth": {"username": "$USER", "password": "$PASS"}}]}\n',
    ),
    Row(
        "compact JSON",
        '{"docker":[{"image":"a","user":"b"}]}\n',
        auth("docker", 0),
        '{"docker":[{"image":"a","auth":{"username":"$USER","password":"$PASS"},"user":"b"}]}\n',
    ),
    Row(
        "pair without braces",
        "docker: [image: a]\n",
        auth("docker", 0),
        "docker: [{ image: a, auth: {username: $USER, password: $PASS} }]\n",
    ),
    Row(
        "pair without braces, padded, two entries",
        "docker: [ image: 'a' ] # b\n",
        lambda document: (
            AddEntry(mapping_at(document, "docker", 0), "user", Text("u")),
            AddEntry(mapping_at(document, "docker", 0), "name", Text("n")),
        ),
        "docker: [ {image: 'a', user: u, name: n} ] # b\n",
    ),
    Row(
        "an alias, a null and a key alone before it",
        "x: &x y\na: {image: *x}\nb: {image: }\nc: {image}\n",
        lambda document: tuple(
            AddEntry(mapping_at(document, key), "user", Text("z"), "image") for key in "abc"
        ),
        "x: &x y\na: {image: *x, user: z}\nb: {image: , user: z }\nc: {image, user: z}\n",
    ),
    Row(
        "a line each",
        """
        {
          image: a, # b
          user: c # d
        }
        """,
        auth(after=None),
        """
        {
          image: a, # b
          user: c, # d
          auth: {username: $USER, password: $PASS}
        }
        """,
    ),
    Row(
        "a line each, trailing comma",
        """
        {
          image: a,
          user: c, # d
        }
        """,
        auth(after=None),
        """
        {
          image: a,
          user: c, # d
          auth: {username: $USER, password: $PASS},
        }
        """,
    ),
    Row(
        "a line each, between, two entries at one place",
        """
        - {
            image: a, # b
            # of the user
            user: c,
          }
        """,
        lambda document: (
            auth(0)(document), AddEntry(mapping_at(document, 0), "name", Text("n"), "image")
        ),
        """
        - {
            image: a, # b
            auth: {username: $USER, password: $PASS},
            name: n,
            # of the user
            user: c,
          }
        """,
    ),
    Row(
        "a line each, two entries at the end without a comma",
        """
        {
          image: a # b
        }
        """,
        lambda document: (auth()(document), AddEntry(mapping_at(document), "name", Text("n"))),
        """
        {
          image: a, # b
          auth: {username: $USER, password: $PASS},
          name: n
        }
        """,
    ),
    Row(
        "several on a line",
        """
        {
          image: a, user: b,
          name: c }
        """,
        lambda document: (auth()(document), AddEntry(mapping_at(document), "x", Text("y"), "name")),
        """
        {
          image: a, auth: {username: $USER, password: $PASS}, user: b,
          name: c,
          x: y }
        """,
    ),
    Row(
        "the first on the line of the brace",
        """
        - {image: a,
           user: b}
        """,
        lambda document: (auth(0)(document), AddEntry(mapping_at(document, 0), "x", Text("y"))),
        """
        - {image: a, auth: {username: $USER, password: $PASS},
           user: b,
           x: y}
        """,
    ),
    Row(
        "colons in the values",
        "- {image: node:20}\n",
        lambda document: AddEntry(mapping_at(document, 0), "user", Text("a:b")),
        '- {image: node:20, user: "a:b"}\n',
    ),
)  # fmt: skip
def test_an_entry_in_a_flow_mapping(row: Row) -> None:
    check(row)


@table(
    Row(
        "under a workflow job",
        """
        jobs:
          - build: # why
          - test:
              requires: [build]
        """,
        lambda document: AddEntry(
            scalar_at(document, "jobs", 0, "build"), "context", Items((Text("hub"),))
        ),
        """
        jobs:
          - build: # why
              context:
                - hub
          - test:
              requires: [build]
        """,
    ),
    Row(
        "twice, above a comment and a blank line",
        """
        a:
          # nothing yet

        b: c
        """,
        lambda document: (
            AddEntry(scalar_at(document, "a"), "x", Text("1", is_number=True)),
            AddEntry(scalar_at(document, "a"), "y", Text("2")),
        ),
        """
        a:
          x: 1
          y: "2"
          # nothing yet

        b: c
        """,
    ),
    Row(
        "with a key beside it, at that mapping's step",
        """
        jobs:
          - test:
                requires: [build]
          - image: a
            auth:
        """,
        lambda document: AddEntry(scalar_at(document, "jobs", 1, "auth"), "username", Text("u")),
        """
        jobs:
          - test:
                requires: [build]
          - image: a
            auth:
                username: u
        """,
    ),
)
def test_an_entry_under_a_key_without_a_value(row: Row) -> None:
    check(row)


def item(index: int, content: str | Entries, *route: str | int) -> One:
    """An item at ``index`` of the sequence at ``route``."""
    value = Text(content) if isinstance(content, str) else content
    return lambda document: AddItem(sequence_at(document, *route), index, value)


LOGIN = Entries((("run", Entries((("name", Text("Log in")), ("command", Text("a\nb\n", True))))),))


@table(
    Row(
        "at the end, a blank line and a comment below",
        """
        context:
          - a # why

        # next
        b: c
        """,
        item(1, "hub", "context"),
        """
        context:
          - a # why
          - hub

        # next
        b: c
        """,
    ),
    Row(
        "at the end, twice",
        """
        context:
        - a
        b: c
        """,
        lambda document: (
            item(1, "hub", "context")(document),
            item(1, "quay", "context")(document),
        ),
        """
        context:
        - a
        - hub
        - quay
        b: c
        """,
    ),
    Row(
        "at the start, below the key's comment and above the item's own",
        """
        steps: # all

          # of a
          - a
          - b
        """,
        item(0, LOGIN, "steps"),
        """
        steps: # all

          - run:
              name: Log in
              command: |
                a
                b
          # of a
          - a
          - b
        """,
    ),
    Row(
        "between, its body as deep as its neighbours'",
        """
        steps:
          - setup_remote_docker:
                version: default
          # builds
          - run:
                command: |
                    docker build .
          - run: c
        """,
        item(1, LOGIN, "steps"),
        """
        steps:
          - setup_remote_docker:
                version: default
          - run:
                name: Log in
                command: |
                    a
                    b
          # builds
          - run:
                command: |
                    docker build .
          - run: c
        """,
    ),
    Row(
        "wide dashes",
        """
        steps:
          -   checkout
          -   run: a
        """,
        item(1, LOGIN, "steps"),
        """
        steps:
          -   checkout
          -   run:
                name: Log in
                command: |
                  a
                  b
          -   run: a
        """,
    ),
    Row(
        "in the neighbours' quotes",
        """
        - 'a'
        - 'b'
        """,
        item(2, "hub"),
        """
        - 'a'
        - 'b'
        - 'hub'
        """,
    ),
    Row(
        "behind a null and behind a mapping",
        """
        - # none
        - a: b
          c:
        """,
        lambda document: (item(1, "x")(document), item(2, "y")(document)),
        """
        - # none
        - x
        - a: b
          c:
        - y
        """,
    ),
    Row(
        "at the start of a nested sequence",
        """
        - - a
          - b
        """,
        item(0, "x", 0),
        """
        - - x
          - a
          - b
        """,
    ),
    Row("flow", "a: [b, c] # d\n", lambda document: (
        item(0, "x", "a")(document), item(1, "y", "a")(document), item(2, "z", "a")(document)
    ), "a: [x, b, y, c, z] # d\n"),
    Row("flow, empty", "a: []\nb: [ ]\n", lambda document: (
        item(0, "x", "a")(document), item(0, "y", "a")(document), item(0, "x", "b")(document)
    ), "a: [x, y]\nb: [ x ]\n"),
    Row("flow, padded, quoted", "a: [ 'b' ]\n", item(1, "x", "a"), "a: [ 'b', 'x' ]\n"),
    Row("flow, JSON without spaces", '["a","b"]', item(2, "x"), '["a","b","x"]'),
    Row("flow, trailing comma", "[a, b,]\n", item(2, "x"), "[a, b, x,]\n"),
    Row("flow, behind an alias", "[&a b, *a]\n", item(2, "x"), "[&a b, *a, x]\n"),
    Row(
        "flow, a line each",
        """
        a: [
          b, # of b
          c # of c
        ]
        """,
        lambda document: (item(0, "x", "a")(document), item(2, "y", "a")(document),
                          item(2, "z", "a")(document)),
        """
        a: [
          x,
          b, # of b
          c, # of c
          y,
          z
        ]
        """,
    ),
    Row(
        "flow, a line each, trailing comma",
        """
        a: [
          b,
        ]
        """,
        item(1, "x", "a"),
        """
        a: [
          b,
          x,
        ]
        """,
    ),
)  # fmt: skip
def test_an_item(row: Row) -> None:
    check(row)


def entry_for(*route: str | int) -> One:
    """A context for the bare workflow job at ``route``."""

    def make(document: Document) -> Operation:
        node = node_at(document, *route)
        assert isinstance(node, Scalar | Alias)
        return ScalarToMapping(node, CONTEXT)

    return make


@table(
    Row(
        "a bare workflow job with a comment",
        """
        jobs:
          - build # first
          # then
          - test
        """,
        lambda document: (entry_for("jobs", 1)(document), entry_for("jobs", 0)(document)),
        """
        jobs:
          - build: # first
              context:
                - hub
          # then
          - test:
              context:
                - hub
        """,
    ),
    Row(
        "as deep as its siblings' keys",
        """
        jobs:
        - a
        - b:
            requires:
            - a
        """,
        entry_for("jobs", 0),
        """
        jobs:
        - a:
            context:
            - hub
        - b:
            requires:
            - a
        """,
    ),
    Row(
        "four spaces",
        """
        jobs:
            - a
            - b:
                  requires: [a]
        """,
        entry_for("jobs", 0),
        """
        jobs:
            - a:
                  context:
                      - hub
            - b:
                  requires: [a]
        """,
    ),
    Row(
        "quoted, anchored, on its own line",
        """
        - "a b"
        - &c 'c'
        -
          d
        - *c
        """,
        lambda document: tuple(entry_for(index)(document) for index in range(3)),
        """
        - "a b":
            context:
              - hub
        - &c 'c':
            context:
              - hub
        -
          d:
            context:
              - hub
        - *c
        """,
    ),
    Row(
        "an alias",
        """
        - &a b, # why
        - &c 'c'
        - *a
        - *a # again
        - [*c, *c]
        """,
        lambda document: (entry_for(3)(document), entry_for(4, 0)(document)),
        """
        - &a b, # why
        - &c 'c'
        - *a
        - b,: # again
            context:
              - hub
        - [{'c': {context: [hub]}}, *c]
        """,
    ),
    Row(
        "flow",
        "jobs: [a, 'b', \"c\"]\n",
        lambda document: tuple(entry_for("jobs", index)(document) for index in range(3)),
        "jobs: [{a: {context: [hub]}}, {'b': {context: [hub]}}, "
        '{"c": {"context": ["hub"]}}]\n',
    ),
)  # fmt: skip
def test_a_scalar_becomes_a_mapping(row: Row) -> None:
    check(row)


def merge_at(*route: str | int) -> One:
    """A merge of the alias at ``route`` with a context."""
    return lambda document: WrapInMerge(alias_at(document, *route), CONTEXT)


@table(
    Row(
        "a value",
        """
        f: &f {a: b}
        jobs:
          - build: *f # why
          - test:   *f

        x: y
        """,
        lambda document: (
            merge_at("jobs", 0, "build")(document),
            merge_at("jobs", 1, "test")(document),
        ),
        """
        f: &f {a: b}
        jobs:
          - build:
              <<: *f # why
              context:
                - hub
          - test:
              <<: *f
              context:
                - hub

        x: y
        """,
    ),
    Row(
        "a value on its own line",
        """
        f: &f {a: b}
        g:
            *f
        """,
        merge_at("g"),
        """
        f: &f {a: b}
        g:
            <<: *f
            context:
              - hub
        """,
    ),
    Row(
        "an item",
        """
        f: &f {image: b}
        docker:
        - *f # why
        - image: c
        """,
        lambda document: WrapInMerge(
            alias_at(document, "docker", 0), Entries((("auth", AUTH),))
        ),
        """
        f: &f {image: b}
        docker:
        - <<: *f # why
          auth:
            username: $USER
            password: $PASS
        - image: c
        """,
    ),
    Row("flow", "- &f {a: b}\n- [*f, {c: *f}]\n", lambda document: (
        merge_at(1, 0)(document), merge_at(1, 1, "c")(document)
    ), "- &f {a: b}\n- [{<<: *f, context: [hub]}, {c: {<<: *f, context: [hub]}}]\n"),
)  # fmt: skip
def test_an_alias_becomes_a_merge(row: Row) -> None:
    check(row)


def wrap_at(*route: str | int) -> One:
    """A merge of the mapping at ``route`` with a context."""
    return lambda document: WrapInMerge(mapping_at(document, *route), CONTEXT)


@table(
    Row(
        "block, with what belongs to it",
        """
        jobs:
          - build: &b # why
              # when
              filters:
                tags: {only: v1}

              note: |
                a
                  # b

                c
              # requires: [x]
          # another
          - test: *b
        """,
        wrap_at("jobs", 0, "build"),
        """
        jobs:
          - build:
              <<: &b # why
                # when
                filters:
                  tags: {only: v1}

                note: |
                  a
                    # b

                  c
                # requires: [x]
              context:
                - hub
          # another
          - test: *b
        """,
    ),
    Row(
        "an anchor on a line of its own, four columns a step",
        """
        jobs:
        -   build:
                &b
                filters: x
                <<: {c: "d
                  e"}
        -   test: *b
        """,
        wrap_at("jobs", 0, "build"),
        """
        jobs:
        -   build:
                <<: &b
                    filters: x
                    <<: {c: "d
                      e"}
                context:
                -   hub
        -   test: *b
        """,
    ),
    Row(
        "flow in block",
        """
        jobs:
        - build: &b {filters: x} # why
        - lint: &l {
            a: b
          }
        - test: *b
        - *l
        """,
        lambda document: (
            wrap_at("jobs", 0, "build")(document),
            wrap_at("jobs", 1, "lint")(document),
        ),
        """
        jobs:
        - build:
            <<: &b {filters: x} # why
            context:
            - hub
        - lint:
            <<: &l {
              a: b
            }
            context:
            - hub
        - test: *b
        - *l
        """,
    ),
    Row(
        "an item",
        """
        docker:
          - &f
            image: b
            user: c
          - *f
        """,
        wrap_at("docker", 0),
        """
        docker:
          - <<: &f
              image: b
              user: c
            context:
              - hub
          - *f
        """,
    ),
    Row(
        "with other changes within, one of them such a merge too",
        """
        jobs:
          - build: &b
              requires:
              - a
              filters: &f
                tags: x
              steps:
              - - p
          - test: *b
        """,
        lambda document: (
            AddComment(sequence_at(document, "jobs", 0, "build", "requires").items[0], "why"),
            AddItem(sequence_at(document, "jobs", 0, "build", "requires"), 1, Text("c")),
            wrap_at("jobs", 0, "build")(document),
            wrap_at("jobs", 0, "build", "filters")(document),
            AddItem(sequence_at(document, "jobs", 0, "build", "steps", 0), 0, Text("o")),
            AddItem(sequence_at(document, "jobs", 0, "build", "steps"), 1, Text("q")),
            AddEntry(mapping_at(document, "jobs", 0, "build"), "name", Text("n")),
        ),
        """
        jobs:
          - build:
              <<: &b
                requires:
                # why
                - a
                - c
                filters:
                  <<: &f
                    tags: x
                  context:
                  - hub
                steps:
                - - o
                  - p
                - q
                name: n
              context:
              - hub
          - test: *b
        """,
    ),
    Row("an item with its anchor right of its keys", "- a\n- - &f\n   b: c\n", wrap_at(1, 0),
        "- a\n- - <<: &f\n      b: c\n    context:\n      - hub\n"),
    Row("flow in flow", "jobs: [build: &b {a: b}, {test: *b}]\n", wrap_at("jobs", 0, "build"),
        "jobs: [build: {<<: &b {a: b}, context: [hub]}, {test: *b}]\n"),
    Row("no line end at the end", "a: &b\n  c: d", wrap_at("a"),
        "a:\n  <<: &b\n    c: d\n  context:\n    - hub"),
)  # fmt: skip
def test_a_mapping_becomes_what_it_is_merged_into(row: Row) -> None:
    check(row)


def wrap(*route: str | int, flow: bool = False) -> One:
    """The value at ``route`` as a list, with a context behind it."""

    def make(document: Document) -> Operation:
        node = node_at(document, *route)
        return WrapInSequence(node, Items((Text("hub"),), flow=flow))  # type: ignore[arg-type]

    return make


@table(
    Row(
        "a string with a comment",
        """
        - build:
            context: org # why
            requires:
              - a
        """,
        wrap(0, "build", "context"),
        """
        - build:
            context:
              - org # why
              - hub
            requires:
              - a
        """,
    ),
    Row(
        "dashes as in the siblings, quotes as in the string",
        """
        context: "org"
        requires:
        - a
        """,
        wrap("context"),
        """
        context:
        - "org"
        - "hub"
        requires:
        - a
        """,
    ),
    Row(
        "an anchored string, an alias, a string on its own line",
        """
        a: &a org
        b: *a
        c:
            d
        """,
        lambda document: (
            wrap("c")(document), wrap("b")(document), wrap("a")(document)
        ),
        """
        a:
          - &a org
          - hub
        b:
          - *a
          - hub
        c:
            - d
            - hub
        """,
    ),
    Row("brackets", "context: a # b\n", wrap("context", flow=True), "context: [a, hub] # b\n"),
    Row(
        "brackets do not hold the text",
        "context: a, b\n",
        wrap("context", flow=True),
        "context:\n  - a, b\n  - hub\n",
    ),
    Row("flow", "{a: &a b, c: 'd', e: *a}\n", lambda document: (
        wrap("a")(document), wrap("c")(document), wrap("e")(document)
    ), "{a: [&a b, hub], c: ['d', 'hub'], e: [*a, hub]}\n"),
)  # fmt: skip
def test_a_value_becomes_a_list(row: Row) -> None:
    check(row)


@table(
    Row(
        "plain, quoted, anchored, tagged, null",
        """
        a: b # c
        d: "e" # f
        g: &g h
        i: !!str j
        k: # l
        m: 'n
          o' # p
        q: &q
        r: *q
        """,
        lambda document: tuple(
            ReplaceScalar(scalar_at(document, key), Text("$X")) for key in "adgikmq"
        ),
        """
        a: $X # c
        d: "$X" # f
        g: &g $X
        i: !!str $X
        k: $X # l
        m: '$X' # p
        q: &q $X
        r: *q
        """,
    ),
    Row(
        "what needs quotes, and a number",
        "a: b\nc: d\ne: [f]\ng: 'h'\n",
        lambda document: (
            ReplaceScalar(scalar_at(document, "a"), Text("# x")),
            ReplaceScalar(scalar_at(document, "c"), Text("2.1", is_number=True)),
            ReplaceScalar(scalar_at(document, "e", 0), Text("x,y")),
            ReplaceScalar(scalar_at(document, "g"), Text("it's")),
        ),
        "a: \"# x\"\nc: 2.1\ne: [\"x,y\"]\ng: 'it''s'\n",
    ),
    Row(
        "nulls in sequences and flow mappings",
        "- a\n-\n- {b: , c: }\n",
        lambda document: (
            ReplaceScalar(scalar_at(document, 1), Text("x")),
            ReplaceScalar(scalar_at(document, 2, "b"), Text("y")),
        ),
        "- a\n- x\n- {b: y , c: }\n",
    ),
    Row(
        "an alias by a string",
        "a: &a b\nc: *a # d\ne: [*a]\n",
        lambda document: (
            ReplaceScalar(alias_at(document, "c"), Text("x")),
            ReplaceScalar(alias_at(document, "e", 0), Text("y")),
        ),
        "a: &a b\nc: x # d\ne: [y]\n",
    ),
    Row(
        "an alias by a list",
        """
        a: &a [b]
        c: *a # d
        e:
           *a
        f: {g: *a}
        h: *a
        """,
        lambda document: (
            *(
                ReplaceScalar(alias_at(document, *route), Items((Text("b"), Text("hub"))))
                for route in (("c",), ("e",), ("f", "g"))
            ),
            ReplaceScalar(alias_at(document, "h"), Items((Text("b"), Text("hub")), flow=True)),
        ),
        """
        a: &a [b]
        c:
          - b # d
          - hub
        e:
           - b
           - hub
        f: {g: [b, hub]}
        h: [b, hub]
        """,
    ),
)  # fmt: skip
def test_a_scalar_is_replaced(row: Row) -> None:
    check(row)


def text(old: str, new: str, *route: str | int) -> One:
    """``new`` for ``old`` in the value at ``route``."""

    def make(document: Document) -> Operation:
        scalar = scalar_at(document, *route)
        start = scalar.value.index(old)
        return ReplaceText(scalar, start, start + len(old), new)

    return make


@table(
    Row("plain", "a: docker login -p $P x # y\n", text("-p $P", "--password-stdin", "a"),
        "a: docker login --password-stdin x # y\n"),
    Row("quoted", "a: 'b c'\nd: &d \"e f\"\n", lambda document: (
        text("b", "it's", "a")(document), text("f", '"\\', "d")(document)
    ), "a: 'it''s c'\nd: &d \"e \\\"\\\\\"\n"),
    Row(
        "literal",
        """
        a: | # b
          c

            d é😀 e
          f

        g: h
        """,
        lambda document: (text("f", "x", "a")(document), text("d é😀", "y\n\nz", "a")(document)),
        """
        a: | # b
          c

            y

          z e
          x

        g: h
        """,
    ),
    Row(
        "literal, on an empty line",
        """
        - |
          a

          b
        """,
        lambda document: ReplaceText(scalar_at(document, 0), 2, 2, "x\n\ny"),
        """
        - |
          a
          x

          y
          b
        """,
    ),
    Row(
        "literal, lines put before and behind",
        """
        - run: |-
            a
            b
        """,
        lambda document: (
            ReplaceText(scalar_at(document, 0, "run"), 3, 3, "\ny"),
            ReplaceText(scalar_at(document, 0, "run"), 0, 0, "x\n"),
        ),
        """
        - run: |-
            x
            a
            b
            y
        """,
    ),
)  # fmt: skip
def test_a_part_of_a_scalar_is_replaced(row: Row) -> None:
    check(row)


@table(
    Row(
        "keys beside an empty auth",
        """
        - image: a
          auth:
          # read only
          username: $USER
          password: |
            x

          user: root
        """,
        lambda document: NestEntries(mapping_at(document, 0), "auth", ("username", "password")),
        """
        - image: a
          auth:
            # read only
            username: $USER
            password: |
              x

          user: root
        """,
    ),
    Row(
        "four spaces, last in the file",
        """
        job:
            auth: # later
            username: $USER
            password: $PASS # x
        """,
        lambda document: NestEntries(mapping_at(document, "job"), "auth", ("username", "password")),
        """
        job:
            auth: # later
                username: $USER
                password: $PASS # x
        """,
    ),
)
def test_keys_move_under_the_one_above(row: Row) -> None:
    check(row)


@table(
    Row(
        "a merge becomes a key",
        "x: &x {a: b}\ny:\n  <<: *x # c\n",
        lambda document: RenameKey(mapping_at(document, "y"), 0, "auth"),
        "x: &x {a: b}\ny:\n  auth: *x # c\n",
    ),
    Row(
        "quotes stay, and come where they are needed",
        "'a': b\nc: d\n",
        lambda document: (
            RenameKey(mapping_at(document), 0, "x"), RenameKey(mapping_at(document), 1, "yes")
        ),
        "'x': b\n\"yes\": d\n",
    ),
    Row("below an added entry", "a: b\nc: d\n", lambda document: (
        AddEntry(mapping_at(document), "x", Text("y"), "a"), RenameKey(mapping_at(document), 1, "e")
    ), "a: b\nx: y\ne: d\n"),
)  # fmt: skip
def test_a_key_is_renamed(row: Row) -> None:
    check(row)


@table(
    Row(
        "its lines and their comments go, what stands around stays",
        """
        a: b
        # of auth
        auth: # c
          # of the user
          username: d

        e: f
        """,
        lambda document: RemoveEntry(mapping_at(document), "auth"),
        """
        a: b
        # of auth

        e: f
        """,
    ),
    Row(
        "an entry of a flow mapping, the first and the last",
        """
        - {a: b, c: d, e: f}
        - { a: b, c: d }
        - {a: b, c: d} # e
        - {
            a: b, # of a
            c: d # of c
          }
        - {
            a: b,
            c: d, # of c
            e: f,
          }
        """,
        lambda document: (
            RemoveEntry(mapping_at(document, 0), "a"),
            RemoveEntry(mapping_at(document, 0), "e"),
            RemoveEntry(mapping_at(document, 1), "c"),
            RemoveEntry(mapping_at(document, 2), "a"),
            RemoveEntry(mapping_at(document, 3), "c"),
            RemoveEntry(mapping_at(document, 4), "c"),
        ),
        """
        - {c: d}
        - { a: b }
        - {c: d} # e
        - {
            a: b # of a
          }
        - {
            a: b,
            e: f,
          }
        """,
    ),
    Row(
        "items of lists, with the blank line that sets them apart",
        """
        - a: # steps
          - checkout

          - docker/check:
              x: y # z

          - run: a
        - [a, b , c]
        - - a
          - |
            b
        - [a, b, c, d, e]
        - [
            a,
            b, # of b
            c
          ]
        -
          - a
          - b
          - c
        """,
        lambda document: (
            RemoveItems(sequence_at(document, 0, "a"), (1,)),
            RemoveItems(sequence_at(document, 1), (1,)),
            RemoveItems(sequence_at(document, 2), (1,)),
            RemoveItems(sequence_at(document, 3), (0, 1, 3)),
            RemoveItems(sequence_at(document, 4), (1, 2)),
            RemoveItems(sequence_at(document, 5), (0, 1)),
        ),
        """
        - a: # steps
          - checkout

          - run: a
        - [a , c]
        - - a
        - [c, e]
        - [
            a
          ]
        -
          - c
        """,
    ),
    Row(
        "a list becomes its item",
        """
        a: # of a
        - b # of b
        - c
        d: [e, 'f'] # of d
        g:
          # of h
          - i
          - "h: h"
        """,
        lambda document: (
            KeepItem(sequence_at(document, "d"), 1),
            KeepItem(sequence_at(document, "g"), 1),
        ),
        """
        a: # of a
        - b # of b
        - c
        d: 'f' # of d
        g: "h: h"
        """,
    ),
    Row(
        "a mapping becomes its key",
        """
        - build: # often
            context: a
            # more
            requires: [b]
        - test :
            context: a
        - {flow: {context: a}}
        - near: {context: a} # c
        """,
        lambda document: tuple(MappingToScalar(mapping_at(document, at)) for at in range(4)),
        """
        - build # often
        - test
        - flow
        - near # c
        """,
    ),
    Row(
        "a mapping becomes the alias that it merges",
        """
        - &a {b: c}
        - <<: *a # of a
          d:
            e: f
        - {<<: *a, d: e}
        - g:
            <<: *a
            d: e # f
          h:   # of h
            i: j
        """,
        lambda document: (
            MergeToAlias(mapping_at(document, 1)),
            MergeToAlias(mapping_at(document, 2)),
            MergeToAlias(mapping_at(document, 3, "g")),
        ),
        """
        - &a {b: c}
        - *a # of a
        - *a
        - g: *a
          h:   # of h
            i: j
        """,
    ),
    Row(
        "the last of duplicates, the last of the mapping",
        """
        - a: b
          c: |
            d
          c: 'e
            f' # g
        - h
        """,
        lambda document: RemoveEntry(mapping_at(document, 0), "c"),
        """
        - a: b
          c: |
            d
        - h
        """,
    ),
    Row(
        "two, and an entry in their place",
        """
        - image: a
          username: $USER
          password: $PASS
        """,
        lambda document: (
            RemoveEntry(mapping_at(document, 0), "username"),
            RemoveEntry(mapping_at(document, 0), "password"),
            auth(0)(document),
        ),
        """
        - image: a
          auth:
            username: $USER
            password: $PASS
        """,
    ),
)  # fmt: skip
def test_an_entry_is_removed(row: Row) -> None:
    check(row)


@table(
    Row(
        "above the line, at its indent",
        """
        docker:
          # of a
          - image: a
            user: b
        """,
        lambda document: (
            AddComment(node_at(document, "docker", 0, "user"), "why"),
            AddComment(node_at(document, "docker", 0), "cci-migrate: ignore[x] é"),
        ),
        """
        docker:
          # of a
          # cci-migrate: ignore[x] é
          - image: a
            # why
            user: b
        """,
    ),
    Row(
        "in a flow collection, several lines",
        """
        a: [
          b, {c: d}
        ]
        """,
        lambda document: AddComment(node_at(document, "a", 1, "c"), "one\ntwo"),
        """
        a: [
          # one
          # two
          b, {c: d}
        ]
        """,
    ),
)
def test_a_comment(row: Row) -> None:
    check(row)


@table(
    Row(
        "the deepest first, whatever was asked first",
        """
        jobs:
          - build:
              context:
                - a
          - test
        """,
        lambda document: (
            AddComment(node_at(document, "jobs", 1), "why"),
            item(1, "lint", "jobs")(document),
            AddEntry(mapping_at(document, "jobs", 0, "build"), "name", Text("b")),
            item(1, "hub", "jobs", 0, "build", "context")(document),
            entry_for("jobs", 1)(document),
            item(0, "first", "jobs")(document),
        ),
        """
        jobs:
          - first
          - build:
              context:
                - a
                - hub
              name: b
          - lint
          # why
          - test:
              context:
                - hub
        """,
    ),
    Row(
        "dashes before keys at one column",
        """
        build:
          context: a
          requires:
          - b
        """,
        lambda document: (
            AddEntry(mapping_at(document, "build"), "name", Text("n"), "context"),
            AddEntry(mapping_at(document, "build"), "type", Text("t")),
            wrap("build", "context")(document),
            item(1, "c", "build", "requires")(document),
        ),
        """
        build:
          context:
          - a
          - hub
          name: n
          requires:
          - b
          - c
          type: t
        """,
    ),
)
def test_several_operations_at_one_place(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(
    ("before", "make", "after"),
    [
        ("- image: a", auth(0), "- image: a\n  auth:\n    username: $USER\n    password: $PASS"),
        ("- a\n- b # c", entry_for(1), "- a\n- b: # c\n    context:\n      - hub"),
        ("- b", entry_for(0), "- b:\n    context:\n      - hub"),
        ("a: b\r\nc:\r\n- d", item(1, "x", "c"), "a: b\r\nc:\r\n- d\r\n- x"),
        ("a: b", wrap("a"), "a:\n  - b\n  - hub"),
        ("{\n  a: b }", context(), "{\n  a: b,\n  context: [hub] }"),
        ("a: |-\n  b", context(), "a: |-\n  b\ncontext:\n  - hub"),
        ("a: b\nc: d", lambda d: RemoveEntry(mapping_at(d), "c"), "a: b"),
        # But for the line end that is part of a value.
        ("a: |\n  b\nc: d", lambda d: RemoveEntry(mapping_at(d), "c"), "a: |\n  b\n"),
    ],
)  # fmt: skip
def test_a_file_without_a_line_end_at_its_end_stays_so(before: str, make: Make, after: str) -> None:
    assert result(make, before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- image: a\r\n- image: b\n", "- image: a\r\n  user: x\r\n- image: b\n"),
        ("- image: z\n- image: b\r\n", "- image: z\n  user: x\n- image: b\r\n"),
        ("- image: a\r- b\r", "- image: a\r  user: x\r- b\r"),
        ("# \u2028- image: a\r\n", "# \u2028- image: a\r\n  user: x\r\n"),
    ],
)
def test_a_line_ends_as_the_line_above_it(before: str, after: str) -> None:
    def user(document: Document) -> Operation:
        return AddEntry(mapping_at(document, 0), "user", Text("x"), "image")

    assert result(user, before) == after


def test_the_byte_order_mark_stays() -> None:
    source = SourceText.decode("config.yml", b"\xef\xbb\xbf- image: a\n")
    document = document_of(source.text)
    new = source.with_text(result(auth(0), source.text))
    assert document.root is not None
    assert new.encode().startswith(b"\xef\xbb\xbf- image: a\n  auth:")


def nest(parent: str, key: str) -> One:
    """The root's entry ``key`` under its entry ``parent``."""
    return lambda document: NestEntries(mapping_at(document), parent, (key,))


@pytest.mark.parametrize(
    ("old", "make", "new"),
    [
        (
            "a:\n    c\n",
            lambda d: WrapInSequence(scalar_at(d, "a"), Items((Text("d"),)), (Text("b"),)),
            "a:\n    - b\n    - c\n    - d\n",
        ),
        (
            "a: |\n\n  b c\n",
            lambda d: ReplaceText(scalar_at(d, "a"), 3, 4, "d"),
            "a: |\n\n  b d\n",
        ),
        (
            "a: b\n",
            lambda d: ReplaceScalar(scalar_at(d, "a"), Text("c\rd")),
            'a: "c\\rd"\n',
        ),
    ],
    ids=["items before a value on a line of its own", "text behind an empty line", "an escape"],
)
def test_seldom_met(old: str, make: Make, new: str) -> None:
    assert result(make, old) == new


def test_what_is_added_to_moved_keys_moves_with_them() -> None:
    document = document_of("a:\nb:\n- c\nd: e\n")
    operations = (
        NestEntries(mapping_at(document), "a", ("b",)),
        AddItem(sequence_at(document, "b"), 1, Text("x")),
        AddEntry(mapping_at(document), "new", Text("y"), "b"),
    )
    text = document.source.text
    new = apply_edits(text, render(document, operations))
    assert new == "a:\n  b:\n  - c\n  - x\nnew: y\nd: e\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: ~\n", "a:\n  c:\n    - x\n"),
        ("- a:   null   # why\n- b\n", "- a:   # why\n    c:\n      - x\n- b\n"),
        ("a : Null\r\nb: 1", "a :\r\n  c:\r\n    - x\r\nb: 1"),
        ("{a: }\n", "{a: {c: [x]} }\n"),
        ("{b: 1, a: null, d: 2}\n", "{b: 1, a: {c: [x]}, d: 2}\n"),
        ("[a: ~, b]\n", "[a: {c: [x]}, b]\n"),
        ('{"a":null}\n', '{"a":{"c":["x"]}}\n'),
    ],
)
def test_a_null_is_filled(old: str, new: str) -> None:
    document = document_of(old)
    root = document.root
    holder = node_at(root, 0) if old.startswith(("-", "[")) else root
    filled = AddEntry(scalar_at(holder, "a"), "c", Items((Text("x"),)))
    assert changed(document, filled) == new


#: Text, the operation, and words of the reason why it cannot be written.
REFUSED: dict[str, tuple[str, Make, str]] = {
    "the key is there": ("auth: a\n", auth(after=None), "has the key 'auth' already"),
    "no such key": ("a: b\n", auth(), "no key 'image'"),
    "a null with an anchor": (
        "a: &b\n", lambda d: AddEntry(scalar_at(d, "a"), "c", Text("d")), "of a key"),
    "a null with a tag": (
        "a: !!null\n", lambda d: AddEntry(scalar_at(d, "a"), "c", Text("d")), "of a key"),
    "a null on a line of its own": (
        "a:\n  null\n", lambda d: AddEntry(scalar_at(d, "a"), "c", Text("d")),
        "not next to its key"),
    "a key alone in brackets": (
        "{a, b: 1}\n", lambda d: AddEntry(scalar_at(d, "a"), "c", Text("d")), "no position"),
    "a null item": ("-\n", lambda d: AddEntry(scalar_at(d, 0), "c", Text("d")), "of a key"),
    "a null under an explicit key": (
        "? a\n", lambda d: AddEntry(scalar_at(d, "a"), "c", Text("d")), "question mark"),
    "an item of several lines": ("- a\n  b\n", entry_for(0), "several lines"),
    "an item in a literal": ("- |\n  a\n", entry_for(0), "several lines"),
    "an empty item": ("-\n", entry_for(0), "no text"),
    "a value as a key": ("a: b\n", entry_for("a"), "only an item"),
    "a list of a list's item": ("- a\n", wrap(0), "only a key's value"),
    "a list of a literal": ("a: |\n  b\n", wrap("a"), "several lines"),
    "a list of a null": ("a:\n", wrap("a"), "no value"),
    "a literal replaced": (
        "a: |\n  b\n", lambda d: ReplaceScalar(scalar_at(d, "a"), Text("x")), "block scalar"),
    "a list for a string": (
        "a: b\n", lambda d: ReplaceScalar(scalar_at(d, "a"), Items((Text("x"),))), "only an alias"),
    "a missing value in braces": (
        "{a, b}\n", lambda d: ReplaceScalar(scalar_at(d, "a"), Text("x")), "missing value"),
    "text across the lines of a folded scalar": (
        "a: >\n  b\n  c\n", text("b c", "x", "a"), "quoting hides"),
    "text behind a numeric escape": ('a: "\\x41b"\n', text("b", "x", "a"), "quoting hides"),
    "text that would be a comment": ("a: b c\n", text("c", "#d", "a"), "quoting hides"),
    "text that would end a plain scalar": ("[b c]\n", text("c", ", d", 0), "quoting hides"),
    "a line end in a plain scalar": ("a: b c\n", text(" ", "\n", "a"), "quoting hides"),
    "the last line end of a literal": ("a: |\n  b\n", text("b\n", "c", "a"), "quoting hides"),
    "a literal's first line gets an indent": ("a: |\n  b\n", text("b", " c", "a"), "quoting hides"),
    "keys apart": ("a:\nb: c\nd: e\n", nest("a", "d"), "follow"),
    "keys under a value": ("a: x\nb: c\n", nest("a", "b"), "value"),
    "keys of a flow mapping": ("{a: , b: c}\n", nest("a", "b"), "flow"),
    "an anchored key": ("&a b: c\n", lambda d: RenameKey(mapping_at(d), 0, "x"), "anchor"),
    "a collection as a key": ("[a]: b\n", lambda d: RenameKey(mapping_at(d), 0, "x"), "collection"),
    "the only entry": (
        "a: b\n", lambda d: RemoveEntry(mapping_at(d), "a"), "nothing else would be"),
    "the only item": (
        "- a\n", lambda d: RemoveItems(sequence_at(d), (0,)), "nothing else would be"),
    "an item on its list's line": (
        "- - a\n  - b\n", lambda d: RemoveItems(sequence_at(d, 0), (0,)), "shares its lines"),
    "a list behind a comment": (
        "a: # b\n  - c\n  - d\n", lambda d: KeepItem(sequence_at(d, "a"), 0), "shares a line"),
    "a list with an anchor": (
        "a: &b [c, d]\n", lambda d: KeepItem(sequence_at(d, "a"), 0), "cannot become one value"),
    "an item of several lines that is to stay": (
        "a:\n  - b\n  - c\n    d\n", lambda d: KeepItem(sequence_at(d, "a"), 1), "several lines"),
    "a mapping of two keys": (
        "- a: b\n  c: d\n", lambda d: MappingToScalar(mapping_at(d, 0)), "one key"),
    "a mapping that merges nothing": (
        "- a: b\n", lambda d: MergeToAlias(mapping_at(d, 0)), "merges no alias"),
    "a merge below other entries": (
        "- &a {b: c}\n- d: e\n  <<: *a\n", lambda d: MergeToAlias(mapping_at(d, 1)),
        "shares its lines"),
    "the entry on the dash's line": (
        "- a: b\n  c: d\n", lambda d: RemoveEntry(mapping_at(d, 0), "a"), "shares its lines"),
    "an explicit entry": (
        "a: b\n? c\n: d\n", lambda d: RemoveEntry(mapping_at(d), "c"), "shares its lines"),
    "a comment inside a text": (
        "{a: 'b\n  c', d: e}\n", lambda d: AddComment(node_at(d, "d"), "x"), "multi-line string"),
    "a literal at the end without a line end": ("a: |\n  b", context(), "without a line end"),
    "an item whose first key follows its dash": (
        "- a: b\n", lambda d: WrapInMerge(mapping_at(d, 0), CONTEXT), "can't write a merge key"),
    "an item on the lines below its dash": (
        "-\n  a: b\n", lambda d: WrapInMerge(mapping_at(d, 0), CONTEXT), "can't write a merge key"),
    "a pair without braces": (
        "[a: b]\n", lambda d: WrapInMerge(mapping_at(d, 0), CONTEXT), "can't write a merge key"),
    "a key with a question mark": (
        "a: &b\n  ? c\n", lambda d: WrapInMerge(mapping_at(d, "a"), CONTEXT),
        "can't write a merge key"),
    "an alias of a collection as a key": (
        "- &a [b]\n- *a\n", lambda d: ScalarToMapping(alias_at(d, 1), CONTEXT), "a collection"),
    "an alias of a text that brackets would end": (
        "- &a b, c\n- [*a]\n", lambda d: ScalarToMapping(alias_at(d, 1, 0), CONTEXT), "brackets"),
    "an alias that is a document's key": (
        "a: &a {}\n*a : b\n", lambda d: WrapInMerge(mapping_at(d).entries[1][0], CONTEXT),  # type: ignore[arg-type]
        "a key cannot"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_is_refused_with_the_reason(
    before: str, make: Make, words: str
) -> None:
    document = document_of(before)
    made = make(document)
    with pytest.raises(CannotRenderError, match=words):
        render(document, made if isinstance(made, tuple) else (made,))
