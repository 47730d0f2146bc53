"""What a file has said so far about each id: kept on disk, so a long file needs no more memory than a short one."""

import sqlite3
from typing import NamedTuple


class Earlier(NamedTuple):
    """A line that spoke of the same id before, and whether it said the same."""

    line: int
    same: bool


class Seen:
    """An index that lives as long as the import. Closing it removes it."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a file of its own without a name
        for statement in (
            "PRAGMA journal_mode=OFF",
            "CREATE TABLE seen (kind TEXT, id TEXT, said BLOB, line INTEGER, PRIMARY KEY (kind, id)) WITHOUT ROWID",
            "BEGIN",
        ):
            self._db.execute(statement)

    def note(self, kind: str, external_id: str, said: bytes, line: int) -> Earlier | None:
        """Write down what a line says about an id. The line that spoke first, or None when this is the first."""
        added = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", (kind, external_id, said, line))
        if added.rowcount:
            return None
        question = "SELECT line, said FROM seen WHERE kind = ? AND id = ?"
        first, before = self._db.execute(question, (kind, external_id)).fetchone()
        return Earlier(first, before == said)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
