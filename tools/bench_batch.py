"""What a campaign over 1,000 repositories costs, beside a shallow clone of each.

``python -m tools.bench_batch [COUNT]`` prints a table: one campaign over local checkouts, one over
the GitHub stand-in of the tests (real repositories, real HTTP on the loopback interface, no pauses
between writes), and ``git clone --depth 1`` of the same repositories over HTTP.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.batch.git_server import GitServer
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, PLAIN, bare, checkout

#: What a repository holds beside its config: enough for a clone to have something to fetch.
BALLAST = {f"src/module_{at}.py": os.urandom(20_000).hex().encode() for at in range(10)}
FILES = {CONFIG: PLAIN, **BALLAST}
COMMAND = "from cci_migrate.cli.batch import batch; batch()"


class Cost(Struct, frozen=True):
    """What a stage took."""

    stage: str
    seconds: float
    requests: int | None = None
    received: int | None = None

    def row(self, count: int) -> str:
        """A line of the table, per repository."""
        requests = "" if self.requests is None else f"{self.requests / count:.3f}"
        received = "" if self.received is None else f"{self.received / count / 1000:.1f} kB"
        return f"| {self.stage} | {self.seconds / count * 1000:.1f} ms | {requests} | {received} |"


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with workplace() as folder:
        costs = [*_local(folder, count), *_github(folder, count), _clones(folder, count)]
    print(f"{count} repositories, each with a config to change and 400 kB of other files\n")
    print("| stage | time | requests | received |\n|---|---|---|---|")
    for cost in costs:
        print(cost.row(count))


def _local(folder: Path, count: int) -> Iterator[Cost]:
    checkouts = folder / "checkouts"
    first = checkout(checkouts / "r0", FILES)
    for at in range(1, count):
        shutil.copytree(first, checkouts / f"r{at}")
    campaign = str(folder / "local")
    yield Cost(
        "plan, local checkouts",
        _timed(lambda: _run("plan", str(checkouts), "--campaign", campaign)),
    )
    yield Cost(
        "apply, local checkouts in place",
        _timed(lambda: _run("apply", "--campaign", campaign)),
    )


def _github(folder: Path, count: int) -> Iterator[Cost]:
    root, campaign = folder / "github", str(folder / "campaign")
    root.mkdir()
    with GitHubStandIn.serving(root) as server:
        for at in range(count):
            server.add(f"acme/r{at}", FILES)
        os.environ.update(GITHUB_API_URL=server.api, GH_TOKEN=server.token)
        for stage, arguments in (
            ("plan --dry-run, GitHub", ("plan", "github:acme", "--dry-run")),
            ("plan, GitHub", ("plan", "github:acme")),
            ("apply, GitHub", ("apply", "--canary", "0", *_UNPACED)),
        ):
            server.operations.clear()
            server.bytes_sent = 0
            seconds = _timed(lambda a=arguments: _run(*a, "--campaign", campaign))  # type: ignore[misc]
            yield Cost(stage, seconds, len(server.operations), server.bytes_sent)


_UNPACED = ("--seconds-between", "0", "--per-hour", "1000000")


def _clones(folder: Path, count: int) -> Cost:
    root = folder / "served"
    root.mkdir()
    with GitServer.serving(root) as server:
        for at in range(count):
            bare(root / f"r{at}.git", FILES)

        def clone_all() -> None:
            for at in range(count):
                target = folder / "clones" / f"r{at}"
                command = ["git", "clone", "--quiet", "--depth", "1", server.url(f"r{at}.git")]
                subprocess.run([*command, str(target)], check=True)
                shutil.rmtree(target)

        seconds = _timed(clone_all)
        return Cost("git clone --depth 1", seconds, server.requests, server.bytes_sent)


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout + done.stderr)


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def workplace() -> Iterator[Path]:
    """A scratch folder, and git set up without anybody's settings."""
    for role in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{role}_NAME"] = "Ada"
        os.environ[f"GIT_{role}_EMAIL"] = "ada@example.com"
    os.environ["GIT_CONFIG_GLOBAL"] = os.environ["GIT_CONFIG_SYSTEM"] = os.devnull
    with tempfile.TemporaryDirectory(prefix="cci-migrate-bench-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
