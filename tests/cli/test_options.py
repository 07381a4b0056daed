"""Options: what they do, which do not go together, and what they never repeat."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cci_migrate.cli.main_command import main_command
from cci_migrate.cli.options import Colour
from cci_migrate.cli.terminal import wants_colour
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.policy.overrides import policy_of
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    CredentialStore,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
)
from tests.cli.conftest import CONFIG, Program, put

PASSWORD = "hunter2-in-clear"


def usage_error(*arguments: str) -> str:
    """What is said of ``arguments`` that do not go together."""
    result = CliRunner().invoke(main_command, [*arguments])
    assert result.exit_code == 2, result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--check", "--dry-run"], "--dry-run and --check: choose one"),
        (["-q", "-v"], "--quiet and --verbose: choose one"),
        (["--no-config", "--config", __file__], "--config and --no-config: choose one"),
        (["--context", "a", "--credentials", "project"], "context conflicts with"),
        (["-", "."], "- can't be combined with other paths"),
        (["--stdin-filename", "x.yml"], "--stdin-filename requires the path -"),
        (["--revert", "--mirror", "m.dev"], "--revert can't be combined with --mirror"),
        (["--mirror", "hub"], "a host has a dot or a port"),
        (["--select", "sunset-version", "--ignore", "sunset-version"], "both name sunset-version"),
        (["--select", "sunset-versoin"], "did you mean sunset-version?"),
        (["--ignore", "missing-context,nonsense"], "no rule 'nonsense'"),
        (["--platform", "saas"], "'saas' is not one of 'cloud', 'server', 'runner'"),
        (["--context", " a"], "must be the name of a context"),
        (["--username", ""], "--username': must be a name or a $VARIABLE; put '$NAME'"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--timeout", "nan"], "nan is not a number up to 1,000,000"),
        (["--timeout", "inf"], "inf is not a number up to 1,000,000"),
        (["--config", "/nowhere.toml"], "'/nowhere.toml' does not exist"),
    ],
)
def test_usage_errors(arguments: list[str], problem: str) -> None:
    assert problem in " ".join(usage_error(*arguments).split())


@pytest.mark.parametrize("password", [PASSWORD, "", "HUNTER2", "$", "$a b"])
def test_a_password_itself_is_refused_and_not_repeated(password: str) -> None:
    problem = usage_error("--password", password)
    assert "must be the name of an environment variable" in " ".join(problem.split())
    assert len(password) < 3 or password not in problem


@pytest.mark.parametrize("spelling", ["HUB_TOKEN", "$HUB_TOKEN", "${HUB_TOKEN}"])
def test_the_docker_hub_options_in_each_spelling(
    program: Program, config: Path, spelling: str
) -> None:
    done = program("--username", "acme-ci", "--password", spelling, "--context", "hub", "-q")
    assert done.code == 0
    assert "username: acme-ci" in config.read_text()
    assert "password: $HUB_TOKEN\n" in config.read_text()
    assert "- hub\n" in config.read_text()


def test_the_policy_is_the_file_s_with_what_the_options_say() -> None:
    quay = RegistryPolicy("quay.io", PasswordAuth("a", "$B"))
    base = Policy(
        platform=Platform.SERVER,
        registries=(quay, RegistryPolicy("docker.io", PasswordAuth("acme", "$T"), "hub")),
        ignore=frozenset({"a", "b"}),
        fix_orbs=True,
    )
    assert policy_of({}, base) == base
    changed = policy_of(
        {
            "credentials": CredentialStore.PROJECT,
            "password": "$NEW",
            "select": frozenset({"a"}),
            "ignore": frozenset({"c"}),
            "login": LoginMethod.CLI,
            "add-workflow": True,
            "mirror": Mirror("mirror.acme.dev"),
            "upgrade-version": True,
        },
        base,
    )
    assert changed == Policy(
        platform=Platform.SERVER,
        credentials=CredentialStore.PROJECT,
        registries=(RegistryPolicy("docker.io", PasswordAuth("acme", "$NEW")), quay),
        select=frozenset({"a"}),
        ignore=frozenset({"b", "c"}),
        login=LoginMethod.CLI,
        fix_orbs=True,
        add_workflow=True,
        mirror=Mirror("mirror.acme.dev"),
        upgrade_version=True,
    )


def test_docker_hub_options_without_a_file_keep_the_other_defaults() -> None:
    (registry,) = policy_of({"context": "hub"}, Policy()).registries
    assert registry == RegistryPolicy("docker.io", DEFAULT_DOCKER_HUB.credential, "hub")


def test_select_and_ignore(program: Program, config: Path) -> None:
    done = program("--select", "missing-context,sunset-version", "--check", "--format", "json")
    assert json.loads(done.out)["configs"][0]["findings"] == []
    program("--ignore", "missing-context", "-q")
    assert "auth:" in config.read_text()
    # The context is part of the image's fix: it is not what the ignored rule finds.
    assert "context:" in config.read_text()


def test_the_platform_changes_why_it_matters(program: Program, config: Path) -> None:
    del config
    cloud, server = program("--check"), program("--check", "--platform", "server")
    assert "CircleCI Cloud pulls with" in cloud.out
    assert "CircleCI Cloud pulls with" not in server.out


def test_the_nearest_policy_file_counts_for_each_config(
    program: Program, config: Path, tmp_path: Path
) -> None:
    put(tmp_path / ".cci-migrate.toml", '[registries."docker.io"]\ncontext = "outer"\n')
    other = put(tmp_path / "api/.circleci/config.yml", CONFIG)
    put(
        tmp_path / "api/pyproject.toml",
        '[tool.cci-migrate.registries."docker.io"]\ncontext = "inner"\n',
    )
    assert program("-q").code == 0
    assert "- outer\n" in config.read_text()
    assert "- inner\n" in other.read_text()


def test_config_and_no_config(program: Program, config: Path, tmp_path: Path) -> None:
    put(tmp_path / ".cci-migrate.toml", '[registries."docker.io"]\ncontext = "found"\n')
    named = put(tmp_path / "named.toml", '[registries."docker.io"]\ncontext = "named"\n')
    assert "- named" in program("-n", "--config", named).out
    assert "- docker-hub-creds" in program("-n", "--no-config").out
    assert config.read_text() == CONFIG


def test_a_mistake_in_the_policy_ends_the_run_before_anything_is_written(
    program: Program, config: Path, tmp_path: Path
) -> None:
    put(tmp_path / "api/.circleci/config.yml", CONFIG)
    path = put(tmp_path / "api/.cci-migrate.toml", 'platfrom = "cloud"\n')
    done = program()
    assert done.code == 2
    assert done.err == f"error: {path}:1: unknown key platfrom; did you mean platform?\n"
    assert config.read_text() == CONFIG


def test_a_password_in_the_policy_is_refused_and_not_repeated(
    program: Program, config: Path, tmp_path: Path
) -> None:
    put(tmp_path / ".cci-migrate.toml", f'[registries."docker.io"]\npassword = "{PASSWORD}"\n')
    done = program()
    assert done.code == 2
    assert ":2: password must be the name of an environment variable" in done.err
    assert PASSWORD not in done.err + done.out
    assert config.read_text() == CONFIG


class _Stream:
    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("colour", "is_terminal", "environment", "expected"),
    [
        (Colour.AUTO, True, {}, True),
        (Colour.AUTO, False, {}, False),
        (Colour.AUTO, True, {"NO_COLOR": "1"}, False),
        (Colour.AUTO, True, {"NO_COLOR": ""}, True),
        (Colour.AUTO, True, {"TERM": "dumb"}, False),
        (Colour.AUTO, False, {"FORCE_COLOR": "1"}, True),
        (Colour.AUTO, True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (Colour.ALWAYS, False, {"NO_COLOR": "1"}, True),
        (Colour.NEVER, True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_when_colours_are_wanted(
    colour: Colour, is_terminal: bool, environment: dict[str, str], expected: bool
) -> None:
    stream = _Stream(is_terminal)
    assert wants_colour(stream, colour, environment) is expected  # type: ignore[arg-type]


def test_colours_change_nothing_but_colours(program: Program, config: Path) -> None:
    del config
    plain, coloured = program("--check"), program("--check", "--color", "always")
    assert "\x1b[" not in plain.out
    assert "\x1b[" in coloured.out
    assert click.unstyle(coloured.out) == plain.out


def test_rules_are_listed(program: Program) -> None:
    done = program("rules")
    assert done.code == 0
    assert "unauthenticated-image  an image of a Docker executor" in done.out


def test_the_page_of_a_rule(program: Program) -> None:
    done = program("rule", "misplaced-context")
    assert done.code == 0
    for heading in ("# misplaced-context", "## The fix", "## References", "```diff"):
        assert f"\n{heading}" in f"\n{done.out}"
    laid_out = program("rule", "misplaced-context", FORCE_COLOR="1", COLUMNS="60")
    assert "## The fix" not in laid_out.out
    assert max(map(len, click.unstyle(laid_out.out).splitlines())) <= 60
    unknown = program("rule", "missing-contxt")
    assert unknown.code == 2
    assert "did you mean missing-context?" in unknown.err
    assert program("rule", "Misplaced-Context").out == done.out
    assert program("rule").out == program("rules").out


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["check"], "run: cci-migrate --check"),
        (["fix", "src"], "run: cci-migrate src"),
        (["diff", "src"], "run: cci-migrate --dry-run src"),
        (["help"], "run: cci-migrate --help"),
        (["help", "batch"], "run: cci-migrate batch --help"),
        (["--fix"], "leave it out"),
        (["src", "--diff"], "use --dry-run"),
        (["--explain", "orb-pull"], "run: cci-migrate rule NAME"),
    ],
)
def test_words_of_other_tools(
    program: Program, config: Path, tmp_path: Path, words: list[str], advice: str
) -> None:
    before = config.read_bytes()
    (tmp_path / "src").mkdir()
    done = program(*words)
    assert done.code == 2
    assert advice in done.err
    assert config.read_bytes() == before


def test_a_folder_that_is_called_like_a_word_of_another_tool(
    program: Program, tmp_path: Path
) -> None:
    path = put(tmp_path / "fix/.circleci/config.yml", CONFIG)
    assert program("fix").code == 0
    assert path.read_text() != CONFIG


def test_a_folder_that_is_called_like_a_subcommand(program: Program, tmp_path: Path) -> None:
    path = put(tmp_path / "rules/.circleci/config.yml", CONFIG)
    assert program("./rules", "-q").code == 0
    assert path.read_text() != CONFIG


def test_help_names_every_exit_code_and_the_subcommands() -> None:
    help_text = CliRunner().invoke(main_command, ["--help"]).output
    assert "rules " in help_text
    for code in ("0 nothing", "1 something", "2 usage", "3 a file", "130 interrupted"):
        assert code in " ".join(help_text.split())


SECRET_CONFIG = CONFIG.replace(
    "    steps: [checkout]",
    f"        auth: {{username: acme, password: {PASSWORD}}}\n    steps: []",
)


@pytest.mark.parametrize("report_format", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize("mode", ["--check", "--dry-run", "-v"])
def test_a_secret_in_a_config_is_never_shown(
    program: Program, config: Path, mode: str, report_format: str
) -> None:
    config.write_text(SECRET_CONFIG)
    done = program(mode, "--format", report_format, "--color", "always")
    assert PASSWORD not in done.out + done.err
    assert "literal-credential" in done.out + done.err or mode == "-v"
    if mode == "--dry-run" and report_format == "text":
        assert "password: [withheld]}" in click.unstyle(done.out)
        assert "a secret is withheld in 1 line of the diff, so git apply refuses it" in done.err
    if mode == "-v":
        assert PASSWORD not in config.read_text()


def test_each_line_that_a_carriage_return_ends_is_looked_at_for_itself(
    program: Program, config: Path
) -> None:
    # One line for git, which has a password's key, and values of other keys behind it.
    more = "  other:\n    docker:\n      - image: cimg/go:1.22\n    steps: [checkout]\n"
    before, jobs, after = CONFIG.partition("jobs:\n")
    config.write_bytes((before + jobs + more + after).replace("\n", "\r").encode())
    done = program("--dry-run")
    assert done.code == 1
    assert "secret" not in done.err
    assert "$DOCKERHUB_PASSWORD" in done.out
    config.write_bytes(SECRET_CONFIG.replace("\n", "\r").encode())
    done = program("--dry-run")
    assert PASSWORD not in done.out + done.err
    assert "a secret is withheld" in done.err


NAMES = """\
version: 2.1
jobs:
  a:
    docker:
      - image: acme/app:1
        auth: {username: $ACME_USER, password: "${ACME_WORD}"}
  b:
    docker:
      - image: acme/app:1
        auth: {username: $ACME_USER, password: ACME_WORD}
"""


@pytest.mark.parametrize("mode", ["--check", "--dry-run"])
def test_the_name_of_a_variable_without_its_dollar_is_no_secret(
    program: Program, config: Path, mode: str
) -> None:
    config.write_text(NAMES)
    done = program(mode)
    assert "withheld" not in done.out + done.err
    assert "Revoke" not in done.out + done.err
    assert "ACME_WORD" in done.out
    # A name that the file expands nowhere may be anything.
    config.write_text(NAMES.replace("${ACME_WORD}", "$OTHER"))
    done = program(mode)
    assert "ACME_WORD" not in done.out + done.err
    assert "Revoke" in done.out + done.err


def test_the_diff_of_a_secret_is_shown_when_asked_for(program: Program, config: Path) -> None:
    config.write_text(SECRET_CONFIG)
    done = program("--dry-run", "--show-secrets")
    assert f"-        auth: {{username: acme, password: {PASSWORD}}}" in done.out
    assert PASSWORD not in done.err


PATTERNS = """\
exempt-images = ["node", "cimg/*", "postgres"]
exclude = ["templates", ".circleci/old.yml"]

[registries."quay.io"]
username = "acme"
password = "$QUAY_TOKEN"

[[registries."docker.io".jobs]]
match = ["buil*", "deploy"]
username = "acme"
password = "$DEPLOY_TOKEN"
"""
UNMATCHED = [
    '"node" in exempt-images',
    '"postgres" in exempt-images',
    '[registries."quay.io"]',
    '"deploy" in match of [[registries."docker.io".jobs]]',
]


def test_patterns_of_the_policy_that_match_nothing(
    program: Program, config: Path, tmp_path: Path
) -> None:
    put(tmp_path / ".cci-migrate.toml", PATTERNS)
    put(config.parent / "old.yml", CONFIG)
    notes = [
        "note: .circleci/old.yml is excluded by the policy",
        *(f"note: the policy's {pattern} matches nothing" for pattern in UNMATCHED),
        """note: the policy's "templates" in exclude matches nothing""",
    ]
    assert program("--check", "-v").err.splitlines() == notes
    assert "matches nothing" not in program("--check").err
    # What could not be examined may have what they are for.
    put(config.parent / "other.yml", "version: 2.1\njobs: [\n")
    assert "exempt-images matches nothing" not in program("--check", "-v").err


def test_a_plan_says_which_patterns_match_nothing(
    program: Program, config: Path, tmp_path: Path
) -> None:
    policy = put(tmp_path / "policy.toml", PATTERNS)
    del config
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    planned = program("batch", "plan", ".", "--campaign", "campaign", "--config", str(policy))
    notes = [line for line in planned.err.splitlines() if "matches nothing" in line]
    assert len(notes) == len(UNMATCHED)
    assert all(pattern in " ".join(notes) for pattern in UNMATCHED)
