"""Which names are written, by what the config shows: each kind of evidence, used and refused."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.evidence import Refusal, Use
from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import (
    APPLY_ALL,
    Answer,
    Decisions,
    FindingKey,
    FindingState,
    Fix,
    NameReason,
    NoFix,
    Question,
)
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    AwsRoleAuth,
    CredentialStore,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)
from tests.processing import (
    DEFAULTS,
    PATH,
    examined,
    fixed,
    left,
    process_repository,
    text_after,
)
from tools.shared_data import ROOT

POLICY = "$DOCKERHUB_USERNAME, $DOCKERHUB_PASSWORD"
AUTH = "{username: $HUB_USER, password: $HUB_TOKEN}"
LOGIN = 'echo "$HUB_TOKEN" | docker login -u "$HUB_USER" --password-stdin'
MACHINE = "machine: {image: ubuntu-2404:current}"
BARE = "docker: [{image: cimg/base:2024.02}]"


def reason(text: str, policy: Policy = DEFAULTS) -> NameReason:
    """Why the one pull of ``text`` without credentials gets its names."""
    return names_in(examined(text, policy))


def names_in(outcome: Examined) -> NameReason:
    """Why the findings get the names that they do, all of them the same."""
    (names,) = {
        resolution.finding.names
        for resolution in outcome.resolutions
        if resolution.finding.names is not None
    }
    return names


def config(
    job: str,
    workflow: str = "- user\n      - bare",
    top: str = "",
    bare: str = BARE,
    bare_steps: str = "checkout",
    others: str = "",
) -> str:
    """A config with ``job``, called user, ``others``, and a job that pulls without credentials."""
    return (
        f"version: 2.1\n{top}jobs:\n  user:\n{job}\n{others}"
        f"  bare:\n    {bare}\n    steps: [{bare_steps}]\n"
        f"workflows:\n  main:\n    jobs:\n      {workflow}\n"
    )


def steps(*scripts: str, runs_on: str = MACHINE) -> str:
    lines = "".join(f"      - run: {script}\n" for script in scripts)
    return f"    {runs_on}\n    steps:\n{lines}"


def pulling(*scripts: str) -> str:
    """A config whose steps alone pull without credentials."""
    return config(steps(*scripts), workflow="- user", bare=MACHINE)


def image(auth: str) -> str:
    return f"    docker: [{{image: cimg/go:1.22, auth: {auth}}}]\n    steps: [checkout]"


USES_U_AND_P = image("{username: $U, password: $P}")


@pytest.mark.parametrize(
    ("text", "names", "source"),
    [
        (config(USES_U_AND_P), "$U, $P", Use.IMAGE),
        (
            config("    docker: [{image: a, username: $U, password: $P}]\n    steps: [checkout]"),
            "$U, $P",
            Use.MISPLACED,
        ),
        (
            config(steps(LOGIN, "docker pull redis:7")),
            "$HUB_USER, $HUB_TOKEN",
            Use.LOGIN_BEFORE_PULL,
        ),
        (config(steps(LOGIN, "./scan.sh")), "$HUB_USER, $HUB_TOKEN", Use.LOGIN),
        (
            config(steps("true"), top="x-auth: &auth {auth: {username: me, password: $P}}\n"),
            "me, $P",
            Use.DECLARED_AUTH,
        ),
        (
            config(steps("true"), top="x-auth: &auth {username: me, password: $P}\n"),
            "me, $P",
            Use.DECLARED_AUTH,
        ),
        (
            config(steps("true"), top=f"x-login: &login\n  run: {LOGIN}\n"),
            "$HUB_USER, $HUB_TOKEN",
            Use.DECLARED_LOGIN,
        ),
        (
            config(steps("true"), top=f"commands:\n  sign-in:\n    steps:\n      - run: {LOGIN}\n"),
            "$HUB_USER, $HUB_TOKEN",
            Use.DECLARED_LOGIN,
        ),
        (config(steps("true")), POLICY, Use.POLICY),
    ],
)
def test_where_names_come_from(text: str, names: str, source: Use) -> None:
    found = reason(text)
    assert (found.names, found.source) == (names, source.value)


WITHOUT_DOCKER = "docker: [{image: quay.io/acme/tools}]"
FED = "echo $HUB_TOKEN |"


@pytest.mark.parametrize(
    ("scripts", "source"),
    [
        (["skopeo login docker.io -u $HUB_USER -p $HUB_TOKEN", "./scan.sh"], Use.LOGIN),
        ([f"{FED} crane auth login docker.io -u $HUB_USER --password-stdin"], Use.LOGIN),
        ([f"{FED} oras login docker.io -u $HUB_USER --password-stdin"], Use.LOGIN),
        (
            [
                f"{FED} helm registry login registry-1.docker.io -u $HUB_USER --password-stdin",
                "helm pull oci://registry-1.docker.io/acme/chart",
            ],
            Use.LOGIN_BEFORE_PULL,
        ),
        (["podman login docker.io -u $HUB_USER -p $HUB_TOKEN"], Use.LOGIN),
        # Docker's own login where there is no Docker: what reads its file pulls with it.
        ([LOGIN, "kaniko build"], Use.LOGIN),
        ([LOGIN, "skopeo copy docker://acme/app oci:app"], Use.LOGIN_BEFORE_PULL),
        (
            ["skopeo copy --src-creds $HUB_USER:$HUB_TOKEN docker://acme/app oci:app"],
            Use.LOGIN_BEFORE_PULL,
        ),
        (["podman pull --creds $HUB_USER:$HUB_TOKEN acme/app"], Use.LOGIN_BEFORE_PULL),
    ],
)
@pytest.mark.parametrize("runs_on", [WITHOUT_DOCKER, MACHINE])
def test_what_other_programs_are_given_is_evidence(
    scripts: list[str], source: Use, runs_on: str
) -> None:
    job = steps(*scripts, runs_on=runs_on)
    found = reason(config(job, workflow="- user: {context: hub}\n      - bare"))
    assert (found.names, found.source) == ("$HUB_USER, $HUB_TOKEN", source.value)
    assert found.provider == "from context hub"


@pytest.mark.parametrize(
    ("scripts", "because"),
    [
        (
            [
                f"{FED} helm registry login docker.io -u $HUB_USER --password-stdin",
                "helm push a.tgz oci://registry-1.docker.io/acme",
            ],
            "the job only pushes with it",
        ),
        (
            [
                "skopeo login docker.io -u $HUB_USER -p $HUB_TOKEN",
                "skopeo copy oci:app docker://acme/app",
            ],
            "the job only pushes with it",
        ),
        (
            [LOGIN, "crane copy ghcr.io/acme/app docker.io/acme/app"],
            "the job only pushes with it",
        ),
        (
            ["skopeo copy --dest-creds $HUB_USER:$HUB_TOKEN oci:app docker://acme/app"],
            "the job only pushes with it",
        ),
        (
            ["vault read x | crane auth login docker.io -u $HUB_USER --password-stdin"],
            "its password isn't a single variable",
        ),
        (
            ["P=$(mint); skopeo copy --src-creds $HUB_USER:$P docker://acme/app oci:app"],
            "its password isn't a single variable",
        ),
        (
            ["oras login docker.io -u me -p hunter2"],
            "its password is written out",
        ),
    ],
)
def test_what_of_other_programs_is_not_followed(scripts: list[str], because: str) -> None:
    assert_ignored(config(steps(*scripts, runs_on=WITHOUT_DOCKER)), because)


def assert_ignored(text: str, because: str) -> None:
    """Names that ``text`` shows are not used, for this reason."""
    found = reason(text)
    assert found.names == POLICY
    assert any(because in ignored for ignored in found.ignored), found.ignored
    assert "hunter2" not in str(found)


def test_what_other_programs_are_given_for_other_registries_is_no_evidence_here() -> None:
    scripts = [
        "crane auth login ghcr.io -u $HUB_USER -p $HUB_TOKEN",
        "helm registry login $HOST -u $HUB_USER -p $HUB_TOKEN",
        "skopeo copy --src-creds $HUB_USER:$HUB_TOKEN docker://quay.io/acme/app oci:app",
        "skopeo copy --src-creds $HUB_PAIR docker://acme/app oci:app",
    ]
    assert reason(config(steps(*scripts, runs_on=WITHOUT_DOCKER))).names == POLICY


@pytest.mark.parametrize(
    "login",
    [
        "crane auth login docker.io -u $HUB_USER -p $HUB_TOKEN",
        "skopeo login docker.io -u $HUB_USER -p $HUB_TOKEN",
        "podman login docker.io -u $HUB_USER -p $HUB_TOKEN",
        "skopeo inspect --creds $HUB_USER:$HUB_TOKEN docker://redis",
    ],
)
def test_the_login_of_another_program_is_none_for_docker(login: str) -> None:
    text = pulling(login, "docker pull redis:7")
    (found,) = (
        resolution
        for resolution in examined(text).resolutions
        if resolution.finding.rule == "pull-before-login"
    )
    assert found.finding.names is not None
    assert found.finding.names.names == "$HUB_USER, $HUB_TOKEN"
    assert fixed(text).index("docker/check:") < fixed(text).index("docker pull")


@pytest.mark.parametrize(
    ("host", "serves"),
    [
        ("", True),
        ("docker.io", True),
        ("https://index.docker.io/v1/", True),
        ("index.docker.io", False),
        ("https://index.docker.io/v2/", False),
        ("https://docker.io", False),
        ("registry-1.docker.io", False),
        ("hub.docker.com", False),
        ("docker.io/acme", False),
    ],
)
@pytest.mark.parametrize("is_orb", [False, True])
def test_docker_finds_the_login_to_one_name_of_docker_hub(
    host: str, serves: bool, is_orb: bool
) -> None:
    login = f"run: {LOGIN} {host}".strip()
    top = ""
    if is_orb:
        top = "orbs:\n  docker: circleci/docker@2.8.2\n"
        registry = f", registry: '{host}'" if host else ""
        login = f"docker/check: {{docker-username: HUB_USER, docker-password: HUB_TOKEN{registry}}}"
    job = f"    {MACHINE}\n    steps:\n      - {login}\n      - run: docker pull redis:7\n"
    text = config(job, workflow="- user", top=top, bare=MACHINE)
    found = [
        resolution.finding
        for resolution in examined(text).resolutions
        if resolution.finding.registry
    ]
    assert [finding.rule for finding in found] == ([] if serves else ["pull-before-login"])
    for finding in found:
        assert isinstance(finding.remedy, Fix)
        assert finding.remedy.title == "remove the server from the login before it"


def test_podman_pulls_with_what_skopeo_or_its_own_command_is_given() -> None:
    def findings(*scripts: str) -> list[str]:
        resolutions = examined(pulling(*scripts)).resolutions
        return [resolution.finding.rule for resolution in resolutions]

    assert findings("podman pull redis:7") == ["pull-before-login"]
    assert findings("podman pull --creds $HUB_USER:$HUB_TOKEN redis:7") == []
    fed = f"{FED} skopeo login -u $HUB_USER --password-stdin docker.io"
    assert findings(fed, "podman pull redis:7") == []


ORB_JOBS = {
    "aws-ecr": "circleci/aws-ecr@8.1.0",
    "new-ecr": "circleci/aws-ecr@9.3.4",
    "docker": "circleci/docker@2.8.2",
}


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (
            "aws-ecr/build-and-push-image: {repo: x, docker-login: true, "
            "dockerhub-username: HUB_USER, dockerhub-password: HUB_TOKEN, context: hub}",
            "$HUB_USER, $HUB_TOKEN",
        ),
        (
            "aws-ecr/build-and-push-image: {repo: x, dockerhub-username: HUB_USER, "
            "dockerhub-password: HUB_TOKEN, context: hub}",
            POLICY,
        ),
        (
            "new-ecr/build_and_push_image: {repo: x, container_registry_login: true, "
            "registry_login: [{docker/check: {docker-username: HUB_USER, "
            "docker-password: HUB_TOKEN}}], context: hub}",
            "$HUB_USER, $HUB_TOKEN",
        ),
        (
            "docker/publish: {image: acme/app, docker-username: HUB_USER, "
            "docker-password: HUB_TOKEN, context: hub}",
            "$HUB_USER, $HUB_TOKEN",
        ),
        (
            # The other job would get whatever else is in it.
            "docker/publish: {image: acme/app, docker-username: HUB_USER, "
            "docker-password: HUB_TOKEN, context: staff}",
            POLICY,
        ),
        (
            "aws-ecr/build-and-push-image: {repo: x, docker-login: true, "
            "dockerhub-username: HUB_USER, dockerhub-password: HUB_TOKEN, context: aws}",
            POLICY,
        ),
        (
            "docker/publish: {image: acme/app, registry: quay.io, docker-username: HUB_USER, "
            "docker-password: HUB_TOKEN, context: hub}",
            POLICY,
        ),
    ],
)
def test_the_logins_of_orbs_jobs_are_evidence(call: str, names: str) -> None:
    orbs = "".join(f"  {alias}: {orb}\n" for alias, orb in ORB_JOBS.items())
    text = config(steps("true"), workflow=f"- bare\n      - {call}", top=f"orbs:\n{orbs}")
    outcome = examined(text, read={"Dockerfile": b"FROM redis:7\n"}.get)
    found = names_in(outcome)
    assert found.names == names
    if names != POLICY:
        assert found.path == PATH
        assert text.splitlines()[(found.line or 0) - 1].endswith("context: hub}")
        assert found.provider == "from context hub"


def test_of_several_uses_the_precedence_decides_and_the_others_are_alternatives() -> None:
    both = config(
        USES_U_AND_P,
        workflow="- user\n      - bare\n      - pulls",
        others=f"  pulls:\n{steps(LOGIN, 'docker pull redis:7')}",
    )
    found = reason(both)
    assert found.names == "$U, $P"
    assert found.alternatives == (
        PasswordAuth("$HUB_USER", "$HUB_TOKEN"),
        DEFAULT_DOCKER_HUB.credential,
    )


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (config(steps(LOGIN, "docker push acme/app")), "the job only pushes with it"),
        (
            config(steps("docker build -t a .", LOGIN, "docker push a")),
            "the job only pushes with it",
        ),
        (config(steps(LOGIN, "./publish.sh")), "the job only pushes with it"),
        (
            config(steps(LOGIN, "./out.sh")).replace("user", "deploy-app"),
            "no visible pull uses it, and the name of job deploy-app suggests pushes",
        ),
        (
            config(steps("vault read x | docker login -u $U --password-stdin")),
            "its password isn't a single variable",
        ),
        (
            config(steps("T=$(mint); T=x$T; echo $T | docker login -u $U --password-stdin")),
            "$T is set by the script",
        ),
        (
            config(image("{username: mydockerhub-user, password: $DOCKERHUB_PASSWORD}")),
            "mydockerhub-user is a placeholder",
        ),
        (config(image("{username: $CIRCLE_USERNAME, password: $P}")), "CircleCI's own variables"),
        (config(image("{username: me, password: hunter2}")), "its password is written out"),
        (
            config(steps("echo $QUAY_TOKEN | docker login -u me --password-stdin")),
            "$QUAY_TOKEN is named after another registry",
        ),
        (
            config(
                USES_U_AND_P,
                workflow="- bare\n      - user: {context: prod, filters: {branches: {only: main}}}",
            ),
            "prod looks like one for releases",
        ),
        (
            config(
                image("{username: $HUB_RW_USER, password: $P}"),
                workflow="- bare\n      - user: {filters: {branches: {only: main}}}",
            ),
            "$HUB_RW_USER looks like one for releases",
        ),
    ],
)
def test_what_no_name_is_taken_from(text: str, because: str) -> None:
    assert_ignored(text, because)


@pytest.mark.parametrize(
    "filters", ["{tags: {only: /.*/}}", "{branches: {ignore: docs}, tags: {only: /.*/}}"]
)
def test_a_release_is_known_by_its_name_and_its_filters_of_branches(filters: str) -> None:
    text = config(
        USES_U_AND_P,
        workflow=f"- bare\n      - user: {{context: prod, filters: {filters}}}",
    )
    assert reason(text).names == (POLICY if "branches" in filters else "$U, $P")
    assert reason(text.replace("prod", "hub")).names == "$U, $P"


def test_a_job_that_logs_in_to_push_uses_the_same_login_for_its_own_pulls() -> None:
    text = pulling("docker pull redis:7", LOGIN, "docker push acme/app")
    assert reason(text).names == "$HUB_USER, $HUB_TOKEN"


TWO = config(
    image("{username: $STAGING_USER, password: $STAGING_PASS}"),
    workflow="- user\n      - bare\n      - tags",
    others=f"  tags:\n{image('{username: $TAG_USER, password: $TAG_PASS}')}\n",
)


def test_of_two_accounts_none_is_given_in_silence() -> None:
    (found,) = (
        resolution
        for resolution in examined(TWO).resolutions
        if resolution.finding.rule[:2] == "un"
    )
    assert found.state is FindingState.LEFT
    assert "$STAGING_USER, $STAGING_PASS (job user)" in found.reason
    assert "$TAG_USER, $TAG_PASS (job tags)" in found.reason
    assert '[[registries."docker.io".jobs]]' in found.reason
    assert fixed(TWO) == TWO


def account_question(text: str, answer: int) -> tuple[Question, str]:
    """The question of which account ``text`` leads to, and the file with the answer taken."""
    (found,) = left(examined(text))
    assert isinstance(found.remedy, Question)
    choice = found.remedy.choices[answer].key
    decisions = Decisions(by_key={found.key: Answer(choice)})
    return found.remedy, fixed(text, decisions=decisions)


def test_the_account_that_was_asked_for_comes_with_its_context() -> None:
    text = TWO.replace("- tags", "- tags: {context: hub-tags}")
    question, after = account_question(text, 1)
    keys = [choice.key for choice in question.choices]
    assert keys == ["staging_user-staging_pass", "tag_user-tag_pass", "leave"]
    assert after.count("$TAG_PASS") == 2
    assert after.count("hub-tags") == 2


def two_logins(*jobs: str, top: str = "") -> str:
    """Jobs with logins of two accounts before pulls, and ``jobs`` that pull without a login."""
    text = f"version: 2.1\n{top}jobs:\n"
    for name in ("staging", "release"):
        login = LOGIN.replace("HUB", name.upper())
        text += f"  {name}:\n{steps(login, 'docker pull acme/app')}"
    text += "".join(jobs) + "workflows:\n  main:\n    jobs:\n"
    text += "      - staging: {context: hub-staging}\n      - release: {context: hub-release}\n"
    return text + "".join(f"      - {job.split(':')[0].strip()}\n" for job in jobs)


def test_which_of_two_accounts_steps_log_in_with_is_asked_with_the_jobs_of_each() -> None:
    text = two_logins(f"  scan:\n{steps('docker run redis:7')}")
    question, after = account_question(text, 1)
    assert [choice.label for choice in question.choices] == [
        "$STAGING_USER, $STAGING_TOKEN (job staging)",
        "$RELEASE_USER, $RELEASE_TOKEN (job release)",
        "leave it",
    ]
    assert "docker_username: RELEASE_USER" in after.split("  scan:")[1]
    assert "- scan:\n          context: hub-release" in after
    assert account_question(text, 2)[1] == text
    assert fixed(text) == text


def test_a_login_of_one_account_is_not_put_where_jobs_of_another_would_make_it() -> None:
    """A command in both jobs: each gets the login in its own steps."""
    run = f"    {MACHINE}\n    steps: [smoke]\n"
    top = "commands:\n  smoke:\n    steps:\n      - run: docker run redis:7\n"
    text = two_logins(f"  scan:\n{run}", f"  probe:\n{run}", top=top)
    answers = {
        finding.key: Answer(finding.remedy.choices[index].key)
        for index, finding in enumerate(left(examined(text)))
        if isinstance(finding.remedy, Question)
    }
    after = fixed(text, decisions=Decisions(by_key=answers))
    assert "docker/check" not in after.split("jobs:")[0]
    scan, probe = after.split("  scan:")[1].split("  probe:")
    assert "docker_username: STAGING_USER" in scan
    assert "docker_username: RELEASE_USER" in probe


def test_where_two_accounts_share_the_steps_no_login_is_offered() -> None:
    shared = f"    {MACHINE}\n    steps: &pulls\n      - run: docker run redis:7\n"
    alias = f"    {MACHINE}\n    steps: *pulls\n"
    text = two_logins(f"  scan:\n{shared}", f"  probe:\n{alias}")
    remedies = [finding.remedy for finding in left(examined(text))]
    assert len(remedies) == 2
    assert all(
        isinstance(remedy, NoFix) and "several accounts" in remedy.reason for remedy in remedies
    )


def test_roles_that_are_written_out_are_told_apart_in_the_answers() -> None:
    role, host = "arn:aws:iam::123456789012:role", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    registry = RegistryPolicy(host, AwsRoleAuth(f"{role}/other"), None)
    policy = Policy(registries=(registry,), select=frozenset({"unauthenticated-image"}))
    text = "version: 2.1\njobs:\n"
    for job in ("pull", "push"):
        auth = f"aws_auth: {{oidc_role_arn: '{role}/{job}'}}"
        text += f"  {job}:\n    docker: [{{image: {host}/a, {auth}}}]\n"
    text += f"  lint:\n    docker: [{{image: {host}/b}}]\n"
    (found,) = (resolution.finding for resolution in examined(text, policy).resolutions)
    assert isinstance(found.remedy, Question)
    decisions = Decisions(by_key={found.key: Answer(found.remedy.choices[1].key)})
    assert fixed(text, policy, decisions).count("role/push") == 2


@pytest.mark.parametrize(
    ("auth", "added"),
    [
        ("{username: $TAG_USER}", "password: $TAG_PASS"),
        ("{password: $STAGING_PASS}", "username: $STAGING_USER"),
        ("{username: $TAG_USER, password: hunter2}", "password: $TAG_PASS"),
    ],
)
def test_half_of_one_of_two_accounts_is_completed_with_its_other_half(
    auth: str, added: str
) -> None:
    text = TWO.replace("{image: cimg/base:2024.02}", f"{{image: cimg/base:2024.02, auth: {auth}}}")
    bare = fixed(text).split("  bare:")[1]
    assert added in bare
    assert "hunter2" not in bare


@pytest.mark.parametrize(
    ("auth", "added"),
    [
        ("{username: acme-ci}", "password: $TAG_PASS"),
        ("{username: acme-ci, password: hunter2}", "password: $TAG_PASS"),
    ],
)
def test_where_a_half_says_nothing_of_the_account_it_is_asked(auth: str, added: str) -> None:
    text = TWO.replace("{image: cimg/base:2024.02}", f"{{image: cimg/base:2024.02, auth: {auth}}}")
    question, after = account_question(text, 1)
    assert "$STAGING_USER, $STAGING_PASS (job user)" in question.text
    assert "username: acme-ci" in after
    assert added in after.split("  bare:")[1]


def test_an_image_beside_one_of_two_accounts_belongs_to_that() -> None:
    beside = TWO.replace("docker: [{image: cimg/go", "docker: [{image: redis:7}, {image: cimg/go")
    after = fixed(beside.replace(BARE, MACHINE))
    assert after.count("$STAGING_PASS") == after.count("$TAG_PASS") == 2


def test_one_account_may_have_its_user_name_in_two_spellings() -> None:
    text = TWO.replace("$TAG_USER, password: $TAG_PASS", "me, password: $STAGING_PASS")
    assert reason(text).names == "$STAGING_USER, $STAGING_PASS"


def policy_with_jobs(*match: str) -> Policy:
    production = JobCredential(match, PasswordAuth("$PROD_USER", "$PROD_PASS"), "hub-production")
    return Policy(registries=(replace(DEFAULT_DOCKER_HUB, jobs=(production,)),))


@pytest.mark.parametrize(
    ("match", "names"),
    [(("bare",), "$PROD_USER, $PROD_PASS"), (("ba*", "x"), "$PROD_USER, $PROD_PASS")],
)
def test_the_policy_says_which_account_a_job_uses(match: tuple[str, ...], names: str) -> None:
    assert reason(TWO, policy_with_jobs(*match)).names == names


def test_a_definition_that_jobs_of_two_accounts_share_is_left() -> None:
    text = config(steps("true"), workflow="- bare\n      - bare: {name: release}")
    (found,) = (
        resolution.finding for resolution in examined(text, policy_with_jobs("release")).resolutions
    )
    assert isinstance(found.remedy, NoFix)
    assert found.remedy.instead == "define the image separately for each account"


@pytest.mark.parametrize(
    "extra",
    [
        "docker push acme/app",
        "docker tag a b",
        "kubectl rollout restart deployment/app",
        "./notify.sh",
        "echo done > out.txt",
        "docker logout",
        "circleci step halt",
        "curl -X POST https://acme.dev",
    ],
)
def test_a_command_that_does_more_than_log_in_is_not_called_for_its_login(extra: str) -> None:
    def text(script: str) -> str:
        body = script.replace("\n", "\n          ")
        return config(
            steps("docker pull redis:7"),
            workflow="- user",
            top=f"commands:\n  sign-in:\n    steps:\n      - run: |\n          {body}\n",
            bare=MACHINE,
        )

    guarded = f'if [ -n "$HUB_TOKEN" ]; then\n  {LOGIN} > /dev/null\nelse\n  echo none\nfi'
    for script in (LOGIN, guarded):
        assert "- sign-in\n" in fixed(text(script))
        assert "- sign-in\n" not in fixed(text(f"{script}\n{extra}"))


def test_a_guarded_login_makes_the_added_ones_guarded() -> None:
    guard = f'if [ -n "$HUB_TOKEN" ]; then {LOGIN}; fi'
    pull = "{run: docker pull redis:7}"
    text = config(steps(f"'{guard}'", "docker pull redis:7"), bare=MACHINE, bare_steps=pull)
    assert "docker/check" not in fixed(text)
    assert "going on without a login" in fixed(text)
    assert "docker/check" in fixed(text.replace(guard, LOGIN))


@pytest.mark.parametrize(
    ("tag", "is_old"),
    [("17.05", True), ("17.06.2-ce", True), ("1.13.1-git", True), ("17.07", False), ("24", False)],
)
def test_an_old_docker_keeps_and_gets_a_password_argument(tag: str, is_old: bool) -> None:
    text = (
        "version: 2.1\njobs:\n  build:\n    docker: [{image: 'quay.io/x/y'}]\n"
        "    steps:\n      - setup_remote_docker\n      - run: docker pull redis:7\n"
        "      - run: docker login -u $U -p $P && docker push a\n"
    ).replace("quay.io/x/y", f"docker:{tag}")
    after = fixed(text)
    assert ("--password-stdin" in after) != is_old
    assert ('docker login --username "$U" --password "$P"' in after) == is_old
    assert ("docker login -u $U -p $P" in after) == is_old


def test_refusals_that_keep_to_their_jobs() -> None:
    assert {refusal for refusal in Refusal if refusal.keeps_to_its_jobs} == {
        Refusal.PUSH_ONLY,
        Refusal.RELEASE,
    }


def documented(heading: str) -> list[list[str]]:
    """The cells of the rows of the table under ``heading`` of the page on names."""
    text = (ROOT / "docs" / "how-names-are-chosen.md").read_text(encoding="utf-8")
    section = text.split(heading)[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return [[cell.replace("\\|", "|").strip("`") for cell in row] for row in cells[1:]]


def test_the_page_on_names_has_the_precedence() -> None:
    sources = [row[1] for row in documented("# How names are chosen")][1:]
    shown = [use.value for use in Use if use is not Use.LOGIN_BEFORE_PUSH]
    assert sources == shown


@pytest.mark.parametrize(
    ("source", "row"),
    [
        (row[1], row)
        for row in documented("# How names are chosen")
        if row[2] and row[1] != Use.SIBLING.value
    ],
)
def test_the_examples_of_the_page_on_names(source: str, row: list[str]) -> None:
    example, names = row[2], row[3]
    script = example.removeprefix("run: ")
    text = {
        Use.IMAGE.value: config(image(example.removeprefix("auth: "))),
        Use.MISPLACED.value: config(f"    docker: [{example}]\n    steps: [checkout]"),
        Use.LOGIN_BEFORE_PULL.value: config(steps(script, "docker pull redis:7")),
        Use.LOGIN.value: config(steps("echo $P | docker login -u $U --password-stdin", "./x")),
        Use.DECLARED_AUTH.value: config(steps("true"), top=f"{example}\n"),
        Use.DECLARED_LOGIN.value: config(
            steps("true"),
            top="x: &login {run: echo $P | docker login -u $U --password-stdin}\n",
        ),
        Use.POLICY.value: config(steps("true")),
    }[source]
    assert (reason(text).names, reason(text).source) == (names, source)


def repository(**others: str) -> dict[str, bytes]:
    files = {PATH: config(steps("true")).encode()}
    return files | {f".circleci/{name}.yml": text.encode() for name, text in others.items()}


def outcome_of(
    files: dict[str, bytes], policy: Policy = DEFAULTS, decisions: Decisions = APPLY_ALL
) -> Examined:
    """What becomes of the config among the CircleCI ``files`` of a repository."""
    outcomes = process_repository(files, policy, decisions, read=files.get)
    (outcome,) = (outcome for outcome in outcomes if outcome.paths == (PATH,))
    assert isinstance(outcome, Examined)
    return outcome


def named(files: dict[str, bytes]) -> NameReason:
    return names_in(outcome_of(files))


def test_what_another_config_of_the_repository_uses_is_evidence() -> None:
    nightly = config(image(AUTH), workflow="- user: {context: hub}")
    files = repository(nightly=nightly)
    found = named(files)
    assert (found.names, found.source) == ("$HUB_USER, $HUB_TOKEN", Use.SIBLING.value)
    assert found.path == ".circleci/nightly.yml"
    assert "hub" in fixed_config(files).split("workflows:")[1]


def sibling(context: str | None, auth: str = AUTH) -> str:
    workflow = "- user" if context is None else f"- user: {{context: {context}}}"
    return config(image(auth), workflow=workflow)


def fixed_config(
    files: dict[str, bytes], policy: Policy = DEFAULTS, decisions: Decisions = APPLY_ALL
) -> str:
    """The config as it is once fixed."""
    outcome = outcome_of(files, policy, decisions)
    return files[PATH].decode() if outcome.change is None else text_after(outcome)


def question_in(files: dict[str, bytes], policy: Policy = DEFAULTS) -> tuple[FindingKey, Question]:
    """The one finding that is left, and what it asks."""
    (found,) = left(outcome_of(files, policy))
    assert isinstance(found.remedy, Question)
    return found.key, found.remedy


def test_where_other_configs_have_the_names_in_two_contexts_it_is_asked() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"), third=sibling("hub-b"))
    key, question = question_in(files)
    assert "context hub-a (.circleci/nightly.yml)" in question.text
    assert "context hub-b (.circleci/third.yml, .circleci/weekly.yml)" in question.text
    assert named(files).provider == "from context hub-a or context hub-b"
    assert fixed_config(files) == files[PATH].decode()
    for choice, context in (("context-hub-a", "hub-a"), ("context-hub-b", "hub-b")):
        after = fixed_config(files, decisions=Decisions(by_key={key: Answer(choice)}))
        assert "$HUB_TOKEN" in after
        assert context in after.split("workflows:")[1]
    leave = Decisions(by_key={key: Answer("leave")})
    assert fixed_config(files, decisions=leave) == files[PATH].decode()


def test_the_projects_settings_are_one_of_the_places() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling(None))
    key, question = question_in(files)
    assert "the project's settings (.circleci/weekly.yml)" in question.text
    after = fixed_config(files, decisions=Decisions(by_key={key: Answer("project")}))
    assert "$HUB_TOKEN" in after
    assert "context" not in after
    # The user may say so for all of them.
    asked = Policy(credentials=CredentialStore.CONTEXT)
    assert "hub-a" in fixed_config(files, asked)


def test_a_login_is_asked_about_too() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"))
    job = "    docker: [{image: cimg/base:2024.02}]\n    steps: [checkout]\n"
    own = files[PATH].decode().replace(job, steps("docker pull redis:7"))
    key, _ = question_in(files | {PATH: own.encode()})
    decisions = Decisions(by_key={key: Answer("context-hub-b")})
    after = fixed_config(files | {PATH: own.encode()}, decisions=decisions)
    assert "docker_username: HUB_USER" in after
    assert "- hub-b" in after


@pytest.mark.parametrize("held", ["hub-b", "[aws, hub-b]"])
def test_a_context_that_the_config_itself_names_is_nearer(held: str) -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"))
    files[PATH] = files[PATH].replace(b"- user\n", f"- user: {{context: {held}}}\n".encode())
    after = fixed_config(files)
    assert "$HUB_TOKEN" in after
    assert after.count("hub-b") == 2
    assert named(files).provider == "from context hub-b, which this config uses too"


def test_a_context_that_is_there_for_other_variables_is_not_nearer() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"))
    files[PATH] = files[PATH].replace(b"- user\n", b"- user: {context: hub-b}\n")
    quay = RegistryPolicy("quay.io", PasswordAuth("$QUAY_USER", "$QUAY_PASS"), "hub-b")
    _, question = question_in(files, Policy(registries=(quay,)))
    assert "hub-a" in question.text


def test_the_context_that_the_user_names_decides_between_several() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"))
    asked = Policy(registries=(replace(DEFAULT_DOCKER_HUB, context="hub-b"),))
    assert "hub-b" in fixed_config(files, asked)
    project = fixed_config(files, Policy(credentials=CredentialStore.PROJECT))
    assert "$HUB_TOKEN" in project
    assert "hub-" not in project


def test_a_job_that_holds_one_of_several_contexts_gets_no_other() -> None:
    files = repository(nightly=sibling("hub-a"), weekly=sibling("hub-b"))
    files[PATH] = files[PATH].replace(b"- bare", b"- bare: {context: hub-a}")
    files[PATH] = files[PATH].replace(b"- user", b"- user: {context: hub-b}")
    after = fixed_config(files)
    assert "$HUB_TOKEN" in after
    assert after.count("hub-a") == after.count("hub-b") == 1


def test_what_another_config_does_not_tell_of_its_contexts_is_not_known_here() -> None:
    """One of two contexts has the variables; to take none of them would be as much of a guess."""
    files = repository(nightly=sibling("[aws, gcp]"))
    assert named(files).names == POLICY
    (ignored,) = named(files).ignored
    assert "(.circleci/nightly.yml, line 4): can't determine which of its contexts" in ignored
    assert "docker-hub-creds" in fixed_config(files)
    clear = repository(nightly=sibling("[aws, gcp]"), weekly=sibling("hub-a"))
    assert "hub-a" in fixed_config(clear)


@pytest.mark.parametrize(
    ("user", "context"),
    [
        # A login that only pushes, and an image that only a release pulls.
        (steps(LOGIN.replace("HUB_USER", "DOCKERHUB_USERNAME"), "docker push acme/app"), "cd"),
        (image("{username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}"), "cd-prod"),
    ],
)
def test_the_context_of_a_release_is_not_spread_because_its_names_are_the_usual_ones(
    user: str, context: str
) -> None:
    user = user.replace("HUB_TOKEN", "DOCKERHUB_PASSWORD")
    workflow = f"- bare\n      - user: {{context: {context}, filters: {{branches: {{only: m}}}}}}"
    after = fixed(config(user, workflow=workflow))
    assert after.count(context) == after.count("docker-hub-creds") == 1
    assert "docker-hub-creds" in after.split("- bare")[1].split("- user")[0]
    asked = fixed(config(user, workflow=workflow), Policy(credentials=CredentialStore.CONTEXT))
    assert asked.count(context) == 1


@pytest.mark.parametrize(
    ("user", "bare", "is_followed"),
    [
        pytest.param(": {context: staff}", "", False, id="another job would get it"),
        pytest.param(
            ": {context: [staff, aws]}", ": {context: [aws, staff]}", True, id="or it holds it"
        ),
        pytest.param(": {context: [staff, aws]}", ": {context: aws}", False, id="or half of it"),
        pytest.param(": {context: our-docker}", "", True, id="it is there for a registry"),
        pytest.param(": {context: staff-docker-push}", "", False, id="to push there"),
        pytest.param("", "", True, id="the project has it"),
    ],
)
def test_a_context_of_a_job_that_builds_and_pushes(user: str, bare: str, is_followed: bool) -> None:
    job = steps(LOGIN, "docker build -t acme/app .", "docker push acme/app")
    after = fixed(config(job, workflow=f"- user{user}\n      - bare{bare}"))
    assert ("password: $HUB_TOKEN" in after) is is_followed
    assert ("password: $DOCKERHUB_PASSWORD" in after) is not is_followed
    assert after.count("staff") == f"{user}{bare}".count("staff")


@pytest.mark.parametrize("script", ["git push", "git -C site push origin pages"])
def test_a_push_to_git_is_no_push_of_an_image(script: str) -> None:
    job = steps(LOGIN, "docker build -t acme/app .", script)
    workflow = "- user: {context: staff}\n      - bare"
    assert reason(config(job, workflow=workflow)).names == "$HUB_USER, $HUB_TOKEN"


def test_part_of_the_contexts_of_those_who_read_names_is_not_enough() -> None:
    """The other one may be what provides them: then CircleCI would pull with empty values."""
    user = USES_U_AND_P
    after = fixed(config(user, workflow="- user: {context: [a, b]}\n      - bare: {context: a}"))
    assert "- bare: {context: [a, docker-hub-creds]}" in after
    assert after.count("$P") == 1


HELD_BY_BARE = (
    "bare must get {} from its contexts (b), or from the project's environment variables."
)


ELSEWHERE = "echo $P | docker login quay.io -u $U --password-stdin"


@pytest.mark.parametrize(
    ("user", "bare", "is_followed"),
    [
        (": {context: a}", ": {context: b}", False),
        (": {context: a}", ": {context: [a, b]}", False),
        (": {context: a}", "", False),
        ("", ": {context: b}", False),
        (": {context: a}", ": {context: a}", True),
        ("", "", True),
    ],
)
@pytest.mark.parametrize("is_image", [True, False])
def test_names_that_the_job_has_for_another_registry(
    user: str, bare: str, is_followed: bool, is_image: bool
) -> None:
    service = ", {image: quay.io/a/b, auth: {username: $U, password: $P}}"
    text = config(
        USES_U_AND_P,
        workflow=f"- user{user}\n      - bare{bare}",
        bare=BARE.replace("}", f"}}{service}") if is_image else BARE,
        bare_steps="checkout" if is_image else f"run: {ELSEWHERE}",
    )
    found = reason(text)
    assert found.names == ("$U, $P" if is_followed else POLICY)
    assert found.ignored == (
        ()
        if is_followed
        else ("$U, $P of job user, line 4: job bare uses them for quay.io, with other contexts",)
    )
    assert fixed(text).count("docker-hub-creds") == (not is_followed)


@pytest.mark.parametrize(
    ("halves", "is_left"),
    [
        ("username: $U, password: $P", False),
        ("auth: {username: $U}", True),
        ("auth: {username: $U, password: hunter2}", True),
    ],
)
def test_halves_of_names_that_the_job_has_for_another_registry(halves: str, is_left: bool) -> None:
    text = config(
        USES_U_AND_P,
        workflow="- user: {context: a}\n      - bare: {context: b}",
        bare=BARE.replace("}", f", {halves}}}"),
        bare_steps=f"run: {ELSEWHERE}",
    )
    outcome = examined(text)
    assert (outcome.change is None) is is_left
    if is_left:
        (resolution,) = outcome.resolutions
        assert isinstance(resolution.finding.remedy, NoFix)
        assert "for quay.io, and the values may" in resolution.finding.remedy.reason


@pytest.mark.parametrize("held", [": {context: b}", ""])
@pytest.mark.parametrize("is_image", [True, False])
def test_the_policys_names_that_the_job_has_for_another_registry(held: str, is_image: bool) -> None:
    login = ELSEWHERE.replace("$U", "$DOCKERHUB_USERNAME").replace("$P", "$DOCKERHUB_PASSWORD")
    then = "docker push quay.io/a/b" if is_image else "docker pull redis:7"
    text = config(
        steps("true"),
        workflow=f"- user\n      - bare{held}",
        bare=BARE if is_image else "machine: true",
        bare_steps=f"run: {login}, run: {then}",
    )
    outcome = examined(text)
    assert outcome.change is None
    (resolution,) = outcome.resolutions
    assert isinstance(resolution.finding.remedy, NoFix)
    assert resolution.finding.remedy.reason == (
        "job bare uses $DOCKERHUB_USERNAME, $DOCKERHUB_PASSWORD for quay.io, and the values may "
        "be for that registry"
    )
    assert '[[registries."docker.io".jobs]]' in resolution.finding.remedy.instead


@pytest.mark.parametrize(
    ("image", "variables"), [("cimg/go:1.22", "U and P"), ("quay.io/a/b", "U, P, Q and T")]
)
def test_names_that_are_only_declared_may_come_from_any_context_that_is_held(
    image: str, variables: str
) -> None:
    top = (
        "x-auth: &auth {username: $U, password: $P}\n"
        "x-quay: &quay {run: echo $T | docker login quay.io -u $Q --password-stdin}\n"
    )
    bare = BARE.replace("}", f"}}, {{image: {image}}}")
    text = config(steps("true"), workflow="- user\n      - bare: {context: b}", top=top, bare=bare)
    quay = RegistryPolicy("quay.io", PasswordAuth("$QUAY_USER", "$QUAY_TOKEN"))
    (todo,) = examined(text, Policy(registries=(DEFAULT_DOCKER_HUB, quay))).todos
    assert todo == HELD_BY_BARE.format(variables)


def test_the_names_that_are_written_are_not_called_ignored() -> None:
    text = config(
        steps(LOGIN, "docker pull redis:7"),
        workflow="- user\n      - bare\n      - pushing",
        others=f"  pushing:\n{steps(LOGIN, 'docker push acme/app')}",
    )
    assert reason(text).ignored == ()


def test_a_job_that_no_workflow_runs_has_no_context() -> None:
    text = config(USES_U_AND_P, workflow="- user: {context: a}")
    found = reason(text)
    assert (found.names, found.provider) == ("$U, $P", "")


def test_a_context_of_a_release_does_not_stand_for_the_one_that_others_hold() -> None:
    """Most readers hold ``hub``; the release alone reads the same names beside ``prod``."""
    workflow = (
        "- user: {context: hub}\n      - release: {context: prod, filters: {branches: {only: m}}}\n"
        "      - bare: {context: prod}"
    )
    text = config(image(AUTH), workflow=workflow, others=f"  release:\n{image(AUTH)}\n")
    assert "context: [prod, hub]" in fixed(text) or "context: [hub, prod]" in fixed(text)


def test_names_of_a_push_job_that_the_project_holds_need_no_context() -> None:
    login = LOGIN.replace("HUB_USER", "DOCKERHUB_USERNAME")
    login = login.replace("HUB_TOKEN", "DOCKERHUB_PASSWORD")
    after = fixed(config(steps(login, "docker push acme/app")))
    assert "$DOCKERHUB_PASSWORD" in after
    assert "context" not in after


@pytest.mark.parametrize(
    "others",
    [
        {"a": config(image(AUTH)), "b": config(image("{username: $B_USER, password: $B_PASS}"))},
        {"a": config(steps(LOGIN, "docker push acme/app"))},
        {"a": "version: 2.1\njobs: {a: {docker: [{image: << x"},
        {"a": f"version: 2.1\nexecutors: {{e: {{docker: [{{image: a, auth: {AUTH}}}]}}}}\n"},
        {"a": f"x: &auth {AUTH}\nversion: 2.1\njobs: {{}}\n"},
    ],
)
def test_other_configs_that_show_nothing_clear_are_not_followed(others: dict[str, str]) -> None:
    assert named(repository(**others)).names == POLICY


def test_names_in_which_the_other_configs_differ_are_named() -> None:
    files = repository(a=sibling("a"), b=sibling("b", "{username: $B_USER, password: $B_PASS}"))
    found = named(files)
    assert found.names == POLICY
    (ignored,) = found.ignored
    assert ignored == (
        "$HUB_USER, $HUB_TOKEN (.circleci/a.yml, line 4), $B_USER, $B_PASS (.circleci/b.yml, "
        "line 4): the other configs have different names"
    )


def test_an_image_of_a_cloud_is_told_what_its_neighbours_have() -> None:
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    keys = "{{aws_access_key_id: ${0}_ID, aws_secret_access_key: ${0}_KEY}}"
    text = "version: 2.1\njobs:\n" + "".join(
        f"  {job}:\n    docker: [{{image: {host}/a{auth}}}]\n    steps: [checkout]\n"
        for job, auth in (
            ("test", f", aws_auth: {keys.format('STAGING')}"),
            ("deploy", f", aws_auth: {keys.format('PROD')}"),
            ("lint", ""),
        )
    )
    (note,) = examined(text).notes
    assert "$STAGING_ID, $STAGING_KEY (job test)" in note
    assert "$PROD_ID, $PROD_KEY (job deploy)" in note


def test_names_that_share_a_half_with_those_of_the_job_are_not_mixed() -> None:
    """$DOCKERHUB_USERNAME would come from the project, the policy's password from nowhere."""
    text = config(
        "    docker: [{image: cimg/go:1.22}]\n    steps:\n      - setup_remote_docker\n"
        "      - run: echo $DOCKERHUB_PASS | docker login -u $DOCKERHUB_USERNAME --password-stdin\n"
        "      - run: docker push acme/app",
        workflow="- user",
        bare=MACHINE,
    )
    assert reason(text).names == "$DOCKERHUB_USERNAME, $DOCKERHUB_PASS"
