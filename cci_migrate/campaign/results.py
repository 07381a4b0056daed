"""The results of a campaign: results.jsonl, the summary, and the exit code."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cci_migrate.campaign.folder import RESULTS, Campaign
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.pull_request_waits import wait_record
from cci_migrate.campaign.states import UNFINISHED, State
from cci_migrate.escaping.json_text import json_text
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.output_files import write_atomically
from cci_migrate.transport.known_secrets import redact

#: The version of the lines of results.jsonl, raised with every change of their keys.
RESULTS_VERSION = 4


def result(entry: LedgerEntry) -> dict[str, Any]:
    """The line of results.jsonl for ``entry``, as an object."""
    return {
        "version": RESULTS_VERSION,
        "repository": entry.ref.key,
        "name": entry.ref.name,
        "project": entry.ref.project,
        "host": entry.ref.host,
        "kind": entry.ref.kind,
        "state": entry.state,
        "cause": redact(entry.cause),
        "head": entry.head,
        "files": entry.files,
        "diff": entry.diff,
        "group": entry.group,
        "is_confirmed": entry.is_confirmed,
        "images": entry.images,
        "authenticated": entry.authenticated,
        "findings": entry.findings,
        "todos": entry.todos,
        "pulls": entry.pulls,
        "branch": entry.branch,
        "pull_request": entry.pull_url if entry.pull is not None else None,
        "pull_request_state": entry.pull_state,
        "review": wait_record(entry),
        "is_canary": entry.is_canary,
        "wave": entry.wave,
    }


def write_results(campaign: Campaign) -> None:
    """Write results.jsonl anew, atomically, if entries have changed since it was written.

    Nothing for a campaign in memory. Raises OSError.
    """
    if campaign.folder is None:
        return
    path, ledger = campaign.folder / RESULTS, campaign.ledger
    if ledger.reported and ledger.reported == _results_id(path):
        return
    lines = (f"{json_text(result(entry))}\n".encode() for entry in ledger.entries())
    write_atomically(path, lines, is_private=True)
    ledger.report(_results_id(path))


def _results_id(path: Path) -> str:
    """What tells the file at ``path`` from another; empty without one."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{RESULTS_VERSION} {status.st_size} {status.st_mtime_ns}"


def summary(ledger: Ledger) -> Iterator[str]:
    """The lines of the summary: how many repositories are in each state, and why.

    What only one repository has is shown with its name and place.
    """
    causes: dict[State, Counter[str]] = defaultdict(Counter)
    first: dict[tuple[State, str], str] = {}
    for entry in ledger.entries(UNFINISHED | {State.FAILED, State.EXCLUDED}):
        if entry.cause:
            cause = _general_cause(entry)
            causes[entry.state][cause] += 1
            first.setdefault((entry.state, cause), _named_cause(entry))
    counts = ledger.counts()
    width = max((len(state.value) for state in counts), default=0)
    for state in State:
        if counts[state]:
            yield f"{counts[state]:>6}  {state.value:<{width}}  {state.meaning}"
            listed = causes[state].most_common(5)
            for cause, count in listed:
                text = cause if count > 1 else first[state, cause]
                yield f"{'':>8}{count} x {redact(text)}"
            if more := causes[state].total() - sum(dict(listed).values()):
                yield f"{'':>8}{more} x another cause"
    yield f"{sum(counts.values()):>6}  total"


def repository_lines(ledger: Ledger) -> Iterator[str]:
    """A line for each repository: its name, its state, and why, or its pull request."""
    for entry in ledger.entries():
        detail = redact(entry.cause) or entry.pull_url
        yield f"{entry.ref.label}: {entry.state.value}{f' ({detail})' if detail else ''}"


def exit_code(ledger: Ledger) -> ExitCode:
    """3 if a repository failed, 1 if something is left, else 0."""
    counts = ledger.counts()
    if counts[State.FAILED]:
        return ExitCode.FAILED
    return ExitCode.LEFT if any(counts[state] for state in UNFINISHED) else ExitCode.DONE


def _general_cause(entry: LedgerEntry) -> str:
    """The cause without names and places of the repository: the summary shows equal ones once."""
    name = entry.ref.name
    cause = entry.cause.removeprefix(f"{name}: ")
    cause = cause.replace(name, "...") if "/" in name else cause
    cause = re.sub(r"^\d+ finding\(s\) left: ", "left: ", cause)
    cause = re.sub(r", with \d+ pulls? without credentials", "", cause)
    return re.sub(r"(?<!\S)\S+\.ya?ml(:\d+)*: ", "", cause)


def _named_cause(entry: LedgerEntry) -> str:
    """The cause with the repository's name before it, unless the cause has it."""
    name, cause = entry.ref.label, entry.cause
    return cause if name in cause else f"{name}: {cause}"
