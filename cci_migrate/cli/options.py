"""The options of the main command, as values."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from msgspec import Struct

from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS, WorkLimits
from cci_migrate.cli.compiler_options import CompilerOptions
from cci_migrate.cli.policy_options import PolicySource
from cci_migrate.reports.report import Mode


class Format(Enum):
    """A format of the report."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


class Colour(Enum):
    """Whether to write in colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Options(Struct, frozen=True):
    """Everything the command line says.

    ``paths`` are there; they are empty where ``reads_stdin``. ``jobs`` None: as many as there are
    processors. ``answers`` are those of an earlier session, to be given again. ``output`` takes the
    report instead of the terminal. ``statistics``: findings are counted, not shown. ``compiler``:
    CircleCI's compiler is asked.
    """

    paths: tuple[Path, ...]
    mode: Mode = Mode.WRITE
    policy: PolicySource = PolicySource()
    format: Format = Format.TEXT
    verbosity: int = 0
    show_source: bool = True
    statistics: bool = False
    colour: Colour = Colour.AUTO
    jobs: int | None = None
    show_secrets: bool = False
    reads_stdin: bool = False
    stdin_name: str | None = None
    interactive: bool = False
    save_answers: Path | None = None
    answers: Path | None = None
    output: Path | None = None
    baseline: Path | None = None
    write_baseline: Path | None = None
    applies_ignores: bool = True
    limits: WorkLimits = DEFAULT_WORK_LIMITS
    compiler: CompilerOptions | None = None
