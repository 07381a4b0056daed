"""What programs besides Docker do at registries, and with which credentials."""

from __future__ import annotations

import pytest

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import ClientAccess, Login
from cci_migrate.docker.shell.script_reading import facts_of
from tests.docker.shell_descriptions import facts_in, the_fact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crane auth login index.docker.io -u $U -p $P", ["login docker.io $U:$P"]),
        ("gcrane auth login ghcr.io --username=$U --password=$P", ["login ghcr.io $U:$P"]),
        ("helm registry login registry-1.docker.io -u $U -p $P", ["login docker.io $U:$P"]),
        ("helm --debug registry login ghcr.io/acme -u a -p $P", ["login ghcr.io a:$P"]),
        ("oras login docker.io -u $U -p $P", ["login docker.io $U:$P"]),
        ("regctl registry login quay.io --user $U --pass $P", ["login quay.io $U:$P"]),
        ("cosign login quay.io -u $U -p $P", ["login quay.io $U:$P"]),
        ("ko login ghcr.io -u $U -p $P", ["login ghcr.io $U:$P"]),
        ("crane auth login $HOST -u $U -p $P", ["login ? $U:$P"]),
        # Credentials for one command.
        ("skopeo copy --src-creds $U:$P docker://alpine dir:x", ["pull docker.io $U:$P"]),
        ("skopeo --policy x copy --all --src-creds=$U:$P --dest-creds '$X:$Y' "
         "docker://ghcr.io/a/b docker://a/b", ["pull ghcr.io $U:$P", "push docker.io $X:$Y"]),
        ("skopeo copy --dest-username me --dest-password $P oci:x docker://quay.io/a/b",
         ["push quay.io me:$P"]),
        ("skopeo inspect --creds ${U}:${P} docker://a/b", ["pull docker.io ${U}:${P}"]),
        ("skopeo inspect --creds ${U:-x}:${P} docker://a/b", ["pull docker.io ${U:-x}:${P}"]),
        ("skopeo inspect --creds << parameters.u >>:$P docker://a/b",
         ["pull docker.io << parameters.u >>:$P"]),
        ("skopeo list-tags --creds $PAIR docker://a/b", ["pull docker.io"]),
        ("podman pull --creds $U:$P redis:7", ["pull docker.io $U:$P"]),
        ("podman run --creds=$U:$P ghcr.io/a/b", ["pull ghcr.io $U:$P"]),
        ("buildah from --creds $U:$P alpine", ["pull docker.io $U:$P"]),
        # Without any, for what a login before them is for.
        ("crane copy a/b ghcr.io/a/b", ["pull docker.io", "push ghcr.io"]),
        ("crane push x.tar a/b", ["push docker.io"]),
        ("oras push ghcr.io/a/b:1 file", ["push ghcr.io"]),
        ("helm push x.tgz oci://ghcr.io/a", ["push ghcr.io"]),
        ("helm pull oci://$HOST/a", ["pull ?"]),
    ],
)  # fmt: skip
def test_what_clients_do(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected
    assert mentions_docker(text)


@pytest.mark.parametrize(
    "text",
    [
        "helm pull bitnami/redis",
        "helm upgrade --install app ./chart",
        "crane auth get ghcr.io",
        "crane auth login -u $U -p $P",
        "skopeo login -u $U -p $P",
        "oras login --help",
        "helm repo add x https://x --username $U --password $P",
        "skopeo copy oci:x docker-daemon:y",
        "cosign sign a/b",
    ],
)
def test_what_is_nothing_of_the_kind(text: str) -> None:
    assert facts_in(text) == []


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("echo $P | crane auth login ghcr.io -u $U --password-stdin", "$P"),
        ("printenv P | helm registry login ghcr.io -u $U --password-stdin", "$P"),
        ("base64 -d <<< $P | oras login ghcr.io -u $U --password-stdin", None),
        ("echo $P | regctl registry login ghcr.io -u $U --pass-stdin", "$P"),
    ],
)
def test_a_password_on_standard_input(text: str, password: str | None) -> None:
    access = the_fact(ClientAccess, text)
    assert access.reads_stdin
    assert access.stdin_password == password


def test_the_variables_of_one_command_are_those_of_its_own_credentials() -> None:
    text = "skopeo copy --src-creds $U:$P --dest-creds $X:$Y docker://a/b docker://ghcr.io/a/b"
    pull, push = facts_of(text).facts
    assert isinstance(pull, ClientAccess)
    assert isinstance(push, ClientAccess)
    assert pull.variables == {"U", "P"}
    assert push.variables == {"X", "Y"}


def test_skopeo_logs_in_where_podman_looks() -> None:
    login = the_fact(Login, "skopeo --debug login -u $U -p $P docker.io")
    assert login.tool is Tool.PODMAN
    assert login.password is not None
    assert login.password.value.value == "$P"


def test_clients_on_windows() -> None:
    text = "oras.exe login ghcr.io -u $env:U -p $env:P"
    access = the_fact(ClientAccess, text, Dialect.POWERSHELL)
    assert access.password is not None
    assert access.password.value == "$P"


def test_no_repr_shows_a_password() -> None:
    for text in (
        "skopeo inspect --creds a:hunter2 docker://a/b",
        "oras login x.io -u a -p hunter2",
    ):
        assert "hunter2" not in repr(facts_of(text).facts)
