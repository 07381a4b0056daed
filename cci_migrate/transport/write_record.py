"""Records when a host was written to, and the pauses that it asked for, to limit the pace.

A campaign's ledger has a record, which moves with the campaign. In addition there is one for each
host on the machine, shared by all campaigns of one user.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import platformdirs

from cci_migrate.transport.write_kinds import WriteKind

SCHEMA = """
CREATE TABLE IF NOT EXISTS writes (
    id INTEGER PRIMARY KEY, lane TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS writes_by_time ON writes (lane, at);
CREATE TABLE IF NOT EXISTS lanes (name TEXT PRIMARY KEY, not_before REAL NOT NULL) WITHOUT ROWID;
"""


class WriteRecord:
    """The writes on all lanes in one SQLite database.

    It has a connection of its own, which several threads may use, one at a time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def shared(cls, host: str, since: float) -> WriteRecord:
        """The record for ``host`` of this user on this machine, created if missing.

        Writes before ``since`` are deleted. Raises OSError if the record can't be opened.
        """
        path = state_path(host, ".sqlite")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = _connect(path)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from None
        try:
            connection.executescript(SCHEMA)
            connection.execute("DELETE FROM writes WHERE at < ?", (since,))
        except sqlite3.Error as error:
            connection.close()
            raise OSError(f"{path}: {error}") from None
        return cls(connection)

    @classmethod
    def at(cls, path: Path) -> WriteRecord:
        """The record in the database at ``path``, which has its tables."""
        return cls(_connect(path))

    @classmethod
    def in_memory(cls) -> WriteRecord:
        """A new record that ends with the process."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.executescript(SCHEMA)
        return cls(connection)

    @classmethod
    def shared_if_exists(cls, host: str) -> WriteRecord | None:
        """The `shared` record for ``host`` as it is; None if it doesn't exist or can't be read."""
        path = state_path(host, ".sqlite")
        try:
            if not path.is_file():
                return None
            connection = _connect(path)
        except (OSError, sqlite3.Error):
            return None
        try:
            connection.execute("SELECT 1 FROM writes, lanes LIMIT 1")
        except sqlite3.Error:
            connection.close()
            return None
        return cls(connection)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def since(self, lane: str, kind: WriteKind | None, since: float) -> list[float]:
        """The times of writes of ``kind`` (None: any) on ``lane`` after ``since``, sorted."""
        value = "" if kind is None else kind.value
        rows = self._connection.execute(
            "SELECT at FROM writes WHERE lane = ? AND at > ? AND (? = '' OR kind = ?) ORDER BY at",
            (lane, since, value, value),
        )
        return [row[0] for row in rows]

    def add(self, lane: str, kind: WriteKind, at: float) -> None:
        """Record a write that is about to be sent."""
        self._connection.execute(
            "INSERT INTO writes (lane, kind, at) VALUES (?, ?, ?)", (lane, kind.value, at)
        )

    def not_before(self, lane: str) -> float:
        """The end of the last pause that the host asked for on ``lane``; 0 if it never did."""
        row = self._connection.execute(
            "SELECT not_before FROM lanes WHERE name = ?", (lane,)
        ).fetchone()
        return 0.0 if row is None else float(row[0])

    def pause_until(self, lane: str, until: float) -> None:
        """Record that the host asked for a pause until ``until``, or for a longer one before."""
        until = max(until, self.not_before(lane))
        self._connection.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?)", (lane, until))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)


def state_path(host: str, suffix: str) -> Path:
    """The path of this user's state file about ``host`` on this machine."""
    name = re.sub(r"[^\w.\-]", "_", host) + suffix
    return platformdirs.user_state_path("cci-migrate", appauthor=False) / name
