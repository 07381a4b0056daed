"""Which registries a script logs in to, and how a password on the command line can go."""

from __future__ import annotations

import pytest

from cci_migrate.docker.registries import host_matches
from cci_migrate.docker.shell.facts import (
    Build,
    ComposeCommand,
    CredentialFile,
    ImagePull,
    Login,
    Quoting,
)
from cci_migrate.docker.shell.script_reading import facts_of
from tests.docker.shell_descriptions import facts_in


def the_login(text: str) -> Login:
    (login,) = (fact for fact in facts_of(text).facts if isinstance(fact, Login))
    return login


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker login -u a -p b", ["docker.io"]),
        ("docker login --username a --password-stdin docker.io", ["docker.io"]),
        ("docker login -u a --password-stdin https://index.docker.io/v1/", ["docker.io"]),
        ("docker login quay.io -u=a -p=b", ["quay.io"]),
        ("docker login -u a -p b QUAY.io", ["quay.io"]),
        ("docker login -ua -pb quay.io", ["quay.io"]),
        ("docker login -e . -u a -p b quay.io", ["quay.io"]),
        ("sudo docker login -u a --password-stdin ghcr.io <<< $P", ["ghcr.io"]),
        ("podman login --tls-verify=false -u a -p b quay.io", ["quay.io"]),
        ("buildah login -u a -p b quay.io", ["quay.io"]),
        ("docker login -u a -p b $HOST", []),
        ("docker login -u a -p b << parameters.registry >>", []),
        ("docker login -u a -p b ${HOST:-docker.io}", []),
        ("docker login -u a -p b $NAME.azurecr.io", ["*.azurecr.io"]),
        ("docker login -u a -p b << parameters.n >>.azurecr.io", ["*.azurecr.io"]),
        ("docker login -u a -p b $ID.dkr.ecr.$REGION.amazonaws.com",
         ["*.dkr.ecr.*.amazonaws.com"]),
        ("aws ecr get-login-password | docker login -u AWS --password-stdin $HOST",
         ["*.dkr.ecr*.amazonaws.com*", "public.ecr.aws"]),
        ("R=quay.io; docker login -u a -p b $R", ["quay.io"]),
        ("$(aws ecr get-login --no-include-email)", ["*.dkr.ecr*.amazonaws.com*"]),
        ("eval $(aws --region x ecr get-login)", ["*.dkr.ecr*.amazonaws.com*"]),
        ('bash -c "$(aws ecr get-login)"', ["*.dkr.ecr*.amazonaws.com*"]),
        ("gcloud auth configure-docker --quiet",
         ["gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io", "marketplace.gcr.io"]),
        ("gcloud auth configure-docker us-docker.pkg.dev,eu.gcr.io",
         ["us-docker.pkg.dev", "eu.gcr.io"]),
        ("gcloud --project p docker -- push x",
         ["gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io", "marketplace.gcr.io"]),
        ("az acr login --name me", ["me.azurecr.io"]),
        ("az acr login -n << pipeline.parameters.r >> | grep x", ["*.azurecr.io"]),
        ("az acr login -n me.azurecr.io", ["me.azurecr.io"]),
    ],
)  # fmt: skip
def test_which_registries(text: str, expected: list[str]) -> None:
    assert list(the_login(text).registries) == expected


@pytest.mark.parametrize(
    "text",
    [
        "aws ecr get-login-password > f",
        "docker login --help",
        "podman login --get-login",
        "az acr login -n me --expose-token",
        "gcloud auth login",
        "echo docker login -u a -p b",
        "cargo login; heroku container:login; docker logins",
    ],
)
def test_what_is_no_login(text: str) -> None:
    assert facts_in(text) == []


def test_the_pattern_of_ecr_matches_its_hosts() -> None:
    (pattern,) = the_login("$(aws ecr get-login)").registries
    assert host_matches(pattern, "123456789012.dkr.ecr.eu-west-1.amazonaws.com")
    assert host_matches(pattern, "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com")
    assert not host_matches(pattern, "docker.io")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker logout", ["logout docker.io"]),
        ("docker logout quay.io", ["logout quay.io"]),
        ("echo $C > ~/.docker/config.json", ["credentials"]),
        ("mkdir -p ~/.docker && echo $C >> $HOME/.docker/config.json", ["credentials"]),
        ("cat > ~/.docker/config.json <<EOF\n{}\nEOF", ["logout of all in ~/.docker"]),
        ("cat > ~/.docker/config.json <<EOF\n$C\nEOF", ["credentials"]),
        ("cp ci/config.json ~/.docker/config.json", ["credentials"]),
        ("echo $C | base64 -d | sudo tee /root/.docker/config.json", ["credentials"]),
        ("echo $C > ~/.dockercfg", ["credentials"]),
        ("export DOCKER_AUTH_CONFIG=$C", ["credentials"]),
        ("true && echo $C > ~/.docker/config.json || exit 1", ["credentials"]),
        ("! echo $C > ~/.docker/config.json", ["credentials"]),
        ("cat ~/.docker/config.json; rm ~/.docker/config.json", ["logout of all in ~/.docker"]),
        ("rm -rf $HOME/.docker/", ["logout of all in ~/.docker"]),
        ("sudo rm -rf /root/.docker", ["logout of all in ~root/.docker"]),
        ("export DOCKER_CONFIG=/srv/c; rm -rf $DOCKER_CONFIG", ["logout of all in /srv/c"]),
        ("rm -rf ~/.docker/cli-plugins ~/.dockerignore docker", []),
        ("mv ~/.docker /tmp/kept", ["logout of all in ~/.docker", "credentials"]),
        ("cp ~/.docker/config.json /tmp", []),
        ("curl x > ~/.docker/cli-plugins/docker-buildx", []),
    ],
)
def test_credentials_that_come_and_go(text: str, expected: list[str]) -> None:
    assert facts_in(text) == expected


def test_who_logs_in() -> None:
    login = the_login('echo "$P" | docker login --username "${U}" --password-stdin quay.io')
    assert not login.by_cloud_cli
    assert login.username is not None
    assert login.username.text == '"${U}"'
    assert login.username.value == "${U}"
    assert login.registry is not None
    assert login.registry.value == "quay.io"
    assert login.password is None
    assert login.password_stdin
    assert login.variables == {"P", "U"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker login -u U -p P", "echo P | docker login -u U --password-stdin"),
        ('docker login -u "$U" -p "$P" quay.io',
         'echo "$P" | docker login -u "$U" --password-stdin quay.io'),
        ("docker login -p $P -u $U", "echo $P | docker login --password-stdin -u $U"),
        ('docker login -u="$U" -p="$P"', 'echo "$P" | docker login -u="$U" --password-stdin'),
        ("docker login quay.io --username U --password ${P}",
         "echo ${P} | docker login quay.io --username U --password-stdin"),
        ("docker login --password='$P' -u U", "echo '$P' | docker login --password-stdin -u U"),
        ("docker login -uU -p$P", "echo $P | docker login -uU --password-stdin"),
        ("docker login \\\n  -u U \\\n  -p P \\\n  quay.io",
         "echo P | docker login \\\n  -u U \\\n  --password-stdin \\\n  quay.io"),
        ("sudo -E docker login -u U -p P", "echo P | sudo -E docker login -u U --password-stdin"),
        ("A=b docker login -u U -p P > /dev/null 2>&1 || true",
         "echo P | A=b docker login -u U --password-stdin > /dev/null 2>&1 || true"),
        ("if ! docker login -u U -p P; then exit 1; fi",
         "if ! echo P | docker login -u U --password-stdin; then exit 1; fi"),
        ("cd x && docker login -u U -p P | tee f",
         "cd x && echo P | docker login -u U --password-stdin | tee f"),
        ("docker login -u U -p $(cat f)", "echo $(cat f) | docker login -u U --password-stdin"),
        ("docker login -u U -p << parameters.p >>",
         "echo << parameters.p >> | docker login -u U --password-stdin"),
        ("bash -c 'docker login -u U -p \"$P\"'",
         "bash -c 'echo \"$P\" | docker login -u U --password-stdin'"),
        ("echo \u00fc\ndocker login -u \u00e9 -p \u00e8\n",
         "echo \u00fc\necho \u00e8 | docker login -u \u00e9 --password-stdin\n"),
        ("timeout 9 docker login -u U -p P",
         "echo P | timeout 9 docker login -u U --password-stdin"),
        ("f() { docker login -u $1 -p $2; }\nf U P",
         "f() { echo $2 | docker login -u $1 --password-stdin; }\nf U P"),
    ],
)  # fmt: skip
def test_a_password_argument_can_be_replaced(text: str, expected: str) -> None:
    login = the_login(text)
    password = login.password
    assert password is not None
    assert password.obstacle is None
    new = (
        text[: password.insert_at]
        + f"echo {password.value.text} | "
        + text[password.insert_at : password.start]
        + "--password-stdin"
        + text[password.end :]
    )
    assert new == expected
    again = the_login(new)
    assert again.password is None
    assert again.password_stdin


@pytest.mark.parametrize(
    "text",
    [
        "cat f | docker login -u U -p P",
        "docker login -u U -p P < f",
        "true && docker login -u U -p P < f",
        "docker login -u U -p P <<< x && true",
        "retry docker login -u U -p P",
        "cat l | xargs docker login -u U -p P",
        "sudo -S docker login -u U -p P",
        "docker login -u U -p P -p Q",
        "docker login -e me@example.org -u U -p P",
        'docker login -u U "-p$P"',
        'docker login -u U "--password=$P"',
        'r() { "$@" || "$@"; }\nr docker login -u U -p P',
    ],
)
def test_a_password_argument_that_stays(text: str) -> None:
    password = next(
        fact.password for fact in facts_of(text).facts if isinstance(fact, Login) and fact.password
    )
    assert password.obstacle


@pytest.mark.parametrize(
    ("word", "quoting"),
    [
        ("$P", Quoting.NONE),
        ("${P}", Quoting.NONE),
        ('"$P"', Quoting.DOUBLE),
        ("'x'", Quoting.SINGLE),
        ('a"$P"', Quoting.MIXED),
        ("$'x'", Quoting.MIXED),
    ],
)
def test_how_the_password_is_quoted(word: str, quoting: Quoting) -> None:
    for option in ("-p ", "--password=", "--password "):
        password = the_login(f"docker login -u U {option}{word}").password
        assert password is not None
        assert password.value.text == word
        assert password.value.quoting is quoting


def test_a_password_never_shows_in_a_repr() -> None:
    script = facts_of(
        "docker login -u me -p hunter2\ndocker build --build-arg T=hunter2 .\n"
        "A=hunter2 docker compose up\ndocker build - <<EOF\nhunter2\nEOF"
    )
    assert len(script.facts) == 4
    assert "hunter2" not in repr(script)


@pytest.mark.parametrize(
    ("command", "directory"),
    [
        ("docker pull x", "~/.docker"),
        ("sudo docker pull x", "~root/.docker"),
        ("sudo -n docker pull x", "~root/.docker"),
        ("sudo -E docker pull x", "another user's in ~/.docker"),
        ("sudo -nE docker pull x", "another user's in ~/.docker"),
        ("sudo -EH docker pull x", "~root/.docker"),
        ("sudo --preserve-env=HOME,PATH docker pull x", "another user's in ~/.docker"),
        ("sudo --preserve-env=PATH docker pull x", "~root/.docker"),
        ("sudo -u circleci docker pull x", "~/.docker"),
        ('sudo -u "$USER" docker pull x', "~/.docker"),
        ("sudo --user=deploy docker pull x", "~deploy/.docker"),
        ("sudo HOME=$HOME docker pull x", "another user's in ~/.docker"),
        ("sudo DOCKER_CONFIG=/etc/d docker pull x", "another user's in /etc/d"),
        ("DOCKER_CONFIG=/etc/d sudo docker pull x", "~root/.docker"),
        ("DOCKER_CONFIG=/etc/d docker pull x", "/etc/d"),
        ("env DOCKER_CONFIG=/etc/d docker pull x", "/etc/d"),
        ("HOME=/srv/h docker pull x", "/srv/h/.docker"),
        ("docker --config /etc/d/ pull x", "/etc/d"),
        ("docker --config=$HOME/.docker pull x", "~/.docker"),
        ("sudo docker --config ${HOME}/d pull x", "another user's in ~/d"),
        ("DOCKER_CONFIG=/a docker --config /b pull x", "/b"),
        ("export DOCKER_CONFIG=/etc/d\ndocker pull x", "/etc/d"),
        ("export DOCKER_CONFIG=/etc/d\nunset DOCKER_CONFIG\ndocker pull x", "~/.docker"),
        ("(export DOCKER_CONFIG=/etc/d)\ndocker pull x", "~/.docker"),
        ("export DOCKER_CONFIG=/a; export DOCKER_CONFIG=/b; docker pull x", "/b"),
        ("if test -f x; then export DOCKER_CONFIG=/a; fi; docker pull x", None),
        ("$SUDO docker pull x", None),
        ("SUDO=sudo; $SUDO docker pull x", "~root/.docker"),
        ("cd a; DOCKER_CONFIG=d docker pull x", "a/d"),
        ("sudo bash -c 'docker pull x'", "~root/.docker"),
        ("sudo -E sh -ec 'docker pull x'", "another user's in ~/.docker"),
        ("su - deploy -c 'docker pull x'", "~deploy/.docker"),
        ("su -c 'docker pull x'", "~root/.docker"),
        ("sudo docker-compose pull", "~root/.docker"),
        ("sudo docker build .", "~root/.docker"),
        ("sudo -E -u $USER docker pull x", "~/.docker"),
        ("sudo -E env -i docker pull x", "another user's in ~/.docker"),
        ("sudo docker --config ~/.docker pull x", "another user's in ~/.docker"),
        ("DOCKER_CONFIG=/etc/d podman pull x", "~/.docker"),
        ("sudo podman pull x", "~root/.docker"),
        ("export DOCKER_CONFIG=/a; env -u DOCKER_CONFIG docker pull x", "~/.docker"),
        ("export DOCKER_CONFIG=/a; env --unset=DOCKER_CONFIG docker pull x", "~/.docker"),
    ],
)
def test_where_a_command_looks_for_logins(command: str, directory: str | None) -> None:
    (fact,) = facts_of(command).facts
    assert isinstance(fact, ImagePull | Build | ComposeCommand)
    assert fact.config == directory


def test_directories_that_a_program_makes_are_all_different() -> None:
    line = "DOCKER_CONFIG=$(mktemp -d)\nexport DOCKER_CONFIG\ndocker pull x\n"
    first, second = (f for f in facts_of(line + line).facts if isinstance(f, ImagePull))
    assert first.config != second.config


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('{"auths": {"https://index.docker.io/v1/": {"auth": "$A"}}}', ("docker.io",)),
        ('{"auths": {"docker.io": {"auth": "$A"}}}', ("docker.io/",)),
        ('{"auths": {"quay.io": {}, "https://ghcr.io": {}}}', ("quay.io", "ghcr.io")),
        ('{"credHelpers": {"gcr.io": "gcloud"}}', ("gcr.io",)),
        ('{"auths": {"$HOST": {}}}', None),
        ('{"credsStore": "pass"}', None),
        ('{"auths": $AUTHS}', None),
    ],
)
def test_the_logins_of_a_written_file(text: str, keys: tuple[str, ...] | None) -> None:
    for command in (f"cat > ~/.docker/config.json <<EOF\n{text}\nEOF",
                    f"echo '{text}' > ~/.docker/config.json"):  # fmt: skip
        *_, fact = facts_of(command).facts
        assert isinstance(fact, CredentialFile)
        assert fact.keys == keys
