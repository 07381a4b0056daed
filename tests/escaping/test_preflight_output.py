"""`doctor` and `context create` for a repository whose every name is hostile."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import put
from tests.escaping.hostile_text import HOSTILE, assert_seen, assert_shown, assert_steady, config
from tests.preflight.circleci_stand_in import CircleCiStandIn, Fault
from tests.preflight.conftest import ORGANISATION, PROJECT, Program, repository, run

__all__ = ["repository", "run"]


def test_doctor(run: Program, repository: Path, circleci: CircleCiStandIn) -> None:
    put(repository / ".circleci" / "config.yml", config())
    made = circleci.organisation(ORGANISATION)
    made.project(PROJECT)
    for text in list(HOSTILE.values())[::2]:
        made.context(f"ctx {text}").restrict("expression", text, text)
    for command in (["--color", "never"], ["--color", "always"], ["--format", "json"]):
        done = run("doctor", "--only", "circleci", *command)
        assert done.code in (1, 3), done.err
        assert_shown(done.out, in_colour="always" in command)
        assert_steady(done.err)
    json.dumps(json.loads(done.out), ensure_ascii=False).encode()


def test_what_a_server_says(run: Program, circleci: CircleCiStandIn) -> None:
    circleci.organisation(ORGANISATION).project(PROJECT)
    seen = ""
    for text in HOSTILE.values():
        circleci.faults.append(Fault("GET /context", 403, body=json.dumps({"message": text})))
        done = run("doctor", "--only", "circleci")
        assert_steady(done.out + done.err)
        seen += done.out + done.err
    assert_seen(seen)
    circleci.faults.append(Fault("GET /context", 403, body=HOSTILE["line"]))
    done = run("context", "create", "--from-env", "--yes")
    assert done.code == 3
    assert_steady(done.out + done.err)


def test_context_create(run: Program, repository: Path, circleci: CircleCiStandIn) -> None:
    circleci.organisation(ORGANISATION)
    for text in HOSTILE.values():
        # A name of a context in TOML, whose escapes are JSON's.
        policy = f'[registries."docker.io"]\ncontext = {json.dumps(text)}\n'
        if not text.isascii():
            continue
        put(repository / ".cci-migrate.toml", policy)
        done = run("context", "create")
        assert done.code == 2
        assert_steady(done.out + done.err)
        done = run("context", "create", text.replace("\0", ""), "--variable", "A")
        assert done.code == 2
        assert_steady(done.out + done.err)
