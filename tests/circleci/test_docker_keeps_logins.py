"""Docker's own client finds the logins that the model says it finds.

The client talks to a stand-in of the daemon, which records with which credentials it is asked to
pull. Skipped where no client is installed; with ``sudo`` it logs in as root, so that is only tried
on a machine of a CI, where sudo asks for no password.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import indent
from threading import Thread

import pytest

from cci_migrate.circleci.job_docker import job_docker
from tests.circleci.configs import config_of, declared_job

DOCKER = shutil.which("docker")
pytestmark = pytest.mark.skipif(DOCKER is None, reason="no docker client is installed")


class Daemon(ThreadingHTTPServer):
    """The parts of the daemon's API that logins and pulls need."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pulls_with_credentials: list[bool] = []


class _Handler(BaseHTTPRequestHandler):
    server: Daemon

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/images/create" in self.path:
            encoded = self.headers.get("X-Registry-Auth") or "e30="
            account = json.loads(base64.urlsafe_b64decode(encoded + "=="))
            self.server.pulls_with_credentials.append(bool(account.get("username")))
            self._answer(b"")
        else:
            self._answer(b'{"Status": "Login Succeeded"}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Api-Version", "1.45")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    server = Daemon()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


LOGIN = "echo pass | docker login -u me --password-stdin"
ELSEWHERE = LOGIN.replace("docker", "docker --config ./other")
AUTHS = '{"auths": {"%s": {"auth": "bWU6cGFzcw=="}}}'

SCRIPTS = [
    f"{LOGIN}\ndocker pull redis:7",
    f"{LOGIN} docker.io\ndocker pull docker.io/acme/app:1",
    f"{LOGIN} https://index.docker.io/v1/\ndocker pull index.docker.io/acme/app:1",
    f"{LOGIN} index.docker.io\ndocker pull redis:7",
    f"{LOGIN} registry-1.docker.io\ndocker pull redis:7",
    f"{LOGIN} registry.hub.docker.com\ndocker pull redis:7",
    f"{LOGIN} docker.io/acme\ndocker pull acme/app:1",
    f"{LOGIN}\ndocker pull registry-1.docker.io/acme/app:1",
    f"{LOGIN} registry-1.docker.io\ndocker pull registry-1.docker.io/acme/app:1",
    f"{LOGIN} https://quay.io/v1/\ndocker pull quay.io/acme/app:1",
    f"{LOGIN}\ndocker logout\ndocker pull redis:7",
    f"{LOGIN}\ndocker logout quay.io\ndocker pull redis:7",
    f"{LOGIN}\nrm -rf ~/.docker\ndocker pull redis:7",
    f"{ELSEWHERE}\ndocker pull redis:7",
    f"{ELSEWHERE}\nDOCKER_CONFIG=other docker pull redis:7",
    f"export DOCKER_CONFIG=other\n{LOGIN}\nunset DOCKER_CONFIG\ndocker pull redis:7",
    f"{LOGIN}\nHOME=./elsewhere docker pull redis:7",
    f"mkdir ~/.docker\necho '{AUTHS % 'https://index.docker.io/v1/'}' > ~/.docker/config.json\n"
    "docker pull redis:7",
    f"mkdir ~/.docker\necho '{AUTHS % 'docker.io'}' > ~/.docker/config.json\ndocker pull redis:7",
    f"mkdir ~/.docker\necho '{AUTHS % 'https://quay.io/v2/'}' > ~/.docker/config.json\n"
    "docker pull quay.io/acme/app:1",
    f"{LOGIN}\necho '{{}}' > ~/.docker/config.json\ndocker pull redis:7",
]


SUDO_LOGIN = LOGIN.replace("docker", "sudo docker")
OWN_FILE_LOGIN = LOGIN.replace("docker", "sudo -E docker")
CONFIGURED = f"export DOCKER_CONFIG=$PWD/other\n{LOGIN}\n"
SUDO_SCRIPTS = [
    f"{SUDO_LOGIN}\ndocker pull redis:7",
    f"{LOGIN}\nsudo docker pull redis:7",
    f"{SUDO_LOGIN}\nsudo docker pull redis:7",
    f"{SUDO_LOGIN.replace('sudo', 'sudo -H -u root')}\nsudo docker pull redis:7",
    f"{LOGIN}\nsudo -E docker pull redis:7",
    f"{LOGIN}\nsudo -EH docker pull redis:7",
    f"{LOGIN}\nsudo --preserve-env=HOME docker pull redis:7",
    f"{LOGIN}\nsudo HOME=$HOME docker pull redis:7",
    f"{LOGIN}\nsudo docker --config ~/.docker pull redis:7",
    f"{CONFIGURED}sudo docker pull redis:7",
    f"{CONFIGURED}sudo -E docker pull redis:7",
    f"{CONFIGURED}sudo --preserve-env=DOCKER_CONFIG docker pull redis:7",
    f"{SUDO_LOGIN}\nsudo bash -c 'docker pull redis:7'",
    f"{OWN_FILE_LOGIN}\ndocker pull redis:7",
    f"{OWN_FILE_LOGIN}\nsudo -E docker pull redis:7",
    f"{LOGIN} quay.io\n{OWN_FILE_LOGIN}\ndocker pull redis:7",
    f"{OWN_FILE_LOGIN}\nsudo chown -R $(id -un) ~/.docker\ndocker pull redis:7",
    f"{SUDO_LOGIN}\nsudo -i docker pull redis:7",
    f"{SUDO_LOGIN}\nsudo su -c 'docker pull redis:7'",
    f"{SUDO_LOGIN}\nsudo rm -rf /root/.docker\nsudo docker pull redis:7",
    f"{SUDO_LOGIN}\nrm -rf ~/.docker\nsudo docker pull redis:7",
]


def has_sudo() -> bool:
    """Whether sudo works here, for another user than root, on a machine that is thrown away."""
    sudo = shutil.which("sudo")
    if sudo is None or not os.environ.get("CI") or os.geteuid() == 0:
        return False
    return subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_docker_agrees(script: str, daemon: Daemon, tmp_path: Path) -> None:
    assert _is_served(script) == _has_credentials(script, daemon, tmp_path)


@pytest.mark.skipif(not has_sudo(), reason="no CI in which sudo asks for no password")
@pytest.mark.parametrize("script", SUDO_SCRIPTS)
def test_docker_agrees_about_sudo(script: str, daemon: Daemon, tmp_path: Path) -> None:
    subprocess.run(["sudo", "rm", "-rf", "/root/.docker"], check=True)
    # sudo drops the address of the daemon.
    address = f"env DOCKER_HOST=tcp://127.0.0.1:{daemon.server_port} docker"
    run = re.sub(r"\bdocker (?=login|pull|--config)", f"{address} ", script)
    assert _is_served(script) == _has_credentials(run, daemon, tmp_path)
    subprocess.run(["sudo", "rm", "-rf", "/root/.docker"], check=True)


def _has_credentials(script: str, daemon: Daemon, home: Path) -> bool:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DOCKER_HOST": f"tcp://127.0.0.1:{daemon.server_port}",
    }
    daemon.pulls_with_credentials.clear()
    subprocess.run(
        ["sh", "-ec", script],
        env=environment,
        cwd=home,
        check=True,
        capture_output=True,
        timeout=20,
    )
    (has_credentials,) = daemon.pulls_with_credentials
    return has_credentials


def _is_served(script: str) -> bool:
    """What the model says of ``script``, the one step of a job on a machine."""
    step = "version: 2.1\njobs:\n  j:\n    machine: true\n    steps:\n      - run: |\n"
    config = config_of(step + indent(script, " " * 10))
    docker = job_docker(declared_job(config, "j"), None, None)
    assert docker is not None
    (pull,) = docker.pulls
    (host,) = pull.hosts
    return docker.login_before(pull, host) is not None
