"""`context create`: what it asks, what it stores, and that it shows no value."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

from cci_migrate.policy.settings import JobCredential, PasswordAuth, Policy, RegistryPolicy
from cci_migrate.preflight.context_creation import variables_for_context
from tests.preflight.circleci_stand_in import CircleCiStandIn, Fault, StoredOrganisation
from tests.preflight.conftest import ORGANISATION, Program, settings

CREATE = ("context", "create")
VALUES = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_PASSWORD": "hunter2-hunter2"}
FROM_ENVIRONMENT = ("--from-env", "--yes", "--org", ORGANISATION)
NAME = "docker-hub-creds"
PUT = "PUT /context/{context-id}/environment-variable/{env-var-name}"


@pytest.fixture
def acme(circleci: CircleCiStandIn) -> StoredOrganisation:
    """An organisation with three contexts: more than a page."""
    made = circleci.organisation(ORGANISATION)
    for name in ("one", "two", "three"):
        made.context(name)
    return made


def writes(circleci: CircleCiStandIn) -> int:
    return sum(not call.startswith("GET ") for call in circleci.calls)


def test_it_is_made_and_filled_and_made_no_second_time(
    process: Program, acme: StoredOrganisation, circleci: CircleCiStandIn
) -> None:
    done = process(*CREATE, *FROM_ENVIRONMENT, **VALUES)
    assert done.code == 0, done.err
    assert acme.contexts[NAME].values == VALUES
    assert "create the context and store DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD" in done.out
    assert writes(circleci) == 3
    again = process(*CREATE, *FROM_ENVIRONMENT)
    assert again.code == 0
    assert "nothing to do: it exists with all variables" in again.out
    assert writes(circleci) == 3
    assert (
        process("doctor", "--only", "circleci").out.count("docker-hub-creds: exists and holds") == 1
    )


def test_one_that_is_there_gets_what_it_lacks(run: Program, acme: StoredOrganisation) -> None:
    acme.context(NAME, DOCKERHUB_USERNAME="grace", OTHER="kept")
    done = run(*CREATE, *FROM_ENVIRONMENT, **VALUES)
    assert done.code == 0
    password = VALUES["DOCKERHUB_PASSWORD"]
    assert acme.contexts[NAME].values == {
        "DOCKERHUB_USERNAME": "grace",
        "OTHER": "kept",
        "DOCKERHUB_PASSWORD": password,
    }
    done = run(*CREATE, *FROM_ENVIRONMENT, "--overwrite", **VALUES)
    assert done.code == 0
    assert "replace DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD" in done.out
    assert acme.contexts[NAME].values == {**VALUES, "OTHER": "kept"}


def test_a_name_that_differs_by_case_only(run: Program, acme: StoredOrganisation) -> None:
    acme.context("Docker-Hub-Creds", **VALUES)
    done = run(*CREATE, *FROM_ENVIRONMENT, **VALUES)
    assert done.code == 0
    assert done.err == (
        "warning: gh/acme has Docker-Hub-Creds, whose name differs from docker-hub-creds by case "
        "only; CircleCI treats them as different contexts\n"
    )
    # Once it is there, nobody mistakes the other for it.
    assert run(*CREATE, *FROM_ENVIRONMENT, **VALUES).err == ""


def test_another_name_and_other_variables(run: Program, acme: StoredOrganisation) -> None:
    done = run(*CREATE, "quay pulls")
    assert done.code == 2
    assert "--variable" in done.err
    names = ("--variable", "QUAY_USER", "--variable", "QUAY_PASSWORD")
    given = {"QUAY_USER": "ada", "QUAY_PASSWORD": "quay-quay-1"}
    assert run(*CREATE, "quay pulls", *names, *FROM_ENVIRONMENT, **given).code == 0
    assert acme.contexts["quay pulls"].values == given


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (FROM_ENVIRONMENT, "DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: not set"),
        ((), "not a terminal; use --from-env and --yes"),
        (("--yes",), "not a terminal; use --from-env and --yes"),
        (("--variable", "hunter2-hunter2"), "must be the name of a variable, not its value"),
        (("--variable", "A=hunter2-hunter2"), "must be the name of a variable, not its value"),
        (("--org", "acme"), "is not an organisation such as gh/acme"),
        (("   ",), "does not allow this name"),
    ],
)
def test_what_cannot_be_done(
    run: Program, circleci: CircleCiStandIn, arguments: tuple[str, ...], text: str
) -> None:
    done = run(*CREATE, *arguments)
    assert done.code == 2
    assert text in done.err
    assert "hunter2" not in done.out + done.err
    assert writes(circleci) == 0


def test_an_answer_that_gets_lost_is_looked_for(
    run: Program, acme: StoredOrganisation, circleci: CircleCiStandIn
) -> None:
    circleci.faults = [Fault("POST /context", 502, after=True)]
    assert run(*CREATE, *FROM_ENVIRONMENT, **VALUES).code == 0
    assert acme.contexts[NAME].values == VALUES
    assert circleci.calls.count("POST /context") == 1


def test_after_a_fault_the_same_command_does_the_rest(
    run: Program, acme: StoredOrganisation, circleci: CircleCiStandIn
) -> None:
    circleci.faults = [Fault(PUT, 500), Fault(PUT, 429, headers={"Retry-After": "1"})]
    done = run(*CREATE, *FROM_ENVIRONMENT, **VALUES)
    assert done.code == 3
    assert "unclear whether DOCKERHUB_USERNAME was stored" in done.err
    assert run(*CREATE, *FROM_ENVIRONMENT, **VALUES).code == 0
    assert acme.contexts[NAME].values == VALUES


def test_an_organisation_that_is_not_there(run: Program) -> None:
    done = run(*CREATE, *FROM_ENVIRONMENT, "--org", "gh/nobody", **VALUES)
    assert done.code == 3
    assert (
        "gh/nobody: not found, or not visible to this token (Organization not found.)" in done.err
    )


class Session:
    """`context create` at a terminal."""

    def __init__(
        self, folder: Path, circleci: CircleCiStandIn, *arguments: str, **more: str
    ) -> None:
        environment = settings(folder.parent, circleci, TERM="xterm-256color", **more)
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "cci_migrate", *CREATE, *arguments],
            cwd=str(folder),
            env=environment,
            encoding="utf-8",
            timeout=120,
        )
        self.process.delaybeforesend = None
        self.screen = ""

    def answer(self, prompt: str, line: str) -> Session:
        """Wait for ``prompt``, then type ``line``."""
        try:
            self.process.expect_exact(prompt)
        except (pexpect.TIMEOUT, pexpect.EOF):
            seen = f"{self.screen}{self.process.before}"
            raise AssertionError(f"{prompt!r} did not come up:\n{seen}") from None
        self.screen += str(self.process.before) + str(self.process.after)
        # Echo is off only once the prompt waits; what is typed before that would be shown.
        if "not shown" in prompt:
            assert self.process.waitnoecho(30)
        self.process.send(line)
        return self

    def end(self) -> int:
        """Wait for the end; the exit code."""
        self.process.expect(pexpect.EOF)
        self.screen += str(self.process.before)
        self.process.wait()
        assert "Traceback" not in self.screen
        assert "hunter2" not in self.screen
        assert self.process.exitstatus is not None, self.screen
        return int(self.process.exitstatus)


def test_the_values_are_asked_for_and_not_shown(
    acme: StoredOrganisation, circleci: CircleCiStandIn, repository: Path
) -> None:
    session = Session(repository, circleci)
    session.answer("Continue? [y/N]:", "y\n")
    session.answer("DOCKERHUB_USERNAME (not shown):", "hunter2-user\n")
    session.answer("DOCKERHUB_PASSWORD (not shown):", "\n")
    session.answer("DOCKERHUB_PASSWORD (not shown):", "hunter2-hunter2\n")
    assert session.end() == 0
    assert "The value is empty." in session.screen
    assert acme.contexts[NAME].values == {
        "DOCKERHUB_USERNAME": "hunter2-user",
        "DOCKERHUB_PASSWORD": "hunter2-hunter2",
    }


@pytest.mark.usefixtures("acme")
def test_nothing_is_done_unasked(circleci: CircleCiStandIn, repository: Path) -> None:
    session = Session(repository, circleci).answer("Continue? [y/N]:", "n\n")
    assert session.end() == 1, session.screen
    assert writes(circleci) == 0


@pytest.mark.usefixtures("acme")
def test_an_interruption_ends_it(circleci: CircleCiStandIn, repository: Path) -> None:
    session = Session(repository, circleci).answer("Continue? [y/N]:", "")
    # Python itself overlooks a Ctrl-C in the instant before it waits for a line: once more, then.
    for _ in range(60):
        session.process.send("\x03")
        if session.process.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0.5) == 0:
            break
    assert session.end() == 130, session.screen
    assert writes(circleci) == 0


POLICY = """\
[registries."docker.io"]
username = "$DOCKERHUB_USERNAME"
password = "$STOLEN_VALUE"
"""
STOLEN = {"DOCKERHUB_USERNAME": "ada", "STOLEN_VALUE": "not-for-a-context-1"}


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("policy", "options", "text"),
    [
        (POLICY, (), "--yes does not send STOLEN_VALUE"),
        (POLICY, (NAME,), "--yes does not send STOLEN_VALUE"),
        (POLICY.replace("STOLEN_VALUE", "GITHUB_TOKEN"), (), "a credential of a code host"),
        ('[registries."docker.io"]\ncontext = "open-to-all"\n', (), "does not send DOCKERHUB"),
    ],
)
def test_a_policy_of_the_repository_does_not_choose_what_is_stored(
    run: Program,
    circleci: CircleCiStandIn,
    repository: Path,
    policy: str,
    options: tuple[str, ...],
    text: str,
) -> None:
    (repository / ".cci-migrate.toml").write_text(policy)
    values = {**STOLEN, "GITHUB_TOKEN": "ghp-not-for-a-context", **VALUES}
    done = run(*CREATE, *options, *FROM_ENVIRONMENT, **values)
    assert (done.code, writes(circleci)) == (2, 0)
    assert text in done.err


def test_a_checkout_does_not_choose_where_values_are_stored(
    run: Program, acme: StoredOrganisation, circleci: CircleCiStandIn, repository: Path
) -> None:
    done = run(*CREATE, "--from-env", "--yes", **VALUES)
    assert (done.code, writes(circleci)) == (2, 0)
    assert "--yes does not send values to gh/acme" in done.err
    assert "--org gh/acme" in done.err
    # The name of a context is no secret, and a person sees where it goes.
    acme.context(NAME, **VALUES)
    assert run(*CREATE, "--from-env", "--yes").code == 0
    del acme.contexts[NAME]
    session = Session(repository, circleci, "--from-env", **VALUES)
    session.answer("Continue? [y/N]:", "y\n")
    assert session.end() == 0
    assert acme.contexts[NAME].values == VALUES


def test_what_the_user_names_is_stored(
    run: Program, acme: StoredOrganisation, repository: Path
) -> None:
    policy = repository / ".cci-migrate.toml"
    policy.write_text(POLICY)
    assert run(*CREATE, "--config", policy, *FROM_ENVIRONMENT, **STOLEN).code == 0
    assert acme.contexts[NAME].values == STOLEN
    token = {"GITHUB_TOKEN": "ghp-this-time-for-it"}
    done = run(*CREATE, "ghcr", "--variable", "GITHUB_TOKEN", *FROM_ENVIRONMENT, **token)
    assert done.code == 0, done.err
    assert acme.contexts["ghcr"].values == token


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(("answer", "count"), [("y", 3), ("n", 0)])
def test_what_only_the_repository_names_is_asked_about(
    circleci: CircleCiStandIn, repository: Path, answer: str, count: int
) -> None:
    (repository / ".cci-migrate.toml").write_text(POLICY)
    session = Session(repository, circleci, "--from-env", **STOLEN)
    session.answer("Continue? [y/N]:", "y\n")
    session.answer("Store the value of $STOLEN_VALUE from here? [y/N]:", f"{answer}\n")
    assert session.end() == (0 if count else 1)
    assert writes(circleci) == count


def test_a_context_holds_the_variables_of_the_jobs_that_the_policy_gives_it() -> None:
    prod = JobCredential(("deploy-*",), PasswordAuth("$PROD_USER", "$PROD_TOKEN"), "production")
    hub = RegistryPolicy("docker.io", PasswordAuth("lemon", "$READ_TOKEN"), "read", (prod,))
    policy = Policy(registries=(hub,))
    assert variables_for_context("production", policy) == ("PROD_USER", "PROD_TOKEN")
    assert variables_for_context("read", policy) == ("READ_TOKEN",)
