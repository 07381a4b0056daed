"""What a login shows of its user name and password: only what it is given exactly counts."""

from __future__ import annotations

from textwrap import indent

import pytest

from cci_migrate.assessing.step_assessment import JobDockers
from cci_migrate.circleci.value_origins import CredentialValue, Origin
from tests.circleci.configs import config_of, values_of

STDIN = "docker login -u $U --password-stdin"


def halves(
    script: str,
    *,
    job: str = "",
    step: str = "",
    before: str = "",
    files: dict[str, str] | None = None,
    machine: str = "{image: ubuntu-2204:current}",
    top: str = "",
) -> tuple[CredentialValue, CredentialValue]:
    text = (
        f"version: 2.1\n{top}jobs:\n  build:\n    machine: {machine}\n{job}    steps:\n{before}"
        f"      - run:\n{step}          command: |\n{indent(script, ' ' * 12)}\n"
    )
    config = config_of(text)
    dockers = JobDockers(config, values_of(config), (files or {}).get)
    (login,) = (login for docker in dockers.all() for login in docker.logins)
    return login.username_value, login.password_value


def password(script: str, **around: object) -> tuple[Origin, str | None]:
    given = halves(script, **around)[1]  # type: ignore[arg-type]
    return given.origin, given.text


@pytest.mark.parametrize(
    "script",
    [
        f'echo "$P" | {STDIN}',
        f"echo $P | {STDIN}",
        f"echo -n ${{P}} | {STDIN}",
        f"printf '%s' \"$P\" | {STDIN}",
        f"printf '%s\\n' $P | {STDIN}",
        f'printf "$P" | {STDIN}',
        f"printf -- '%s' \"$P\" | {STDIN}",
        f"printenv P | {STDIN}",
        f'{STDIN} <<< "$P"',
        f"{STDIN} <<EOF\n$P\nEOF",
        f"cat <<EOF | {STDIN}\n$P\nEOF",
        f"echo ${{P:?no password}} | {STDIN}",
        f"sudo sh -c 'echo $P | {STDIN}'",
        'docker login -u "$U" -p "$P"',
        "docker login --username=$U --password=$P docker.io",
        f'TOKEN="$P"\necho "$TOKEN" | {STDIN}',
        f'login() {{ echo "$1" | {STDIN}; }}\nlogin "$P"',
        f'login() {{ local secret=$1; echo "$secret" | {STDIN}; }}\nlogin "$P"',
        f'if [ -n "$P" ]; then echo "$P" | {STDIN}; fi',
        f"set -x\necho $P | {STDIN} > /dev/null",
        f"export P=$P\necho $P | {STDIN}",
        f"source venv/bin/activate\necho $P | {STDIN}",
        f'eval "$(ssh-agent)"\necho $P | {STDIN}',
        "echo $P | podman login -u $U --password-stdin docker.io",
    ],
)
def test_a_login_that_is_given_exactly_a_variable(script: str) -> None:
    assert password(script) == (Origin.VARIABLE, "$P")


@pytest.mark.parametrize(
    ("script", "origin"),
    [
        (f"echo $P | base64 -d | {STDIN}", Origin.DERIVED),
        (f"echo $P | tr -d '\\n' | {STDIN}", Origin.DERIVED),
        (f"openssl enc -d -k $P -in token.enc | {STDIN}", Origin.DERIVED),
        (f"jq -r .token <<< $P | {STDIN}", Origin.DERIVED),
        (f"aws ecr get-login-password --region $P | {STDIN}", Origin.DERIVED),
        (f"cat $P | {STDIN}", Origin.DERIVED),
        (f"{STDIN} < $P", Origin.DERIVED),
        (f'echo "x$P" | {STDIN}', Origin.DERIVED),
        (f'echo "$A$P" | {STDIN}', Origin.DERIVED),
        (f"echo ${{!P}} | {STDIN}", Origin.DERIVED),
        (f"echo ${{P%%:*}} | {STDIN}", Origin.DERIVED),
        (f"echo ${{P:-other}} | {STDIN}", Origin.DERIVED),
        (f"echo '$P' | {STDIN}", Origin.DERIVED),
        (f"cat <<'EOF' | {STDIN}\n$P\nEOF", Origin.DERIVED),
        (f"{STDIN} <<EOF\nx$P\nEOF", Origin.DERIVED),
        (f"printf 'x%s' $P | {STDIN}", Origin.DERIVED),
        (f"printenv | grep $P | {STDIN}", Origin.DERIVED),
        ("docker login -u $U -p $(echo $P | base64 -d)", Origin.DERIVED),
        ("docker login -u $U -p '$P'", Origin.UNKNOWN),
        ("docker login -u $U", Origin.UNKNOWN),
        (f"P=$(vault read -field=token secret/hub)\necho $P | {STDIN}", Origin.DERIVED),
        (f"P=$(vault read x)\nP=$(tr -d x <<< $P)\necho $P | {STDIN}", Origin.ASSIGNED),
        (f"read -r P < token\necho $P | {STDIN}", Origin.ASSIGNED),
        (f': "${{P:=none}}"\necho "$P" | {STDIN}', Origin.ASSIGNED),
        (f'eval "$(vault env)"\necho $P | {STDIN}', Origin.ASSIGNED),
        (f"export $(cat .env | xargs)\necho $P | {STDIN}", Origin.ASSIGNED),
        (f"source ./env.sh\necho $P | {STDIN}", Origin.ASSIGNED),
        (f'. "$FILE"\necho $P | {STDIN}', Origin.ASSIGNED),
        (f"echo 'export P=1' >> $BASH_ENV\nsource $BASH_ENV\necho $P | {STDIN}", Origin.ASSIGNED),
        (f"echo $CIRCLE_TOKEN | {STDIN}", Origin.BUILT_IN),
        ("docker login -u me -p hunter2", Origin.LITERAL),
    ],
)
def test_a_login_that_is_given_something_else(script: str, origin: Origin) -> None:
    assert password(script)[0] is origin


@pytest.mark.parametrize(
    "around",
    [
        {"job": "    environment: {P: $HUB_TOKEN}\n"},
        {"step": "          environment: {P: $HUB_TOKEN}\n"},
        {
            "before": "      - run: |\n          echo export P=$(vault read x) >> $BASH_ENV\n",
        },
        {"before": "      - run: vault-env | tee -a $BASH_ENV\n"},
    ],
)
def test_what_the_job_sets_is_no_variable_of_a_context(around: dict[str, str]) -> None:
    assert password(f"echo $P | {STDIN}", **around) == (Origin.ASSIGNED, "$P")


def test_a_sourced_file_that_can_be_read_sets_what_it_sets() -> None:
    script = f". ./env.sh\necho $P | {STDIN}"
    assert password(script, files={"env.sh": "export OTHER=1\n"}) == (Origin.VARIABLE, "$P")
    assert password(script, files={"env.sh": "export P=1\n"}) == (Origin.ASSIGNED, "$P")


@pytest.mark.parametrize(
    ("around", "username"),
    [
        ({}, (Origin.VARIABLE, "$U")),
        ({"job": "    environment: {U: acme-bot}\n"}, (Origin.LITERAL, "acme-bot")),
        ({"step": "          environment: {U: acme-bot}\n"}, (Origin.LITERAL, "acme-bot")),
        (
            {
                "top": "parameters: {hub: {type: string, default: acme-bot}}\n",
                "job": "    environment: {U: << pipeline.parameters.hub >>}\n",
            },
            (Origin.LITERAL, "acme-bot"),
        ),
        ({"job": "    environment: {U: mydockerhub-user}\n"}, (Origin.PLACEHOLDER, None)),
    ],
)
def test_a_user_name_that_is_written_out_is_that_literal(
    around: dict[str, str], username: tuple[Origin, str | None]
) -> None:
    given = halves(f"echo $P | {STDIN}", **around)[0]  # type: ignore[arg-type]
    assert given.origin is username[0]
    assert username[1] is None or given.text == username[1]


def test_powershell_reads_the_environment_by_its_own_syntax() -> None:
    shell = "          shell: powershell.exe\n"
    fed = "$env:P | docker login -u $env:U --password-stdin"
    assert password(fed, step=shell) == (Origin.VARIABLE, "$P")
    assert password(f"echo {fed}", step=shell) == (Origin.VARIABLE, "$P")
    own = "$p = Get-Secret\n$p | docker login -u $env:U --password-stdin"
    assert password(own, step=shell)[0] is Origin.ASSIGNED
