"""Shells other than bash."""

from __future__ import annotations

import pytest

from cci_migrate.docker.shell.dialects import Dialect, dialect_of
from cci_migrate.docker.shell.facts import ImagePull, Login
from cci_migrate.docker.shell.script_reading import facts_of, logged_in_before
from tests.docker.shell_descriptions import facts_in, the_fact


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        (None, Dialect.POSIX),
        ("", Dialect.POSIX),
        ("bash", Dialect.POSIX),
        ("/bin/bash -eo pipefail", Dialect.POSIX),
        ("/bin/bash -eo pipefail -l", Dialect.POSIX),
        ("/bin/sh -leo pipefail", Dialect.POSIX),
        ("/usr/bin/env bash -e", Dialect.POSIX),
        ("/bin/zsh", Dialect.POSIX),
        ("/bin/ash -e", Dialect.POSIX),
        ("bash.exe", Dialect.POSIX),
        ("bash.exe --login -eo pipefail", Dialect.POSIX),
        ("C:\\Program Files\\Git\\bin\\bash.exe -e", Dialect.POSIX),
        ("powershell.exe", Dialect.POWERSHELL),
        ("powershell.exe -ExecutionPolicy Bypass", Dialect.POWERSHELL),
        ("pwsh", Dialect.POWERSHELL),
        ("cmd.exe", Dialect.CMD),
        ("cmd.exe /C", Dialect.CMD),
        ("/usr/bin/python3", Dialect.OTHER),
        ("<< parameters.shell >>", Dialect.OTHER),
        ("docker exec -i x bash", Dialect.OTHER),
    ],
)
def test_dialects(shell: str | None, expected: Dialect) -> None:
    assert dialect_of(shell) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker pull a; docker run b", ["pull a", "run b"]),
        ("docker.exe pull a\n& docker pull b", ["pull a", "pull b"]),
        ("docker run `\n  --rm -it `\n  a cmd", ["run a"]),
        ("$id = docker run -d a", ["run a"]),
        ("if ($x) { docker pull a } else { docker pull b }", ["pull a", "pull b"]),
        ("docker build -t me .\r\ndocker run me\r\n", ["build Dockerfile", "run me (local)"]),
        ("docker pull << parameters.image >>", ["pull << parameters.image >>"]),
        ("docker pull a > $null", ["pull a"]),
        ("# docker pull a\n<# docker pull b\n#> Write-Host docker pull c", []),
        ('Write-Host "docker pull a; docker pull b"', []),
        ('$x = @"\ndocker pull a\n"@', []),
        ("docker-compose -f a.yml up -d", ["compose up a.yml"]),
        ("cd .\\web; docker build -f ..\\x\\D .", ["build x/D"]),
        ("if ($x) { cd web }; docker compose up", ["compose up ?"]),
        ("Set-Location C:\\x; docker compose -f a.yml up", ["compose up ?"]),
        ("docker exec x docker pull a", []),
        (
            "gcloud auth configure-docker ghcr.io; aws ecr get-login",
            ["login ghcr.io", "login *.dkr.ecr*.amazonaws.com*"],
        ),
        ('$x = $(docker run a)\nWrite-Host "a $(docker run b | tail) c"', ["run a", "run b"]),
        ("[string] $x; [int[]]$x = docker run a; Write-Host '$(docker run b)'", ["run a"]),
        ('Write-Host "`$(docker run a) $(docker run b)"', ["run b"]),
    ],
)
def test_powershell(text: str, expected: list[str]) -> None:
    assert facts_in(text, Dialect.POWERSHELL) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker pull a && docker run b", ["pull a", "run b"]),
        ("call docker pull a", ["pull a"]),
        ("docker run ^\n  --rm ^\n  a", ["run a"]),
        ("rem docker pull a\n:: docker pull b\necho docker pull c", []),
        ("if exist x (docker pull a)", ["pull a"]),
        ("@echo off\n@docker pull a\n@call docker pull b", ["pull a", "pull b"]),
    ],
)
def test_cmd(text: str, expected: list[str]) -> None:
    assert facts_in(text, Dialect.CMD) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOGIN\ndocker pull a", True),
        ("LOGIN\nif ($x) { docker pull a }", True),
        ("if ($x) { LOGIN; docker pull a }", True),
        ("if ($x) { LOGIN }\ndocker pull a", False),
        ("docker pull a\nLOGIN", False),
        ("LOGIN && docker pull a", True),
        ("LOGIN || docker pull a", False),
        ("LOGIN || Write-Output no || docker pull a", False),
        ("Write-Output no || LOGIN || docker pull a", False),
        ("LOGIN || exit 1\ndocker pull a", True),
        ("Test-Path x || LOGIN\ndocker pull a", False),
        ("$x = $(LOGIN; docker pull a)", True),
        ('Write-Output "$(LOGIN)"\ndocker pull a', True),
        ('Test-Path x || Write-Output "$(LOGIN)"\ndocker pull a', False),
    ],
)
def test_order_in_powershell(text: str, expected: bool) -> None:
    login = "$env:P | docker login -u $env:U --password-stdin"
    facts = facts_of(text.replace("LOGIN", login), Dialect.POWERSHELL).facts
    logins = [fact for fact in facts if isinstance(fact, Login)]
    (pull,) = (fact for fact in facts if isinstance(fact, ImagePull))
    assert logins[0].variables == {"P", "U"}
    assert logged_in_before(logins, pull) is expected


def test_a_line_of_powershell_is_not_rewritten() -> None:
    login = the_fact(Login, "docker login -u a -p b", Dialect.POWERSHELL)
    assert login.password is not None
    assert login.password.obstacle


def test_nothing_is_read_from_other_programs() -> None:
    assert facts_in("docker pull a", Dialect.OTHER) == []
