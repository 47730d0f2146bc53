"""The keys that sign: made here, kept encrypted, published, and followed by others in time.

A key is published for a day before it signs, signs for ninety days, and is published on until what it signed has
expired. Which key does what follows from the times in their rows alone: no process has to tell another, and whoever
follows the published keys never meets a signature of one that they could not have seen. Whoever needs the keys does
first what is due: so they turn without anybody's help, and where nobody needs them nothing happens.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BigInteger, Index, LargeBinary, Text, bindparam, delete, insert, select, update
from sqlmodel import Field, SQLModel

from engage_api.access.oauth.tokens import LIFETIME
from engage_api.core import clock
from engage_api.db.base import Instant
from engage_api.db.engine import Database
from engage_api.db.errors import Conflict
from engage_api.db.row import KEY
from engage_api.db.sql import Query

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

ALGORITHM = "RS256"  # of which RFC 9068 section 2.1 and OpenID Connect Core section 15.1 say that everybody has it
BITS = 2048
AHEAD = timedelta(days=1)  # from when it is published until it signs
SIGNS = timedelta(days=90)
KEPT = LIFETIME + timedelta(minutes=10)  # after its last signature: nothing that is signed is good for longer
SKEW = timedelta(minutes=1)  # between the clocks of two hosts
NONCE = 12  # bytes
PURPOSE = "signing-keys"  # of the key that the private halves are encrypted with

State = Literal["next", "active", "retired"]


class SigningKeyRow(SQLModel, table=True):
    """A key pair. `id` is the thumbprint of the public half (RFC 7638), `sealed` the private half, encrypted.

    `turn` counts the keys: of two processes that make the next one at once, one finds it taken.
    """

    __tablename__ = "signing_key"
    __table_args__ = (Index("signing_key_turn", "turn", unique=True),)

    id: str = Field(primary_key=True, sa_type=KEY)
    turn: int = Field(sa_type=BigInteger)
    public: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
    signs_from: datetime = Field(sa_type=Instant)


_key = SigningKeyRow.__table__  # type: ignore[attr-defined]
_ALL = Query(select(_key).order_by(_key.c.turn))
_ADD = Query(insert(_key), [c.name for c in _key.columns])
_REMOVE = Query(delete(_key).where(_key.c.id == bindparam("at_id")))
_ADVANCE = Query(update(_key).where(_key.c.id == bindparam("at_id")).values(signs_from=bindparam("now")))


class Signer(NamedTuple):
    """The key that signs now."""

    kid: str
    key: "RSAKey"

    def sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        """A signed token; `kind` is its media type, `at+jwt` or `JWT`."""
        from joserfc import jwt  # noqa: PLC0415  # a start need not wait for it

        return jwt.encode({"typ": kind, "alg": ALGORITHM, "kid": self.kid}, dict(claims), self.key, [ALGORITHM])


@dataclass(frozen=True, slots=True)
class Stage:
    """A key and where it stands. `ends` is when its signatures have all expired; None while no other follows it."""

    row: Any
    state: State
    ends: datetime | None


class Keyring:
    """The keys of the service, as one process uses them.

    Args:
        box: the key that the private halves are encrypted with, 32 bytes.
    """

    def __init__(self, db: Database, box: bytes) -> None:
        self._db = db
        self._box = AESGCM(box)
        self._opened: dict[str, RSAKey] = {}
        self._making = asyncio.Lock()

    async def published(self) -> list[dict[str, Any]]:
        """The public halves of all keys that sign, will sign, or have signed what may still be good (RFC 7517)."""
        await self.signer()
        return [json.loads(stage.row.public) for stage in await self.stages()]

    async def stages(self) -> list[Stage]:
        """All keys that are published, the oldest first."""
        rows, now = await self._db.system.fetch(_ALL, None), clock.host()
        return [stage for stage in _staged(rows, now) if stage.ends is None or stage.ends > now]

    async def signer(self) -> Signer:
        """The key that signs now. The first one is made when it is first asked for, each other when it is due.

        One that was encrypted with a secret that is lost is of no use to anybody: another takes its place.
        """
        while True:
            stages = await self.stages()
            active = next((stage.row for stage in stages if stage.state == "active"), None)
            if active is None:
                await self._make(stages[-1].row.turn + 1 if stages else 1, clock.host() - SKEW)
            elif stages[-1].row is active and active.signs_from + SIGNS - AHEAD <= clock.host():
                await self._make(active.turn + 1, clock.host() + AHEAD)
            elif key := self._opened.get(active.id) or self._open(active):
                self._opened[active.id] = key
                return Signer(active.id, key)
            else:
                await self._remove(active.id)

    async def rotate(self) -> str:
        """Publish the key that signs from tomorrow on, unless there is one. Its id."""
        await self.signer()
        while (newest := (await self.stages())[-1]).state != "next":
            await self._make(newest.row.turn + 1, clock.host() + AHEAD)
        return str(newest.row.id)

    async def revoke(self, kid: str) -> str | None:
        """End a key at once; if it was the one that signs, another does so from now on. The id of the one that signs.

        None when there is no such key. What the key has signed is no longer believed by who follows the published keys.
        """
        stages = {stage.row.id: stage for stage in await self.stages()}
        if kid not in stages:
            return None
        follower = await self.rotate() if stages[kid].state == "active" else ""
        async with self._db.system.write(None) as tx:
            await tx.run(_ADVANCE, at_id=follower, now=clock.host() - SKEW)
            await tx.run(_REMOVE, at_id=kid)
        self._opened.pop(kid, None)
        return (await self.signer()).kid

    async def _make(self, turn: int, signs_from: datetime) -> None:
        """Make a key, and forget those whose signatures have all expired."""
        async with self._making:
            rows, now = await self._db.system.fetch(_ALL, None), clock.host()
            if rows and rows[-1].turn >= turn:  # made while we waited
                return
            values = await self._new(turn, signs_from)
            ended = [stage.row.id for stage in _staged(rows, now) if stage.ends is not None and stage.ends <= now]
            with suppress(Conflict):  # another process has made it meanwhile, and that one will do
                async with self._db.system.write(None) as tx:
                    await tx.run(_ADD, **values)
                    for kid in ended:
                        await tx.run(_REMOVE, at_id=kid)

    async def _new(self, turn: int, signs_from: datetime) -> dict[str, Any]:
        from joserfc.jwk import RSAKey  # noqa: PLC0415  # as above

        key = await asyncio.to_thread(RSAKey.generate_key, BITS)  # a tenth of a second, or three
        kid, nonce = key.thumbprint(), token_bytes(NONCE)
        public = {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM, "kid": kid}
        private = json.dumps(key.as_dict(private=True)).encode()
        return {
            "id": kid,
            "turn": turn,
            "public": json.dumps(public),
            "sealed": nonce + self._box.encrypt(nonce, private, kid.encode()),
            "created_at": clock.host(),
            "signs_from": signs_from,
        }

    async def _remove(self, kid: str) -> None:
        async with self._db.system.write(None) as tx:
            await tx.run(_REMOVE, at_id=kid)

    def _open(self, row: Any) -> "RSAKey | None":
        from joserfc.jwk import RSAKey  # noqa: PLC0415  # as above

        nonce, sealed = row.sealed[:NONCE], row.sealed[NONCE:]
        with suppress(InvalidTag):
            return RSAKey.import_key(json.loads(self._box.decrypt(nonce, sealed, row.id.encode())))
        return None


def _staged(rows: Sequence[Any], now: datetime) -> list[Stage]:
    """Each key ends some time after the first that follows it has begun to sign."""
    stages: list[Stage] = []
    for row, follower in zip(rows, [*rows[1:], None], strict=False):
        if row.signs_from > now:
            stages.append(Stage(row, "next", None))
        elif follower is None or follower.signs_from > now:
            stages.append(Stage(row, "active", None))
        else:
            stages.append(Stage(row, "retired", follower.signs_from + KEPT))
    return stages
