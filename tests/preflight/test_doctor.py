"""`doctor` against a CircleCI that holds every request and answer to its published document."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Done, put
from tests.preflight.circleci_stand_in import DOCUMENT, CircleCiStandIn, Fault, StoredOrganisation
from tests.preflight.conftest import CONFIG, ORGANISATION, PROJECT, Program
from tests.preflight.excerpt import excerpt_of

BOTH = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_PASSWORD": "hunter2-hunter2"}
ASK = ("doctor", "--only", "circleci")


def by_status(done: Done) -> dict[str, list[str]]:
    """The answers by status."""
    answers: dict[str, list[str]] = {}
    for answer in json.loads(done.out)["answers"]:
        answers.setdefault(answer["status"], []).append(f"{answer['subject']}: {answer['text']}")
    return answers


@pytest.fixture
def acme(circleci: CircleCiStandIn) -> StoredOrganisation:
    """An organisation in which all is as the config of `repository` needs it."""
    made = circleci.organisation(ORGANISATION)
    made.context("a-first-page")
    made.context("deploy-keys")
    made.context("docker-hub-creds", **BOTH)
    made.project(PROJECT)
    return made


def test_the_excerpt_is_what_circleci_publishes(reference: Path) -> None:
    document = json.loads((reference / "facts" / "circleci-openapi.json").read_text())
    assert json.loads(DOCUMENT.read_text()) == excerpt_of(document)


@pytest.mark.usefixtures("acme")
def test_all_is_there(process: Program, circleci: CircleCiStandIn) -> None:
    done = process(*ASK)
    assert done.code == 0, done.out
    assert (
        "context docker-hub-creds: exists and holds DOCKERHUB_PASSWORD and DOCKERHUB_USERNAME"
        in done.out
    )
    assert "context deploy-keys: exists\n" in done.out
    assert "pull requests from forks are not built" in done.out
    assert "pull requests from bots such as Dependabot or Renovate" in done.out
    assert "security groups" in done.out
    # Three contexts on pages of two; each thing is asked once.
    calls = [call for call in circleci.calls if call != "GET /context"]
    assert circleci.calls.count("GET /context") == 2
    assert len(calls) == len(set(calls))


def test_a_context_that_is_missing(
    process: Program, acme: StoredOrganisation, circleci: CircleCiStandIn
) -> None:
    del acme.contexts["docker-hub-creds"]
    done = process(*ASK)
    assert done.code == 1
    assert "problem    context docker-hub-creds: does not exist; these jobs fail" in done.out
    assert "jobs: build of main (.circleci/config.yml:16)" in done.out
    assert (
        "next: cci-migrate context create docker-hub-creds --org gh/acme "
        f"--api-url {circleci.url} "
        "--variable DOCKERHUB_USERNAME --variable DOCKERHUB_PASSWORD\n"
    ) in done.out
    # The next step does it as it is printed, for the same CircleCI.
    (step,) = re.findall("next: cci-migrate (context .*)", done.out)
    made = process(*shlex.split(step), "--yes", "--from-env", CIRCLE_API_URL="", **BOTH)
    assert made.code == 0, made.err
    assert process(*ASK).code == 0


def test_a_context_in_another_case(run: Program, acme: StoredOrganisation) -> None:
    acme.context("Docker-Hub-Creds", **BOTH)
    del acme.contexts["docker-hub-creds"]
    done = run(*ASK)
    assert done.code == 1
    assert "there is Docker-Hub-Creds: case counts" in done.out


def test_what_the_fix_will_need(run: Program, acme: StoredOrganisation, repository: Path) -> None:
    auth = CONFIG[CONFIG.index("        auth:") : CONFIG.index("    steps")]
    bare = CONFIG.replace(auth, "").replace("build:\n          context: docker-hub-creds", "build")
    put(repository / ".circleci" / "config.yml", bare)
    del acme.contexts["docker-hub-creds"]
    done = run(*ASK)
    assert done.code == 1
    assert "docker-hub-creds: does not exist; the fix adds it to these jobs" in done.out
    done = run(*ASK, "--credentials", "project")
    assert "does not exist" not in done.out
    assert "DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: these jobs use no context" in done.out
    acme.projects[PROJECT].values |= BOTH
    assert run(*ASK, "--credentials", "project").code == 0


def test_a_variable_that_is_missing(run: Program, acme: StoredOrganisation) -> None:
    del acme.contexts["docker-hub-creds"].values["DOCKERHUB_PASSWORD"]
    done = run(*ASK)
    assert done.code == 1
    assert (
        "DOCKERHUB_PASSWORD: context docker-hub-creds and the project's settings lack it"
        in done.out
    )
    acme.projects[PROJECT].values["DOCKERHUB_PASSWORD"] = "hunter2-hunter2"
    done = run(*ASK)
    assert done.code == 0
    assert "project gh/acme/api\n  ok         its settings hold DOCKERHUB_PASSWORD" in done.out


@pytest.mark.usefixtures("acme")
def test_bots_that_have_settings_are_named(run: Program, repository: Path) -> None:
    put(repository / ".github" / "dependabot.yml", "version: 2\n")
    assert "pull requests from Dependabot (configured here)" in run(*ASK).out


def test_names_that_the_remote_does_not_tell(
    run: Program, acme: StoredOrganisation, repository: Path, circleci: CircleCiStandIn
) -> None:
    config = repository / ".git" / "config"
    config.write_text(config.read_text().replace("github.com", "gitlab.com"))
    # Against a server of one's own any host is its GitHub: this is asked as on the cloud.
    done = run(*ASK, CIRCLE_API_URL="https://circleci.com")
    assert done.code == 2
    assert "--org circleci/ORG-ID" in done.err
    opaque = circleci.organisation(f"circleci/{acme.id}")
    opaque.id = acme.id
    del circleci.organisations[ORGANISATION]
    opaque.contexts |= acme.contexts
    opaque.project(f"circleci/{acme.id}/{acme.projects[PROJECT].id}")
    project = next(iter(opaque.projects))
    assert run(*ASK, "--project", project).code == 0


@pytest.mark.usefixtures("acme")
def test_an_organisation_of_the_github_app_is_found_among_ones_own(
    run: Program, circleci: CircleCiStandIn
) -> None:
    opaque = circleci.organisation("circleci/AbCdEf")
    opaque.name = "Acme"
    del circleci.organisations[ORGANISATION]
    done = run(*ASK, "--org=gh/acme")
    assert done.code == 3
    assert "--org circleci/AbCdEf --project circleci/AbCdEf/PROJECT-ID" in done.out
    # Where the project ran lately, CircleCI shows its slug, and the next step is complete.
    opaque.project("circleci/AbCdEf/web").url = "https://github.com/acme/web"
    opaque.project("circleci/AbCdEf/GhIj").url = "https://github.com/acme/api"
    opaque.context("docker-hub-creds", **BOTH)
    opaque.context("deploy-keys")
    (step,) = re.findall("next: cci-migrate (doctor .*)", run(*ASK, "--org=gh/acme").out)
    assert f"--project circleci/AbCdEf/GhIj --org circleci/AbCdEf --api-url {circleci.url}" in step
    assert run(*shlex.split(step)).code == 0


# -- faults


@pytest.mark.usefixtures("acme")
def test_a_token_that_is_refused(process: Program) -> None:
    done = process(*ASK, CIRCLE_TOKEN="CCIPAT_of_yesterday")
    assert done.code == 3
    assert "the token is not valid" in done.out
    assert "personal API token" in done.out


def test_no_token_at_all(process: Program, circleci: CircleCiStandIn) -> None:
    done = process(*ASK, CIRCLE_TOKEN="")
    assert done.code == 2
    assert done.err.startswith("error: CIRCLE_TOKEN is not set")
    assert circleci.calls == []


@pytest.mark.usefixtures("acme")
def test_a_pause_that_circleci_asks_for_is_made(
    process: Program, circleci: CircleCiStandIn
) -> None:
    circleci.faults = [
        Fault("GET /context", 429, headers={"Retry-After": "1"}),
        Fault("GET /context/{context_id}/restrictions", 500),
    ]
    done = process(*ASK)
    assert (done.code, done.err) == (0, "")
    assert circleci.calls.count("GET /context") == 3


def test_no_connection_is_said_in_plain_words(
    run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {
        "CIRCLE_API_URL": "http://127.0.0.1:1/api/v2",
        "DOCKERHUB_USERNAME": "ada",
        "DOCKERHUB_PASSWORD": "hunter2-hunter2",
    }
    monkeypatch.setattr("cci_migrate.transport.http.READ_ATTEMPTS", 1)
    done = run("doctor", "--registry", "docker.io=http://127.0.0.1:1", **nowhere)
    assert done.code == 3
    assert done.out.count("no answer (the connection to 127.0.0.1:1 failed)") == 2
    assert done.out.endswith("0 ok, 2 not asked.\n")
    done = run("context", "create", "docker-hub-creds", "--yes", "--from-env", **nowhere)
    assert done.err == "error: gh/acme: no answer (the connection to 127.0.0.1:1 failed)\n"


@pytest.mark.usefixtures("acme")
def test_a_longer_pause_than_one_waits_for(run: Program, circleci: CircleCiStandIn) -> None:
    circleci.faults = [Fault("GET /context", 429, times=2, headers={"Retry-After": "7200"})]
    done = run(*ASK)
    assert done.code == 3
    at = r"try again at (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\n"
    assert re.search(f"the host asked for a pause, too long for this run to wait; {at}", done.out)
    assert "personal API token" not in done.out
    assert circleci.calls == ["GET /context"]
    done = run(
        "context",
        "create",
        "other",
        "--variable",
        "OTHER_PASSWORD",
        "--org",
        "gh/acme",
        "--yes",
        "--from-env",
        OTHER_PASSWORD="hunter3-hunter3",
    )
    assert done.code == 3
    assert re.search(at, done.err)


def test_threads_wait_for_a_pause_together(
    process: Program, acme: StoredOrganisation, circleci: CircleCiStandIn, repository: Path
) -> None:
    for number in range(12):
        acme.context(f"c{number}")
    names = ", ".join(f"c{number}" for number in range(12))
    text = CONFIG.replace("[deploy-keys]", f"[{names}]")
    put(repository / ".circleci" / "config.yml", text)
    path = "GET /context/{context-id}/environment-variable"
    circleci.faults = [Fault(path, 429, times=2, headers={"Retry-After": "1"})]
    done = process(*ASK)
    assert (done.code, done.err) == (0, "")
    assert sum(call.endswith("/environment-variable") for call in circleci.calls) == 13 + 2


@pytest.mark.usefixtures("acme")
def test_what_libraries_log_is_not_shown(process: Program) -> None:
    done = process(*ASK, prepare="tests.preflight.noisy_library:make_noisy")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("searches", "is_missing", "requests"), [(True, False, 3), (False, False, 33), (True, True, 33)]
)
def test_few_of_many_contexts_are_searched_by_name(
    run: Program,
    acme: StoredOrganisation,
    circleci: CircleCiStandIn,
    *,
    searches: bool,
    is_missing: bool,
    requests: int,
) -> None:
    used = [acme.contexts.pop(name) for name in ("deploy-keys", "docker-hub-creds")]
    for number in range(60 - 1):
        acme.context(f"c{number}")
    acme.contexts |= {
        context.name: context for context in used if not (is_missing and context.values)
    }
    circleci.searches_names = searches
    done = run(*ASK)
    assert done.code == is_missing
    assert ("docker-hub-creds: does not exist" in done.out) == is_missing
    assert circleci.calls.count("GET /context") == requests


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>log in</html>", "answers with a web page"),
        ('{"items": "none"}', "its contexts: "),
        ('{"items": [{"id": 7}]}', "its contexts: "),
    ],
)
@pytest.mark.usefixtures("acme")
def test_answers_that_are_no_answers(
    run: Program, circleci: CircleCiStandIn, body: str, said: str
) -> None:
    circleci.faults = [Fault("GET /context", 200, times=9, body=body)]
    done = run(*ASK)
    assert done.code == 3
    assert said in done.out


@pytest.mark.usefixtures("acme")
def test_a_redirect_does_not_carry_the_token_on(run: Program, circleci: CircleCiStandIn) -> None:
    elsewhere = f"{circleci.url}/me/collaborations"
    circleci.faults = [Fault("GET /context", 302, times=9, headers={"Location": elsewhere})]
    assert run(*ASK).code == 3
    assert circleci.calls == ["GET /context"]


def test_the_token_is_not_sent_in_the_clear(run: Program) -> None:
    done = run(*ASK, "--api-url", "http://circleci.acme.example")
    assert done.code == 2
    assert "not https" in done.err


@pytest.mark.usefixtures("acme")
def test_one_question_in_trouble_leaves_the_others(run: Program, circleci: CircleCiStandIn) -> None:
    path = "/project/{provider}/{organization}/{project}/settings"
    circleci.faults = [Fault(f"GET {path}", 400)]
    done = run(*ASK, "--format", "json")
    assert done.code == 3
    answers = by_status(done)
    assert len(answers["not-asked"]) == 1
    assert len(answers["ok"]) >= 4


@pytest.mark.usefixtures("acme")
def test_a_config_that_cannot_be_read(run: Program, repository: Path) -> None:
    put(repository / ".circleci" / "other.yml", "jobs: [\n")
    done = run(*ASK)
    assert done.code == 3
    assert ".circleci/other.yml: not valid YAML" in done.out
    assert "context docker-hub-creds: exists" in done.out


def test_a_template_is_no_fault(
    run: Program, acme: StoredOrganisation, repository: Path, tmp_path: Path
) -> None:
    put(repository / ".circleci" / "part.yml", "jobs:\n  {{> jobs}}\n")
    put(tmp_path / "outside.yml", CONFIG)
    (repository / ".circleci" / "link.yml").symlink_to(tmp_path / "outside.yml")
    acme.context("unused")
    done = run(*ASK, "--format", "json")
    assert done.code == 0
    unknown = by_status(done)["unknown"]
    assert any(".circleci/part.yml: a template, not YAML yet" in answer for answer in unknown)
    assert any(
        "link.yml: a symbolic link that leaves the repository" in answer for answer in unknown
    )


@pytest.mark.parametrize("token", ["two words-and-more", "line\nbreak-and-more", "schlüssel-1"])
def test_a_token_that_cannot_be_one(
    process: Program, circleci: CircleCiStandIn, token: str
) -> None:
    done = process(*ASK, CIRCLE_TOKEN=token)
    assert done.code == 2
    assert done.err.startswith("error: CIRCLE_TOKEN is not a token")
    assert circleci.calls == []
