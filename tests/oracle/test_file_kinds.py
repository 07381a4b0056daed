"""What sort of file lies where configs lie, by the oracle's own look."""

from __future__ import annotations

import pytest

from tests.oracle.file_kinds import FileKind, read_file

CONFIG = "version: 2.1\njobs: {build: {docker: [{image: redis}]}}\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CONFIG, FileKind.CONFIG),
        ("version: 2.1\norbs: {a: b/c@1}\nworkflows: {w: {jobs: [a/b]}}\n", FileKind.CONFIG),
        ("version: 2.1\nparameters: {p: {type: string}}\nexecutors: {}\n", FileKind.CONFIG),
        (f"# Do not edit: made from src.\n{CONFIG}", FileKind.GENERATED),
        (f"# THIS FILE WAS AUTOMATICALLY GENERATED\n{CONFIG}", FileKind.GENERATED),
        (
            f"# This configuration was automatically generated from a CircleCI 1.0 one.\n{CONFIG}",
            FileKind.CONFIG,
        ),
        (CONFIG + "# Do not edit below\n" * 30, FileKind.CONFIG),
        ("version: 2.1\ndescription: an orb\njobs: {j: {}}\n", FileKind.ORB_SOURCE),
        ("version: 2.1\ncommands: {c: {}}\njobs: {j: {}}\n", FileKind.ORB_SOURCE),
        ("machine: {services: [docker]}\ntest: {override: [make]}\n", FileKind.VERSION_1),
        ("a: 1\n", FileKind.OTHER),
        ("", FileKind.OTHER),
        (f"{CONFIG}---\n{CONFIG}", FileKind.SEVERAL_DOCUMENTS),
        (f"{CONFIG}jobs: {{}}\n", FileKind.DUPLICATE_KEYS),
        (f"{CONFIG}x: {{<<: {{a: 1}}, <<: {{b: 1}}}}\n", FileKind.CONFIG),
        ("jobs:\n  - {\n", FileKind.UNREADABLE),
        ("jobs:\n{% for j in jobs %}\n  {{ j }}:\n{% endfor %}\n", FileKind.TEMPLATE),
    ],
)
def test_kinds(text: str, kind: FileKind) -> None:
    assert read_file(".circleci/config.yml", text.encode()).kind is kind


def test_an_orbs_root_file_is_told_by_its_name() -> None:
    assert read_file("src/@orb.yml", CONFIG.encode()).kind is FileKind.ORB_SOURCE
