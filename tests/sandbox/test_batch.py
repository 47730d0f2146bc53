"""Many writes as few: the same rows as one by one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import delete, text

from engage_api.access.customer_sessions import service as sessions
from engage_api.cases import service as cases
from engage_api.cases.models import CASE, CaseCreate, CaseTransition
from engage_api.core.principal import Principal
from engage_api.core.world import working
from engage_api.customers import service as customers
from engage_api.customers.models import CUSTOMER, CustomerCreate, CustomerUpdate
from engage_api.db import Conflict, Database, Transaction, reader, sequencer
from engage_api.db import batch as batches
from engage_api.db.batch import Batch
from engage_api.db.sql import Query
from engage_api.sandbox import seeding
from tests.sandbox.stories import events, sandbox, seeded

TABLES = ("customer", "case", "task", "offer", "webhook_endpoint", "term", "search", "event", "counter", "world")
OWN = {"workspace_id", "since", "n", "number"}
"""What two sandboxes cannot have in common: whose it is, when it was, and by what words are found."""


class OneByOne:
    """Stands where a batch would, and writes at once."""

    waiting = None

    def __init__(self, _: str) -> None:
        self.tx: Any = None

    @asynccontextmanager
    async def within(self, tx: Transaction) -> AsyncIterator["OneByOne"]:
        self.tx = tx
        yield self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tx, name)


async def rows(db: Database, who: Principal) -> dict[str, list[str]]:
    """All that is in the tables of a sandbox, in an order of its own."""
    found, left_out = {}, "', '".join(sorted(OWN))
    for table in TABLES:
        if db.dialect == "postgresql":
            shown = f"to_jsonb(t) - ARRAY['{left_out}'] AS row"
        else:
            columns = await db.fetch(Query(text(f'PRAGMA table_info("{table}")')), None)
            shown = ", ".join(f'"{column[1]}"' for column in columns if column[1] not in OWN)
        query = Query(text(f'SELECT {shown} FROM "{table}" t WHERE workspace_id = :workspace'))  # noqa: S608  # constants
        there = await db.fetch(query, who.workspace, workspace=who.workspace)
        mark = who.workspace.replace("_", "¤")
        found[table] = sorted(str(row).replace(mark, "") for row in there)
    return found


async def test_the_same_rows_as_one_by_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    together, _ = await seeded(database, "together")
    monkeypatch.setattr(seeding, "Batch", OneByOne)
    alone, _ = await seeded(database, "alone")
    assert await events(database, together) == await events(database, alone)
    first, second = [await rows(database, who) for who in (together, alone)]
    for table in TABLES:
        assert first[table], table
        assert first[table] == second[table], table


async def test_what_waits_is_found(database: Database) -> None:
    """By the funnel without a look, and by every other statement."""
    who, batch = await sandbox(database, "one"), Batch("sbx_one")
    with working():
        async with database.write(who.workspace) as tx, batch.within(tx):
            customer = await customers.create(batch, who, CustomerCreate(kind="person", display_name="Zoë"))
            case = await cases.create(
                batch, who, CaseCreate(type="permit", title="Dormer", customer_id=customer.model.id)
            )
            found = await reader.find(batch, who, CASE, case.model.id)
            assert found is case
            assert await reader.number(batch, who, CUSTOMER, {}) == 1
        async with database.write(who.workspace) as tx, batch.within(tx):
            moved = await cases.move(batch, who, case.model.id, CaseTransition(to="accepted"), None)
            await cases.move(batch, who, case.model.id, CaseTransition(to="in-progress"), None)
    assert moved.model.version == 2
    assert [
        document.count(b'"state":"in-progress"')
        for document in await reader.every(database, who, CASE, {}, "createdAt")
    ] == [1]
    assert len(await events(database, who)) == 4


async def test_whether_there_is_any_counts_what_waits_and_not_what_it_was(database: Database) -> None:
    who, batch = await sandbox(database, "one"), Batch("sbx_one")

    async def states() -> list[bool]:
        return [await reader.has_any(batch, who, CASE, {"state": state}) for state in ("received", "accepted")]

    with working():
        async with database.write(who.workspace) as tx, batch.within(tx):
            assert await states() == [False, False]
            case = await cases.create(batch, who, CaseCreate(type="permit", title="Dormer"))
            assert await states() == [True, False], "it waits"
            await batch.flush()
            assert await states() == [True, False], "it is stored"
            await cases.move(batch, who, case.model.id, CaseTransition(to="accepted"), None)
            assert await states() == [False, True], "it is stored as it was, and waits as it is"


async def test_who_asks_for_something_else_lets_it_wait(database: Database) -> None:
    who, batch = await sandbox(database, "one"), Batch("sbx_one")
    with working():
        async with database.write(who.workspace) as tx, batch.within(tx):
            customer = await customers.create(batch, who, CustomerCreate(kind="person", display_name="Zoë"))
            await sessions.end(batch, who, customer.model.id)
            assert not await reader.number(batch.stored, who, CUSTOMER, {})
            assert await batch.run(Query(delete(CUSTOMER.table).where(CUSTOMER.table.c.id == customer.model.id))) == 1


async def test_what_was_forgotten_is_read_again_and_all_else_waits_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "REMEMBERED", 0)
    who, batch = await sandbox(database, "one"), Batch("sbx_one")
    wanted = CustomerCreate(kind="person", display_name="Zoë")
    with working():
        async with database.write(who.workspace) as tx, batch.within(tx):
            forgotten = (await customers.create(batch, who, wanted)).model.id
        async with database.write(who.workspace) as tx, batch.within(tx):
            waits = (await customers.create(batch, who, wanted)).model.id
            for row_id, stored in ((forgotten, True), (waits, False)):
                assert await reader.find(batch, who, CUSTOMER, row_id) is not None
                assert (await reader.find(batch.stored, who, CUSTOMER, row_id) is not None) is stored


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_words_are_written_once_and_in_order(database: Database) -> None:
    """FTS5 would write a part of its index for each that is out of order, and merge them again and again."""
    who, batch = await sandbox(database, "one"), Batch("sbx_one")
    with working():
        async with database.write(who.workspace) as tx:
            async with batch.within(tx):
                for name in ("Zoë", "Ahmed", "Maria", "Bram", "Grace", "Sem"):
                    customer = await customers.create(batch, who, CustomerCreate(kind="person", display_name=name))
                    assert await reader.number(batch, who, CUSTOMER, {})
                    await customers.change(batch, who, customer.model.id, CustomerUpdate(display_name="X"), "*")
            numbers = [values[0] for _, values in tx.later]  # type: ignore[attr-defined]  # of SQLite's alone
    assert len(numbers) == 6
    assert numbers == sorted(numbers)


async def test_what_a_constraint_refuses_undoes_all_of_it(database: Database) -> None:
    who, batch = await sandbox(database, "one"), Batch("sbx_one")
    twice = [CustomerCreate(kind="person", display_name="Zoë", external_id="one")] * 2

    async def enter() -> None:
        async with database.write(who.workspace) as tx, batch.within(tx):
            await customers.enter(batch, who, twice)

    with working(), pytest.raises(Conflict):
        await enter()
    assert await reader.every(database, who, CUSTOMER, {}, "createdAt") == []
    if database.dialect == "postgresql":
        await sequencer.settle(database)
    assert await events(database, who) == []
