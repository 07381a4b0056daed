"""What `doctor` says of a situation at CircleCI: a config, what the API answers, and the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.cli.conftest import put
from tests.preflight.circleci_stand_in import CircleCiStandIn, Fault, StoredOrganisation
from tests.preflight.conftest import ORGANISATION, PROJECT, Program

BOTH = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_PASSWORD": "hunter2-hunter2"}
NAME = "docker-hub-creds"
MAIN = 'pipeline.git.branch == "main"'
ENTRY = f"      - build: {{context: {NAME}}}\n"
SETTINGS = "GET /project/{provider}/{organization}/{project}/settings"

#: Changes what CircleCI has; by default it has all that the config needs.
Arrange = Callable[[CircleCiStandIn], object]


def config(entries: str, *, condition: str = "", auth: bool = True) -> str:
    """A config whose job ``build`` reads Docker Hub's variables if ``auth``."""
    credentials = (
        "        auth: {username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}\n"
        if auth
        else ""
    )
    job = f"    docker:\n      - image: cimg/node:22.4\n{credentials}    steps: [checkout]\n"
    return (
        "version: 2.1\n"
        "parameters: {nightly: {type: boolean, default: false}}\n"
        f"jobs:\n  build:\n{job}  lint:\n    machine: true\n    steps: [checkout]\n"
        f"workflows:\n  main:\n{condition}    jobs:\n{entries}"
    )


class Situation(Struct, frozen=True):
    """A situation, and the result: a ``status`` and ``text``, and perhaps what is not ``said``."""

    config: str
    arrange: Arrange
    code: int
    status: str
    text: str
    unsaid: str = "\0"
    next: str = ""
    arguments: tuple[str, ...] = ()


def acme_in(circleci: CircleCiStandIn) -> StoredOrganisation:
    return circleci.organisations[ORGANISATION]


def nothing(_circleci: CircleCiStandIn) -> None:
    """All is there."""


def without_context(circleci: CircleCiStandIn) -> None:
    """The context does not exist."""
    del acme_in(circleci).contexts[NAME]


def only_settings(circleci: CircleCiStandIn) -> None:
    """There is no context, and the project's settings hold the variables."""
    del acme_in(circleci).contexts[NAME]
    acme_in(circleci).projects[PROJECT].values |= BOTH


def empty_context(circleci: CircleCiStandIn) -> None:
    """The context holds nothing."""
    acme_in(circleci).contexts[NAME].values.clear()


def half_context(circleci: CircleCiStandIn) -> None:
    """Of two contexts that exist, one holds the user name."""
    acme = acme_in(circleci)
    acme.context("docker-extra")
    del acme.contexts[NAME].values["DOCKERHUB_PASSWORD"]


def restricted(kind: str, value: str, name: str | None = None) -> Arrange:
    """The context has a restriction."""
    return lambda circleci: acme_in(circleci).contexts[NAME].restrict(kind, value, name)


def by_project(*allowed: str) -> Arrange:
    """The context is restricted to these projects."""

    def arrange(circleci: CircleCiStandIn) -> None:
        acme = acme_in(circleci)
        for slug in allowed:
            project = acme.projects.get(slug) or acme.project(slug)
            acme.contexts[NAME].restrict("project", project.id, slug.rpartition("/")[2])

    return arrange


def faulty(arrange: Arrange, call: str, status: int, times: int = 99) -> Arrange:
    """``arrange``, and ``call`` answers ``status``."""

    def both(circleci: CircleCiStandIn) -> None:
        arrange(circleci)
        circleci.faults = [Fault(call, status, times=times)]

    return both


def of_forks(forks: tuple[bool, bool] | None) -> Arrange:
    """What the project does with pull requests from forks."""
    return lambda circleci: setattr(acme_in(circleci).projects[PROJECT], "forks", forks)


def filtered(filters: str) -> str:
    """The config, with filters of its job."""
    return config(f"      - build: {{context: {NAME}, filters: {filters}}}\n")


def when(condition: str) -> str:
    """The config, with a condition of its workflow."""
    return config(ENTRY, condition=f"    {condition}\n")


RAN = "; the job that uses it runs only where that holds"
ALSO = "restricted to " + MAIN + "; these jobs also run on "
UNCLEAR = "can't determine whether that holds wherever these jobs run"
CREATE = (
    f"cci-migrate context create {NAME} --org {ORGANISATION} --api-url URL "
    "--variable DOCKERHUB_USERNAME --variable DOCKERHUB_PASSWORD"
)
AGAIN = "cci-migrate doctor --api-url URL --only circleci --format json"

SITUATIONS = {
    # Contexts that an expression names.
    "expression": Situation(
        config("      - build: {context: << pipeline.git.branch >>}\n"),
        nothing,
        0,
        "unknown",
        "an expression names the contexts of these jobs: can't determine whether they exist and "
        "hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        unsaid="no context",
    ),
    "expression, nothing read": Situation(
        config("      - lint: {context: << pipeline.git.branch >>}\n", auth=False),
        nothing,
        0,
        "unknown",
        "an expression names the contexts of these jobs: can't determine whether they exist",
        unsaid="no job uses a context",
    ),
    "expression in a list, the other is missing": Situation(
        config(f"      - build: {{context: [<< pipeline.git.branch >>, {NAME}]}}\n"),
        without_context,
        1,
        "problem",
        f"context {NAME}: does not exist; these jobs fail",
    ),
    # Contexts that do not exist.
    "missing": Situation(
        config(ENTRY),
        without_context,
        1,
        "problem",
        f"context {NAME}: does not exist; these jobs fail",
        unsaid="security groups",
        next=CREATE,
    ),
    "missing, settings hold the variables": Situation(
        config(ENTRY),
        only_settings,
        1,
        "problem",
        "although the settings of their project hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        next=f"remove the context from these jobs, or {CREATE}",
    ),
    "missing for the fix": Situation(
        config("      - build\n", auth=False),
        without_context,
        1,
        "problem",
        "the fix adds it to these jobs, which would fail",
        next=CREATE,
    ),
    "missing for the fix, settings hold the variables": Situation(
        config("      - build\n", auth=False),
        only_settings,
        1,
        "problem",
        "although the settings of their project hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        next="cci-migrate --credentials project .circleci/config.yml",
        arguments=(".circleci/config.yml",),
    ),
    "two are missing": Situation(
        config(f"      - build: {{context: [{NAME}, deploy]}}\n"),
        without_context,
        1,
        "problem",
        "context deploy: does not exist",
        next="create it in Organization Settings > Contexts",
    ),
    "another case": Situation(
        config(ENTRY.replace(NAME, NAME.title())),
        nothing,
        1,
        "problem",
        f"context {NAME.title()}: does not exist (there is {NAME}: case counts); these jobs fail",
        next=f"write {NAME} instead, or cci-migrate context create {NAME.title()}",
    ),
    # Variables.
    "variables are missing": Situation(
        config(ENTRY),
        empty_context,
        1,
        "problem",
        f"DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: context {NAME} and the project's settings "
        "lack them",
        next=CREATE,
    ),
    "the other half is in one of the contexts": Situation(
        config(f"      - build: {{context: [{NAME}, docker-extra]}}\n"),
        half_context,
        1,
        "problem",
        f"DOCKERHUB_PASSWORD: contexts {NAME} and docker-extra and the project's settings lack it",
        next=CREATE.replace("--variable DOCKERHUB_USERNAME ", ""),
    ),
    "settings fail": Situation(
        config("      - build\n"),
        faulty(nothing, "GET /project/{project-slug}/envvar", 500),
        3,
        "not-asked",
        "can't check whether its settings hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: no "
        "answer (HTTP 500)",
        unsaid="name the project",
        next=AGAIN,
    ),
    "settings not permitted": Situation(
        config("      - build\n"),
        faulty(nothing, "GET /project/{project-slug}/envvar", 403),
        3,
        "not-asked",
        "not permitted for the token (out of order)",
        next="use the token of somebody who builds the project",
    ),
    # Restrictions by project.
    "known by its name": Situation(
        config(ENTRY),
        faulty(by_project("gh/acme/web", PROJECT), "GET /project/{project-slug}", 500),
        0,
        "ok",
        "restricted to api and web, where all jobs that use it belong",
    ),
    "another project": Situation(
        config(ENTRY),
        by_project("gh/acme/web"),
        1,
        "problem",
        "restricted to web; these jobs belong to another project and fail with Unauthorized",
    ),
    "this project": Situation(
        config(ENTRY),
        by_project("gh/acme/web", PROJECT),
        0,
        "ok",
        "restricted to api and web, where all jobs that use it belong",
    ),
    "the project fails": Situation(
        config(ENTRY),
        faulty(by_project("gh/acme/web"), "GET /project/{project-slug}", 500),
        3,
        "not-asked",
        "can't determine whether the project of these jobs is one of them: no answer (HTTP 500)",
        unsaid="--project",
        next=AGAIN,
    ),
    "the project has another name": Situation(
        config(ENTRY),
        faulty(by_project("gh/acme/web"), "GET /project/{project-slug}", 404),
        0,
        "unknown",
        "can't determine whether the project of these jobs is one of them: not found",
        next="name the project as CircleCI does: --project",
    ),
    # Restrictions by group.
    "all members": Situation(
        config(ENTRY),
        restricted("group", "0", "All members"),
        0,
        "ok",
        f"context {NAME}: exists",
        unsaid="security groups",
    ),
    "a group": Situation(
        config(ENTRY),
        restricted("group", "0", "release managers"),
        1,
        "problem",
        "restricted to members of release managers; these jobs fail with Unauthorized when",
    ),
    "restrictions fail": Situation(
        config(ENTRY),
        faulty(nothing, "GET /context/{context_id}/restrictions", 500),
        3,
        "not-asked",
        f"context {NAME}: can't read its restrictions: no answer (HTTP 500)",
        next=AGAIN,
    ),
    # Restrictions by expression.
    "every branch": Situation(
        config(ENTRY), restricted("expression", MAIN), 1, "problem", ALSO + "other branches"
    ),
    "one of its branches": Situation(
        filtered("{branches: {only: [main, develop]}}"),
        restricted("expression", MAIN),
        1,
        "problem",
        ALSO + "branch develop",
    ),
    "its branch": Situation(
        filtered("{branches: {only: main}}"), restricted("expression", MAIN), 0, "ok", MAIN + RAN
    ),
    "a filter without names": Situation(
        filtered("{branches: {only: []}}"),
        restricted("expression", MAIN),
        0,
        "unknown",
        UNCLEAR,
    ),
    "no filter of branches, only of tags": Situation(
        filtered("{tags: {only: /v.*/}}"),
        restricted("expression", 'pipeline.git.tag starts-with "v"'),
        1,
        "problem",
        "these jobs also run on branches, and fail with Unauthorized there",
    ),
    "tags alone": Situation(
        filtered("{branches: {ignore: /.*/}, tags: {only: /v.*/}}"),
        restricted("expression", r"pipeline.git.tag matches /^v.*$/"),
        0,
        "ok",
        RAN,
    ),
    "tags too": Situation(
        filtered("{branches: {only: main}, tags: {only: /v.*/}}"),
        restricted("expression", MAIN),
        1,
        "problem",
        ALSO + "tags v...",
    ),
    "the workflow's expression": Situation(
        when(f"when: {MAIN}"), restricted("expression", MAIN), 0, "ok", MAIN + RAN
    ),
    "the workflow's statement": Situation(
        when("when: {and: [{equal: [main, << pipeline.git.branch >>]}, true]}"),
        restricted("expression", MAIN),
        0,
        "ok",
        MAIN + RAN,
    ),
    "all but the branch": Situation(
        when("unless: {equal: [main, << pipeline.git.branch >>]}"),
        restricted("expression", MAIN),
        1,
        "problem",
        ALSO + "other branches",
    ),
    "a parameter that is off": Situation(
        when("when: << pipeline.parameters.nightly >>"),
        restricted("expression", MAIN),
        0,
        "unknown",
        UNCLEAR,
    ),
    "a required job that only runs there": Situation(
        config(
            "      - lint: {filters: {branches: {only: main}}}\n"
            f"      - build: {{context: {NAME}, requires: [lint]}}\n"
        ),
        restricted("expression", MAIN),
        0,
        "unknown",
        UNCLEAR,
    ),
    "a required job of a matrix": Situation(
        config(
            "      - lint: {matrix: {parameters: {v: [a, b]}}}\n"
            f"      - build: {{context: {NAME}, requires: [lint-b]}}\n"
        ),
        restricted("expression", MAIN),
        1,
        "problem",
        ALSO + "other branches",
    ),
    "a job group": Situation(
        config("      - checks\n", condition=f"    when: {MAIN}\n")
        + f"job-groups:\n  checks:\n    jobs:\n{ENTRY}",
        restricted("expression", MAIN),
        0,
        "ok",
        MAIN + RAN,
    ),
    "a schedule": Situation(
        when("triggers: [{schedule: {cron: 0 0 * * *, filters: {branches: {only: main}}}}]"),
        restricted("expression", MAIN),
        0,
        "ok",
        MAIN + RAN,
    ),
    "another value": Situation(
        config(ENTRY), restricted("expression", "pipeline.number > 7"), 0, "unknown", UNCLEAR
    ),
    "no expression": Situation(
        config(ENTRY), restricted("expression", "pipeline.git.branch = main"), 0, "unknown", UNCLEAR
    ),
    "reruns with SSH": Situation(
        config(ENTRY),
        restricted("expression", "not job.ssh.enabled"),
        0,
        "note",
        "not job.ssh.enabled; reruns with SSH fail with Unauthorized",
        unsaid="wherever",
    ),
    "what CircleCI's documentation restricts": Situation(
        filtered(f"'{MAIN}'"),
        restricted(
            "expression",
            f'{MAIN} and not job.ssh.enabled\nand not (pipeline.config_source starts-with "api")',
        ),
        0,
        "note",
        "reruns with SSH and pipelines with a config that is not from the repository fail",
        unsaid=UNCLEAR,
    ),
    # Pull requests.
    "forks without secrets": Situation(
        config(ENTRY),
        of_forks((True, False)),
        0,
        "note",
        "built without secrets: jobs with a context fail with Unauthorized",
    ),
    "forks with secrets": Situation(
        config(ENTRY), of_forks((True, True)), 0, "note", "their authors can read them"
    ),
    "forks unknown": Situation(
        config(ENTRY),
        of_forks(None),
        0,
        "unknown",
        "not permitted for the token (Permission denied.)",
    ),
    # The organisation.
    "contexts fail": Situation(
        config(ENTRY),
        faulty(nothing, "GET /context", 500),
        3,
        "not-asked",
        "can't list its contexts: no answer (HTTP 500)",
        unsaid="name the organisation",
        next=AGAIN,
    ),
    "contexts of others": Situation(
        config(ENTRY),
        faulty(nothing, "GET /context", 404),
        3,
        "not-asked",
        "can't list its contexts: not found, or not visible to this token",
        next="name the organisation as CircleCI does",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_said(
    name: str,
    run: Program,
    repository: Path,
    circleci: CircleCiStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    situation = SITUATIONS[name]
    monkeypatch.setattr("cci_migrate.transport.http.READ_ATTEMPTS", 1)
    put(repository / ".circleci" / "config.yml", situation.config)
    acme = circleci.organisation(ORGANISATION)
    acme.context(NAME, **BOTH)
    acme.project(PROJECT)
    situation.arrange(circleci)
    done = run("doctor", "--only", "circleci", "--format", "json", *situation.arguments)
    answers = json.loads(done.out)["answers"]
    results = [
        answer
        for answer in answers
        if answer["status"] == situation.status and situation.text in answer["text"]
    ]
    assert results, answers
    assert done.code == situation.code, answers
    assert situation.unsaid not in done.out
    following = results[0]["next"].replace(circleci.url, "URL")
    assert following.startswith(situation.next), following
