"""Hypothesis strategies for CircleCI configs, in the shapes that real ones have.

A config is drawn as a tree; how it is laid out is drawn apart from it (`yaml_layout`).
"""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import Struct

from tests.properties.yaml_layout import (
    Entries,
    Items,
    Layout,
    Ref,
    Script,
    Tree,
    Word,
    entries,
    items,
)

HUB_IMAGES = (
    "cimg/go:1.22",
    '"cimg/node:20.11"',
    "'postgres:16-alpine'",
    "redis",
    "docker.io/acme/app:1.0",
    "index.docker.io/library/busybox",
    "circleci/ruby:2.7@sha256:" + "0" * 64,
)
OTHER_IMAGES = (
    "quay.io/acme/builder:4",
    "ghcr.io/acme/tool",
    '"mcr.microsoft.com/mssql/server:2022"',
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:7",
    "localhost:5000/app",
)
CONTEXTS = ("aws", "org-global", '"Slack team"', "npm-publish")
SCRIPT = Script(("set -eu", "cat > out.yml <<EOF", "image: not/this", "  - nor: {that}", "EOF"))


class Config(Struct, frozen=True):
    """A config as a tree. ``is_plain``: its fix only adds whole lines."""

    tree: Entries
    is_plain: bool = False


layouts = st.builds(
    Layout,
    width=st.sampled_from((2, 2, 3, 4)),
    flush_items=st.booleans(),
    dash=st.sampled_from(("- ", "- ", "-   ")),
    eol=st.sampled_from(("\n", "\n", "\r\n")),
    bom=st.booleans(),
    document_start=st.booleans(),
    final_break=st.booleans(),
    noise=st.lists(st.integers(0, 6), min_size=1, max_size=9).map(tuple),
)

_hub = st.sampled_from(HUB_IMAGES)
_any_image = st.one_of(_hub, _hub, st.sampled_from(OTHER_IMAGES))


@st.composite
def _details(draw: st.DrawFn) -> tuple[tuple[str, Tree], ...]:
    """What stands beside ``image``."""
    choices: tuple[tuple[str, Tree], ...] = (
        ("environment", entries(("TZ", "UTC"), ("LANG", '"C.UTF-8"'))),
        ("user", Word("root")),
        ("name", Word("db")),
        ("entrypoint", items("/bin/sh", '"-c"', flow=True)),
        ("command", Word("postgres -c fsync=off")),
        ("environment", entries(("TZ", "UTC"), flow=True)),
    )
    found = draw(st.lists(st.sampled_from(choices), max_size=2, unique_by=lambda one: one[0]))
    return tuple(found)


class _Known(Struct, frozen=True):
    """The anchors that a config has, and the parts that hold them."""

    images: tuple[str, ...]
    lists: tuple[str, ...]
    filters: tuple[str, ...]
    arguments: tuple[str, ...]
    parts: tuple[tuple[str, Tree], ...]


@st.composite
def _anchors(draw: st.DrawFn) -> _Known:
    images, lists, filters, arguments = [], [], [], []
    parts: list[tuple[str, Tree]] = []
    if draw(st.booleans()):
        images.append("image")
        image = draw(_any_image)
        parts.append(("x-image", entries(("image", image), *draw(_details()), anchor="image")))
    if draw(st.booleans()):
        lists.append("containers")
        found = draw(st.lists(_items((), plain=True), min_size=1, max_size=2))
        parts.append(("x-containers", Items(tuple(found), anchor="containers")))
    if draw(st.booleans()):
        filters.append("only_main")
        only = entries(("branches", entries(("only", "main"))))
        parts.append(("x-filters", Entries((("filters", only),), anchor="only_main")))
    if draw(st.booleans()):
        arguments.append("deploys")
        held = draw(_contexts)
        parts.append(("x-deploys", Entries((("context", held),), anchor="deploys")))
    return _Known(tuple(images), tuple(lists), tuple(filters), tuple(arguments), tuple(parts))


@st.composite
def _items(draw: st.DrawFn, anchors: tuple[str, ...], *, plain: bool = False) -> Tree:
    """One item of a ``docker`` list."""
    kinds = ["block", "block", "image later"]
    if not plain:
        kinds += ["flow"]
        kinds += ["alias", "merge", "merge with image"] if anchors else []
    kind = draw(st.sampled_from(kinds))
    if kind == "flow":
        return entries(("image", draw(_any_image)), flow=True)
    if kind == "alias":
        return Ref(draw(st.sampled_from(anchors)))
    if kind.startswith("merge"):
        base = ("<<", Ref(draw(st.sampled_from(anchors))))
        own = entries(base, ("environment", entries(("A", "b"))))
        if kind == "merge":
            return own
        return Entries((*own.entries, ("image", Word(draw(_any_image)))))
    image = ("image", Word(draw(_any_image)))
    details = draw(_details())
    if kind == "block" or not details:
        return Entries((image, *details))
    return Entries((details[0], image, *details[1:]))


@st.composite
def _docker(draw: st.DrawFn, known: _Known, *, plain: bool) -> Tree:
    if known.lists and not plain and draw(st.integers(0, 3)) == 0:
        return Ref(draw(st.sampled_from(known.lists)))
    found = draw(st.lists(_items(known.images, plain=plain), min_size=1, max_size=3))
    if not plain and draw(st.integers(0, 5)) == 0:
        return items(*(entries(("image", draw(_any_image)), flow=True) for _ in found), flow=True)
    return Items(tuple(found))


_contexts = st.one_of(
    st.sampled_from(CONTEXTS).map(Word),
    st.lists(st.sampled_from(CONTEXTS), min_size=1, max_size=2, unique=True).map(
        lambda names: items(*names)
    ),
    st.lists(st.sampled_from(CONTEXTS), min_size=1, max_size=2, unique=True).map(
        lambda names: items(*names, flow=True)
    ),
)
_block_contexts = st.lists(st.sampled_from(CONTEXTS), min_size=1, max_size=2, unique=True).map(
    lambda names: items(*names)
)


@st.composite
def _entry(draw: st.DrawFn, job: str, known: _Known, *, plain: bool) -> Tree:
    """One entry of a workflow's ``jobs``."""
    kinds = ["mapping", "context"]
    if not plain:
        kinds += ["bare", "bare", "null", "flow", "string in flow"]
        kinds += ["filters"] if known.filters else []
        kinds += ["arguments", "arguments as a whole"] if known.arguments else []
    kind = draw(st.sampled_from(kinds))
    requires: tuple[str, Tree] = ("requires", items("hold", flow=draw(st.booleans())))
    match kind:
        case "bare":
            return Word(job if draw(st.booleans()) else f'"{job}"')
        case "null":
            return entries((job, ""))
        case "mapping":
            return entries((job, Entries((requires,))))
        case "flow":
            return entries(
                (
                    job,
                    entries(
                        requires if requires[1] == items("hold", flow=True) else ("name", "again"),
                        flow=True,
                    ),
                )
            )
        case "string in flow":
            return entries((job, entries(("context", "aws"), flow=True)))
        case "filters":
            return entries((job, entries(("<<", Ref("only_main")), requires)))
        case "arguments":
            return entries((job, entries(requires, ("<<", Ref("deploys")))))
        case "arguments as a whole":
            return entries((job, Ref("deploys")))
        case _:
            held = draw(_block_contexts if plain else _contexts)
            first = draw(st.booleans())
            pairs = (("context", held), requires) if first else (requires, ("context", held))
            return entries((job, Entries(pairs)))


PULLS: tuple[Tree, ...] = (
    Word("docker pull redis"),
    Word("docker run --rm alpine:3.20 true"),
    Word("docker pull quay.io/acme/app"),
    Word('echo "docker pull redis"'),
    Script(("set -eu", "sudo docker pull \\", "  acme/app:1 # ours", "docker ps")),
    Word('echo "$HUB_PASSWORD" | docker login -u "$HUB_USER" --password-stdin'),
)


@st.composite
def _pulling_steps(draw: st.DrawFn, kind: str) -> tuple[Tree, ...]:
    """Steps in which Docker itself pulls; they come last, as most do."""
    if kind == "executor" or draw(st.integers(0, 2)) > 0:
        return ()
    pulls = draw(st.lists(st.sampled_from(PULLS), min_size=1, max_size=3))
    steps: list[Tree] = []
    for pull in pulls:
        run: Tree = entries(("command", pull)) if draw(st.booleans()) else pull
        steps.append(entries(("run", run)))
    return tuple(steps) if kind == "machine" else (Word("setup_remote_docker"), *steps)


@st.composite
def _job(draw: st.DrawFn, known: _Known, executors: tuple[str, ...], *, plain: bool) -> Tree:
    kinds = ["docker", "docker", "docker", "machine"] + (["executor"] * 2 if executors else [])
    kind = draw(st.sampled_from(kinds))
    runs_on: tuple[str, Tree]
    if kind == "machine":
        runs_on = ("machine", entries(("image", "ubuntu-2404:current")))
    elif kind == "executor":
        name = draw(st.sampled_from(executors))
        whole = name == "by-tag" and draw(st.booleans())
        call = entries(("name", name), ("tag", '"3.12"')) if whole else Word(name)
        runs_on = ("executor", call)
    else:
        runs_on = ("docker", draw(_docker(known, plain=plain)))
    run: Tree = entries(("name", "Test it"), ("command", SCRIPT))
    steps = Items((Word("checkout"), entries(("run", run)), *draw(_pulling_steps(kind))))
    order = (runs_on, ("steps", steps)) if draw(st.booleans()) else (("steps", steps), runs_on)
    return Entries(order)


_EXECUTORS: tuple[tuple[str, Tree], ...] = (
    ("small", entries(("docker", items(entries(("image", "cimg/base:2024.01")))))),
    (
        "by-tag",
        entries(
            ("parameters", entries(("tag", entries(("type", "string"), ("default", '"3.11"'))))),
            ("docker", items(entries(("image", "cimg/python:<< parameters.tag >>")))),
        ),
    ),
    ("elsewhere", entries(("docker", items(entries(("image", "quay.io/acme/x")))))),
)
_INLINE_ORB = entries(
    (
        "jobs",
        entries(
            (
                "check",
                entries(
                    ("docker", items(entries(("image", "alpine")))),
                    ("steps", items("checkout", flow=True)),
                ),
            )
        ),
    ),
)


@st.composite
def configs(draw: st.DrawFn, *, plain: bool = False) -> Config:
    """A config; ``plain`` ones have nothing that a fix must alter a line of."""
    is_21 = draw(st.integers(0, 3)) > 0
    known = _Known((), (), (), (), ()) if plain else draw(_anchors())
    top: list[tuple[str, Tree]] = [
        ("version", Word("2.1" if is_21 else draw(st.sampled_from(("2", '"2"')))))
    ]
    top += known.parts
    executors: tuple[str, ...] = ()
    if is_21 and draw(st.booleans()):
        chosen = draw(
            st.lists(
                st.sampled_from(_EXECUTORS), min_size=1, max_size=3, unique_by=lambda one: one[0]
            )
        )
        executors = tuple(name for name, _ in chosen)
        top.append(("executors", Entries(tuple(chosen))))
    called = ["build", "test-it", "deploy"][: draw(st.integers(1, 3))]
    if is_21 and draw(st.integers(0, 3)) == 0:
        top.append(("orbs", entries(("node", "circleci/node@5.2"), ("local", _INLINE_ORB))))
        orb_jobs = ["local/check"]
    else:
        orb_jobs = []
    jobs = tuple((name, draw(_job(known, executors, plain=plain))) for name in called)
    top.append(("jobs", Entries(jobs)))
    if draw(st.integers(0, 4)) > 0 or orb_jobs:
        hold = entries(("hold", entries(("type", "approval"))))
        held = tuple(draw(_entry(job, known, plain=plain)) for job in (*called, *orb_jobs))
        listed = Items((hold, *held))
        if not plain and draw(st.integers(0, 4)) == 0:
            listed = items(*called, flow=True)
        flow = entries(("jobs", listed))
        top.append(
            ("workflows", entries(*((("version", "2"),) if not is_21 else ()), ("main", flow)))
        )
    return Config(Entries(tuple(top)), plain)
