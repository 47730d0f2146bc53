"""Many writes as few: what would be written one by one waits, and goes to the database together."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from engage_api.db.batch_writing import Row, Writing
from engage_api.db.engine import Dialect, Transaction
from engage_api.db.kind import Equal, Kind, P
from engage_api.db.pulse import Topic
from engage_api.db.row import CounterRow, EventRow, SearchRow, TermRow
from engage_api.db.sql import Query
from engage_api.db.store import Stored

REMEMBERED = 8_000  # resources of a kind that are found again without a look into the database
BETWEEN = b"\n"
ALWAYS = {row.__tablename__ for row in (EventRow, CounterRow, TermRow, SearchRow)}  # lack something whatever waits


class Batch:
    """A transaction for whoever writes much and is alone in a workspace: it fills a sandbox. Used for one transaction
    after the other, each `within` it.

    The funnel leaves resources and events here, and finds again what it wrote. `flush` writes the same rows as would
    have been written without it, a statement for each kind; a statement of somebody else that could ask for any of
    them comes after one, and so sees all. A constraint refuses then, and as Conflict.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self._under: Transaction | None = None
        self._rows: dict[str, Row[Any]] = {}
        self._lines: list[dict[str, Any]] = []
        self._lacking: set[str] = set()  # tables without what waits
        self._writing = Writing(workspace)
        self._found: dict[str, dict[str, bytes]] = {}
        self._made: dict[str, bool] = {}  # a set of so many would halt Python to look for what has ended

    @asynccontextmanager
    async def within(self, tx: Transaction) -> "AsyncIterator[Batch]":
        """Write in this transaction, and be done with it at the end. After an exception it is of no use any more."""
        self._under = tx
        yield self
        await self.flush()
        await self._writing.say(tx)
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
        self._rows[row_id] = Row(kind, before, now, values)
        self._lacking.add(kind.table.name)
        found = self._found.setdefault(kind.name, {})
        found.pop(row_id, None)  # what was written last is forgotten last
        found[row_id] = now.made_by.encode() + BETWEEN + now.document  # many objects would halt Python to collect them
        self._made[row_id] = True

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

    async def has_any(self, kind: Kind[Any], filters: Mapping[str, Any]) -> bool:
        """Whether such a resource waits. If not, `stored` knows of all that there are."""
        rules = {name: kind.filters.get(name) for name in filters}
        columns = {rule.column: filters[name] for name, rule in rules.items() if isinstance(rule, Equal)}
        left = len(columns) < len(filters)
        for row in self._rows.values():
            if row.kind is kind and not left:
                if columns.items() <= row.values.items():
                    return True
                left = row.was is not None and columns.items() <= kind.columns(row.was).items()
        if left:
            await self.flush()
        return False

    # ── the transaction ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def stored(self) -> Transaction:
        """The transaction itself, for whoever asks only for what does not wait."""
        if self._under is None:
            raise RuntimeError("the batch is in no transaction")
        return self._under

    @property
    def dialect(self) -> Dialect:
        return self.stored.dialect

    @property
    def wall(self) -> str | None:
        return self.stored.wall

    @property
    def in_the_way(self) -> bool:
        return self.stored.in_the_way

    @property
    def failure(self) -> BaseException | None:
        return self.stored.failure

    async def fetch(self, query: Query, /, **values: Any) -> list[Any]:
        await self._flush_for(query)
        return await self.stored.fetch(query, **values)

    async def one(self, query: Query, /, **values: Any) -> Any:
        await self._flush_for(query)
        return await self.stored.one(query, **values)

    async def run(self, query: Query, /, **values: Any) -> int:
        await self._flush_for(query)
        return await self.stored.run(query, **values)

    async def many(self, query: Query, several: Iterable[dict[str, Any]], /) -> None:
        await self.flush()
        await self.stored.many(query, several)

    async def late(self, query: Query, /, **values: Any) -> None:
        await self.flush()
        await self._writing.say(self.stored)
        await self.stored.late(query, **values)

    async def ring(self, topic: Topic) -> None:
        await self.stored.ring(topic)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _flush_for(self, query: Query) -> None:
        """Write what waits, if this statement could ask for any of it."""
        if query.looks_at is None or not query.looks_at.isdisjoint(self._lacking | ALWAYS):
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        if not self._lines:
            return
        rows, lines = list(self._rows.values()), self._lines
        self._rows, self._lines, self._lacking = {}, [], set()
        await self._writing.write(self.stored, rows, lines)
