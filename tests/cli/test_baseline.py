"""``--baseline``, ``--no-ignores`` and ``--output``, as a team uses them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as XML

import jsonschema
import pytest

from tests.cli.conftest import CONFIG, ROOT, Program, put

SCHEMA = ROOT / "cci_migrate" / "schemas" / "baseline.schema.json"
TWO = CONFIG.replace("    steps:", "      - image: redis:7\n    steps:")


def test_what_was_there_is_left_and_what_is_new_is_found(
    program: Program, config: Path, tmp_path: Path
) -> None:
    written = program("--write-baseline", "baseline.json")
    assert (written.code, written.err) == (0, "")
    assert "1 finding." in written.out
    assert config.read_text() == CONFIG
    document = json.loads((tmp_path / "baseline.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert {"path", "rule", "place", "what", "subject"} == set(document["findings"][0])

    done = program("--check", "--baseline", "baseline.json")
    assert done.code == 0, done.out
    assert "in the baseline" in done.out
    assert program("--baseline", "baseline.json").code == 0
    assert config.read_text() == CONFIG

    # Lines that move do not matter; another image is another finding.
    config.write_text("# of the team\n\n" + TWO)
    report = program("--check", "--baseline", "baseline.json")
    assert report.code == 1
    assert "redis:7" in report.out
    assert "cimg/node" not in report.out
    assert program("--baseline", "baseline.json").code == 0
    text = config.read_text()
    assert text.count("auth:") == 1
    # Without the context, the variables of the new image's credentials would be empty.
    assert "context" in text
    assert text.index("redis:7") < text.index("auth:")
    assert program("--check", "--baseline", "baseline.json").code == 0


def test_an_entry_that_is_not_found_any_more_is_told_and_can_go(
    program: Program, config: Path, tmp_path: Path
) -> None:
    assert program("--write-baseline", "baseline.json").code == 0
    config.write_text(CONFIG.replace("cimg/node:22.4", "ghcr.io/acme/x:1"))
    done = program("--check", "--baseline", "baseline.json")
    assert done.code == 0
    assert "no longer occurs" in " ".join(done.out.split())
    assert program("--write-baseline", "baseline.json").code == 0
    assert json.loads((tmp_path / "baseline.json").read_text())["findings"] == []


def test_a_policy_file_names_it(program: Program, config: Path, tmp_path: Path) -> None:
    (tmp_path / "ci").mkdir()
    put(tmp_path / ".cci-migrate.toml", 'baseline = "ci/baseline.json"\n')
    assert program("--write-baseline", "ci/baseline.json").code == 0
    assert {entry["path"] for entry in _entries(tmp_path / "ci" / "baseline.json")} == {
        "../.circleci/config.yml"
    }
    assert program("--check").code == 0
    assert program("--check", config.parent).code == 0
    assert program("--check", "--no-ignores").code == 1
    passed_on = program("-", "--stdin-filename", ".circleci/config.yml", given=CONFIG.encode())
    assert passed_on.out == CONFIG


def test_a_baseline_beside_the_config_names_it_without_a_way_round(
    program: Program, config: Path
) -> None:
    assert program("--write-baseline", ".circleci/baseline.json").code == 0
    written = config.parent / "baseline.json"
    assert {entry["path"] for entry in _entries(written)} == {"config.yml"}
    assert program("--check", "--baseline", ".circleci/baseline.json").code == 0
    # What an older version or a hand wrote, with a BOM perhaps, is the same file.
    text = written.read_text().replace('"config.yml"', '"../.circleci/config.yml"')
    put(written, "\ufeff" + text)
    assert program("--check", "--baseline", ".circleci/baseline.json").code == 0


def test_a_baseline_written_for_one_file_keeps_those_of_others(
    program: Program, config: Path, tmp_path: Path
) -> None:
    other = put(config.parent / "other.yml", CONFIG)
    gone = put(config.parent / "gone.yml", CONFIG)
    assert program("--write-baseline", "b.json").code == 0
    gone.unlink()
    other.write_text("a: [")
    config.write_text(CONFIG.replace("cimg/node:22.4", "ghcr.io/acme/x:1"))
    # The file that failed keeps its entries; what was read and is clean, or is gone, has none.
    assert program("--write-baseline", "b.json").code == 3
    assert {entry["path"] for entry in _entries(tmp_path / "b.json")} == {".circleci/other.yml"}
    other.write_text(CONFIG)
    assert program("--write-baseline", "b.json", config).code == 0
    assert {entry["path"] for entry in _entries(tmp_path / "b.json")} == {".circleci/other.yml"}


def _entries(path: Path) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(path.read_text())["findings"]
    return entries


def test_a_baseline_that_is_none(program: Program, config: Path, tmp_path: Path) -> None:
    for text, problem in (
        ("{", "baseline.json:1: is not JSON"),
        ("[]", "baseline.json: not a valid baseline: expected an object, got a list"),
        ("9" * 5000, "baseline.json: can't be read: a number in it is too long"),
        ('{"version": 3, "findings": []}', "unsupported version 3, expected 2"),
        ('{"version": true, "findings": []}', "unsupported version true"),
        ('{"version": 2, "findings": {}}', "findings: expected a list, got an object"),
        ('{"version": 2, "findings": [], "x": 1}', "not a valid baseline: unknown key x"),
        (
            '{"version": 2,\n "findings": [\n  {"path": "x"}\n]}',
            "baseline.json:3: not a valid baseline: findings[0]: missing key `rule`; write it",
        ),
    ):
        put(tmp_path / "baseline.json", text)
        done = program("--baseline", "baseline.json")
        assert done.code == 2
        assert problem in done.err
        assert config.read_text() == CONFIG
    put(tmp_path / ".cci-migrate.toml", 'baseline = "none.json"\n')
    done = program()
    assert done.code == 2
    assert "none.json: can't read the baseline" in done.err


def test_no_ignores(program: Program, config: Path) -> None:
    comment = "      # cci-migrate: ignore[unauthenticated-image] a public cache\n"
    config.write_text(CONFIG.replace("      - image", comment + "      - image"))
    assert program("--check").code == 0
    audit = program("--check", "--no-ignores")
    assert audit.code == 1
    assert "fix: add auth under the image" in audit.out


def test_the_report_goes_to_a_file(program: Program, config: Path, tmp_path: Path) -> None:
    done = program("--check", "--format", "junit", "--output", "results.xml")
    assert (done.code, done.out) == (1, "")
    assert "Found 1 problem in 1 file" in done.err
    assert "The report is in results.xml." in done.err
    assert XML.parse(tmp_path / "results.xml").getroot().attrib["failures"] == "1"
    quiet = program("--check", "-q", "--output", "results.xml")
    assert (quiet.out, quiet.err) == ("", "")
    assert "1 fixable" in (tmp_path / "results.xml").read_text()
    diff = program("--dry-run", "--output", "report.txt")
    assert diff.out.startswith("diff --git")
    assert "1 fixable" in (tmp_path / "report.txt").read_text()
    assert config.read_text() == CONFIG


def test_a_report_that_cannot_be_written(program: Program, config: Path, tmp_path: Path) -> None:
    for name, problem in (("none/x.txt", "there is no folder"), (".circleci", "it is a folder")):
        done = program("--output", name)
        assert done.code == 2
        assert problem in done.err
    assert config.read_text() == CONFIG
    assert program("--check", "--output", "/dev/null").code == 1
    assert not Path("/dev/null").is_file()
    assert tmp_path.exists()


def test_what_does_not_go_together(program: Program, config: Path) -> None:
    assert config.exists()
    for words in (("--dry-run",), ("--no-ignores",), ("--revert",), ("-i",)):
        assert program("--write-baseline", "b.json", *words).code == 2
    assert program("--no-ignores", "-i").code == 2


def test_a_policy_that_is_only_found_leads_to_no_file_elsewhere(
    program: Program, config: Path, tmp_path: Path
) -> None:
    del config
    elsewhere = put(tmp_path.parent / f"{tmp_path.name}-elsewhere" / "b.json", "[]")
    (tmp_path / "link.json").symlink_to(elsewhere)
    for named in (str(elsewhere), f"../{elsewhere.parent.name}/b.json", "link.json"):
        policy = put(tmp_path / ".cci-migrate.toml", f'baseline = "{named}"\n')
        done = program("--check")
        assert done.code == 2
        assert "baseline: is outside the folder of this file" in done.err
        # Named by the user, it is read, and found to be none.
        assert "outside" not in program("--check", "--config", policy).err


GENERATED = "# Generated by ci/render.py. Do not edit.\n" + CONFIG
TEMPLATE = "version: 2.1\njobs:\n{% for j in jobs %}\n  {{ j }}: {}\n{% endfor %}\n"
NOT_EDITED = {
    ".circleci/config.yml": GENERATED,
    ".circleci/template.yml": TEMPLATE,
    ".circleci/two.yml": f"{CONFIG}---\n{CONFIG}",
}


def test_a_file_that_is_not_edited_is_one_sentence_until_the_baseline_has_it(
    program: Program, tmp_path: Path
) -> None:
    for path, text in NOT_EDITED.items():
        put(tmp_path / path, text)
    for mode in ((), ("--dry-run",), ("--check",)):
        done = program(*mode)
        assert done.code == 1, mode
        output = done.out + done.err
        assert output.count("skipped: ") == 3
        reason = "generated, with 1 pull without credentials; change ci/render.py instead"
        assert reason in " ".join(output.split())
        assert "unauthenticated-image" not in output
    explained = program("explain")
    assert explained.code == 1
    assert "cimg/node:22.4 from docker.io" in explained.out

    assert program("--write-baseline", "baseline.json").code == 0
    document = json.loads((tmp_path / "baseline.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    done = program("--check", "--baseline", "baseline.json")
    assert done.code == 0
    assert done.out.startswith("Nothing to do in 3 configs. 1 image, 0 with credentials. 3 files ")
    assert program("--baseline", "baseline.json").code == 0
    assert program("--check", "--baseline", "baseline.json", "--no-ignores").code == 1
    for form in ("json", "sarif", "github", "junit"):
        assert program("--check", "--baseline", "baseline.json", "--format", form).code == 0, form
    assert {path: (tmp_path / path).read_text() for path in NOT_EDITED} == NOT_EDITED

    # A template whose reason has gone is a config like any other.
    put(tmp_path / ".circleci/template.yml", CONFIG)
    done = program("--check", "--baseline", "baseline.json")
    assert done.code == 1
    assert "entry for the whole file (template) is no longer needed" in " ".join(done.out.split())


ACCEPTED = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4
    steps: [checkout]
  smoke:
    machine:
      image: ubuntu-2204:current
    steps:
      - run: docker run alpine:3
  lint:
    docker:
      - image: acme/lint:1
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps: [checkout]
workflows:
  main:
    jobs:
      - build
      - smoke
      - lint
      - lint: {name: nightly, context: docker-hub-creds}
"""
ADDED = "      - image: redis:7\n"
BUILD = """\
  build:
    docker:
      - image: cimg/node:22.4
    steps: [checkout]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("    steps: [checkout]", "    steps:\n    - checkout", [], id="reformat"),
        pytest.param(BUILD, f"# All jobs.\n\n{BUILD}", [], id="comment"),
        pytest.param(f"jobs:\n{BUILD}", f"executors: {{}}\njobs:\n{BUILD}", [], id="another key"),
        pytest.param(
            "      - build\n      - smoke\n", "      - smoke\n      - build\n", [], id="reorder"
        ),
        pytest.param("node:22.4", "node:24.1", [], id="bump"),
        pytest.param("alpine:3", "alpine:3.20", [], id="bump in a step"),
        pytest.param("alpine:3", "docker.io/library/alpine:3", [], id="another name of it"),
        pytest.param("alpine:3", "quay.io/library/alpine:3", [], id="another registry"),
        pytest.param("build", "compile", [], id="rename"),
        pytest.param("smoke", "try-out", [], id="rename with steps"),
        pytest.param("lint", "style", [], id="rename in a workflow"),
        pytest.param(
            "    docker:\n      - image: cimg",
            f"    docker:\n{ADDED}      - image: cimg",
            ["redis:7"],
            id="insert before",
        ),
        pytest.param("node:22.4\n", f"node:22.4\n{ADDED}", ["redis:7"], id="insert after"),
        pytest.param(
            "node:22.4\n",
            "node:22.4\n      - image: cimg/node:20.1\n",
            ["cimg/node:20.1"],
            id="another tag beside",
        ),
        pytest.param("cimg/node:22.4", "redis:7", ["redis:7"], id="another image"),
        pytest.param(
            "docker run alpine:3",
            "docker run alpine:3; docker run busybox:1",
            ["alpine:3"],
            id="append a pull",
        ),
        pytest.param(
            BUILD, BUILD + BUILD.replace("build", "again"), ["cimg/node:22.4"], id="another job"
        ),
        pytest.param(
            "- build\n", "- build\n      - lint: {name: more}\n", ["more"], id="another entry"
        ),
    ],
)
def test_what_a_baseline_accepts_after_a_change(
    program: Program, config: Path, old: str, new: str, expected: list[str]
) -> None:
    config.write_text(ACCEPTED)
    program("--write-baseline", "baseline.json")
    config.write_text(ACCEPTED.replace(old, new))
    done = program("--check", "--baseline", "baseline.json", "--format", "json")
    findings = [
        finding["subject"]
        for config_data in json.loads(done.out)["configs"]
        for finding in config_data["findings"]
        if finding["state"] != "baseline"
    ]
    assert findings == expected
