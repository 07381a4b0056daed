"""When a host was written to, and how long it asked for silence: what a pace is kept by.

A campaign's ledger has one, which goes wherever the campaign goes. Beside it there is one for each
host on the machine, which all campaigns of one user there share.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import platformdirs

SCHEMA = """
CREATE TABLE IF NOT EXISTS writes (
    id INTEGER PRIMARY KEY, lane TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS writes_by_time ON writes (lane, at);
CREATE TABLE IF NOT EXISTS lanes (name TEXT PRIMARY KEY, not_before REAL NOT NULL) WITHOUT ROWID;
"""


class WriteRecord:
    """The writes on every lane that one SQLite database remembers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def of_machine(cls, host: str, since: float) -> WriteRecord:
        """What all campaigns of this user on this machine did to ``host``; nothing older is kept.

        Raises OSError where nothing can be kept.
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
    def in_memory(cls) -> WriteRecord:
        """A new one, which ends with the process."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(SCHEMA)
        return cls(connection)

    @classmethod
    def there(cls, host: str) -> WriteRecord | None:
        """The same, to read; None if there was no write yet."""
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

    def since(self, lane: str, kind: str, since: float) -> list[float]:
        """The times of the writes of ``kind`` ("": any) on ``lane`` after ``since``, sorted."""
        rows = self._connection.execute(
            "SELECT at FROM writes WHERE lane = ? AND at > ? AND (? = '' OR kind = ?) ORDER BY at",
            (lane, since, kind, kind),
        )
        return [row[0] for row in rows]

    def add(self, lane: str, kind: str, at: float) -> None:
        """Remember that a write is about to be sent."""
        self._connection.execute(
            "INSERT INTO writes (lane, kind, at) VALUES (?, ?, ?)", (lane, kind, at)
        )

    def not_before(self, lane: str) -> float:
        """When the host will hear us again on ``lane``; 0: it never said."""
        row = self._connection.execute(
            "SELECT not_before FROM lanes WHERE name = ?", (lane,)
        ).fetchone()
        return 0.0 if row is None else float(row[0])

    def hold(self, lane: str, until: float) -> None:
        """Remember that the host asked for silence until then."""
        self._connection.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?)", (lane, until))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=30.0)


def state_path(host: str, suffix: str) -> Path:
    """A file of this user on this machine about ``host``."""
    name = re.sub(r"[^\w.\-]", "_", host) + suffix
    return platformdirs.user_state_path("cci-migrate", appauthor=False) / name
