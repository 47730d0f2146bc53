"""What time changes happens in order, each once: over all kinds and sources, however it is cut."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import pytest

from engage_api.cases.tasks.models import TASK, Task
from engage_api.cases.tasks.service import require
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.customers.models import CUSTOMER
from engage_api.db import Database, open_database, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments
from engage_api.jobs.moments import Due, Played, Registry, Source
from tests.moments.story import DAY, END, START, case, faults, filled, sandbox, told

ENOUGH = 60.0  # seconds


async def nowhere(db: Database) -> Iterable[tuple[str, datetime]]:
    del db
    return []


class Steps:
    """A source that keeps what it does in memory: the times at which it is still due, and what it saw."""

    def __init__(self, *times: datetime) -> None:
        self.left = sorted(times)
        self.seen: list[datetime] = []

    async def first(self, tx: Transaction, workspace: str, until: datetime) -> Due | None:
        del tx, workspace
        return Due(self.left[0], "step", str(len(self.left))) if self.left and self.left[0] <= until else None

    async def passes(self, tx: Transaction, workspace: str, due: Due) -> None:
        del tx
        self._done(workspace, due)

    async def outside(self, db: Database, workspace: str, due: Due) -> None:
        async with db.write(workspace):  # which raises inside another transaction
            self._done(workspace, due)

    def _done(self, workspace: str, due: Due) -> None:
        assert self.left.pop(0) == due.at
        self.seen.append(clock.business(workspace))


def with_steps(steps: Steps, *, outside: bool = False) -> Registry:
    sources = moments.registry.copy()
    kept = Source("step", steps.first, nowhere, outside=steps.outside) if outside else None
    sources.add(kept or Source("step", steps.first, nowhere, passes=steps.passes))
    return sources


async def test_each_once_and_in_order(database: Database) -> None:
    principal = await sandbox(database, "a")
    wanted = await filled(database, principal)
    assert await moments.play(database, principal.workspace, START, seconds=ENOUGH) == (0, True)
    assert await moments.play(database, principal.workspace, END, seconds=ENOUGH) == (len(wanted), True)
    events = await told(database, principal)
    assert faults(events, wanted.keys()) == []
    assert {event.subject: event.time for event in events} == wanted
    assert clock.business(principal.workspace) == END
    for event in events:
        assert event.data["updatedAt"] == clock.wire(event.time)
    assert await moments.play(database, principal.workspace, END, seconds=ENOUGH) == (0, True)


async def test_it_goes_on_where_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into portions that have time for one or two, with a call for each."""
    monkeypatch.setattr(moments, "PORTION", 0.0005)
    principal = await sandbox(database, "a")
    wanted = await filled(database, principal)
    noted, played, calls = [], 0, 0

    async def note(tx: Transaction, what: Played) -> None:
        del tx
        noted.append(what)

    while True:
        portion = await moments.play(database, principal.workspace, END, seconds=0.0005, note=note)
        played, calls = played + portion.moments, calls + 1
        if portion.done:
            break
    assert calls > 3
    assert played == sum(portion.moments for portion in noted) == len(wanted)
    assert [portion.done for portion in noted] == [False] * (len(noted) - 1) + [True]
    assert faults(await told(database, principal), wanted.keys()) == []


async def test_several_at_once_do_each_once(database: Database, database_url: str) -> None:
    principal = await sandbox(database, "a")
    wanted = await filled(database, principal)
    other = await open_database(database_url)
    both = [moments.play(one, principal.workspace, END, seconds=ENOUGH) for one in (database, other, database)]
    played = await asyncio.gather(*both)
    await other.close()
    assert sum(one.moments for one in played) == len(wanted)
    assert faults(await told(database, principal), wanted.keys()) == []


async def test_other_sources_take_their_turn(database: Database) -> None:
    principal = await sandbox(database, "a")
    wanted = await case(database, principal, None, [START + DAY, START + 3 * DAY])
    del wanted[next(iter(wanted))]
    for outside in (False, True):
        steps = Steps(*([START + 2 * DAY, START + 3 * DAY] if not outside else [START + 4 * DAY, START + 5 * DAY]))
        until, times = START + (6 if outside else 3) * DAY, list(steps.left)
        sources, noted = with_steps(steps, outside=outside), 0

        async def note(tx: Transaction, what: Played) -> None:
            nonlocal noted
            noted += what.moments

        played = await moments.play(database, principal.workspace, until, seconds=ENOUGH, sources=sources, note=note)
        assert played == (2 if outside else 4, True)
        assert noted == played.moments
        assert steps.seen == times, "the clock stands at its moment"
    assert faults(await told(database, principal), wanted.keys()) == []


async def test_a_new_moment_that_is_not_later_is_not_missed(database: Database) -> None:
    """The handler brings another task's due date forward: to its own moment, and to one that is over."""
    principal = await sandbox(database, "a")
    first, second, third = list(await case(database, principal, None, [START + day * DAY for day in (1, 50, 51)]))[1:]
    kind, sources = TASK, Registry()

    @sources.passes(kind)
    async def bring_forward(tx: Transaction, time: Principal, task: Stored[Task], at: datetime) -> Stored[Task]:
        if task.model.id == first:
            for other, due in ((second, at), (third, at - DAY)):
                was = await require(tx, principal, other)
                await store.change(tx, principal, kind, was, {"due_at": due})
        return await store.change(tx, time, kind, task, {"overdue_at": at}, store.Happened("overdue", at))

    played = await moments.play(database, principal.workspace, START + 2 * DAY, seconds=ENOUGH, sources=sources)
    assert played == (3, True)
    events = await told(database, principal)
    assert [event.subject for event in events] == [first, third, second], "the earlier of the two comes first"
    assert {event.time for event in events} == {START + DAY}, "when it was written, for what was over by then"


async def test_a_wrong_order_would_be_seen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    principal = await sandbox(database, "a")
    wanted, first = await filled(database, principal), Registry.first

    async def by_kind(self: Registry, tx: Transaction, workspace: str, until: datetime) -> Due | None:
        for name, kind in self.kinds.items():
            alone = Registry()
            alone.kinds = {name: kind}
            if (due := await first(alone, tx, workspace, until)) is not None:
                return due
        return None

    monkeypatch.setattr(Registry, "first", by_kind)
    await moments.play(database, principal.workspace, END, seconds=ENOUGH)
    found = faults(await told(database, principal), wanted.keys())
    assert found
    assert all(fault.startswith("before its turn") for fault in found)


async def test_what_would_be_lost_or_done_twice_is_seen(database: Database) -> None:
    principal = await sandbox(database, "a")
    wanted = await filled(database, principal)
    fewer = moments.registry.copy()
    del fewer.kinds["offer"]
    await moments.play(database, principal.workspace, END, seconds=ENOUGH, sources=fewer)
    events = await told(database, principal)
    found = faults([*events, events[-1]], wanted.keys())
    assert {fault.split(":")[0] for fault in found} == {"lost", "2 times"}
    assert all("off_" in fault for fault in found if fault.startswith("lost"))


async def test_a_handler_that_leaves_the_moment_is_refused(database: Database) -> None:
    principal, sources = await sandbox(database, "a"), Registry()
    await case(database, principal, None, [START + DAY])

    @sources.passes(TASK)
    async def rename(tx: Transaction, time: Principal, task: Stored[Task], at: datetime) -> Stored[Task]:
        return await store.change(tx, time, TASK, task, {"title": f"{task.model.title} {at}"})

    with pytest.raises(RuntimeError, match="leaves its moment"):
        await moments.play(database, principal.workspace, END, seconds=ENOUGH, sources=sources)
    assert clock.business(principal.workspace) == START, "all of it is undone"


def test_what_joins_is_looked_at() -> None:
    sources, steps = moments.registry.copy(), Steps()
    with pytest.raises(ValueError, match="there are two task"):
        sources.passes(TASK)
    with pytest.raises(ValueError, match="does not change customer"):
        sources.passes(CUSTOMER)
    with pytest.raises(ValueError, match="`passes` or `outside`"):
        sources.add(Source("step", steps.first, nowhere))
    sources.add(Source("step", steps.first, nowhere, passes=steps.passes))
    with pytest.raises(ValueError, match="there are two step"):
        sources.add(Source("step", steps.first, nowhere, outside=steps.outside))
    assert "step" not in moments.registry.sources
