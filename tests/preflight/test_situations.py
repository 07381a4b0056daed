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


def acme_in(circleci: CircleCiStandIn) -> StoredOrganisation:
    return circleci.organisations[ORGANISATION]


def nothing(_circleci: CircleCiStandIn) -> None:
    """All is there."""


class Situation(Struct, frozen=True):
    """The result, a ``status`` and ``text`` and perhaps what is ``unsaid``, of a situation."""

    status: str
    text: str
    arrange: Arrange = nothing
    config: str = config(ENTRY)
    unsaid: str = "\0"
    next: str = ""
    arguments: tuple[str, ...] = ()


#: What the program ends with where this is the worst.
CODES = {"ok": 0, "note": 0, "unknown": 0, "problem": 1, "not-asked": 3}


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


def by_expression(expression: str) -> Arrange:
    """The context has this restriction."""
    return restricted("expression", expression)


def by_project(*allowed: str) -> Arrange:
    """The context is restricted to these projects."""

    def arrange(circleci: CircleCiStandIn) -> None:
        acme = acme_in(circleci)
        for slug in allowed:
            project = acme.projects.get(slug) or acme.project(slug)
            acme.contexts[NAME].restrict("project", project.id, slug.rpartition("/")[2])

    return arrange


def faulty(call: str, status: int, arrange: Arrange = nothing) -> Arrange:
    """``arrange``, and ``call`` answers ``status``."""

    def both(circleci: CircleCiStandIn) -> None:
        arrange(circleci)
        circleci.faults = [Fault(call, status, times=99)]

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
        "unknown",
        "an expression names the contexts of these jobs: can't determine whether they exist and "
        "hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        config=config("      - build: {context: << pipeline.git.branch >>}\n"),
        unsaid="no context",
    ),
    "expression, nothing read": Situation(
        "unknown",
        "an expression names the contexts of these jobs: can't determine whether they exist",
        config=config("      - lint: {context: << pipeline.git.branch >>}\n", auth=False),
        unsaid="no job uses a context",
    ),
    "expression in a list, the other is missing": Situation(
        "problem",
        f"context {NAME}: does not exist; these jobs fail",
        without_context,
        config=config(f"      - build: {{context: [<< pipeline.git.branch >>, {NAME}]}}\n"),
    ),
    # Contexts that do not exist.
    "missing": Situation(
        "problem",
        f"context {NAME}: does not exist; these jobs fail",
        without_context,
        unsaid="security groups",
        next=CREATE,
    ),
    "missing, settings hold the variables": Situation(
        "problem",
        "although the settings of their project hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        only_settings,
        next=f"remove the context from these jobs, or {CREATE}",
    ),
    "missing for the fix": Situation(
        "problem",
        "the fix adds it to these jobs, which would fail",
        without_context,
        config=config("      - build\n", auth=False),
        next=CREATE,
    ),
    "missing for the fix, settings hold the variables": Situation(
        "problem",
        "although the settings of their project hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD",
        only_settings,
        config=config("      - build\n", auth=False),
        next="cci-migrate --credentials project .circleci/config.yml",
        arguments=(".circleci/config.yml",),
    ),
    "two are missing": Situation(
        "problem",
        "context deploy: does not exist",
        without_context,
        config=config(f"      - build: {{context: [{NAME}, deploy]}}\n"),
        next="create it in Organization Settings > Contexts",
    ),
    "another case": Situation(
        "problem",
        f"context {NAME.title()}: does not exist (there is {NAME}: case counts); these jobs fail",
        config=config(ENTRY.replace(NAME, NAME.title())),
        next=f"write {NAME} instead, or cci-migrate context create {NAME.title()}",
    ),
    # Variables.
    "variables are missing": Situation(
        "problem",
        f"DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: context {NAME} and the project's settings "
        "lack them",
        empty_context,
        next=CREATE,
    ),
    "the other half is in one of the contexts": Situation(
        "problem",
        f"DOCKERHUB_PASSWORD: contexts {NAME} and docker-extra and the project's settings lack it",
        half_context,
        config=config(f"      - build: {{context: [{NAME}, docker-extra]}}\n"),
        next=CREATE.replace("--variable DOCKERHUB_USERNAME ", ""),
    ),
    "settings fail": Situation(
        "not-asked",
        "can't check whether its settings hold DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD: no "
        "answer (HTTP 500)",
        faulty("GET /project/{project-slug}/envvar", 500),
        config=config("      - build\n"),
        unsaid="name the project",
        next=AGAIN,
    ),
    "settings not permitted": Situation(
        "not-asked",
        "not permitted for the token (out of order)",
        faulty("GET /project/{project-slug}/envvar", 403),
        config=config("      - build\n"),
        next="use the token of somebody who builds the project",
    ),
    # Restrictions by project.
    "known by its name": Situation(
        "ok",
        "restricted to api and web, where all jobs that use it belong",
        faulty("GET /project/{project-slug}", 500, by_project("gh/acme/web", PROJECT)),
    ),
    "another project": Situation(
        "problem",
        "restricted to web; these jobs belong to another project and fail with Unauthorized",
        by_project("gh/acme/web"),
    ),
    "this project": Situation(
        "ok",
        "restricted to api and web, where all jobs that use it belong",
        by_project("gh/acme/web", PROJECT),
    ),
    "the project fails": Situation(
        "not-asked",
        "can't determine whether the project of these jobs is one of them: no answer (HTTP 500)",
        faulty("GET /project/{project-slug}", 500, by_project("gh/acme/web")),
        unsaid="--project",
        next=AGAIN,
    ),
    "the project has another name": Situation(
        "unknown",
        "can't determine whether the project of these jobs is one of them: not found",
        faulty("GET /project/{project-slug}", 404, by_project("gh/acme/web")),
        next="name the project as CircleCI does: --project",
    ),
    # Restrictions by group.
    "all members": Situation(
        "ok",
        f"context {NAME}: exists",
        restricted("group", "0", "All members"),
        unsaid="security groups",
    ),
    "a group": Situation(
        "problem",
        "restricted to members of release managers; these jobs fail with Unauthorized when",
        restricted("group", "0", "release managers"),
    ),
    "restrictions fail": Situation(
        "not-asked",
        f"context {NAME}: can't read its restrictions: no answer (HTTP 500)",
        faulty("GET /context/{context_id}/restrictions", 500),
        next=AGAIN,
    ),
    # Restrictions by expression.
    "every branch": Situation("problem", ALSO + "other branches", by_expression(MAIN)),
    "one of its branches": Situation(
        "problem",
        ALSO + "branch develop",
        by_expression(MAIN),
        config=filtered("{branches: {only: [main, develop]}}"),
    ),
    "its branch": Situation(
        "ok", MAIN + RAN, by_expression(MAIN), config=filtered("{branches: {only: main}}")
    ),
    "a filter without names": Situation(
        "unknown", UNCLEAR, by_expression(MAIN), config=filtered("{branches: {only: []}}")
    ),
    "no filter of branches, only of tags": Situation(
        "problem",
        "these jobs also run on branches, and fail with Unauthorized there",
        by_expression('pipeline.git.tag starts-with "v"'),
        config=filtered("{tags: {only: /v.*/}}"),
    ),
    "tags alone": Situation(
        "ok",
        RAN,
        by_expression(r"pipeline.git.tag matches /^v.*$/"),
        config=filtered("{branches: {ignore: /.*/}, tags: {only: /v.*/}}"),
    ),
    "tags too": Situation(
        "problem",
        ALSO + "tags v...",
        by_expression(MAIN),
        config=filtered("{branches: {only: main}, tags: {only: /v.*/}}"),
    ),
    "the workflow's expression": Situation(
        "ok", MAIN + RAN, by_expression(MAIN), config=when(f"when: {MAIN}")
    ),
    "the workflow's statement": Situation(
        "ok",
        MAIN + RAN,
        by_expression(MAIN),
        config=when("when: {and: [{equal: [main, << pipeline.git.branch >>]}, true]}"),
    ),
    "all but the branch": Situation(
        "problem",
        ALSO + "other branches",
        by_expression(MAIN),
        config=when("unless: {equal: [main, << pipeline.git.branch >>]}"),
    ),
    "a parameter that is off": Situation(
        "unknown",
        UNCLEAR,
        by_expression(MAIN),
        config=when("when: << pipeline.parameters.nightly >>"),
    ),
    "a required job that only runs there": Situation(
        "unknown",
        UNCLEAR,
        by_expression(MAIN),
        config=config(
            "      - lint: {filters: {branches: {only: main}}}\n"
            f"      - build: {{context: {NAME}, requires: [lint]}}\n"
        ),
    ),
    "a required job of a matrix": Situation(
        "problem",
        ALSO + "other branches",
        by_expression(MAIN),
        config=config(
            "      - lint: {matrix: {parameters: {v: [a, b]}}}\n"
            f"      - build: {{context: {NAME}, requires: [lint-b]}}\n"
        ),
    ),
    "a job group": Situation(
        "ok",
        MAIN + RAN,
        by_expression(MAIN),
        config=config("      - checks\n", condition=f"    when: {MAIN}\n")
        + f"job-groups:\n  checks:\n    jobs:\n{ENTRY}",
    ),
    "a schedule": Situation(
        "ok",
        MAIN + RAN,
        by_expression(MAIN),
        config=when("triggers: [{schedule: {cron: 0 0 * * *, filters: {branches: {only: main}}}}]"),
    ),
    "another value": Situation("unknown", UNCLEAR, by_expression("pipeline.number > 7")),
    "no expression": Situation("unknown", UNCLEAR, by_expression("pipeline.git.branch = main")),
    "reruns with SSH": Situation(
        "note",
        "not job.ssh.enabled; reruns with SSH fail with Unauthorized",
        by_expression("not job.ssh.enabled"),
        unsaid="wherever",
    ),
    "what CircleCI's documentation restricts": Situation(
        "note",
        "reruns with SSH and pipelines with a config that is not from the repository fail",
        by_expression(
            f'{MAIN} and not job.ssh.enabled\nand not (pipeline.config_source starts-with "api")',
        ),
        config=filtered(f"'{MAIN}'"),
        unsaid=UNCLEAR,
    ),
    # Pull requests.
    "forks without secrets": Situation(
        "note",
        "built without secrets: jobs with a context fail with Unauthorized",
        of_forks((True, False)),
    ),
    "forks with secrets": Situation("note", "their authors can read them", of_forks((True, True))),
    "forks unknown": Situation(
        "unknown", "not permitted for the token (Permission denied.)", of_forks(None)
    ),
    # The organisation.
    "contexts fail": Situation(
        "not-asked",
        "can't list its contexts: no answer (HTTP 500)",
        faulty("GET /context", 500),
        unsaid="name the organisation",
        next=AGAIN,
    ),
    "contexts of others": Situation(
        "not-asked",
        "can't list its contexts: not found, or not visible to this token",
        faulty("GET /context", 404),
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
    assert done.code == CODES[situation.status], answers
    assert situation.unsaid not in done.out
    following = results[0]["next"].replace(circleci.url, "URL")
    assert following.startswith(situation.next), following
