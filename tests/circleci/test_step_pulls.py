"""What steps pull, and which logins stand before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent, indent

import pytest

from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.job_docker import job_docker
from cci_migrate.circleci.step_pulls import JobDocker
from tests.circleci.configs import config_of, declared_job

HEAD = """\
version: 2.1
parameters: {x: {type: boolean, default: true}}
orbs:
  docker: circleci/docker@4.0.1
  old: circleci/docker@2.8.2
  unknown: circleci/docker@dev:x
  aws-ecr: circleci/aws-ecr@8.2
  gcp: circleci/gcp-gcr@0.15
  odd: acme/odd@1.0
commands:
  login:
    parameters: {to: {type: string, default: docker.io}}
    steps: [{docker/check: {registry: << parameters.to >>}}]
jobs:
  j:
    parameters:
      image: {type: enum, default: redis, enum: [redis, quay.io/acme/x]}
      any: {type: string}
      folder: {type: enum, default: sub, enum: [sub, none]}
      registry: {type: string, default: docker.io}
      task: {type: enum, default: make image, enum: [make image, "make db"]}
      script: {type: enum, default: ci/go.sh, enum: [ci/go.sh, ci/here.sh]}
"""


def docker_of(
    steps: str,
    files: Mapping[str, str] | None = None,
    on: str = "machine: true",
    *,
    logins_count: bool = False,
) -> JobDocker | None:
    text = HEAD + indent(f"{on}\nsteps:\n{indent(dedent(steps), '  ')}", "    ")
    config = config_of(text)
    read = None if files is None else files.get
    return job_docker(declared_job(config, "j"), None, read, logins_count=logins_count)


def docker(
    steps: str, files: Mapping[str, str] | None = None, on: str = "machine: true"
) -> JobDocker:
    found = docker_of(steps, files, on)
    assert found is not None
    return found


def seen(found: JobDocker) -> list[tuple[str, ...]]:
    """Each pull: the images whose registry is known, else why none is."""
    return [pull.texts if pull.undecided is None else (pull.undecided,) for pull in found.pulls]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            "{dockerfile_inline: 'FROM alpine:3'}",
            ("docker compose up", ("alpine:3",), None, ()),
        ),
        (
            "{context: sub, additional_contexts: {base: 'docker-image://quay.io/acme/x'}}",
            ("docker compose up (sub/Dockerfile)", ("quay.io/acme/x",), None,
             (("quay.io/acme/x", "sub/Dockerfile:2"),)),
        ),
        (
            "{context: 'https://example.com/acme/x.git'}",
            ("docker compose up", (), "which Dockerfile it builds can't be determined", ()),
        ),
    ],
)  # fmt: skip
def test_a_build_of_a_compose_file_pulls_what_its_own_dockerfile_and_contexts_name(
    build: str, expected: tuple[object, ...]
) -> None:
    files = {
        "docker-compose.yml": f"services: {{web: {{build: {build}}}}}\n",
        "Dockerfile": "FROM redis\n",
        "sub/Dockerfile": "# syntax\nFROM base\n",
    }
    (pull,) = docker("- checkout\n- run: docker compose up", files).pulls
    assert (pull.command, pull.texts, pull.undecided, pull.places) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- run: docker pull redis:7", [("redis:7",)]),
        ("- run: {command: docker run redis}", [("redis",)]),
        ("- deploy: docker run redis", [("redis",)]),
        ("- run: docker pull << parameters.image >>", [("redis", "quay.io/acme/x")]),
        ("- docker/pull: {images: 'redis:7, alpine'}", [("redis:7", "alpine")]),
        ("- docker/pull: {images: << parameters.image >>}", [("redis", "quay.io/acme/x")]),
        ("- docker/pull", []),
        ("- docker/push: {image: acme/x}", []),
        ("- run: echo docker pull redis", []),
        ("- run: {shell: python, command: docker pull redis}", []),
        ("- run: {shell: pwsh, command: docker pull redis}", [("redis",)]),
        ("- run: docker run local/image", []),
        ("- run: echo FROM redis:7 | docker build -t acme/x -\n- run: docker run acme/x",
         [("redis:7",)]),
        ("- run: {command: docker pull $I, environment: {I: 'redis:7'}}", [("redis:7",)]),
        ("- when: {condition: false, steps: [{run: docker pull redis}]}", []),
    ],
)  # fmt: skip
def test_pulls(steps: str, expected: list[tuple[str, ...]]) -> None:
    assert seen(docker(steps)) == expected


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("- run: docker pull $IMAGE", "depends on an unknown value"),
        ("- run: docker pull << parameters.any >>", "depends on an unknown value"),
        ("- run: docker build .", "no Dockerfile found"),
        ("- run: docker build -f $FILE .", "which Dockerfile"),
        ("- run: docker compose up", "no Compose file"),
        ("- run: docker-compose -f x.yml up", "x.yml"),
        ("- run: docker buildx bake", "bake"),
        ("- run: xargs docker pull", "does not name the image"),
        ("- docker/build: {image: x}", "no Dockerfile found"),
        ("- docker/build: {image: x, path: sub, dockerfile: D}", "no sub/D found"),
        ("- docker/build: {image: x, dockerfile: $D}", "which Dockerfile"),
        ("- aws-ecr/build-and-push-image: {path: app}", "no app/Dockerfile found"),
        ("- gcp/build-image", "no Dockerfile found"),
        ("- run: docker load -i x.tar\n- run: docker run redis", "docker load"),
    ],
)
def test_what_cannot_be_told_is_said(steps: str, words: str) -> None:
    (pull,) = docker(steps).pulls
    assert pull.hosts == frozenset()
    assert pull.undecided is not None
    assert words in pull.undecided


FILES = {
    "Dockerfile": "FROM redis:7 AS one\nFROM quay.io/acme/x\n",
    "sub/Dockerfile": "ARG V=3\nFROM alpine:$V\n",
    "docker-compose.yml": "services: {db: {image: 'postgres:16'}, web: {build: sub}}\n",
    "ci/all.sh": "#!/bin/bash\n. ci/pull.sh\n",
    "ci/pull.sh": "docker pull redis:7\n",
    "ci/loop.sh": "ci/loop.sh; docker pull redis:7\n",
    "ci/login.sh": 'echo "$P" | docker login -u "$U" --password-stdin\n',
    "ci/perhaps.sh": 'if [ -f x ]; then echo "$P" | docker login -u u --password-stdin; fi\n',
}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- run: docker build .", [("quay.io/acme/x",)]),
        ("- run: docker build --target one .", [("redis:7",)]),
        ("- run: docker build sub", [("alpine:3",)]),
        ("- run: cd sub && docker build .", [("alpine:3",)]),
        ("- run: {command: docker build ., working_directory: sub}", [("alpine:3",)]),
        ("- run: {command: docker build ., working_directory: ~/project/sub}", [("alpine:3",)]),
        ("- run: docker build --build-arg V=edge sub", [("alpine:edge",)]),
        ("- docker/build: {image: x, path: sub}", [("alpine:3",)]),
        ("- run: docker compose up -d db", [("postgres:16",)]),
        ("- run: docker compose build", [("alpine:3",)]),
        ("- run: docker compose up", [("postgres:16",), ("alpine:3",)]),
        ("- run: bash ci/all.sh", [("redis:7",)]),
        ("- run: ./ci/pull.sh", [("redis:7",)]),
        ("- run: ash ci/pull.sh", [("redis:7",)]),
        ("- run: |\n    'ci/pull.sh'", [("redis:7",)]),
        ("- run: echo `ci/pull.sh`", [("redis:7",)]),
        ('- run: D=ci; "$D/pull.sh"', [("redis:7",)]),
        ("- run: su -c 'ci/pull.sh' me", [("redis:7",)]),
        ("- run: curl -sSL https://example.com/setup | sh", [("the script is downloaded",)]),
        ("- run: ./ci/none.sh", [("no ci/none.sh found",)]),
        ("- run: . ci/none.sh", []),
        ("- run: ci/loop.sh", [("redis:7",)]),
    ],
)
def test_files_of_the_repository(steps: str, expected: list[tuple[str, ...]]) -> None:
    assert seen(docker(steps, FILES)) == expected


TASKS = {
    "Makefile": (
        "image: Dockerfile\n\tdocker build -t acme/app .\n"
        "login:\n\t@echo $$P | docker login -u $$U --password-stdin\n"
        "db: login ; docker run -d redis:7\n"
        "again: ; $(MAKE) again\n"
        "deep: ; npm run up\n"
        "sub-%: ; $(MAKE) -C $* x\n"
    ),
    "justfile": "image:\n  docker build -t acme/app .\ndeep: image\n  task up\n",
    "a/Taskfile.yml": "tasks: {up: docker run busybox}",
    "Taskfile.yml": "includes: {a: ./a}\ntasks: {up: [docker run acme/app, {task: a:up}]}",
    "a/Makefile": "x: ; docker pull alpine:3\n",
    "Dockerfile": "FROM node:22\n",
    "package.json": '{"scripts": {"up": "make image && docker run acme/app"}}',
    "a/Dockerfile": "FROM node:20\n",
    "ci/here.sh": "docker build .\n",
    "ci/own.sh": (
        'DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null 2>&1 && pwd)\n'
        'ROOT="$(cd -P "$(dirname "$0")/.." && pwd)"\n'
        '. "$DIR/more.sh"\ndocker build $ROOT/a\nstart redis:6\n'
        'cd "$(dirname "$0")/.."\n./ci/here.sh\n'
    ),
    "ci/more.sh": 'source "${BASH_SOURCE%/*}/lib.sh"\ndocker pull alpine:3\n',
    "ci/lib.sh": "start() {\n  docker run -d $1\n}\nother() {\n  docker pull busybox\n}\n",
    "ci/go.sh": "set -e\nsource ci/lib.sh\nstart redis:6\n",
}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- run: make image\n- run: docker run acme/app", [("node:22",)]),
        ("- run: make -s db", [("redis:7",)]),
        ("- run: make again", []),
        ("- run: make deep", [("node:22",)]),
        ("- run: make sub-a", [("alpine:3",)]),
        ("- run: {command: make x, working_directory: a}", [("alpine:3",)]),
        ("- run: cd a && make x", [("alpine:3",)]),
        ("- run: . ci/lib.sh; start redis:7", [("redis:7",)]),
        ("- run: ci/go.sh", [("redis:6",)]),
        ("- run: just deep", [("node:22",), ("busybox",)]),
        ("- run: {command: task up, working_directory: a}", [("busybox",)]),
        ("- run: just none", [("its justfile has no recipe none",)]),
        ("- run: task none", [("its Taskfile has no task none",)]),
        ("- run: make none", [("its Makefile has no target none",)]),
        ("- run: cd a && ../ci/here.sh", [("node:20",)]),
        ("- run: (cd a; bash ../ci/here.sh); docker build .", [("node:20",), ("node:22",)]),
        ("- run: ci/own.sh", [("alpine:3",), ("node:20",), ("redis:6",), ("node:22",)]),
        ("- run: cd a; ../ci/own.sh", [("alpine:3",), ("node:20",), ("redis:6",), ("node:22",)]),
        ('- run: cd "$(git rev-parse --show-toplevel)/a" && docker build "$PWD"', [("node:20",)]),
        ("- run: docker build -f $(pwd)/a/Dockerfile .; cd a; $PWD/../ci/here.sh",
         [("node:20",), ("node:20",)]),
        ("- run: << parameters.task >>", [("node:22",), ("redis:7",)]),
        ("- run: echo; << parameters.task >>", [("node:22",), ("redis:7",)]),
        ("- run: bash << parameters.script >> x", [("redis:6",), ("node:22",)]),
        ("- run: << parameters.any >>", [("the parameter has no known value",)]),
        ("- run: bash << parameters.any >>", [("which script it is can't be determined",)]),
        ("- run: ${SUDO:-} docker pull a; ${DOCKER:-docker} pull b; $DOCKER_COMPOSE -f x.yml up",
         [("a",), ("b",), ("x.yml: file not found",)]),
        ("- run: curl -s https://ci.example.com/up | bash", [("the script is downloaded",)]),
        ("- run: wget -qO- https://ci.example.com/up | sudo -E /bin/bash -",
         [("the script is downloaded",)]),
        ("- run: eval \"$(curl -s https://ci.example.com/up)\"", [("the script is downloaded",)]),
        ("- run: curl https://ci.example.com/up > up.sh\n- run: bash up.sh",
         [("it is downloaded",)]),
        ("- run: curl -Os https://uploader.codecov.io/latest/linux/codecov\n- run: ./codecov", []),
        ("- run: curl https://sh.rustup.rs -sSf | sh; bash <(curl -s https://codecov.io/bash)", []),
        ("- run: python setup.py test; python /opt/x.py; ./gotestsum ./...", []),
        ("- run: npm run none", [("package.json has no script none",)]),
        ("- run: ./gradlew jib", [("cci-migrate doesn't follow what gradlew runs",)]),
        ("- run: python3 ci/x.py", [("cci-migrate doesn't follow what python3 runs",)]),
        ("- run: python3 -m pytest; node --version; pip install x; yarn; npm ci", []),
        ("- run: vendor/bin/x; ./node_modules/.bin/y; ~/bin/z", []),
        ("- run: bash -c \"$X\"", [("its script isn't in the config",)]),
        ("- run: make << parameters.registry >>", [("its Makefile has no target docker.io",)]),
    ],
)  # fmt: skip
def test_tasks_of_the_repository(steps: str, expected: list[tuple[str, ...]]) -> None:
    assert seen(docker(steps, TASKS)) == expected


def test_a_task_that_logs_in() -> None:
    found = docker("- run: make db\n- run: docker pull busybox", TASKS)
    assert [login.username for login in found.logins] == ["$U"]
    assert all(found.login_before(pull, "docker.io") is not None for pull in found.pulls)
    assert found.pulls[0].places == (("redis:7", "Makefile:5"),)


def test_what_is_called_like_a_login_and_is_not_followed() -> None:
    found = docker("- run: rake docker_login\n- run: make hub-login\n- run: docker pull x", TASKS)
    assert [login.command for login in found.unread_logins] == [
        "rake docker_login",
        "make hub-login",
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- run: docker load -i x && docker compose up",
         [("it may come from docker load",), ("alpine:3",)]),
        ("- run: docker load -i x\n- run: docker compose pull", [("postgres:16",)]),
        ("- run: docker build -t postgres:16 sub\n- run: docker compose up db", [("alpine:3",)]),
        ("- run: docker pull postgres:16; docker load -i x; docker compose up db",
         [("postgres:16",)]),
        ("- run: docker compose -f tagged.yml build\n- run: docker run acme/web", [("alpine:3",)]),
        ("- run: docker load -i x; docker run acme/a\n- run: podman save -o y acme/a", []),
    ],
)  # fmt: skip
def test_images_that_are_there(steps: str, expected: list[tuple[str, ...]]) -> None:
    tagged = {"tagged.yml": "services: {web: {build: sub, image: acme/web}}\n"}
    assert seen(docker(steps, {**FILES, **tagged})) == expected


REMOTE = "docker: [{image: x}]"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- setup_remote_docker\n- run: go test ./...", [("no visible later step uses it",)]),
        ("- setup_remote_docker\n- run: docker ps", []),
        ("- setup_remote_docker\n- run: ci/ps.sh", []),
        ("- setup_remote_docker\n- run: make none", [("its Makefile has no target none",)]),
        ("- run: make none\n- setup_remote_docker", []),
        ("- setup_remote_docker\n- odd/push", [("the orb acme/odd is unknown",)]),
        ("- setup_remote_docker\n- aws-ecr/ecr-login\n- run: docker push x", []),
    ],
)
def test_remote_docker_is_never_passed_over(steps: str, expected: list[tuple[str, ...]]) -> None:
    assert seen(docker(steps, {**TASKS, "ci/ps.sh": "docker ps"}, on=REMOTE)) == expected


def test_without_the_repository_tasks_are_not_known() -> None:
    assert seen(docker("- run: make x")) == [("the config's repository isn't available",)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (".\\ci\\build.ps1", [("redis:7",), ("node:22",)]),
        ("cd ci; . .\\build.ps1", [("redis:7",), ("no ci/web/Dockerfile found",)]),
        ("pwsh -NoProfile -File ci\\build.ps1", [("redis:7",), ("node:22",)]),
        ("cmd /c ci\\build.bat", [("alpine:3",)]),
        ("ci/all.sh", [("redis:7",)]),
        (".\\ci\\gone.ps1", [("no ci/gone.ps1 found",)]),
        ("C:\\tools\\conda-hook.ps1; $env:TEMP\\x.ps1", []),
        ("if ($x) { cd web }; make image", [("where it runs can't be determined",)]),
        ("python ci/x.py", [("cci-migrate doesn't follow what python runs",)]),
        ("python -m pip install x", []),
        ("make image", [("node:22",)]),
    ],
)
def test_tasks_on_windows(script: str, expected: list[tuple[str, ...]]) -> None:
    windows = "machine: {image: windows-server-2022}"
    files = {
        **TASKS,
        "ci/build.ps1": "docker pull redis:7\ndocker build -t web .\\web\n",
        "ci/build.bat": "@echo off\r\nREM builds\r\ndocker pull alpine:3\r\n",
        "ci/all.sh": "docker pull redis:7",
        "web/Dockerfile": "FROM node:22\n",
    }
    step = "- run: " + json.dumps(script)
    assert seen(docker(step, files, on=windows)) == expected


def test_scripts_that_call_each_other_without_end() -> None:
    files = {f"{n}.sh": "".join(f"./{n + 1}.sh {m}\n" for m in range(30)) for n in range(30)}
    found = docker("- run: ./0.sh", files)
    assert ("scripts and tasks call each other too deeply",) in seen(found)


def test_the_repository_lies_where_the_job_works() -> None:
    steps = "- run: {command: docker build ., working_directory: ~/app/sub}"
    assert seen(docker(steps, FILES, "machine: true\nworking_directory: ~/app")) == [("alpine:3",)]


@pytest.mark.parametrize(
    ("job", "steps", "expected"),
    [
        # The repository is where `checkout` puts it, a step where its folder says.
        ("~/app/sub", "- checkout: {path: ~/app}\n- run: docker build .", [("alpine:3",)]),
        ("", "- checkout: {path: src}\n- run: docker build src/sub", [("alpine:3",)]),
        ("", "- checkout: {path: src}\n- run: docker build .",
         [("no ~/project/Dockerfile found",)]),
        ("", "- checkout: {path: src}\n- run: {command: make x, working_directory: src/a}",
         [("alpine:3",)]),
        ("", "- checkout: {path: /home/circleci/app}\n- run: cd ~/app/sub && docker build .",
         [("alpine:3",)]),
        ("/home/circleci/app", "- run: {command: docker build ., working_directory: ~/app/sub}",
         [("alpine:3",)]),
        ("~/app", "- run: {command: docker build ., working_directory: sub}", [("alpine:3",)]),
        ("", "- run: {command: docker build ., working_directory: $ELSEWHERE}",
         [("which Dockerfile it builds can't be determined",)]),
        # Paths by parameters of the job, for every value that they can take.
        ("", "- run: docker build << parameters.folder >>",
         [("alpine:3",), ("no none/Dockerfile found",)]),
        ("", "- run: docker build -f << parameters.folder >>/Dockerfile .",
         [("alpine:3",), ("no none/Dockerfile found",)]),
        ("", "- run: {command: docker build ., working_directory: << parameters.folder >>}",
         [("alpine:3",), ("no none/Dockerfile found",)]),
        ("", "- run: docker compose -f << parameters.folder >>/c.yml up",
         [("busybox",), ("none/c.yml: file not found",)]),
        ("", "- run: docker compose -f << parameters.any >>/c.yml up",
         [("which Compose files it reads can't be determined",)]),
        ("", "- run: make -C << parameters.folder >> x",
         [("its Makefile has no target x",), ("no Makefile found in none",)]),
    ],
)  # fmt: skip
def test_folders(job: str, steps: str, expected: list[tuple[str, ...]]) -> None:
    on = f"machine: true\nworking_directory: {job}" if job else "machine: true"
    files = {
        **FILES,
        "a/Makefile": TASKS["a/Makefile"],
        "sub/Makefile": "y: ; x\n",
        "sub/c.yml": "services: {a: {image: busybox}}\n",
    }
    assert seen(docker(steps, files, on)) == expected


@pytest.mark.parametrize(
    ("on", "steps", "daemon", "pulls"),
    [
        ("docker: [{image: x}]", "- run: docker pull redis", None, 0),
        ("macos: {xcode: 15.4.0}", "- run: docker pull redis", None, 0),
        ("docker: [{image: x}]", "- setup_remote_docker\n- run: docker pull redis",
         Daemon.REMOTE, 1),
        ("docker: [{image: x}]", "- run: docker pull redis\n- setup_remote_docker",
         Daemon.REMOTE, 0),
        ("machine: true", "- run: docker pull redis", Daemon.MACHINE, 1),
        ("machine: {image: windows-server-2022}", "- run: docker pull redis", Daemon.WINDOWS, 1),
    ],
)  # fmt: skip
def test_where_there_is_docker(on: str, steps: str, daemon: Daemon | None, pulls: int) -> None:
    found = docker_of(steps, on=on)
    assert (None if found is None else found.daemon) == daemon
    assert (0 if found is None else len(found.pulls)) == pulls


def test_the_docker_of_a_pull_in_a_job_on_several_machines() -> None:
    text = """\
version: 2.1
executors:
  lin: {docker: [{image: quay.io/acme/build:4}]}
  win: {machine: {image: "windows-server-2022-gui:current"}}
jobs:
  j:
    parameters: {on: {type: executor}}
    executor: << parameters.on >>
    steps:
      - run: docker pull redis
      - when:
          condition: {equal: [lin, << parameters.on >>]}
          steps: [setup_remote_docker, {run: docker pull redis}]
workflows: {w: {jobs: [{j: {matrix: {parameters: {on: [lin, win]}}}}]}}
"""
    config = config_of(text)
    found = job_docker(declared_job(config, "j"), None, None)
    assert found is not None
    daemons = [found.daemon_of(pull) for pull in found.pulls]
    assert daemons == [Daemon.WINDOWS, Daemon.REMOTE]


LOGIN = 'echo "$P" | docker login -u "$U" --password-stdin'


@pytest.mark.parametrize(
    ("steps", "registries", "username", "password"),
    [
        (f"- run: {LOGIN}", ("docker.io",), "$U", "$P"),
        (f"- run: {LOGIN} quay.io", ("quay.io",), "$U", "$P"),
        ("- run: docker login -u me -p ${P}", ("docker.io",), "me", "$P"),
        ("- run: docker login -u me -p << parameters.any >>", ("docker.io",), "me", None),
        ("- run: docker login -u << parameters.any >> -p $P", ("docker.io",), None, "$P"),
        ("- run: docker login -u $(cat u) -p $P", ("docker.io",), None, "$P"),
        ("- run: az acr login -n $NAME", ("*.azurecr.io",), None, None),
        ("- docker/check", ("docker.io",), "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- login", ("docker.io",), "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- login: {to: quay.io}", ("quay.io",), "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {registry: 'https://index.docker.io/v1/'}", ("docker.io",),
         "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {registry: << parameters.registry >>}", ("docker.io",),
         "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {registry: << parameters.any >>}", (),
         "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {registry: $HOST}", (), "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {docker_username: U, docker_password: P}", ("docker.io",), "$U", "$P"),
        ("- old/check: {docker-username: U, docker-password: P}", ("docker.io",), "$U", "$P"),
        ("- old/check: {docker_username: U}", ("docker.io",),
         "$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("- docker/check: {docker_username: $U}", ("docker.io",), "$U", "$DOCKER_PASSWORD"),
        ("- docker/check: {docker_username: << parameters.any >>}", ("docker.io",), None,
         "$DOCKER_PASSWORD"),
        ("- unknown/check", ("docker.io",), None, None),
        ("- aws-ecr/ecr-login", ("*.dkr.ecr*.amazonaws.com*", "public.ecr.aws"), None,
         None),
        ("- gcp/gcr-auth", ("*gcr.io", "*-docker.pkg.dev", "gcr.io", "us.gcr.io", "eu.gcr.io",
         "asia.gcr.io", "marketplace.gcr.io"), None, None),
    ],
)  # fmt: skip
def test_logins(
    steps: str, registries: tuple[str, ...], username: str | None, password: str | None
) -> None:
    (login,) = docker(steps).logins
    assert login.registries == registries
    assert (login.username, login.password) == (username, password)


def test_a_password_never_shows() -> None:
    (login,) = docker("- run: docker login -u me -p hunter2").logins
    assert login.written_out == "hunter2"
    assert "hunter2" not in repr(login)


OWN_FILE_LOGIN = LOGIN.replace("docker", "sudo -E docker")
SUDO_LOGIN = LOGIN.replace("docker", "sudo docker")
PULL = "- run: docker pull redis"
WHEN = "- when: {condition: << pipeline.parameters.x >>, steps: [docker/check]}"

#: Steps whose last pull has a login before it, whatever happens.
COVERED = {
    "a login": f"- run: {LOGIN}\n{PULL}",
    "in the same script": f"- run: {LOGIN} && docker pull redis",
    "the orb's": f"- docker/check\n{PULL}",
    "a command's": f"- login\n{PULL}",
    "guarded by its own variables": f'- run: if [ -n "$P" ]; then {LOGIN}; fi\n{PULL}',
    "in both branches": f"- run: if test -f x; then {LOGIN}; else {LOGIN}; fi\n{PULL}",
    "in both branches of a later script": (
        f"- run: test -f x && {LOGIN}\n- run: if test -f x; then {LOGIN}; else {LOGIN}; fi\n{PULL}"
    ),
    "under the same condition": (
        f"{WHEN}\n- when: {{condition: <<pipeline.parameters.x>>, steps: [{PULL[2:]}]}}"
    ).replace("[run: docker pull redis]", "[{run: docker pull redis}]"),
    "under a condition that holds": (f"- when: {{condition: true, steps: [docker/check]}}\n{PULL}"),
    "in a script of the repository": f"- run: ci/login.sh\n{PULL}",
    "docker for podman": f"- run: {LOGIN}\n- run: podman pull docker.io/library/redis",
    "a credential file": f"- run: echo $C > ~/.docker/config.json\n{PULL}",
    "a credential file with Docker Hub's key": (
        "- run: |\n    cat > ~/.docker/config.json <<EOF\n"
        '    {"auths": {"https://index.docker.io/v1/": {"auth": "$A"}}}\n    EOF\n' + PULL
    ),
    "both by sudo": f"- run: {SUDO_LOGIN}\n- run: sudo docker pull redis",
    "sudo that keeps the environment": f"- run: {LOGIN}\n- run: sudo -E docker pull redis",
    "both by sudo, in the user's file": (
        f"- run: {OWN_FILE_LOGIN}\n- run: sudo -E docker pull redis"
    ),
    "by sudo, in a file that the user has": (
        f"- run: {LOGIN} quay.io\n- run: {OWN_FILE_LOGIN}\n{PULL}"
    ),
    "by sudo, in a file that is then the user's": (
        f"- run: {OWN_FILE_LOGIN}\n- run: sudo chown -R $USER ~/.docker\n{PULL}"
    ),
    "logged out as its script ends, after the pull": (
        f"- run: |\n    trap 'docker logout' EXIT\n    {LOGIN}\n    docker pull redis"
    ),
    "the same --config": (
        f"- run: {LOGIN.replace('docker', 'docker --config /c')}\n- run: DOCKER_CONFIG=/c docker "
        "pull redis"
    ),
    "DOCKER_CONFIG of the job": (
        f"- run: {{command: '{LOGIN}', environment: {{DOCKER_CONFIG: /c}}}}\n"
        "- run: docker --config /c pull redis"
    ),
    "DOCKER_CONFIG for later steps": (
        "- run: echo 'export DOCKER_CONFIG=/c' >> $BASH_ENV\n- run: docker pull x\n"
        f"- run: {LOGIN}\n{PULL}"
    ),
    "removed for another user": f"- run: {LOGIN}\n- run: rm -rf /root/.docker\n{PULL}",
    "copied to the other user": (
        f"- run: {LOGIN}\n- run: sudo cp -r ~/.docker /root/\n- run: sudo docker pull redis"
    ),
    "the user's --config for sudo": (
        f"- run: {LOGIN}\n- run: sudo docker --config ~/.docker pull redis"
    ),
    "the user's DOCKER_CONFIG for sudo": (
        f"- run: {LOGIN}\n- run: sudo DOCKER_CONFIG=$HOME/.docker docker pull redis"
    ),
    "a script that sudo runs": "- run: sudo ci/login.sh\n- run: sudo docker pull redis",
    "podman knows all names": (
        "- run: echo $P | podman login -u u --password-stdin registry-1.docker.io\n"
        "- run: podman pull docker.io/library/redis"
    ),
    "when: always": f"- run: {{command: '{LOGIN}', when: always}}\n{PULL}",
    "logged out elsewhere": f"- docker/check\n- run: docker logout quay.io\n{PULL}",
    "logged in again": f"- docker/check\n- run: docker logout\n- docker/check\n{PULL}",
    "an orb that logs in to Docker Hub too": (
        "- aws-ecr/build-and-push-image: {docker-login: true}\n- docker/check\n" + PULL
    ),
}

#: Steps whose last pull may run without a login to Docker Hub.
NOT_COVERED = {
    "none": PULL,
    "afterwards": f"{PULL}\n- docker/check",
    "afterwards in the script": f"- run: docker pull redis && {LOGIN}",
    "to another registry": f"- run: {LOGIN} quay.io\n{PULL}",
    "to a registry that is not known": f"- docker/check: {{registry: $HOST}}\n{PULL}",
    "under a condition": f"{WHEN}\n{PULL}",
    "under the opposite condition": (
        f"{WHEN}\n- unless:\n    condition: << pipeline.parameters.x >>\n    steps: [{{run: docker "
        "pull redis}]"
    ),
    "in one branch": f"- run: if test -f x; then {LOGIN}; fi\n{PULL}",
    "in one branch of a script": f"- run: ci/perhaps.sh\n{PULL}",
    "on failure only": f"- run: {{command: '{LOGIN}', when: on_fail}}\n{PULL}",
    "in the background": f"- run: {{command: '{LOGIN}', background: true}}\n{PULL}",
    "logged out as its script ends": (
        f"- run: |\n    trap 'docker logout' EXIT\n    {LOGIN}\n{PULL}"
    ),
    "logged out": f"- docker/check\n- run: docker logout\n{PULL}",
    "podman for docker": (
        f"- run: echo $P | podman login -u u --password-stdin docker.io\n{PULL}"
    ),
    "ECR only": f"- aws-ecr/ecr-login\n{PULL}",
    "an empty credential file": f"- run: echo '{{}}' > ~/.docker/config.json\n{PULL}",
    "written over": f"- docker/check\n- run: echo '{{}}' > ~/.docker/config.json\n{PULL}",
    "a credential file of another registry": (
        "- run: |\n    cat > ~/.docker/config.json <<EOF\n"
        '    {"auths": {"ghcr.io": {"auth": "$A"}}}\n    EOF\n' + PULL
    ),
    "by sudo only": f"- run: {SUDO_LOGIN}\n{PULL}",
    "by sudo, in the user's directory": f"- run: {OWN_FILE_LOGIN}\n{PULL}",
    "by sudo with HOME": (
        f"- run: {LOGIN.replace('docker', 'sudo HOME=$HOME docker')}\n{PULL}"
    ),
    "by sudo with --config": (
        f"- run: {LOGIN.replace('docker', 'sudo docker --config ~/.docker')}\n{PULL}"
    ),
    "by sudo, in the user's directory, in a script": f"- run: sudo -E ci/login.sh\n{PULL}",
    "for sudo": f"- run: {LOGIN}\n- run: sudo docker pull redis",
    "for compose by sudo": f"- run: {LOGIN}\n- run: sudo docker pull redis",
    "a script that sudo runs": f"- run: sudo ci/login.sh\n{PULL}",
    "another --config": f"- run: {LOGIN.replace('docker', 'docker --config /c')}\n{PULL}",
    "another DOCKER_CONFIG": f"- run: {LOGIN.replace('docker', 'DOCKER_CONFIG=/c docker')}\n{PULL}",
    "DOCKER_CONFIG of its step": (
        f"- run: {{command: '{LOGIN}', environment: {{DOCKER_CONFIG: /c}}}}\n{PULL}"
    ),
    "removed": f"- docker/check\n- run: rm -rf ~/.docker\n{PULL}",
    "moved away": f"- docker/check\n- run: mv ~/.docker/config.json /tmp\n{PULL}",
    "to an address that is not looked for": f"- run: {LOGIN} registry.hub.docker.com\n{PULL}",
    "to a path of Docker Hub": f"- run: {LOGIN} docker.io/acme\n{PULL}",
    "by the orb to such an address": f"- docker/check: {{registry: index.docker.io}}\n{PULL}",
}  # fmt: skip


def last_is_covered(steps: str) -> bool:
    found = docker(steps, FILES)
    return found.login_before(found.pulls[-1], "docker.io") is not None


@pytest.mark.parametrize("name", COVERED)
def test_a_login_stands_before_the_pull(name: str) -> None:
    assert last_is_covered(COVERED[name])


@pytest.mark.parametrize("name", NOT_COVERED)
def test_no_login_stands_before_the_pull(name: str) -> None:
    assert not last_is_covered(NOT_COVERED[name])


@pytest.mark.parametrize(
    ("image", "server", "is_served"),
    [
        ("redis", "", True),
        ("docker.io/acme/x", "docker.io", True),
        ("index.docker.io/acme/x", "https://index.docker.io/v1/", True),
        ("index.docker.io/acme/x", "index.docker.io", False),
        ("registry-1.docker.io/acme/x", "", False),
        ("registry-1.docker.io/acme/x", "registry-1.docker.io", True),
        ("registry.hub.docker.com/acme/$X", "", False),
        ("registry.hub.docker.com/acme/$X", "https://registry.hub.docker.com/v2/", True),
        ("redis", "https://index.docker.io/v2/", False),
        ("redis", "https://docker.io", False),
        ("redis", "hub.docker.com", False),
        ("quay.io/acme/x", "https://quay.io/acme", True),
    ],
)
def test_which_login_a_pull_reads(image: str, server: str, is_served: bool) -> None:
    found = docker(f"- run: {LOGIN} {server}\n- run: docker pull {image}", FILES)
    (pull,) = found.pulls
    (host,) = pull.hosts
    assert (found.login_before(pull, host) is not None) == is_served


def test_sudo_changes_nothing_for_root() -> None:
    steps = f"- setup_remote_docker\n- run: {LOGIN}\n- run: sudo docker pull redis"
    for image, is_served in (("node:22", True), ("cimg/node:22.0", False)):
        found = docker_of(steps, on=f"docker: [{{image: '{image}'}}]")
        assert found is not None
        assert (found.login_before(found.pulls[0], "docker.io") is not None) == is_served


def test_the_orbs_own_login_to_docker_hub_covers_what_it_builds() -> None:
    found = docker("- aws-ecr/build-and-push-image: {docker-login: true}")
    (pull,) = found.pulls
    assert found.login_before(pull, "docker.io") is not None


@pytest.mark.parametrize(
    ("steps", "files", "expected"),
    [
        ("- run: docker login -u $U -p $P", None, ["docker.io"]),
        ("- run: ci/login.sh", FILES, ["docker.io"]),
        ("- run: . ci/all.sh; echo login", FILES, []),
        ("- run: ci/login.sh", None, []),
        ("- run: make\n- docker/check", None, ["docker.io"]),
        ("- run: make\n- run: echo hello", FILES, []),
    ],
)
def test_logins_of_a_job_without_docker(
    steps: str, files: Mapping[str, str] | None, expected: list[str]
) -> None:
    logins = docker_of(steps, files, "docker: [{image: cimg/base:2024.01}]", logins_count=True)
    assert [host for login in (logins.logins if logins else ()) for host in login.keys] == expected
