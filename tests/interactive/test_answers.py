"""Answers saved in one session and given again without a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cci_migrate.interactive.answers_file import read
from cci_migrate.interactive.session_errors import AnswersError
from tests.interactive.conftest import (
    CONFIG,
    HARD,
    POLICY,
    MakeRepository,
    config_of,
    make_repository,
    run,
)
from tests.interactive.dialog import CTRL_C, ENTER, Dialog


def _answered(root: Path, *turns: tuple[str, str], arguments: tuple[str, ...] = ()) -> None:
    """Save the answers of a session over ``root`` without writing to its config."""
    before = config_of(root)
    dialog = Dialog(root, "-i", "--save-answers", "answers.json", *arguments).answer(*turns)
    dialog.answer(("Write 1 file?", "o")).see("Saved the answers in answers.json.")
    dialog.see("Nothing was written.")
    dialog.ended()
    assert config_of(root) == before


def test_a_replay_writes_what_the_session_would_have(repository: MakeRepository) -> None:
    root = repository(HARD, None)
    general = (
        "jobs run?",
        "Where are the variables",
        "user name:",
        "password:",
        "Context",
        "log in",
    )
    turns = [(text, ENTER) for text in general]
    turns += [("Question 1/5 ", "1"), ("Question 2/5 ", "1"), ("Fix 3/5 ", "a")]
    turns += [("Fix 4/5 ", "n"), ("User name:", f"\x15bot{ENTER}")]
    turns += [("password:", ENTER), ("Context (", ENTER), ("Fix 4/5 ", "a")]
    turns += [("Fix 5/5 ", "i"), ("Reason", f"ours{ENTER}")]
    dialog = Dialog(root, "-i", "--save-answers", "answers.json").answer(*turns)
    dialog.answer(("Write 1 file?", "y")).see("Saved the answers in answers.json.")
    code = dialog.ended()
    written = config_of(root)
    saved = (root / "answers.json").read_text()
    assert "username: bot" in written
    assert "ignore[pull-before-login] ours" in written
    assert "hunter2" not in saved + dialog.transcript
    (root / ".circleci" / "config.yml").write_text(HARD)
    done = run(root, "--dry-run", "--answers", "answers.json")
    assert (done.returncode, config_of(root)) == (1, HARD)
    done = run(root, "--answers", "answers.json")
    assert (done.returncode, config_of(root)) == (code, written)
    assert "hunter2" not in done.stdout + done.stderr


def test_lines_that_move_do_not_matter(repository: MakeRepository) -> None:
    root = repository()
    _answered(root, ("Fix 1/3 ", "s"), ("Fix 2/3 ", "f"))
    config = root / ".circleci" / "config.yml"
    config.write_text("# moved\n\n" + CONFIG)
    assert run(root, "--answers", "answers.json").returncode == 1
    assert config_of(root).count("password: $HUB_TOKEN") == 2


@pytest.fixture(scope="module")
def all_applied(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The answers of a session that applied everything."""
    root = make_repository(tmp_path_factory.mktemp("answered"))
    _answered(root, ("Fix 1/3 ", "a"), ("Fix 2/3 ", "r"))
    return (root / "answers.json").read_text()


Change = Callable[[Path], object]


def _edit(path: str, old: str, new: str) -> Change:
    def edit(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return edit


CONFIG_PATH = ".circleci/config.yml"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            _edit(CONFIG_PATH, "postgres:16", "postgres:17"),
            "postgres:17 is pulled from Docker Hub without credentials; it was: postgres:16",
        ),
        (
            _edit(CONFIG_PATH, "      - image: postgres:16\n", ""),
            "postgres:16 is pulled from Docker Hub without credentials: no longer found",
        ),
        (
            _edit(
                CONFIG_PATH, "  lint:\n    docker:\n", "  lint:\n    docker:\n      - image: a\n"
            ),
            "not answered yet",
        ),
        (_edit(".cci-migrate.toml", '"hub"', '"other"'), "registries of the policy was"),
        (_edit(".cci-migrate.toml", "cloud", "server"), 'platform of the policy was "cloud"'),
        (
            _edit(
                CONFIG_PATH,
                "cimg/node:22.4   # keep\n",
                "cimg/node:22.4   # keep\n        auth: {username: me, password: $ME}\n",
            ),
            "no longer found",
        ),
        # The findings are the same; what would be written is not.
        (_edit(CONFIG_PATH, "jobs:\n      - build\n", "jobs:\n      - 'build'\n"), "line: + - 'b"),
    ],
    ids=["changed", "gone", "new", "names", "platform", "done", "other text"],
)
def test_answers_that_no_longer_fit_are_refused(
    repository: MakeRepository, all_applied: str, change: Change, told: str
) -> None:
    root = repository()
    (root / "answers.json").write_text(all_applied)
    change(root)
    before = config_of(root)
    done = run(root, "--answers", "answers.json")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: answers.json: the answers no longer fit .circleci/config.yml; answer again"
    )
    assert told in done.stderr
    assert config_of(root) == before


def test_a_config_without_answers_is_refused(repository: MakeRepository) -> None:
    root = repository()
    _answered(root, ("Fix 1/3 ", "f"))
    (root / ".circleci" / "more.yml").write_text(CONFIG)
    done = run(root, "--answers", "answers.json")
    assert done.returncode == 2
    assert "it has no answers for this config" in done.stderr
    (root / ".circleci" / "more.yml").unlink()
    (root / CONFIG_PATH).rename(root / ".circleci" / "other.yml")
    done = run(root, "--answers", "answers.json", ".circleci/other.yml")
    assert done.returncode == 2
    assert "not among the given paths" in done.stderr


def _given(**changes: object) -> dict[str, Any]:
    finding = {"key": "k", "message": "m", "decision": {"kind": "apply"}}
    config = {"config": "c", "policy": {}, "findings": [finding], "lines": []}
    data = {"format": "cci-migrate answers", "version": 2, "for-all": {}, "configs": [config]}
    return {**data, **changes}


def _named(password: str, context: str | None) -> str:
    data = _given()
    names = {"username": "me", "password": password, "context": context}
    data["configs"][0]["findings"][0]["names"] = names
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", ":1:2: is not JSON"),
        ("[" * 100_000, "can't be read: it is nested too deeply"),
        ("[]", "is not an answers file"),
        ("\xff", "can't be read: not UTF-8 text"),
        ("9" * 5000, "can't be read: a number in it is too long"),
        (json.dumps(_given(version=1)), "unsupported version 1, expected 2"),
        (json.dumps(_given(version=2.5)), "unsupported version 2.5, expected"),
        (json.dumps(_given(**{"for-all": {"platfrom": "x"}})), "did you mean platform?"),
        (json.dumps(_given(**{"for-all": {"platform": "moon"}})), "platform has an invalid value"),
        (
            json.dumps(_given(**{"for-all": {"password": "hunter2"}})),
            "password has an invalid value",
        ),
        (json.dumps(_given(configs=[1])), "configs[0]: expected an object, got a number"),
        (json.dumps(_given(configs=None)), "configs: expected a list, got null"),
        (json.dumps(_given()).replace("apply", "maybe"), "configs[0].findings[0].decision.kind: "),
        (json.dumps(_given()).replace("apply", "ignore"), "decision: missing key `reason`"),
        (_named("hunter2", None), "names: password must be the name of a variable"),
        (_named("$PASS", " c "), "names: context must be a name or null"),
    ],
)
def test_what_is_no_answers_file_is_told(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(AnswersError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}:")
    assert problem in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_only_answers_are_replaced_by_answers(repository: MakeRepository) -> None:
    root = repository()
    for path in (".cci-migrate.toml", "nowhere/answers.json"):
        done = Dialog(root, "-i", "--save-answers", path)
        assert done.ended() == 2
        assert f"error: {path}:" in done.text
    assert (root / ".cci-migrate.toml").read_text() == POLICY
    _answered(root, ("Fix 1/3 ", "f"))
    before = (root / "answers.json").read_text()
    Dialog(root, "-i", "--save-answers", "answers.json").see("Fix 1/3 ").press(CTRL_C).ended()
    assert (root / "answers.json").read_text() == before
    _answered(root, ("Fix 1/3 ", "s"), ("Fix 2/3 ", "f"))
    assert (root / "answers.json").read_text() != before
