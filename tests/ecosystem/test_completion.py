"""The completion scripts, in the shells that are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.processes import make_program, ran


@pytest.fixture
def path_with_program(tmp_path: Path) -> str:
    """A PATH on which ``cci-migrate`` is found."""
    program = make_program(tmp_path / "bin" / "cci-migrate")
    return f"{program.parent}:/usr/bin:/bin"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_what_is_being_typed(
    program: Program, tmp_path: Path, path_with_program: str
) -> None:
    script = program("completion", "bash")
    assert script.code == 0
    (tmp_path / "completion.bash").write_text(script.out)
    words = ("ru", "rule undec", "--select missing-context,pass", "--platform r", "batch pl")
    asked = "".join(
        f"COMP_WORDS=(cci-migrate {line}); COMP_CWORD={len(line.split())}; COMPREPLY=()\n"
        '_cci_migrate_completion cci-migrate; echo "${COMPREPLY[@]}"\n'
        for line in words
    )
    asking = ("bash", "--norc", "-c", f"source completion.bash 2>/dev/null\n{asked}")
    done = ran(*asking, cwd=tmp_path, PATH=path_with_program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "rules rule",
        "undecidable-image",
        "missing-context,password-argument",
        "runner",
        "plan",
    ]


@pytest.mark.parametrize(
    ("words", "typed", "values"),
    [
        ("", "ru", ["rule", "rules"]),
        ("rule", "undec", ["undecidable-image\t"]),
        ("--check\n--platform", "r", ["runner"]),
        # PowerShell completes the names of files by itself.
        ("--config", "", []),
    ],
)
def test_what_the_script_for_powershell_asks_is_answered(
    program: Program, words: str, typed: str, values: list[str]
) -> None:
    script = program("completion", "powershell").out
    assert "Register-ArgumentCompleter -Native -CommandName 'cci-migrate'" in script
    names = {"COMP_WORDS": words, "COMP_CWORD": typed}
    # Setting a variable to nothing removes it there.
    asked = {name: value for name, value in names.items() if value}
    assert all(f"$env:{name} = " in script for name in names)
    assert "$env:_CCI_MIGRATE_COMPLETE = 'powershell_complete'" in script
    answer = program(_CCI_MIGRATE_COMPLETE="powershell_complete", **asked).out
    lines = [line for line in answer.splitlines() if line]
    assert len(lines) == len(values)
    assert all(map(str.startswith, sorted(lines), values))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_scripts_of_other_shells_are_such(shell: str, program: Program, tmp_path: Path) -> None:
    done = program("completion", shell)
    assert done.code == 0
    assert "_CCI_MIGRATE_COMPLETE" in done.out
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} to read the script")
    script = tmp_path / "script"
    script.write_text(done.out)
    subprocess.run([shell, "-n", script], check=True)


def test_another_shell(program: Program) -> None:
    done = program("completion", "tcsh")
    assert done.code == 2
    assert "'bash', 'zsh', 'fish', 'powershell'" in done.err
