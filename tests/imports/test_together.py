"""An import is not alone: other imports of the same file, callers, a service on the same SQLite file, a database that
goes away for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest

from engage_api.cases import service
from engage_api.cases.models import CaseCreate
from engage_api.customers import service as customers
from engage_api.customers.models import CustomerCreate
from engage_api.db import Conflict, Unavailable, open_database
from engage_api.imports.cases.unit import CaseUnit
from engage_api.imports.service import PACES, TRIES
from tests.counts import Count
from tests.imports.harness import World, codes, created, nothing_done, sheet

MORE = [f"T{n // 4},site,2026-03-01 09:00,,red,S{n},Step {n},Ann,2026-03-01T10:00:00Z" for n in range(1200)]
MANY = MORE[:400]
Step = Callable[[CaseUnit], Awaitable[None]]
Around = Callable[..., None]


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Around:
    """`around("apply", before=…)`: something that happens before a case is written, or `after` it was looked at."""

    async def nothing(_: CaseUnit) -> None: ...

    def install(method: str, *, before: Step = nothing, after: Step = nothing) -> None:
        original = getattr(CaseUnit, method)

        async def disturbed(unit: CaseUnit, *given: Any) -> Any:
            await before(unit)
            found = await original(unit, *given)
            await after(unit)
            return found

        monkeypatch.setattr(CaseUnit, method, disturbed)

    return install


async def test_several_imports_of_one_file_at_once(world: World, database_url: str) -> None:
    """Each thing is made once, by whichever of them comes first; nobody refuses a line."""
    others = [World(await open_database(database_url), world.who, world.folder) for _ in range(2)]
    try:
        reports = await asyncio.gather(*(one.take(sheet(*MANY)) for one in (world, *others)))
    finally:
        for other in others:
            await other.db.close()
    assert [report.refused for report in reports] == [0, 0, 0]
    assert sum(report.counts["task"]["created"] for report in reports) == len(MANY)
    assert sum(report.counts["case"]["created"] for report in reports) == len(MANY) // 4
    told = await world.told()
    assert (told.count("case.created"), told.count("task.created")) == (len(MANY) // 4, len(MANY))
    assert set(told) == {"case.created", "task.created"}
    assert nothing_done(await world.take(sheet(*MANY)))


async def test_a_caller_who_is_faster(world: World, around: Around) -> None:
    """The case is made by somebody else after the import has looked for it."""
    made: list[str] = []

    async def make(unit: CaseUnit) -> None:
        if not made:
            made.append(unit.case.key)
            async with world.db.write("live") as tx:
                await service.create(tx, world.who, CaseCreate(external_id=unit.case.key, type="ours", title="Ours"))

    around("look", after=make)
    report = await world.take(sheet(*MANY[:12]))
    assert report.refused == 0
    assert report.counts["case"] == {"created": 2, "changed": 1, "unchanged": 0}
    assert (await world.cases())[made[0]].type == "ticket"


async def test_what_is_in_the_way_for_good_is_refused_alone(world: World, around: Around) -> None:
    async def refuse(unit: CaseUnit) -> None:
        if unit.case.key == "T1":
            raise Conflict("in the way")

    around("apply", before=refuse)
    report = await world.take(sheet(*MANY[:12]))
    assert codes(report) == [(line, "conflict", None) for line in range(6, 10)]
    assert created(report) == {"case": 2, "task": 8}


async def test_a_database_that_goes_away_for_a_moment(world: World, around: Around) -> None:
    failures = [Unavailable("away")] * (TRIES - 1)

    async def fail(_: CaseUnit) -> None:
        if failures:
            raise failures.pop()

    around("apply", before=fail)
    report = await world.take(sheet(*MANY[:12]))
    assert (report.refused, created(report)) == (0, {"case": 3, "task": 12})
    assert len(await world.events()) == 15


async def test_a_database_that_stays_away(world: World, around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import ends; what was written stays, and the next run goes on."""
    with monkeypatch.context() as patched:
        patched.setattr("engage_api.imports.service.WAIT", 0.001)

        async def fail(unit: CaseUnit) -> None:
            if int(unit.case.key[1:]) > 70:
                raise Unavailable("away")

        around("apply", before=fail)
        with pytest.raises(Unavailable):
            await world.take(sheet(*MANY))
    monkeypatch.undo()
    there = len(await world.cases())
    assert 0 < there <= 71
    report = await world.take(sheet(*MANY))
    assert created(report)["case"] == 100 - there
    assert len(await world.events()) == 500


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_service_on_the_same_sqlite_file_gets_its_turns(world: World, database_url: str, count: Count) -> None:
    """SQLite has one writer at a time; an import lets go of it after some tens of milliseconds."""
    other, waits = await open_database(database_url), [0.0]
    importing = asyncio.create_task(asyncio.to_thread(_import_apart, database_url, world))
    try:
        while not importing.done():
            began = monotonic()
            async with other.write("live") as tx:
                person = CustomerCreate(kind="person", display_name=f"Number {len(waits)}")
                await customers.create(tx, world.who, person)
            waits.append(monotonic() - began)
            await asyncio.sleep(0.01)
    finally:
        await other.close()
    assert await importing == len(MORE)
    waits.sort()
    count("writes during an import", writes=len(waits) - 1, most_ms=round(waits[-1] * 1000))
    assert len(waits) > 10
    assert waits[-1] < 2.0  # seconds; a machine that does other things as well may take its time
    assert waits[len(waits) // 2] < 10 * PACES["sqlite"].hold


def _import_apart(url: str, world: World) -> int:
    """An import in a loop of its own, as another process would have it. How many tasks it made."""

    async def run() -> int:
        db = await open_database(url)
        try:
            report = await World(db, world.who, world.folder).take(sheet(*MORE))
            return report.counts["task"]["created"]
        finally:
            await db.close()

    return asyncio.run(run())
