"""The policy file and its schema agree, and every mistake is told with its place."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.policy.file import PolicyError, find_policy_file, read_policy_file
from cci_migrate.policy.name_syntax import secret_variable, variable
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    JobCredential,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
    UnknownSteps,
)
from cci_migrate.policy.text import policy_text
from cci_migrate.rules.catalogue import RULES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RULE_IDS = frozenset(rule.id for rule in RULES)
LITERAL = "hunter2-is-not-a-name"

COMPLETE = """\
platform = "server"
credentials = "context"
login = "cli"
unknown-steps = "login"
docker-orb = "3.0.1"
fix-orbs = true
add-workflow = true
mirror = "mirror.acme.dev/hub"
upgrade-version = true
baseline = "ci/baseline.json"
select = ["unauthenticated-image", "missing-context"]
ignore = ["sunset-version"]
exempt-images = ["cimg/*"]
exclude = ["ci/templates", "*.tpl.yml"]

[registries."quay.io"]
username = "acme+robot"
password = "$QUAY_TOKEN"
context = "quay"

[[registries."quay.io".jobs]]
match = ["deploy*", "release-*"]
username = "$PROD_USER"
password = "$PROD_TOKEN"
context = "quay-production"

[[registries."quay.io".jobs]]
match = "nightly"
oidc-role-arn = "$ROLE"

[registries."*.dkr.ecr.*.amazonaws.com"]
aws-access-key-id = "$AWS_ACCESS_KEY_ID"
aws-secret-access-key = "${AWS_SECRET_ACCESS_KEY}"

[registries."*.dkr.ecr.eu-west-1.amazonaws.com"]
oidc-role-arn = "arn:aws:iam::123456789012:role/pull"

[registries."*-docker.pkg.dev"]
oidc-service-account = "$GCP_ACCOUNT"
workload-identity-pool = "$GCP_POOL"
workload-identity-provider = "$GCP_PROVIDER"

[registries."docker.io"]
username = "${HUB_USER}"
password = "HUB_TOKEN"
context = false
"""


JOBS = '[registries."docker.io"]\n'
ONE_JOB = f'{JOBS}[[registries."docker.io".jobs]]\n'


def write(folder: Path, text: str, name: str = ".cci-migrate.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def policy_of(folder: Path, text: str) -> Policy:
    """The policy of a file that is ``text``."""
    return read_policy_file(write(folder, text), RULE_IDS).policy


def refuses(folder: Path, text: str, told: str) -> None:
    """Fail unless a file that is ``text`` is refused, with words that match ``told``."""
    with pytest.raises(PolicyError, match=told):
        policy_of(folder, text)


def schema() -> dict[str, Any]:
    text = (files("cci_migrate") / "schemas" / "policy.schema.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def fits_schema(text: str) -> bool:
    return jsonschema.Draft202012Validator(schema()).is_valid(tomllib.loads(text))


def test_every_key_reaches_the_policy(tmp_path: Path) -> None:
    found = read_policy_file(write(tmp_path, COMPLETE), RULE_IDS)
    assert found.baseline == tmp_path / "ci" / "baseline.json"
    policy = found.policy
    assert policy == Policy(
        platform=Platform.SERVER,
        credentials=CredentialStore.CONTEXT,
        login=LoginMethod.CLI,
        unknown_steps=UnknownSteps.LOGIN,
        docker_orb="3.0.1",
        fix_orbs=True,
        add_workflow=True,
        mirror=Mirror("mirror.acme.dev", "hub"),
        upgrade_version=True,
        select=frozenset({"unauthenticated-image", "missing-context"}),
        ignore=frozenset({"sunset-version"}),
        exempt_images=("cimg/*",),
        exclude=("ci/templates", "*.tpl.yml"),
        registries=(
            RegistryPolicy(
                "quay.io",
                PasswordAuth("acme+robot", "$QUAY_TOKEN"),
                "quay",
                (
                    JobCredential(
                        ("deploy*", "release-*"),
                        PasswordAuth("$PROD_USER", "$PROD_TOKEN"),
                        "quay-production",
                    ),
                    JobCredential(("nightly",), AwsRoleAuth("$ROLE")),
                ),
            ),
            RegistryPolicy(
                "*.dkr.ecr.*.amazonaws.com",
                AwsKeyAuth("$AWS_ACCESS_KEY_ID", "$AWS_SECRET_ACCESS_KEY"),
            ),
            RegistryPolicy(
                "*.dkr.ecr.eu-west-1.amazonaws.com",
                AwsRoleAuth("arn:aws:iam::123456789012:role/pull"),
            ),
            RegistryPolicy(
                "*-docker.pkg.dev", GcpAuth("$GCP_ACCOUNT", "$GCP_POOL", "$GCP_PROVIDER")
            ),
            RegistryPolicy("docker.io", PasswordAuth("$HUB_USER", "$HUB_TOKEN"), None),
        ),
    )


def test_the_complete_file_uses_every_key_of_the_schema() -> None:
    assert fits_schema(COMPLETE)
    assert {key for key in keys_of(schema()) if key not in COMPLETE} == set()


def keys_of(part: Any) -> set[str]:
    """The keys that ``part`` of a schema knows."""
    if isinstance(part, list):
        return set().union(*map(keys_of, part))
    if not isinstance(part, dict):
        return set()
    return set(part.get("properties", ())).union(*map(keys_of, part.values()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", DEFAULT_DOCKER_HUB),
        ('[registries."docker.io"]\n', DEFAULT_DOCKER_HUB),
        (
            '[registries."docker.io"]\ncontext = "hub"\n',
            RegistryPolicy("docker.io", DEFAULT_DOCKER_HUB.credential, "hub"),
        ),
        (
            '[registries."docker.io"]\nusername = "acme"\n',
            RegistryPolicy(
                "docker.io", PasswordAuth("acme", "$DOCKERHUB_PASSWORD"), "docker-hub-creds"
            ),
        ),
    ],
)
def test_docker_hub_keeps_the_defaults_that_are_not_named(
    tmp_path: Path, text: str, expected: RegistryPolicy
) -> None:
    assert policy_of(tmp_path, text).registries == (expected,)
    assert fits_schema(text)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('platfrom = "cloud"\n', 1, "unknown key platfrom; did you mean platform?"),
        ('\nplatform = "saas"\n', 2, 'platform must be "cloud" or "server" or "runner"'),
        ('credentials = "vault"\n', 1, 'credentials must be "context" or "project"'),
        ("fix-orbs = 1\n", 1, "fix-orbs must be true or false"),
        ('select = "sunset-version"\n', 1, "select must be a list of strings"),
        ("docker-orb = 4\n", 1, "docker-orb must be a version string"),
        ('mirror = "https://mirror.acme.dev"\n', 1, "mirror: an image's name has no https://"),
        ("mirror = true\n", 1, "mirror must be a string"),
        ("registries = []\n", 1, "registries must be tables"),
        ('[registries."quay.io"]\nusername = "a"\n', 1, "password is missing"),
        (
            '[registries."https://index.docker.io/v1/"]\n',
            1,
            'https://index.docker.io/v1/ is not a registry host; write [registries."docker.io"]',
        ),
        (
            '[registries."quay.io/acme"]\nusername = "a"\n',
            1,
            'quay.io/acme is not a registry host; write [registries."quay.io"]',
        ),
        ('[registries."a b"]\n', 1, "a b is not a registry host"),
        (
            'credentials = "project"\n[registries."docker.io"]\ncontext = "a"\n',
            3,
            'context conflicts with credentials = "project"',
        ),
        (
            f"credentials = 'project'\n{ONE_JOB}match = 'a'\nusername = 'a'\npassword = '$P'\n"
            "context = 'b'\n",
            7,
            'context conflicts with credentials = "project"',
        ),
        ('[registries."quay.io"]\n', 1, "quay.io must have one kind of credential"),
        (
            '[registries."quay.io"]\nusername="a"\npassword="$P"\noidc-role-arn = "x"\n',
            1,
            "quay.io must have one kind of credential",
        ),
        (
            '[registries."docker.io"]\nusername = "a"\n\npasword = "$P"\n',
            4,
            "unknown key pasword; did you mean password?",
        ),
        (
            f'{JOBS}oidc-role-arn = "arn:aws:iam::123456789012:role/pull"\n',
            2,
            "unknown key oidc-role-arn; known: context, jobs, password, username",
        ),
        (f"{JOBS}jobs = 1\n", 2, 'jobs must be tables: [[registries."docker.io".jobs]]'),
        (f"{ONE_JOB}username = 'a'\npassword = '$P'\n", 2, "match must be names of jobs"),
        (f"{ONE_JOB}match = []\noidc-role-arn = 'a'\n", 3, "match must be names of jobs"),
        (f"{ONE_JOB}match = 'a'\n", 2, "jobs must have one kind of credential"),
        (f"{ONE_JOB}match = 'a'\nusername = 'a'\n", 2, "password is missing"),
        (
            f"{ONE_JOB}match = 'a'\noidc-role-arn = 'a'\n"
            '[[registries."docker.io".jobs]]\nmatch = "b"\nuser = "c"\n',
            7,
            "unknown key user; did you mean username?",
        ),
        ('[registries."docker.io"]\ncontext = true\n', 2, "context must be the name of a context"),
        ('[registries."docker.io"]\ncontext = " a"\n', 2, "context must be the name of a context"),
        ('[registries."docker.io"]\nusername = ""\n', 2, "username must be a name or a $VARIABLE"),
        (
            f'[registries."docker.io"]\npassword = "{LITERAL}"\n',
            2,
            "password must be the name of an environment variable",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_schema_sees_it_too(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        read_policy_file(path, RULE_IDS)
    assert str(caught.value).startswith(f"{path}:{line}: {told}")
    assert LITERAL not in str(caught.value)
    assert not fits_schema(text)


def test_a_mistake_in_pyproject_is_told_with_its_line(tmp_path: Path) -> None:
    text = '[project]\nplatform = "x"\n[tool.cci-migrate.registries."docker.io"]\nuser = "x"\n'
    path = write(tmp_path, text, "pyproject.toml")
    with pytest.raises(PolicyError, match=r":4: unknown key user; did you mean username\?"):
        read_policy_file(path, RULE_IDS)


def test_names_of_docker_hub_are_one_registry_with_its_defaults(tmp_path: Path) -> None:
    text = '[registries."Index.Docker.io"]\nusername = "acme"\n'
    credential = PasswordAuth("acme", "$DOCKERHUB_PASSWORD")
    expected = RegistryPolicy("docker.io", credential, "docker-hub-creds")
    assert policy_of(tmp_path, text).registries == (expected,)
    refuses(tmp_path, f"{text}{JOBS}", r":3: duplicate table for docker.io")


@pytest.mark.parametrize("pattern", ["*", "*.io", "docker.*"])
def test_no_pattern_reaches_docker_hub(tmp_path: Path, pattern: str) -> None:
    text = f'[registries."{pattern}"]\nusername = "$U"\npassword = "$P"\n'
    policy = policy_of(tmp_path, text)
    assert policy.registry_for("docker.io") == DEFAULT_DOCKER_HUB
    other = pattern.replace("*", "quay")
    assert policy.registry_for(other) == RegistryPolicy(pattern, PasswordAuth("$U", "$P"))


def test_a_rule_both_selected_and_ignored(tmp_path: Path) -> None:
    text = 'select = ["orb-pull"]\nignore = ["orb-pull"]\n'
    refuses(tmp_path, text, ":1: select and ignore both name orb-pull")


def test_a_name_that_two_of_the_jobs_match_is_told(tmp_path: Path) -> None:
    second = '[[registries."docker.io".jobs]]\nmatch = ["b", "a"]\noidc-role-arn = "d"\n'
    text = f"{ONE_JOB}match = 'a'\noidc-role-arn = 'c'\n{second}"
    refuses(tmp_path, text, ":6: two jobs tables match a")


def test_an_unknown_rule_is_told_with_the_nearest(tmp_path: Path) -> None:
    text = 'ignore = ["sunset-versions"]\n'
    refuses(tmp_path, text, r"sunset-versions; did you mean sunset-version\?")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"platform = cloud\n", r":1: is not TOML"),
        (b"\xff\xfe", r"can't be read: not UTF-8 text"),
        (b"a = 1\na = 2\n", r"is not TOML"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / ".cci-migrate.toml"
    path.write_bytes(data)
    with pytest.raises(PolicyError, match=told):
        read_policy_file(path, RULE_IDS)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / ".cci-migrate.toml"
    path.write_bytes(b'\xef\xbb\xbfplatform = "server"\r\n')
    assert read_policy_file(path, RULE_IDS).policy.platform is Platform.SERVER


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    far = write(tmp_path, 'platform = "server"\n')
    assert find_policy_file(deep) == far
    shared = write(tmp_path / "a", "[tool.cci-migrate]\n", "pyproject.toml")
    assert find_policy_file(deep) == shared
    own = write(tmp_path / "a", "")
    with pytest.raises(PolicyError, match=r"pyproject.toml: .* are both policies; keep one"):
        find_policy_file(deep)
    shared.unlink()
    assert find_policy_file(deep) == own
    write(deep, "[tool.ruff]\n", "pyproject.toml")
    assert find_policy_file(deep) == own


def test_a_broken_pyproject_that_is_not_ours_is_passed_by(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    far = write(tmp_path, "")
    write(inner, "# cci-migrate\nname = unquoted\n", "pyproject.toml")
    assert find_policy_file(inner) == far


@pytest.mark.parametrize(
    "text", ["DOCKERHUB_PASSWORD", "$DOCKERHUB_PASSWORD", "${DOCKERHUB_PASSWORD}"]
)
def test_the_name_of_a_secret_in_each_spelling(text: str) -> None:
    assert secret_variable(text) == "$DOCKERHUB_PASSWORD"


@pytest.mark.parametrize(
    "text", ["hunter2", "HUNTER2", "Hunter_2", "$", "${A", "$A-B", "", "$1A", "a b"]
)
def test_what_may_be_the_secret_itself_is_not_taken_for_a_name(text: str) -> None:
    assert secret_variable(text) is None


@pytest.mark.parametrize("text", ["$a", "${B_1}", "c"])
def test_variables(text: str) -> None:
    assert variable(text) == "$" + text.strip("${}")


def test_a_policy_written_out_says_the_same(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, COMPLETE)
    assert policy_of(tmp_path, policy_text(policy)) == policy


@pytest.mark.parametrize("name", [".cci-migrate.toml", "pyproject.toml"])
def test_a_link_that_leaves_the_repository_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "credentials.toml").write_text("[tool.cci-migrate]\nhunter2 = 1\n")
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "ci").mkdir()
    (repository / name).symlink_to("../credentials.toml")
    with pytest.raises(PolicyError, match="symbolic link out of the repository") as error:
        find_policy_file(repository / "ci")
    assert "hunter2" not in str(error.value)
    (repository / name).unlink()
    (repository / "shared.toml").write_text("[tool.cci-migrate]\n")
    (repository / name).symlink_to("shared.toml")
    assert find_policy_file(repository / "ci") == repository / name
