"""Many writes as few: what would be written one by one waits, and goes to the database together."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from time import monotonic
from typing import Any, Generic

from sqlalchemy import Table
from sqlmodel import SQLModel

from engage_api.db import log, search, store, terms
from engage_api.db.engine import Dialect, Transaction
from engage_api.db.kind import Kind, P
from engage_api.db.pulse import Topic
from engage_api.db.sql import Query
from engage_api.db.store import Stored

REMEMBERED = 8_000  # resources of a kind that are found again without a look into the database
BETWEEN = b"\n"
CHANGING = ("version", "updated_at", "rendered", "document")
AT_ONCE = 50  # rows of one statement, some 100 µs each
BREATH = 0.005  # seconds between two looks at the loop


@dataclass(slots=True)
class _Row(Generic[P]):
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
class Batch:
    """A transaction for whoever writes much and is alone in a workspace: it fills a sandbox. Used for one transaction
    after the other, each `within` it.

    The funnel leaves resources and events here, and finds again what it wrote. `flush` writes the same rows as would
    have been written without it, a statement for each kind; every statement of somebody else comes after one, and so
    sees all. A constraint refuses then, and as Conflict.
    """

    workspace: str
    _under: Transaction | None = None
    _rows: dict[str, _Row[Any]] = field(default_factory=dict)
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _words: dict[str, dict[str, Any]] = field(default_factory=dict)
    _breath: float = 0.0
    _found: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def within(self, tx: Transaction) -> "AsyncIterator[Batch]":
        """Write in this transaction, and be done with it at the end. After an exception it is of no use any more."""
        self._under = tx
        yield self
        await self.flush()
        await self._say()
        self._under = None
        for found in self._found.values():
            while len(found) > REMEMBERED:
                del found[next(iter(found))]

    # ── what the funnel leaves here ──────────────────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> "Batch":
        return self

    def put(self, kind: Kind[P], was: Stored[P] | None, now: Stored[P], values: dict[str, Any]) -> None:
        """A resource is new, or as it is now."""
        row_id = now.model.id
        waits = self._rows.get(row_id)
        before = waits.was if waits is not None else (was.model if was is not None else None)
        self._rows[row_id] = _Row(kind, before, now, values)
        found = self._found.setdefault(kind.name, {})
        found.pop(row_id, None)  # what was written last is forgotten last
        found[row_id] = now.made_by.encode() + BETWEEN + now.document  # many objects would halt Python to collect them
        self._made.add(row_id)

    def tell(self, line: dict[str, Any]) -> None:
        """A line of the log."""
        self._lines.append(line)

    def find(self, kind: Kind[P], row_id: str) -> Stored[P] | None:
        """A resource that was written not long ago."""
        if (waits := self._rows.get(row_id)) is not None:
            return waits.now
        found = self._found.get(kind.name, {}).get(row_id)
        if found is None:
            return None
        made_by, _, document = found.partition(BETWEEN)
        return Stored(kind.read(document), document, made_by.decode())

    def knows(self, row_id: str) -> bool:
        """Whether a resource was written here at some time. Nothing that was is deleted."""
        return row_id in self._made

    # ── the transaction ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _tx(self) -> Transaction:
        if self._under is None:
            raise RuntimeError("the batch is in no transaction")
        return self._under

    @property
    def dialect(self) -> Dialect:
        return self._tx.dialect

    @property
    def wall(self) -> str | None:
        return self._tx.wall

    @property
    def failure(self) -> BaseException | None:
        return self._tx.failure

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]:
        await self.flush()
        return await self._tx.fetch(query, **values)

    async def one(self, query: Query, /, **values: Any) -> Any:
        await self.flush()
        return await self._tx.one(query, **values)

    async def run(self, query: Query, /, **values: Any) -> int:
        await self.flush()
        return await self._tx.run(query, **values)

    async def many(self, query: Query, several: Iterable[dict[str, Any]], /) -> None:
        await self.flush()
        await self._tx.many(query, several)

    async def late(self, query: Query, /, **values: Any) -> None:
        await self.flush()
        await self._say()
        await self._tx.late(query, **values)

    async def ring(self, topic: Topic) -> None:
        await self._tx.ring(topic)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def flush(self) -> None:
        """Write what waits: rows before those that refer to them, then what they are found by, then the log."""
        if not self._lines:
            return
        rows, lines = list(self._rows.values()), self._lines
        self._rows, self._lines = {}, []
        kinds = sorted({row.kind.name: row.kind for row in rows}.values(), key=lambda kind: _places()[kind.table])
        for kind in kinds:
            new = [row.values for row in rows if row.kind is kind and row.was is None]
            if new:
                await self._write(store.insertion(kind), new)
        for kind in kinds:
            changed: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for row in rows:
                if row.kind is kind and row.was is not None:
                    changed.setdefault(row.changed(row.was), []).append(row.replaced(row.was))
            for names, several in changed.items():
                await self._write(store.replacement(kind, names), several)
        await self._index(rows)
        for at in range(0, len(lines), AT_ONCE):
            await log.write(self._tx, self.workspace, lines[at : at + AT_ONCE])
            await self._breathe()

    async def _write(self, query: Query, several: list[dict[str, Any]]) -> None:
        for at in range(0, len(several), AT_ONCE):
            await self._tx.many(query, several[at : at + AT_ONCE])
            await self._breathe()

    async def _breathe(self) -> None:
        """Let others have the loop, if they have waited for a while."""
        if monotonic() > self._breath + BREATH:
            await asyncio.sleep(0)
            self._breath = monotonic()

    async def _index(self, rows: list[_Row[Any]]) -> None:
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
        if gone:
            await self._write(terms.DROP, gone)
        if new:
            await self._write(terms.ADD_ONE, new)

    def _hear(self, row: _Row[Any]) -> None:
        said = sorted(row.kind.words(row.now.model))
        if said != (sorted(row.kind.words(row.was)) if row.was is not None else []):
            row_id = row.now.model.id
            self._words[row_id] = search.parameters(self.workspace, row.kind.name, row_id, said)

    async def _say(self) -> None:
        """Write by what words all of it is found, in the order of their numbers: FTS5 writes a part of its index
        whenever a number is less than the one before, and merges those parts again and again.
        """
        words = sorted(self._words.values(), key=itemgetter("number"))
        self._words = {}
        if self.dialect == "postgresql":
            await self._write(search.PUT, words)
            return
        for values in words:
            await self._tx.late(search.PUT, **values)


@lru_cache(maxsize=1)
def _places() -> dict[Table, int]:
    """Tables in an order in which each refers only to earlier ones."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables)}
