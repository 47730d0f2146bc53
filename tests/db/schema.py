"""A small schema for the tests of `db/`, so that they stand alone; `event` and `counter` are as the product's."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from engage_api.db import Exact, Instant, Json, Query
from engage_api.db.sql import POSTGRES, SQLITE

metadata = MetaData()
item = Table(
    "item",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("parent", Text),
    Column("n", BigInteger),
    Column("at", Instant),
    Column("price", Exact(2)),
    Column("data", Json),
    Column("ok", Boolean),
    Column("document", LargeBinary),
    UniqueConstraint("workspace_id", "n", name="item_n"),
    CheckConstraint("n >= 0", name="item_n_positive"),
    ForeignKeyConstraint(["workspace_id", "parent"], ["item.workspace_id", "item.id"], name="item_parent"),
)
# No workspace and no row-level security, as accounts and plans are.
plan = Table("plan", metadata, Column("id", Text, primary_key=True), Column("n", BigInteger, nullable=False))
plan_name = Index("plan_name", func.lower(plan.c.id), unique=True)
event = Table(
    "event",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("n", BigInteger, Identity(always=True)),
    Column("sequence", BigInteger),
    UniqueConstraint("workspace_id", "sequence", name="event_sequence"),
)
unnumbered = Index("event_unnumbered", event.c.n, postgresql_where=event.c.sequence.is_(None))
counter = Table("counter", metadata, Column("workspace_id", Text, primary_key=True), Column("last", BigInteger))

_here = item.c.workspace_id == bindparam("workspace_id")
_this = item.c.id == bindparam("id")
COLUMNS = [column.name for column in item.columns]
ADD = Query(insert(item))
ADD_SMALL = Query(insert(item), ["workspace_id", "id"])
GET = Query(select(item).where(_here, _this))
LOCK = Query(select(item).where(_here, _this).with_for_update())
LIST = Query(select(item).where(_here).order_by(item.c.id))
IDS = Query(select(item.c.id).where(_here).order_by(item.c.id))
ALL = Query(select(item.c.workspace_id, item.c.id).order_by(item.c.workspace_id, item.c.id))
COUNT = Query(select(func.count().label("n")).select_from(item).where(_here))
SET_N = Query(update(item).where(item.c.workspace_id == bindparam("w"), item.c.id == bindparam("i")), ["n"])
ADD_PLAN = Query(insert(plan))
GET_PLAN = Query(select(plan).where(plan.c.id == bindparam("id")))

FOLLOW = Query(
    select(event.c.sequence, event.c.id)
    .where(event.c.workspace_id == bindparam("workspace_id"), event.c.sequence > bindparam("last"))
    .order_by(event.c.sequence)
)
ADD_EVENT = Query(insert(event), ["workspace_id", "id"])

WALLED = ("item", "event", "counter")
ROLES = """
DO $$ BEGIN CREATE ROLE engage_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE engage_system; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT engage_app, engage_system TO CURRENT_USER;
"""
GRANTS = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO engage_app, engage_system;"
WALL = """
ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {0} FORCE ROW LEVEL SECURITY;
CREATE POLICY {0}_app ON {0} TO engage_app USING (workspace_id = current_setting('app.workspace', true));
CREATE POLICY {0}_system ON {0} TO engage_system USING (true);
"""


def build(url: str) -> None:
    """Make the tables in an empty database."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for table in (item, plan):
                connection.execute(str(CreateTable(table).compile(dialect=SQLITE)))
            connection.execute(str(CreateIndex(plan_name).compile(dialect=SQLITE)))
        connection.close()
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _build(url)).result()


async def _build(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table in metadata.sorted_tables:
            await connection.execute(str(CreateTable(table).compile(dialect=POSTGRES)))
        for index in (plan_name, unnumbered):
            await connection.execute(str(CreateIndex(index).compile(dialect=POSTGRES)))
        await connection.execute(ROLES + GRANTS + "".join(WALL.format(name) for name in WALLED))
    finally:
        await connection.close()
