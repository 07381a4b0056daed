"""What holds for every script."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.shell import command_reading
from cci_migrate.docker.shell.facts import Fact, Login, PasswordArgument, Word
from cci_migrate.docker.shell.script_reading import facts_of
from tests.docker.shell_descriptions import pulls_in, without_places

COMMANDS = st.sampled_from(
    [
        "docker pull alpine:3",
        "docker run --rm -v $PWD:/x -it quay.io/a/b:$TAG sh -c 'docker pull no'",
        "docker build -t me --build-arg A=b -f ci/D .",
        "docker compose -f a.yml up -d web",
        "docker run me",
        "podman run fedora",
        "echo docker pull no",
        'echo "h\u00e9 \u2705" > f',
        "docker run << parameters.image >>",
        "make x",
        "x=$(docker run a/b)",
    ]
)
LOGINS = st.sampled_from(
    [
        "docker login -u $U -p $P",
        'docker login --username="$U" --password="$P" quay.io',
        "echo $P | docker login -u \u00fc --password-stdin",
        "docker login -u $U -p << parameters.password >> quay.io || true",
    ]
)
SCRIPTS = st.lists(COMMANDS, min_size=1, max_size=5)
PLAIN = st.lists(COMMANDS.filter(lambda command: ">" not in command), min_size=1, max_size=4)
#: Commands of which only the name may matter, beside others that look like them.
BY_NAME = st.sampled_from(
    [
        "npm_config=1 ls -la",
        "ls -la 'docker pull no'",
        'echo x $HOME "$(docker pull a/b)"',
        "apt-get install -y docker",
        "deploy $IMAGE",
        "deploy() { docker pull $1; }",
        "source ./env.sh",
        "with-retries docker pull c/d",
        "sudo ls && cd ci",
        "./run.sh a",
        "cp config.json ~/.docker/",
        "rm -rf ~/.docker",
        "sh -c 'docker run e/f'",
        "exit",
        "circleci step halt",
        "make x",
        "doppler run -- docker pull g/h",
        "read IMAGE",
        "grep -q x < f",
        "aws ecr get-login",
        "for deploy in a b; do deploy $deploy; done",
    ]
)


@given(st.lists(st.one_of(BY_NAME, COMMANDS, LOGINS), min_size=1, max_size=7))
@settings(max_examples=150, deadline=None)
def test_commands_read_by_their_name_are_read_as_in_full(commands: list[str]) -> None:
    text = "\n".join(commands)
    by_name = without_places(facts_of(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_reading, "_PLAIN_COMMAND", re.compile(r"(?!)"))
        assert without_places(facts_of(text)) == by_name


@given(SCRIPTS)
@settings(max_examples=50, deadline=None)
def test_what_stands_around_commands_does_not_change_the_pulls(commands: list[str]) -> None:
    plain = pulls_in(facts_of("\n".join(commands)))
    for text in (
        "\n".join(f"# docker pull no\n{command}  # docker run no" for command in commands),
        " && ".join(commands),
        " ; ".join(commands),
        "\r\n".join(commands),
        "if true; then\n" + "\n".join(commands) + "\nfi",
        "f() {\n" + "\n".join(commands) + "\n}\nf",
        "(\n" + "\n".join(commands) + "\n)",
        "for i in 1; do\n" + "\n".join(commands) + "\ndone",
        "\n".join(command.replace(" ", " \\\n  ", 1) for command in commands),
        "set -e\n\n\n" + "\n\n".join(commands) + "\n\n",
    ):
        assert pulls_in(facts_of(text)) == plain


@given(PLAIN)
@settings(max_examples=30, deadline=None)
def test_sudo_and_quotes_do_not_change_the_pulls(commands: list[str]) -> None:
    plain = pulls_in(facts_of("\n".join(commands)))
    sudo = [command if command.startswith("x=") else f"sudo {command}" for command in commands]
    assert pulls_in(facts_of("\n".join(sudo))) == plain
    heredoc = "bash <<'EOF'\n" + "\n".join(commands) + "\nEOF"
    assert pulls_in(facts_of(heredoc)) == plain


@given(st.lists(st.one_of(COMMANDS, LOGINS), max_size=6), st.sampled_from(["\n", " && ", "\r\n"]))
@settings(max_examples=50, deadline=None)
def test_offsets_are_those_of_the_text(commands: list[str], joint: str) -> None:
    text = joint.join(commands)
    script = facts_of(text)
    for fact in script.facts:
        assert 0 <= fact.start < fact.end <= len(text)
        for word in words_of(fact):
            assert text[word.start : word.end] == word.text
            assert fact.start <= word.start <= word.end <= fact.end
        if isinstance(fact, Login):
            assert text[fact.start : fact.end].startswith("docker login")
            assert fact.statement_start <= fact.start < fact.end <= fact.statement_end
            if fact.password is not None:
                option = text[fact.password.start : fact.password.end]
                assert option.startswith(("-p", "--password"))
                assert option.endswith(fact.password.value.text)
                assert fact.password.insert_at == fact.start


@given(st.text(alphabet="docker pulnbi$(){}<>|&;'\"\\`#\n\t-=[]!*\u00e9", max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_is_read(text: str) -> None:
    script = facts_of(text)
    for fact in (*script.facts, *script.uncalled):
        assert 0 <= fact.start <= fact.end <= len(text)


@pytest.mark.parametrize("around", ["{}", "'{}' x", '"{}" x', "`{}`", "A=b {}", "sudo {}", "({})"])
@pytest.mark.parametrize(
    "command",
    [
        "./x",
        "$DIR/run",
        "ci/x.sh",
        "sh<x",
        "curl example.com | bash",
        "source x",
        "make",
        "docker pull a/b",
        "rm -rf $DOCKER_CONFIG",
        "pwsh x.ps1",
    ],
)
def test_the_quick_look_never_misses_a_fact(around: str, command: str) -> None:
    text = around.format(command)
    assert mentions_docker(text) or mentions_script(text) or not facts_of(text).facts


def words_of(fact: Fact) -> list[Word]:
    """The words that ``fact`` holds, at any depth."""
    found: list[Word] = []
    for name in fact.__struct_fields__:
        value = getattr(fact, name)
        if isinstance(value, PasswordArgument):
            found.append(value.value)
        elif isinstance(value, Word):
            found.append(value)
    return found
