"""Measures the tool's speed against its budgets, side by side with what else does the job.

``python -m tools.bench`` (``make bench``) prints the measurements and writes
``docs/benchmarks.md``. Everything is measured in turns, several times over, so that a busy moment
of the machine falls on all alike; ratios are of the shortest times. Configs are the reference
corpus where it is, else generated ones.
"""

from __future__ import annotations

import compileall
import gc
import io
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cci_migrate.__main__ import OBJECTS_BETWEEN_COLLECTIONS
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined, Unexamined
from cci_migrate.engine.proposing import propose
from cci_migrate.findings import Decisions, Skip
from cci_migrate.policy.settings import Policy
from tests.oracle.file_kinds import FileKind, read_file
from tests.processing import PATH
from tools.bench_editor import measure_editor
from tools.generated_config import generated_config
from tools.shared_data import ROOT, corpus_files, shared_folder

PAGE = ROOT / "docs" / "benchmarks.md"
REPETITIONS = 5
#: Of the corpus, each so many-th file: the round trip needs a while for each.
STRIDE = 6
SIZES = (100_000, 1_000_000, 8_000_000)
#: From this size on a config is measured once: it takes long, and differences drown in that.
LARGE = 2_000_000
#: Written by hand: what a look at the time of each function shows.
MISSED = """\
## Why budgets are missed

- Making the tree takes a third longer than the bare events, of which the parser's own event
  objects are most: a budget of three times the events leaves one and two thirds for all judgements.
  The tree is a quarter of `--check`, reading jobs and their steps a sixth, rules and the placement
  of fixes a seventh. The rest is spread over some hundred functions, none of which takes more than
  a fiftieth by itself.
- The proof reads and judges the outcome again, on purpose by the same way: fixing costs twice as
  much as finding, and the comparison of the data on top. What depends on a text alone is
  remembered between the two: the facts of a script, and whether it mentions Docker. The trees,
  the images, the contexts and the findings are made again, from the new bytes.
- Start-up is 163 modules of our own, with 290 classes that take as long to make as a third of the
  two imports, besides msgspec (a sixth of them).
- A finding lists the other credentials that it could have had. Where every job has its own, that
  grows with the square of the jobs, at little time each: `--check` takes 0.4 s of processor time
  for 400 jobs, 1.1 s for 800. All shapes in `tests/test_bounded_work.py` grow with their text.

What was tried, in instructions of the processor (valgrind), which other work on a machine does not
change:

- Expanding the steps of a job once for its pulls and its variables, and looking for the few
  variables that are asked for instead of collecting all names: 11 % of `--check`.
- The same, only for texts that may have the name, and contexts compared before it is read what jobs
  have them for: with the above, 19 % of find, fix and prove.
- Regular expressions that are compiled when first used: 13 % of the start.
- Freezing what the garbage collector knows before the process ends: 7 % of the start.
  `os._exit` brings 2 % more, and would skip what others have registered for the end.
- Each of these once: the images of a workflow job, `run` steps, misplaced contexts, what a mapping
  merges, the text of a message without secrets; secrets looked for in a list of mappings, not by a
  walk through the tree; line starts without a regular expression: 6 % of `--check`, 13 % of find,
  fix and prove.
- Looking up who reads variables by the names that each job uses, where there are more than a few
  sets of variables: 7 s to 1.1 s of `--check` for 800 jobs that each log in with their own.
- Events of a lighter class than ruamel.yaml's own: two fifths of the bare events, a twentieth of
  `--check`. Not done: they can only be had by replacing names in the C parser's module, for all
  that use it in the process.
- Values of a mapping by key in its node; scalars of several lines and sequences in lists from the
  parser, for the search for secrets; parts of a config read in one go; one way through lists of
  steps: 19 % of `--check`.
- `type(node) is` for `isinstance`, which takes three times as long to deny a struct, and a proof
  that compares what no operation changes node by node, without data of its own: 5 % of `--check`,
  9 % of find, fix and prove.
- Keys that a document lacks end a search for what needs them at once, and the parser's events
  without an iterator between: 2 %.
- A word looked for before an expression that needs it (pushes, logins, branches of forks, headers
  of blocks, names of variables), what the name of a context says remembered, a layout from the
  parser's lists, and questions that only a finding asks left for it: 6 % of `--check`, 7 % of
  find, fix and prove (in time 7 and 12 %). Expressions had a tenth of `--check`, in many small
  searches.
- Less in the loop that makes the tree: nothing. Of what it takes besides the parser, scalars are a
  quarter; the rest is memory for pairs, mappings and their keys.
- Passing over the steps of a workflow job in the proof where the config lacks a name: not done, as
  an orb's defaults may have it.
- Skipping subtrees of the same text in the proof: not done, as anchors and aliases rule most out.
- Skipping scripts where only images mention Docker: not done, two of the 96 configs gain.
- Without effect: no garbage collection at all in a run (0 to 2 %), more cached entries of mappings
  (the cache of 4,096 misses 40 % more for a config of 1 MB, at 2 % of its time), structs that the
  garbage collector does not track, a stricter look at which scripts can matter, and queries of
  tree-sitter for assignments (1 %).
"""
#: What is likely to take longer, in seconds, is not measured.
PATIENCE = 120
COUNTS = (100, 200, 400)
POLICY = Policy()
LOOK_ONLY = Decisions(otherwise=Skip())
LOGIN = {"username": "$DOCKERHUB_USERNAME", "password": "$DOCKERHUB_PASSWORD"}


class Times(Struct, frozen=True):
    """How long something took, in seconds, each time."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    def __str__(self) -> str:
        return f"{_shown(self.best)} | {_shown(median(self.seconds))}"


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def in_turns(work: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Times]:
    """Time each piece of ``work``, one after the other, ``repetitions`` times over."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repetitions):
        for name, run in work.items():
            gc.collect()
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: Times(tuple(found)) for name, found in seconds.items()}


def configs() -> tuple[list[bytes], str]:
    """The configs to measure with, and what they are."""
    shared = shared_folder()
    if shared is None:
        sizes = [1_500, 4_000, 8_000, 16_000, 40_000]
        found = [generated_config(size) for size in sizes for _ in range(20)]
        return found, "generated configs"
    readable = [
        file.data
        for file in list(corpus_files(shared))[::STRIDE]
        if read_file(file.path, file.data).kind is FileKind.CONFIG and is_readable_by_all(file.data)
    ]
    return readable, "real configs"


def is_readable_by_all(data: bytes) -> bool:
    """Whether ruamel.yaml can do its part with ``data``: there is no comparison else."""
    try:
        bare_events(data)
    except YAMLError:
        return False
    return round_trip(data)


def bare_events(data: bytes) -> None:
    """What ruamel.yaml's C parser needs, and nothing else."""
    for _ in YAML(typ="safe").parse(data.decode("utf-8-sig")):
        pass


def check(data: bytes) -> None:
    """What the command does for ``--check``."""
    propose(_examined(data), only_find=True)


def look(data: bytes) -> None:
    """Find everything, and let it be."""
    propose(_examined(data), LOOK_ONLY)


def fix(data: bytes) -> bool:
    """Find, fix and prove."""
    outcome = propose(_examined(data))
    return isinstance(outcome, Examined) and outcome.change is not None


def _examined(data: bytes) -> Examination | Unexamined:
    return examine(ConfigFiles({PATH: data}), POLICY)


def round_trip(data: bytes) -> bool:
    """The same job with ruamel.yaml's round trip: load, add ``auth`` to each image, dump.

    Returns whether ruamel.yaml can do it at all.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 20
    try:
        config = yaml.load(data.decode("utf-8-sig"))
        for kind in ("jobs", "executors"):
            for body in (config.get(kind) or {}).values():
                for item in body.get("docker") or ():
                    if "image" in item and "auth" not in item:
                        item["auth"] = dict(LOGIN)
        yaml.dump(config, io.BytesIO())
    except (YAMLError, AttributeError, TypeError, KeyError):
        return False
    return True


def measure_core(found: list[bytes], repetitions: int) -> dict[str, Times]:
    """The times of one pass over ``found``, in one process."""

    def over_all(run: Callable[[bytes], object]) -> Callable[[], object]:
        return lambda: [run(data) for data in found]

    work = {
        "bare events": over_all(bare_events),
        "look": over_all(look),
        "check": over_all(check),
        "fix": over_all(fix),
        "round trip": over_all(round_trip),
    }
    # As the program sets it for itself; it is the same for all that is measured.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    for data in found[:20]:
        look(data)
        fix(data)
    return in_turns(work, repetitions)


def measure_start(repetitions: int) -> dict[str, Times]:
    """The times of whole processes: the command on one small file, and its two imports alone.

    The bytecode of both is there, as in an installation.
    """
    compileall.compile_dir(ROOT / "cci_migrate", quiet=2)
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / PATH
        config.parent.mkdir()
        config.write_bytes(generated_config(1_500))
        command = [sys.executable, "-m", "cci_migrate", "--check", "--color", "never", str(name)]
        imports = [sys.executable, "-c", "import click, ruamel.yaml"]
        return in_turns(
            {"command": lambda: _run(command), "imports": lambda: _run(imports)}, repetitions * 2
        )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode())


def measure_sizes(repetitions: int) -> dict[int, Times | None]:
    """The time of a fix by the size of the config; None where it would be beyond patience."""
    measured: dict[int, Times | None] = {}
    slope = 0.0
    last: tuple[int, float] | None = None
    for wanted in SIZES:
        data = generated_config(wanted)
        if last is not None and last[1] * (len(data) / last[0]) ** max(1.0, slope) > PATIENCE:
            measured[len(data)] = None
            continue
        times = repetitions if wanted < LARGE else 1
        found = in_turns({"fix": lambda data=data: fix(data)}, times)["fix"]  # type: ignore[misc]
        if last is not None:
            slope = math.log(found.best / last[1]) / math.log(len(data) / last[0])
        measured[len(data)] = found
        last = (len(data), found.best)
    return measured


def measure_counts(repetitions: int) -> dict[int, tuple[Times, Times]]:
    """The time of the command by the number of configs, in one process and in all."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "cci_migrate", "--check", "--quiet", "--color", "never"]
        work: dict[str, Callable[[], object]] = {}
        for count in COUNTS:
            folder = Path(name) / str(count)
            for number in range(count):
                config = folder / str(number) / PATH
                config.parent.mkdir(parents=True)
                config.write_bytes(generated_config(8_000))
            alone = [*command, "--jobs", "1", str(folder)]
            work[f"{count} alone"] = lambda alone=alone: _run(alone)  # type: ignore[misc]
            together = [*command, str(folder)]
            work[f"{count} together"] = lambda together=together: _run(together)  # type: ignore[misc]
        times = in_turns(work, repetitions)
    return {count: (times[f"{count} alone"], times[f"{count} together"]) for count in COUNTS}


def page(repetitions: int = REPETITIONS) -> Iterator[str]:
    """Measure everything; the lines of the page."""
    found, what = configs()
    size = sum(map(len, found))
    core = measure_core(found, repetitions)
    start = measure_start(repetitions)
    sizes = measure_sizes(max(1, repetitions - 2))
    counts = measure_counts(max(1, repetitions - 2))

    def ratio(first: str, other: str) -> str:
        return f"{core[first].best / core[other].best:.1f}"

    yield from (
        "# Benchmarks",
        "",
        f"{len(found)} {what}, {size / 1e6:.1f} MB, {repetitions} times in turns on "
        f"{os.cpu_count()} cores with {platform.python_implementation()} "
        f"{platform.python_version()}. `make bench` writes this page. Ratios are of the shortest "
        "times.",
        "",
        "## One process, start-up left out",
        "",
        "| | shortest | median |",
        "|---|---|---|",
        f"| bare events of ruamel.yaml's C parser | {core['bare events']} |",
        f"| find everything, and let it be | {core['look']} |",
        f"| `--check` | {core['check']} |",
        f"| find, fix and prove | {core['fix']} |",
        f"| ruamel.yaml round trip that adds `auth` | {core['round trip']} |",
        "",
        "| ratio | measured | budget |",
        "|---|---|---|",
        f"| `--check` to bare events | {ratio('check', 'bare events')} | at most 3.0 |",
        f"| find, fix and prove to bare events | {ratio('fix', 'bare events')} | at most 6.5 |",
        f"| round trip to find, fix and prove | {ratio('round trip', 'fix')} | at least 8 |",
        "",
        "## Whole process",
        "",
        "| | shortest | median |",
        "|---|---|---|",
        f"| `cci-migrate --check` on one small config | {start['command']} |",
        f'| `python -c "import click, ruamel.yaml"` | {start["imports"]} |',
        "",
        f"The ratio is {start['command'].best / start['imports'].best:.1f}, the budget 2.0.",
        "",
        "## Larger configs (find, fix and prove)",
        "",
        "| size | shortest | median | per MB |",
        "|---|---|---|---|",
    )
    for amount, times in sizes.items():
        per_megabyte = "" if times is None else _shown(times.best / (amount / 1e6))
        yield f"| {amount / 1e6:.1f} MB | {times or 'too long | too long'} | {per_megabyte} |"
    yield from (
        "",
        "## More configs (`cci-migrate --check`, 8 kB each, whole process)",
        "",
        "| configs | one process: shortest | median | all cores: shortest | median |",
        "|---|---|---|---|---|",
    )
    for count, (alone, together) in counts.items():
        yield f"| {count} | {alone} | {together} |"
    lines, seconds = measure_editor(2 * repetitions)
    yield from (
        "",
        "## In the editor",
        "",
        f"From a change in a config of {lines:,} lines to its diagnostics, through the language "
        "server in a process of its own, its pause of 20 ms for further changes included.",
        "",
        "| shortest | median | budget |",
        "|---|---|---|",
        f"| {Times(seconds)} | 100 ms |",
        "",
        *MISSED.splitlines(),
    )


def main() -> int:
    """Measure, print and write the page."""
    # ruamel.yaml's round trip warns of what is legal in a config.
    warnings.simplefilter("ignore")
    text = "\n".join(page()) + "\n"
    print(text, end="")
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
