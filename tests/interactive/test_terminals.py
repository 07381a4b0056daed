"""Narrow, colourless, dumb and busy terminals, and output that goes elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.interactive.conftest import CONFIG, MakeRepository, config_of
from tests.interactive.dialog import Dialog, plain

#: A job for each.
MANY = 250


def _many() -> str:
    jobs = "".join(
        f"  job{number}:\n    docker:\n      - image: cimg/node:22.{number}\n    steps: []\n"
        for number in range(MANY)
    )
    entries = "".join(f"      - job{number}\n" for number in range(MANY))
    return f"version: 2.1\njobs:\n{jobs}workflows:\n  main:\n    jobs:\n{entries}"


def _width(line: str) -> int:
    from prompt_toolkit.utils import get_cwidth

    return get_cwidth(line)


def test_forty_columns_and_wide_characters(repository: MakeRepository) -> None:
    wide = "写入一个足够长的名字来测试窄终端的换行情况是否正确处理"
    root = repository(CONFIG.replace("  build:", f"  {wide}:").replace("- build", f"- {wide}"))
    dialog = Dialog(root, "-i", rows=24, columns=40)
    dialog.answer(("Fix 1/3 ", "w"), ("Fix 1/3 ", "m"), ("Fix 1/3 ", "?"), ("Fix 1/3 ", "f"))
    dialog.answer(("Write 1 file?", "n"))
    dialog.see("Nothing was written.")
    shown = dialog.text
    assert dialog.ended() == 1
    code = ("---", ">", "    ", " ")  # lines of files are broken by the terminal itself
    prose = [line for line in shown.split("\n") if not line.startswith(code)]
    assert any(wide[:4] in line for line in prose)
    assert max(map(_width, prose)) <= 40
    assert "Fix 1/3 [a,s,r,f,d,i,n,m,w,p,q,?] w\n" in shown
    menu = shown.partition("  a  apply this fix\n")[2].partition("Fix 1/3")[0].split("\n")
    assert "  r  apply all 3 left of this rule" in menu
    assert max(map(_width, menu)) <= 40


def test_a_resize_takes_effect(repository: MakeRepository) -> None:
    dialog = Dialog(repository(), "-i", "--platform", "server", columns=100)
    dialog.see("The fix: add auth under the image, and add context hub to job build.").see(
        "Fix 1/3 ", "?] "
    )
    dialog.resize(30, 40)
    dialog.press("w").see("An image of a Docker executor is pulled")
    dialog.see("When to ignore it").answer(("Fix 1/3 ", "q"))
    dialog.see("Nothing was written.")
    manual = dialog.text.partition("An image of a Docker executor")[2].partition("Fix 1/")[0]
    assert max(len(line) for line in manual.split("\n")) <= 40
    assert dialog.ended() == 1


@pytest.mark.parametrize("how", ["NO_COLOR", "--color never"])
def test_without_colours(repository: MakeRepository, how: str) -> None:
    root = repository()
    if how == "NO_COLOR":
        dialog = Dialog(root, "-i", NO_COLOR="1")
    else:
        dialog = Dialog(root, "-i", *how.split())
    dialog.answer(("Fix 1/3 ", "f"), ("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert dialog.colours == []
    dialog = Dialog(repository(name="coloured"), "-i")
    dialog.answer(("Fix 1/3 ", "f"), ("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert "\x1b[32m" in "".join(dialog.colours)


def test_a_dumb_terminal_is_asked_line_by_line(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i", TERM="dumb")
    dialog.answer(("Fix 1/3 [a,s,r,f,d,i,n,m,w,p,q,?] ", "x\n"))
    dialog.see("Type one of a, s, r, f,", "  a  apply this fix").answer(("Fix 1/3 ", "n\n"))
    dialog.answer(("User name: [$HUB_USER] ", "acme-ci\n"))
    dialog.answer(("password: [$HUB_TOKEN] ", "secret\n"), ("[$HUB_TOKEN] ", "\n"))
    dialog.answer(("Context", "\n"), ("Fix 1/3 ", "a\n"), ("Fix 2/3 ", "f\n"))
    dialog.answer(("Write 1 file? [y,n,b,?] ", "\n"), ("Write 1 file? ", "y\n"))
    assert dialog.ended() == 0
    assert dialog.steering == []
    assert "username: acme-ci" in config_of(root)


def test_five_hundred_findings(repository: MakeRepository) -> None:
    root = repository(_many())
    dialog = Dialog(root, "-i", "-q", rows=24)
    dialog.see("250 fixes to decide.")
    dialog.answer(("Fixes 1-250/250 ", "e"), ("Fix 1/250 ", "a"), ("Fix 2/250 ", "a"))
    dialog.answer(("Fix 3/250 ", "b"), ("Fix 2/250 ", "b"), ("Fix 1/250 ", "b"))
    dialog.answer(("Fixes 1-250/250 ", "a"))
    dialog.see("add auth under 250 images, and add context hub to 250 jobs of workflow main")
    dialog.answer(("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert config_of(root).count("password: $HUB_TOKEN") == MANY


def test_a_dry_run_asks_on_the_terminal_and_gives_its_diff_to_a_file(
    repository: MakeRepository,
) -> None:
    root, changed = repository(), repository(name="changed")
    answers = (("Fix 1/3 ", "a"), ("Fix 2/3 ", "d"))
    dialog = Dialog(changed, "-i").answer(*answers, ("Write 1 file?", "y"))
    assert dialog.ended() == 1
    dialog = Dialog(root, script=f"exec '{sys.executable}' -m cci_migrate -n -i > fix.patch")
    dialog.answer(*answers, ("Print the diff?", "y"))
    assert dialog.ended() == 1
    assert config_of(root) == CONFIG
    patch = (root / "fix.patch").read_text()
    assert plain(patch) == patch
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "apply", "fix.patch"], cwd=root, check=True)
    assert config_of(root) == config_of(changed)
