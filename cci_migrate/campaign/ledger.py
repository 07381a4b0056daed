"""The ledger of a campaign: an SQLite file in which every change of state is one transaction.

It records what was listed, planned and written, so that a run can continue where another was
killed. The current state of a repository always comes from its host.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from cci_migrate.bounds.json_input import JsonInputError, parsed_json, typed
from cci_migrate.campaign.campaign_files import diff_name
from cci_migrate.campaign.repository_plan import FindingRecord, RegistryCount
from cci_migrate.campaign.states import ENDED, WRITTEN, State, Undoing
from cci_migrate.error_kinds import UserError
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.extras import MissingExtra
from cci_migrate.forges.pull_request_reviews import PullRequestReview
from cci_migrate.forges.repository import Checks, FileHash, PullRequest, PullState, RepositoryRef
from cci_migrate.transport import write_record
from cci_migrate.transport.progress import RepositoryDone
from cci_migrate.transport.write_record import WriteRecord

#: Raised with every change of the tables and records; a ledger of another version is refused.
SCHEMA_VERSION = 13

#: The largest record of one repository in bytes, some hundred thousand findings: larger ones are
#: neither written nor read (a ledger may come from somebody else).
MAX_RECORD_BYTES = 32 * 2**20

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
    name TEXT PRIMARY KEY, cursor TEXT NOT NULL, is_listed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE cursors (id INTEGER PRIMARY KEY, source TEXT NOT NULL, cursor TEXT NOT NULL);
CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, cause TEXT NOT NULL, is_canary INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX repositories_by_state ON repositories (state);
CREATE INDEX canaries ON repositories (is_canary) WHERE is_canary = 1;
"""


class LedgerError(UserError):
    """The ledger cannot be used; the text says why and what to do."""


#: A time in seconds since 1970, in a year that calendars know.
_Time = Annotated[float, Meta(ge=0, lt=253_402_300_800)]


class MergeRecord(Struct, frozen=True, omit_defaults=True):
    """A merge that the campaign asked the host for.

    ``base`` is the result of CI for the default branch before, which only the canary needs.
    ``is_automatic``: the host merges by itself as soon as its rules allow.
    """

    base: Checks = Checks.NONE
    is_canary: bool = False
    is_automatic: bool = False


class PlanRecord(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A plan that may be kept: what it says by itself, whatever the host says of its delivery.

    ``basis`` is the hash of what it rests on (see `plan_basis`).
    """

    basis: str
    state: State
    cause: str = ""
    matched_patterns: tuple[str, ...] = ()


class LedgerEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The record of one repository. ``is_confirmed``: by CircleCI's compiler.

    ``base`` is the default branch that the change is planned for. ``missing_extras`` are the
    labels, reviewers and assignees that could not be added.
    ``branch`` is the campaign's newest commit on the branch called ``branch_name``, empty for the
    campaign's usual branch. ``proven_tip`` is the tip that was found to be exactly this change.
    ``replaced`` is the number of a pull request that the campaign closes to open another (0: none).
    ``wave`` is the number of the wave in which its pull request was opened (0: none), ``active_at``
    the time of the repository's last activity when it was planned.
    ``group`` identifies the kind of change (see `change_groups`); empty without a change.
    ``review`` is the open pull request when it was last read, ``waits_since`` (seconds since 1970)
    since when it waits for what it waits for then. ``merge``: the campaign merges it, or has.
    ``plan`` belongs to the plan whose change and findings the entry has; None if it must be made
    again.
    """

    ref: RepositoryRef
    state: State
    cause: str = ""
    head: str = ""
    base: str = ""
    digest: str = ""
    group: str = ""
    has_diff: bool = False
    files: tuple[FileHash, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    todos: tuple[str, ...] = ()
    pulls: tuple[RegistryCount, ...] = ()
    images: int = 0
    authenticated: int = 0
    branch: str = ""
    branch_name: str = ""
    proven_tip: str = ""
    pull: PullRequest | None = None
    missing_extras: tuple[MissingExtra, ...] = ()
    is_canary: bool = False
    wave: int = 0
    replaced: int = 0
    active_at: _Time = 0.0
    changed_at: _Time = 0.0
    undoing: Undoing | None = None
    is_confirmed: bool = False
    review: PullRequestReview | None = None
    waits_since: _Time = 0.0
    merge: MergeRecord | None = None
    plan: PlanRecord | None = None

    __repr__ = repr_without("findings")

    @property
    def diff(self) -> str:
        """The path of its diff within the campaign's folder, empty for none."""
        return diff_name(self.ref) if self.has_diff else ""

    def without_plan(self) -> LedgerEntry:
        """The entry without its plan, because its pull request proposes another change."""
        return replace(
            self, files=(), digest="", group="", has_diff=False, is_confirmed=False, plan=None
        )

    def with_pull(self, pull: PullRequest | None) -> LedgerEntry:
        """The entry with ``pull`` in the state it is in now, or with another pull request.

        What was read of an earlier one, and its merge, don't stay.
        """
        if pull is None or not self.has_pull(pull):
            return replace(self, pull=pull, review=None, waits_since=0.0, merge=None)
        if pull.state is not PullState.OPEN:
            return replace(self, pull=pull, review=None, waits_since=0.0)
        return replace(self, pull=pull)

    def has_pull(self, pull: PullRequest) -> bool:
        """Whether ``pull`` is the campaign's pull request, in whatever state."""
        return self.pull is not None and self.pull.number == pull.number

    @property
    def pull_state(self) -> PullState | None:
        """The state of its pull request; None without one."""
        return self.pull.state if self.pull is not None else None

    @property
    def pull_url(self) -> str:
        """The address of its pull request, empty without one."""
        return self.pull.url if self.pull is not None else ""

    @property
    def has_open_pull(self) -> bool:
        """Whether the campaign's pull request was open when it was last read."""
        return self.pull_state is PullState.OPEN and self.state not in ENDED

    @property
    def done(self) -> RepositoryDone:
        """The entry as a line of the progress output."""
        return RepositoryDone(
            self.ref.key, self.ref.label, self.state.value, self.cause, self.pull_url or None
        )


class Ledger:
    """An open ledger, used by one thread; the campaign's lock excludes other processes.

    Every method that reads entries raises LedgerError for one that this version did not write.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._connection = connection
        #: Where writes to hosts are recorded; None: in memory.
        self._path = path
        self._writes: list[WriteRecord] = []

    @classmethod
    def in_memory(cls) -> Ledger:
        """A new ledger that ends with the process."""
        ledger = cls(_connect(":memory:"), None)
        ledger._create_tables()
        return ledger

    @classmethod
    def at(cls, path: Path) -> Ledger:
        """The ledger in the file ``path``, a new one if that is empty.

        Raises LedgerError if it can't be used, or another version wrote it.
        """
        with _explained(path):
            connection = _connect(_uri(path), "journal_mode = WAL", "synchronous = NORMAL")
        ledger = cls(connection, path)
        if ledger._version(path) == 0:  # new, or the command that created it was killed
            ledger._create_tables()
        return ledger

    @classmethod
    def read_only(cls, path: Path) -> Ledger:
        """The ledger in the file ``path``, for reading: also where nothing can be written.

        Raises LedgerError if it can't be used, or another version wrote it.
        """
        with _explained(path):
            connection = _connect_to_read(path)
        ledger = cls(connection, None)
        if ledger._version(path) == 0:
            ledger.close()
            raise LedgerError(f"{path}: not planned yet; run `cci-migrate batch plan` first")
        return ledger

    def _create_tables(self) -> None:
        self._connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} {write_record.SCHEMA} "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )

    def _version(self, path: Path) -> int:
        """The version that wrote the ledger, this one; 0 without tables. Raises LedgerError."""
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version in (0, SCHEMA_VERSION):
            return version
        self.close()
        raise LedgerError(
            f"{path}: written by another version of cci-migrate (ledger {version}, this "
            f"version reads {SCHEMA_VERSION}); plan the campaign again in another folder"
        )

    def close(self) -> None:
        """Close the database."""
        for record in self._writes:
            record.close()
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside together, or roll it all back if it raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # After an interrupt it may be closed, which rolls back as well.
            with suppress(sqlite3.ProgrammingError):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # -- settings and sources

    def setting(self, name: str, default: str = "") -> str:
        """The campaign's setting ``name``, or ``default``."""
        row = self._connection.execute(
            "SELECT value FROM settings WHERE name = ?", (name,)
        ).fetchone()
        return default if row is None else str(row[0])

    def set(self, settings: Mapping[str, str]) -> None:
        """Store ``settings``, each in place of its earlier value."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items()
            )

    def source(self, name: str) -> tuple[str, bool]:
        """How far the source ``name`` was listed: the next cursor, and whether it is complete."""
        row = self._connection.execute(
            "SELECT cursor, is_listed FROM sources WHERE name = ?", (name,)
        ).fetchone()
        return ("", False) if row is None else (str(row[0]), bool(row[1]))

    def sources(self) -> tuple[str, ...]:
        """The names of all sources, sorted."""
        rows = self._connection.execute("SELECT name FROM sources ORDER BY name")
        return tuple(row[0] for row in rows)

    @property
    def reported(self) -> str:
        """The results that have all entries as they are, as `report` names them; or empty."""
        return self.setting(_REPORTED)

    def report(self, results: str) -> None:
        """Record that ``results`` have all entries as they are, until one changes."""
        self.set({_REPORTED: results})

    def _change(self) -> None:
        """Within a transaction that changes entries: no results have them any more."""
        self._connection.execute("DELETE FROM settings WHERE name = ?", (_REPORTED,))

    def add(
        self, refs: Iterable[RepositoryRef], now: float, source: str = "", cursor: str = ""
    ) -> None:
        """Record a page of ``source``: its new repositories, and the next page's ``cursor``."""
        with self.transaction():
            self._change()
            self._connection.executemany(
                f"{_INSERT} ON CONFLICT (key) DO NOTHING",
                (_row_of(LedgerEntry(ref, State.LISTED, changed_at=now)) for ref in refs),
            )
            if source:
                self._connection.execute(
                    "INSERT OR REPLACE INTO sources VALUES (?, ?, ?)",
                    (source, cursor, not cursor),
                )
            if cursor:
                self._connection.execute(
                    "INSERT INTO cursors (source, cursor) VALUES (?, ?)", (source, cursor)
                )

    def take_cursors(self, source: str) -> tuple[str, ...]:
        """The cursors of the last listing of ``source`` in order; a new one begins."""
        with self.transaction():
            rows = self._connection.execute(
                "SELECT cursor FROM cursors WHERE source = ? ORDER BY id", (source,)
            ).fetchall()
            self._connection.execute("DELETE FROM cursors WHERE source = ?", (source,))
        return tuple(row[0] for row in rows)

    def forget_source(self, name: str) -> None:
        """Have the next run list the source ``name`` again."""
        with self.transaction():
            self._connection.execute("DELETE FROM sources WHERE name = ?", (name,))

    def forget_listing(self) -> None:
        """Have the next run list all sources again, and plan again what was not written."""
        marks = ", ".join("?" * len(WRITTEN))
        with self.transaction():
            self._change()
            self._connection.execute("DELETE FROM sources")
            self._connection.execute(
                f"UPDATE repositories SET state = ?, cause = '' WHERE state NOT IN ({marks})",  # noqa: S608
                (State.LISTED.value, *(state.value for state in WRITTEN)),
            )

    # -- repositories

    def record(self, entry: LedgerEntry) -> None:
        """Store ``entry``, in place of the earlier one of its repository."""
        row = _row_of(entry)
        if len(row[-1]) > MAX_RECORD_BYTES:
            cause = f"its findings take more than {MAX_RECORD_BYTES // 2**20} MB"
            row = _row_of(LedgerEntry(entry.ref, State.FAILED, cause, changed_at=entry.changed_at))
        with self.transaction():
            self._change()
            self._connection.execute(
                f"{_INSERT} ON CONFLICT (key) DO UPDATE SET state = excluded.state, "
                "cause = excluded.cause, is_canary = MAX(is_canary, excluded.is_canary), "
                "record = excluded.record",
                row,
            )

    def entry(self, key: str) -> LedgerEntry | None:
        """The entry of the repository with ``key``; None if there is none."""
        row = self._connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        return None if row is None else _entry(row)

    def entries_of(self, keys: Sequence[str]) -> dict[str, LedgerEntry]:
        """The entries of the repositories with ``keys``, by key, as far as there are any."""
        entries: dict[str, LedgerEntry] = {}
        for start in range(0, len(keys), _PAGE):
            page = keys[start : start + _PAGE]
            marks = ", ".join("?" * len(page))
            rows = self._connection.execute(f"{_SELECT} WHERE key IN ({marks})", page)
            entries.update({row["key"]: _entry(row) for row in rows})
        return entries

    def entries(self, states: Iterable[State] | None = None) -> Iterator[LedgerEntry]:
        """The entries in ``states`` (None: all), in the order in which they were listed.

        Reads a few at a time, by id: a large campaign is never in memory as a whole, and entries
        may be recorded meanwhile.
        """
        values = tuple(state.value for state in (State if states is None else states))
        marks = ", ".join("?" * len(values))
        # The plus keeps SQLite from the index by state, after which it would have to sort.
        query = f"{_SELECT} WHERE id > ? AND +state IN ({marks}) ORDER BY id LIMIT {_PAGE}"
        at = 0
        while rows := self._connection.execute(query, (at, *values)).fetchall():
            at = rows[-1]["id"]
            yield from map(_entry, rows)

    def canaries(self) -> list[LedgerEntry]:
        """The entries whose pull requests are the canary."""
        rows = self._connection.execute(f"{_SELECT} WHERE is_canary = 1 ORDER BY id")
        return [_entry(row) for row in rows]

    def counts(self) -> Counter[State]:
        """How many repositories are in each state. Raises LedgerError for a state that is unknown.

        Another version of the program may have written it.
        """
        rows = self._connection.execute("SELECT state, COUNT(*) FROM repositories GROUP BY state")
        try:
            return Counter({State(state): count for state, count in rows})
        except ValueError as error:
            raise LedgerError(f"can't read the ledger: {error}") from None

    # -- pace

    def write_record(self) -> WriteRecord:
        """The record of writes to hosts, which paces further ones; closed with the ledger.

        Threads that read record the pauses that hosts ask for, so it has its own connection.
        """
        path = self._path
        record = WriteRecord.in_memory() if path is None else WriteRecord.at(path)
        self._writes.append(record)
        return record

    def add_history(self, other: Ledger) -> None:
        """Add the sources and the writes that ``other`` has recorded."""
        sources = other._connection.execute("SELECT name, cursor, is_listed FROM sources")
        writes = other._connection.execute("SELECT lane, kind, at FROM writes")
        with self.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", [tuple(row) for row in sources]
            )
            self._connection.executemany(
                "INSERT INTO writes (lane, kind, at) SELECT ?1, ?2, ?3 WHERE NOT EXISTS "
                "(SELECT 1 FROM writes WHERE lane = ?1 AND kind = ?2 AND at = ?3)",
                [tuple(row) for row in writes],
            )


_RECORD = f"CASE WHEN length(record) <= {MAX_RECORD_BYTES} THEN record END AS record"
_SELECT = f"SELECT id, key, state, cause, is_canary, {_RECORD} FROM repositories"  # noqa: S608
_INSERT = "INSERT INTO repositories (key, state, cause, is_canary, record) VALUES (?, ?, ?, ?, ?)"
#: Fields of an entry with columns of their own, which the record leaves out.
_COLUMNS = ("state", "cause", "is_canary")
#: Rows read at a time.
_PAGE = 100
#: The setting that says which results have all entries as they are.
_REPORTED = "reported"


class _Connection(sqlite3.Connection):
    """A connection that takes text from file systems and hosts, not all of which is Unicode.

    SQLite rejects lone surrogates: a text with some is stored as a BLOB in the same encoding.
    """

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql, tuple(map(_stored, values)))

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
        return super().executemany(sql, [tuple(map(_stored, values)) for values in rows])


def _stored(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:
    return sqlite3.Row(cursor, tuple(map(_read, values)))


def _read(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return None  # not written by this tool
    return value


def _uri(path: Path, mode: str = "mode=rw") -> str:
    return f"{path.absolute().as_uri()}?{mode}"


def _connect(database: str, *settings: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, isolation_level=None, timeout=30.0, factory=_Connection, uri=True
    )
    connection.row_factory = _row
    try:
        for setting in (*settings, "user_version"):  # which is the first to read the file
            connection.execute(f"PRAGMA {setting}").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, even while another command writes.

    For that, SQLite has two files beside the database, which it creates unless another command has.
    Where it can't, nobody writes either: the database is read alone, if it is complete
    (https://sqlite.org/wal.html#read_only_databases).
    """
    try:
        return _connect(_uri(path), "query_only = ON")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise LedgerError(
                f"{path}: can't read the last changes, which are in {log.name}, in a read-only "
                "folder; make it writable, or copy it"
            ) from None
    try:
        return _connect(_uri(path, "immutable=1"))
    except sqlite3.OperationalError as error:
        raise LedgerError(f"{path}: can't be read ({error})") from None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raises LedgerError for a file that is no database."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # the disk is full, for instance
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{path}: not a campaign's ledger ({error})") from None


def _row_of(entry: LedgerEntry) -> tuple[str, str, str, bool, str]:
    """The columns of ``entry``: those that queries use, and the rest as a JSON record."""
    record = to_builtins(entry)
    for column in _COLUMNS:
        record.pop(column, None)
    return entry.ref.key, entry.state.value, entry.cause, entry.is_canary, json.dumps(record)


def _entry(row: sqlite3.Row) -> LedgerEntry:
    """The entry in ``row``. Raises LedgerError if no command of this version wrote it."""
    try:
        record = typed(parsed_json(typed(row["record"], str)), dict[str, object])
        record |= {column: row[column] for column in _COLUMNS}
        entry = typed({**record, "is_canary": row["is_canary"] == 1}, LedgerEntry)
    except JsonInputError as error:
        raise LedgerError(
            f"entry {row['id']} of the ledger can't be read ({error}); plan the campaign again in "
            "another folder"
        ) from None
    if entry.ref.key != row["key"]:
        raise LedgerError(f"entry {row['id']} of the ledger belongs to another repository")
    return entry
