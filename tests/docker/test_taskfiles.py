"""What `task` runs, from the Taskfiles of a repository: as `task --dry` 3.54 prints it."""

from __future__ import annotations

import pytest

from cci_migrate.docker.tasks.runners import task_title
from tests.docker.task_lines import followed, lines_run_by

FILES = {
    "Taskfile.yml": """\
version: '3'
includes:
  ci: ./ci
  web: {taskfile: web/tasks.yaml, dir: web, vars: {PORT: 80}, aliases: [w]}
  gone: {taskfile: ./gone.yml, optional: true}
vars:
  IMAGE: '{{.REGISTRY | default "quay.io"}}/acme/app'
  SHA: {sh: git rev-parse HEAD}
  LIST: redis:7 redis:6
env: {BUILDKIT: 1}
tasks:
  default:
    deps: [db]
    cmds: [{task: build, vars: {TARGET: prod}}, echo done]
  build:
    aliases: [b]
    dir: ci
    vars: {TARGET: '{{.TARGET | default "dev"}}'}
    cmds:
      - docker build -t {{.IMAGE}}:{{.SHA}} --target {{.TARGET}} {{.CLI_ARGS}} .
      - defer: docker rmi {{.IMAGE}}
      - cmd: docker run {{- .SPACE }} x
        silent: true
  db:
    status: [test -f x]
    cmd: docker run -d postgres:16
  all:
    - {for: [a, b], cmd: 'docker pull busybox:{{.ITEM}}'}
    - {for: {var: LIST, as: IMG}, task: pull, vars: {I: '{{.IMG}}'}}
    - {for: {var: ELSEWHERE}, cmd: 'docker pull {{.ITEM}}'}
  pull: docker pull {{.I}}
  img-*: docker pull {{index .MATCH 0}}
  own: {vars: {OWN: 'own {{.OWN}}'}, cmds: ['echo {{.OWN}} {{.LIST}} {{.CLI_ARGS}}']}
  login: echo $P | docker login -u {{.USER | default "bot"}} --password-stdin
  maybe: '{{if .X}}docker pull a{{end}}'
  around: {cmds: [{task: around}]}
  odd: {cmds: [{task: '{{.UNSET}}'}]}
""",
    "ci/Taskfile.yaml": """\
tasks:
  default: docker run toolbox
  lint: {cmds: [{task: default}, {task: ":pull", vars: {I: x}}, 'cat {{.ROOT_DIR}}/g']}
""",
    "web/tasks.yaml": """\
vars: {N: 'node:{{.V | default 22}}'}
tasks: {e2e: 'docker run -p {{.PORT}} {{.N}}'}
""",
    "sub/notes.txt": "",
    "broken/Taskfile.yml": "tasks: [",
    "remote/Taskfile.yml": "includes: {x: https://example.com/x.yml}\ntasks: {}\n",
}
E = "export BUILDKIT=1; "
GUARD = 'if [ "${TASK_IS_OUT_OF_DATE}" ]; then'


def lines_of(command: str, directory: str = ".") -> list[str]:
    return lines_run_by(f"task {command}", FILES, directory)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", [GUARD, f"{E}docker run -d postgres:16", "fi",
              f"{E}cd ci && docker build -t quay.io/acme/app:$(git rev-parse HEAD) --target prod  "
              ".",
              f"{E}cd ci && docker run${{SPACE}} x", f"{E}cd ci && docker rmi quay.io/acme/app",
              f"{E}echo done"]),
        ("b -- --no-cache 'x y'",
         [f"{E}cd ci && docker build -t quay.io/acme/app:$(git rev-parse HEAD) --target dev "
          "--no-cache ''\"'\"'x' 'y'\"'\"'' .", f"{E}cd ci && docker run${{SPACE}} x",
          f"{E}cd ci && docker rmi quay.io/acme/app"]),
        ("all", [f"{E}docker pull busybox:a", f"{E}docker pull busybox:b",
                 f"{E}docker pull redis:7", f"{E}docker pull redis:6",
                 f"{E}docker pull ${{ITEM}}"]),
        ("img-redis", [f"{E}docker pull redis"]),
        ("own OWN=o LIST=l -- a", [f"{E}echo own o l a"]),
        ("ci:lint", ["docker run toolbox", f"{E}docker pull x", "cat ./g"]),
        ("ci", ["docker run toolbox"]),
        ("w:e2e V=20", ["cd web && docker run -p 80 node:20"]),
        ("web:e2e", ["cd web && docker run -p 80 node:22"]),
        ("-d ci -s default", ["docker run toolbox"]),
        ("--taskfile=ci/Taskfile.yaml default", ["docker run toolbox"]),
        ("login", [f"{E}echo $P | docker login -u ${{USER:-bot}} --password-stdin"]),
        ("maybe", ["unread: not all of its templates are evaluated"]),
        ("--list", []),
        ("nope", ["not followed: its Taskfile has no task nope"]),
        ("around", ["not followed: its tasks are too large to follow"]),
        ("odd", ["not followed: which task it runs can't be determined"]),
        ("$TASK", ["not followed: which task it runs can't be determined"]),
        ("-d gone x", ["not followed: its Taskfile has no task x"]),
        ("-t gone.yml x", ["not followed: no gone.yml found"]),
        ("-d remote x",
         ["not followed: it includes https://example.com/x.yml, which isn't followed"]),
    ],
)  # fmt: skip
def test_tasks(command: str, expected: list[str]) -> None:
    assert lines_of(command) == expected


def test_the_taskfile_may_be_in_a_folder_above() -> None:
    assert lines_of("pull I=x", "sub/deeper") == [f"{E}docker pull x"]
    (reason,) = lines_of("x", "broken")
    assert reason.startswith("not followed: broken/Taskfile.yml: not YAML")


def test_a_command_has_its_place() -> None:
    script = followed("task db", FILES)
    assert script.place_of(script.text.index("docker run")) == "Taskfile.yml:24"


def test_titles() -> None:
    assert task_title("task", ["-d", "ci", "lint", "TOKEN=x", "--", "secret"]) == "task lint"
    assert task_title("just", ["TOKEN=x", "lint", "secret"]) == "just lint"
