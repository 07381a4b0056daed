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
{item}
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
{step}
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
{argument}
"""
_PLACES = {
    "item": (_NEAR_IMAGE, 8),
    "job": (_NEAR_IMAGE, 4),
    "step": (_NEAR_PULL, 6),
    "argument": (_NEAR_ENTRY, 10),
}

#: By name: the place, and the lines, with PW for the secret.
_SNIPPETS = {
    # -- an image's credentials, and what people make of them
    "password": ("item", "auth:\n  username: ada\n  password: PW"),
    "quoted": ("item", 'auth:\n  username: ada\n  password: "PW"'),
    "single quotes": ("item", "auth:\n  username: ada\n  password: 'PW'"),
    "pasword": ("item", "auth:\n  username: ada\n  pasword: PW"),
    "passwrod": ("item", "auth:\n  username: ada\n  passwrod: PW"),
    "Password": ("item", "auth:\n  Username: ada\n  Password: PW"),
    "another key in auth": ("item", "auth:\n  username: ada\n  geheim: PW"),
    "auth as text": ("item", "auth: ada:PW"),
    "auth as one word": ("item", "auth: PW"),
    "auth as list": ("item", "auth: [ada, PW]"),
    "auth as list below": ("item", "auth:\n  - ada\n  - PW"),
    "auth in base64": ("item", "auth: BASE64"),
    "flow": ("item", "auth: {username: ada, password: PW}"),
    "flow without blank": ("item", 'auth: {"username":"ada","password":"PW"}'),
    "keys beside": ("item", "username: ada\npassword: PW"),
    "key far from its value": ("item", "auth:\n  username: ada\n  password:\n    PW"),
    "block scalar": ("item", "auth:\n  username: ada\n  password: |-\n    PW"),
    "folded scalar": ("item", "auth:\n  username: ada\n  password: >\n    PW"),
    "password behind a hash": ("item", "auth:\n  username: ada\n  password: #PW"),
    "password behind &": ("item", "auth:\n  username: ada\n  password: &PW"),
    "password behind !": ("item", "auth:\n  username: ada\n  password: !PW"),
    "tagged": ("item", "auth:\n  username: ada\n  password: !!str PW"),
    "anchored": ("item", "auth:\n  username: ada\n  password: &pw PW"),
    "with a variable": ("item", "auth:\n  username: ada\n  password: $PREFIX-PW"),
    "aws_auth": (
        "item",
        "aws_auth:\n  aws_access_key_id: $KEY\n  aws_secret_access_key: PW",
    ),
    # -- beside an image
    "environment": ("item", "environment:\n  NPM_TOKEN: PW"),
    "environment list": ("item", "environment:\n  - NPM_TOKEN=PW"),
    "environment one-liner": ("item", "environment: {HOME: /x, API_KEY: PW}"),
    "environment of a database": ("item", "environment:\n  POSTGRES_PASSWORD: PW"),
    "job environment": ("job", "environment:\n  DEPLOY_PASSPHRASE: PW"),
    "command": ("item", "command: [--password, PW]"),
    "command with equals": ("item", "command: --token=PW"),
    "comment": ("item", "# the password was PW2\nuser: root"),
    "comment with a colon": ("item", "# password: PW\nuser: root"),
    "comment with a token": ("item", "# ghp_0123456789ALNUM0123456789\nuser: root"),
    "URL": ("item", "environment:\n  PROXY: https://ada:PW@proxy.acme.example/x"),
    "URL with a token": ("item", "environment:\n  REMOTE: https://PW@git.acme.example/x.git"),
    "database URL": ("item", "environment:\n  DATABASE_URL: postgres://ada:PW@db/x"),
    "URL in a comment": ("item", "# see https://ada:PW@wiki.acme.example/x\nuser: root"),
    "header": ("item", "environment:\n  HEADERS: 'Authorization: Bearer PW2'"),
    # -- in steps
    "docker login -p": ("step", "- run: docker login -u ada -p PW quay.io"),
    "docker login --password": ("step", "- run: docker login -u ada --password PW quay.io"),
    "docker login --password=": ("step", "- run: docker login -u ada --password=PW quay.io"),
    "docker login over lines": (
        "step",
        "- run: |\n    docker login \\\n      -u ada \\\n      -p PW \\\n      quay.io",
    ),
    "docker login, password quoted": ("step", "- run: docker login -u ada -p 'PW' quay.io"),
    "podman login": ("step", "- run: podman login -u ada -p PW quay.io"),
    "echo": ("step", "- run: echo PW | docker login -u ada --password-stdin quay.io"),
    "echo, escaped": (
        "step",
        r'- run: "echo \"hello\"\necho \"PW\" | docker login -u ada --password-stdin quay.io"',
    ),
    "echo -n": ("step", "- run: echo -n 'PW' | docker login -u ada --password-stdin quay.io"),
    "printf": ("step", '- run: printf "%s" PW | docker login -u ada --password-stdin quay.io'),
    "echo on a line before": (
        "step",
        "- run: |\n    echo PW |\n      docker login -u ada --password-stdin quay.io",
    ),
    "here-string": ("step", "- run: docker login -u ada --password-stdin quay.io <<< PW"),
    "here-document": (
        "step",
        "- run: |\n    docker login -u ada --password-stdin quay.io <<EOF\n    PW\n    EOF",
    ),
    "variable of the script": (
        "step",
        "- run: |\n    GEHEIM=PW\n"
        '    echo "$GEHEIM" | docker login -u ada --password-stdin quay.io',
    ),
    "variable of the step": (
        "step",
        "- run:\n    environment:\n      GEHEIM: PW\n"
        "    command: |\n      set -e\n"
        '      echo "$GEHEIM" | docker login -u ada --password-stdin quay.io',
    ),
    "export": ("step", "- run: export NPM_TOKEN=PW && npm ci"),
    "assignment in quotes": ("step", '- run: PGPASSWORD="PW" psql -c "select 1"'),
    "curl": ("step", "- run: curl -u ada:PW https://acme.example/x"),
    "git clone": ("step", "- run: git clone https://ada:PW@git.acme.example/x.git"),
    "docker config": (
        "step",
        "- run: |\n    mkdir -p ~/.docker\n"
        '    echo \'{"auths":{"quay.io":{"auth":"BASE64"}}}\' > ~/.docker/config.json',
    ),
    "base64 alone": ("step", "- run: echo BASE64 | base64 -d > /tmp/x"),
    "option of another command": ("step", "- run: acme --docker-password PW --yes"),
    "option with a long name": ("step", "- run: acme --client-secret PW"),
    "option of a service": ("item", 'command: ["--requirepass", "PW"]'),
    "option on a line of its own": ("item", "command:\n  - --requirepass\n  - PW"),
    "connection string": ("item", 'environment:\n  CONN: "Server=x;Uid=u;Pwd=PW;"'),
    "setenv": ("step", "- run: setenv NPM_TOKEN PW"),
    "fish": ("step", "- run: set -x NPM_TOKEN PW"),
    "substitution": ("step", "- run: docker login -u ada -p $(echo PW) quay.io"),
    "quoted substitution": ("step", '- run: docker login -u ada -p "$(printf PW)" quay.io'),
    "build argument": ("step", "- run: docker build --build-arg NPM_TOKEN=PW ."),
    "run -e": ("step", "- run: docker run -e DB_PASSWORD=PW alpine true"),
    "image with a login": ("step", "- run: docker pull ada:PW@registry.acme.example/x"),
    # -- orbs and workflow jobs
    "orb parameter": ("step", "- tool/check:\n    docker-password: PW"),
    "orb parameter, misspelt": ("step", "- tool/check:\n    docker_pasword: PW"),
    "orb parameter, short": ("step", "- tool/check: {user: ada, pw: PW}"),
    "workflow job": ("argument", "docker-password: PW"),
    "workflow job, token": ("argument", "access_token: PW"),
    "workflow job, matrix": ("argument", "matrix:\n  parameters:\n    token: [PW, PW]"),
    "name and value": ("argument", "vars:\n  - name: API_TOKEN\n    value: PW"),
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
    for number, (name, (place, snippet)) in enumerate(_SNIPPETS.items()):
        frame, indent = _PLACES[place]
        key = place if place != "job" else "item"
        lines = textwrap.indent(snippet, " " * indent)
        yield _config(name, frame.format(**{key: lines}), secret, number)
    yield _config("JSON", _JSON, secret, 999)
    yield _config("parameter of an image", _IMAGE_PARAMETER, secret, 998)
    for number, (name, snippet) in enumerate(_FILES.items(), 500):
        lines = f"        auth:\n          username: ada\n          {snippet}"
        yield _config(f"file: {name}", _NEAR_IMAGE.format(item=lines), secret, number)


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
