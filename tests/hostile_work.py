"""Work that goes wrong in each way there is, for the tests of what bounds it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

from cci_migrate.circleci.packing import Group
from cci_migrate.engine import examination, loading

MARK = b"# hostile: "


def loop() -> None:
    """Python code without an end."""
    while True:
        pass


def search() -> None:
    """A regular expression without an end: one call into C."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def hoard() -> None:
    """All the memory there is, a little at a time."""
    kept = []
    while True:
        kept.append(bytearray(1_000_000))


def swallow() -> None:
    """Code that takes any Exception for its own."""
    while True:
        try:
            loop()
        except Exception:  # noqa: BLE001, S112 - as the code of others does
            continue


def die() -> None:
    """What the system does to a process when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    """What a parser in C does that cannot go on."""
    os.abort()


def hang() -> None:
    """A call that no signal interrupts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
    loop()


ENDED_BY_ITSELF = {"loop", "search", "hoard", "swallow"}
WAYS: dict[str, Callable[[], None]] = {
    work.__name__: work for work in (loop, search, hoard, swallow, die, crash, hang)
}


def install() -> None:
    """Have the engine work so on each config that says so in its first line."""
    load = loading.load

    def hostile(group: Group, files: Mapping[str, bytes]) -> Any:
        for content in files.values():
            if content.startswith(MARK):
                WAYS[content[len(MARK) :].split(b"\n", 1)[0].decode()]()
        return load(group, files)

    setattr(examination, "load", hostile)  # noqa: B010 - mypy sees no such export
