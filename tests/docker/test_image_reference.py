"""Which registry an image comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_migrate.docker.image_reference import (
    ImageReference,
    InvalidReference,
    Undecidable,
    has_placeholder,
    parse_image_reference,
    registry_of,
)
from cci_migrate.docker.registries import normalise_host
from tests.any_text import TEXTS

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " node",
        "node ",
        "node:",
        ":18",
        "node@",
        "node@sha256",
        "node@sha256:abc",
        "Node",
        "cimg/Node",
        "node:18:19",
        "node:-18",
        "node:" + "x" * 129,
        "/node",
        "cimg//node",
        "cimg/node/",
        "-node",
        "node-",
        "cimg/-node",
        "ghcr.io/",
        "ghcr.io:x/node",
        "a___b",
        "a..b",
        "https://ghcr.io/node",
        "0123456789abcdef" * 4,
        "x" * 256,
        "node\n",
        "cimg/n\u00f6de",
        "library/" + "x" * 250,
    ],
)
def test_is_no_image(text: str) -> None:
    reference = parse_image_reference(text)
    assert isinstance(reference, InvalidReference)
    assert reference.reason
    assert isinstance(registry_of(text), Undecidable)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("node", (None, "docker.io", "library/node", None, None)),
        ("node:18", (None, "docker.io", "library/node", "18", None)),
        ("cimg/node:18.1-browsers", (None, "docker.io", "cimg/node", "18.1-browsers", None)),
        ("a/b/c", (None, "docker.io", "a/b/c", None, None)),
        ("localhost:5000", (None, "docker.io", "library/localhost", "5000", None)),
        ("localhost/x", ("localhost", "localhost", "x", None, None)),
        ("localhost:5000/x:y", ("localhost:5000", "localhost:5000", "x", "y", None)),
        ("Foo/bar", ("Foo", "foo", "bar", None, None)),
        ("my.domain/x", ("my.domain", "my.domain", "x", None, None)),
        ("host:443/x", ("host:443", "host:443", "x", None, None)),
        ("[2001:db8::1]:5000/x", ("[2001:db8::1]:5000", "[2001:db8::1]:5000", "x", None, None)),
        ("docker.io/node", ("docker.io", "docker.io", "library/node", None, None)),
        ("docker.io/library/node", ("docker.io", "docker.io", "library/node", None, None)),
        ("docker.io/cimg/go:1.2", ("docker.io", "docker.io", "cimg/go", "1.2", None)),
        ("index.docker.io/a/b", ("index.docker.io", "docker.io", "a/b", None, None)),
        ("registry-1.docker.io/a/b", ("registry-1.docker.io", "docker.io", "a/b", None, None)),
        (
            "registry.hub.docker.com/node",
            ("registry.hub.docker.com", "docker.io", "library/node", None, None),
        ),
        ("hub.docker.com/a/b", ("hub.docker.com", "docker.io", "a/b", None, None)),
        ("GHCR.io/a/b", ("GHCR.io", "ghcr.io", "a/b", None, None)),
        (f"node@{DIGEST}", (None, "docker.io", "library/node", None, DIGEST)),
        (f"node:18@{DIGEST}", (None, "docker.io", "library/node", "18", DIGEST)),
        (f"ghcr.io:1/a:b@{DIGEST}", ("ghcr.io:1", "ghcr.io:1", "a", "b", DIGEST)),
        ("a__b/c--d.e", (None, "docker.io", "a__b/c--d.e", None, None)),
        ("a" * 63 + "0" * 2, (None, "docker.io", "library/" + "a" * 63 + "00", None, None)),
        ("quay.io/a/b:_x", ("quay.io", "quay.io", "a/b", "_x", None)),
    ],
)
def test_parts_of_an_image(
    text: str, expected: tuple[str | None, str, str, str | None, str | None]
) -> None:
    assert parse_image_reference(text) == ImageReference(*expected, text=text)
    assert registry_of(text) == expected[1]


def test_scratch_is_no_image_of_a_registry() -> None:
    scratch = parse_image_reference("scratch")
    ours = parse_image_reference("ghcr.io/me/scratch")
    assert isinstance(scratch, ImageReference)
    assert isinstance(ours, ImageReference)
    assert scratch.is_scratch
    assert not ours.is_scratch


@pytest.mark.parametrize(
    "text",
    [
        "<< parameters.image >>",
        "<<parameters.image>>:18",
        "<< parameters.registry >>/node:18",
        "<<parameters.registry>>node:18",
        "node<< parameters.suffix >>",
        "node-<< parameters.flavour >>:18",
        "node<< parameters.suffix >>/x",
        "localhost:<< parameters.port >>/x",
        "host.<< pipeline.parameters.domain >>/x",
        "$IMAGE",
        "${IMAGE}",
        "${IMAGE:-node:18}",
        "$ECR_URL/app:latest",
        "${AWS_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app",
        "$(cat image.txt)",
        "`cat image.txt`",
        "$1",
        "{{ image }}",
        '<< pipeline.git.branch == "main" and "node" or "x" >>',
        "/$X",
        "-/$X",
        "https://ghcr.io/$X",
        "ghcr.io:x/$X",
        r"\<< parameters.x >>",
    ],
)
def test_undecidable_registry(text: str) -> None:
    registry = registry_of(text)
    assert isinstance(registry, Undecidable)
    assert registry.reason


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("cimg/node:<< parameters.v >>", "docker.io"),
        ("cimg/<< parameters.lang >>:<< parameters.v >>", "docker.io"),
        ("cimg/<<parameters.lang>>", "docker.io"),
        ("node:<<parameters.tag>>", "docker.io"),
        ("node:18-<<parameters.tag>>", "docker.io"),
        ("node:$TAG", "docker.io"),
        ("node@$DIGEST", "docker.io"),
        ("cimg/node:${V:-18}", "docker.io"),
        ("ghcr.io/$ORG/$REPO:$(git rev-parse HEAD)", "ghcr.io"),
        ("gcr.io/${PROJECT}/app", "gcr.io"),
        ("index.docker.io/$ORG/app", "docker.io"),
        ("localhost:5000/$X", "localhost:5000"),
        ("localhost/$X", "localhost"),
        ("quay.io/{{ org }}/x", "quay.io"),
        ("$X".join(["quay.io/a/", ""]), "quay.io"),
        ('cimg/node:<< pipeline.number >= 2 and "a" or "b" >>', "docker.io"),
    ],
)
def test_registry_of_a_template(text: str, host: str) -> None:
    assert registry_of(text) == host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("http://LOCALHOST:5000", "localhost:5000"),
        ("registry.gitlab.com/group/project", "registry.gitlab.com"),
        (" docker.io ", "docker.io"),
        ("docker.io.example.com", "docker.io.example.com"),
    ],
)
def test_normalised_host(written: str, host: str) -> None:
    assert normalise_host(written) == host


def test_tells_placeholders_from_text() -> None:
    assert not has_placeholder("node:18")
    assert not has_placeholder("cost: 5$")
    assert has_placeholder("node:$V")
    assert has_placeholder("<<x>>")


@given(TEXTS | st.text(alphabet="ab/.:@$<>{}- A0"))
def test_takes_any_text(text: str) -> None:
    reference = parse_image_reference(text)
    registry = registry_of(text)
    if isinstance(reference, ImageReference):
        assert reference.text == text
        assert registry == reference.host
    if isinstance(registry, str):
        assert registry == normalise_host(registry)
