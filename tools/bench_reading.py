"""What it costs to read and plan organisations of several sizes, the first time and again.

``python -m tools.bench_reading`` (part of ``make bench``) measures against the GitHub stand-in of
the tests, on the same machine, and writes the table into docs/batch.md. The stand-in answers each
request from memory after the first time, with a delay.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.batch.github_stand_in import GitHubStandIn, Repository
from tests.batch.repositories import CONFIG, FIXED, PLAIN, bare
from tools.bench_batch import workplace
from tools.shared_data import ROOT

PAGE = ROOT / "docs" / "batch.md"
PART = re.compile(
    r"(?P<start><!-- reading: written by `make bench` -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
COUNTS = (100, 1_000, 5_000)
#: Seconds before an answer; GitHub takes about the second.
DELAYS = (0.0, 0.3)


def _config(*steps: str) -> bytes:
    """A config with these commands."""
    lines = "".join(f"      - run: {step}\n" for step in steps)
    docker = f"      - setup_remote_docker\n{lines}"
    return PLAIN.replace(b"      - checkout\n", f"      - checkout\n{docker}".encode())


#: Runs the program, and prints its peak of memory in kB
#: (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html): what the system reports of a
#: process that ended is at least what this one takes.
PROGRAM = """
import sys
from pathlib import Path
from cci_migrate.__main__ import main
code = main()
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
sys.exit(code)
"""

#: Repositories of several kinds in turn; a third has no config, a third names files elsewhere.
KINDS: tuple[dict[str, bytes], ...] = (
    {CONFIG: PLAIN},
    {"README.md": b"x"},
    {
        CONFIG: _config("docker build -f services/api/Dockerfile services/api", "./ci/build.sh"),
        "services/api/Dockerfile": b"FROM node:20\n",
        "ci/build.sh": b"docker compose -f deploy/compose.yml up -d\n",
        "deploy/compose.yml": b"services:\n  db:\n    image: postgres:16\n",
    },
    {CONFIG: FIXED},
    {"src/app.py": b"x"},
    {
        CONFIG: _config("make image"),
        "Makefile": b"image:\n\tdocker build -t x .\n",
        "Dockerfile": b"FROM alpine:3\n",
    },
)


class RecallingGitHub(GitHubStandIn):
    """A stand-in that executes each query once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._answers: dict[str, dict[str, Any]] = {}

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answer to a query, the same every time."""
        key = json.dumps([query, variables])
        if key not in self._answers:
            self._answers[key] = super().answer(query, variables)
        return self._answers[key]


class Cost(Struct, frozen=True):
    """What a run took: seconds in all, those of the processor, the peak of memory in MB."""

    requests: int
    seconds: float
    processor: float
    megabytes: int


def main() -> None:
    """Measure, print the table, and write it into the page."""
    with workplace() as folder:
        rows = [row for count in COUNTS for row in _rows(folder, count)]
    header = "| repositories | `plan` | an answer | requests | seconds | processor | memory |"
    table = "\n".join((header, "|---:|---|---:|---:|---:|---:|---:|", *rows))
    print(table)
    page = PAGE.read_text(encoding="utf-8")
    written = PART.sub(lambda part: f"{part['start']}\n{table}\n\n{part['end']}", page)
    PAGE.write_text(written, encoding="utf-8")


def _rows(folder: Path, count: int) -> Iterator[str]:
    """The lines of the table for an organisation of ``count`` repositories."""
    root = folder / f"github-{count}"
    root.mkdir()
    with RecallingGitHub.serving(root) as server:
        folders = [bare(root / f"kind{at}.git", files) for at, files in enumerate(KINDS)]
        for at in range(count):
            name = f"acme/r{at}"
            server.repositories[name] = Repository(name, folders[at % len(KINDS)])
        os.environ.update(GITHUB_API_URL=server.api, GH_TOKEN=server.token)
        _plan(server, folder / f"warm-{count}")
        for delay in DELAYS:
            server.delay = delay
            campaign = folder / f"{count}-{delay}"
            for title, words in (("first", ()), ("`--again`", ("--again",))):
                cost = _plan(server, campaign, *words)
                print(f"{count} {title} {delay}: {cost}", file=sys.stderr)
                yield (
                    f"| {count:,} | {title} | {delay * 1000:.0f} ms | {cost.requests} "
                    f"| {cost.seconds:.1f} s | {cost.processor:.1f} s | {cost.megabytes} MB |"
                )


def _plan(server: GitHubStandIn, campaign: Path, *words: str) -> Cost:
    """Run the command once."""
    server.operations.clear()
    command = [sys.executable, "-c", PROGRAM, "batch", "plan", "github:acme"]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    output_path = campaign.parent / "output"
    with output_path.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--campaign", str(campaign), *words],
            stdout=output,
            stderr=output,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    printed = output_path.read_text()
    if process.returncode not in (0, 1):
        raise SystemExit(printed)
    return Cost(
        len(server.operations),
        seconds,
        usage.ru_utime + usage.ru_stime,
        int(printed.split()[-1]) // 1024,
    )


if __name__ == "__main__":
    main()
