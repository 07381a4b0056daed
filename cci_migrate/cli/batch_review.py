"""``batch diff`` and ``batch approve``: reading the planned changes, one of each kind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from cci_migrate.campaign.change_groups import (
    ChangeGroup,
    approved_groups,
    change_groups,
    named_groups,
    set_approved,
)
from cci_migrate.campaign.folder import Campaign, open_campaign, open_read_only
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.states import State
from cci_migrate.cli.batch_options import exits_with_code, folder_option, repositories_argument
from cci_migrate.cli.option_values import choice_of
from cci_migrate.cli.options import Colour
from cci_migrate.cli.shared_options import colour_option
from cci_migrate.cli.terminal import Terminal
from cci_migrate.escaping.terminal_text import printable, printable_file
from cci_migrate.exit_codes import ExitCode
from cci_migrate.findings import FindingState
from cci_migrate.reports.diffs import coloured_diff
from cci_migrate.rules.catalogue import RULES
from cci_migrate.wording import counted

#: The number of repositories that the heading of a group names.
_NAMED = 3
#: What `less` does unless the user says otherwise: end if one screen shows all, show colours, and
#: leave the text on the screen (git's own defaults).
_LESS = "FRX"


class _Selection(Struct, frozen=True):
    """The changes to show. ``groups`` are ids; empty fields choose all."""

    filter: RepositoryFilter
    states: frozenset[State]
    rules: frozenset[str]
    groups: frozenset[str]

    def has(self, entry: LedgerEntry) -> bool:
        """Whether the change of ``entry`` is chosen."""
        fixed = (finding.rule for finding in entry.findings if finding.state is FindingState.FIXED)
        return (
            not self.filter.why_not_by_name(entry.ref)
            and (not self.states or entry.state in self.states)
            and (not self.groups or entry.group in self.groups)
            and (not self.rules or not self.rules.isdisjoint(fixed))
        )


def _to_sample(_ctx: Any, _param: Any, text: str | None) -> int | None:
    """The number of diffs to show of each group; 0 for all, None if the user does not say."""
    if text is None or text == "all":
        return None if text is None else 0
    if text.isdecimal() and int(text):
        return int(text)
    raise click.BadParameter(f"{text!r} is neither a number nor 'all'")


@click.command()
@folder_option
@repositories_argument
@click.option("--stat", is_flag=True, help="List the groups of equal changes; show no diffs")
@click.option("--group", "groups", multiple=True, metavar="ID", help="Show only this group")
@click.option(
    "--sample",
    callback=_to_sample,
    metavar="N",
    help="Diffs to show of each group, or 'all' (default: 1; with NAME or --group: all)",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    **choice_of(State),
    metavar="STATE",
    help="Only repositories in this state",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=click.Choice([rule.id for rule in RULES]),
    metavar="RULE",
    help="Only changes that fix findings of this rule",
)
@click.option("--no-pager", is_flag=True, help="Print to the terminal without a pager")
@colour_option
@exits_with_code
def diff(
    folder: Path,
    repositories: RepositoryFilter,
    stat: bool,
    groups: tuple[str, ...],
    sample: int | None,
    states: tuple[State, ...],
    rules: tuple[str, ...],
    no_pager: bool,
    colour: Colour,
) -> ExitCode:
    """Show one diff of each group of equal changes.

    NAME limits it to some repositories; globs work. Equal changes fix the same findings with the
    same lines, whatever their places and the names of jobs and images.
    """
    terminal = Terminal(colour)
    with open_read_only(folder) as campaign:
        selection = _Selection(
            repositories, frozenset(states), frozenset(rules), named_groups(campaign.ledger, groups)
        )
        names = repositories.include
        chosen = change_groups(campaign.ledger, selection.has)
        if not chosen:
            searched = f" for {', '.join(names)}" if names else ""
            is_limited = names or states or rules or groups
            limits = " matches these options" if states or rules or groups else ""
            terminal.err(f"no planned change{printable(searched)}{limits}\n")
            return ExitCode.LEFT if is_limited else ExitCode.DONE
        approved = approved_groups(campaign)
        if sample is None:
            sample = 0 if names or groups else 1
        parts = (
            _table(chosen, approved)
            if stat
            else _diffs(campaign, chosen, approved, sample, terminal)
        )
        _show(parts, terminal, is_paged=not no_pager)
        count = sum(len(group.keys) for group in chosen)
        shown = sum(min(sample, len(group.keys)) for group in chosen) if sample else count
        if not stat and shown < count:
            terminal.err(
                f"{shown} of {count} diffs shown, {sample} of each group of equal changes; "
                "--sample all shows all\n"
            )
    return ExitCode.DONE


@click.command()
@folder_option
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.option("--all", "every", is_flag=True, help="Approve all groups")
@click.option("--withdraw", is_flag=True, help="Withdraw the approval")
@exits_with_code
def approve(folder: Path, groups: tuple[str, ...], every: bool, withdraw: bool) -> ExitCode:
    """Approve groups of changes, for `batch apply --approved`.

    GROUP is an id that `batch diff` shows, or its beginning. A change that is planned again and
    differs is in another group, and not approved.
    """
    if bool(groups) == every:
        raise click.UsageError("name groups, or use --all")
    with open_campaign(folder) as campaign:
        before = approved_groups(campaign)
        planned = change_groups(campaign.ledger)
        named = (
            frozenset(group.id for group in planned)
            if every
            else named_groups(campaign.ledger, groups)
        )
        after = before - named if withdraw else before | named
        set_approved(campaign, after)
        Terminal().out("".join(_table([group for group in planned if group.id in named], after)))
    return ExitCode.DONE


def _show(parts: Iterable[str | bytes], terminal: Terminal, *, is_paged: bool) -> None:
    """Print ``parts``, by the user's pager if this is a terminal."""
    if not (is_paged and sys.stdin.isatty() and sys.stdout.isatty()):
        for part in parts:
            terminal.out(part)
        return
    os.environ.setdefault("LESS", _LESS)
    texts = (printable_file(part) if isinstance(part, bytes) else part for part in parts)
    click.echo_via_pager(texts, color=terminal.out_in_colour)


def _table(groups: Iterable[ChangeGroup], approved: frozenset[str]) -> Iterator[str]:
    yield "group     repositories  fixes\n"
    for group in groups:
        mark = "; approved" if group.id in approved else ""
        fixes = f"{printable(group.fixed)} ({group.by_state}{mark})"
        yield f"{group.name}  {len(group.keys):>12}  {fixes}\n"


def _diffs(
    campaign: Campaign,
    groups: Iterable[ChangeGroup],
    approved: frozenset[str],
    sample: int,
    terminal: Terminal,
) -> Iterator[str | bytes]:
    """A heading for each group, and the diffs of ``sample`` of its repositories (0: of all)."""
    for group in groups:
        yield from _heading(campaign, group, group.id in approved, terminal)
        for key in group.keys[:sample] if sample else group.keys:
            entry = campaign.ledger.entry(key)
            if entry is None:
                continue
            yield f"# {printable(entry.ref.label)} ({entry.state.value})\n"
            data = campaign.read_diff(entry)
            in_colour = terminal.out_in_colour
            yield coloured_diff(data.decode("utf-8", "replace")) if in_colour else data


def _heading(
    campaign: Campaign, group: ChangeGroup, is_approved: bool, terminal: Terminal
) -> Iterator[str]:
    count = len(group.keys)
    repositories = counted(count, "repository", "repositories")
    title = f"# group {group.name}: {repositories} ({group.by_state})"
    if is_approved:
        title += ", approved"
    yield (click.style(title, bold=True) if terminal.out_in_colour else title) + "\n"
    yield f"# fixes {printable(group.fixed)}\n"
    if count > 1:
        entries = map(campaign.ledger.entry, islice(group.keys, _NAMED))
        names = ", ".join(printable(entry.ref.label) for entry in entries if entry is not None)
        more = f" and {count - _NAMED} more" if count > _NAMED else ""
        yield f"# in {names}{more}\n"
