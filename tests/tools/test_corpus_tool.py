"""The corpus check reports a tool that does its work badly; here it is given such tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from cci_migrate import engine
from cci_migrate.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.proof import FileChange, ProvenChange
from tools.corpus import Tally, check_repository, report

PATH = ".circleci/config.yml"
CONFIG = b"version: 2.1\njobs:\n  build:\n    docker:\n      - image: redis\n"
RIGHT = CONFIG + (
    b"        auth:\n          username: $DOCKERHUB_USERNAME\n"
    b"          password: $DOCKERHUB_PASSWORD\n"
)
Tool = Callable[[Mapping[str, bytes]], tuple[Outcome, ...]]


def checked(files: Mapping[str, bytes] | None = None) -> Tally:
    given = {PATH: CONFIG} if files is None else files
    return check_repository(given, {path: path for path in given})


def checks_with(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setattr(engine, "process_repository", lambda files, *_, **__: tool(files))
    return {shortfall.check for shortfall in checked().shortfalls}


def turns_into(after: bytes, *, once: bool = True, before: bytes | None = None) -> Tool:
    """A tool that makes ``after`` of whatever it is given."""

    def tool(files: Mapping[str, bytes]) -> tuple[Outcome, ...]:
        data = files[PATH]
        if once and data != CONFIG:
            return (Examined((PATH,), (), None),)
        change = FileChange(PATH, data if before is None else before, after)
        return (Examined((PATH,), (), ProvenChange((change,))),)

    return tool


def crashes(files: Mapping[str, bytes]) -> tuple[Outcome, ...]:
    raise KeyError(sorted(files))


def crashes_the_second_time(files: Mapping[str, bytes]) -> tuple[Outcome, ...]:
    return turns_into(RIGHT)(files) if files[PATH] == CONFIG else crashes(files)


@pytest.mark.parametrize(
    ("tool", "check"),
    [
        pytest.param(crashes, "no exception", id="crashes"),
        pytest.param(crashes_the_second_time, "second run", id="crashes on its own output"),
        pytest.param(lambda _: (), "an outcome for each file", id="forgets the file"),
        pytest.param(
            lambda _: (NotAConfig((PATH,), "no config"),), "kind of outcome", id="does not see it"
        ),
        pytest.param(
            lambda _: (Refused((PATH,), "no reason"),), "kind of outcome", id="refuses it"
        ),
        pytest.param(lambda _: (Failed((PATH,), "bad"),), "kind of outcome", id="gives up on it"),
        pytest.param(
            lambda _: (Examined((PATH,), (), None),),
            "covers every Docker Hub image",
            id="does nothing",
        ),
        pytest.param(turns_into(RIGHT[13:]), "data", id="loses a line"),
        pytest.param(
            turns_into(RIGHT, once=False), "second run changes nothing", id="never comes to an end"
        ),
        pytest.param(turns_into(RIGHT, before=b""), "change", id="changed other bytes"),
    ],
)
def test_a_bad_tool_falls_short(tool: Tool, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check in checks_with(tool, monkeypatch)


def test_a_good_tool_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks_with(turns_into(RIGHT), monkeypatch) == set()


def test_the_tool_itself() -> None:
    tally = checked()
    assert tally.shortfalls == ()
    assert tally.numbers["Docker Hub images authenticated"] == 1
    lines = list(report(tally))
    assert "       1  config: changed" in lines
    assert lines[-1] == "0 of 1 files fall short"


def test_the_report_names_what_falls_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "process_repository", lambda *_, **__: crashes({}))
    files = {f"{n}/config.yml": CONFIG for n in range(9)}
    lines = list(report(checked(files)))
    assert "9 of 9 files fall short" in lines
    assert "no exception: 9 in 9 files" in lines
    assert "    0/config.yml: " in lines
    assert lines[-1] == "    and 4 more"


ORB = b"version: 2.1\ndescription: x\nexecutors:\n  e:\n    docker:\n      - image: redis\n"


def test_an_orbs_source_must_stay_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    change = ProvenChange((FileChange(PATH, ORB, ORB + b"# x\n"),))
    monkeypatch.setattr(
        engine, "process_repository", lambda *_, **__: (Examined((PATH,), (), change),)
    )
    assert "orb sources" in {one.check for one in checked({PATH: ORB}).shortfalls}
