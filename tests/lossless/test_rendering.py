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
from cci_migrate.lossless.nodes import Document
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
    Make,
    at,
    changed,
    document_of,
    mapping_at,
    scalar_at,
    steps,
)


class Row(Struct, frozen=True):
    """One row of a table."""

    name: str
    before: str
    after: str
    makes: tuple[Make, ...]


def row(name: str, diff: str, *makes: Make) -> Row:
    """What ``makes`` do to some lines; ``+`` begins those that come, ``-`` those that go."""
    lines = dedent(diff.removeprefix("\n")).splitlines()
    before, after = (
        "".join(f"{line[2:]}\n" for line in lines if line[:1] != other) for other in "+-"
    )
    return Row(name, before, after, makes)


def line(name: str, before: str, after: str, *makes: Make) -> Row:
    """What ``makes`` do to a text of few lines."""
    return Row(name, before, after, makes)


def table(*rows: Row) -> Callable[[Row], None]:
    """A test of what ``rows`` say, with the line ends of Unix and of Windows."""
    assert len({row.name for row in rows}) == len(rows)

    @pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])
    def test(row: Row) -> None:
        assert result(row.before, *row.makes) == row.after
        windows = row.before.replace("\n", "\r\n")
        assert result(windows, *row.makes) == row.after.replace("\n", "\r\n")

    return test


def result(before: str, *makes: Make) -> str:
    """``before`` with the operations of ``makes`` done and proven."""
    document = document_of(before)
    return changed(document, *(make(document) for make in makes))


AUTH = Entries((("username", Text("$USER")), ("password", Text("$PASS"))))
HUB = Items((Text("hub"),))
CONTEXT = Entries((("context", HUB),))
LOGIN = Entries((("run", Entries((("name", Text("Log in")), ("command", Text("a\nb\n", True))))),))


def auth(route: str, after: str | None = "image") -> Make:
    """``auth`` in the mapping at ``route``."""
    return at(route, AddEntry, "auth", AUTH, after)


def context(route: str) -> Make:
    """``context`` at the end of the mapping at ``route``."""
    return at(route, AddEntry, "context", HUB)


def entry(route: str, key: str, text: str, after: str | None = None) -> Make:
    """``key`` with ``text`` in the mapping at ``route``."""
    return at(route, AddEntry, key, Text(text), after)


def item(route: str, index: int, text: str) -> Make:
    """``text`` at ``index`` of the sequence at ``route``."""
    return at(route, AddItem, index, Text(text))


def bare_job(route: str) -> Make:
    """``context`` for the workflow job at ``route`` that is only its name."""
    return at(route, ScalarToMapping, CONTEXT)


def alias_of_x(route: str, key: str) -> Make:
    """``key`` behind ``image`` with an alias of the root's ``x``."""

    def make(document: Document) -> Operation:
        alias = AliasTo(mapping_at(document, "x"), "x")
        return at(route, AddEntry, key, alias, "image")(document)

    return make


test_an_entry_in_a_block_mapping = table(
    row(
        "last key",
        """
          docker:
            - image: a
        +     auth:
        +       username: $USER
        +       password: $PASS
        """,
        auth("docker.0"),
    ),
    row(
        "between keys, comment on the line, blank line below",
        """
          docker:
            - image: a # why
        +     auth:
        +       username: $USER
        +       password: $PASS

              environment:
                A: b
        """,
        auth("docker.0"),
    ),
    row(
        "dashes at the parent's column",
        """
          docker:
          - image: a
        +   auth:
        +     username: $USER
        +     password: $PASS
          - image: b
          steps: []
        """,
        auth("docker.0"),
    ),
    row(
        "wide dashes, four spaces",
        """
          build:
              docker:
                  -   image: a
                      environment:
                          A: b
                  -   image: b
        +             auth:
        +                 username: $USER
        +                 password: $PASS
        """,
        auth("build.docker.1"),
    ),
    row(
        "a dash on its own line",
        """
          docker:
            -
              image: a
        +     auth:
        +       username: $USER
        +       password: $PASS
              user: b
        """,
        auth("docker.0"),
    ),
    row(
        "an anchored item",
        """
          docker:
            - &a # c
              image: a
        +     auth:
        +       username: $USER
        +       password: $PASS
            - &b
              image: b
            - &c image: c
        +     auth:
        +       username: $USER
        +       password: $PASS
        """,
        auth("docker.2"),
        auth("docker.0"),
    ),
    row(
        "a merge above, an alias as the value, a banner below",
        """
          a: &a x
          build:
            docker:
              - <<: &b {user: c}
                image: *a
        +       auth:
        +         username: $USER
        +         password: $PASS

          # ---- next job ----
          test: x
        """,
        auth("build.docker.0"),
    ),
    row(
        "comments below: deeper ones belong above, others below",
        """
          - image: a
              # of the image
        +   auth:
        +     username: $USER
        +     password: $PASS
            # of the user
            user: b
        """,
        auth("0"),
    ),
    row(
        "at the end, behind a nested list and what is commented out of it",
        """
          jobs:
            - test:
                requires:
                  - a
                  # - b
        +       context:
        +         - hub
            # - lint
            - deploy
        """,
        context("jobs.0.test"),
    ),
    row(
        "items as the siblings have them",
        """
          - test:
              requires:
              - a
        +     context:
        +     - hub
        """,
        context("0.test"),
    ),
    row(
        "behind a literal",
        """
          - image: |
              a
        +   auth:
        +     username: $USER
        +     password: $PASS

            user: b
        """,
        auth("0"),
    ),
    row(
        "behind a literal that keeps its blank lines",
        """
          - image: |+
              a

        +   auth:
        +     username: $USER
        +     password: $PASS
            user: b
        """,
        auth("0"),
    ),
    row(
        "behind a folded last value, a comment below it",
        """
          - image: a
            command: >-
              b
              c
        +   auth:
        +     username: $USER
        +     password: $PASS
            # done
          - image: b
        """,
        auth("0", after=None),
    ),
    row(
        "behind a scalar of several lines",
        """
          - image: a
              b
            user: 'c

              d' # e
        +   auth:
        +     username: $USER
        +     password: $PASS
        """,
        auth("0", after="user"),
    ),
    row(
        "behind a null, and behind the last of duplicate keys",
        """
          - image: # later
        +   entrypoint: ""
            user: a
            user:
        +   auth:
        +     username: $USER
        +     password: $PASS
            name: b
        """,
        at("0", AddEntry, "auth", AUTH, "user"),
        entry("0", "entrypoint", "", "image"),
    ),
    row(
        "behind an explicit key",
        """
          ? image
          : a
        + auth:
        +   username: $USER
        +   password: $PASS
          ? user
        """,
        auth(""),
    ),
    row(
        "behind an explicit key whose colon has nothing behind it",
        """
          - ? image
            # none
            : # later
        +   auth:
        +     username: $USER
        +     password: $PASS
            user: b
          - ? |
              c
        +   x: y
        """,
        auth("0"),
        entry("1", "x", "y"),
    ),
    row(
        "in a nested sequence",
        """
          - - image: a
        +     auth:
        +       username: $USER
        +       password: $PASS
            - image: b
        """,
        auth("0.0"),
    ),
    row(
        "multi-byte text on the line",
        """
          - "é😀": 😀
            image: 名 # 😀
        +   auth:
        +     username: $USER
        +     password: $PASS
        """,
        auth("0"),
    ),
    row(
        "a tab before the comment",
        """
          - image: a\t# b
        +   auth:
        +     username: $USER
        +     password: $PASS
            user:\tc
        """,
        auth("0"),
    ),
    row(
        "between document markers",
        """
          %YAML 1.1
          ---
          image: a
        + auth:
        +   username: $USER
        +   password: $PASS
          ...
          # end
        """,
        auth(""),
    ),
    row(
        "an alias, and a merge",
        """
          x: &x {a: b}
          docker:
            - image: a
        +     auth: *x
            - image: b
        +     <<: *x
        """,
        alias_of_x("docker.0", "auth"),
        alias_of_x("docker.1", "<<"),
    ),
    row(
        "quotes where the text needs them",
        """
          a: b
        + "yes": "no"
        + n o: "# c"
        + "x:": "12"
        + e: "e: f"
        + l: "1\\n2"
        + p: $P
        + m: Docker Auth
        """,
        *(
            entry("", key, value)
            for (key, value) in {
                "yes": "no",
                "n o": "# c",
                "x:": "12",
                "e": "e: f",
                "l": "1\n2",
                "p": "$P",
                "m": "Docker Auth",
            }.items()
        ),
    ),
    row(
        "what the content asks for",
        """
          a:
            b: c
        + run:
        +   command: |
        +     set +x
        +
        +     login
        +   shell: |-
        +     a
        +     b
        +   odd: " a\\nb"
        +   timeout: 10
        +   list:
        +     - x
        +     - y:
        +         username: $USER
        +         password: $PASS
        +     - [z]
        +   flow: ["a,b"]
        +   empty: []
        +   none: {}
        """,
        at(
            "",
            AddEntry,
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
    ),
)


test_an_entry_in_a_flow_mapping = table(
    line(
        "one line",
        "- {image: a}\n",
        "- {image: a, auth: {username: $USER, password: $PASS}}\n",
        auth("0"),
    ),
    line(
        "padding",
        "- { image: a, user: b }\n",
        "- { image: a, auth: { username: $USER, password: $PASS }, user: b }\n",
        auth("0"),
    ),
    line(
        "trailing comma",
        "- {image: a, }\n",
        "- {image: a, auth: {username: $USER, password: $PASS}, }\n",
        auth("0"),
    ),
    line(
        "empty",
        "a: {}\nb: { }\n",
        "a: {c: d, e: f}\nb: { c: d, e: f }\n",
        entry("a", "c", "d"),
        entry("a", "e", "f"),
        entry("b", "c", "d"),
        entry("b", "e", "f"),
    ),
    line(
        "JSON",
        '{"docker": [{"image": "a"}]}\n',
        '{"docker": [{"image": "a", "auth": {"username": "$USER", "password": "$PASS"}}]}\n',
        auth("docker.0"),
    ),
    line(
        "compact JSON",
        '{"docker":[{"image":"a","user":"b"}]}\n',
        '{"docker":[{"image":"a","auth":{"username":"$USER","password":"$PASS"},"user":"b"}]}\n',
        auth("docker.0"),
    ),
    line(
        "pair without braces",
        "docker: [image: a]\n",
        "docker: [{ image: a, auth: {username: $USER, password: $PASS} }]\n",
        auth("docker.0"),
    ),
    line(
        "pair without braces, padded, two entries",
        "docker: [ image: 'a' ] # b\n",
        "docker: [ {image: 'a', user: u, name: n} ] # b\n",
        entry("docker.0", "user", "u"),
        entry("docker.0", "name", "n"),
    ),
    line(
        "an alias, a null and a key alone before it",
        "x: &x y\na: {image: *x}\nb: {image: }\nc: {image}\n",
        "x: &x y\na: {image: *x, user: z}\nb: {image: , user: z }\nc: {image, user: z}\n",
        *(entry(key, "user", "z", "image") for key in "abc"),
    ),
    row(
        "a line each",
        """
          {
            image: a, # b
        -   user: c # d
        +   user: c, # d
        +   auth: {username: $USER, password: $PASS}
          }
        """,
        auth("", after=None),
    ),
    row(
        "a line each, trailing comma",
        """
          {
            image: a,
            user: c, # d
        +   auth: {username: $USER, password: $PASS},
          }
        """,
        auth("", after=None),
    ),
    row(
        "a line each, between, two entries at one place",
        """
          - {
              image: a, # b
        +     auth: {username: $USER, password: $PASS},
        +     name: n,
              # of the user
              user: c,
            }
        """,
        auth("0"),
        entry("0", "name", "n", "image"),
    ),
    row(
        "a line each, two entries at the end without a comma",
        """
          {
        -   image: a # b
        +   image: a, # b
        +   auth: {username: $USER, password: $PASS},
        +   name: n
          }
        """,
        auth(""),
        entry("", "name", "n"),
    ),
    row(
        "several on a line",
        """
          {
        -   image: a, user: b,
        -   name: c }
        +   image: a, auth: {username: $USER, password: $PASS}, user: b,
        +   name: c,
        +   x: y }
        """,
        auth(""),
        entry("", "x", "y", "name"),
    ),
    row(
        "the first on the line of the brace",
        """
        - - {image: a,
        -    user: b}
        + - {image: a, auth: {username: $USER, password: $PASS},
        +    user: b,
        +    x: y}
        """,
        auth("0"),
        entry("0", "x", "y"),
    ),
    line(
        "colons in the values",
        "- {image: node:20}\n",
        '- {image: node:20, user: "a:b"}\n',
        entry("0", "user", "a:b"),
    ),
)


test_an_entry_under_a_key_without_a_value = table(
    row(
        "under a workflow job",
        """
          jobs:
            - build: # why
        +       context:
        +         - hub
            - test:
                requires: [build]
        """,
        at("jobs.0.build", AddEntry, "context", HUB),
    ),
    row(
        "twice, above a comment and a blank line",
        """
          a:
        +   x: 1
        +   y: "2"
            # nothing yet

          b: c
        """,
        at("a", AddEntry, "x", Text("1", is_number=True)),
        entry("a", "y", "2"),
    ),
    row(
        "with a key beside it, at that mapping's step",
        """
          jobs:
            - test:
                  requires: [build]
            - image: a
              auth:
        +         username: u
        """,
        entry("jobs.1.auth", "username", "u"),
    ),
)


test_an_item = table(
    row(
        "at the end, a blank line and a comment below",
        """
          context:
            - a # why
        +   - hub

          # next
          b: c
        """,
        item("context", 1, "hub"),
    ),
    row(
        "at the end, twice",
        """
          context:
          - a
        + - hub
        + - quay
          b: c
        """,
        item("context", 1, "hub"),
        item("context", 1, "quay"),
    ),
    row(
        "at the start, below the key's comment and above the item's own",
        """
          steps: # all

        +   - run:
        +       name: Log in
        +       command: |
        +         a
        +         b
            # of a
            - a
            - b
        """,
        at("steps", AddItem, 0, LOGIN),
    ),
    row(
        "between, its body as deep as its neighbours'",
        """
          steps:
            - setup_remote_docker:
                  version: default
        +   - run:
        +         name: Log in
        +         command: |
        +             a
        +             b
            # builds
            - run:
                  command: |
                      docker build .
            - run: c
        """,
        at("steps", AddItem, 1, LOGIN),
    ),
    row(
        "wide dashes",
        """
          steps:
            -   checkout
        +   -   run:
        +         name: Log in
        +         command: |
        +           a
        +           b
            -   run: a
        """,
        at("steps", AddItem, 1, LOGIN),
    ),
    row(
        "in the neighbours' quotes",
        """
          - 'a'
          - 'b'
        + - 'hub'
        """,
        item("", 2, "hub"),
    ),
    row(
        "behind a null and behind a mapping",
        """
          - # none
        + - x
          - a: b
            c:
        + - y
        """,
        item("", 1, "x"),
        item("", 2, "y"),
    ),
    row(
        "at the start of a nested sequence",
        """
        - - - a
        + - - x
        +   - a
            - b
        """,
        item("0", 0, "x"),
    ),
    line(
        "flow",
        "a: [b, c] # d\n",
        "a: [x, b, y, c, z] # d\n",
        item("a", 0, "x"),
        item("a", 1, "y"),
        item("a", 2, "z"),
    ),
    line(
        "flow, empty",
        "a: []\nb: [ ]\n",
        "a: [x, y]\nb: [ x ]\n",
        item("a", 0, "x"),
        item("a", 0, "y"),
        item("b", 0, "x"),
    ),
    line(
        "flow, padded, quoted",
        "a: [ 'b' ]\n",
        "a: [ 'b', 'x' ]\n",
        item("a", 1, "x"),
    ),
    line(
        "flow, JSON without spaces",
        '["a","b"]',
        '["a","b","x"]',
        item("", 2, "x"),
    ),
    line(
        "flow, trailing comma",
        "[a, b,]\n",
        "[a, b, x,]\n",
        item("", 2, "x"),
    ),
    line(
        "flow, behind an alias",
        "[&a b, *a]\n",
        "[&a b, *a, x]\n",
        item("", 2, "x"),
    ),
    row(
        "flow, a line each",
        """
          a: [
        +   x,
            b, # of b
        -   c # of c
        +   c, # of c
        +   y,
        +   z
          ]
        """,
        item("a", 0, "x"),
        item("a", 2, "y"),
        item("a", 2, "z"),
    ),
    row(
        "flow, a line each, trailing comma",
        """
          a: [
            b,
        +   x,
          ]
        """,
        item("a", 1, "x"),
    ),
)


test_a_scalar_becomes_a_mapping = table(
    row(
        "a bare workflow job with a comment",
        """
          jobs:
        -   - build # first
        +   - build: # first
        +       context:
        +         - hub
            # then
        -   - test
        +   - test:
        +       context:
        +         - hub
        """,
        bare_job("jobs.1"),
        bare_job("jobs.0"),
    ),
    row(
        "as deep as its siblings' keys",
        """
          jobs:
        - - a
        + - a:
        +     context:
        +     - hub
          - b:
              requires:
              - a
        """,
        bare_job("jobs.0"),
    ),
    row(
        "four spaces",
        """
          jobs:
        -     - a
        +     - a:
        +           context:
        +               - hub
              - b:
                    requires: [a]
        """,
        bare_job("jobs.0"),
    ),
    row(
        "quoted, anchored, on its own line",
        """
        - - "a b"
        - - &c 'c'
        + - "a b":
        +     context:
        +       - hub
        + - &c 'c':
        +     context:
        +       - hub
          -
        -   d
        +   d:
        +     context:
        +       - hub
          - *c
        """,
        *(bare_job(index) for index in "012"),
    ),
    row(
        "an alias",
        """
          - &a b, # why
          - &c 'c'
          - *a
        - - *a # again
        - - [*c, *c]
        + - b,: # again
        +     context:
        +       - hub
        + - [{'c': {context: [hub]}}, *c]
        """,
        bare_job("3"),
        bare_job("4.0"),
    ),
    line(
        "flow",
        "jobs: [a, 'b', \"c\"]\n",
        'jobs: [{a: {context: [hub]}}, {\'b\': {context: [hub]}}, {"c": {"context": ["hub"]}}]\n',
        *(bare_job(f"jobs.{index}") for index in range(3)),
    ),
)


test_an_alias_becomes_a_merge = table(
    row(
        "a value",
        """
          f: &f {a: b}
          jobs:
        -   - build: *f # why
        -   - test:   *f
        +   - build:
        +       <<: *f # why
        +       context:
        +         - hub
        +   - test:
        +       <<: *f
        +       context:
        +         - hub

          x: y
        """,
        at("jobs.0.build", WrapInMerge, CONTEXT),
        at("jobs.1.test", WrapInMerge, CONTEXT),
    ),
    row(
        "a value on its own line",
        """
          f: &f {a: b}
          g:
        -     *f
        +     <<: *f
        +     context:
        +       - hub
        """,
        at("g", WrapInMerge, CONTEXT),
    ),
    row(
        "an item",
        """
          f: &f {image: b}
          docker:
        - - *f # why
        + - <<: *f # why
        +   auth:
        +     username: $USER
        +     password: $PASS
          - image: c
        """,
        at("docker.0", WrapInMerge, Entries((("auth", AUTH),))),
    ),
    line(
        "flow",
        "- &f {a: b}\n- [*f, {c: *f}]\n",
        "- &f {a: b}\n- [{<<: *f, context: [hub]}, {c: {<<: *f, context: [hub]}}]\n",
        at("1.0", WrapInMerge, CONTEXT),
        at("1.1.c", WrapInMerge, CONTEXT),
    ),
)


test_a_mapping_becomes_what_it_is_merged_into = table(
    row(
        "block, with what belongs to it",
        """
          jobs:
        -   - build: &b # why
        -       # when
        -       filters:
        -         tags: {only: v1}
        +   - build:
        +       <<: &b # why
        +         # when
        +         filters:
        +           tags: {only: v1}

        -       note: |
        -         a
        -           # b
        +         note: |
        +           a
        +             # b

        -         c
        -       # requires: [x]
        +           c
        +         # requires: [x]
        +       context:
        +         - hub
            # another
            - test: *b
        """,
        at("jobs.0.build", WrapInMerge, CONTEXT),
    ),
    row(
        "an anchor on a line of its own, four columns a step",
        """
          jobs:
          -   build:
        -         &b
        -         filters: x
        -         <<: {c: "d
        -           e"}
        +         <<: &b
        +             filters: x
        +             <<: {c: "d
        +               e"}
        +         context:
        +         -   hub
          -   test: *b
        """,
        at("jobs.0.build", WrapInMerge, CONTEXT),
    ),
    row(
        "flow in block",
        """
          jobs:
        - - build: &b {filters: x} # why
        - - lint: &l {
        -     a: b
        -   }
        + - build:
        +     <<: &b {filters: x} # why
        +     context:
        +     - hub
        + - lint:
        +     <<: &l {
        +       a: b
        +     }
        +     context:
        +     - hub
          - test: *b
          - *l
        """,
        at("jobs.0.build", WrapInMerge, CONTEXT),
        at("jobs.1.lint", WrapInMerge, CONTEXT),
    ),
    row(
        "an item",
        """
          docker:
        -   - &f
        -     image: b
        -     user: c
        +   - <<: &f
        +       image: b
        +       user: c
        +     context:
        +       - hub
            - *f
        """,
        at("docker.0", WrapInMerge, CONTEXT),
    ),
    row(
        "with other changes within, one of them such a merge too",
        """
          jobs:
        -   - build: &b
        -       requires:
        -       - a
        -       filters: &f
        -         tags: x
        -       steps:
        -       - - p
        +   - build:
        +       <<: &b
        +         requires:
        +         # why
        +         - a
        +         - c
        +         filters:
        +           <<: &f
        +             tags: x
        +           context:
        +           - hub
        +         steps:
        +         - - o
        +           - p
        +         - q
        +         name: n
        +       context:
        +       - hub
            - test: *b
        """,
        at("jobs.0.build.requires.0", AddComment, "why"),
        item("jobs.0.build.requires", 1, "c"),
        at("jobs.0.build", WrapInMerge, CONTEXT),
        at("jobs.0.build.filters", WrapInMerge, CONTEXT),
        item("jobs.0.build.steps.0", 0, "o"),
        item("jobs.0.build.steps", 1, "q"),
        entry("jobs.0.build", "name", "n"),
    ),
    line(
        "an item with its anchor right of its keys",
        "- a\n- - &f\n   b: c\n",
        "- a\n- - <<: &f\n      b: c\n    context:\n      - hub\n",
        at("1.0", WrapInMerge, CONTEXT),
    ),
    line(
        "flow in flow",
        "jobs: [build: &b {a: b}, {test: *b}]\n",
        "jobs: [build: {<<: &b {a: b}, context: [hub]}, {test: *b}]\n",
        at("jobs.0.build", WrapInMerge, CONTEXT),
    ),
    line(
        "no line end at the end",
        "a: &b\n  c: d",
        "a:\n  <<: &b\n    c: d\n  context:\n    - hub",
        at("a", WrapInMerge, CONTEXT),
    ),
)


test_a_value_becomes_a_list = table(
    row(
        "a string with a comment",
        """
          - build:
        -     context: org # why
        +     context:
        +       - org # why
        +       - hub
              requires:
                - a
        """,
        at("0.build.context", WrapInSequence, HUB),
    ),
    row(
        "dashes as in the siblings, quotes as in the string",
        """
        - context: "org"
        + context:
        + - "org"
        + - "hub"
          requires:
          - a
        """,
        at("context", WrapInSequence, HUB),
    ),
    row(
        "an anchored string, an alias, a string on its own line",
        """
        - a: &a org
        - b: *a
        + a:
        +   - &a org
        +   - hub
        + b:
        +   - *a
        +   - hub
          c:
        -     d
        +     - d
        +     - hub
        """,
        at("c", WrapInSequence, HUB),
        at("b", WrapInSequence, HUB),
        at("a", WrapInSequence, HUB),
    ),
    line(
        "brackets",
        "context: a # b\n",
        "context: [a, hub] # b\n",
        at("context", WrapInSequence, Items((Text("hub"),), flow=True)),
    ),
    line(
        "brackets do not hold the text",
        "context: a, b\n",
        "context:\n  - a, b\n  - hub\n",
        at("context", WrapInSequence, Items((Text("hub"),), flow=True)),
    ),
    line(
        "flow",
        "{a: &a b, c: 'd', e: *a}\n",
        "{a: [&a b, hub], c: ['d', 'hub'], e: [*a, hub]}\n",
        at("a", WrapInSequence, HUB),
        at("c", WrapInSequence, HUB),
        at("e", WrapInSequence, HUB),
    ),
)


test_a_scalar_is_replaced = table(
    row(
        "plain, quoted, anchored, tagged, null",
        """
        - a: b # c
        - d: "e" # f
        - g: &g h
        - i: !!str j
        - k: # l
        - m: 'n
        -   o' # p
        - q: &q
        + a: $X # c
        + d: "$X" # f
        + g: &g $X
        + i: !!str $X
        + k: $X # l
        + m: '$X' # p
        + q: &q $X
          r: *q
        """,
        *(at(key, ReplaceScalar, Text("$X")) for key in "adgikmq"),
    ),
    line(
        "what needs quotes, and a number",
        "a: b\nc: d\ne: [f]\ng: 'h'\n",
        "a: \"# x\"\nc: 2.1\ne: [\"x,y\"]\ng: 'it''s'\n",
        at("a", ReplaceScalar, Text("# x")),
        at("c", ReplaceScalar, Text("2.1", is_number=True)),
        at("e.0", ReplaceScalar, Text("x,y")),
        at("g", ReplaceScalar, Text("it's")),
    ),
    line(
        "nulls in sequences and flow mappings",
        "- a\n-\n- {b: , c: }\n",
        "- a\n- x\n- {b: y , c: }\n",
        at("1", ReplaceScalar, Text("x")),
        at("2.b", ReplaceScalar, Text("y")),
    ),
    line(
        "an alias by a string",
        "a: &a b\nc: *a # d\ne: [*a]\n",
        "a: &a b\nc: x # d\ne: [y]\n",
        at("c", ReplaceScalar, Text("x")),
        at("e.0", ReplaceScalar, Text("y")),
    ),
    row(
        "an alias by a list",
        """
          a: &a [b]
        - c: *a # d
        + c:
        +   - b # d
        +   - hub
          e:
        -    *a
        - f: {g: *a}
        - h: *a
        +    - b
        +    - hub
        + f: {g: [b, hub]}
        + h: [b, hub]
        """,
        *(at(route, ReplaceScalar, Items((Text("b"), Text("hub")))) for route in ("c", "e", "f.g")),
        at("h", ReplaceScalar, Items((Text("b"), Text("hub")), flow=True)),
    ),
)


def text(route: str, old: str, new: str) -> Make:
    """``new`` for ``old`` in the value at ``route``."""

    def make(document: Document) -> Operation:
        scalar = scalar_at(document, *steps(route))
        start = scalar.value.index(old)
        return ReplaceText(scalar, start, start + len(old), new)

    return make


test_a_part_of_a_scalar_is_replaced = table(
    line(
        "plain",
        "a: docker login -p $P x # y\n",
        "a: docker login --password-stdin x # y\n",
        text("a", "-p $P", "--password-stdin"),
    ),
    line(
        "quoted",
        "a: 'b c'\nd: &d \"e f\"\n",
        "a: 'it''s c'\nd: &d \"e \\\"\\\\\"\n",
        text("a", "b", "it's"),
        text("d", "f", '"\\'),
    ),
    row(
        "literal",
        """
          a: | # b
            c

        -     d é😀 e
        -   f
        +     y
        +
        +   z e
        +   x

          g: h
        """,
        text("a", "f", "x"),
        text("a", "d é😀", "y\n\nz"),
    ),
    row(
        "literal, on an empty line",
        """
          - |
            a
        +   x

        +   y
            b
        """,
        at("0", ReplaceText, 2, 2, "x\n\ny"),
    ),
    row(
        "literal, lines put before and behind",
        """
          - run: |-
        +     x
              a
              b
        +     y
        """,
        at("0.run", ReplaceText, 3, 3, "\ny"),
        at("0.run", ReplaceText, 0, 0, "x\n"),
    ),
)


test_keys_move_under_the_one_above = table(
    row(
        "keys beside an empty auth",
        """
          - image: a
            auth:
        -   # read only
        -   username: $USER
        -   password: |
        -     x
        +     # read only
        +     username: $USER
        +     password: |
        +       x

            user: root
        """,
        at("0", NestEntries, "auth", ("username", "password")),
    ),
    row(
        "four spaces, last in the file",
        """
          job:
              auth: # later
        -     username: $USER
        -     password: $PASS # x
        +         username: $USER
        +         password: $PASS # x
        """,
        at("job", NestEntries, "auth", ("username", "password")),
    ),
)


test_a_key_is_renamed = table(
    line(
        "a merge becomes a key",
        "x: &x {a: b}\ny:\n  <<: *x # c\n",
        "x: &x {a: b}\ny:\n  auth: *x # c\n",
        at("y", RenameKey, 0, "auth"),
    ),
    line(
        "quotes stay, and come where they are needed",
        "'a': b\nc: d\n",
        "'x': b\n\"yes\": d\n",
        at("", RenameKey, 0, "x"),
        at("", RenameKey, 1, "yes"),
    ),
    line(
        "below an added entry",
        "a: b\nc: d\n",
        "a: b\nx: y\ne: d\n",
        entry("", "x", "y", "a"),
        at("", RenameKey, 1, "e"),
    ),
)


test_an_entry_is_removed = table(
    row(
        "its lines and their comments go, what stands around stays",
        """
          a: b
          # of auth
        - auth: # c
        -   # of the user
        -   username: d

          e: f
        """,
        at("", RemoveEntry, "auth"),
    ),
    row(
        "an entry of a flow mapping, the first and the last",
        """
        - - {a: b, c: d, e: f}
        - - { a: b, c: d }
        - - {a: b, c: d} # e
        + - {c: d}
        + - { a: b }
        + - {c: d} # e
          - {
        -     a: b, # of a
        -     c: d # of c
        +     a: b # of a
            }
          - {
              a: b,
        -     c: d, # of c
              e: f,
            }
        """,
        at("0", RemoveEntry, "a"),
        at("0", RemoveEntry, "e"),
        at("1", RemoveEntry, "c"),
        at("2", RemoveEntry, "a"),
        at("3", RemoveEntry, "c"),
        at("4", RemoveEntry, "c"),
    ),
    row(
        "items of lists, with the blank line that sets them apart",
        """
          - a: # steps
            - checkout

        -   - docker/check:
        -       x: y # z
        -
            - run: a
        - - [a, b , c]
        + - [a , c]
          - - a
        -   - |
        -     b
        - - [a, b, c, d, e]
        + - [c, e]
          - [
        -     a,
        -     b, # of b
        -     c
        +     a
            ]
          -
        -   - a
        -   - b
            - c
        """,
        at("0.a", RemoveItems, (1,)),
        at("1", RemoveItems, (1,)),
        at("2", RemoveItems, (1,)),
        at("3", RemoveItems, (0, 1, 3)),
        at("4", RemoveItems, (1, 2)),
        at("5", RemoveItems, (0, 1)),
    ),
    row(
        "a list becomes its item",
        """
          a: # of a
          - b # of b
          - c
        - d: [e, 'f'] # of d
        - g:
        -   # of h
        -   - i
        -   - "h: h"
        + d: 'f' # of d
        + g: "h: h"
        """,
        at("d", KeepItem, 1),
        at("g", KeepItem, 1),
    ),
    row(
        "a mapping becomes its key",
        """
        - - build: # often
        -     context: a
        -     # more
        -     requires: [b]
        - - test :
        -     context: a
        - - {flow: {context: a}}
        - - near: {context: a} # c
        + - build # often
        + - test
        + - flow
        + - near # c
        """,
        *(at(index, MappingToScalar) for index in "0123"),
    ),
    row(
        "a mapping becomes the alias that it merges",
        """
          - &a {b: c}
        - - <<: *a # of a
        -   d:
        -     e: f
        - - {<<: *a, d: e}
        - - g:
        -     <<: *a
        -     d: e # f
        + - *a # of a
        + - *a
        + - g: *a
            h:   # of h
              i: j
        """,
        at("1", MergeToAlias),
        at("2", MergeToAlias),
        at("3.g", MergeToAlias),
    ),
    row(
        "the last of duplicates, the last of the mapping",
        """
          - a: b
            c: |
              d
        -   c: 'e
        -     f' # g
          - h
        """,
        at("0", RemoveEntry, "c"),
    ),
    row(
        "two, and an entry in their place",
        """
          - image: a
        -   username: $USER
        -   password: $PASS
        +   auth:
        +     username: $USER
        +     password: $PASS
        """,
        at("0", RemoveEntry, "username"),
        at("0", RemoveEntry, "password"),
        auth("0"),
    ),
)


test_a_comment = table(
    row(
        "above the line, at its indent",
        """
          docker:
            # of a
        +   # cci-migrate: ignore[x] é
            - image: a
        +     # why
              user: b
        """,
        at("docker.0.user", AddComment, "why"),
        at("docker.0", AddComment, "cci-migrate: ignore[x] é"),
    ),
    row(
        "in a flow collection, several lines",
        """
          a: [
        +   # one
        +   # two
            b, {c: d}
          ]
        """,
        at("a.1.c", AddComment, "one\ntwo"),
    ),
)


test_several_operations_at_one_place = table(
    row(
        "the deepest first, whatever was asked first",
        """
          jobs:
        +   - first
            - build:
                context:
                  - a
        -   - test
        +         - hub
        +       name: b
        +   - lint
        +   # why
        +   - test:
        +       context:
        +         - hub
        """,
        at("jobs.1", AddComment, "why"),
        item("jobs", 1, "lint"),
        entry("jobs.0.build", "name", "b"),
        item("jobs.0.build.context", 1, "hub"),
        bare_job("jobs.1"),
        item("jobs", 0, "first"),
    ),
    row(
        "dashes before keys at one column",
        """
          build:
        -   context: a
        +   context:
        +   - a
        +   - hub
        +   name: n
            requires:
            - b
        +   - c
        +   type: t
        """,
        entry("build", "name", "n", "context"),
        entry("build", "type", "t"),
        at("build.context", WrapInSequence, HUB),
        item("build.requires", 1, "c"),
    ),
)


@pytest.mark.parametrize(
    ("before", "make", "after"),
    [
        ("- image: a", auth("0"), "- image: a\n  auth:\n    username: $USER\n    password: $PASS"),
        ("- a\n- b # c", bare_job("1"), "- a\n- b: # c\n    context:\n      - hub"),
        ("- b", bare_job("0"), "- b:\n    context:\n      - hub"),
        ("a: b\r\nc:\r\n- d", item("c", 1, "x"), "a: b\r\nc:\r\n- d\r\n- x"),
        ("a: b", at("a", WrapInSequence, HUB), "a:\n  - b\n  - hub"),
        ("{\n  a: b }", context(""), "{\n  a: b,\n  context: [hub] }"),
        ("a: |-\n  b", context(""), "a: |-\n  b\ncontext:\n  - hub"),
        ("a: b\nc: d", at("", RemoveEntry, "c"), "a: b"),
        # But for the line end that is part of a value.
        ("a: |\n  b\nc: d", at("", RemoveEntry, "c"), "a: |\n  b\n"),
    ],
)  # fmt: skip
def test_a_file_without_a_line_end_at_its_end_stays_so(before: str, make: Make, after: str) -> None:
    assert result(before, make) == after


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
    assert result(before, entry("0", "user", "x", "image")) == after


def test_the_byte_order_mark_stays() -> None:
    source = SourceText.decode("config.yml", b"\xef\xbb\xbf- image: a\n")
    new = source.with_text(result(source.text, auth("0")))
    assert new.encode().startswith(b"\xef\xbb\xbf- image: a\n  auth:")


@pytest.mark.parametrize(
    ("old", "make", "new"),
    [
        (
            "a:\n    c\n",
            at("a", WrapInSequence, Items((Text("d"),)), (Text("b"),)),
            "a:\n    - b\n    - c\n    - d\n",
        ),
        (
            "a: |\n\n  b c\n",
            at("a", ReplaceText, 3, 4, "d"),
            "a: |\n\n  b d\n",
        ),
        (
            "a: b\n",
            at("a", ReplaceScalar, Text("c\rd")),
            'a: "c\\rd"\n',
        ),
    ],
    ids=["items before a value on a line of its own", "text behind an empty line", "an escape"],
)
def test_seldom_met(old: str, make: Make, new: str) -> None:
    assert result(old, make) == new


def test_what_is_added_to_moved_keys_moves_with_them() -> None:
    document = document_of("a:\nb:\n- c\nd: e\n")
    makes = (
        at("", NestEntries, "a", ("b",)),
        item("b", 1, "x"),
        entry("", "new", "y", "b"),
    )
    edits = render(document, [make(document) for make in makes])
    new = apply_edits(document.source.text, edits)
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
    route = "0.a" if old.startswith(("-", "[")) else "a"
    assert result(old, at(route, AddEntry, "c", Items((Text("x"),)))) == new


#: Text, the operation, and words of the reason why it cannot be written.
REFUSED: dict[str, tuple[str, Make, str]] = {
    "the key is there": ("auth: a\n", auth("", after=None), "has the key 'auth' already"),
    "no such key": ("a: b\n", auth(""), "no key 'image'"),
    "a null with an anchor": (
        "a: &b\n", entry("a", "c", "d"), "of a key"),
    "a null with a tag": (
        "a: !!null\n", entry("a", "c", "d"), "of a key"),
    "a null on a line of its own": (
        "a:\n  null\n", entry("a", "c", "d"),
        "not next to its key"),
    "a key alone in brackets": (
        "{a, b: 1}\n", entry("a", "c", "d"), "no position"),
    "a null item": ("-\n", entry("0", "c", "d"), "of a key"),
    "a null under an explicit key": (
        "? a\n", entry("a", "c", "d"), "question mark"),
    "an item of several lines": ("- a\n  b\n", bare_job("0"), "several lines"),
    "an item in a literal": ("- |\n  a\n", bare_job("0"), "several lines"),
    "an empty item": ("-\n", bare_job("0"), "no text"),
    "a value as a key": ("a: b\n", bare_job("a"), "only an item"),
    "a list of a list's item": ("- a\n", at("0", WrapInSequence, HUB), "only a key's value"),
    "a list of a literal": ("a: |\n  b\n", at("a", WrapInSequence, HUB), "several lines"),
    "a list of a null": ("a:\n", at("a", WrapInSequence, HUB), "no value"),
    "a literal replaced": (
        "a: |\n  b\n", at("a", ReplaceScalar, Text("x")), "block scalar"),
    "a list for a string": (
        "a: b\n", at("a", ReplaceScalar, Items((Text("x"),))), "only an alias"),
    "a missing value in braces": (
        "{a, b}\n", at("a", ReplaceScalar, Text("x")), "missing value"),
    "text across the lines of a folded scalar": (
        "a: >\n  b\n  c\n", text("a", "b c", "x"), "quoting hides"),
    "text behind a numeric escape": ('a: "\\x41b"\n', text("a", "b", "x"), "quoting hides"),
    "text that would be a comment": ("a: b c\n", text("a", "c", "#d"), "quoting hides"),
    "text that would end a plain scalar": ("[b c]\n", text("0", "c", ", d"), "quoting hides"),
    "a line end in a plain scalar": ("a: b c\n", text("a", " ", "\n"), "quoting hides"),
    "the last line end of a literal": ("a: |\n  b\n", text("a", "b\n", "c"), "quoting hides"),
    "a literal's first line gets an indent": ("a: |\n  b\n", text("a", "b", " c"), "quoting hides"),
    "keys apart": ("a:\nb: c\nd: e\n", at("", NestEntries, "a", ("d",)), "follow"),
    "keys under a value": ("a: x\nb: c\n", at("", NestEntries, "a", ("b",)), "value"),
    "keys of a flow mapping": ("{a: , b: c}\n", at("", NestEntries, "a", ("b",)), "flow"),
    "an anchored key": ("&a b: c\n", at("", RenameKey, 0, "x"), "anchor"),
    "a collection as a key": ("[a]: b\n", at("", RenameKey, 0, "x"), "collection"),
    "the only entry": (
        "a: b\n", at("", RemoveEntry, "a"), "nothing else would be"),
    "the only item": (
        "- a\n", at("", RemoveItems, (0,)), "nothing else would be"),
    "an item on its list's line": (
        "- - a\n  - b\n", at("0", RemoveItems, (0,)), "shares its lines"),
    "a list behind a comment": (
        "a: # b\n  - c\n  - d\n", at("a", KeepItem, 0), "shares a line"),
    "a list with an anchor": (
        "a: &b [c, d]\n", at("a", KeepItem, 0), "cannot become one value"),
    "an item of several lines that is to stay": (
        "a:\n  - b\n  - c\n    d\n", at("a", KeepItem, 1), "several lines"),
    "a mapping of two keys": (
        "- a: b\n  c: d\n", at("0", MappingToScalar), "one key"),
    "a mapping that merges nothing": (
        "- a: b\n", at("0", MergeToAlias), "merges no alias"),
    "a merge below other entries": (
        "- &a {b: c}\n- d: e\n  <<: *a\n", at("1", MergeToAlias),
        "shares its lines"),
    "the entry on the dash's line": (
        "- a: b\n  c: d\n", at("0", RemoveEntry, "a"), "shares its lines"),
    "an explicit entry": (
        "a: b\n? c\n: d\n", at("", RemoveEntry, "c"), "shares its lines"),
    "a comment inside a text": (
        "{a: 'b\n  c', d: e}\n", at("d", AddComment, "x"), "multi-line string"),
    "a literal at the end without a line end": ("a: |\n  b", context(""), "without a line end"),
    "an item whose first key follows its dash": (
        "- a: b\n", at("0", WrapInMerge, CONTEXT), "can't write a merge key"),
    "an item on the lines below its dash": (
        "-\n  a: b\n", at("0", WrapInMerge, CONTEXT), "can't write a merge key"),
    "a pair without braces": (
        "[a: b]\n", at("0", WrapInMerge, CONTEXT), "can't write a merge key"),
    "a key with a question mark": (
        "a: &b\n  ? c\n", at("a", WrapInMerge, CONTEXT),
        "can't write a merge key"),
    "an alias of a collection as a key": (
        "- &a [b]\n- *a\n", bare_job("1"), "a collection"),
    "an alias of a text that brackets would end": (
        "- &a b, c\n- [*a]\n", bare_job("1.0"), "brackets"),
    "an alias that is a document's key": (
        "a: &a {}\n*a : b\n", lambda d: WrapInMerge(mapping_at(d).entries[1][0], CONTEXT),  # type: ignore[arg-type]
        "a key cannot"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_is_refused_with_the_reason(
    before: str, make: Make, words: str
) -> None:
    document = document_of(before)
    operation = make(document)
    with pytest.raises(CannotRenderError, match=words):
        render(document, (operation,))
