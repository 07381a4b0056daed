"""What ``batch watch`` shows: a table that is kept up to date on a terminal, else lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cci_migrate.campaign.pull_request_waits import duration, waits_summary
from cci_migrate.campaign.watching import WatchedPulls, changes
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import local_time

if TYPE_CHECKING:
    from rich.table import Table

#: Lines of the screen that the table does not fill with rows: its frame, and what is around it.
_MARGIN = 9


class WatchLines:
    """Plain lines: a summary first, then a line for each change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pulls: WatchedPulls | None = None

    def __enter__(self) -> WatchLines:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the lines as they are."""

    def show(self, pulls: WatchedPulls) -> None:
        """Print what changed since the last time."""
        if self._pulls is None:
            click.echo(printable(waits_summary(pulls.open)))
        else:
            at = local_time(self._clock.now())
            for change in changes(self._pulls, pulls):
                click.echo(printable(f"{at}  {change}"))
        self._pulls = pulls

    def announce(self, at: float) -> None:
        """Print nothing: only changes are of interest."""


class WatchTable(WatchLines):
    """A table on a terminal, by rich: the longest waiting first, as many as fit."""

    def __init__(self, clock: Clock) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(clock)
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> WatchTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the table, and leave the summary."""
        self._live.stop()
        if self._pulls is not None:
            self._console.print(waits_summary(self._pulls.open), markup=False, highlight=False)

    def show(self, pulls: WatchedPulls) -> None:
        """Draw the table again."""
        self._pulls = pulls
        self._live.update(self._table(pulls, "reading"), refresh=True)

    def announce(self, at: float) -> None:
        """Show when it is drawn again below the table."""
        if self._pulls is not None:
            caption = f"read again at {local_time(at)}; Ctrl-C ends"
            self._live.update(self._table(self._pulls, caption), refresh=True)

    def _table(self, watched: WatchedPulls, caption: str) -> Table:
        from rich.table import Table
        from rich.text import Text

        pulls = watched.open
        table = Table(title=waits_summary(pulls), caption=caption, title_justify="left")
        table.add_column("for", justify="right", no_wrap=True)
        table.add_column("pull request", overflow="fold")
        table.add_column("waits for", overflow="fold")
        room = max(1, self._console.height - _MARGIN)
        now = self._clock.now()
        for pull in pulls[:room]:
            cells = (duration(now - pull.since), pull.name, pull.wait.text)
            table.add_row(*(Text(printable(cell)) for cell in cells))
        if len(pulls) > room:
            table.add_row("", Text(f"and {len(pulls) - room} more"), "")
        return table


def watch_output(clock: Clock) -> WatchLines:
    """The table on a terminal, else lines."""
    return WatchTable(clock) if sys.stdout.isatty() else WatchLines(clock)
