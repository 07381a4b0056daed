"""The campaign's memory: an SQLite file in which every change of state is one transaction.

It remembers what was found, planned and written, so that a run can go on where another was
killed. It is not asked what a repository is like: the host is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from cci_migrate.bounds.json_input import JsonInputError, parsed_json, typed
from cci_migrate.campaign.campaign_files import diff_name
from cci_migrate.campaign.planning import FindingRecord, RegistryCount
from cci_migrate.campaign.states import State, Undoing
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.repository import FileHash, PullRequest, RepositoryRef
from cci_migrate.transport import write_record
from cci_migrate.transport.progress import Done
from cci_migrate.transport.write_record import WriteRecord

#: Raised with every change of the tables; a ledger of another version is refused.
SCHEMA_VERSION = 4

#: Bytes of what is kept of one repository, some hundred thousand findings: larger ones are neither
#: written nor, of a ledger of somebody else, read.
MOST_RECORDED = 32 * 2**20

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
    name TEXT PRIMARY KEY, cursor TEXT NOT NULL, is_listed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, cause TEXT NOT NULL, is_canary INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX repositories_by_state ON repositories (state);
CREATE INDEX canaries ON repositories (is_canary) WHERE is_canary = 1;
"""


class LedgerError(Exception):
    """The ledger cannot be used; the text says why and what to do."""


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the ledger knows of one repository."""

    ref: RepositoryRef
    state: State
    cause: str = ""
    head: str = ""
    digest: str = ""
    has_diff: bool = False
    files: tuple[FileHash, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    todos: tuple[str, ...] = ()
    pulls: tuple[RegistryCount, ...] = ()
    images: int = 0
    authenticated: int = 0
    branch: str = ""
    pull: PullRequest | None = None
    is_canary: bool = False
    changed_at: float = 0.0
    undoing: Undoing | None = None

    __repr__ = repr_without("findings")

    @property
    def diff(self) -> str:
        """The path of its diff within the campaign's folder, empty for none."""
        return diff_name(self.ref) if self.has_diff else ""

    @property
    def done(self) -> Done:
        """What a progress display shows of it."""
        url = self.pull.url if self.pull else None
        return Done(self.ref.key, self.ref.label, self.state.value, self.cause, url)


class Ledger:
    """An open ledger. Used by one thread; a campaign's lock keeps other processes out."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def create(cls, path: Path | None) -> Ledger:
        """A new ledger at ``path``, or in memory."""
        connection = _connect(":memory:" if path is None else str(path))
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} {write_record.SCHEMA} "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """The ledger at ``path``. Raises LedgerError if it is none, or of another version."""
        connection = _connect(str(path))
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            connection.close()
            raise LedgerError(f"{path}: not a campaign's ledger ({error})") from None
        if version == SCHEMA_VERSION:
            return cls(connection)
        connection.close()
        if version == 0:  # created, and killed before its tables were
            path.unlink()
            return cls.create(path)
        raise LedgerError(
            f"{path}: written by another version of cci-migrate (ledger {version}, this one "
            f"reads {SCHEMA_VERSION}); plan the campaign anew in another folder"
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is remembered, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # -- settings and sources

    def setting(self, name: str, default: str = "") -> str:
        """A setting of the campaign."""
        row = self._connection.execute(
            "SELECT value FROM settings WHERE name = ?", (name,)
        ).fetchone()
        return default if row is None else str(row[0])

    def set(self, settings: Mapping[str, str]) -> None:
        """Remember ``settings``."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items()
            )

    def source(self, name: str) -> tuple[str, bool]:
        """How far a source was listed: the cursor to go on from, and whether that is the end."""
        row = self._connection.execute(
            "SELECT cursor, is_listed FROM sources WHERE name = ?", (name,)
        ).fetchone()
        return ("", False) if row is None else (str(row[0]), bool(row[1]))

    def sources(self) -> tuple[str, ...]:
        """The names of all sources."""
        rows = self._connection.execute("SELECT name FROM sources ORDER BY name")
        return tuple(row[0] for row in rows)

    def add(
        self, refs: Iterable[RepositoryRef], now: float, source: str = "", cursor: str = ""
    ) -> None:
        """Remember a page of ``source``: its repositories, and that the page was read."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO repositories (key, state, cause, is_canary, record) "
                "VALUES (?, ?, ?, ?, ?)",
                (_row_of(Entry(ref, State.LISTED, changed_at=now)) for ref in refs),
            )
            if source:
                self._connection.execute(
                    "INSERT OR REPLACE INTO sources VALUES (?, ?, ?)",
                    (source, cursor, not cursor),
                )

    def forget_listing(self) -> None:
        """Have the sources listed, and what was not written looked at, again."""
        keep = (State.CHANGED, State.CLOSED, State.REVERTED, State.APPLYING)
        marks = ", ".join("?" * len(keep))
        with self.transaction():
            self._connection.execute("DELETE FROM sources")
            self._connection.execute(
                f"UPDATE repositories SET state = ?, cause = '' WHERE state NOT IN ({marks})",  # noqa: S608
                (State.LISTED.value, *(state.value for state in keep)),
            )

    # -- repositories

    def record(self, entry: Entry) -> None:
        """Remember ``entry`` in place of what was known of its repository."""
        row = _row_of(entry)
        if len(row[-1]) > MOST_RECORDED:
            cause = f"what is found in it takes more than {MOST_RECORDED // 2**20} MB"
            row = _row_of(Entry(entry.ref, State.FAILED, cause, changed_at=entry.changed_at))
        with self.transaction():
            self._connection.execute(
                "INSERT INTO repositories (key, state, cause, is_canary, record) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state, "
                "cause = excluded.cause, is_canary = MAX(is_canary, excluded.is_canary), "
                "record = excluded.record",
                row,
            )

    def entry(self, key: str) -> Entry | None:
        """What is known of the repository with this key."""
        row = self._connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        return None if row is None else _entry(row)

    def entries(self, states: Iterable[State] | None = None) -> Iterator[Entry]:
        """Everything known, in the order found; of ``states`` only, if given.

        A few at a time, by id, so that a large campaign is never held in memory and rows may be
        changed meanwhile.
        """
        values = tuple(state.value for state in (State if states is None else states))
        marks = ", ".join("?" * len(values))
        # The plus keeps SQLite from the index by state, after which it would have to sort.
        query = f"{_SELECT} WHERE id > ? AND +state IN ({marks}) ORDER BY id LIMIT {_PAGE}"
        at = 0
        while rows := self._connection.execute(query, (at, *values)).fetchall():
            at = rows[-1]["id"]
            yield from map(_entry, rows)

    def canaries(self) -> list[Entry]:
        """The repositories whose pull requests are the canary."""
        rows = self._connection.execute(f"{_SELECT} WHERE is_canary = 1 ORDER BY id")
        return [_entry(row) for row in rows]

    def counts(self) -> Counter[State]:
        """How many repositories are in each state."""
        rows = self._connection.execute("SELECT state, COUNT(*) FROM repositories GROUP BY state")
        try:
            return Counter({State(state): count for state, count in rows})
        except ValueError as error:
            raise LedgerError(f"the ledger cannot be read: {error}") from None

    # -- pace

    @property
    def writes(self) -> WriteRecord:
        """When the hosts were written to."""
        return WriteRecord(self._connection)

    def add_history(self, other: Ledger) -> None:
        """Take over the sources and the writes that ``other`` remembers."""
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


_RECORD = f"CASE WHEN length(record) <= {MOST_RECORDED} THEN record END AS record"
_SELECT = f"SELECT id, key, state, cause, is_canary, {_RECORD} FROM repositories"  # noqa: S608
#: What of an entry has a column of its own, and is not in the record.
_COLUMNS = ("state", "cause", "is_canary")
#: Rows read at a time.
_PAGE = 100


class _Connection(sqlite3.Connection):
    """A connection for text as file systems and hosts have it: not all of it is Unicode.

    SQLite takes no lone surrogates. A text with such is kept as a BLOB of the same encoding.
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
            return None  # nothing of ours
    return value


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30.0, factory=_Connection)
    connection.row_factory = _row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise LedgerError(f"{path}: not a campaign's ledger ({error})") from None
    return connection


def _row_of(entry: Entry) -> tuple[str, str, str, bool, str]:
    """What is kept of ``entry``: what rows are chosen by and changed in, and all the rest."""
    record = to_builtins(entry)
    for column in _COLUMNS:
        record.pop(column, None)
    return entry.ref.key, entry.state.value, entry.cause, entry.is_canary, json.dumps(record)


def _entry(row: sqlite3.Row) -> Entry:
    """The entry in ``row``. Raises LedgerError for what no command of ours wrote."""
    try:
        record = typed(parsed_json(typed(row["record"], str)), dict[str, object])
        record |= {column: row[column] for column in _COLUMNS}
        entry = typed({**record, "is_canary": row["is_canary"] == 1}, Entry)
    except JsonInputError as error:
        raise LedgerError(
            f"entry {row['id']} of the ledger cannot be read ({error}); plan the campaign anew in "
            "another folder"
        ) from None
    if entry.ref.key != row["key"]:
        raise LedgerError(f"entry {row['id']} of the ledger is of another repository than its key")
    return entry
