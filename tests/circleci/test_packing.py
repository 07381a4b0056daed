"""Which files make one config together."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.packing import group_by_name, trees_beside

Mounts = dict[str, tuple[str, ...]]


def groups(*paths: str) -> list[tuple[bool, Mounts]]:
    return [
        (group.is_orb, {part.path: part.mount for part in group.parts})
        for group in group_by_name(paths)
    ]


def test_a_config_alone() -> None:
    assert groups(".circleci/config.yml") == [(False, {".circleci/config.yml": ()})]


def test_files_beside_each_other_are_configs_of_their_own() -> None:
    assert groups(".circleci/config.yml", ".circleci/continue.yml") == [
        (False, {".circleci/config.yml": ()}),
        (False, {".circleci/continue.yml": ()}),
    ]


def test_a_tree_is_one_config() -> None:
    assert groups(
        ".circleci/src/@config.yml",
        ".circleci/src/jobs/build.yml",
        ".circleci/src/jobs/deep/er/test.yaml",
        ".circleci/src/workflows/@all.yml",
        ".circleci/src/job-groups/g.yml",
    ) == [
        (
            False,
            {
                ".circleci/src/@config.yml": (),
                ".circleci/src/job-groups/g.yml": ("job-groups", "g"),
                ".circleci/src/jobs/build.yml": ("jobs", "build"),
                ".circleci/src/jobs/deep/er/test.yaml": ("jobs", "test"),
                ".circleci/src/workflows/@all.yml": ("workflows",),
            },
        )
    ]


def test_an_orb_has_its_root_file() -> None:
    assert groups("src/@orb.yml", "src/jobs/a.yml", "src/examples/b.yml") == [
        (
            True,
            {
                "src/@orb.yml": (),
                "src/examples/b.yml": ("examples", "b"),
                "src/jobs/a.yml": ("jobs", "a"),
            },
        )
    ]


def test_an_orb_of_one_file() -> None:
    assert groups("orbs/x/@orb.yml") == [(True, {"orbs/x/@orb.yml": ()})]


def test_section_folders_right_under_circleci_are_no_tree() -> None:
    assert groups(".circleci/config.yml", ".circleci/jobs/build.yml") == [
        (False, {".circleci/config.yml": ()}),
        (False, {".circleci/jobs/build.yml": ()}),
    ]


def test_section_folders_elsewhere_are_no_tree() -> None:
    assert groups("app/jobs/build.yml", "app/models/user.yml") == [
        (False, {"app/jobs/build.yml": ()}),
        (False, {"app/models/user.yml": ()}),
    ]


def test_what_packing_skips_stands_alone() -> None:
    assert groups(".circleci/src/.hidden.yml", ".circleci/src/jobs/a.yml") == [
        (False, {".circleci/src/.hidden.yml": ()}),
        (False, {".circleci/src/jobs/a.yml": ("jobs", "a")}),
    ]


def test_trees_of_several_folders_are_several_configs() -> None:
    assert [
        sorted(mounts)
        for _, mounts in groups(
            "a/.circleci/src/jobs/x.yml",
            "a/.circleci/src/jobs/y.yml",
            "b/.circleci/src/jobs/x.yml",
        )
    ] == [
        ["a/.circleci/src/jobs/x.yml", "a/.circleci/src/jobs/y.yml"],
        ["b/.circleci/src/jobs/x.yml"],
    ]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([".circleci/config.yml"], {}),
        (
            [".circleci/config.yml", ".circleci/src/jobs/a.yml", ".circleci/src/jobs/b.yml"],
            {".circleci/config.yml": (".circleci/src/jobs/a.yml", ".circleci/src/jobs/b.yml")},
        ),
        (["a/.circleci/config.yml", "b/.circleci/src/jobs/a.yml"], {}),
        ([".circleci/config.yml", "src/@orb.yml", "src/jobs/a.yml"], {}),
    ],
)
def test_the_trees_that_a_config_may_be_packed_from(
    paths: list[str], expected: dict[str, tuple[str, ...]]
) -> None:
    assert trees_beside(paths) == expected
