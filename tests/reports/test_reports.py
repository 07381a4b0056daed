"""Each format says what happened, in the way its readers expect."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as XML

import click
import jsonschema
import pytest

from cci_migrate import project
from cci_migrate.cli.processing import thin
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import examine
from cci_migrate.engine.outcomes import Cause, Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.engine.proposing import propose
from cci_migrate.engine.redacted_outcomes import redacted
from cci_migrate.escaping import terminal_text
from cci_migrate.findings import Answer, Decisions, FindingKey, NoFix
from cci_migrate.lossless.source import Position, SourceText, Span
from cci_migrate.policy.settings import Platform, Policy
from cci_migrate.redaction.excerpts import excerpt_of, excerpt_of_unparsed
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.reports.concise_report import concise_report
from cci_migrate.reports.diffs import coloured_diff
from cci_migrate.reports.github_report import github_report
from cci_migrate.reports.json_report import json_report
from cci_migrate.reports.junit_report import junit_report
from cci_migrate.reports.report import Mode, Report, Result
from cci_migrate.reports.sarif_report import sarif_report
from cci_migrate.reports.statistics_report import statistics_report
from cci_migrate.reports.terminal_page import Page
from cci_migrate.reports.text_report import Detail, failure_lines, text_report
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
    Result("", Failed((".circleci/gone.yml",), "can't be read")),
)


def report(*results: Result, mode: Mode = Mode.CHECK) -> Report:
    return Report(mode, results or EVERYTHING)


def text(told: Report, verbosity: int = 0) -> str:
    return "".join(text_report(told, Detail(verbosity), Page()))


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((files("cci_migrate") / "schemas" / name).read_text())
    return loaded


TWO_EFFECTS = MANY.replace(
    "workflows:",
    "  images:\n    machine: true\n    steps:\n      - run: docker pull redis:7\nworkflows:",
)


def test_text_shows_what_is_limited_today_first_and_each_kind_once() -> None:
    told = text(report(Result("", outcome(TWO_EFFECTS))))
    headings = [line.partition(":")[0] for line in told.splitlines() if "]: " in line]
    assert headings == [
        "error[pull-before-login]",
        "warning[undecidable-image]",
        "precaution[unauthenticated-image]",
    ]
    flat = " ".join(told.split())
    assert "50 images are pulled from Docker Hub without credentials (fixable)" in flat
    assert "and 49 more: lines 8, 11, 14, 17, 20, 23," in flat
    assert "fix: add auth under 50 images, and add context docker-hub-creds to 50 jobs" in flat
    examined = outcome(TWO_EFFECTS)
    assert isinstance(examined, Examined)
    for because in {each.finding.because for each in examined.resolutions}:
        assert flat.count(because) == 1
    assert told.count("\n") < 60


def test_text_shows_the_place_as_editors_open_it_with_its_line() -> None:
    told = text(report(Result("services/", outcome(MANY)))).splitlines()
    at = told.index(f"  --> services/{PATH}:5:16")
    assert told[at + 1] == "5 |       - image: cimg/base:0"
    assert told[at + 2] == "  |                ^^^^^^^^^^^ job j0"
    page = Page()
    bare = "".join(text_report(report(), Detail(has_source=False), page))
    assert " | " not in bare


def test_verbose_text_lists_every_place() -> None:
    told = text(report(), verbosity=1)
    for number in range(50):
        place = f"  {PATH}:{5 + 3 * number}:16: cimg/base:{number} is pulled from Docker Hub"
        assert sum(line.startswith(place) for line in told.splitlines()) == 1


def test_concise_has_a_line_for_each_finding() -> None:
    *lines, skipped, closing = "".join(concise_report(report(), Detail())).splitlines()
    assert lines[0] == (
        f"{PATH}:5:16: precaution[unauthenticated-image] cimg/base:0 is pulled from Docker Hub "
        "without credentials (job j0) (fixable)"
    )
    assert len(lines) == 51
    assert skipped == ".circleci/gen.yml: skipped: a program writes it; change src instead"
    assert closing.startswith("Found 51 problems in 1 file: ")


def test_text_says_what_is_left_and_why() -> None:
    told = text(report(mode=Mode.WRITE))
    assert ".circleci/gen.yml: skipped: a program writes it; change src instead" in told
    assert "no fix: CircleCI doesn't replace environment variables in image" in told
    assert "1 image of quay.io is not covered" in told
    assert "50 images are pulled" not in told
    assert "unauthenticated-image: add auth under 50 images, and add context" in told
    closing = "Fixed 50 problems in 1 file. 1 left: 1 to check."
    assert closing in told
    assert "Also 1 ignored. 1 file skipped. 2 files failed." in " ".join(told.split())


def test_quiet_text_has_errors_and_the_last_line() -> None:
    told = text(report(Result("", outcome(TWO_EFFECTS))), verbosity=-1)
    assert [line.partition(":")[0] for line in told.splitlines() if "]: " in line] == [
        "error[pull-before-login]"
    ]
    assert "1 limited today, 1 to check, 50 precautionary on CircleCI Cloud." in told
    assert "outside the files" not in told


def test_verbose_text_has_the_rest() -> None:
    told = text(report(), verbosity=1)
    assert "not a CircleCI config: the CircleCI CLI's project file" in told
    assert "ignored: not ours" in told


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_fits_the_terminal(width: int) -> None:
    told = "".join(text_report(report(Result("", outcome(TWO_EFFECTS))), Detail(), Page(width)))
    assert max(len(line) for line in told.splitlines()) <= min(width, 100)


@pytest.mark.parametrize(
    ("line", "shown", "carets"),
    [
        ("      - image: cimg/go:1", "      - image: cimg/go:1", "               ^^^^^^^^^"),
        ("      - image: \t cimg/go:1", "      - image:      cimg/go:1", " " * 20 + "^" * 9),
        (
            "  \u6771\u4eac: {image: cimg/go:1}",
            "  \u6771\u4eac: {image: cimg/go:1}",
            " " * 16 + "^" * 9,
        ),
        ("  \u202e: {image: cimg/go:1}", "  \\u202e: {image: cimg/go:1}", " " * 18 + "^" * 9),
    ],
)
def test_a_caret_is_under_its_place(line: str, shown: str, carets: str) -> None:
    start = line.index("cimg")
    source = SourceText("x", f"a\n{line}\n")
    excerpt = excerpt_of(source, Span(2 + start, 2 + start + 9), Redaction())
    assert excerpt is not None
    assert list(Page().source(excerpt)) == [f"2 | {shown}", f"  | {carets}"]


def test_a_long_line_is_cut_around_its_place() -> None:
    line = "x: {" + "a: b, " * 40 + "image: cimg/go:1, " + "a: b, " * 40 + "}"
    start = line.index("cimg")
    excerpt = excerpt_of(SourceText("x", line), Span(start, start + 9), Redaction())
    assert excerpt is not None
    shown, carets = Page(60).source(excerpt, "job build")
    assert len(shown) <= 60
    assert shown[carets.index("^") :].startswith("cimg/go:1")


@pytest.mark.parametrize(
    "line", ["password: hunter22x", "auth: {username: a, password: hunter22x}"]
)
def test_a_secret_in_a_line_is_withheld(line: str) -> None:
    start = line.index("hunter")
    excerpt = excerpt_of(SourceText("x", line), Span(start, start + 10), Redaction())
    assert excerpt is not None
    assert excerpt.text == line.replace("hunter22x", "[withheld]")
    assert excerpt.text[excerpt.start : excerpt.end].startswith("[withheld]")


@pytest.mark.parametrize(
    "text",
    [
        "password: *hunter",
        "password:\n  hunter 'x",
        "api_token: |\n  one\n  two\n  three\n  four\n  fi've: [",
        "- run: docker login -u me\n  -p 'hunter",
    ],
)
def test_a_line_that_cannot_be_parsed_is_not_shown_where_a_secret_may_be(text: str) -> None:
    assert excerpt_of_unparsed(SourceText("x", text), len(text) - 1) is None
    harmless = SourceText("x", "password: x\njobs:\n  a:\n    docker:\n      - image: [")
    assert excerpt_of_unparsed(harmless, len(harmless.text) - 1) is not None


def test_links_lead_to_this_projects_pages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    site = "https://docs.example/"
    monkeypatch.setattr(project, "DOCUMENTATION", site)
    monkeypatch.setattr(terminal_text, "DOCUMENTATION", site)
    terminal_text._own_sequences.cache_clear()
    page = Page(in_colour=True, has_links=True)
    told = "".join(text_report(report(), Detail(), page))
    link = f"\x1b]8;;{site}rules/unauthenticated-image/\x1b\\unauthenticated-image\x1b]8;;\x1b\\"
    assert link in terminal_text.without_controls(told, in_colour=True)
    other = "\x1b]8;;https://evil.example\x1b\\x"
    assert "\x1b" not in terminal_text.without_controls(other, in_colour=True)
    assert "\x1b]8" not in "".join(text_report(report(), Detail(), Page(in_colour=True)))
    terminal_text._own_sequences.cache_clear()


def test_statistics_count_by_effect_rule_and_registry() -> None:
    told = "".join(statistics_report(report(Result("", outcome(TWO_EFFECTS))), Detail(), Page()))
    rows = [line.split(maxsplit=1) for line in told.splitlines() if line.startswith("  ")]
    assert ["50", "precautionary on CircleCI Cloud"] in rows
    assert ["1", "limited today"] in rows
    assert ["51", "Docker Hub"] in rows
    assert any(row[1].startswith("unauthenticated-image (50 fixable): ") for row in rows)


def test_what_is_to_do_and_to_know_is_told_once_for_many_files() -> None:
    results = [Result("", outcome(path=f"{n}/{PATH}")) for n in range(20)]
    told = " ".join(text(report(*results)).split())
    assert told.count("The context docker-hub-creds must exist") == 1
    assert "- 20 files: 1 image of quay.io is not covered" in told
    assert "1000 images are pulled from Docker Hub without credentials in 20 files" in told
    assert f"--> 1/{PATH}:5:16 and 49 more" in told
    assert "and 16 more files; -v lists them" in told


def test_what_is_to_do_for_some_files_only_names_them() -> None:
    own_names = MISROUTED.replace("quay.io/acme", "acme").replace("$DOCKERHUB_", "$HUB_")
    others = own_names + "  b:\n    docker: [{image: cimg/base:1}]\n"
    results = [Result("", outcome()), Result("other/", outcome(others))]
    told = " ".join(text(report(*results)).split())
    assert "must provide HUB_USERNAME and HUB_PASSWORD" in told
    assert "(For other/.circleci/config.yml.)" in told


def test_failures_are_a_line_each_with_place_problem_and_advice() -> None:
    lines = [failure_lines(result) for result in EVERYTHING]
    assert lines[3:] == [
        [".circleci/bad.yml:3:7: not YAML; correct it"],
        [".circleci/gone.yml: can't be read"],
    ]
    assert lines[:3] == [[], [], []]


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
    assert first["effect"] == "precaution"
    assert first["key"] == f"unauthenticated-image:{PATH}:jobs.j0.docker[0]"
    assert (first["line"], first["column"], first["end_column"]) == (5, 16, 27)
    assert document["summary"]["findings"] == len(document["configs"][0]["findings"])
    assert document["summary"]["suppressed"] == 1


@pytest.mark.parametrize(
    ("script", "line", "column", "end_column"),
    [
        ('docker login -u "$U" -p "$P"', 6, 35, 42),
        ('|\n          set -e\n          docker login -u "$U" -p "$P"\n', 8, 32, 39),
        ('|-\n          docker login \\\n            -u "$U" --password="$P"\n', 8, 21, 36),
        ('>-\n          set -e;\n          docker login -p "$P" -u "$U"\n', 8, 24, 31),
        ('"docker login -u $U\n          -p $P && echo"', 7, 11, 16),
    ],
    ids=["plain", "literal", "continued", "folded", "quoted"],
)
def test_every_format_points_at_the_password_in_a_script(
    script: str, line: int, column: int, end_column: int
) -> None:
    config = (
        "version: 2.1\njobs:\n  a:\n    machine: true\n    steps:\n"
        f"      - run: {script}\nworkflows: {{main: {{jobs: [a]}}}}\n"
    )
    policy = Policy(select=frozenset({"password-argument"}))
    pointing = report(Result("", thin(outcome(config, policy=policy))))
    assert f"{PATH}:{line}:{column}:" in "".join(concise_report(pointing, Detail()))
    assert f"--> {PATH}:{line}:{column}\n" in text(pointing)
    assert f"line={line},endLine={line},col={column},endColumn={end_column}," in "".join(
        github_report(pointing)
    )
    (finding,) = json.loads("".join(json_report(pointing)))["configs"][0]["findings"]
    assert (finding["line"], finding["end_line"]) == (line, line)
    assert (finding["column"], finding["end_column"]) == (column, end_column)
    (result,) = sarif_run(pointing)["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": line,
        "startColumn": column,
        "endLine": line,
        "endColumn": end_column,
    }
    (case,) = XML.fromstring("".join(junit_report(pointing))).iter("testcase")
    assert case.get("line") == str(line)


def test_no_fix_is_promised_for_a_password_whose_place_is_hidden() -> None:
    config = (
        "version: 2.1\njobs:\n  a:\n    machine: true\n    steps:\n"
        '      - run: "docker login \\\n          -u $U -p \\x24P"\n'
    )
    checked = outcome(config, policy=Policy(select=frozenset({"password-argument"})))
    assert isinstance(checked, Examined)
    (resolution,) = checked.resolutions
    assert resolution.finding.place.position == Position(6, 14)
    assert isinstance(resolution.finding.remedy, NoFix)
    assert "hides where it is" in resolution.finding.remedy.reason


def test_a_comment_above_a_step_ignores_what_is_in_its_script() -> None:
    config = (
        "version: 2.1\njobs:\n  a:\n    machine: true\n    steps:\n"
        "      # cci-migrate: ignore[password-argument] it has Docker 17.05\n"
        "      - run: |\n          set -e\n          docker login -u $U -p $P\n"
    )
    ignored = outcome(config, policy=Policy(select=frozenset({"password-argument"})))
    assert isinstance(ignored, Examined)
    assert [each.state.is_ignored for each in ignored.resolutions] == [True]


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
    policy = Policy(select=frozenset({"misrouted-credential"}))
    results = [Result(f"{n}/", outcome(MISROUTED, policy=policy)) for n in range(11)]
    first, *others = github_report(report(*results))
    assert len(others) == 11
    assert first.startswith("::notice title=cci-migrate::GitHub shows 10 annotations of each kind")
    assert "11 of kind error" in first
    assert "GitHub shows" not in "".join(github_report(report(*results[:10])))


def test_an_annotation_is_of_one_kind_with_all_its_lines() -> None:
    lines = list(github_report(report(Result("", outcome()))))
    assert len(lines) == 2
    assert "::50 images are pulled from Docker Hub without credentials%0Aand 49 more: " in lines[1]
    assert all(f" {5 + 3 * number}" in lines[1] for number in range(1, 50))


def with_edits(text: str) -> Result:
    """What SARIF is made from: an outcome with the edits of each fix."""
    files = ConfigFiles({PATH: text.encode()})
    return Result("", propose(examine(files, Policy()), lists_edits=True))


def applied(text: str, fix: dict[str, Any]) -> str:
    """``text`` with a fix of SARIF, as an editor applies it."""
    (change,) = fix["artifactChanges"]
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + column - 1

    for replacement in reversed(change["replacements"]):
        region = replacement["deletedRegion"]
        start = offset(region["startLine"], region["startColumn"])
        end = offset(region["endLine"], region["endColumn"])
        text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
    return text


def test_a_fix_of_sarif_removes_its_finding_and_no_other() -> None:
    config = TWO_EFFECTS.replace("      - j49\n", "      - j49\n      - images\n")
    results = {
        result["partialFingerprints"]["cciMigrateFindingKey/v1"]: result
        for result in sarif_run(report(with_edits(config)))["results"]
        if "suppressions" not in result
    }
    fixable = {key: result for key, result in results.items() if "fixes" in result}
    assert len(fixable) == 51
    for key in list(fixable)[::25]:
        (fix,) = fixable[key]["fixes"]
        assert "add context docker-hub-creds to job" in fix["description"]["text"]
        fixed = outcome(applied(config, fix))
        assert isinstance(fixed, Examined)
        left = {str(each.finding.key) for each in fixed.resolutions if not each.state.is_ignored}
        assert left == results.keys() - {key}


def test_sarif_has_no_edits_of_a_line_with_a_secret() -> None:
    config = MANY.replace(
        "      - image: cimg/base:0\n",
        "      - image: cimg/base:0\n        auth: {username: acme, password: hunter22x}\n",
    )
    text = "".join(sarif_report(report(with_edits(config))))
    assert "hunter22x" not in text
    (result,) = (
        result
        for result in json.loads(text)["runs"][0]["results"]
        if result["ruleId"] == "literal-credential"
    )
    assert "fixes" not in result


def test_sarif_rules_have_levels_and_scores_and_no_address_that_leads_nowhere() -> None:
    driver = sarif_run(report())["tool"]["driver"]
    assert "informationUri" not in driver
    for rule in driver["rules"]:
        assert "helpUri" not in rule
        is_about_secrets = "security" in rule["properties"]["tags"]
        assert is_about_secrets is ("security-severity" in rule["properties"])
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert levels["pull-before-login"] == levels["literal-credential"] == "error"
    assert levels["unauthenticated-image"] == "warning"
    assert levels["orb-pull"] == "note"


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
        todos=("take back cimg/base:7",),
        notes=("not cimg/base:77, but cimg/base:7",),
    )
    clean = redacted(told, Redaction(frozenset(("cimg/base:7", "$IMAGE"))))
    document = "".join(json_report(report(Result("", clean))))
    assert "cimg/base:7 " not in document
    assert "$IMAGE " not in document
    assert "not cimg/base:77, but [withheld]" in document
    assert "take back [withheld]" in document
    assert "[withheld] is pulled from Docker Hub" in document


def test_a_question_is_told_with_its_answers_and_an_answer_as_what_was_done() -> None:
    open_ = Result("", outcome(MISROUTED))
    flat = " ".join(text(report(open_)).split())
    assert "needs a decision: These look like the credentials of Docker Hub" in flat
    assert "(--interactive asks)" in flat
    verbose = text(report(open_), verbosity=1)
    assert "remove: remove the credentials - The pull is then anonymous" in verbose
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
    assert "misrouted-credential: as you answered" in text(
        report(Result("", answered), mode=Mode.WRITE)
    )


def ignoring(text: str, comment: str) -> str:
    return text.replace("      - image:", f"      # cci-migrate: {comment}\n      - image:", 1)


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("ignore[orb-pull] why", "no orb-pull finding here"),
        ("ignore[orb-pull, unauthenticated-image]", "no orb-pull finding here"),
        ("ignore[unauthenticated-images] typo", "no rule is called unauthenticated-images"),
        ("ignor[unauthenticated-image] why", "unknown comment; write # cci-migrate: ignore[RULE]"),
        ("disable", "unknown comment; write # cci-migrate: ignore[RULE]"),
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
    assert ("unknown comment" in text(report(Result("", outcome(config))))) is is_misspelt


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
    suite = root.find(f"testsuite[@name='{PATH}']")
    assert suite is not None
    assert [case.attrib["name"] for case in suite] == [
        "undecidable-image: jobs.odd.docker[0]",
        "unauthenticated-image: jobs.j0.docker[0]",
        "unauthenticated-image: jobs.quiet.docker[0]",
    ]
    first = suite[1]
    assert (first.attrib["file"], first.attrib["line"]) == (PATH, "5")
    failure = first.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "50 images are pulled from Docker Hub without credentials"
    places = (failure.text or "").splitlines()
    for number in range(50):
        place = f"{PATH}:{5 + 3 * number}:16: cimg/base:{number} "
        assert sum(line.startswith(place) for line in places) == 1
    assert places[-1].startswith("fix: add auth under 50 images, and add context")


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
