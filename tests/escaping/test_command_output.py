"""Each command and format, for a repository whose every name is hostile."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as XML

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, put
from tests.escaping.hostile_text import (
    HOSTILE,
    assert_seen,
    assert_shown,
    assert_steady,
    config,
    without_colour,
)
from tests.processes import git
from tests.published_schemas import check_published

#: No file system of macOS or Windows has such names.
linux = pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")

FOLDERS = [text for text in HOSTILE.values() if "\0" not in text and "/" not in text]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    put(tmp_path / ".circleci" / "config.yml", config())
    return tmp_path


def count_of_findings(inside: Program) -> int:
    """The number of findings in the JSON report."""
    report = json.loads(inside("--check", "--format", "json").out)
    return sum(len(config.get("findings", ())) for config in report["configs"])


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("colour", ["never", "always"])
def test_text(program: Program, inside: Program, colour: str) -> None:
    done = program("--check", "-v", "--color", colour)
    assert done.code == 1
    assert_shown(done.out, in_colour=colour == "always")
    shown = without_colour(done.out)
    findings = re.findall(r"^(?:error|warning|precaution|note)\[", shown, re.MULTILINE)
    assert len(findings) > 3
    concise = inside("--check", "--format", "concise", "-v").out.splitlines()
    assert_steady("\n".join(concise))
    places = [line for line in concise if re.match(r"\.circleci/config\.yml:\d+:\d+: \w+\[", line)]
    assert len(places) == count_of_findings(inside)


@pytest.mark.usefixtures("repository")
def test_json_for_strict_readers(inside: Program) -> None:
    for command in (["--check"], ["--dry-run"], ["explain"]):
        done = inside(*command, "--format", "json")
        assert_shown(done.out)
        json.loads(done.out_bytes)
        # What was read is what is in the file.
        assert HOSTILE["bidi"] in json.dumps(json.loads(done.out), ensure_ascii=False)


@pytest.mark.usefixtures("repository")
def test_sarif(inside: Program) -> None:
    done = inside("--check", "--format", "sarif")
    assert_shown(done.out)
    document = json.loads(done.out)
    check_published("sarif-2.1.0", document)
    (run,) = document["runs"]
    assert len(run["results"]) == count_of_findings(inside)
    for result in run["results"]:
        assert result["message"]["text"].isprintable()
        assert not re.search(r"\]\(", result["message"]["text"])


@pytest.mark.usefixtures("repository")
def test_junit(inside: Program) -> None:
    done = inside("--check", "--format", "junit")
    assert_shown(done.out)
    root = XML.fromstring(done.out)
    text = "\n".join(root.itertext())
    places = re.findall(r"^\.circleci/config\.yml:\d+:\d+: ", text, re.MULTILINE)
    assert len(places) == count_of_findings(inside)
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip


@pytest.mark.usefixtures("repository")
def test_annotations(inside: Program) -> None:
    done = inside("--check", "--format", "github")
    assert_seen(done.out)
    assert_steady(done.err)
    first, *lines = done.out.splitlines()
    assert first.startswith("::notice title=cci-migrate::GitHub shows 10")
    for line in lines:
        command = re.fullmatch(r"::(error|warning|notice) ([^:]+)::(.*)", line)
        assert command, line
        assert command[2].startswith("file=.circleci/config.yml,")
        assert_steady(command[3])
        for part in command[3].split("%0A"):
            assert not part.lstrip().startswith(("FORGED", "::", "/", "#"))
    assert len(lines) > 10


@pytest.mark.usefixtures("repository")
def test_explanation(inside: Program) -> None:
    for colour in ("never", "always"):
        done = inside("explain", "--color", colour)
        assert_shown(done.out, in_colour=colour == "always")


def test_a_dry_run_is_what_is_written(
    inside: Program, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(repository / ".circleci", copy / ".circleci")
    dry = inside("--dry-run")
    assert_steady(dry.err)
    done = inside("-v")
    assert_shown(done.out)
    git(copy, "apply", "-", stdin=dry.out_bytes)
    read = (copy / ".circleci" / "config.yml").read_bytes()
    assert read == (repository / ".circleci" / "config.yml").read_bytes()


@linux
def test_names_of_folders(inside: Program, tmp_path: Path) -> None:
    for name in FOLDERS:
        put(tmp_path / name / ".circleci" / "config.yml", CONFIG)
    put(tmp_path / FOLDERS[0] / ".circleci" / "broken.yml", "a: [")
    for command in (["--check", "-v"], ["explain"], ["--check", "--format", "junit"]):
        done = inside(*command)
        assert done.code in (1, 3)
        assert_shown(done.out)
        assert_steady(done.err)
    document = json.loads(inside("--check", "--format", "sarif").out)
    places = {
        unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for result in document["runs"][0]["results"]
    }
    assert places == {f"{name}/.circleci/config.yml" for name in FOLDERS}
    for line in inside("--check", "--format", "github").out.splitlines():
        assert re.match(r"::(error|warning|notice) (file|title)=", line)
    git(tmp_path, "init")
    git(tmp_path, "apply", "-", stdin=inside("--dry-run").out_bytes)
    for name in FOLDERS:
        assert (tmp_path / name / ".circleci" / "config.yml").read_text() == FIXED


@linux
def test_a_name_that_is_not_utf_8(inside: Program, tmp_path: Path) -> None:
    path = put(tmp_path / ".circleci" / os.fsdecode(b"\xff.yml"), CONFIG)
    for format_ in ("text", "json", "sarif", "junit", "github"):
        done = inside("--check", "--format", format_)
        assert done.code == 1
        done.out.encode()
        if format_ in ("json", "sarif"):
            json.dumps(json.loads(done.out), ensure_ascii=False).encode()
    document = json.loads(inside("--check", "--format", "sarif").out)
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == ".circleci/%FF.yml"
    assert ".circleci/\\xff.yml:5:16\n" in inside("--check").out
    assert inside("--write-baseline", "base.json").code == 0
    assert inside("--check", "--baseline", "base.json").code == 0
    git(tmp_path, "apply", "-", stdin=inside("--dry-run").out_bytes)
    assert path.read_text() == FIXED


WORDS = sorted(text for text in HOSTILE.values() if "\0" not in text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["rule"],
        ["rules"],
        ["completion"],
        ["--check"],
        ["--check", "--select"],
        ["--check", "--platform"],
        ["--check", "--config"],
        ["--check", "--output"],
        ["--password"],
        ["doctor", "--org"],
        ["init"],
        ["context", "create", "--variable"],
        ["batch", "plan"],
        ["batch", "status", "--campaign"],
    ],
    ids=" ".join,
)
def test_arguments(inside: Program, arguments: list[str]) -> None:
    """A shell makes arguments of names of files: ``cci-migrate .circleci/*``."""
    for word in WORDS:
        done = inside(*arguments, word.replace("/", ""))
        assert done.code in (2, 3)
        assert_steady(done.out + done.err)
        assert "error" in done.err.lower()


@pytest.mark.parametrize(
    "policy",
    [
        "{text} = 1",
        "platform = {text}",
        '[registries.{text}]\nusername = "$A"',
        '[registries."docker.io"]\nusername = {text}\npassword = {text}',
        '[registries."docker.io"]\nusername = "$A"\npassword = "$B"\ncontext = {text}',
        "select = [{text}]",
        "exempt-images = [{text}]\nmirror = {text}",
        "baseline = {text}",
        "orb-version = {text}",
        "x = \x1b]8;;https://evil.example\x07",
    ],
)
@pytest.mark.usefixtures("repository")
def test_policy_files(inside: Program, tmp_path: Path, policy: str) -> None:
    for text in ("cursor", "line", "bidi", "workflow command"):
        # TOML's escapes are JSON's.
        put(tmp_path / ".cci-migrate.toml", policy.replace("{text}", json.dumps(HOSTILE[text])))
        done = inside("--check", "-q")
        assert_steady(done.out + done.err)
        assert done.code == 2, done.err


@pytest.mark.usefixtures("repository")
def test_baselines_and_answers(inside: Program, tmp_path: Path) -> None:
    for text in ("cursor", "line", "workflow command"):
        wrong = json.dumps({"version": HOSTILE[text], "findings": []})
        put(tmp_path / "b.json", wrong)
        done = inside("--check", "--baseline", "b.json")
        assert done.code == 2
        assert_steady(done.err)
        wrong = json.dumps({"format": HOSTILE[text], "version": 1, "configs": [HOSTILE[text]]})
        put(tmp_path / "a.json", wrong)
        done = inside("--answers", "a.json")
        assert done.code == 2
        assert_steady(done.err)
    assert inside("--write-baseline", "base.json").code == 0
    assert_steady((tmp_path / "base.json").read_text())
    done = inside("--check", "-v", "--baseline", "base.json")
    assert_steady(done.out)


def test_an_option_to_copy_is_one_word(inside: Program, tmp_path: Path) -> None:
    put(tmp_path / ".circleci" / "config.yml", CONFIG)
    name = "a b; touch pwned $(touch pwned).json"
    done = inside("--write-baseline", name)
    words = shlex.split(done.out.rpartition(". ")[2])
    assert words == ["--baseline", name, "ignores", "it."]


def test_what_quotes_a_file_that_cannot_be_read(inside: Program, tmp_path: Path) -> None:
    for text in HOSTILE.values():
        name = tmp_path / ".circleci" / "config.yml"
        put(name, f"version: 2.1\njobs: {{*{text} x\n".encode("utf-8", "surrogatepass"))
        done = inside("--check", "-v")
        assert_steady(done.out + done.err)
