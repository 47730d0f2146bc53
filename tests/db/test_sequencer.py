"""Events are numbered after their commit: none is missed, none skipped, whoever commits late."""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from engage_api.db import Query, Unavailable, open_database, sequencer
from engage_api.db.postgres import Postgres
from engage_api.db.sequencer import Sequencer
from tests.db.schema import ADD_EVENT, FOLLOW

LAST = Query(text("SELECT last FROM counter WHERE workspace_id = :workspace_id"))


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Postgres]:
    opened = await open_database(postgres_url, size=40)
    assert isinstance(opened, Postgres)
    yield opened
    await opened.close()


async def happen(database: Postgres, wall: str, *names: str, pause: float = 0) -> None:
    async with database.write(wall) as tx:
        for name in names:
            await tx.run(ADD_EVENT, workspace_id=wall, id=name)
        await asyncio.sleep(pause)


async def log(database: Postgres, wall: str) -> list[tuple[int, str]]:
    return [tuple(found) for found in await database.fetch(FOLLOW, wall, workspace_id=wall, last=0)]


@asynccontextmanager
async def running(*sequencers: Sequencer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in sequencers]
    yield
    stop.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await check():  # noqa: ASYNC110  # what other connections see has no event
            await asyncio.sleep(0.01)


async def test_events_are_numbered_in_the_order_of_their_insert(database: Postgres) -> None:
    one = Sequencer(database)
    await happen(database, "w1", "a", "b")
    await happen(database, "w2", "c")
    with database.pulse.hear("log") as ear:
        assert (await log(database, "w1"), await ear.wait(0)) == ([], False)
        assert (await one.run_once(), await ear.wait(0)) == (3, True)
    await happen(database, "w1", "d")
    assert await one.run_once() == 1
    assert await log(database, "w1") == [(1, "a"), (2, "b"), (3, "d")]
    assert await log(database, "w2") == [(1, "c")]
    assert await database.one_raw(LAST, "w1", workspace_id="w1") == (3,)


async def test_where_there_is_nothing_to_do_nothing_is_locked(database: Postgres) -> None:
    one = Sequencer(database)
    with database.pulse.hear("log", "commit") as ear:
        assert await one.run_once() == 0
        assert not await ear.wait(0)


async def test_a_late_commit_is_numbered_late_and_not_missed(database: Postgres) -> None:
    one = Sequencer(database)
    late = asyncio.create_task(happen(database, "w", "late", pause=0.1))
    await asyncio.sleep(0.03)
    await happen(database, "w", "early")
    assert await one.run_once() == 1
    await late
    assert await one.run_once() == 1
    assert await log(database, "w") == [(1, "early"), (2, "late")]


async def test_a_round_has_an_end(database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait: the rest is for the next round."""
    await happen(database, "w", *(f"{number:04}" for number in range(sequencer.BATCH + 1)))
    one = Sequencer(database)
    assert [await one.run_once() for _ in range(3)] == [sequencer.BATCH, 1, 0]
    assert await log(database, "w") == [(number + 1, f"{number:04}") for number in range(sequencer.BATCH + 1)]


async def test_whoever_waits_for_the_lock_sees_what_the_last_holder_did(database: Postgres) -> None:
    """The lock is a statement of its own: in one with the rest, the snapshot would be older than the lock."""
    for round_ in range(20):
        await happen(database, "w", *(f"{round_:02}-{number}" for number in range(5)))
        done = await asyncio.gather(*(Sequencer(database).run_once() for _ in range(3)))
        assert sum(done) == 5
    assert [number for number, _ in await log(database, "w")] == list(range(1, 101))


class Reader:
    """Follows one workspace as a subscriber does: what comes after the last number it has seen."""

    def __init__(self, database: Postgres, wall: str, by: Query = FOLLOW) -> None:
        self.names: list[str] = []
        self.faults: list[str] = []
        self._database = database
        self._wall = wall
        self._by = by
        self._last = 0

    async def look(self) -> None:
        for number, name in await self._database.fetch(self._by, self._wall, workspace_id=self._wall, last=self._last):
            if number != self._last + 1:
                self.faults.append(f"{number} after {self._last}")
            self._last = number
            self.names.append(name)


async def test_a_reader_misses_nothing_and_meets_no_gap(database: Postgres) -> None:
    """32 writers, one in five sleeps up to 200 ms before its commit; two sequencers at once; a look every 5 ms."""
    random.seed(10)
    walls = ["w1", "w2", "w3"]
    readers = [Reader(database, wall) for wall in walls]
    made: dict[str, list[str]] = defaultdict(list)

    async def writer(number: int) -> None:
        for turn in range(25):
            wall = random.choice(walls)
            name = f"{number:02}-{turn:02}"
            await happen(database, wall, name, name + "+", pause=random.random() * 0.2 if random.random() < 0.2 else 0)
            made[wall] += [name, name + "+"]

    async def follow(reader: Reader, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await reader.look()
            await asyncio.sleep(0.005)

    stop = asyncio.Event()
    async with running(Sequencer(database), Sequencer(database)):
        following = [asyncio.create_task(follow(reader, stop)) for reader in readers]
        await asyncio.gather(*map(writer, range(32)))

        async def all_read() -> bool:
            return all(len(reader.names) == len(made[wall]) for reader, wall in zip(readers, walls, strict=True))

        await until(all_read)
        stop.set()
        await asyncio.gather(*following)
    assert sum(map(len, made.values())) == 1600
    for reader, wall in zip(readers, walls, strict=True):
        assert (reader.faults, sorted(reader.names)) == ([], sorted(made[wall]))
        place = {name: at for at, name in enumerate(reader.names)}
        assert all(place[name] < place[name + "+"] for name in place if not name.endswith("+"))


async def test_numbers_drawn_at_insert_would_be_missed(database: Postgres) -> None:
    """The planted fault: read by `n` as if it were the sequence, and see the late commit skipped."""
    by_n = Query(text("SELECT n, id FROM event WHERE n > :last ORDER BY n"))
    seen: list[Any] = []
    late = asyncio.create_task(happen(database, "w", "late", pause=0.1))
    await asyncio.sleep(0.03)
    await happen(database, "w", "early")
    for _ in range(2):
        seen += [tuple(found) for found in await database.fetch(by_n, "w", last=seen[-1][0] if seen else 0)]
        await asyncio.gather(late)
    assert [name for _, name in seen] == ["early"]


async def test_it_wakes_after_a_commit_and_looks_now_and_then(
    database: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "IDLE", (0.01, 0.02))
    other = Postgres(postgres_url)  # a process that died before it could number
    one = Sequencer(database)
    with database.pulse.hear("log") as ear:
        async with running(one):
            for commits in (database, other):
                await happen(commits, "w", f"{commits is other}")
                assert await ear.wait(20)
                await asyncio.sleep(0.1)
    assert [number for number, _ in await log(database, "w")] == [1, 2]
    await other.close()


async def test_idle_it_looks_less_and_less_often(database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    async def look(_: Sequencer) -> int:
        looks.append(asyncio.get_running_loop().time())
        return 0

    monkeypatch.setattr(Sequencer, "run_once", look)
    monkeypatch.setattr(sequencer, "IDLE", (0.01, 0.08))
    async with running(Sequencer(database)):
        while len(looks) < 7:  # noqa: ASYNC110  # the looks are all that happens
            await asyncio.sleep(0.01)
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert all(pause >= least for pause, least in zip(pauses, [0.009, 0.019, 0.039, 0.079, 0.079, 0.079], strict=False))


async def test_while_the_database_is_away_events_wait(
    database: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    number = sequencer.number
    away = [True, True]

    async def fail(tx: Any) -> int:
        if away:
            away.pop()
            raise Unavailable("away")
        return await number(tx)

    monkeypatch.setattr(sequencer, "number", fail)
    monkeypatch.setattr(sequencer, "IDLE", (0.01, 0.02))
    one = Sequencer(database)
    with caplog.at_level(logging.WARNING), database.pulse.hear("log") as ear:
        async with running(one):
            await happen(database, "w", "a")
            assert await ear.wait(20)
    assert await log(database, "w") == [(1, "a")]
    assert caplog.messages == ["events wait for their numbers: away"] * 2


async def test_rows_that_somebody_else_numbered_are_not_counted(database: Postgres) -> None:
    """Seen unnumbered, numbered by another before our turn: the round finds nothing, and says so."""
    one = Sequencer(database)
    await happen(database, "w", "a")
    async with database.system.write(None) as tx:
        assert await sequencer.number(tx) == 1
        assert await sequencer.number(tx) == 0
    assert await one.run_once() == 0
