"""What a batch leaves, as few statements."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from time import monotonic
from typing import Any, Generic, TypeVar

from sqlalchemy import Table
from sqlmodel import SQLModel

from engage_api.db import log, search, store, terms
from engage_api.db.engine import Dialect, Transaction
from engage_api.db.kind import Kind, P
from engage_api.db.sql import Query
from engage_api.db.store import Stored

T = TypeVar("T")
CHANGING = ("version", "updated_at", "rendered", "document")
AT_ONCE: dict[Dialect, int] = {"sqlite": 50, "postgresql": 500}
"""Rows of one statement: SQLite halts everybody for some 100 µs each, to PostgreSQL each statement is a journey."""
BREATH = 0.005  # seconds between two looks at the loop


@dataclass(slots=True)
class Row(Generic[P]):
    """A resource that waits to be written: as it was in the database (None: not there), and as it is now."""

    kind: Kind[P]
    was: P | None
    now: Stored[P]
    values: dict[str, Any]

    def changed(self, was: P) -> tuple[str, ...]:
        """The columns that have another value now: SQLite writes each index anew that has a column which is written,
        whatever its value.
        """
        before = self.kind.columns(was)
        return (*CHANGING, *(name for name, value in before.items() if self.values[name] != value))

    def replaced(self, was: P) -> dict[str, Any]:
        """What `store.replacement` takes."""
        return self.values | {"at_workspace": self.values["workspace_id"], "at_id": was.id, "at_version": was.version}


@dataclass(slots=True)
class Writing:
    """Writes to one workspace, in one transaction after the other."""

    workspace: str
    _words: dict[str, dict[str, Any]] = field(default_factory=dict)
    _breath: float = 0.0

    async def write(self, tx: Transaction, rows: list[Row[Any]], lines: list[dict[str, Any]]) -> None:
        """Rows before those that refer to them, then what they are found by, then the log."""
        kinds = sorted({row.kind.name: row.kind for row in rows}.values(), key=lambda kind: _places()[kind.table])
        for kind in kinds:
            new = [row.values for row in rows if row.kind is kind and row.was is None]
            await self._write(tx, store.insertion(kind), new)
        for kind in kinds:
            changed: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for row in rows:
                if row.kind is kind and row.was is not None:
                    changed.setdefault(row.changed(row.was), []).append(row.replaced(row.was))
            for names, several in changed.items():
                await self._write(tx, store.replacement(kind, names), several)
        await self._index(tx, rows)
        for some in _portions(tx, lines):
            await log.write(tx, self.workspace, some)
            await self._breathe()

    async def say(self, tx: Transaction) -> None:
        """Write by what words all of it is found, in the order of their numbers: FTS5 writes a part of its index
        whenever a number is less than the one before, and merges those parts again and again.
        """
        words = sorted(self._words.values(), key=itemgetter("number"))
        self._words = {}
        if tx.dialect == "postgresql":
            await self._write(tx, search.PUT, words)
            return
        for values in words:
            await tx.late(search.PUT, **values)

    async def _write(self, tx: Transaction, query: Query, several: list[dict[str, Any]]) -> None:
        for some in _portions(tx, several):
            await tx.many(query, some)
            await self._breathe()

    async def _breathe(self) -> None:
        """Let others have the loop, if they have waited for a while."""
        if monotonic() > self._breath + BREATH:
            await asyncio.sleep(0)
            self._breath = monotonic()

    async def _index(self, tx: Transaction, rows: list[Row[Any]]) -> None:
        gone, new = [], []
        for row in rows:
            before = row.kind.all_terms(row.was) if row.was is not None else set()
            after = row.kind.all_terms(row.now.model)
            if before != after:
                same = {"workspace_id": self.workspace, "resource_id": row.now.model.id}
                same["created_at"] = row.now.model.created_at
                gone += [{**same, "term": term} for term in sorted(before - after)]
                new += [{**same, "term": term} for term in sorted(after - before)]
            self._hear(row)
            await self._breathe()
        await self._write(tx, terms.DROP, gone)
        await self._write(tx, terms.ADD_ONE, new)

    def _hear(self, row: Row[Any]) -> None:
        said = sorted(row.kind.words(row.now.model))
        if said != (sorted(row.kind.words(row.was)) if row.was is not None else []):
            row_id = row.now.model.id
            self._words[row_id] = search.parameters(self.workspace, row.kind.name, row_id, said)


def _portions(tx: Transaction, several: list[T]) -> Iterator[list[T]]:
    at_once = AT_ONCE[tx.dialect]
    return (several[at : at + at_once] for at in range(0, len(several), at_once))


@lru_cache(maxsize=1)
def _places() -> dict[Table, int]:
    """Tables in an order in which each refers only to earlier ones."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables)}
