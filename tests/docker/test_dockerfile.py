"""Which images the building of a Dockerfile fetches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_migrate.docker.dockerfile import images_of


def images(text: str, **given: object) -> list[str]:
    return [image.name for image in images_of(text, **given)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM alpine", ["alpine"]),
        ("from alpine:3 as x", ["alpine:3"]),
        ("# a comment\n\nFROM alpine@sha256:0\nRUN x", ["alpine@sha256:0"]),
        ("FROM --platform=linux/amd64 quay.io/a/b:c", ["quay.io/a/b:c"]),
        ("FROM --platform=$BUILDPLATFORM a\n", ["a"]),
        ("FROM scratch\nCOPY x /", []),
        ("FROM a\nFROM b", ["b"]),
        ("FROM a AS one\nFROM b\nCOPY --from=one / /", ["a", "b"]),
        ("FROM a AS One\nFROM oNE", ["a"]),
        ("FROM a\nFROM b\nCOPY --from=0 / /", ["a", "b"]),
        ("FROM a\nFROM b\nCOPY --from=\u00b2 / /", ["b", "\u00b2"]),
        ("FROM a AS x\nFROM x AS y\nRUN z\nFROM y", ["a"]),
        ("FROM a AS unused\nFROM b", ["b"]),
        ("FROM a\nCOPY --chown=u --from=nginx:1 /x /x", ["a", "nginx:1"]),
        ("FROM a\nRUN --mount=type=bind,from=b/c,target=/x --network=none y", ["a", "b/c"]),
        ("FROM a AS s\nFROM b\nRUN --mount=from=s,target=/x y", ["a", "b"]),
        ("# syntax=docker/dockerfile:1\nFROM a", ["docker/dockerfile:1", "a"]),
        ("#syntax = docker/dockerfile:1\r\n# escape=`\r\nFROM a", ["docker/dockerfile:1", "a"]),
        ("# a comment\n# syntax=docker/dockerfile:1\nFROM a", ["a"]),
        ("FROM a\n# syntax=docker/dockerfile:1", ["a"]),
        ("FROM \\\n  # comment\n\n  alpine \\\n  AS x", ["alpine"]),
        ("# escape=`\nFROM `\n  alpine\nRUN c:\\\nFROM b", ["b"]),
        ("FROM a\nRUN <<EOF\nFROM no\nEOF\nRUN x", ["a"]),
        ("FROM a\nCOPY <<-'one' <<two /x/\nFROM no\none\nFROM no\ntwo\nFROM b", ["b"]),
        ("FROM a\nRUN echo <<<x\nFROM b", ["b"]),
        ("\ufeffFROM a", ["a"]),
        ("FROM\ta", ["a"]),
        ('FROM "a"', ["a"]),
        ("", []),
        ("FROM", []),
        ("RUN x\nCOPY --from=y / /", []),
        ("# syntax=x\n", []),
        ("FROM a\nONBUILD COPY --from=b / /", ["a"]),
    ],
)
def test_instructions(text: str, expected: list[str]) -> None:
    assert images(text) == expected


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("ARG V=3\nFROM alpine:$V", {}, ["alpine:3"]),
        ("ARG V=3\nFROM alpine:${V}", {"V": "4"}, ["alpine:4"]),
        ('ARG V="3"\nFROM alpine:$V', {}, ["alpine:3"]),
        ("ARG A=a B=b\nFROM $A/$B", {}, ["a/b"]),
        ("ARG A=a\nARG B=$A/b\nFROM $B", {}, ["a/b"]),
        ("ARG V\nFROM alpine:$V", {}, ["alpine:$V"]),
        ("ARG V\nFROM alpine:$V", {"V": "1"}, ["alpine:1"]),
        ("ARG V=3\nFROM alpine:$V", {"V": None}, ["alpine:$V"]),
        ("ARG V\nFROM alpine:${V:-5}", {}, ["alpine:5"]),
        ("ARG V\nFROM alpine${V:+:$V}", {"V": "5"}, ["alpine:5"]),
        ("ARG V=\nFROM alpine:${V:-5}", {}, ["alpine:5"]),
        ("FROM alpine:${V:-5}", {}, ["alpine:5"]),
        ("FROM a\nARG V=3\nFROM b:$V", {}, ["b:$V"]),
        ("FROM alpine:$V", {"V": "9"}, ["alpine:$V"]),
        ("ARG R=a.b\nFROM $R/x AS y\nFROM y", {"R": "c.d"}, ["c.d/x"]),
        ("FROM b AS x-amd64\nFROM c AS x-arm64\nFROM x-$TARGETARCH", {}, ["b"]),
        ("ARG S=one\nFROM a AS one\nFROM b AS two\nFROM $S", {"S": "two"}, ["b"]),
        ("ARG V=${NO\nFROM alpine:$V", {}, ["alpine:${NO"]),
    ],
)
def test_arguments(text: str, arguments: dict[str, str | None], expected: list[str]) -> None:
    assert images(text, build_args=arguments) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, ["a", "c", "d"]),
        ("one", ["a"]),
        ("TWO", ["b"]),
        ("1", ["b"]),
        ("three", ["a", "c"]),
        ("gone", ["a", "c", "d"]),
    ],
)
def test_targets(target: str | None, expected: list[str]) -> None:
    text = (
        "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=one / /\n"
        "FROM d\nCOPY --from=three / /"
    )
    assert images(text, target=target) == expected


def test_contexts_stand_for_names() -> None:
    text = "FROM base\nCOPY --from=files / /\nCOPY --from=c / /"
    contexts = {"BASE": "docker-image://quay.io/x", "files": "../files"}
    assert images(text, build_contexts=contexts) == ["quay.io/x", "c"]


def test_where() -> None:
    text = "# syntax=s\n\nFROM a AS \\\n x\nCOPY --from=b / /\nRUN --mount=from=c x"
    assert [(image.name, image.line) for image in images_of(text)] == [
        ("s", 1),
        ("a", 3),
        ("b", 5),
        ("c", 6),
    ]


@given(st.text(alphabet="FROMARGCPY aA1$\\{}:-=#\n<\"'`", max_size=80))
def test_any_text_is_read(text: str) -> None:
    for image in images_of(text):
        assert image.name
        assert 1 <= image.line <= len(text.splitlines())


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("FROM node\nFROM scratch", None, ["node"]),
        ("FROM a AS x\nFROM b\nFROM c", None, ["a", "b", "c"]),
        ("FROM a\nFROM b AS x\nFROM c", "x", ["a", "b"]),
        ("FROM a\nFROM b\nFROM c", "0", ["a"]),
        ("# syntax=docker/dockerfile:1\nFROM a\nCOPY --from=b / /", None, ["a", "b"]),
    ],
)
def test_the_classic_builder_makes_all_stages_up_to_the_target(
    text: str, target: str | None, expected: list[str]
) -> None:
    assert images(text, target=target, skips_stages=False) == expected
