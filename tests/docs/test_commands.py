"""Every command in the documentation runs, on a copy of the example repository.

A block of commands is fenced as ``console``; its commands begin with ``$``. One that ends with
another exit code than 0 says so: ``# ends with 1``. Above a block that cannot run in a test stands
``<!-- not run: the reason -->``; its commands are held to the options that there are.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from msgspec import Struct

from cci_migrate.cli.main_command import main_command
from tests.cli.conftest import environment
from tools.write_docs import ROOT

BLOCK = re.compile(r"(?:<!-- not run: ([^>]+) -->\n\n)?```console\n(.*?)```", re.DOTALL)
ENDS_WITH = re.compile(r"#.*\bends with (\d+)")


class Line(Struct, frozen=True):
    """One command of a page. ``why_not`` is why it is not run."""

    text: str
    code: int
    why_not: str | None


def commands(page: Path) -> Iterator[Line]:
    for why_not, body in BLOCK.findall(page.read_text()):
        for line in body.splitlines():
            if line.startswith("$ "):
                told = ENDS_WITH.search(line)
                yield Line(line[2:], 0 if told is None else int(told[1]), why_not or None)


PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)))
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if BLOCK.search(page.read_text())
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the example repository, with the program on the PATH beside it."""
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop", folder)
    as_someone = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init",), ("add", "-A"), (*as_someone, "commit", "-m", "The shop")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    program = tmp_path / "bin" / "cci-migrate"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cci_migrate "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, shop: Path) -> None:
    for line in commands(page):
        if line.why_not is not None:
            continue
        done = subprocess.run(
            ["bash", "-c", line.text],
            cwd=shop,
            env=environment(PATH=f"{shop.parent}/bin:/usr/bin:/bin"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == line.code, f"$ {line.text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_every_option_of_a_command_exists(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line.text.split("|")[0], comments=True)
        if words and words[0] == "cci-migrate":
            command, rest = leaf(words[1:])
            known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            given = {
                word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"
            }
            assert given <= known, line.text


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that ``words`` begin with, and what is left of them."""
    command: click.Command = main_command
    while isinstance(command, click.Group) and words:
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    return command, words
