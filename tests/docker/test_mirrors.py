"""Names of images at a mirror of Docker Hub."""

from __future__ import annotations

import pytest

from cci_migrate.docker.image_reference import Undecidable
from cci_migrate.docker.mirrors import (
    InvalidMirrorError,
    Mirror,
    is_mirrored,
    mirrored,
    parse_mirror,
)

DIGEST = "@sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("mirror.acme.dev", Mirror("mirror.acme.dev")),
        ("Mirror.Acme.dev:5000/hub/proxy/", Mirror("mirror.acme.dev:5000", "hub/proxy")),
        ("localhost:5000", Mirror("localhost:5000")),
        (" mirror.gcr.io ", Mirror("mirror.gcr.io")),
    ],
)
def test_a_mirror_is_a_host_and_a_prefix(text: str, mirror: Mirror) -> None:
    assert parse_mirror(text) == mirror
    assert parse_mirror(str(mirror)) == mirror


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://mirror.acme.dev", "no https://"),
        ("mirror", "Docker would look for 'mirror' on Docker Hub"),
        ("docker.io/acme", "Docker Hub itself"),
        ("index.docker.io", "Docker Hub itself"),
        ("mirror.acme.dev/Hub", "cannot begin the name"),
        ("mirror.acme.dev/hub:1", "cannot begin the name"),
        ("", "cannot begin the name"),
        ("mirror acme.dev", "cannot begin the name"),
    ],
)
def test_what_is_no_mirror_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidMirrorError, match=told):
        parse_mirror(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("redis", "m.dev/h/library/redis"),
        ("redis:7" + DIGEST, "m.dev/h/library/redis:7" + DIGEST),
        ("library/redis", "m.dev/h/library/redis"),
        ("docker.io/redis:7", "m.dev/h/library/redis:7"),
        ("docker.io/library/redis", "m.dev/h/library/redis"),
        ("registry-1.docker.io/acme/x", "m.dev/h/acme/x"),
        ("acme/x/y:1", "m.dev/h/acme/x/y:1"),
        ("cimg/node:<< parameters.tag >>", "m.dev/h/cimg/node:<< parameters.tag >>"),
        ("redis:${A:-b/c}", "m.dev/h/library/redis:${A:-b/c}"),
        ("acme/<<parameters.x>>", "m.dev/h/acme/<<parameters.x>>"),
    ],
)
def test_a_name_at_the_mirror(before: str, after: str) -> None:
    mirror = Mirror("m.dev", "h")
    head = mirrored(before, mirror)
    assert not isinstance(head, Undecidable)
    assert head.text + before[head.length :] == after
    assert is_mirrored(before, after, mirror)


@pytest.mark.parametrize(
    "text", ["quay.io/x/y", "<< parameters.x >>/y", "$X", "docker.io/<<parameters.x>>", "node$X"]
)
def test_what_cannot_be_renamed(text: str) -> None:
    assert isinstance(mirrored(text, Mirror("m.dev")), Undecidable)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("redis:7", "m.dev/redis:7"),
        ("redis:7", "m.dev/library/redis:8"),
        ("redis:7", "m.dev/library/redis"),
        ("redis" + DIGEST, "m.dev/library/redis"),
        ("acme/x", "m.dev/library/acme/x"),
        ("acme/x", "other.dev/acme/x"),
        ("acme/x", "acme/x"),
        ("quay.io/acme/x", "m.dev/acme/x"),
        ("acme/x:<<parameters.a>>", "m.dev/acme/x:<<parameters.b>>"),
        ("acme/x:$A", "m.dev/acme/x"),
    ],
)
def test_another_image_is_told_from_the_mirror_s(before: str, after: str) -> None:
    assert not is_mirrored(before, after, Mirror("m.dev"))
