"""The second wall: PostgreSQL itself shows a connection the rows of one workspace, and no other."""

import asyncio
import random

import asyncpg
import pytest
from sqlalchemy import text

from engage_api.db import Query, postgres_checkout
from engage_api.db.postgres import Postgres
from engage_api.db.postgres_checkout import Checkout
from tests.db.schema import ADD_SMALL, ALL, GET, SET_N, WALLED

SETTING = Query(text("SELECT current_setting('app.workspace', true), pg_backend_pid()"))
WHO = Query(
    text("""
    SELECT current_user, rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
    FROM pg_roles WHERE rolname = current_user
    """)
)
GUARDED = Query(text("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = :name"))


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture(autouse=True)
async def rows(database: Postgres) -> None:
    """One of each of two workspaces."""
    for wall in ("w1", "w2"):
        async with database.write(wall) as tx:
            await tx.run(ADD_SMALL, workspace_id=wall, id="a")


async def seen(database: Postgres, wall: str | None) -> list[tuple[str, str]]:
    return [tuple(found) for found in await database.raw(ALL, wall)]


async def test_each_workspace_sees_its_own_rows(database: Postgres) -> None:
    assert await seen(database, "w1") == [("w1", "a")]
    assert await seen(database, "w2") == [("w2", "a")]
    async with database.write("w1") as tx:
        assert await tx.fetch(ALL) == [("w1", "a")]


@pytest.mark.parametrize("wall", [None, "", "w3", "w1' OR true --"])
async def test_without_a_workspace_there_are_no_rows(database: Postgres, wall: str | None) -> None:
    assert await seen(database, wall) == []


async def test_the_system_sees_all_workspaces(database: Postgres) -> None:
    for wall in (None, "w1"):
        assert await seen(database.system, wall) == [("w1", "a"), ("w2", "a")]


async def test_the_wall_does_not_follow_the_querys_parameters(database: Postgres) -> None:
    assert await database.one(GET, "w1", workspace_id="w2", id="a") is None
    assert await database.one(GET, "w2", workspace_id="w2", id="a") is not None


async def test_a_foreign_row_can_be_neither_made_nor_changed(database: Postgres) -> None:

    async def intrude() -> None:
        async with database.write("w1") as tx:
            await tx.run(ADD_SMALL, workspace_id="w2", id="b")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await intrude()
    async with database.write("w1") as tx:
        assert await tx.run(SET_N, n=1, w="w2", i="a") == 0
    assert await seen(database.system, None) == [("w1", "a"), ("w2", "a")]


async def test_the_roles_are_neither_owner_nor_superuser(database: Postgres) -> None:
    assert await database.one_raw(WHO, None) == ("engage_app", False, False)
    assert await database.system.one_raw(WHO, None) == ("engage_system", False, False)
    for table in WALLED:
        assert await database.one_raw(GUARDED, None, name=table) == (table, True, True)


# ── the sticky setting ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_connection_stays_with_the_workspace_it_was_used_for(database: Postgres) -> None:
    async def pids(*walls: str) -> list[int]:
        return [(await database.one_raw(SETTING, wall))[1] for wall in walls]

    await asyncio.gather(*(database.one_raw(SETTING, wall) for wall in ("w1", "w2", "w3", "w4")))
    first = await pids("w1", "w2", "w3", "w4")
    assert len(set(first)) == 4
    assert await pids("w4", "w2", "w1", "w3", "w1") == [first[3], first[1], first[0], first[2], first[0]]


async def leaks(database: Postgres) -> int:
    """Readers of eleven walls over eight connections, a third of them cancelled: how many stood at a foreign wall."""
    random.seed(9)
    foreign = 0

    async def read(wall: str) -> None:
        nonlocal foreign
        found = await database.one_raw(SETTING, wall)
        foreign += found[0] != wall
        foreign += any(workspace != wall for workspace, _ in await seen(database, wall))

    async def reader() -> None:
        for _ in range(25):
            task = asyncio.create_task(read(f"w{random.randrange(11)}"))
            if random.random() < 0.3:
                await asyncio.sleep(random.random() * 0.003)
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(reader() for _ in range(16)))
    return foreign


async def test_no_connection_is_handed_out_under_a_foreign_wall(database: Postgres) -> None:
    assert await leaks(database) == 0


async def test_a_checkout_that_did_not_set_the_wall_would_be_noticed(
    database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault."""

    async def trust(*_: object) -> bool:
        return True

    monkeypatch.setattr(Checkout, "_moved", trust)
    assert await leaks(database) > 0


async def test_a_connection_whose_setting_fails_is_dropped(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Postgres(postgres_url, size=1)
    _, before = await database.one_raw(SETTING, "w1")
    with monkeypatch.context() as patch:
        patch.setattr(postgres_checkout, "SET_WALL", "SELECT set_config('app.workspace', $1, false), 1 / 0")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await database.one_raw(SETTING, "w2")
    wall, after = await database.one_raw(SETTING, "w1")
    assert (wall, before == after) == ("w1", False)
    await database.close()


async def test_a_connection_whose_setting_is_cancelled_is_dropped(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Postgres(postgres_url, size=1)
    _, before = await database.one_raw(SETTING, "w1")
    with monkeypatch.context() as patch:
        patch.setattr(postgres_checkout, "SET_WALL", "SELECT set_config('app.workspace', $1, false) FROM pg_sleep(10)")
        task = asyncio.create_task(database.one_raw(SETTING, "w2"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    wall, after = await database.one_raw(SETTING, "w1")
    assert (wall, before == after) == ("w1", False)
    await database.close()
