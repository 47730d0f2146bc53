"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header-07): a repeated request has one effect and one answer.

The record is written in the transaction of the write itself, so after a crash either both are there or neither.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response
from sqlalchemy import Boolean, Index, LargeBinary, SmallInteger, Text, bindparam, delete, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_new
from sqlmodel import Field, SQLModel

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, KeyReused, Problem, StillRunning
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict
from engage_api.db.row import KEY
from engage_api.db.sql import Query

KEPT = timedelta(hours=24)
LONGEST = 255  # characters
NONCE = 12  # bytes


class IdempotencyRow(SQLModel, table=True):
    """The first answer to a request. `sealed` answers show a secret and are encrypted."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_age", "created_at"),)

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    application: str = Field(primary_key=True, sa_type=KEY)
    key: str = Field(primary_key=True, sa_type=KEY)
    request: bytes = Field(sa_type=LargeBinary)
    status: int = Field(sa_type=SmallInteger)
    headers: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    sealed: bool = Field(sa_type=Boolean)
    created_at: datetime = Field(sa_type=Instant)


_t = IdempotencyRow.__table__  # type: ignore[attr-defined]
_FIND = Query(
    select(_t.c.request, _t.c.status, _t.c.headers, _t.c.body, _t.c.sealed).where(
        _t.c.workspace_id == bindparam("workspace"),
        _t.c.application == bindparam("application"),
        _t.c.key == bindparam("key"),
    )
)
_KEEP = Query(insert(_t), [c.name for c in _t.columns])
_USE_UP = Query(insert_new(_t).on_conflict_do_nothing(), [c.name for c in _t.columns])  # SQLite says it the same way
_USED_UP = Query(
    select(func.count().label("n")).where(
        _t.c.workspace_id == bindparam("workspace"), _t.c.application == bindparam("application")
    )
)
_id = (_t.c.workspace_id, _t.c.application, _t.c.key)
_FORGET = Query(
    delete(_t).where(tuple_(*_id).in_(select(*_id).where(_t.c.created_at < bindparam("before")).limit(1000)))
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: also what is kept for a repetition of it.

    `secret`: it shows one, so it is kept encrypted.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: bool = False

    def response(self, *, replayed: bool = False) -> Response:
        """The answer as HTTP; a repeated one says so."""
        headers = {**self.headers, "Idempotent-Replayed": "true"} if replayed else dict(self.headers)
        return Response(self.body, self.status, headers, media_type="application/json" if self.body else None)


Work = Callable[[Transaction], Awaitable[Answer]]
Before = Callable[[], Awaitable[None]]


class Idempotency:
    """Runs writes at most once per key, principal and workspace."""

    def __init__(self, db: Database, key: bytes) -> None:
        self._db = db
        self._box = AESGCM(key)
        self._running: set[tuple[str, str, str]] = set()

    async def run(
        self,
        request: Request,
        principal: Principal,
        work: Work,
        *,
        door: Database | None = None,
        before: Before | None = None,
    ) -> Response:
        """Do the work in one transaction and answer after its commit; or answer as the first time. `door`: where it
        begins, for what crosses workspaces. `before`: what is not for a transaction, nor for a repeated request.

        Raises:
            StillRunning: the same key is at work in this process. In another process this call waits for it instead.
            KeyReused: the key belongs to another request.
        """
        key, prepare = _key(request), before or _nothing
        if key is None:
            await prepare()
            async with self._write(principal.workspace, door) as tx:
                answer = await work(tx)
            return answer.response()
        slot = (principal.workspace, principal.application, key)
        mark = _Mark(_mark(request, request.scope["state"].get("body", b"")), principal.credential)
        look = slot in self._running or before is not None
        if look and (kept := await self._kept(slot, mark)) is not None:
            return kept.response(replayed=True)
        if slot in self._running:
            raise StillRunning(headers={"Retry-After": "1"})
        try:
            self._running.add(slot)
            await prepare()
            return (await self._first(slot, mark, work, door)).response()
        except (Problem, Conflict):
            # Nearly every key is new, so nobody looks beforehand: its record, or what it made, refuses the repetition.
            if (kept := await self._kept(slot, mark)) is None:
                raise
            return kept.response(replayed=True)
        finally:
            self._running.discard(slot)

    async def _first(self, slot: tuple[str, str, str], mark: "_Mark", work: Work, door: Database | None) -> Answer:
        async with self._write(slot[0], door) as tx:
            answer = await work(tx)
            await tx.run(_KEEP, **self._row(slot, mark, answer))
        return answer

    def _write(self, workspace: str, door: Database | None) -> AbstractAsyncContextManager[Transaction]:
        return self._db.write(workspace) if door is None else door.write(None)

    async def _kept(self, slot: tuple[str, str, str], mark: "_Mark") -> Answer | None:
        workspace, application, key = slot
        row = await self._db.one(_FIND, workspace, workspace=workspace, application=application, key=key)
        if row is None:
            return None
        expected = mark.of(secret=row.sealed)
        if row.request != expected:
            raise KeyReused
        body = self._box.decrypt(row.body[:NONCE], row.body[NONCE:], expected) if row.sealed else row.body
        return Answer(row.status, body, json.loads(row.headers))

    def _row(self, slot: tuple[str, str, str], mark: "_Mark", answer: Answer) -> dict[str, Any]:
        body, expected = answer.body, mark.of(secret=answer.secret)
        if answer.secret:
            nonce = token_bytes(NONCE)
            body = nonce + self._box.encrypt(nonce, body, expected)
        workspace, application, key = slot
        return {
            "workspace_id": workspace,
            "application": application,
            "key": key,
            "request": expected,
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers)),
            "body": body,
            "sealed": answer.secret,
            "created_at": clock.host(),
        }


async def _nothing() -> None:
    """What most writes do before their transaction."""


async def use_up(tx: Transaction, workspace: str, whose: str, key: str) -> bool:
    """Use a value up in the caller's transaction: its form has no second answer. False when it is used already."""
    values = {"workspace_id": workspace, "application": whose, "key": key, "created_at": clock.host()}
    return bool(await tx.run(_USE_UP, **values, request=b"", status=0, headers="", body=b"", sealed=False))


async def used_up(tx: Transaction, workspace: str, whose: str) -> int:
    """How many values of somebody's have been used up in the last day or so."""
    row = await tx.one(_USED_UP, workspace=workspace, application=whose)
    return int(row.n)


async def forget_old(tx: Transaction) -> int:
    """Delete up to a thousand records that are older than a day, of all workspaces. Returns how many."""
    return await tx.run(_FORGET, before=clock.host() - KEPT)


@dataclass(frozen=True, slots=True)
class _Mark:
    """By what a repetition is known: the request; and where the answer shows a secret, the credential that asked, so
    that no other credential of the application is told more than it could ask for itself.
    """

    request: bytes
    credential: str

    def of(self, *, secret: bool) -> bytes:
        return hashlib.sha256(self.request + self.credential.encode()).digest() if secret else self.request


def _key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if len(given) > 1:
        raise InvalidRequest(errors=[Fault("duplicate", "Give it once.", parameter="Idempotency-Key")])
    key = given[0] if given else None
    if key is not None and not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        fault = Fault("invalid", f"1 to {LONGEST} printable ASCII characters.", parameter="Idempotency-Key")
        raise InvalidRequest(errors=[fault])
    return key


def _mark(request: Request, body: bytes) -> bytes:
    target = f"{request.method} {request.scope['path']}?".encode() + request.scope["query_string"] + b"\n"
    return hashlib.sha256(target + body).digest()
