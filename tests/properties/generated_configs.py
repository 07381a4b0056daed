"""Hypothesis strategies for CircleCI configs, in the shapes that real ones have.

`configs` draws what a config says; how it is laid out is drawn apart from it (`tests.yaml_text`).
"""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tests.yaml_text import AliasOf, Anchored, Layout, Value, texts

HUB_IMAGES = (
    "cimg/go:1.22",
    "cimg/node:20.11",
    "postgres:16-alpine",
    "redis",
    "docker.io/acme/app:1.0",
    "index.docker.io/library/busybox",
    "circleci/ruby:2.7@sha256:" + "0" * 64,
)
OTHER_IMAGES = (
    "quay.io/acme/builder:4",
    "ghcr.io/acme/tool",
    "mcr.microsoft.com/mssql/server:2022",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:7",
    "localhost:5000/app",
)
CONTEXTS = ("aws", "org-global", "Slack team", "npm-publish")
SCRIPT = "set -eu\ncat > out.yml <<EOF\nimage: not/this\n  - nor: {that}\nEOF\n"
#: As plain as can be: blocks, plain scalars, no comments.
PLAIN_LAYOUT = Layout(variety=0, noise=0)


_layouts = st.builds(
    Layout,
    step=st.sampled_from([2, 2, 3, 4]),
    sequence_offset=st.sampled_from([2, 0]),
    dash_gap=st.sampled_from([" ", " ", "   "]),
    line_break=st.sampled_from(["\n", "\n", "\r\n"]),
    other_line_break=st.just(""),
    final_break=st.booleans(),
    variety=st.sampled_from([0, 2, 5]),
    noise=st.sampled_from([0, 2, 5]),
)


Entries = dict[str, Value]

_hub = st.sampled_from(HUB_IMAGES)
_any_image = st.one_of(_hub, _hub, st.sampled_from(OTHER_IMAGES))


@st.composite
def _details(draw: st.DrawFn) -> Entries:
    """What stands beside ``image``."""
    choices: tuple[tuple[str, Value], ...] = (
        ("environment", {"TZ": "UTC", "LANG": "C.UTF-8"}),
        ("user", "root"),
        ("name", "db"),
        ("entrypoint", ["/bin/sh", "-c"]),
        ("command", "postgres -c fsync=off"),
        ("environment", {"TZ": "UTC"}),
    )
    chosen = st.lists(st.sampled_from(choices), max_size=2, unique_by=lambda detail: detail[0])
    return dict(draw(chosen))


class _Known(Struct, frozen=True):
    """The anchors that a config has, and the parts that hold them."""

    images: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    parts: Entries = {}


@st.composite
def _anchors(draw: st.DrawFn) -> _Known:
    images, lists, filters, arguments = [], [], [], []
    parts: Entries = {}
    if draw(st.booleans()):
        images.append("image")
        image = {"image": draw(_any_image), **draw(_details())}
        parts["x-image"] = Anchored("image", image)
    if draw(st.booleans()):
        lists.append("containers")
        containers = draw(st.lists(_items((), plain=True), min_size=1, max_size=2))
        parts["x-containers"] = Anchored("containers", containers)
    if draw(st.booleans()):
        filters.append("only_main")
        only: Value = {"filters": {"branches": {"only": "main"}}}
        parts["x-filters"] = Anchored("only_main", only)
    if draw(st.booleans()):
        arguments.append("deploys")
        parts["x-deploys"] = Anchored("deploys", {"context": draw(_contexts)})
    return _Known(tuple(images), tuple(lists), tuple(filters), tuple(arguments), parts)


@st.composite
def _items(draw: st.DrawFn, anchors: tuple[str, ...], *, plain: bool = False) -> Value:
    """One item of a ``docker`` list."""
    kinds = ["image first", "image first", "image later"]
    if not plain:
        kinds += ["image alone"]
        kinds += ["alias", "merge", "merge with image"] if anchors else []
    kind = draw(st.sampled_from(kinds))
    if kind == "image alone":
        return {"image": draw(_any_image)}
    if kind == "alias":
        return AliasOf(draw(st.sampled_from(anchors)))
    if kind.startswith("merge"):
        base = AliasOf(draw(st.sampled_from(anchors)))
        own: Entries = {"<<": base, "environment": {"A": "b"}}
        return own if kind == "merge" else {**own, "image": draw(_any_image)}
    image: Entries = {"image": draw(_any_image)}
    details = draw(_details())
    if kind == "image first" or not details:
        return {**image, **details}
    first = dict(list(details.items())[:1])
    return {**first, **image, **details}


@st.composite
def _docker(draw: st.DrawFn, known: _Known, *, plain: bool) -> Value:
    if known.lists and not plain and draw(st.integers(0, 3)) == 0:
        return AliasOf(draw(st.sampled_from(known.lists)))
    return draw(st.lists(_items(known.images, plain=plain), min_size=1, max_size=3))


_context_lists: st.SearchStrategy[Value] = st.lists(
    st.sampled_from(CONTEXTS), min_size=1, max_size=2, unique=True
).map(list)
_contexts: st.SearchStrategy[Value] = st.one_of(st.sampled_from(CONTEXTS), _context_lists)


@st.composite
def _entry(draw: st.DrawFn, job: str, known: _Known, *, plain: bool) -> Value:
    """One entry of a workflow's ``jobs``."""
    kinds = ["mapping", "context"]
    if not plain:
        kinds += ["bare", "bare", "null", "named", "string"]
        kinds += ["filters"] if known.filters else []
        kinds += ["arguments", "arguments as a whole"] if known.arguments else []
    kind = draw(st.sampled_from(kinds))
    requires: Entries = {"requires": ["hold"]}
    arguments: Value
    match kind:
        case "bare":
            return job
        case "null":
            arguments = None
        case "mapping":
            arguments = requires
        case "named":
            arguments = {"name": "again"}
        case "string":
            arguments = {"context": "aws"}
        case "filters":
            arguments = {"<<": AliasOf("only_main"), **requires}
        case "arguments":
            arguments = {**requires, "<<": AliasOf("deploys")}
        case "arguments as a whole":
            arguments = AliasOf("deploys")
        case _:
            context: Entries = {"context": draw(_context_lists if plain else _contexts)}
            arguments = {**context, **requires} if draw(st.booleans()) else {**requires, **context}
    return {job: arguments}


PULLS = (
    "docker pull redis",
    "docker run --rm alpine:3.20 true",
    "docker pull quay.io/acme/app",
    'echo "docker pull redis"',
    "set -eu\nsudo docker pull \\\n  acme/app:1 # ours\ndocker ps\n",
    'echo "$HUB_PASSWORD" | docker login -u "$HUB_USER" --password-stdin',
)


@st.composite
def _pulling_steps(draw: st.DrawFn, kind: str) -> list[Value]:
    """Steps in which Docker itself pulls; they come last, as most do."""
    if kind == "executor" or draw(st.integers(0, 2)) > 0:
        return []
    steps: list[Value] = [] if kind == "machine" else ["setup_remote_docker"]
    for pull in draw(st.lists(st.sampled_from(PULLS), min_size=1, max_size=3)):
        steps.append({"run": {"command": pull} if draw(st.booleans()) else pull})
    return steps


@st.composite
def _job(draw: st.DrawFn, known: _Known, executors: tuple[str, ...], *, plain: bool) -> Value:
    kinds = ["docker", "docker", "docker", "machine"] + (["executor"] * 2 if executors else [])
    kind = draw(st.sampled_from(kinds))
    runs_on: Entries
    if kind == "machine":
        runs_on = {"machine": {"image": "ubuntu-2404:current"}}
    elif kind == "executor":
        name = draw(st.sampled_from(executors))
        whole = name == "by-tag" and draw(st.booleans())
        runs_on = {"executor": {"name": name, "tag": "3.12"} if whole else name}
    else:
        runs_on = {"docker": draw(_docker(known, plain=plain))}
    test: Value = {"run": {"name": "Test it", "command": SCRIPT}}
    steps: Entries = {"steps": ["checkout", test, *draw(_pulling_steps(kind))]}
    return {**runs_on, **steps} if draw(st.booleans()) else {**steps, **runs_on}


def _docker_of(image: str) -> Entries:
    return {"docker": [{"image": image}]}


_TAG: Value = {"tag": {"type": "string", "default": "3.11"}}
_EXECUTORS: tuple[tuple[str, Value], ...] = (
    ("small", _docker_of("cimg/base:2024.01")),
    ("by-tag", {"parameters": _TAG, **_docker_of("cimg/python:<< parameters.tag >>")}),
    ("elsewhere", _docker_of("quay.io/acme/x")),
)
_INLINE_ORB: Value = {"jobs": {"check": {**_docker_of("alpine"), "steps": ["checkout"]}}}


@st.composite
def configs(draw: st.DrawFn, *, plain: bool = False) -> Value:
    """What a config says; ``plain`` ones have nothing that a fix must alter a line of."""
    is_21 = draw(st.integers(0, 3)) > 0
    known = _Known() if plain else draw(_anchors())
    top: Entries = {
        "version": 2.1 if is_21 else draw(st.sampled_from((2, "2"))),
        **known.parts,
    }
    executors: tuple[str, ...] = ()
    if is_21 and draw(st.booleans()):
        some = st.lists(
            st.sampled_from(_EXECUTORS), min_size=1, max_size=3, unique_by=lambda named: named[0]
        )
        chosen = dict(draw(some))
        executors = tuple(chosen)
        top["executors"] = chosen
    called = ["build", "test-it", "deploy"][: draw(st.integers(1, 3))]
    orb_jobs = []
    if is_21 and draw(st.integers(0, 3)) == 0:
        top["orbs"] = {"node": "circleci/node@5.2", "local": _INLINE_ORB}
        orb_jobs = ["local/check"]
    top["jobs"] = {name: draw(_job(known, executors, plain=plain)) for name in called}
    if draw(st.integers(0, 4)) > 0 or orb_jobs:
        hold: Value = {"hold": {"type": "approval"}}
        runs = [draw(_entry(job, known, plain=plain)) for job in (*called, *orb_jobs)]
        version: Entries = {} if is_21 else {"version": 2}
        top["workflows"] = {**version, "main": {"jobs": [hold, *runs]}}
    return top


@st.composite
def config_texts(draw: st.DrawFn) -> str:
    """Configs in the layouts that people write."""
    return draw(texts(draw(configs()), draw(_layouts)))


@st.composite
def texts_of_one_config(draw: st.DrawFn) -> tuple[str, str]:
    """The same config twice: as plain as can be, and in any layout."""
    config = draw(configs())
    return draw(texts(config, PLAIN_LAYOUT)), draw(texts(config, draw(_layouts)))


@st.composite
def plain_texts(draw: st.DrawFn) -> str:
    """Configs of which a fix must alter no line, with comments and blank lines everywhere."""
    return draw(texts(draw(configs(plain=True)), replace(draw(_layouts), variety=0)))
