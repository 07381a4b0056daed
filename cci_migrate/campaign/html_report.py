"""The campaign as one self-contained HTML page."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from cci_migrate.campaign.change_groups import (
    ChangeGroup,
    approved_groups,
    change_groups,
    short_name,
)
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.pull_request_waits import WaitingPull, waiting_pull, waits_summary
from cci_migrate.campaign.states import NOT_UP_TO_DATE, UNFINISHED, State
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.files.output_files import write_atomically
from cci_migrate.findings import FindingState
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.transport.known_secrets import redact

#: The repositories that the page lists; those that need somebody come first.
ROW_LIMIT = 5_000
#: The groups of equal changes that the page shows.
GROUP_LIMIT = 500
#: Bytes of one diff that the page shows.
DIFF_LIMIT = 100_000
#: Bytes of all diffs of groups, and of all findings and diffs of repositories.
GROUP_DIFFS_LIMIT = 3_000_000
DETAILS_LIMIT = 3_000_000

_GOOD = frozenset(
    {
        State.CHANGED,
        State.PULL_REQUEST_OPEN,
        State.PULL_REQUEST_MERGED,
        State.NOTHING_TO_DO,
    }
)

#: The order of the rows: what needs somebody comes first, what is done last.
_ROW_ORDER = ("bad", "wait", "good", "none")

#: The name of a registry that is undetermined.
_UNKNOWN = "unknown"

#: A cause that is the address of a pull request.
_ADDRESS = re.compile(r"https?://\S+")


class StateRow(Struct, frozen=True):
    """A row of the table of states."""

    name: str
    count: int
    meaning: str
    tone: str

    @property
    def caption(self) -> str:
        """The text of this state in the caption of the bar."""
        return f"{self.count} {self.name}"


class RegistryRow(Struct):
    """A row of the table of registries: how many pulls there are, and which have credentials."""

    pulls: int = 0
    authenticated: int = 0
    fixed: int = 0


class GroupRow(Struct, frozen=True):
    """A group of equal changes, with the diff of one of its repositories, called ``sample``."""

    group: ChangeGroup
    is_approved: bool
    sample: str
    lines: tuple[tuple[str, str], ...]


class Row(Struct, frozen=True):
    """A row of the table of repositories. ``is_cut``: its findings and diff are left out.

    ``cause_url`` is the cause, if that is an address: the pull request of a revert.
    """

    entry: LedgerEntry
    name_parts: tuple[str, ...]
    url: str
    rank: int
    tone: str
    cause: str
    cause_url: str
    wait: str
    group: str
    registries: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    is_cut: bool


class Totals(Struct):
    """Sums over all repositories; ``registries`` by the name that people see."""

    registries: dict[str, RegistryRow] = field(default_factory=lambda: defaultdict(RegistryRow))
    todos: Counter[str] = field(default_factory=Counter)
    pulls: list[WaitingPull] = field(default_factory=list)


def write_report(campaign: Campaign, path: Path) -> None:
    """Write the report of ``campaign`` to ``path``, atomically. Raises OSError."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # The page has names, causes and lines of other people's files: everything is escaped.
    environment = Environment(
        loader=PackageLoader("cci_migrate.campaign"),
        autoescape=True,
        undefined=StrictUndefined,
        # A page shows no more than a terminal does: no direction marks, nothing invisible.
        finalize=lambda value: printable(value) if isinstance(value, str) else value,
    )
    ledger, totals = campaign.ledger, _totals(campaign.ledger)
    template = environment.get_template("report.html")
    script = environment.get_template("report.js").render()
    folder = campaign.folder or Path()
    states = list(_states(ledger))
    page = template.generate(
        # A browser runs this script and no other, whatever a name might become.
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        title=folder.resolve().name,
        branch=campaign.branch,
        when=time.strftime("%Y-%m-%d %H:%M"),
        total=sum(ledger.counts().values()),
        states=states,
        bar=sorted(states, key=lambda row: _ROW_ORDER.index(row.tone)),
        waits=waits_summary(totals.pulls) if totals.pulls else "",
        row_limit=ROW_LIMIT,
        groups=list(_groups(campaign)),
        registries=sorted(totals.registries.items(), key=lambda item: -item[1].pulls),
        todos=totals.todos.most_common(),
        rows=_rows(campaign),
    )
    write_atomically(path, (part.encode("utf-8", "replace") for part in page))


def _tone(state: State) -> str:
    if state in _GOOD:
        return "good"
    if state in NOT_UP_TO_DATE:
        return "wait"
    return "bad" if state is State.FAILED or state in UNFINISHED else "none"


def _states(ledger: Ledger) -> Iterator[StateRow]:
    counts = ledger.counts()
    for state in State:
        if counts[state]:
            meaning = state.meaning.replace("`", "")
            yield StateRow(state.value, counts[state], meaning, _tone(state))


def _totals(ledger: Ledger) -> Totals:
    totals = Totals()
    for entry in ledger.entries():
        totals.todos.update(entry.todos)
        if pull := waiting_pull(entry):
            totals.pulls.append(pull)
        for count in entry.pulls:
            row = totals.registries[count.registry or _UNKNOWN]
            row.pulls += count.found
            row.authenticated += count.authenticated
        for finding in entry.findings:
            is_pull = finding.registry and finding.rule != MISSING_CONTEXT
            if is_pull and finding.state is FindingState.FIXED:
                totals.registries[finding.registry].fixed += 1
    return totals


def _groups(campaign: Campaign) -> Iterator[GroupRow]:
    approved = approved_groups(campaign)
    room = GROUP_DIFFS_LIMIT
    for group in change_groups(campaign.ledger)[:GROUP_LIMIT]:
        entry = campaign.ledger.entry(group.keys[0])
        diff = b"" if entry is None else campaign.read_diff(entry)
        is_shown = bool(diff) and len(diff) <= min(DIFF_LIMIT, room)
        room -= len(diff) if is_shown else 0
        yield GroupRow(
            group=group,
            is_approved=group.id in approved,
            sample="" if entry is None else entry.ref.label,
            lines=tuple(_lines(diff)) if is_shown else (),
        )


def _rows(campaign: Campaign) -> Iterator[Row]:
    """The first rows of the table, without more details than a page has room for."""
    room = DETAILS_LIMIT
    for rank, entry in enumerate(islice(_entries_by_tone(campaign.ledger), ROW_LIMIT)):
        diff = campaign.read_diff(entry)
        size = len(diff) + sum(
            len(finding.message) + len(finding.reason) + 100 for finding in entry.findings
        )
        is_shown = len(diff) <= DIFF_LIMIT and size <= room
        room -= size if is_shown else 0
        cause = "" if entry.cause == _url(entry) else redact(entry.cause)
        yield Row(
            entry=entry,
            # Between them a line may break.
            name_parts=tuple(re.findall(r"[^/]*/|[^/]+$", entry.ref.label)),
            url=_url(entry),
            rank=rank,
            tone=_tone(entry.state),
            cause=cause,
            cause_url=cause if _ADDRESS.fullmatch(cause) else "",
            wait=_wait(entry),
            group=short_name(entry.group),
            registries=tuple(count.registry or _UNKNOWN for count in entry.pulls),
            lines=tuple(_lines(diff)) if is_shown and diff else (),
            is_cut=not is_shown,
        )


def _entries_by_tone(ledger: Ledger) -> Iterator[LedgerEntry]:
    yield from ledger.entries({State.FAILED})
    for tone in _ROW_ORDER:
        yield from ledger.entries(
            {state for state in State if _tone(state) == tone} - {State.FAILED}
        )


def _wait(entry: LedgerEntry) -> str:
    """What its pull request waits for, and since when; empty if it is not open."""
    pull = waiting_pull(entry)
    if pull is None:
        return ""
    since = time.strftime("%Y-%m-%d", time.localtime(pull.since))
    return f"waits for {pull.wait.text}, since {since}"


def _url(entry: LedgerEntry) -> str:
    """The address of the pull request, if it is one that a browser may open."""
    return entry.pull_url if entry.pull_url.startswith(("https://", "http://")) else ""


def _lines(diff: bytes) -> Iterator[tuple[str, str]]:
    for line in diff.decode("utf-8", "replace").rstrip("\n").split("\n"):
        if line.startswith(("+++", "---", "diff ", "@@", "#", "\\")):
            yield "h", line
        elif line.startswith("+"):
            yield "a", line
        elif line.startswith("-"):
            yield "d", line
        else:
            yield "", line
