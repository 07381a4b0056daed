"""Every command in the documentation runs, on a copy of the example repository.

CircleCI, its compiler and GitHub are the stand-ins that other tests use; a person at a terminal is
one who takes every fix.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cci_migrate.cli import batch_sessions
from cci_migrate.cli.main_command import main_command
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, PLAIN
from tests.cli.conftest import environment
from tests.docs.page_commands import PAGES, Line, commands
from tests.interactive.dialog import ENTER, Dialog
from tests.preflight import circleci_stand_in
from tests.processes import OURS, git, make_program, ran
from tests.program import run as run_program
from tests.verification import compile_stand_in
from tools.shared_data import ROOT

BY_NAME = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
#: What a line has beyond a program and its arguments.
SHELL = re.compile(r"[|<>;&`]|\$\(")
#: Exit codes of `batch` say what is left to do in repositories.
DONE_OR_LEFT = {0, 1}
#: What a session asks before its first fix, and `context create`.
QUESTIONS = (
    ("Where do the jobs run?", ENTER),
    ("Where are the variables", ENTER),
    ("Docker Hub user name:", ENTER),
    ("Variable with the password:", ENTER),
    ("Context with both variables:", ENTER),
)
CREATING = (
    ("Continue?", f"y{ENTER}"),
    ("DOCKERHUB_USERNAME (not shown):", f"ada{ENTER}"),
    ("DOCKERHUB_PASSWORD (not shown):", f"dckr_pat_0123456789{ENTER}"),
)
CREDENTIALS = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_PASSWORD": "dckr_pat_0123456789"}


class Reader:
    """Who types the commands of a page, one after the other, in a copy of the example."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self._folder = folder
        self._servers = servers
        self._programs = folder.parent / "bin"
        self._home = folder.parent / "home"
        self._settings: dict[str, str] = {}

    def run(self, line: Line) -> None:
        """Type ``line``, which must end as the page says."""
        words = shlex.split(line.text, comments=True)
        if words[0] == "export":
            # The values of tokens are dots on the pages.
            given = (word.partition("=") for word in words[1:] if "..." not in word)
            self._settings.update((name, value) for name, _, value in given)
            return
        if "--campaign" in words and "batch" not in words:
            # Planned as the page of `batch` says.
            campaign = words[words.index("--campaign") :][:2]
            self._batch(["batch", "plan", "github:acme", *campaign])
        is_ours = words[0] == "cci-migrate" and SHELL.search(line.text.partition(" #")[0]) is None
        if is_ours and words[1:2] == ["batch"]:
            code, said = self._batch(words[1:])
        elif is_ours and "--interactive" in words:
            code, said = self._in_a_session(words[1:])
        elif is_ours and words[1:] == ["context", "create"]:
            code, said = self._at_a_terminal(words[1:], CREATING)
        elif is_ours:
            own = run_program(self._folder, *words[1:], environment=self._environment(words))
            code, said = own.returncode, (own.stdout + own.stderr).decode()
        else:
            done = ran("bash", "-c", line.text, cwd=self._folder, **self._environment(words))
            code, said = done.returncode, done.stdout + done.stderr
        expected = DONE_OR_LEFT if is_ours and words[1:2] == ["batch"] else {line.code}
        assert code in expected, f"$ {line.text}\n{said}"

    def _environment(self, words: list[str]) -> dict[str, str]:
        own = {"HOME": str(self._home), "PATH": f"{self._programs}:/usr/bin:/bin"}
        if {"batch", "--campaign"} & {*words}:
            own |= self._forge
        if "verify" in words or "--compile" in words:
            own |= {"CIRCLE_API_URL": self._compiler, "CIRCLE_TOKEN": compile_stand_in.TOKEN}
        elif {"doctor", "context"} & {*words}:
            own |= {"CIRCLE_API_URL": self._circleci, "CIRCLE_TOKEN": circleci_stand_in.TOKEN}
            if "--from-env" in words:
                own |= CREDENTIALS
        return environment(**own, **self._settings)

    @cached_property
    def _compiler(self) -> str:
        return self._servers.enter_context(compile_stand_in.serving()).url

    @cached_property
    def _circleci(self) -> str:
        stand_in = self._servers.enter_context(circleci_stand_in.serving())
        for slug in ("gh/acme", "circleci/ORGANISATION-ID"):
            organisation = stand_in.organisation(slug)
            organisation.context("registry", HUB_TOKEN="b")
            organisation.context("shop-production")
            for name in ("shop", "api-one", "api-two", "PROJECT-ID"):
                organisation.project(f"{slug}/{name}")
        return stand_in.url

    @cached_property
    def _forge(self) -> dict[str, str]:
        root = self._folder.parent / "github"
        root.mkdir()
        forge = self._servers.enter_context(GitHubStandIn.serving(root))
        for name in ("api-one", "api-two"):
            forge.add(f"acme/{name}", {CONFIG: PLAIN})
        for name in ("vault", "installation-token.sh"):
            make_program(self._programs / name, f"echo {forge.token}")
        (self._folder / "installation-token.sh").symlink_to(self._programs / name)
        (self._folder / "reminder.md").write_text("{{ repository }}: please merge.\n")
        return {"GITHUB_API_URL": forge.api, "GH_TOKEN": forge.token, "NO_PROXY": "127.0.0.1"}

    def _batch(self, words: list[str]) -> tuple[int, str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment(["batch"]).items():
                patch.setenv(name, value)
            patch.setattr(batch_sessions, "SystemClock", QuickClock)
            patch.chdir(self._folder)
            if "--group" in words:
                words = [self._first_group() if _is_group(word) else word for word in words]
            done = CliRunner().invoke(main_command, words, catch_exceptions=False)
        return done.exit_code, done.output

    def _first_group(self) -> str:
        shown = CliRunner().invoke(main_command, ["batch", "diff", "--campaign", "hub", "--stat"])
        return next(word for word in shown.output.split() if _is_group(word))

    def _in_a_session(self, words: list[str]) -> tuple[int, str]:
        # Each is about the example as it was.
        git(self._folder, "checkout", ".")
        at_end = "Print the diff" if "--dry-run" in words else "Write 2 files?"
        return self._at_a_terminal(words, (*QUESTIONS, ("Fixes 1-9/9 ", "a"), (at_end, "y")))

    def _at_a_terminal(
        self, words: list[str], turns: tuple[tuple[str, str], ...]
    ) -> tuple[int, str]:
        environment: dict[str, Any] = self._environment(words)
        dialog = Dialog(self._folder, *words, **environment).answer(*turns)
        return dialog.ended(), dialog.transcript


def _is_group(word: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}", word) is not None


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody with a copy of the example repository, and the program on the PATH."""
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop", folder)
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "The shop")
    git(folder, "remote", "add", "origin", "git@github.com:acme/shop.git")
    (tmp_path / "home").mkdir()
    make_program(tmp_path / "bin" / "cci-migrate")
    # CircleCI's CLI runs `circleci-cci-migrate`.
    make_program(tmp_path / "bin" / "circleci", f"shift; {OURS}")
    for name in list(os.environ):
        if name.startswith(("CIRCLE", "GH_", "GITHUB_")):
            monkeypatch.delenv(name)
    with ExitStack() as servers:
        yield Reader(folder, servers)


@pytest.mark.parametrize("page", BY_NAME)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, reader: Reader) -> None:
    for line in commands(page):
        if line.why_not is None:
            reader.run(line)


@pytest.mark.parametrize("page", BY_NAME)
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
