"""Editors themselves, with the settings that docs/editors.md shows, where they are installed.

``apt-get install neovim emacs-nox elpa-yaml-mode hx`` brings them, from Debian 14 on.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, ROOT, environment, put

PAGE = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
SESSIONS = Path(__file__).parent / "sessions"
#: In seconds; what an editor waits for, it waits for itself.
PATIENCE = 120


def settings(language: str) -> str:
    """What the page tells users to write in this language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config in a repository, with the program on the PATH beside it."""
    program = put(
        tmp_path / "bin" / "cci-migrate",
        f'#!/bin/sh\nexec "{sys.executable}" -m cci_migrate "$@"\n',
    )
    program.chmod(0o755)
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    return put(tmp_path / "shop" / ".circleci" / "config.yml", CONFIG)


def run(config: Path, *words: str | Path) -> str:
    home = config.parents[2]
    done = subprocess.run(
        words,
        cwd=config.parents[1],
        env=environment(
            HOME=str(home),
            XDG_CONFIG_HOME=str(home / "settings"),
            PATH=f"{home}/bin:/usr/bin:/bin",
            PYTHONWARNINGS="",  # pygls has some on Python 3.14
            PYTHONPATH=str(ROOT),
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    return program


def test_neovim(config: Path) -> None:
    neovim = installed("nvim")
    version = re.search(r"NVIM v(\d+)\.(\d+)", run(config, neovim, "--version"))
    assert version is not None
    if (int(version[1]), int(version[2])) < (0, 11):
        pytest.skip("Neovim 0.11 is the first that takes these settings")
    own = put(config.parents[2] / "init.lua", settings("lua"))
    said = run(
        config, neovim, "--headless", "-i", "NONE", "-u", own, config, "-S", SESSIONS / "neovim.lua"
    )
    finding, hover = (json.loads(line) for line in said.splitlines())
    assert finding == {"code": "unauthenticated-image", "line": 5}
    assert "cimg/node:22.4 from docker.io" in hover["hover"]
    assert config.read_text() == FIXED


def test_emacs(config: Path) -> None:
    emacs = installed("emacs")
    has_modes = "(progn (package-activate-all) (require 'eglot) (require 'yaml-mode))"
    looked = subprocess.run(
        [emacs, "--batch", "--eval", has_modes], capture_output=True, check=False
    )
    if looked.returncode:
        pytest.skip("Emacs lacks eglot or yaml-mode")
    own = put(config.parents[2] / "init.el", settings("elisp"))
    batch = ("--batch", "-f", "package-activate-all", "-l", own, "-l", SESSIONS / "emacs.el")
    finding = json.loads(run(config, emacs, *batch, config))
    assert finding["line"] == 5
    assert "cimg/node:22.4 is pulled from Docker Hub" in finding["message"]
    assert config.read_text() == FIXED


def test_helix(config: Path) -> None:
    helix = installed("hx")
    put(config.parents[2] / "settings" / "helix" / "languages.toml", settings("toml"))
    health = re.sub(r"\x1b\[[0-9;]*m", "", run(config, helix, "--health", "yaml"))
    assert re.search(r"✓ cci-migrate: .*/bin/cci-migrate", health), health
