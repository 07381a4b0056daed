"""What surely ran before: each script has one login, and one pull of ``x`` to ask about."""

from __future__ import annotations

import pytest

from cci_migrate.docker.shell.facts import CredentialFile, ImagePull, Login
from cci_migrate.docker.shell.masking import masked
from cci_migrate.docker.shell.script_reading import facts_of, logged_in_at_end, logged_in_before
from cci_migrate.docker.shell.shell_trees import tree_of

LOGIN = "docker login -u $U --password-stdin <<< $P"
PULL = "docker pull x"


def logged_in(text: str) -> tuple[bool, bool]:
    """Whether a login ran before the last pull of a script, and whether one has at its end."""
    text = text.replace("LOGIN", LOGIN).replace("PULL", PULL)
    assert not tree_of(masked(text), 0, len(text)).has_error
    script = facts_of(text)
    logins = [fact for fact in script.facts if isinstance(fact, Login | CredentialFile)]
    pulls = [fact for fact in script.facts if isinstance(fact, ImagePull)]
    before = bool(pulls) and logged_in_before(logins, pulls[-1])
    return before, logged_in_at_end(logins, script)


@pytest.mark.parametrize(
    "text",
    [
        "LOGIN\nPULL",
        "LOGIN; PULL",
        "LOGIN && PULL",
        "LOGIN || true; PULL",
        "LOGIN || exit 1\nPULL",
        "LOGIN || { echo no; exit 1; }\nPULL",
        "echo $P | docker login -u $U --password-stdin && PULL",
        "docker login -u a -p b quay.io && LOGIN\nPULL",
        "cd x && LOGIN\nPULL",
        "set -e; export A=b && LOGIN; PULL",
        "(LOGIN); PULL",
        "(LOGIN; PULL)",
        "{ LOGIN; }; PULL",
        "LOGIN\n(PULL)",
        "LOGIN\nx=$(PULL)",
        "LOGIN; if a; then PULL; fi",
        "LOGIN; for i in $A; do PULL; done",
        "LOGIN; PULL &",
        "LOGIN | tee f; PULL",
        "cd a && LOGIN > f 2>&1; PULL",
        "LOGIN 2>&1 && PULL 2>&1 | tee f",
        "[ -n $P ] && LOGIN > f\nPULL",
        "if LOGIN; then PULL; fi",
        "if ! LOGIN; then exit 1; fi; PULL",
        "if a && LOGIN; then PULL; fi",
        "[ a ] && LOGIN && PULL",
        "if a; then LOGIN; PULL; fi",
        "if a; then LOGIN; else LOGIN; fi; PULL",
        "if a; then LOGIN; elif b; then LOGIN; else LOGIN; fi; PULL",
        "if a; then LOGIN; else exit 1; fi; PULL",
        "if a; then LOGIN; elif b; then exit 0; else LOGIN; fi; PULL",
        "if a; then exit 0; fi; LOGIN; PULL",
        "case $A in a) LOGIN;; *) LOGIN;; esac; PULL",
        "case $A in a) LOGIN;; *) exit 1;; esac; PULL",
        "case $A in a) LOGIN; PULL;; esac",
        "for i in 1 2 3; do LOGIN && break || sleep 1; done; PULL",
        "for i in a b; do LOGIN; done; PULL",
        "for i in {1..5}; do LOGIN && break; done; PULL",
        "until LOGIN; do sleep 1; done; PULL",
        "while ! LOGIN; do sleep 1; done; PULL",
        "while true; do LOGIN && break; done; PULL",
        "f() { LOGIN; }\nf\nPULL",
        "f() { PULL; }\nLOGIN\nf",
        "f() { LOGIN; PULL; }\nf",
        "retry() { \"$@\"; }\nretry docker login -u a -p b; PULL",
        "bash -c 'LOGIN'; PULL",
        "LOGIN; bash -c 'PULL'",
        "cat <<EOF > f && LOGIN\nx\nEOF\nPULL",
        "echo $C > ~/.docker/config.json; PULL",
        # What fails is not the login.
        "! LOGIN || PULL",
        "if ! LOGIN; then exit 1; else PULL; fi",
        "(LOGIN; a) || PULL",
        "f() { LOGIN; a; }\nf || PULL",
        "LOGIN; a || PULL",
        "LOGIN || LOGIN; PULL",
        "LOGIN || true && PULL",
        # Only without the variables there is no login: then none is possible.
        'if [ "$U" == "" ] || [ "$P" == "" ]; then echo skip; else LOGIN; fi\nPULL',
        'if [ -n "$P" ]; then LOGIN; fi\nPULL',
        'if [[ -n "$U" && -n "$P" ]]; then LOGIN; fi\nPULL',
        'if [ -n "${U:-}" -a -n "${P}" ]; then LOGIN; fi; PULL',
        'if [ "$P" ]; then LOGIN; fi; PULL',
        'if [ "x$P" != "x" ]; then LOGIN; fi; PULL',
        "if ! [ -z $P ]; then LOGIN; fi; PULL",
        "if [ ! -z $P ]; then LOGIN; fi; PULL",
        "if [[ -v P ]]; then LOGIN; fi; PULL",
        "if test -n $P; then LOGIN; fi; PULL",
        "[ -n $P ] && LOGIN\nPULL",
        "[ -n $P ] && [ -n $U ] && LOGIN\nPULL",
        "[ -n $P ] && LOGIN || echo anonymous\nPULL",
        "test -n $P &&\n  LOGIN ||\n  echo anonymous\nPULL",
        "[ -z $P ] || LOGIN\nPULL",
        "if [ -z $P ]; then echo none; elif [ -z $U ]; then echo none; else LOGIN; fi; PULL",
    ],
)  # fmt: skip
def test_the_login_surely_ran(text: str) -> None:
    assert logged_in(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "PULL\nLOGIN",
        "PULL && LOGIN",
        "true || LOGIN; PULL",
        "docker info || LOGIN\nPULL",
        "LOGIN &\nPULL",
        "if a; then LOGIN; fi; PULL",
        "if a; then PULL; else LOGIN; fi",
        "if a; then LOGIN; else PULL; fi",
        "if a; then LOGIN; elif b; then LOGIN; fi; PULL",
        "if a; then :; elif LOGIN; then :; fi; PULL",
        "case $A in a) LOGIN;; esac; PULL",
        "case $A in a) LOGIN;; b) PULL;; esac",
        "case $A in a) LOGIN;; *) echo;; esac; PULL",
        '[ "$B" = main ] && LOGIN\nPULL',
        "[[ $A ]] && LOGIN; PULL",
        "(( a > 1 )) && LOGIN; PULL",
        "git diff --quiet && LOGIN; PULL",
        "podman image exists x && LOGIN; PULL",
        "command -v docker && LOGIN; PULL",
        "echo $A | grep -q b && LOGIN; PULL",
        "! a && LOGIN; PULL",
        "<< parameters.login >> && LOGIN; PULL",
        "while read l; do LOGIN; done; PULL",
        "for i in $L; do LOGIN; done; PULL",
        "for ((i=0;i<3;i++)); do LOGIN; done; PULL",
        "until a; do LOGIN; done; PULL",
        "f() { LOGIN; }\nPULL",
        "f() { PULL; }\nf\nLOGIN",
        "LOGIN | PULL",
        "if [ -n $OTHER ]; then LOGIN; fi; PULL",
        "if [ -n $P ] && [ -n $OTHER ]; then LOGIN; fi; PULL",
        "if [ -z $P ]; then LOGIN; fi; PULL",
        "if [ -n $P ] && a; then LOGIN; fi; PULL",
        "if [ $P = secret ]; then LOGIN; fi; PULL",
        "if [ -n $P ] || [ -z $U ]; then LOGIN; fi; PULL",
        "[ -n $P ] || LOGIN; PULL",
        "trap 'LOGIN' EXIT; PULL",
        "ssh h 'LOGIN'; PULL",
        # What runs only where the login failed.
        "LOGIN || PULL",
        "LOGIN > f 2>&1 || PULL",
        "echo $P | docker login -u $U --password-stdin || PULL",
        "(LOGIN) || PULL",
        "(cd x; LOGIN) || { PULL; }",
        "a && LOGIN || PULL",
        "LOGIN && a || PULL",
        "LOGIN || a || PULL",
        "docker login quay.io -u a -p b || LOGIN || PULL",
        "timeout 9 docker login -u a -p b || PULL",
        "[ -n $P ] && LOGIN || PULL",
        "if a; then LOGIN; fi || PULL",
        "f() { cd x; LOGIN; }\nf || PULL",
        "bash -c 'LOGIN' || PULL",
        "if LOGIN; then :; else PULL; fi",
        "if LOGIN; then :; elif PULL; then :; fi",
        "if ! LOGIN; then PULL; fi",
        "if ! LOGIN > f; then PULL; fi",
        "if a || ! LOGIN; then PULL; fi",
        "! LOGIN && PULL",
        "until LOGIN; do PULL; done",
        "while ! LOGIN; do PULL; done",
    ],
)
def test_the_login_may_not_have_run(text: str) -> None:
    assert not logged_in(text)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOGIN", True),
        ("PULL\nLOGIN\nmake", True),
        ("", False),
        ("if a; then LOGIN; fi", False),
        ("if [ -n $P ]; then LOGIN; fi", True),
        ("if a; then exit 1; fi; LOGIN", True),
        ("if a; then exit 0; fi; LOGIN", False),
        ("a && exit; LOGIN", False),
        ("LOGIN; exit 0", True),
        ("LOGIN; if a; then exit 0; fi", True),
        ("if [ -z $P ]; then exit 0; fi; LOGIN", True),
        ("[ -z $P ] && exit 0\nLOGIN", True),
        ("[ -n $P ] || exit 0\nLOGIN", True),
        ("if [ -z $OTHER ]; then exit 0; fi; LOGIN", False),
        ("(exit 0); LOGIN", True),
        # The job is over then: no later step asks.
        ("if a; then circleci-agent step halt; exit 0; fi; LOGIN", True),
        ("if a; then circleci step halt; fi; LOGIN", True),
    ],
)
def test_what_holds_for_the_steps_that_follow(text: str, expected: bool) -> None:
    assert logged_in(text)[1] is expected


def test_two_logins_cover_two_branches_together_only() -> None:
    script = facts_of(f"if a; then {LOGIN}; else {LOGIN}; fi; {PULL}")
    first, second, pull = script.facts
    assert not logged_in_before([first], pull)
    assert not logged_in_before([second], pull)
    assert logged_in_before([first, second], pull)


def test_nothing_runs_before_itself() -> None:
    (login,) = facts_of(LOGIN).facts
    assert not logged_in_before([login], login)
