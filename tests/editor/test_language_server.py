"""The language server as an editor meets it: a real process, and what it says of open texts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from cci_migrate.bounds.limits import SIZE_LIMIT, TOO_LARGE
from tests.cli.conftest import CONFIG, FIXED
from tests.editor.editor import Editor, editor

NAME = ".circleci/config.yml"
IMAGE = "cimg/node:22.4 is pulled from Docker Hub without credentials"
STEPS = """\
version: 2.1
jobs:
  build:
    machine:
      image: ubuntu-2204:current
    steps:
      - checkout
      - run: docker build .
workflows:
  main:
    jobs: [build]
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Editor]:
    """One server for all tests, as an editor keeps it."""
    loop = asyncio.new_event_loop()
    client = editor(loop)
    yield loop.run_until_complete(client.__aenter__())
    loop.run_until_complete(client.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".circleci").mkdir()
    return tmp_path.resolve()


@pytest.fixture
def window(running: Editor, root: Path) -> Iterator[Editor]:
    """The editor with the folder ``root``."""
    running.root = root
    yield running
    running.close_all()


def test_the_text_as_it_is_typed(window: Editor, root: Path) -> None:
    async def session() -> None:
        assert await window.open(NAME, CONFIG) == [IMAGE]
        (found,) = window.diagnostics[window.uri(NAME)]
        assert (found.code, found.source) == ("unauthenticated-image", "cci-migrate")
        assert found.range.start.line == found.range.end.line == 4
        # Half-way through a word, then a text that can't be parsed, then one that can.
        window.type(NAME, CONFIG.replace("- image: cimg", "- image: [cimg"))
        (broken,) = await window.said_of(NAME)
        assert "cimg" not in broken
        window.type(NAME, CONFIG.replace("cimg/node:22.4", "ghcr.io/acme/x:1"))
        assert await window.said_of(NAME) == []
        window.type(NAME, FIXED)
        assert await window.said_of(NAME) == []
        # Nothing was saved, and nothing is written.
        assert list((root / ".circleci").iterdir()) == []

    window.run(session())


def test_fixes_are_those_of_the_command_line(window: Editor) -> None:
    text = CONFIG.replace("    steps:", "      - image: redis:7  # 😀 é\n    steps:")

    async def session() -> None:
        assert len(await window.open(NAME, text)) == 2
        actions = await window.actions(NAME, 5)
        fix = next(title for title in actions if "add auth under the image" in title)
        assert list(actions) == [
            fix,
            "quickfix: Ignore unauthenticated-image here",
            "quickfix: Fix all 2 unauthenticated-image findings",
            "source.fixAll: Fix all findings of cci-migrate",
            "quickfix: Fix all findings of cci-migrate",
        ]
        assert actions[fix].is_preferred
        changed = await window.applied(NAME, text, actions[fix])
        assert changed.count("auth:") == 1
        assert changed.index("redis") < changed.index("auth:") < changed.index("- docker-hub-creds")
        ignored = await window.applied(
            NAME, text, actions["quickfix: Ignore unauthenticated-image here"]
        )
        assert "# cci-migrate: ignore[unauthenticated-image] TODO: add a reason\n" in ignored
        everything = await window.applied(
            NAME, text, actions["source.fixAll: Fix all findings of cci-migrate"]
        )
        assert everything.count("auth:") == 2
        window.type(NAME, everything)
        assert await window.said_of(NAME) == []
        # An action of a text that is no more.
        assert await window.applied(NAME, everything, actions[fix]) == everything
        assert any("no longer fits the text" in message for message in window.messages)

    window.run(session())


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_positions_with_other_line_ends_and_wide_characters(window: Editor, line_end: str) -> None:
    text = CONFIG.replace(
        "jobs:\n  build", "# 😀\x85# \u2028# three lines for YAML\njobs:\n  build", 1
    )
    text = text.replace("      - image: cimg", "      - {user: 😀, image: cimg").replace(
        "   # keep", "}   # keep"
    )

    async def session() -> None:
        written = text.replace("\n", line_end)
        assert await window.open(NAME, written) == [IMAGE]
        (found,) = window.diagnostics[window.uri(NAME)]
        assert (found.range.start.line, found.range.start.character) == (5, 26)
        actions = await window.actions(NAME, 5)
        changed = await window.applied(NAME, written, actions[min(actions)])
        assert "auth: {username: $DOCKERHUB_USERNAME" in changed
        assert changed.replace(line_end, "").count("\n") == 0

    window.run(session())


def test_what_is_beside_the_config(window: Editor, root: Path) -> None:
    async def session() -> None:
        (root / "Dockerfile").write_text("FROM ghcr.io/acme/base:1\n")
        assert await window.open(NAME, STEPS) == []
        (root / "Dockerfile").write_text("FROM alpine:3\n")
        window.changed_on_disk("Dockerfile")
        (found,) = await window.said_of(NAME)
        assert "fetches from Docker Hub" in found
        # What is open goes before what is on the disk.
        window.begin("Dockerfile", "FROM ghcr.io/acme/base:2\n")
        assert await window.said_of(NAME) == []
        window.close("Dockerfile")
        (found,) = await window.said_of(NAME)
        assert "fetches from Docker Hub" in found
        (root / "Dockerfile").unlink()
        window.changed_on_disk("Dockerfile")
        (found,) = await window.said_of(NAME)
        assert "no Dockerfile found" in found
        # The policy is read again.
        (root / ".cci-migrate.toml").write_text('ignore = ["undecidable-image"]\n')
        window.changed_on_disk(".cci-migrate.toml")
        assert await window.said_of(NAME) == []
        (root / ".cci-migrate.toml").write_text("ignore = [\n")
        window.changed_on_disk(".cci-migrate.toml")
        assert await window.said_of(NAME) == []
        window.close(NAME)
        assert any(".cci-migrate.toml:" in message for message in window.messages)

    window.run(session())


def test_a_hover_shows_the_rule_and_the_chain(window: Editor) -> None:
    async def session() -> None:
        await window.open(NAME, CONFIG)
        shown = await window.hover(NAME, 4)
        assert "**unauthenticated-image**" in shown
        assert "workflow main" in shown
        assert "cimg/node:22.4 from docker.io" in shown
        assert await window.hover(NAME, 0) == ""

    window.run(session())


def test_a_file_that_is_closed_and_one_that_is_no_config(window: Editor) -> None:
    async def session() -> None:
        assert await window.open(NAME, CONFIG) == [IMAGE]
        window.close(NAME)
        assert await window.said_of(NAME) == []
        assert await window.open(NAME, "just: text\n") == []

    window.run(session())


def test_a_text_that_is_too_large(window: Editor) -> None:
    async def session() -> None:
        said = await window.open(NAME, CONFIG + "#" * SIZE_LIMIT)
        assert said == [f"the file has 8.0 MB, {TOO_LARGE}; split it, or leave it out"]

    window.run(session())


@pytest.mark.parametrize("name", ["\0", "x" * 300])
def test_a_name_that_no_file_can_have(window: Editor, name: str) -> None:
    async def session() -> None:
        window.begin(f".circleci/{name}.yml", CONFIG)
        assert await window.open(NAME, CONFIG) == [IMAGE]
        assert not any("ValueError" in message for message in window.messages)

    window.run(session())


def test_each_broken_policy_is_reported(window: Editor, root: Path) -> None:
    for name in ("api", "web"):
        (root / name / ".git").mkdir(parents=True)
        (root / name / ".cci-migrate.toml").write_text("unknown = 1\n")

    async def session() -> None:
        window.messages.clear()
        window.begin(f"api/{NAME}", CONFIG)
        window.begin(f"web/{NAME}", CONFIG)
        assert await window.open(NAME, CONFIG) == [IMAGE]
        reported = [message.split(".cci-migrate.toml")[0] for message in window.messages]
        assert [Path(name).name for name in reported] == ["api", "web"]

    window.run(session())


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_the_exit_code_says_whether_the_editor_asked_for_the_end(is_asked_for: bool) -> None:
    sent: list[dict[str, Any]] = [{"id": 1, "method": "initialize", "params": {"capabilities": {}}}]
    sent += [{"id": 2, "method": "shutdown"}] if is_asked_for else []
    bodies = [json.dumps({"jsonrpc": "2.0", **message}) for message in (*sent, {"method": "exit"})]
    ended = subprocess.run(
        [sys.executable, "-m", "cci_migrate", "lsp"],
        input="".join(f"Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies).encode(),
        capture_output=True,
        check=False,
    )
    assert ended.returncode == (0 if is_asked_for else 1)


def test_each_repository_has_its_own_policy(window: Editor, root: Path) -> None:
    for name in ("api/.git", "web/.git"):
        (root / name).mkdir(parents=True)
    (root / "api" / ".cci-migrate.toml").write_text('exempt-images = ["cimg/node"]\n')

    async def session() -> None:
        window.begin(f"api/{NAME}", CONFIG)
        assert await window.open(f"web/{NAME}", CONFIG) == [IMAGE]
        assert window.diagnostics.get(window.uri(f"api/{NAME}"), []) == []

    window.run(session())


def test_a_folder_that_is_opened_through_a_link(window: Editor, root: Path) -> None:
    (root / "real @1" / ".circleci").mkdir(parents=True)
    (root / "real @1" / ".git").mkdir()
    (root / "link @1").symlink_to("real @1")
    name = f"link @1/{NAME}"

    async def session() -> None:
        assert await window.open(name, CONFIG) == [IMAGE]
        actions = await window.actions(name, 4)
        assert await window.applied(name, CONFIG, actions[min(actions)]) == FIXED
        window.close(name)
        assert await window.said_of(name) == []

    window.run(session())


def test_an_editor_that_asks_for_no_edit_gets_it_with_the_action(root: Path) -> None:
    async def session() -> None:
        async with editor(asyncio.get_running_loop(), lsp.ClientCapabilities()) as older:
            older.root = root
            await older.open(NAME, CONFIG)
            actions = (await older.actions(NAME, 4)).values()
            assert len(actions) == 3
            assert all(action.edit is not None for action in actions)

    asyncio.run(session())
