"""Make the table of what published orbs pull, from checkouts of their sources.

``python -m tools.orb_table FOLDER`` reads FOLDER/OWNER/REPOSITORY for each orb of `SOURCES`, every
release that is tagged or that a commit between two tags announces, and writes one file an orb to
``cci_migrate/circleci/orbs``. Of releases of a major version that say the same in a row only the
first is written. An orb whose checkout is missing keeps its file.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tools.orb_facts import Facts, UnreadableOrbError, facts_of_release, parameters_in
from tools.shared_data import ROOT

TABLE = ROOT / "cci_migrate" / "circleci" / "orbs"

#: Each orb, and the repository on GitHub from whose tags it is published.
SOURCES: Mapping[str, str] = json.loads(
    (ROOT / "tools" / "orb_sources.json").read_text(encoding="utf-8")
)

_TAG = re.compile(r"(?:(?:major|minor|patch)-release-)?v?\.?(\d+)\.(\d+)\.(\d+)(?:-minor)?")
#: What a commit announces to orb-tools, which publishes the release:
#: https://circleci.com/docs/guides/orbs/author/creating-orbs/
_PARTS = ("major", "minor", "patch")
_BUMP = re.compile(rf"\[\s*semver:\s*({'|'.join(_PARTS)})\s*\]")

Version = tuple[int, int, int]
Releases = dict[Version, Facts]


def releases_of(repository: Path) -> Releases:
    """The facts of each release that ``repository`` has a tag for and that can be read."""
    found: Releases = {}
    for version, tag in sorted(_versions(repository).items()):
        try:
            found[version] = facts_of_release(_sources(repository, tag))
        except UnreadableOrbError as error:
            print(f"{repository}: {tag}: {error}", file=sys.stderr)
    return found


def _git(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def _versions(repository: Path) -> dict[Version, str]:
    """Each release and its commit: those with a tag, and those between that commits announce."""
    log = _git(repository, "log", "--first-parent", "--reverse", "--format=%H%x00%D%x00%s", "HEAD")
    versions = {
        version: tag
        for tag in _git(repository, "tag").decode().split()
        if (version := _version_of(tag)) is not None
    }
    current: Version | None = None
    announced: dict[Version, str] = {}
    for line in log.decode(errors="replace").splitlines():
        commit, names, subject = line.split("\0")
        tagged = [_version_of(name.removeprefix("tag: ")) for name in names.split(", ")]
        known = max((version for version in tagged if version is not None), default=None)
        bump = _BUMP.search(subject)
        following = None if current is None or bump is None else _bumped(current, bump[1])
        if known is not None:
            # The tag proves the count, or disproves it.
            possible = [_bumped(current, part) for part in _PARTS] if current is not None else []
            if known in (possible if following is None else [following]):
                versions = announced | versions
            current, announced = known, {}
        elif following is not None:
            current, announced = following, announced | {following: commit}
    return versions


def _version_of(tag: str) -> Version | None:
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    major, minor, patch = (int(number) for number in match.groups())
    return major, minor, patch


def _bumped(version: Version, part: str) -> Version:
    major, minor, patch = version
    return {
        "major": (major + 1, 0, 0),
        "minor": (major, minor + 1, 0),
        "patch": (major, minor, patch + 1),
    }[part]


def _sources(repository: Path, tag: str) -> dict[str, str]:
    try:
        archive = _git(repository, "archive", "--format=tar", tag, "src")
    except subprocess.CalledProcessError as error:
        raise UnreadableOrbError("there is no src folder") from error
    files: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                files[member.name] = content.read().decode("utf-8", errors="replace")
    return files


class _Idle:
    """Takes calls of commands that do nothing with Docker out of the facts of a release.

    Calls of commands that ``table`` does not have stay, without arguments.
    """

    def __init__(self, facts: Facts, table: Mapping[str, Releases]) -> None:
        self._facts = facts
        self._table = table
        self._used: set[str] = set()
        self._commands: dict[str, Facts] = {}

    def taken_out(self) -> Facts:
        facts = self._facts
        sections = {
            "executors": facts["executors"],
            "commands": {name: self._command(name) for name in facts["commands"]},
            "jobs": {name: self._element(job) for name, job in facts["jobs"].items()},
        }
        imported = {
            alias: version for alias, version in facts["orbs"].items() if alias in self._used
        }
        return ({"orbs": imported} if imported else {}) | sections

    def _command(self, name: str) -> Facts:
        if name not in self._commands:
            self._commands[name] = {}
            self._commands[name] = self._element(self._facts["commands"][name])
        return self._commands[name]

    def _element(self, old: Facts) -> Facts:
        steps = self._kept(old.get("steps", ()))
        new = {key: value for key, value in old.items() if key not in ("steps", "parameters")}
        new |= {"steps": steps} if steps else {}
        declared: Facts = {
            name: {**parameter, "default": self._argument(parameter["default"])}
            if "default" in parameter
            else parameter
            for name, parameter in old.get("parameters", {}).items()
        }
        mentioned = parameters_in(new, declared)
        return new | ({"parameters": mentioned} if mentioned else {})

    def _step(self, step: object) -> Iterator[object]:
        calls = step.items() if isinstance(step, dict) else [(step, {})]
        for name, value in calls:
            if name in ("when", "unless") and not isinstance(value["steps"], str):
                steps = self._kept(value["steps"])
                if steps:
                    yield {name: {**value, "steps": steps}}
                continue
            if name not in self._facts["commands"] and not self._is_imported(name):
                yield step
                continue
            called = self._called(name)
            if called is None:
                yield name
            elif "steps" in called:
                parameters = called.get("parameters", {})
                arguments = {
                    key: self._argument(given) for key, given in value.items() if key in parameters
                }
                yield {name: arguments} if arguments else name

    def _argument(self, given: object) -> object:
        return self._kept(given) if isinstance(given, list) else given

    def _kept(self, steps: Iterable[object]) -> list[object]:
        return [kept for step in steps for kept in self._step(step)]

    def _is_imported(self, name: str) -> bool:
        return "<<" not in name and name.partition("/")[0] in self._facts["orbs"]

    def _called(self, name: str) -> Facts | None:
        """The command ``name``, of this orb or of another; None where it is not known."""
        if name in self._facts["commands"]:
            return self._command(name)
        alias, _, command = name.partition("/")
        called = _command(self._facts["orbs"][alias], command, self._table)
        if called is None or "steps" in called:
            self._used.add(alias)
        return called


def _command(imported: str, name: str, table: Mapping[str, Releases]) -> Facts | None:
    orb, _, version = imported.partition("@")
    major = version.partition(".")[0]
    for release, facts in sorted(table.get(orb, {}).items(), reverse=True):
        if str(release[0]) == major:
            command: Facts | None = facts["commands"].get(name)
            return command
    return None


def table_of(orb: str, releases: Releases, table: Mapping[str, Releases]) -> Facts:
    """The file about ``orb``."""
    changes: list[Facts] = []
    last: tuple[int, Facts] | None = None
    for version, facts in sorted(releases.items()):
        reduced = _Idle(facts, table).taken_out()
        if (version[0], reduced) != last:
            changes.append({"from": ".".join(map(str, version)), **reduced})
            last = (version[0], reduced)
    return {
        "orb": orb,
        "source": f"https://github.com/{SOURCES[orb]}",
        "read_to": ".".join(map(str, max(releases))),
        "releases": changes,
    }


def file_name(orb: str) -> str:
    """The name of the file about ``orb``."""
    return f"{orb.replace('/', '.')}.json"


def main() -> None:
    """Read the checkouts and write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    repositories = {orb: folder / name for orb, name in SOURCES.items() if (folder / name).is_dir()}
    read = {orb: releases_of(repository) for orb, repository in repositories.items()}
    table = {orb: releases for orb, releases in read.items() if releases}
    for orb, releases in table.items():
        text = json.dumps(table_of(orb, releases, table), separators=(",", ":"))
        (TABLE / file_name(orb)).write_text(text + "\n", encoding="utf-8")
    print(f"{len(table)} orbs, {sum(map(len, table.values()))} releases")


if __name__ == "__main__":
    main()
