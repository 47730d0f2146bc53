"""How PostgreSQL looks things up."""

from sqlalchemy import text

from engage_api.db.engine import Transaction
from engage_api.db.sql import Query

_FORGET = Query(text("DISCARD PLANS"))


async def forget(tx: Transaction) -> None:
    """Let this connection think again, where tables may have grown since it thought of a way to look something up: also
    of those in which PostgreSQL itself looks whether a row refers to another.

    With a few rows in a table every index that has the workspace and the id costs the same, so PostgreSQL may take
    another than the one that is unique, and walk through the whole workspace at every look. It thinks again when it
    has counted the rows, after a minute or so. SQLite always takes the unique one.
    """
    if tx.dialect == "postgresql":
        await tx.fetch(_FORGET)
