"""``cci-migrate verify`` and ``--verify``, against a stand-in of CircleCI's compile API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stamina

from cci_migrate.transport import http
from tests.cli.conftest import Done, put
from tests.verification.compile_stand_in import ORGANISATION, TOKEN, CompileStandIn
from tests.verification.conftest import CONFIG, Program

PRIVATE = """\
version: 2.1
orbs: {hidden: acme/hidden@1.0.0}
workflows: {main: {jobs: [hidden/lint]}}
"""
JOB = "version: 2.1\njobs: {build: {docker: [{image: 'cimg/go:1'}], steps: [checkout]}}\n"


def test_the_change_is_compiled_before_and_after_and_not_written(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    done = run("verify", "--api-url", compiler.url, CIRCLE_TOKEN=TOKEN)
    assert done.out == (
        ".circleci/config.yml\n"
        "    CircleCI's compiler confirms the change: 4 jobs with 6 images; new: 6 images with "
        "credentials, 1 job with a login, 4 workflow jobs with other contexts\n"
        "    not compiled, because nothing runs it: executors.unused.docker[0]\n"
        "1 config, 1 confirmed.\n"
    )
    assert done.code == 0
    assert config.read_text() == CONFIG == compiler.configs[0]
    assert "auth:" in compiler.configs[1]
    # Nobody's private orbs are needed, so the token stays here.
    assert compiler.tokens == ["", ""]


@pytest.mark.parametrize("reads_stdin", [False, True])
def test_what_the_compiler_confirms_is_written(
    run: Program, compiler: CompileStandIn, config: Path, reads_stdin: bool
) -> None:
    path = ["-"] if reads_stdin else []
    done = run("--verify", "--api-url", compiler.url, *path, given=CONFIG.encode())
    assert done.code == 0
    written = done.out if reads_stdin else config.read_text()
    assert written.encode() == compiler.configs[1].encode() != CONFIG.encode()
    assert "CircleCI's compiler confirms the change" in done.out + done.err


def test_a_dry_run_shows_only_what_is_confirmed(run: Program, compiler: CompileStandIn) -> None:
    shown = run("--dry-run", "--verify", "--api-url", compiler.url)
    assert "+          username: $DOCKERHUB_USERNAME\n" in shown.out
    compiler.twist = lambda text: text.replace("resource_class: large", "resource_class: small")
    assert run("--dry-run", "--verify", "--api-url", compiler.url).out == shown.out
    compiler.twist = lambda text: text.replace("$DOCKERHUB_USERNAME", "$OTHER")
    refused = run("--dry-run", "--verify", "--api-url", compiler.url)
    assert refused.out == ""
    assert refused.code == 1


def test_what_does_not_compile_with_the_change_is_not_written(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    # Version 2 of the orb calls its parameters otherwise, and this registry has the later one only.
    text = CONFIG.replace("docker@3.0.1", "docker@2.8.2")
    put(config, text)
    done = run("--verify", "--api-url", compiler.url)
    assert done.code == 1
    assert config.read_text() == text
    assert (
        "skipped: not confirmed by CircleCI's compiler: does not compile with the change: "
        "Error calling command docker/check" in " ".join(done.out.split())
    )
    verified = run("verify", "--api-url", compiler.url)
    assert verified.code == 1
    assert "- Unexpected argument(s): docker-password\n" in verified.out


def test_a_config_that_does_not_compile_as_it_is(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    text = CONFIG.replace("- image:\n", "- deploy:\n")
    put(config, text)
    done = run("verify", "--api-url", compiler.url)
    assert done.code == 3
    assert "    does not compile even without the change\n" in done.out
    assert "- Cannot find a definition for job named deploy\n" in done.out
    assert len(compiler.configs) == 1
    assert run("--verify", "--api-url", compiler.url).code == 1
    assert config.read_text() == text


def test_without_a_change_it_says_what_is_pulled_without_credentials(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(
        config,
        """\
version: 2.1
orbs: {linter: acme/linter@1.2.3}
jobs:
  build:
    docker:
      - image: cimg/go:1.22   # cci-migrate: ignore[unauthenticated-image] of CircleCI itself
    steps: [checkout]
workflows: {main: {jobs: [build, linter/lint]}}
""",
    )
    done = run("verify", "--api-url", compiler.url)
    assert done.code == 1
    assert done.out == (
        ".circleci/config.yml\n"
        "    compiles: 2 jobs with 2 images; there is nothing to fix\n"
        "    2 pulls without credentials\n"
        "    - job build runs on cimg/go:1.22 (.circleci/config.yml:8)\n"
        "    - job linter/lint runs on acme/linter:3, by orb acme/linter@1.2.3 "
        "(.circleci/config.yml:8); --check does not show it\n"
        "1 config, 1 confirmed, 2 pulls without credentials.\n"
    )


def test_orbs_that_are_not_public(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, PRIVATE)
    without = run("verify", "--api-url", compiler.url)
    assert without.code == 3
    assert "next: orbs that are not public need a token: set CIRCLE_TOKEN" in without.out
    with_token = run("verify", "--api-url", compiler.url, CIRCLECI_CLI_TOKEN=TOKEN)
    assert with_token.code == 1
    assert "job hidden/lint runs on acme/linter:3, by orb acme/hidden@1.0.0" in with_token.out
    # First without the token, then with it and with the organisation of the remote.
    assert compiler.tokens == ["", "", TOKEN, TOKEN]
    other = run("verify", "--api-url", compiler.url, "--org", "gh/other", CIRCLE_TOKEN=TOKEN)
    assert other.code == 3
    assert "next: the token must be of a member of the organisation" in other.out
    by_id = run("verify", "--api-url", compiler.url, "--org", f"circleci/{ORGANISATION}",
                CIRCLE_TOKEN=TOKEN)  # fmt: skip
    assert by_id.code == 1


def test_a_host_that_wants_a_token(run: Program, compiler: CompileStandIn) -> None:
    compiler.needs_token = True
    without = run("verify", "--api-url", compiler.url)
    assert without.code == 3
    assert "requires a token (You must log in first.)" in without.out
    assert "next: set CIRCLE_TOKEN to a personal API token" in without.out
    assert run("verify", "--api-url", compiler.url, CIRCLE_TOKEN=TOKEN).code == 0
    bad = run("verify", "--api-url", compiler.url, CIRCLE_TOKEN="CCIPAT_other_00000000")
    assert bad.code == 3
    assert "next: renew the token in CIRCLE_TOKEN" in bad.out
    assert run("verify", "--api-url", compiler.url, CIRCLE_TOKEN="two words").code == 2


def test_a_server_with_the_older_api(run: Program, compiler: CompileStandIn) -> None:
    compiler.has_v3 = False
    assert run("verify", "--api-url", f"{compiler.url}/api/v2").code == 0
    assert compiler.paths.count("POST /api/v3/configs/compile") == 1
    assert compiler.paths.count("POST /api/v2/compile-config-with-defaults") == 2


HTML = "<!doctype html><title>Proxy</title>Please log in"


@pytest.mark.parametrize(
    ("status", "headers", "text", "said"),
    [
        (200, {"Content-Type": "text/html"}, HTML, "answers with a web page"),
        (200, {"Content-Type": "application/json"}, '{"data": []}', "unexpected answer"),
        (407, {"Content-Type": "text/html"}, HTML, "HTTP 407"),
        (302, {"Location": "https://login.acme.io/"}, "", "HTTP 302"),
        (403, {"Content-Type": "application/json"}, '{"message": "Blocked"}', "Blocked"),
        (413, {}, "", "HTTP 413"),
        (429, {"Retry-After": "4000"}, "", "the host asked for a pause"),
    ],
)
def test_other_answers(
    run: Program,
    compiler: CompileStandIn,
    config: Path,
    status: int,
    headers: dict[str, str],
    text: str,
    said: str,
) -> None:
    compiler.faults = [(status, headers, text)] * 2
    verified = run("verify", "--api-url", compiler.url)
    assert verified.code == 3
    assert "not compiled: no answer from the compiler" in verified.out
    assert said in verified.out
    assert run("--verify", "--api-url", compiler.url).code == 3
    assert config.read_text() == CONFIG


def test_a_host_that_is_gone_is_not_asked_about_each_config(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config.parent / "other.yml", JOB)
    compiler.faults = [(429, {"Retry-After": "4000"}, "")]
    done = run("verify", "--api-url", compiler.url)
    assert done.out.count("not compiled: no answer from the compiler") == 2
    assert compiler.paths == []


def test_a_host_that_repeats_the_token(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config, PRIVATE)
    compiler.twist = lambda text: text
    answer = {
        "data": {"attributes": {"outcome": "failed"}},
        "meta": {"messages": [{"title": TOKEN}]},
    }
    compiler.faults = [(200, {"Content-Type": "application/json"}, json.dumps(answer))]
    done = run("verify", "--api-url", compiler.url, CIRCLE_TOKEN=TOKEN)
    assert "- [withheld]\n" in done.out


def test_an_answer_of_any_size_is_not_read_to_its_end(
    compiler: CompileStandIn, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from cci_migrate.cli.main_command import main_command

    monkeypatch.chdir(config.parent)
    monkeypatch.setattr(http, "MOST_BYTES", 2**20)
    text = json.dumps({"data": {"attributes": {"outcome": "succeeded"}}, "x": "x" * 2**21})
    compiler.faults = [(200, {"Content-Type": "application/json"}, text)]
    done = CliRunner().invoke(main_command, ["verify", "--api-url", compiler.url])
    assert done.exit_code == 3
    assert "returned more than 1 MB" in done.output
    assert compiler.paths == [], "it was asked again"


def test_a_limit_is_waited_out(run: Program, compiler: CompileStandIn) -> None:
    compiler.faults = [(429, {"Retry-After": "1"}, "")]
    assert run("verify", "--api-url", compiler.url).code == 0


def test_a_host_that_does_not_answer(
    compiler: CompileStandIn, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from cci_migrate.cli.main_command import main_command

    monkeypatch.chdir(config.parent)
    monkeypatch.setattr(http, "TIMEOUT", (0.1, 0.1))
    compiler.pause = 0.5
    with stamina.set_testing(True, attempts=1):
        done = CliRunner().invoke(main_command, ["verify", "--api-url", compiler.url])
    assert done.exit_code == 3
    assert "did not answer in time" in done.output


def test_a_config_with_a_secret_is_sent_only_when_asked(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    secret = "hq7-Wz2-9fK1-xx"
    put(config, CONFIG.replace("cimg/go:<< parameters.tag >>   # keep", "cimg/go:1\n        "
        f"auth: {{username: acme, password: {secret}}}"))  # fmt: skip
    held_back = run("verify", "--api-url", compiler.url)
    assert held_back.code == 3
    assert "next: use --send-secrets to send it" in held_back.out
    assert run("--verify", "--api-url", compiler.url).code == 3
    assert compiler.configs == []
    sent = run("verify", "--api-url", compiler.url, "--send-secrets")
    assert secret in compiler.configs[0]
    assert secret not in held_back.out + sent.out


def test_what_the_compiler_says_steers_no_terminal_and_shows_no_secret(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    del config
    said = "bad \x1b[31mthing\n::error::forged\r" + "x" * 5000
    messages = [{"title": said}] * 50
    answer = {"data": {"attributes": {"outcome": "failed"}}, "meta": {"messages": messages}}
    compiler.faults = [(200, {"Content-Type": "application/json"}, json.dumps(answer))] * 3
    for arguments in (["verify"], ["verify", "--format", "json"], ["--dry-run", "--verify"]):
        done = run(*arguments, "--api-url", compiler.url)
        assert "\x1b" not in done.out + done.err
        assert "\n::error::" not in done.out + done.err
        assert "\r" not in done.out + done.err
        assert len(done.out + done.err) < 20_000


def test_a_packed_source_is_sent_as_one_config(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    config.unlink()
    source = config.parent / "src"
    put(
        source / "@config.yml",
        'version: 2.1\ncommands: {hi: {steps: [{run: "echo \\"hi\\": $X"}]}}\n',
    )
    put(source / "jobs" / "build.yml", "docker: [{image: 'cimg/go:1.22'}]\nsteps: [checkout, hi]\n")
    put(source / "workflows" / "main.yml", "jobs:\n  - build\n")
    done = run("verify", "--api-url", compiler.url)
    assert "1 job with 1 image; new: 1 image with credentials, 1 workflow job" in done.out
    assert done.code == 0


def test_files_that_are_no_configs(run: Program, compiler: CompileStandIn, config: Path) -> None:
    folder = config.parent.parent / "src"
    put(folder / "@orb.yml", "version: 2.1\ndescription: tools\n")
    put(folder / "jobs" / "lint.yml", "docker: [{image: 'cimg/go:1.22'}]\nsteps: [checkout]\n")
    put(config, "version: 2.1\njobs: [\n")
    done = run("verify", "--api-url", compiler.url)
    assert "the source of an orb isn't a config" in done.out
    assert "not valid YAML" in done.out
    assert done.code == 3
    assert compiler.configs == []


def test_json(run: Program, compiler: CompileStandIn, config: Path) -> None:
    other = put(config.parent / "other.yml", PRIVATE)
    done = run("verify", "--format", "json", "--api-url", compiler.url, config, other)
    body = json.loads(done.out)
    assert body["exit_code"] == done.code == 3
    first, second = body["configs"]
    assert first["status"] == "confirmed"
    assert first["has_change"] is True
    assert first["gains"] == {"images": 6, "logins": 1, "contexts": 4}
    assert first["not_compiled"] == ["executors.unused.docker[0]"]
    assert second["status"] == "does-not-compile"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--verify", "--check"], "use cci-migrate verify"),
        (["--send-secrets"], "--org and --send-secrets require --verify or --compile"),
        (["--org", "gh/acme"], "--org and --send-secrets require --verify or --compile"),
        (["verify", "--api-url", "http://ci.acme.io"], "not https"),
        (["verify", "nowhere"], "does not exist"),
    ],
)
def test_usage(run: Program, arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert said in done.out + done.err


def test_a_config_without_workflows(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, JOB)
    done: Done = run("--verify", "--add-workflow", "--api-url", compiler.url)
    assert done.code == 0, done.out
    assert "workflows:" in config.read_text()
