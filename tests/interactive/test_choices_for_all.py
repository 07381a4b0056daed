"""The choices that hold for all fixes: which are asked, with which default, and what they do."""

from __future__ import annotations

from tests.interactive.conftest import CONFIG, HARD, MakeRepository, config_of, run
from tests.interactive.dialog import ENTER, Dialog

CLEAR = "\x15"

#: Credentials and a context of its own, and one image without.
WITH_CONVENTION = """\
version: 2.1
jobs:
  build:
    docker:
      - image: acme/app:1
        auth: {username: acme-ci, password: $ACME_TOKEN}
      - image: redis:7
    steps: [checkout]
workflows:
  main:
    jobs:
      - build: {context: acme-docker}
"""


def test_the_answers_are_what_is_written(repository: MakeRepository) -> None:
    root = repository(policy=None)
    dialog = Dialog(root, "-i")
    dialog.answer(("Where do the jobs run?", "2"), ("Where are the variables", "2"))
    dialog.answer(("Docker Hub user name:", f"{CLEAR}{ENTER}"))
    dialog.see("must be a name or a $VARIABLE").press(f"HUB_USER{ENTER}")
    dialog.see("variable; write $HUB_USER").press(f"{CLEAR}acme-ci{ENTER}")
    dialog.answer(("Variable with the password:", f"{CLEAR}ACME_TOKEN{ENTER}"))
    # The project's settings hold the variables: no context is asked for, and none is written.
    dialog.see("On CircleCI Server the pull is anonymous")
    dialog.answer(("Fix 1/3 ", "f"), ("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert "Context with both variables" not in dialog.text
    assert "How do steps log in" not in dialog.text
    assert config_of(root).count("username: acme-ci\n          password: $ACME_TOKEN\n") == 3
    assert "context" not in config_of(root)


def test_what_is_said_is_not_asked(repository: MakeRepository) -> None:
    root = repository(HARD, 'platform = "runner"\n[registries."docker.io"]\nusername = "bot"\n')
    dialog = Dialog(root, "-i", "--context", "hub", "--login", "orb")
    dialog.answer(("Where are the variables", ENTER), ("Variable with the password:", ENTER))
    dialog.see("Question 1/5 ").press("q")
    assert dialog.ended() == 1
    for topic in ("Where do the jobs run?", "user name:", "Context with", "How do steps"):
        assert topic not in dialog.text


def test_the_default_is_what_the_file_does(repository: MakeRepository) -> None:
    root = repository(WITH_CONVENTION, None)
    dialog = Dialog(root, "-i").answer(("Where do the jobs run?", ENTER))
    dialog.see("as the files do (a context)").answer(("Where are the variables", ENTER))
    dialog.see("user name:").answer(("acme-ci", ENTER)).see("password:")
    dialog.answer(("$ACME_TOKEN", ENTER)).see("Context with both variables:")
    dialog.answer(("acme-docker", ENTER), ("Fix 1/1 ", "a"), ("Write 1 file?", "y"))
    assert dialog.ended() == 0
    auth = "        auth: {username: acme-ci, password: $ACME_TOKEN}\n"
    assert config_of(root) == WITH_CONVENTION.replace("redis:7\n", "redis:7\n" + auth)


def test_other_names_than_the_files_own(repository: MakeRepository) -> None:
    root = repository(WITH_CONVENTION, None)
    dialog = Dialog(root, "-i", "--platform", "cloud").answer(("Where are the variables", ENTER))
    dialog.answer(("user name:", f"{CLEAR}bot{ENTER}"), ("Variable with the password:", ENTER))
    dialog.answer(("Context with both variables:", ENTER), ("Fix 1/1 ", "a"), ("Write 1", "y"))
    assert dialog.ended() == 0
    auth = "        auth:\n          username: bot\n          password: $ACME_TOKEN\n"
    assert config_of(root) == WITH_CONVENTION.replace("redis:7\n", "redis:7\n" + auth)


def test_nothing_to_decide_on_asks_nothing(repository: MakeRepository) -> None:
    root = repository(WITH_CONVENTION.replace("      - image: redis:7\n", ""), None)
    dialog = Dialog(root, "-i").see("Nothing to decide.")
    assert dialog.ended() == 0
    assert "?" not in dialog.text


def test_init_writes_a_policy_that_is_then_followed(repository: MakeRepository) -> None:
    root = repository(policy=None)
    dialog = Dialog(root, "init").see("Docker Hub: 3 pulls, 3 not authenticated")
    dialog.answer(("Where do the jobs run?", "2"), ("Where are the variables", "1"))
    dialog.answer(("user name:", f"{CLEAR}acme-ci{ENTER}"), ("the password:", ENTER))
    dialog.answer(("Context with both variables:", f"{CLEAR}acme{ENTER}"))
    dialog.answer(("How do steps log in", "2"), ("Write .cci-migrate.toml?", "y"))
    dialog.see("Wrote .cci-migrate.toml.")
    assert dialog.ended() == 0
    assert (root / ".cci-migrate.toml").read_text() == (
        "# What cci-migrate writes if a config has no convention of its own.\n"
        "\n"
        'platform = "server"\n'
        'credentials = "context"\n'
        'login = "cli"\n'
        "\n"
        '[registries."docker.io"]\n'
        'username = "acme-ci"\n'
        'password = "$DOCKERHUB_PASSWORD"\n'
        'context = "acme"\n'
    )
    assert run(root).returncode == 0
    assert config_of(root).count("username: acme-ci\n") == 3
    assert config_of(root).count("context: acme\n") == 2
    done = run(root, "init")
    assert done.returncode == 2
    assert "the policy file exists already" in done.stderr


def test_init_can_be_left_without_a_trace(repository: MakeRepository) -> None:
    root = repository(policy=None)
    for key in ("\x03", "\x04"):
        dialog = Dialog(root, "init").see("Where do the jobs run?").press(key)
        assert dialog.ended() == 130
        assert "interrupted; nothing was written" in dialog.text
    dialog = Dialog(root, "init")
    dialog.answer(
        *((text, ENTER) for text in ("jobs run?", "Where are the variables", "user name:"))
    )
    dialog.answer(*((text, ENTER) for text in ("the password:", "Context with", "log in")))
    dialog.answer(("Write .cci-migrate.toml?", "n")).see("Nothing was written.")
    assert dialog.ended() == 0
    assert not (root / ".cci-migrate.toml").exists()
    assert config_of(root) == CONFIG


OTHERS = """\
version: 2.1
jobs:
  build:
    docker:
      - image: quay.io/acme/app:1
      - image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1
      - image: ghcr.io/acme/app:1
        auth: {username: $GH_USER, password: $GH_TOKEN}
      - image: mcr.microsoft.com/mssql/server:2022
    steps: [checkout]
workflows:
  main:
    jobs:
      - build: {context: github}
"""


def test_init_asks_about_every_registry_that_it_lists(repository: MakeRepository) -> None:
    root = repository(OTHERS, None)
    dialog = Dialog(root, "init")
    dialog.answer(("jobs run?", ENTER), ("Where are the variables", "1"), ("user name:", ENTER))
    dialog.answer(("the password:", ENTER), ("Context with", ENTER), ("log in", ENTER))
    dialog.answer(("Credentials for 123456789012", "o"))
    dialog.answer(("Oidc role arn:", f"arn:aws:iam::123456789012:role/pull{ENTER}"))
    dialog.answer(("Context with the variables", f"aws{ENTER}"))
    # What authenticated pulls read is the default.
    dialog.see("ghcr.io: 1 pull, 1 authenticated.").answer(("Credentials for ghcr.io?", "p"))
    dialog.answer(("User name:", f"{CLEAR}<{ENTER}"), ("Credentials for ghcr.io?", "p"))
    dialog.answer(("$GH_USER", ENTER), ("$GH_TOKEN", ENTER), ("github", ENTER))
    dialog.answer(("Credentials for quay.io?", "n"), ("Write .cci-migrate.toml?", "y"))
    assert dialog.ended() == 0
    assert "mcr.microsoft.com?" not in dialog.text
    policy = (root / ".cci-migrate.toml").read_text()
    assert policy.endswith(
        '[registries."123456789012.dkr.ecr.eu-west-1.amazonaws.com"]\n'
        'oidc-role-arn = "arn:aws:iam::123456789012:role/pull"\n'
        'context = "aws"\n'
        "\n"
        '[registries."ghcr.io"]\n'
        'username = "$GH_USER"\n'
        'password = "$GH_TOKEN"\n'
        'context = "github"\n'
    )
    assert run(root, "--check").returncode == 1
