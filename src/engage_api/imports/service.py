"""An import from its first line to its last: read, compare, write what differs, a little at a time.

There is nothing to keep between two runs. Whatever a run was stopped by, the next one compares the file with what is
there and goes on where something is missing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import NamedTuple

from engage_api.core.principal import Principal
from engage_api.core.problem import AlreadyExists, Changed
from engage_api.db.engine import Database
from engage_api.db.errors import Conflict, Unavailable
from engage_api.imports.cases.lines import CaseLines
from engage_api.imports.customers import CustomerLines
from engage_api.imports.mapping import Mapping
from engage_api.imports.models import Refusal, Result, Row, Unit
from engage_api.imports.readers.csv import Table
from engage_api.imports.report import Report
from engage_api.imports.seen import Seen


class Pace(NamedTuple):
    """How many transactions there are at once, and after how many seconds one takes nothing more."""

    lanes: int
    hold: float


# SQLite has one writer, and a service wants it too; PostgreSQL spends the time on the way to and fro.
PACES = {"sqlite": Pace(1, 0.025), "postgresql": Pace(4, 0.5)}
KINDS = {"cases": ("case", "task"), "customers": ("customer",)}
ROWS = 200  # lines that are looked up together
REST = 0.002  # seconds between two transactions, in which other processes get their turn
TRIES = 4
WAIT = 0.2  # seconds after a failure of the database; twice as long after each further one
IN_THE_WAY = Refusal("conflict", "Something in the database is in the way of it.")


class Import:
    """One run through a file. `report` tells how far it has come, at any time."""

    def __init__(self, mapping: Mapping, table: Table, report: Report) -> None:
        self._mapping = mapping
        self._table = table
        self._report = report

    async def run(self, db: Database, who: Principal, progress: Callable[[], None] = lambda: None) -> None:
        """Import the file; `progress` is called now and then.

        Raises:
            Misuse: the file lacks a column that the mapping needs; nothing was imported.
            Unavailable: the database did not answer, also not after a while. What was written until then stays.
        """
        seen = Seen()
        try:
            kind = CaseLines if self._mapping.of == "cases" else CustomerLines
            lines = kind(self._mapping, self._table.header, seen, self._report)
            writer = Writer(db, who, self._report)
            records = iter(self._table)
            while chunk := list(islice(records, ROWS)):
                await writer.take(lines.units(self._readable(chunk), more=True))
                progress()
            await writer.take(lines.units((), more=False))
        finally:
            seen.close()

    def _readable(self, chunk: Iterable[tuple[Row, Refusal | None]]) -> Iterator[Row]:
        for row, refusal in chunk:
            self._report.lines += 1
            if refusal is None:
                yield row
            else:
                self._report.refuse(row.line, [refusal])


class Writer:
    """Brings the database to what some lines say."""

    def __init__(self, db: Database, who: Principal, report: Report) -> None:
        self._db = db
        self._who = who
        self._report = report
        self._pace = PACES[db.dialect]

    async def take(self, units: Sequence[Unit]) -> None:
        """Compare, then write what differs; most of a file that was imported before needs no transaction at all."""
        waiting: list[Unit] = []
        for unit, result in zip(units, await self._look(units), strict=True):
            if result is None:
                waiting.append(unit)
            else:
                self._report.add(result)
        lanes = [deque(waiting[at :: self._pace.lanes]) for at in range(self._pace.lanes)]
        ended = await asyncio.gather(*map(self._write, lanes), return_exceptions=True)  # none goes on behind a failure
        for failure in filter(None, ended):
            raise failure

    async def _look(self, units: Iterable[Unit]) -> list[Result | None]:
        return await asyncio.gather(*(unit.look(self._db, self._who) for unit in units))

    async def _write(self, waiting: deque[Unit]) -> None:
        """Write as many at once as time allows. After a failure one alone, so that the one at fault is known."""
        failures = 0
        while waiting:
            try:
                results = await self._transaction(waiting, 1 if failures else len(waiting))
            except (AlreadyExists, Changed, Conflict):  # somebody else was faster: see what there is now
                failures += 1
                if failures == TRIES:
                    self._report.add(waiting.popleft().refuse(IN_THE_WAY))
                    failures = 0
                await self._look(waiting)
            except Unavailable:
                failures += 1
                if failures == TRIES:
                    raise
                await asyncio.sleep(WAIT * 2 ** (failures - 1))
            else:
                failures = 0
                for result in results:
                    waiting.popleft()
                    self._report.add(result)
                await asyncio.sleep(REST)

    async def _transaction(self, waiting: Iterable[Unit], most: int) -> list[Result]:
        results: list[Result] = []
        async with self._db.write(self._who.workspace) as tx:
            until = monotonic() + self._pace.hold
            for unit in islice(waiting, most):
                results.append(await unit.apply(tx, self._who))
                if monotonic() > until:
                    break
        return results
