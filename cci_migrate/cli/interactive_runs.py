"""Runs in which a person decides on each fix, now or in an earlier session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cci_migrate.cli.options import Options
from cci_migrate.cli.processing import Task
from cci_migrate.cli.terminal import Terminal
from cci_migrate.engine.outcomes import Failed, Outcome
from cci_migrate.interactive.replay import replay
from cci_migrate.interactive.reviews import SessionConfig, Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.session import SessionOptions, run
from cci_migrate.reports.report import Mode


def screen_of(terminal: Terminal) -> Screen:
    """The user's terminal. Raises CannotAskError if there is none."""
    is_out = sys.stdout is not None and sys.stdout.isatty()
    return Screen(in_colour=terminal.out_in_colour if is_out else terminal.err_in_colour)


def decide(
    tasks: Sequence[Task],
    options: Options,
    screen: Screen | None,
    prefix_of: Callable[[Path], str],
    topics_of: Callable[[Path], frozenset[str]],
) -> list[Outcome]:
    """The outcome of each task, as the user decides at ``screen`` or the answers file says.

    ``topics_of`` returns the settings that options and the policy of a folder decide. Raises
    AnswersError, CannotAskError and KeyboardInterrupt.
    """
    read = [task.read() for task in tasks]
    configs = [
        SessionConfig(
            prefix_of(task.root),
            files,
            task.policy,
            frozenset(topic for topic in Topic if topic.value in topics_of(task.folder)),
            options.limits,
        )
        for task, files in zip(tasks, read, strict=True)
        if not isinstance(files, Failed)
    ]
    if options.answers is not None:
        decided = replay(configs, options.answers)
    else:
        session_options = SessionOptions(options.mode is Mode.WRITE, options.save_answers)
        screen = screen or screen_of(Terminal(options.colour))
        decided = run(configs, screen, session_options)
    rest = iter(decided)
    return [files if isinstance(files, Failed) else next(rest) for files in read]
