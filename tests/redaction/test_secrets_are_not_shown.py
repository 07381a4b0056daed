"""Each config of `secret_configs` through every command and format: none shows its secret."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.cli import processing
from cci_migrate.cli.main_command import main_command
from cci_migrate.engine.outcomes import Outcome
from cci_migrate.files import discovery
from cci_migrate.redaction.redaction import WITHHELD, Redaction
from cci_migrate.reports.diffs import redacted_diff
from tests.cli.conftest import environment, put
from tests.interactive.conftest import make_repository
from tests.interactive.dialog import Dialog
from tests.processing import PATH, changed_files, examined, process
from tests.program import run
from tests.proven_changes import proven_file
from tests.redaction.secret_configs import secret_configs

#: A word as any other, and one that nobody would write but as a password.
WORD, MIXED = "kestrel", "Zx9!qL"
CONFIGS = list(secret_configs(WORD))


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkouts, each with a config and its twin with a secret of the other kind."""
    root = tmp_path_factory.mktemp("repositories")
    for kind in (WORD, MIXED):
        for number, config in enumerate(secret_configs(kind)):
            put(root / str(number) / ".circleci" / f"{kind[:2].lower()}.yml", config.text)
            (root / str(number) / ".git").mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkout with all the configs."""
    root = tmp_path_factory.mktemp("repository")
    for kind in (WORD, MIXED):
        for number, config in enumerate(secret_configs(kind)):
            put(root / ".circleci" / f"{kind[:2].lower()}-{number}.yml", config.text)
    return root


def shown_by(repository: Path, *arguments: str | Path) -> str:
    """What ``cci-migrate`` prints, run as users run it."""
    done = run(repository, *map(str, arguments), environment=environment())
    assert done.returncode in (0, 1, 3), done.stderr.decode()
    return (done.stdout + done.stderr).decode()


def shown_secrets(text: str) -> list[str]:
    """The names of the configs whose secret is in ``text``."""
    configs = (*CONFIGS, *secret_configs(MIXED))
    return [config.name for config in configs if any(form in text for form in config.forms)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dry-run",),
        ("--dry-run", "--format", "json"),
        ("--check", "-v"),
        ("--check", "--format", "json"),
        ("--check", "--format", "sarif"),
        ("--check", "--format", "junit"),
        ("--check", "--format", "github"),
        ("explain",),
        ("explain", "--format", "json"),
    ],
    ids=" ".join,
)
def test_no_command_shows_one(
    repositories: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, where each config is worked on once for all formats."""
    monkeypatch.chdir(repositories)
    monkeypatch.setattr(processing, "_processors", lambda: 1)
    monkeypatch.setattr(processing, "process_one", processed)
    # Without a process of git for each of the folders: nothing in them is ignored.
    monkeypatch.setattr(discovery, "_listed_by_git", lambda *_: None)
    result = CliRunner().invoke(main_command, arguments)
    assert result.exit_code in (0, 1, 3), result.output
    assert len(result.output) > 5_000
    assert shown_secrets(result.output) == []


_outcomes: dict[tuple[Path, tuple[str, ...], processing.View], Outcome] = {}
_process_one = processing.process_one


def processed(task: processing.Task, limits: WorkLimits) -> Outcome:
    """The outcome of ``task``, which may be that of the same one of another command."""
    key = (task.root.absolute(), task.paths, task.view)
    if key not in _outcomes:
        _outcomes[key] = _process_one(task, limits)
    return _outcomes[key]


def test_no_campaign_keeps_one(repository: Path, tmp_path: Path) -> None:
    campaign = tmp_path / "campaign"
    shown = shown_by(repository, "batch", "plan", "--campaign", campaign, ".")
    shown += shown_by(repository, "batch", "diff", "--campaign", campaign)
    shown += shown_by(repository, "batch", "status", "--json", "--campaign", campaign)
    assert WITHHELD in shown
    kept = b"".join(path.read_bytes() for path in campaign.rglob("*") if path.is_file())
    assert shown_secrets(shown + kept.decode("utf-8", "replace")) == []


def test_no_prompt_shows_one(tmp_path: Path) -> None:
    config = next(config for config in CONFIGS if config.name == "docker login over lines")
    dialog = Dialog(make_repository(tmp_path, config.text), "-i", "-v")
    dialog.see("-p [withheld]").answer(("Fix 1/1", "q"))
    assert dialog.ended() == 1
    assert shown_secrets(dialog.transcript) == []


def test_a_diff_applies_or_git_refuses_it(tmp_path: Path) -> None:
    """Each as a repository of its own: git refuses a diff as a whole."""
    environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    count = 0
    for number, config in enumerate(CONFIGS):
        for file in changed_files(process({PATH: config.text.encode()})):
            count += 1
            diff = redacted_diff(file)
            assert diff.data is not None, config.name
            withheld = diff.data.count(b"[withheld]")
            assert diff.withheld == withheld or diff.data.count(b"\n") < 12, config.name
            root = tmp_path / str(number)
            target = put(root / file.path, file.before.decode())
            git = ["git", "apply", "-"]
            done = subprocess.run(
                git, cwd=root, input=diff.data, capture_output=True, env=environ, check=False
            )
            assert (done.returncode == 0) is (diff.withheld == 0), (config.name, diff.data)
            written = file.before if diff.withheld else file.after
            assert target.read_bytes() == written, config.name
    assert count > 50


def test_a_diff_that_would_write_what_stands_for_a_secret_is_not_shown() -> None:
    file = proven_file(PATH, b"a: 1\n", b"a: 1\npassword: kestrel\n")
    assert redacted_diff(file).data is None


LACKS_A_LOGIN = """\
version: 2.1
orbs: {docker: circleci/docker@2.8.2}
jobs:
  hub:
    docker: [{image: cimg/base:2024.01, auth: {username: $HUBUSER, password: $NAME}}]
    steps:
      - setup_remote_docker
      - run: docker pull acme/app
"""


@pytest.mark.parametrize("name", ["P", "HUBPW", "kestrel"])
def test_the_name_of_a_password_s_variable_is_shown(name: str) -> None:
    (file,) = changed_files(examined(LACKS_A_LOGIN.replace("NAME", name)))
    diff = redacted_diff(file)
    assert diff.data is not None
    assert f"\n+          docker-password: {name}\n".encode() in diff.data
    assert diff.withheld == 0


@pytest.mark.parametrize("other", ["", "echo $kestrels", "echo kestrel"])
def test_a_password_where_a_name_belongs_is_withheld(other: str) -> None:
    step = "docker/check: {docker-username: HUBUSER, docker-password: kestrel}"
    text = (
        "version: 2.1\norbs: {docker: circleci/docker@2.8.2}\njobs:\n  hub:\n"
        "    docker: [{image: cimg/base:2024.01}]\n    steps:\n"
        f"      - {step}\n      - run: '{other}'\n"
    )
    assert examined(text).redaction.line(step).endswith("docker-password: [withheld]}")


def test_what_is_withheld_is_said(tmp_path: Path) -> None:
    put(tmp_path / PATH, CONFIGS[0].text)
    shown = shown_by(tmp_path, "--dry-run")
    assert "a secret is withheld in 1 line of the diff, so git apply refuses it" in shown
    assert "-          password: [withheld]\n+          password: $DOCKERHUB_PASSWORD" in shown
    (change,) = json.loads(shown_by(tmp_path, "--dry-run", "--format", "json"))["configs"][0][
        "changes"
    ]
    assert change["withheld_lines"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "password: $DOCKERHUB_PASSWORD",
        "password: ${HUB_PASSWORD:-}",
        "password: << parameters.password >>",
        "docker-password: DOCKERHUB_PASSWORD",
        "token: {type: env_var_name, default: GITHUB_TOKEN}",
        "auth: &hub-auth",
        "auth: *hub-auth",
        "<<: *auth",
        'key: v1-deps-{{ checksum "package-lock.json" }}',
        "POSTGRES_PASSWORD: postgres",
        "DATABASE_URL: postgres://postgres:postgres@localhost:5432/test",
        f"image: cimg/node:20@sha256:{'0123456789abcdef' * 4}",
        "- image: registry.acme.example:5000/team/app:1.2.3",
        "auth: acme/auth@1.2.3",
        "context: [docker-hub-creds, npm-publish-token]",
        "- npm-install-if-needed",
        "- run: mkdir -p build/token",
        "- run: docker run -p 8080:80 acme/app",
        '- run: echo "$HUB_PASSWORD" | docker login -u "$HUB_USERNAME" --password-stdin',
        r'- run: "echo \"no login\"\necho \"$PW\" | docker login -u \"$U\" --password-stdin"',
        '- run: docker login -u ada -p "$PW" quay.io || { echo "login failed" | tee log; }',
        "- run: git clone git@github.com:acme/api.git",
        "- run: git clone https://$TOKEN:x-oauth-basic@github.com/acme/api",
        "- run: export TOKEN=$(vault read -field=token secret/hub)",
        "- run: aws ecr get-login-password | docker login -u AWS --password-stdin $ECR",
        "GOOGLE_APPLICATION_CREDENTIALS: /home/circleci/key.json",
        "# the token is read from the context",
        "# with caching_sha2_password since MySQL 8.0",
        "ssh_fingerprints: ['SO:ME:FIN:G:ER:PR:IN:T0']",
        "on_pass: deploy",
        "- run: acme --token-file ./x1 --secret-id prod-db1 --no-password ada1",
        "- run: docker service create --with-registry-auth redis:7",
        "      perl -i -pe s/a1/b2/ *.conf",
        "- run: set -x pipefail1 && cd $PWD",
        "- run: docker login -u ada -p $(vault read hub1)",
        "# TODO remove with v2.10.3 of acme/orb@1.2",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert Redaction().line(line) == line
    assert Redaction().prose(line) == line


@pytest.mark.parametrize(
    "sentence",
    [
        "set the password: DOCKERHUB_PASSWORD in the context docker-hub-creds",
        "the password for cimg/base:7 is written out",
        "take basic authentication, or a bearer token",
        "login in Log in to Docker Hub",
        "or store $P in the project's settings (--credentials project), or --credentials context",
    ],
)
def test_sentences_stay_sentences(sentence: str) -> None:
    assert Redaction().prose(sentence) == sentence
    assert Redaction().prose("--credentials project1") == "--credentials [withheld]"


def test_a_known_secret_is_a_word_and_not_a_part_of_one() -> None:
    redaction = Redaction(frozenset(("build", "hunter2", "hunter2-long")))
    assert redaction.prose("rebuild with hunter2-long, hunter2") == (
        "rebuild with [withheld], [withheld]"
    )
    assert redaction.prose("hunter22 rebuilds") == "hunter22 rebuilds"


@pytest.mark.parametrize(
    "part",
    [
        *("password=", "password: ", "password: $X, ", "auth: [ {", "secret-", "-p ", "login <<< "),
        *("login | echo ", "://a", "a:b@", "-u a:", "bearer ", "eyJ-", "AIza-", "# password a1 "),
        *('password: "', "'", "${", "$(", "<<", "%a", "aA0", "machine a login b password "),
    ],
)
def test_a_long_line_is_looked_at_from_end_to_end(part: str) -> None:
    """In parts that overlap: the time is that of one part, as often as there are parts."""
    line = (part * (40_000 // len(part))) + " token: kestrel"
    assert "kestrel" not in Redaction().line(line)


@pytest.mark.parametrize("command", [[], ["explain"], ["verify"]])
def test_an_error_that_ends_a_command_withholds_secrets(tmp_path: Path, command: list[str]) -> None:
    put(tmp_path / ".circleci" / "config.yml", "version: 2.1\n")
    put(tmp_path / ".cci-migrate.toml", '[registries."https://bob:kestrel@quay.io"]\n')
    done = run(tmp_path, *command, environment=environment())
    assert done.returncode == 2
    assert b"1: https://[withheld]@quay.io is not a registry host" in done.stderr
