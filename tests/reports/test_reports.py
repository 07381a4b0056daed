"""Each format says what happened, in the way its readers expect."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as XML

import click
import jsonschema
import pytest

from cci_migrate.engine.outcomes import Cause, Examined, Failed, NotAConfig, Outcome, Refused, ToDo
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.engine.redacted_outcomes import redacted
from cci_migrate.findings import Answer, Decisions, FindingKey
from cci_migrate.lossless.source import Position
from cci_migrate.policy.settings import Platform, Policy
from cci_migrate.redaction.redaction import redaction_of
from cci_migrate.reports.github_report import github_report
from cci_migrate.reports.json_report import json_report
from cci_migrate.reports.junit_report import junit_report
from cci_migrate.reports.report import Mode, Report, Result
from cci_migrate.reports.sarif_report import sarif_report
from cci_migrate.reports.text_report import coloured_diff, failure_line, text_report
from cci_migrate.rules.catalogue import RULES
from tests.processing import process
from tests.proven_changes import proven_file
from tests.published_schemas import published_schema

MANY = (
    "version: 2.1\njobs:\n"
    + "".join(f"  j{n}:\n    docker:\n      - image: cimg/base:{n}\n" for n in range(50))
    + "  odd:\n    docker:\n      - image: $IMAGE\n      - image: quay.io/a/b:1\n"
    + "  quiet:\n    docker:\n"
    + "      - image: cimg/go:1 # cci-migrate: ignore[unauthenticated-image] not ours\n"
    + "workflows:\n  main:\n    jobs:\n"
    + "".join(f"      - j{n}\n" for n in range(50))
)
MISROUTED = """\
version: 2.1
jobs:
  a:
    docker:
      - image: quay.io/acme/builder
        auth: {username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}
"""
NOTHING = "version: 2.1\njobs:\n  a:\n    macos: {xcode: 15.4.0}\n    steps: [checkout]\n"
PATH = ".circleci/config.yml"


def outcome(text: str = MANY, path: str = PATH, policy: Policy | None = None) -> Outcome:
    return process({path: text.encode()}, policy or Policy())


EVERYTHING = (
    Result("", outcome()),
    Result("", NotAConfig((".circleci/info.yml",), "the CircleCI CLI's project file")),
    Result(
        "",
        Refused(
            (".circleci/gen.yml",), Cause.GENERATED, "a program writes it", "change src instead"
        ),
    ),
    Result("", Failed((".circleci/bad.yml",), "not YAML", "correct it", Position(3, 7))),
    Result("", Failed((".circleci/gone.yml",), "cannot be read")),
)


def report(*results: Result, mode: Mode = Mode.CHECK) -> Report:
    return Report(mode, results or EVERYTHING)


def text(told: Report, verbosity: int = 0) -> str:
    return "".join(text_report(told, verbosity=verbosity, in_colour=False))


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((files("cci_migrate") / "schemas" / name).read_text())
    return loaded


def test_text_gives_each_finding_its_line_and_each_reason_once() -> None:
    told = text(report())
    lines = told.splitlines()
    assert lines[0] == PATH
    for number in range(50):
        place = f"  {5 + 3 * number}:16  warning  unauthenticated-image: cimg/base:{number} "
        assert sum(line.startswith(place) for line in lines) == 1
    assert sum(f"(job j{number})" in told for number in range(50)) == 50
    (examined,) = [case.outcome for case in EVERYTHING if isinstance(case.outcome, Examined)]
    for because in {resolution.finding.because for resolution in examined.resolutions}:
        assert " ".join(told.split()).count(because) == 1


def test_text_says_what_is_left_and_why() -> None:
    told = text(report(mode=Mode.WRITE))
    assert "skipped: a program writes it; change src instead" in told
    assert "left: CircleCI does not put environment variables into image" in told
    assert "1 image of quay.io is not covered" in told
    assert told.splitlines()[-1].endswith("1 ignored. 1 file skipped. 2 files failed.")


def test_quiet_text_has_only_what_is_not_as_it_should_be() -> None:
    written = text(report(mode=Mode.WRITE), verbosity=-1)
    assert "undecidable-image" in written
    assert "skipped" in written
    for absent in ("fixed", "Why it matters", "quay.io", "configs", "ignored"):
        assert absent not in written
    assert "to fix: add auth" in text(report(), verbosity=-1)


def test_verbose_text_has_the_rest() -> None:
    told = text(report(), verbosity=1)
    assert "not a CircleCI config: the CircleCI CLI's project file" in told
    assert "ignored" in told


def test_what_is_to_do_and_to_know_is_told_once_for_many_files() -> None:
    results = [Result("", outcome(path=f"{n}/{PATH}")) for n in range(20)]
    told = " ".join(text(report(*results)).split())
    assert told.count("The context docker-hub-creds must exist") == 1
    assert "- 20 files: 1 image of quay.io is not covered" in told


def test_what_is_to_do_for_some_files_only_names_them() -> None:
    own_names = MISROUTED.replace("quay.io/acme", "acme").replace("$DOCKERHUB_", "$HUB_")
    others = own_names + "  b:\n    docker: [{image: cimg/base:1}]\n"
    results = [Result("", outcome()), Result("other/", outcome(others))]
    told = " ".join(text(report(*results)).split())
    assert "must hold HUB_USERNAME and HUB_PASSWORD" in told
    assert "(For other/.circleci/config.yml.)" in told


def test_failures_are_a_line_each_with_place_problem_and_advice() -> None:
    lines = [failure_line(result) for result in EVERYTHING]
    assert lines[3:] == [
        ".circleci/bad.yml:3:7: not YAML; correct it",
        ".circleci/gone.yml: cannot be read",
    ]
    assert lines[:3] == [None, None, None]


def test_narrow_text_is_wrapped_and_loses_nothing() -> None:
    wide = "".join(text_report(report(), verbosity=0, in_colour=False, width=100))
    narrow = "".join(text_report(report(), verbosity=0, in_colour=False, width=40))
    assert narrow.split() == wide.split()
    prose = [line for line in narrow.splitlines() if line.startswith(("  - ", "    "))]
    assert max(len(line) for line in prose if not line.startswith("        ")) <= 40


def test_a_coloured_diff_has_the_same_text() -> None:
    diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b \x1b[31m\n"
    assert click.unstyle(coloured_diff(diff)) == diff.replace("\x1b", "\\x1b")
    assert "\x1b[32m+b \\x1b[31m" in coloured_diff(diff)


@pytest.mark.parametrize("mode", list(Mode))
def test_json_fits_its_schema(mode: Mode) -> None:
    document = json.loads("".join(json_report(report(mode=mode))))
    jsonschema.Draft202012Validator(schema("report.schema.json")).validate(document)
    states = [config["state"] for config in document["configs"]]
    assert states == ["examined", "not-a-config", "refused", "failed", "failed"]
    assert document["exit_code"] == 3
    first = document["configs"][0]["findings"][0]
    assert first["key"] == f"unauthenticated-image:{PATH}:jobs.j0.docker[0]"
    assert (first["line"], first["column"], first["end_column"]) == (5, 16, 27)
    assert document["summary"]["findings"] == len(document["configs"][0]["findings"])
    assert document["summary"]["suppressed"] == 1


def test_the_schemas_are_schemas() -> None:
    for name in ("report.schema.json", "policy.schema.json", "baseline.schema.json"):
        jsonschema.Draft202012Validator.check_schema(schema(name))


def sarif_run(told: Report) -> dict[str, Any]:
    document = json.loads("".join(sarif_report(told)))
    jsonschema.Draft7Validator(published_schema("sarif-2.1.0")).validate(document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_fingerprints_stay_when_lines_move() -> None:
    def fingerprints(config: str) -> list[tuple[str, int]]:
        run = sarif_run(report(Result("", outcome(config))))
        return [
            (
                result["partialFingerprints"]["cciMigrateFindingKey/v1"],
                result["locations"][0]["physicalLocation"]["region"]["startLine"],
            )
            for result in run["results"]
        ]

    before = fingerprints(MANY)
    after = fingerprints("# moved\n\n" + MANY)
    assert [key for key, _ in after] == [key for key, _ in before]
    assert [line - 2 for _, line in after] == [line for _, line in before]
    assert len({key for key, _ in before}) == len(before) > 50


def test_sarif_names_rules_places_suppressions_and_failures() -> None:
    run = sarif_run(report())
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert artifact == {"uri": PATH, "uriBaseId": "ROOT"}
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert [result["suppressions"][0]["kind"] for result in suppressed] == ["inSource"]
    notifications = run["invocations"][0]["toolExecutionNotifications"]
    assert [result["level"] for result in notifications] == ["warning", "error", "error"]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_and_annotations_of_a_write_tell_only_what_is_left() -> None:
    written = report(mode=Mode.WRITE)
    assert {result["ruleId"] for result in sarif_run(written)["results"]} == {
        "undecidable-image",
        "unauthenticated-image",  # the suppressed one
    }
    lines = list(github_report(written))
    assert [line.partition("title=")[2].partition("::")[0] for line in lines] == [
        "undecidable-image",
        "cci-migrate",
        "cci-migrate",
        "cci-migrate",
    ]


def test_annotations_are_escaped() -> None:
    odd = Result("a,b:c%/", outcome("version: 2.1\njobs:\n  a:\n    docker:\n    - image: a%b/c\n"))
    failed = Result("", Failed(("x",), "100%\nof it", position=Position(2, 3)))
    lines = "".join(github_report(report(odd, failed))).splitlines()
    assert lines[-1] == "::error file=x,line=2,col=3,title=cci-migrate::100%25\\nof it"
    for line in lines[:-1]:
        assert "file=a%2Cb%3Ac%25/.circleci/config.yml,line=5," in line


def test_annotations_say_so_where_github_does_not_show_them_all() -> None:
    first, *others = github_report(report(Result("", outcome())))
    warnings = sum(line.startswith("::warning ") for line in others)
    assert warnings > 10
    assert first.startswith("::notice title=cci-migrate::GitHub shows 10 annotations of each kind")
    assert f"{warnings} of kind warning" in first
    few = outcome(MISROUTED)
    assert "GitHub shows" not in "".join(github_report(report(Result("", few))))


def test_the_platform_gives_the_annotation_its_level() -> None:
    config = "version: 2.1\njobs:\n  a:\n    docker:\n      - image: cimg/base:1\n"
    levels = {
        platform: next(
            github_report(report(Result("", outcome(config, policy=Policy(platform=platform)))))
        ).split()[0]
        for platform in Platform
    }
    assert levels[Platform.CLOUD] == "::warning"
    assert levels[Platform.SERVER] == "::error"


def test_a_secret_that_reaches_a_message_is_withheld() -> None:
    examined = outcome()
    assert isinstance(examined, Examined)
    told = Examined(
        paths=examined.paths,
        resolutions=examined.resolutions,
        change=ProvenChange((proven_file(PATH, b"a", b"b"),)),
        todos=(ToDo("take back cimg/base:7"),),
        notes=("not cimg/base:77, but cimg/base:7",),
    )
    clean = redacted(told, redaction_of(("cimg/base:7", "$IMAGE")))
    document = "".join(json_report(report(Result("", clean))))
    assert "cimg/base:7 " not in document
    assert "$IMAGE " not in document
    assert "not cimg/base:77, but [withheld]" in document
    assert "take back [withheld]" in document
    assert "[withheld] is pulled from Docker Hub" in document


def test_a_question_is_told_with_its_answers_and_an_answer_as_what_was_done() -> None:
    open_ = Result("", outcome(MISROUTED))
    assert "left: needs a decision: These look like the credentials of Docker Hub" in text(
        report(open_)
    )
    verbose = text(report(open_), verbosity=1)
    assert "remove: take the credentials away - The image is pulled anonymously" in verbose
    document = json.loads("".join(json_report(report(open_))))
    jsonschema.Draft202012Validator(schema("report.schema.json")).validate(document)
    findings = document["configs"][0]["findings"]
    (finding,) = (
        finding_data for finding_data in findings if finding_data["rule"] == "misrouted-credential"
    )
    assert [choice["key"] for choice in finding["remedy"]["choices"]] == ["remove", "keep"]
    key = FindingKey(finding["rule"], finding["path"], finding["route"])
    assert finding["key"] == str(key)
    decisions = Decisions(by_key={key: Answer("remove")})
    answered = process({PATH: MISROUTED.encode()}, Policy(), decisions)
    assert "fixed: as you answered" in text(report(Result("", answered), mode=Mode.WRITE))


def ignoring(text: str, comment: str) -> str:
    return text.replace("      - image:", f"      # cci-migrate: {comment}\n      - image:", 1)


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("ignore[orb-pull] why", "no orb-pull finding here"),
        ("ignore[orb-pull, unauthenticated-image]", "no orb-pull finding here"),
        ("ignore[unauthenticated-images] typo", "no rule is called unauthenticated-images"),
        ("ignor[unauthenticated-image] why", "not understood; write # cci-migrate: ignore[RULE]"),
        ("disable", "not understood; write # cci-migrate: ignore[RULE]"),
    ],
)
def test_a_comment_that_ignores_nothing_is_told(comment: str, told: str) -> None:
    unused = report(Result("", outcome(ignoring(MANY, comment))))
    assert f"config.yml:5:7: {told}" in text(unused)
    assert unused.exit_code is report(Result("", outcome())).exit_code
    document = json.loads("".join(json_report(unused)))
    (entry,) = document["configs"][0]["unused_suppressions"]
    assert (entry["line"], entry["column"]) == (5, 7)
    notification = sarif_run(unused)["invocations"][0]["toolExecutionNotifications"][0]
    assert told in notification["message"]["text"]
    assert any(f"::notice file={PATH},line=5,col=7" in line for line in github_report(unused))
    root = XML.fromstring("".join(junit_report(unused)))
    (case,) = [case for case in root.iter("testcase") if "unused ignore" in case.attrib["name"]]
    assert case.attrib["line"] == "5"
    assert (case.findtext("system-out") or "").startswith(f"5:7: {told}")
    assert case.find("failure") is None


@pytest.mark.parametrize(
    ("comment", "is_misspelt"),
    [
        ("# CCI-Migrate: ignore[unauthenticated-image]", True),
        ("# cci_migrate: ignore", True),
        ("# cci-migrate ignore[unauthenticated-image] why", True),
        ("# cci-migrate: noqa", True),
        ("# cci-migrate: see docs/registries.md", False),
        ("# cci-migrate added the context", False),
        ("# cci-migrate: ignore", False),
    ],
)
def test_a_misspelt_comment_is_reported(comment: str, is_misspelt: bool) -> None:
    config = MANY.replace("      - image:", f"      {comment}\n      - image:", 1)
    assert ("not understood" in text(report(Result("", outcome(config))))) is is_misspelt


def test_a_comment_is_not_called_unused_where_its_rule_was_not_asked_for() -> None:
    only = Policy(select=frozenset({"missing-context"}))
    config = ignoring(MANY, "ignore[orb-pull] why")
    assert "Unused ignores" not in text(report(Result("", outcome(config, policy=only))))


def test_junit_has_a_suite_for_each_config_and_a_case_for_each_finding() -> None:
    told = report()
    root = XML.fromstring("".join(junit_report(told)))
    cases = [case for suite in root for case in suite]
    assert int(root.attrib["tests"]) == len(cases)
    assert int(root.attrib["failures"]) == len(root.findall("*/*/failure"))
    assert int(root.attrib["errors"]) == len(root.findall("*/*/error")) == 2
    assert int(root.attrib["skipped"]) == len(root.findall("*/*/skipped")) == 1
    first = root.find(f"testsuite[@name='{PATH}']/testcase")
    assert first is not None
    assert first.attrib["name"] == "unauthenticated-image: jobs.j0.docker[0]"
    assert (first.attrib["file"], first.attrib["line"]) == (PATH, "5")
    failure = first.find("failure")
    assert failure is not None
    assert "To fix it: add auth under the image" in (failure.text or "")


def test_junit_of_a_config_with_nothing_to_do_passes() -> None:
    root = XML.fromstring("".join(junit_report(report(Result("", outcome(NOTHING))))))
    assert [case.attrib["name"] for case in root.iter("testcase")]
    assert root.attrib["failures"] == root.attrib["errors"] == "0"


def test_junit_can_hold_any_text() -> None:
    odd = MANY.replace("cimg/base:7\n", '"cimg/go:\\e\\0<&>"\n')
    assert odd != MANY
    XML.fromstring("".join(junit_report(report(Result("", outcome(odd))))))


def test_a_context_that_a_comment_keeps_away_is_no_provider_and_the_comment_is_used() -> None:
    config = """\
version: 2.1
jobs:
  unit: {docker: [{image: 'cimg/rust:1.80'}]}
  lint: {docker: [{image: 'cimg/rust:1.80', auth: {username: $PEAR_USER, password: $PEAR_KEY}}]}
workflows:
  main:
    jobs:
      - lint: {context: pear}
      - unit
"""
    with_context = text(report(Result("", outcome(config))), verbosity=1)
    assert "names: $PEAR_USER, $PEAR_KEY from context pear: as job lint has them" in with_context
    comment = "# cci-migrate: ignore[missing-context] the project has them"
    ignoring_it = config.replace("- unit", f"- unit {comment}")
    without = text(report(Result("", outcome(ignoring_it))), verbosity=1)
    assert "names: $PEAR_USER, $PEAR_KEY: as job lint has them" in without
    assert "Unused ignores" not in without
