"""Logging in to registries: real ones and stand-ins, and where the password never goes."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pexpect
import pytest

from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.preflight.docker_credentials import DockerCredential
from cci_migrate.preflight.registry_login import (
    AnonymousRegistry,
    CredentialRejected,
    Inconclusive,
    LoggedIn,
    LoginOutcome,
    log_in,
    why_unsafe,
)
from cci_migrate.transport import http
from cci_migrate.transport.known_secrets import Secret
from tests.cli.conftest import put
from tests.preflight.conftest import Program, settings
from tests.preflight.registry_stand_in import (
    PASSWORD,
    USER,
    Registry,
    StandIn,
    program,
    running_with_passwords,
    running_with_tokens,
    standing_in,
)

HERE = "registry.acme.example"


@pytest.fixture(scope="module", params=["passwords", "tokens", "real, passwords", "real, tokens"])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """A registry that USER may log in to."""
    kind = str(request.param)
    if kind.startswith("real") and program() is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    if kind == "real, tokens" and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which signs the tokens")
    folder = tmp_path_factory.mktemp("registry")
    with ExitStack() as stack:
        if kind == "real, passwords":
            yield stack.enter_context(running_with_passwords(folder))
        elif kind == "real, tokens":
            yield stack.enter_context(running_with_tokens(folder))
        else:
            yield stack.enter_context(standing_in(with_tokens=kind == "tokens"))


@pytest.fixture
def hub() -> Iterator[StandIn]:
    """A stand-in of Docker Hub."""
    with standing_in(with_tokens=True) as stand_in:
        yield stand_in


def try_login(
    root: str, host: str = HERE, password: str = PASSWORD, trusted: tuple[str, ...] = ()
) -> LoginOutcome:
    return log_in(host, root, DockerCredential(USER, Secret(password), "a test"), trusted)


def why_inconclusive(root: str) -> str:
    outcome = try_login(root)
    assert isinstance(outcome, Inconclusive)
    return outcome.why


def test_the_right_password_is_let_in(registry: Registry) -> None:
    assert try_login(registry.url) == LoggedIn()


def test_a_wrong_password_is_turned_away(registry: Registry) -> None:
    assert try_login(registry.url, password="wrong-horse-2") == CredentialRejected()


def test_a_registry_that_lets_everybody_in_tells_nothing(hub: StandIn) -> None:
    hub.is_open = True
    assert try_login(hub.url) == AnonymousRegistry()
    assert hub.authorizations() == set()


def test_nobody_answers() -> None:
    with standing_in() as gone:
        url = gone.url
    assert "no answer" in why_inconclusive(url)


@pytest.mark.parametrize(
    ("realm", "host", "root", "reason"),
    [
        ("https://auth.docker.io/token", DOCKER_HUB, "https://registry-1.docker.io", ""),
        ("https://gitlab.com/jwt/auth", "registry.gitlab.com", "https://registry.gitlab.com", ""),
        ("https://ghcr.io/token", "ghcr.io", "https://ghcr.io", ""),
        ("https://named.example/token", HERE, f"https://{HERE}", ""),
        ("http://127.0.0.1:5001/token", HERE, "http://localhost:5000", ""),
        ("http://ghcr.io/token", "ghcr.io", "https://ghcr.io", "not https"),
        ("http://127.0.0.1:5001/token", "ghcr.io", "https://ghcr.io", "not https"),
        ("ftp://127.0.0.1/token", HERE, "http://localhost:5000", "not https"),
        ("https://evil.example/token", "ghcr.io", "https://ghcr.io", "--token-host evil.example"),
        ("https://auth.docker.io/token", "ghcr.io", "https://ghcr.io", "another host"),
        ("https://ghcr.io.evil.example/", "ghcr.io", "https://ghcr.io", "another host"),
        ("https://me@ghcr.io/token", "ghcr.io", "https://ghcr.io", "is invalid"),
        ("", "ghcr.io", "https://ghcr.io", "is invalid"),
    ],
)
def test_which_token_services_may_have_the_password(
    realm: str, host: str, root: str, reason: str
) -> None:
    found = why_unsafe(realm, host, root, {"named.example"})
    assert (reason in found) if reason else found == ""


@pytest.mark.parametrize("realm", ["https://evil.example/token", "http://evil.example/token"])
def test_an_unsafe_token_service_is_never_asked(hub: StandIn, realm: str) -> None:
    hub.realm = realm
    assert "token service" in why_inconclusive(hub.url)
    assert [found for _, found in hub.seen] == [""]


def test_a_registry_over_http_elsewhere_gets_no_password() -> None:
    assert "not https" in why_inconclusive("http://registry.acme.example")


@pytest.mark.parametrize("path", ["/v2/", "/token"])
def test_redirects_do_not_carry_the_password_on(hub: StandIn, path: str) -> None:
    with standing_in() as other:
        hub.redirects[path] = f"{other.url}{path}"
        assert "redirects to another host" in why_inconclusive(hub.url)
        assert other.seen == []


def test_an_answer_of_any_size_is_not_read_to_its_end(
    hub: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 10)
    assert "returned more than" in why_inconclusive(hub.url)


def at_hub(hub: StandIn) -> tuple[str, ...]:
    return ("doctor", "--only", "registries", "--registry", f"docker.io={hub.url}")


OURS = {"DOCKERHUB_USERNAME": USER, "DOCKERHUB_PASSWORD": PASSWORD}


def test_the_limit_of_docker_hub_is_told(hub: StandIn, process: Program) -> None:
    hub.limit = ("200;w=21600", "17;w=21600")
    done = process(*at_hub(hub), **OURS)
    assert done.code == 0
    assert "accepts the user of DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD" in done.out
    assert "allows this account 200 pulls in 6 hours (17 left)" in done.out


@pytest.mark.parametrize(
    ("limit", "status", "code", "text"),
    [
        (None, 200, 0, "states no pull limit"),
        (("100;w=21600", "9;w=21600"), 200, 0, "no more than without an account"),
        (("200;w=21600", "0;w=21600"), 200, 1, "(0 left)"),
        (None, 429, 1, "its pull limit is reached"),
    ],
)
def test_other_limits(
    hub: StandIn,
    run: Program,
    limit: tuple[str, str] | None,
    status: int,
    code: int,
    text: str,
) -> None:
    hub.limit, hub.limit_status = limit, status
    done = run(*at_hub(hub), **OURS)
    assert (done.code, text in done.out) == (code, True), done.out


def test_a_wrong_password_is_told_without_showing_it(hub: StandIn, run: Program) -> None:
    done = run(*at_hub(hub), "--format", "json", **{**OURS, "DOCKERHUB_PASSWORD": "wrong-1-horse"})
    assert done.code == 1
    (answer,) = json.loads(done.out)["answers"]
    assert answer["status"] == "problem"
    assert "rejects" in answer["text"]
    step = "cci-migrate context create docker-hub-creds --overwrite --org gh/acme --api-url "
    assert answer["next"].startswith(step)
    assert answer["next"].endswith(" --variable DOCKERHUB_USERNAME --variable DOCKERHUB_PASSWORD")


def test_a_token_service_in_trouble_is_not_a_wrong_password(hub: StandIn, run: Program) -> None:
    hub.token_status = 503
    done = run(*at_hub(hub), **OURS)
    assert done.code == 3
    assert "unexpected answer (HTTP 503)" in done.out


def docker_config(home: Path, content: object) -> None:
    put(home / ".docker" / "config.json", json.dumps(content))


HUB_KEY = "https://index.docker.io/v1/"


def test_what_docker_login_left_is_used(hub: StandIn, run: Program, tmp_path: Path) -> None:
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    docker_config(tmp_path, {"auths": {HUB_KEY: {"auth": encoded}}})
    done = run(*at_hub(hub))
    assert done.code == 0
    assert "accepts the user of" in done.out
    assert encoded not in done.out + done.err


def test_a_credential_helper_is_asked_as_docker_asks_it(
    hub: StandIn, process: Program, tmp_path: Path
) -> None:
    helper = put(
        tmp_path / "bin" / "docker-credential-vault",
        f'#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = {HUB_KEY} ] || exit 1\n'
        f'echo \'{{"ServerURL": "", "Username": "{USER}", "Secret": "{PASSWORD}"}}\'\n',
    )
    helper.chmod(0o755)
    docker_config(tmp_path, {"auths": {HUB_KEY: {}}, "credsStore": "vault"})
    done = process(*at_hub(hub), PATH=f"{helper.parent}:/usr/bin:/bin")
    assert done.code == 0, done.out
    assert "accepts the user of docker-credential-vault" in done.out


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "set DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD, or run `docker login`"),
        ({"auths": {HUB_KEY: {"auth": "%%%"}}}, "is not base64"),
        ({"credsStore": "nowhere"}, "docker-credential-nowhere is not installed"),
        ({"credsStore": "../../evil"}, "is not installed"),
        ({"auths": {HUB_KEY: {"identitytoken": "x-y-z-token"}}}, "identity token"),
        ([], "can't be read"),
    ],
)
def test_no_credential_is_at_hand(
    hub: StandIn, run: Program, tmp_path: Path, content: object, text: str
) -> None:
    docker_config(tmp_path, content)
    done = run(*at_hub(hub))
    assert (done.code, text in done.out) == (0, True), done.out
    assert hub.seen == []


def rename_variables(repository: Path, variable: str = "HUB_PASSWORD") -> None:
    """Have the config read other variables for Docker Hub."""
    config = repository / ".circleci" / "config.yml"
    text = config.read_text().replace("DOCKERHUB_PASSWORD", variable)
    config.write_text(text.replace("DOCKERHUB_", "HUB_"))


@pytest.mark.parametrize("names", ["HUB_USERNAME,HUB_PASSWORD", "$HUB_USERNAME,${HUB_PASSWORD}"])
def test_variables_that_an_option_names_are_sent(
    hub: StandIn, run: Program, repository: Path, names: str
) -> None:
    rename_variables(repository)
    arguments = (*at_hub(hub), "--send", f"docker.io={names}")
    done = run(*arguments, HUB_USERNAME=USER, HUB_PASSWORD=PASSWORD)
    assert "accepts the user of HUB_USERNAME and HUB_PASSWORD" in done.out


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--send", "docker.io=HUB_USERNAME"),
        ("--send", "quay.io=HUB_USERNAME,HUB_PASSWORD"),
    ],
)
def test_variables_that_only_the_config_names_are_not_sent(
    hub: StandIn, run: Program, repository: Path, options: tuple[str, ...]
) -> None:
    rename_variables(repository)
    done = run(*at_hub(hub), *options, HUB_USERNAME=USER, HUB_PASSWORD=PASSWORD)
    assert hub.seen == []
    assert done.code == 0
    assert "HUB_USERNAME and HUB_PASSWORD were not sent" in done.out
    # The next step is the same run with what it takes.
    (step,) = re.findall("next: cci-migrate (doctor .*)", done.out)
    sent = run(*shlex.split(step), HUB_USERNAME=USER, HUB_PASSWORD=PASSWORD)
    assert "accepts the user of HUB_USERNAME and HUB_PASSWORD" in sent.out


POLICY = """\
[registries."docker.io"]
username = "$HUB_USERNAME"
password = "$HUB_PASSWORD"
"""


def test_a_policy_is_the_users_own_only_where_an_option_names_it(
    hub: StandIn, run: Program, repository: Path
) -> None:
    rename_variables(repository)
    file = put(repository / ".cci-migrate.toml", POLICY)
    values = {"HUB_USERNAME": USER, "HUB_PASSWORD": PASSWORD}
    assert "were not sent" in run(*at_hub(hub), **values).out
    assert hub.seen == []
    done = run(*at_hub(hub), "--config", file, **values)
    assert "accepts the user of HUB_USERNAME and HUB_PASSWORD" in done.out


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "CIRCLE_TOKEN", "CI_JOB_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "ACME_GH_PAT"],
)
def test_tokens_of_other_services_are_never_sent(
    hub: StandIn, run: Program, repository: Path, name: str
) -> None:
    rename_variables(repository, name)
    arguments = (*at_hub(hub), "--send", f"docker.io=HUB_USERNAME,{name}")
    done = run(*arguments, HUB_USERNAME=USER, **{name: PASSWORD})
    assert hub.seen == []
    assert f"{name} was not sent: it looks like" in done.out
    assert PASSWORD not in done.out + done.err


LOGIN_STEP = """\
version: 2.1
jobs:
  build:
    machine: true
    steps:
      - run: echo "$TOOL_PASSWORD" | docker login -u ada --password-stdin registry.acme.example
      - run: docker pull registry.acme.example/tool
"""


def test_a_login_in_a_step_chooses_no_registry(
    hub: StandIn, run: Program, repository: Path
) -> None:
    put(repository / ".circleci" / "config.yml", LOGIN_STEP)
    at = ("doctor", "--only", "registries", "--registry", f"{HERE}={hub.url}")
    assert "TOOL_PASSWORD was not sent" in run(*at, TOOL_PASSWORD=PASSWORD).out
    assert hub.seen == []
    assert (
        "accepts the user of"
        in run(*at, "--send", f"{HERE}=TOOL_PASSWORD", TOOL_PASSWORD=PASSWORD).out
    )


@pytest.mark.parametrize(("answer", "is_sent"), [("y", True), ("", False), ("n", False)])
def test_the_user_is_asked_where_there_is_a_terminal(
    hub: StandIn, repository: Path, tmp_path: Path, answer: str, is_sent: bool
) -> None:
    rename_variables(repository)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "cci_migrate", *at_hub(hub)],
        cwd=str(repository),
        env=settings(tmp_path, None, HUB_USERNAME=USER, HUB_PASSWORD=PASSWORD),
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact("Send $HUB_USERNAME and $HUB_PASSWORD to docker.io? [y/N]")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert bool(hub.seen) is is_sent
    text = re.sub(r"\s+", " ", str(child.before))
    assert ("accepts the user of" if is_sent else "HUB_PASSWORD were not sent") in text


def test_a_password_that_is_no_latin_text(hub: StandIn) -> None:
    assert try_login(hub.url, password="пароль-1") == CredentialRejected()
    encoded = base64.b64encode(f"{USER}:пароль-1".encode()).decode()
    assert hub.seen[-1][1] == f"Basic {encoded}"
