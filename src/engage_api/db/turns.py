"""Turns: what may go on only once at a time in a workspace, whichever rows it touches."""

from sqlalchemy import String, bindparam, func, select

from engage_api.db.engine import Transaction
from engage_api.db.sql import Query

_turn = bindparam("turn", type_=String())
_TAKE = Query(  # SQLite has one writer, so it is always one's turn
    select(_turn.label("turn")),
    postgres=select(func.pg_advisory_xact_lock(func.hashtextextended(_turn, 0)).label("turn")),
)


async def take(tx: Transaction, workspace: str, what: str) -> None:
    """Wait until nobody else in this workspace has this turn; it is over when the transaction ends."""
    await tx.one(_TAKE, turn=f"{what} {workspace}")
