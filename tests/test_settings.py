"""A setting of the policy is one declaration, and what follows from it holds on every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cci_migrate.cli.main_command import main_command
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.policy.baseline import Baseline, BaselineEntry
from cci_migrate.policy.file import file_settings, parse_policy
from cci_migrate.policy.overrides import option_settings
from cci_migrate.policy.record import PolicyRecordError, policy_from_json, policy_to_json
from cci_migrate.policy.setting_kinds import EnumValue, Flag, Setting, Tables, TextList, TextValue
from cci_migrate.policy.settings import (
    AwsRoleAuth,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)
from tests.cli.conftest import ROOT, put
from tests.processes import ran_python

INVENTED = """\
    night_platform: Annotated[
        Platform | None,
        Setting(
            "Where nightly jobs run.",
            option="Where nightly jobs run",
            conflicts={"mirror": "--night-platform knows no --mirror"},
        ),
    ] = None
    sleepy_jobs: Annotated[
        tuple[str, ...], Setting("Jobs that sleep.", TextList(tuple), option="Let jobs sleep: a,b")
    ] = ("nap",)
"""

TRIAL = """\
import json, sys
from pathlib import Path
from click.testing import CliRunner
from cci_migrate.cli.main_command import main_command
from cci_migrate.policy.file import PolicyError, read_policy_file
from cci_migrate.policy.settings import Platform, Policy
from cci_migrate.policy.overrides import policy_of
from cci_migrate.policy.record import policy_from_json, policy_to_json
from cci_migrate.policy.text import policy_text
from tools.policy_schema import policy_schema
from tools.write_docs import policy_keys

def ran(*words):
    return " ".join(CliRunner().invoke(main_command, words).output.split())

def read(text):
    Path("policy.toml").write_text(text)
    try:
        return read_policy_file(Path("policy.toml"), ()).policy
    except PolicyError as error:
        return str(error)

plan = ("batch", "plan", ".", "--campaign", "campaign")
given = {"night-platform": Platform.RUNNER, "sleepy-jobs": ("a", "b")}
policy = policy_of(given, Policy())
print(json.dumps({
    "help": [ran("--help"), ran(*plan, "--help")],
    "wrong": [ran(*head, "--night-platform", "moon") for head in ((), plan)],
    "clash": [ran(*head, "--night-platform", "cloud", "--mirror", "m.dev") for head in ((), plan)],
    "near": read('platform = "cloud"\\nnight-platfrom = "cloud"'),
    "unlike": read('night-platform = "moon"'),
    "kept": [
        policy.night_platform is Platform.RUNNER and policy.sleepy_jobs == ("a", "b"),
        policy_from_json(policy_to_json(policy)) == policy != Policy(),
        read(policy_text(policy)) == policy,
    ],
    "schema": policy_schema()["properties"]["sleepy-jobs"]["default"],
    "docs": policy_keys(),
}))
"""


def test_a_new_setting_is_one_declaration(tmp_path: Path) -> None:
    for part in ("cci_migrate", "tools"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    settings = tmp_path / "cci_migrate" / "policy" / "settings.py"
    code = settings.read_text()
    assert code.count("    baseline: Baseline") == 1
    put(settings, code.replace("    baseline: Baseline", INVENTED + "    baseline: Baseline"))
    done = ran_python("-c", TRIAL, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    for shown in told["help"]:
        assert "--night-platform [cloud|server|runner] Where nightly jobs run" in shown
        assert "Let jobs sleep: a,b" in shown
    for shown in told["wrong"]:
        assert "'moon' is not one of 'cloud', 'server', 'runner'" in shown
    for shown in told["clash"]:
        assert "--night-platform knows no --mirror" in shown
    assert told["near"].endswith(":2: unknown key night-platfrom; did you mean night-platform?")
    assert told["unlike"].endswith(':1: night-platform must be "cloud" or "server" or "runner"')
    assert told["kept"] == [True, True, True]
    assert told["schema"] == ["nap"]
    assert '| `sleepy-jobs` | list of strings | `["nap"]` | Jobs that sleep. |' in told["docs"]


ALL = ((), ("batch", "plan", ".", "--campaign", "campaign"))


@pytest.mark.parametrize(
    ("head", "words", "told"),
    [
        (head, words, told)
        for words, told in (
            ("--select orb-pull --ignore missing-context,orb-pull", "both name orb-pull"),
            ("--context a --credentials project", "context conflicts with"),
            ("--revert --add-workflow", "--revert can't be combined with --add-workflow"),
            (
                "--revert contexts --upgrade-version",
                "--revert can't be combined with --upgrade-version",
            ),
            ("--revert=all --mirror m.dev", "--revert can't be combined with --mirror"),
            ("--username=", "--username': must be a name or a $VARIABLE; put '$NAME' in single"),
            ("--password hunter2", "--password': must be the name of an environment variable"),
            ("--ignore orb-pul", "no rule 'orb-pul'; did you mean orb-pull?"),
            (f"--no-config --config {__file__}", "--config and --no-config: choose one"),
        )
        for head in ALL
    ]
    + [
        (("doctor",), "--context a --credentials project", "context conflicts with"),
        (("explain",), f"--no-config --config {__file__}", "choose one"),
        (("context", "create"), f"--no-config --config {__file__}", "choose one"),
    ],
)
def test_every_command_refuses_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    head: tuple[str, ...],
    words: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main_command, [*head, *words.split()])
    assert result.exit_code == 2, result.output
    assert told in " ".join(result.output.split())
    assert "hunter2" not in result.output
    assert not list(tmp_path.iterdir())


def test_settings_that_clash_have_options() -> None:
    keys = {setting.key for setting in option_settings()}
    for setting in option_settings():
        assert setting.conflicts.keys() <= keys


def _sample(setting: Setting) -> object:
    """A value of ``setting`` other than its default, as a policy file has it."""
    match setting.values:
        case EnumValue(members):
            return next(member.value for member in members if member is not setting.default)
        case Flag():
            return not setting.default
        case TextValue():
            return "mirror.acme.dev" if setting.key == "mirror" else "1.2.3"
        case TextList(are_rules=is_rules):
            return ["orb-pull"] if is_rules else ["a*"]
        case Tables():
            return {}


def test_every_setting_of_a_file_reaches_the_policy() -> None:
    for setting in file_settings():
        if setting.field not in Policy.__struct_fields__ or isinstance(setting.values, Tables):
            continue
        policy = parse_policy({setting.key: _sample(setting)}, ["orb-pull"])
        assert getattr(policy, setting.field) != setting.default, setting.key


RECORDED = Policy(
    mirror=Mirror("mirror.acme.dev"),
    baseline=Baseline((BaselineEntry("a.yml", "orb-pull", "jobs.a", ("b",), "b"),)),
    registries=(
        RegistryPolicy(
            "quay.io",
            PasswordAuth("$A", "$B"),
            jobs=(JobCredential(("deploy",), AwsRoleAuth("$ROLE"), "c"),),
        ),
    ),
)


def _objects(part: Any) -> list[dict[str, Any]]:
    """Every object in ``part`` of a JSON document."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    found = [inner_object for value in inner for inner_object in _objects(value)]
    return [part, *found] if isinstance(part, dict) else found


def test_a_record_with_anything_unknown_is_refused() -> None:
    count = len(_objects(json.loads(policy_to_json(RECORDED))))
    assert count == 8
    for index in range(count):
        data = json.loads(policy_to_json(RECORDED))
        assert policy_from_json(json.dumps(data)) == RECORDED
        _objects(data)[index]["hue"] = 1
        with pytest.raises(PolicyRecordError, match="hue"):
            policy_from_json(json.dumps(data))
    for wrong in ("", "[]", '{"platform": "moon"}', '{"registries": [{"host": "a"}]}', "\ud800"):
        with pytest.raises(PolicyRecordError):
            policy_from_json(wrong)


@pytest.mark.parametrize(
    ("was", "planted"),
    [
        ('"$B"', '"hunter2"'),
        ('"context":"c"', '"context":" c"'),
        ('"deploy"', '""'),
        ('"mirror.acme.dev"', '"docker.io"'),
        ('"docker_orb":"', '"docker_orb":"@'),
    ],
)
def test_a_record_that_says_what_no_policy_may_is_refused(was: str, planted: str) -> None:
    text = policy_to_json(RECORDED)
    assert was in text
    with pytest.raises(PolicyRecordError) as caught:
        policy_from_json(text.replace(was, planted))
    assert "hunter2" not in str(caught.value)


def test_equal_policies_have_equal_records() -> None:
    names = ["orb-pull", "missing-context", "sunset-version", "variable-name"]
    first, two = (Policy(ignore=frozenset(order)) for order in (names, names[::-1]))
    assert policy_to_json(first) == policy_to_json(two)
