"""Looks for configs on which the tool breaks a promise, for as long as it is given.

``python -m tools.fuzz [SECONDS] [SEED]`` (``make fuzz``). Half of the configs are drawn by
Hypothesis, half are real ones (the reference corpus where it is there, else the project's own
fixtures and samples) with some of their lines and words changed. It prints how many it tried and
each that is at fault, keeps those in ``.fuzz/``, and exits 1 if there is any. The seed is another
each time, and printed: the same seed gives the same configs in the same order.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec import Struct

from cci_migrate.engine.outcomes import Cause, Examined, Refused
from tests.oracle.changed_text import AlterationKind, compare_text
from tests.processing import PATH, process
from tests.properties.generated_configs import config_texts
from tools.shared_data import ROOT, corpus_files, shared_folder

FAULTS = ROOT / ".fuzz"
#: In seconds; the largest real config needs less than one.
PATIENCE = 20
LOGIN_KEYS = (["auth:"], ["username:"], ["password:"])
PASSWORD_OPTIONS = ("-p", "--password")
#: Configs that Hypothesis draws with one seed.
DRAWN = 20
#: What configs, YAML and shells give a meaning to.
WORDS = (
    *"&*#:?-|>[]{},'\"%@`!~$;()\\ \t\r\n\x85\ufeffé",
    *("*a ", "&a ", "<<: *a", "<< parameters.x >>", "<<", "---", "\n\n", "\r\n", "  ", "yes"),
    "2.1",
    *("$X", "${", "$(", "&&", "||", "docker pull redis", "docker login -u $U -p $P", "null"),
    *("- image: redis", "auth:", "username: $U", "password: $P", "context: c", "docker:"),
    *("machine: true", "setup_remote_docker"),
)


class _TooLongError(BaseException):
    """Is no `Exception`: nothing between takes it for one of its own."""


class Fault(Struct, frozen=True):
    """A config on which a promise is broken, and how."""

    data: bytes
    problem: str

    __repr__ = object.__repr__


def lost_line(before: str, after: str) -> int | None:
    """The first line of ``before`` of which words are no longer in ``after``, from 1.

    Credentials that stood in the wrong place may go, and the option that held a password.
    """
    missing = Counter(before.split()) - Counter(after.split())
    for alteration in compare_text(before, after).alterations:
        words = alteration.before.split()
        if alteration.kind is not AlterationKind.LOST or words[:1] in LOGIN_KEYS:
            continue
        if any(word in missing and not word.startswith(PASSWORD_OPTIONS) for word in words):
            return alteration.line
    return None


def fault_of(data: bytes) -> Fault | None:
    """What is wrong with what the tool makes of the config ``data``; None if nothing is."""
    try:
        outcome = process({PATH: data})
        if isinstance(outcome, Refused) and outcome.cause is Cause.NOT_PROVEN:
            return Fault(data, outcome.reason)
        if not isinstance(outcome, Examined) or outcome.change is None:
            return None
        (change,) = outcome.change.files
        lost = lost_line(data.decode(), change.after.decode())
        if lost is not None:
            return Fault(data, f"line {lost} is lost")
        again = process({PATH: change.after})
    except _TooLongError:
        return Fault(data, f"takes more than {PATIENCE} seconds")
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked for
        return Fault(data, f"{type(error).__name__}: {error}")
    if not isinstance(again, Examined) or again.change is not None:
        return Fault(data, "fixing it twice is not fixing it once")
    return None


def drawn(number: int) -> Iterator[bytes]:
    """Configs that Hypothesis draws with the seed ``number``."""
    found: list[bytes] = []

    @seed(number)
    @settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(config_texts(), st.sampled_from(("", "\ufeff")))
    def draw(text: str, bom: str) -> None:
        found.append((bom + text).encode())

    draw()
    return iter(found)


def real_configs() -> list[bytes]:
    """The configs to change: the corpus, or else the fixtures."""
    shared = shared_folder()
    if shared is not None:
        return [file.data for file in corpus_files(shared)]
    folders = (ROOT / "tests" / "fixtures", ROOT / "tests" / "sample_repositories")
    files = [file for folder in folders for file in sorted(folder.rglob("*.yml"))]
    return [file.read_bytes() for file in files]


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """``data`` with up to eight changes, some of which take lines from ``other``."""
    lines = data.decode(errors="replace").splitlines(keepends=True) or [""]
    donor = other.decode(errors="replace").splitlines(keepends=True) or [""]
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(lines))
        line = lines[at]
        column = chance.randint(0, len(line))
        match chance.randrange(9):
            case 0:
                lines[at] = ""
            case 1:
                lines.insert(at, line)
            case 2:
                lines.insert(at, chance.choice(donor))
            case 3:
                lines[at] = " " * chance.randint(1, 4) + line
            case 4:
                lines[at] = line[chance.randint(1, 4) :]
            case 5 | 6:
                lines[at] = line[:column] + chance.choice(WORDS) + line[column:]
            case 7:
                lines[at] = line[:column] + line[column + chance.randint(1, 5) :]
            case _:
                end = chance.randint(at, min(at + 10, len(lines)))
                lines[at:end] = lines[at:end] * 2
    text = "".join(lines)
    if chance.random() < 0.1:
        text = text.replace("\n", "\r\n")
    return text.encode()


def cases(start: int) -> Iterator[bytes]:
    """Configs without end; the same for the same ``start``."""
    chance = random.Random(start)  # noqa: S311 - not a secret
    real = real_configs()
    number = start
    while True:
        yield from drawn(number)
        number += 1
        for _ in range(DRAWN):
            yield mutated(chance.choice(real), chance.choice(real), chance)


def faults(seconds: float, start: int, tried: Callable[[], None] = lambda: None) -> Iterator[Fault]:
    """The faults that can be found in ``seconds``; ``tried`` is called for each config."""

    def give_up(*_: object) -> None:
        raise _TooLongError

    has_alarm = hasattr(signal, "setitimer")
    before = signal.signal(signal.SIGALRM, give_up) if has_alarm else None
    end = time.monotonic() + seconds
    try:
        for data in cases(start):
            if time.monotonic() > end:
                return
            if has_alarm:
                signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            fault = fault_of(data)
            if has_alarm:
                signal.setitimer(signal.ITIMER_REAL, 0)
            tried()
            if fault is not None:
                yield fault
    finally:
        if has_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def main(arguments: list[str]) -> int:
    """Run for as long as ``arguments`` say: the seconds and the seed."""
    seconds = float(arguments[0]) if arguments else 60
    start = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(10**6)
    count = 0
    problems: Counter[str] = Counter()

    def tried() -> None:
        nonlocal count
        count += 1

    print(f"seed {start}; again: make fuzz SECONDS={seconds:g} SEED={start}")
    for number, fault in enumerate(faults(seconds, start, tried), start=1):
        problems[fault.problem] += 1
        if problems[fault.problem] > 3:
            continue
        FAULTS.mkdir(exist_ok=True)
        file: Path = FAULTS / f"{start}-{number}.yml"
        file.write_bytes(fault.data)
        print(f"{file.relative_to(ROOT)}: {fault.problem}")
    print(f"{count} configs, {problems.total()} at fault")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
