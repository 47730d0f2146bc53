"""What the operator can do about people, at the command line."""

from typing import Any

from engage_api.access import operator
from engage_api.access.accounts import emails, store
from engage_api.access.members import service as members
from engage_api.access.operator import Unknown
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.db.engine import Database


async def people(db: Database) -> list[dict[str, Any]]:
    """All accounts as JSON, without anything that is secret."""
    return [_shown(row) for row in await store.everybody(db)]


async def disable(db: Database, who: str) -> str:
    """Let somebody in no more, and end their sessions and links. The account's id."""
    account = await _find(db, who)
    async with db.system.write(None) as tx:
        await store.disable(tx, account, clock.host())
        await store.end_sessions(tx, account)
        await store.drop_tokens(tx, account)
    return account


async def enable(db: Database, who: str) -> str:
    """Let somebody in again. The account's id."""
    account = await _find(db, who)
    async with db.system.write(None) as tx:
        await store.disable(tx, account, None)
    return account


async def delete(db: Database, who: str) -> str:
    """Delete an account with all that belongs to it; its person leaves their organizations. Its id.

    Raises:
        LastOwner: nobody else owns one of them.
    """
    account = await _find(db, who)
    await members.depart(db, account, await operator.principal(db, LIVE))
    return account


async def _find(db: Database, who: str) -> str:
    email = emails.read(who)
    row = await store.by_address(db, email.folded) if email else await store.by_id(db, who)
    if row is None:
        raise Unknown(f"there is no account {who!r}")
    found: str = row.id
    return found


def _shown(row: Any) -> dict[str, Any]:
    state = "disabled" if row.disabled_at else "confirmed" if row.confirmed_at else "unconfirmed"
    shown = {"id": row.id, "email": row.email, "name": row.name, "state": state}
    times = {"createdAt": row.created_at, "signedInAt": row.signed_in_at}
    return shown | {name: at and clock.wire(at) for name, at in times.items()}
