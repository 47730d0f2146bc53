"""How Alembic reaches the database. One transaction holds the whole migration on both databases."""

import asyncio
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import engage_api.app  # noqa: F401  # registers every table

LOCK = 7284  # PostgreSQL: two processes that start together migrate one after the other


def render(kind: str, value: Any, _: AutogenContext) -> str | Literal[False]:
    """The house's own column types as they are imported in script.py.mako."""
    if kind == "type" and type(value).__module__ == "engage_api.db.base":
        return f"{type(value).__name__}({value.scale if hasattr(value, 'scale') else ''})"
    if kind == "type" and getattr(value, "_variant_mapping", None):
        return "KEY"
    return False


def run(connection: Connection) -> None:
    """Bring the database to the newest revision, or compare it with the models."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_item=render,
        compare_type=False,
        include_name=lambda name, kind, _: not (kind == "table" and (name or "").startswith("search")),
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        context.run_migrations()


def sqlite(url: str) -> None:
    """SQLite, with a transaction that holds DDL too: the driver's own would commit before each statement."""
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        run(connection)


async def postgres(url: str) -> None:
    """PostgreSQL through the same driver as the service."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


address = context.config.get_main_option("sqlalchemy.url") or "sqlite:///var/engage.db"
if address.startswith("sqlite"):
    sqlite(address)
else:
    asyncio.run(postgres("postgresql+asyncpg://" + address.split("://", 1)[1]))
