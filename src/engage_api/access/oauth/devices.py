"""Devices that wait until somebody has said yes elsewhere (RFC 8628): what is kept of them, and the statements on it.

All of it crosses workspaces, so `db.system` runs it. On PostgreSQL only `engage_system` reaches the table.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, Text, bindparam, delete, insert, select, update
from sqlmodel import Field, SQLModel

from engage_api.access.oauth import store
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.store import Allowed
from engage_api.core import clock, ids
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query

WAITS = timedelta(minutes=10)
INTERVAL = 5  # seconds between two questions of a device, and what is added when it asks too often
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words (RFC 8628 section 6.1)
LENGTH = 8


class OauthDeviceRow(SQLModel, table=True):
    """A device that waits. Both codes are kept as HMACs.

    `place` is the workspace that it wants to work in, `scopes` what it asks for. `decided_at` says that somebody has
    said yes, then there is a grant, or no. `redeemed_at`: it has got its tokens.
    """

    __tablename__ = "oauth_device"
    __table_args__ = (
        Index("oauth_device_code", "device_code", unique=True),
        Index("oauth_device_user", "user_code", unique=True),
        Index("oauth_device_grant", "grant_id"),
        Index("oauth_device_expiry", "expires_at"),
    )

    id: str = Field(primary_key=True, sa_type=KEY)
    device_code: bytes = Field(sa_type=LargeBinary)
    user_code: bytes = Field(sa_type=LargeBinary)
    client_id: str = Field(sa_type=KEY)
    place: str = Field(sa_type=KEY)
    scopes: str = Field(sa_type=Text)
    interval: int = Field(sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=Instant)
    asked_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    grant_id: str | None = Field(default=None, sa_type=KEY, foreign_key="oauth_grant.id", ondelete="CASCADE")
    redeemed_at: datetime | None = Field(default=None, sa_type=Instant)


_t = OauthDeviceRow.__table__  # type: ignore[attr-defined]
_ADD = Query(insert(_t), [c.name for c in _t.columns])
_BY_CODE = Query(select(_t).where(_t.c.device_code == bindparam("mark")))
_waiting = (_t.c.decided_at.is_(None), _t.c.expires_at > bindparam("now"))
_BY_USER_CODE = Query(select(_t).where(_t.c.user_code == bindparam("mark"), *_waiting))
_BY_ID = Query(select(_t).where(_t.c.id == bindparam("id"), *_waiting))
_at = _t.c.id == bindparam("at_id")
_ASK = Query(
    update(_t)
    .where(_at, _t.c.asked_at.is_(None) | (_t.c.asked_at <= bindparam("before")), _t.c.interval == bindparam("known"))
    .values(asked_at=bindparam("now"))
)
_SLOW = Query(
    update(_t).where(_at).values(asked_at=bindparam("now"), interval=_t.c.interval + bindparam("more", INTERVAL))
)
_DECIDE = Query(update(_t).where(_at, *_waiting).values(decided_at=bindparam("now")))
_GRANT = Query(update(_t).where(_at).values(grant_id=bindparam("grant")))
_REDEEM = Query(
    update(_t)
    .where(_at, _t.c.redeemed_at.is_(None), _t.c.expires_at > bindparam("now"))
    .values(redeemed_at=bindparam("now"))
)
_SWEEP = Query(delete(_t).where(_t.c.expires_at < bindparam("before")))


@dataclass(frozen=True, slots=True)
class Device:
    """A device that asks for its tokens, as Authlib asks about it.

    `allowed` is the grant of who said yes. `hurried`: it asked again too soon.
    """

    id: str
    client_id: str
    place: str
    expires_at: datetime
    decided: bool
    redeemed: bool
    allowed: Allowed | None
    hurried: bool

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.allowed.scope if self.allowed else ""

    def get_user_code(self) -> str:
        return self.id  # the code itself is not kept

    def is_expired(self) -> bool:
        return self.expires_at <= clock.host()


def new_code() -> str:
    """What somebody reads off a device: `WDJB-MJHT`, of 25.6 billion."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def read_code(typed: str) -> str:
    """A code as it was shown, however it was typed: case, blanks and dashes do not matter. Empty if it is none."""
    letters = [letter for letter in typed.upper() if letter not in " -\t"]
    if len(letters) != LENGTH or not set(letters) <= set(LETTERS):
        return ""
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


async def add(db: Database, client: Client, place: str, words: str, *, device_code: bytes, user_code: bytes) -> None:
    """Write down a device that waits from now on.

    Raises:
        Conflict: another one shows this code just now.
    """
    values = dict.fromkeys(c.name for c in _t.columns) | {
        "id": ids.new("dev"),
        "device_code": device_code,
        "user_code": user_code,
        "client_id": client.id,
        "place": place,
        "scopes": words,
        "interval": INTERVAL,
        "expires_at": clock.host() + WAITS,
    }
    async with db.system.write(None) as tx:
        await tx.run(_ADD, **values)


async def asking(db: Database, client: Client, mark: bytes) -> Device | None:
    """The client's device with this code, which asks for its tokens; that it asked is noted while it waits."""
    row = await db.system.one(_BY_CODE, None, mark=mark)
    if row is None or row.client_id != client.id:
        return None
    return Device(
        id=row.id,
        client_id=row.client_id,
        place=row.place,
        expires_at=row.expires_at,
        decided=row.decided_at is not None,
        redeemed=row.redeemed_at is not None,
        allowed=await store.by_id(db, client, row.grant_id) if row.grant_id else None,
        hurried=row.decided_at is None and await _hurries(db, row),
    )


async def _hurries(db: Database, row: Any) -> bool:
    now = clock.host()
    before = now - timedelta(seconds=row.interval)
    async with db.system.write(None) as tx:
        if await tx.run(_ASK, at_id=row.id, before=before, known=row.interval, now=now):
            return False
        await tx.run(_SLOW, at_id=row.id, now=now)
    return True


async def waiting(db: Database, mark: bytes) -> Any:
    """The row of the device that shows this code and waits, or None."""
    return await db.system.one(_BY_USER_CODE, None, mark=mark, now=clock.host())


async def still_waiting(db: Database, device: str) -> Any:
    """The row of a device that waits, by its id, or None."""
    return await db.system.one(_BY_ID, None, id=device, now=clock.host())


async def decide(tx: Transaction, device: str) -> bool:
    """Somebody has said yes or no. True for one, however many say it at once, and as long as the device waits."""
    return bool(await tx.run(_DECIDE, at_id=device, now=clock.host()))


async def allow(tx: Transaction, device: str, grant: str) -> None:
    """It was yes: this grant is for the device."""
    await tx.run(_GRANT, at_id=device, grant=grant)


async def redeem(tx: Transaction, device: str) -> bool:
    """The device gets its tokens. True for one question, however many there are at once."""
    return bool(await tx.run(_REDEEM, at_id=device, now=clock.host()))


async def sweep(db: Database) -> None:
    """Forget devices that wait no more; for a while they are told that it is too late."""
    async with db.system.write(None) as tx:
        await tx.run(_SWEEP, before=clock.host() - WAITS)
