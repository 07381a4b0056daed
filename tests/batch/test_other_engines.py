"""The lines for other engines in the guide, run as the engines run what they are given.

The engines themselves are not installed here; what stands in for each keeps to its contract: the
command is run in every checkout, and exit code 0 means that what it left there is to be committed.
multi-gitter splits its first argument into words (https://github.com/lindell/multi-gitter),
turbolift passes on what follows ``--`` (https://github.com/Skyscanner/turbolift).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.repositories import CONFIG, FIXED, GENERATED, PLAIN, ROOT, checkout, git

ENGINE = """\
#!{python}
import pathlib, shlex, subprocess, sys
words = {words}
for folder in sorted(pathlib.Path("work").iterdir()):
    print(folder.name, subprocess.run(words, cwd=folder, stdout=sys.stderr).returncode)
"""
WORDS = {
    "multi-gitter": "shlex.split(sys.argv[1 + sys.argv.index('run')])",
    "turbolift": "sys.argv[1 + sys.argv.index('--'):]",
}


@pytest.mark.parametrize("engine", WORDS)
def test_the_line_in_the_guide_does_what_the_engine_expects(engine: str, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "batch.md").read_text()
    command = re.search(rf"^- {engine}:\s+`([^`]+)`$", guide, re.MULTILINE)
    assert command
    tool = tmp_path / "bin" / engine
    tool.parent.mkdir()
    tool.write_text(ENGINE.format(python=sys.executable, words=WORDS[engine]))
    tool.chmod(0o755)
    checkout(tmp_path / "work" / "broken", {CONFIG: b"jobs: ["})
    checkout(tmp_path / "work" / "generated", {CONFIG: GENERATED})
    checkout(tmp_path / "work" / "plain", {CONFIG: PLAIN})
    path = os.pathsep.join((str(tool.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", command[1]],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    # What a person has to look at is no reason to leave the rest out; what can't be read is.
    assert done.stdout.split() == ["broken", "1", "generated", "0", "plain", "0"]
    assert (tmp_path / "work" / "plain" / CONFIG).read_bytes() == FIXED
    assert git(tmp_path / "work" / "plain", "status", "--porcelain").split() == ["M", CONFIG]
    for name in ("broken", "generated"):
        assert git(tmp_path / "work" / name, "status", "--porcelain") == ""
