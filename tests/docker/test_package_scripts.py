"""What `npm run` and its kin run."""

from __future__ import annotations

import json

import pytest

from cci_migrate.docker.tasks.runners import task_script
from cci_migrate.docker.tasks.task_script import NotFollowed
from tests.docker.task_lines import followed, lines_run_by

PACKAGE = json.dumps(
    {
        "scripts": {
            "test": "jest",
            "predb": "echo 1",
            "db": "docker compose up -d",
            "postdb": "echo 2",
            "lint:js": "eslint",
            "lint:sh": "shellcheck",
            "odd": 3,
        }
    },
    indent=2,
)
HOOKS = json.dumps({"scripts": {
    "postinstall": "docker compose pull", "prepare": "husky", "test": "jest", "preinstall": "a"
}})  # fmt: skip
FILES = {
    "hooks/package.json": HOOKS,
    "package.json": PACKAGE,
    "web/package.json": PACKAGE,
    "bad/package.json": "{",
}
PERHAPS = 'if [ "$npm_config_enable_pre_post_scripts" ]; then'


def lines_of(command: str) -> list[str]:
    lines = [line for line in lines_run_by(command, FILES) if line != "fi"]
    if not lines or lines[0].startswith("not followed"):
        return lines
    return [f"in {followed(command, FILES).directory}", *lines]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("npm run db", ["in .", "echo 1", "docker compose up -d", "echo 2"]),
        ("npm run-script db", ["in .", "echo 1", "docker compose up -d", "echo 2"]),
        ("yarn db", ["in .", PERHAPS, "echo 1", "docker compose up -d", PERHAPS, "echo 2"]),
        ("npm test -- --ci", ["in .", "jest --ci"]),
        ("npm t", ["in .", "jest"]),
        ("npm --silent --prefix web run test", ["in web", "jest"]),
        ("npm run test --prefix=web", ["in web", "jest"]),
        ("yarn --cwd web test --ci", ["in web", "jest --ci"]),
        ("yarn run test", ["in .", "jest"]),
        ("pnpm -C web run test", ["in web", "jest"]),
        ("pnpm test", ["in .", "jest"]),
        ("bun run test", ["in .", "jest"]),
        ("run-s lint:*", ["in .", "eslint", "shellcheck"]),
        ("run-p test lint:js", ["in .", "jest", "eslint"]),
        ("npm ci", []),
        ("npm install x", []),
        ("npm --prefix hooks ci", ["in hooks", "a", "docker compose pull", "husky"]),
        ("npm i --prefix hooks --no-audit", ["in hooks", "a", "docker compose pull", "husky"]),
        ("npm install --prefix=hooks", ["in hooks", "a", "docker compose pull", "husky"]),
        ("npm cit --prefix hooks", ["in hooks", "a", "docker compose pull", "husky", "jest"]),
        ("npm install --prefix hooks x", []),
        ("npm ci --prefix hooks --ignore-scripts", []),
        ("yarn --cwd hooks", ["in hooks", PERHAPS, "a", "docker compose pull", "husky"]),
        (
            "yarn --cwd hooks install --immutable",
            ["in hooks", PERHAPS, "a", "docker compose pull", "husky"],
        ),
        ("pnpm -C hooks i", ["in hooks", PERHAPS, "a", "docker compose pull", "husky"]),
        ("yarn --version", []),
        ("yarn", []),
        ("yarn install --frozen-lockfile", []),
        ("npm db", []),
        ("npm start", []),
        ("npm run none --if-present", []),
        ("npm run none", ["not followed: package.json has no script none"]),
        ("npm run odd", ["not followed: package.json has no script odd"]),
        ("npm run $X", ["not followed: which script it runs can't be determined"]),
        ("npm --prefix other run db", ["not followed: no other/package.json found"]),
        ("npm --prefix bad run db", ["not followed: bad/package.json can't be read"]),
        ("npm run db -w web", ["not followed: it runs scripts in workspaces"]),
        ("yarn workspace web db", ["not followed: it runs scripts in workspaces"]),
        ("pnpm --filter web run db", ["not followed: it runs scripts in workspaces"]),
    ],
)
def test_scripts(command: str, expected: list[str]) -> None:
    assert lines_of(command) == expected


def test_a_script_knows_its_line() -> None:
    script = followed("npm run db", FILES, "web")
    assert script.place_of(script.text.index("docker")) == "web/package.json:5"


def test_a_program_of_a_package_is_no_script_of_ours() -> None:
    unknown = task_script("yarn", ["jest"], ".", FILES.get, {})
    assert isinstance(unknown, NotFollowed)
    assert not unknown.may_be_ours
