"""Configs with one secret each, near an image that gets credentials."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator

from msgspec import Struct

#: Where a step, a comment or an entry is put in: its lines are within the diff of a fix.
_NEAR_IMAGE = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:20.1
{lines}
    steps:
      - checkout
workflows:
  main:
    jobs:
      - build
"""
_NEAR_PULL = """\
version: 2.1
jobs:
  build:
    machine:
      image: ubuntu-2204:current
    steps:
{lines}
      - run: docker pull cimg/node:20.1
workflows:
  main:
    jobs:
      - build
"""
_NEAR_ENTRY = """\
version: 2.1
orbs:
  tool: acme/tool@1.2.3
jobs:
  build:
    parameters:
      user: {{type: string, default: ada}}
    docker:
      - image: cimg/node:20.1
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps:
      - checkout
workflows:
  main:
    jobs:
      - build:
{lines}
"""
_PLACES = {
    "item": (_NEAR_IMAGE, 8),
    "job": (_NEAR_IMAGE, 4),
    "step": (_NEAR_PULL, 6),
    "argument": (_NEAR_ENTRY, 10),
}

#: By the place and the name: the lines, with PW for the secret.
_SNIPPETS = {
    "item": {
        # the image's credentials, and what people make of them
        "password": "auth:\n  username: ada\n  password: PW",
        "quoted": 'auth:\n  username: ada\n  password: "PW"',
        "single quotes": "auth:\n  username: ada\n  password: 'PW'",
        "pasword": "auth:\n  username: ada\n  pasword: PW",
        "passwrod": "auth:\n  username: ada\n  passwrod: PW",
        "Password": "auth:\n  Username: ada\n  Password: PW",
        "another key in auth": "auth:\n  username: ada\n  geheim: PW",
        "auth as text": "auth: ada:PW",
        "auth as one word": "auth: PW",
        "auth as list": "auth: [ada, PW]",
        "auth as list below": "auth:\n  - ada\n  - PW",
        "auth in base64": "auth: BASE64",
        "flow": "auth: {username: ada, password: PW}",
        "flow without blank": 'auth: {"username":"ada","password":"PW"}',
        "keys beside": "username: ada\npassword: PW",
        "key far from its value": "auth:\n  username: ada\n  password:\n    PW",
        "block scalar": "auth:\n  username: ada\n  password: |-\n    PW",
        "folded scalar": "auth:\n  username: ada\n  password: >\n    PW",
        "password behind a hash": "auth:\n  username: ada\n  password: #PW",
        "password behind &": "auth:\n  username: ada\n  password: &PW",
        "password behind !": "auth:\n  username: ada\n  password: !PW",
        "tagged": "auth:\n  username: ada\n  password: !!str PW",
        "anchored": "auth:\n  username: ada\n  password: &pw PW",
        "with a variable": "auth:\n  username: ada\n  password: $PREFIX-PW",
        "aws_auth": "aws_auth:\n  aws_access_key_id: $KEY\n  aws_secret_access_key: PW",
        # beside them
        "environment": "environment:\n  NPM_TOKEN: PW",
        "environment list": "environment:\n  - NPM_TOKEN=PW",
        "environment one-liner": "environment: {HOME: /x, API_KEY: PW}",
        "environment of a database": "environment:\n  POSTGRES_PASSWORD: PW",
        "command": "command: [--password, PW]",
        "command with equals": "command: --token=PW",
        "comment": "# the password was PW2\nuser: root",
        "comment with a colon": "# password: PW\nuser: root",
        "comment with a token": "# ghp_0123456789ALNUM0123456789\nuser: root",
        "URL": "environment:\n  PROXY: https://ada:PW@proxy.acme.example/x",
        "URL with a token": "environment:\n  REMOTE: https://PW@git.acme.example/x.git",
        "database URL": "environment:\n  DATABASE_URL: postgres://ada:PW@db/x",
        "URL in a comment": "# see https://ada:PW@wiki.acme.example/x\nuser: root",
        "header": "environment:\n  HEADERS: 'Authorization: Bearer PW2'",
        "option of a service": 'command: ["--requirepass", "PW"]',
        "option on a line of its own": "command:\n  - --requirepass\n  - PW",
        "connection string": 'environment:\n  CONN: "Server=x;Uid=u;Pwd=PW;"',
    },
    "job": {
        "job environment": "environment:\n  DEPLOY_PASSPHRASE: PW",
    },
    "step": {
        "docker login -p": "- run: docker login -u ada -p PW quay.io",
        "docker login --password": "- run: docker login -u ada --password PW quay.io",
        "docker login --password=": "- run: docker login -u ada --password=PW quay.io",
        "docker login over lines": (
            "- run: |\n    docker login \\\n      -u ada \\\n      -p PW \\\n      quay.io"
        ),
        "docker login, password quoted": "- run: docker login -u ada -p 'PW' quay.io",
        "podman login": "- run: podman login -u ada -p PW quay.io",
        "echo": "- run: echo PW | docker login -u ada --password-stdin quay.io",
        "echo, escaped": (
            r'- run: "echo \"hello\"\necho \"PW\" | docker login -u ada --password-stdin quay.io"'
        ),
        "echo -n": "- run: echo -n 'PW' | docker login -u ada --password-stdin quay.io",
        "printf": '- run: printf "%s" PW | docker login -u ada --password-stdin quay.io',
        "echo on a line before": (
            "- run: |\n    echo PW |\n      docker login -u ada --password-stdin quay.io"
        ),
        "here-string": "- run: docker login -u ada --password-stdin quay.io <<< PW",
        "here-document": (
            "- run: |\n    docker login -u ada --password-stdin quay.io <<EOF\n    PW\n    EOF"
        ),
        "variable of the script": (
            "- run: |\n    GEHEIM=PW\n"
            '    echo "$GEHEIM" | docker login -u ada --password-stdin quay.io'
        ),
        "variable of the step": (
            "- run:\n    environment:\n      GEHEIM: PW\n"
            "    command: |\n      set -e\n"
            '      echo "$GEHEIM" | docker login -u ada --password-stdin quay.io'
        ),
        "export": "- run: export NPM_TOKEN=PW && npm ci",
        "assignment in quotes": '- run: PGPASSWORD="PW" psql -c "select 1"',
        "curl": "- run: curl -u ada:PW https://acme.example/x",
        "git clone": "- run: git clone https://ada:PW@git.acme.example/x.git",
        "docker config": (
            "- run: |\n    mkdir -p ~/.docker\n"
            '    echo \'{"auths":{"quay.io":{"auth":"BASE64"}}}\' > ~/.docker/config.json'
        ),
        "base64 alone": "- run: echo BASE64 | base64 -d > /tmp/x",
        "option of another command": "- run: acme --docker-password PW --yes",
        "option with a long name": "- run: acme --client-secret PW",
        "setenv": "- run: setenv NPM_TOKEN PW",
        "fish": "- run: set -x NPM_TOKEN PW",
        "substitution": "- run: docker login -u ada -p $(echo PW) quay.io",
        "quoted substitution": '- run: docker login -u ada -p "$(printf PW)" quay.io',
        "build argument": "- run: docker build --build-arg NPM_TOKEN=PW .",
        "run -e": "- run: docker run -e DB_PASSWORD=PW alpine true",
        "image with a login": "- run: docker pull ada:PW@registry.acme.example/x",
        "orb parameter": "- tool/check:\n    docker-password: PW",
        "orb parameter, misspelt": "- tool/check:\n    docker_pasword: PW",
        "orb parameter, short": "- tool/check: {user: ada, pw: PW}",
    },
    "argument": {
        "workflow job": "docker-password: PW",
        "workflow job, token": "access_token: PW",
        "workflow job, matrix": "matrix:\n  parameters:\n    token: [PW, PW]",
        "name and value": "vars:\n  - name: API_TOKEN\n    value: PW",
    },
}

#: Whole files, with PW for the secret: not YAML, not a config that can be read to its end.
_FILES = {
    "alias that is a password": "password: *PW",
    "password behind @": "password: @PW",
    "password behind %": "password: %PW",
    "image with a login": "image2: 1\n      - image: ada:PW@registry.acme.example/x",
}
_JSON = (
    '{"version": 2.1, "jobs": {"build": {"docker": [{"image": "cimg/node:20.1", "environment":\n'
    '{"API_TOKEN":\n"PW"}}], "steps": ["checkout"]}},\n"workflows": {"m": {"jobs": ["build"]}}}\n'
)


_IMAGE_PARAMETER = """\
version: 2.1
jobs:
  build:
    parameters:
      tag: {type: string, default: PW}
    docker:
      - image: cimg/node:<< parameters.tag >>
    environment:
      DB_PASSWORD: PW
    steps:
      - checkout
workflows:
  main:
    jobs:
      - build
"""


class SecretConfig(Struct, frozen=True):
    """A config, and each form in which its secret must not be shown."""

    name: str
    text: str
    forms: tuple[str, ...]


def secret_configs(secret: str) -> Iterator[SecretConfig]:
    """The configs, each with a secret of its own that begins with ``secret``."""
    placed = (
        (place, name, lines) for place, named in _SNIPPETS.items() for name, lines in named.items()
    )
    for number, (place, name, snippet) in enumerate(placed):
        frame, indent = _PLACES[place]
        text = frame.format(lines=textwrap.indent(snippet, " " * indent))
        yield _config(name, text, secret, number)
    yield _config("JSON", _JSON, secret, 999)
    yield _config("parameter of an image", _IMAGE_PARAMETER, secret, 998)
    for number, (name, snippet) in enumerate(_FILES.items(), 500):
        lines = f"        auth:\n          username: ada\n          {snippet}"
        yield _config(f"file: {name}", _NEAR_IMAGE.format(lines=lines), secret, number)


def _config(name: str, text: str, secret: str, number: int) -> SecretConfig:
    letters = "".join("abcdefghij"[int(digit)] for digit in f"{number:03}")
    value = f"{secret}{letters}"
    encoded = base64.b64encode(f"ada:{value}".encode()).decode()
    letters = "".join(filter(str.isalnum, value))
    text = (
        text.replace("ALNUM", letters)
        .replace("BASE64", encoded)
        .replace("PW2", f"{value}7")
        .replace("PW", value)
    )
    return SecretConfig(name, text, (value, encoded, letters))
