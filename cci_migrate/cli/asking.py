"""Runs in which a person decides on each fix, now or in an earlier session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cci_migrate.cli.options import Options
from cci_migrate.cli.processing import Task
from cci_migrate.cli.terminal import Terminal
from cci_migrate.engine.outcomes import Failed, Outcome
from cci_migrate.interactive.reviews import SessionConfig, Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.session import Ways, replay, run
from cci_migrate.reports.report import Mode


def screen_of(terminal: Terminal) -> Screen:
    """The terminal that the user sits at. Raises CannotAskError where there is none."""
    is_out = sys.stdout is not None and sys.stdout.isatty()
    return Screen(in_colour=terminal.out_in_colour if is_out else terminal.err_in_colour)


def decide(
    tasks: Sequence[Task],
    options: Options,
    screen: Screen | None,
    prefix_of: Callable[[Path], str],
    told: Callable[[Path], frozenset[str]],
) -> list[Outcome]:
    """What becomes of each task: as the user says at ``screen``, or as the answers file does.

    ``told`` gives what the policy of a folder says. Raises AnswersError and KeyboardInterrupt.
    """
    outcomes: dict[int, Outcome] = {}
    configs: dict[int, SessionConfig] = {}
    for index, task in enumerate(tasks):
        files = task.read()
        if isinstance(files, Failed):
            outcomes[index] = files
        else:
            topics = {topic for topic in Topic if topic.value in told(_folder(task))}
            prefix = prefix_of(task.root)
            configs[index] = SessionConfig(
                prefix, files, task.policy, frozenset(topics), options.limits
            )
    given = list(configs.values())
    if options.answers is not None:
        decided = replay(given, options.answers)
    else:
        ways = Ways(options.mode is Mode.WRITE, options.save_answers)
        decided = run(given, screen or screen_of(Terminal(options.colour)), ways)
    outcomes |= dict(zip(configs, decided, strict=True))
    return [outcomes[index] for index in range(len(tasks))]


def _folder(task: Task) -> Path:
    return (task.root / task.paths[0]).parent
