"""A world as a file, a line at a time. It has no secrets, nothing that lets anybody in, and no deliveries.

It is read from a snapshot, which nobody changes, as fast as somebody takes it. Of a small sandbox one is made for that.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from time import monotonic
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from sqlalchemy import bindparam, select
from starlette.types import Receive, Scope, Send

from engage_api.access.sandboxes.models import Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core import clock, ids
from engage_api.core.clock import Clock
from engage_api.core.problem import Problem
from engage_api.core.world import SandboxBusy
from engage_api.db import log, reader, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Unavailable
from engage_api.db.kind import Kind
from engage_api.db.sql import Query
from engage_api.events.webhooks.secrets import Box
from engage_api.http.call import Call
from engage_api.jobs import enqueue
from engage_api.sandbox import copying, own, portions, wipe
from engage_api.sandbox.copies import service, standing
from engage_api.sandbox.copies.file_models import FILED, MEDIA_TYPE
from engage_api.sandbox.copies.models import SNAPSHOT, Snapshot
from engage_api.sandbox.copies.orders import EMPTY, Emptying
from engage_api.sandbox.copying import Way
from engage_api.sandbox.own import Names
from engage_api.sandbox.service import require

PORTION = 200  # rows that are read at once
LONGEST = timedelta(hours=1)  # then a copy that was made for one export goes, whether it was read or not
Lines = AsyncGenerator[bytes, None]
IsThere = Callable[[], Awaitable[bool]]
_exported: set[str] = set()
_tidying: set[asyncio.Task[None]] = set()


class NeedsSnapshot(Problem):
    """So much is in the sandbox that it would change while it is read.

    Take a snapshot of it and export that: `GET /v1/sandboxes/{id}/export?snapshotId=…`.
    """

    code, status, title = "needs-snapshot", 409, "The sandbox is too large to be exported without a snapshot"


class CutShort(Exception):
    """What was read is gone: the file ends in the middle, so that nobody takes it for a whole one."""


class JsonLines(StreamingResponse):
    """A file that is made while it is sent; what was made for it goes with it, also when nobody reads to the end."""

    media_type = MEDIA_TYPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


async def answer(call: Call, sandbox_id: str, snapshot_id: str | None) -> Response:
    """The file, as it is sent."""
    name = {"Content-Disposition": f'attachment; filename="{sandbox_id}.jsonl"'}
    return JsonLines(await chosen(call, sandbox_id, snapshot_id), headers=name)


async def chosen(call: Call, sandbox_id: str, snapshot_id: str | None) -> Lines:
    """The file of a sandbox, or of a snapshot of it.

    Raises:
        NeedsSnapshot: the sandbox is not small, and no snapshot was named.
        SandboxBusy: it is busy, or the snapshot is not ready.
    """
    stored = await require(call.db, call.principal, sandbox_id)
    found, names = stored.model, await own.names(call.db, call.principal, stored)
    if snapshot_id is None:
        return await _begun(_once(call, found, names))
    snapshot = (await service.require_snapshot(call.db, call.principal, sandbox_id, snapshot_id)).model
    if snapshot.state != "ready":
        raise SandboxBusy(headers={"Retry-After": world.AGAIN})
    there = kept(snapshot, await world.find(call.db, sandbox_id))

    async def is_there() -> bool:
        who = service.whole(call.principal, sandbox_id)
        return await reader.stored(call.db, who, SNAPSHOT, snapshot.id) is not None

    return lines(call, found, names, there, is_there)


async def _begun(made: Lines) -> Lines:
    """The same, with the first line at hand: what is refused is refused before anything is sent."""
    first = await anext(made)

    async def rest() -> Lines:
        try:
            yield first
            async for part in made:
                yield part
        finally:
            await made.aclose()

    return rest()


async def _once(call: Call, found: Sandbox, names: Names) -> Lines:
    """From a copy that is made for this file alone. There is one of a sandbox."""
    if found.id in _exported:
        raise SandboxBusy("It is being exported already.", headers={"Retry-After": world.AGAIN})
    _exported.add(found.id)
    began, workspace = monotonic(), ""
    try:
        async with call.db.aside.write(None) as tx:
            there = await still(tx, found, call.services.webhooks.box)
        workspace = there.workspace

        async def is_there() -> bool:
            return monotonic() < began + LONGEST.total_seconds()

        async for part in lines(call, found, names, there, is_there):
            yield part
        await wipe.wipe(call.db, workspace)
        workspace = ""
    finally:
        _exported.discard(found.id)
        if workspace:
            _forget(call.db, workspace)


@dataclass(frozen=True, slots=True)
class Still:
    """A world that nobody changes: in which workspace it is, where it stood, and how long its log is."""

    workspace: str
    moment: Any
    pace: int
    ids: int
    base: Any
    events: int


async def still(tx: Transaction, sandbox: Sandbox, box: Box) -> Still:
    """A copy of a small sandbox for one export. `tx` is across workspaces, and not to be kept when this raises.

    Raises:
        NeedsSnapshot: it is not small.
    """
    row = await standing.hold(tx, sandbox.id)
    if not await service.is_small(tx, sandbox.id, row.number, service.SMALL):
        raise NeedsSnapshot
    workspace = ids.new(SNAPSHOT.prefix)
    try:
        await portions.at_once(tx, copying.parts(Way(sandbox.id, workspace, box)))
    except portions.TooMuch:
        raise NeedsSnapshot from None
    await enqueue(tx, EMPTY, Emptying(workspace=workspace), workspace=LIVE, run_at=clock.host() + LONGEST)
    now = Clock(row.at, row.since, row.pace).now()
    return Still(workspace, now, row.pace, row.number, row, await standing.last(tx, sandbox.id))


def kept(snapshot: Snapshot, row: Any) -> Still:
    """A snapshot; `row` is the world of its sandbox."""
    return Still(snapshot.id, snapshot.clock, snapshot.pace, snapshot.ids, row, snapshot.events)


async def lines(call: Call, sandbox: Sandbox, names: Names, there: Still, is_there: IsThere) -> Lines:
    """The file. Whose sandbox it is stands in it by other names, which whoever imports it is then.

    Raises:
        CutShort: in the end what was read is there no more.
    """
    db, who = call.db, replace(call.principal, workspace=there.workspace, sees_workspace=True, customer="")
    yield _head(sandbox, there)
    number = 0
    for kind in FILED:
        async for page in _pages(db, kind, there.workspace):
            number += len(page)
            yield await _named([b'{"kind":"%b","document":%b}' % (kind.name.encode(), one) for one in page], names)
    after = events = 0
    while after < there.events and (found := await log.page(db, who, after=after, limit=PORTION, filters={})):
        after, events = found[-1].sequence, events + len(found)
        yield await _named([b'{"event":%b}' % one.document for one in found], names)
    if not await is_there():
        raise CutShort
    yield to_json({"end": {"resources": number, "events": events}}) + b"\n"


def _forget(db: Database, workspace: str) -> None:
    """Wipe what was made for one file, whatever becomes of this task. Should that fail, a job does it."""
    task = asyncio.create_task(_wiped(db, workspace))
    _tidying.add(task)
    task.add_done_callback(_tidying.discard)


async def _wiped(db: Database, workspace: str) -> None:
    with suppress(Unavailable):
        await wipe.wipe(db, workspace)


def _head(sandbox: Sandbox, there: Still) -> bytes:
    facts = {
        "format": "engage-sandbox-1",
        "clock": clock.wire(there.moment),
        "pace": there.pace,
        "ids": there.ids,
        "baseIds": there.base.base_number,
        "baseEvents": there.base.base_sequence,
    }
    shown = json.loads(to_json(sandbox, by_alias=True))
    same = ("name", "size", "seed", "startsAt", "startPace", "personas", "metadata")
    return to_json(facts | {name: shown[name] for name in same}) + b"\n"


async def _named(raw: list[bytes], names: Names) -> bytes:
    """Lines of the file. They may be long, so the loop does something else meanwhile."""
    return await asyncio.to_thread(lambda: b"".join([own.line(one, names) + b"\n" for one in raw]))


async def _pages(db: Database, kind: Kind[Any], workspace: str) -> AsyncGenerator[list[bytes], None]:
    after = ""
    while rows := await db.fetch(_page(kind), workspace, workspace=workspace, after=after, limit=PORTION):
        yield [kind.current(row.rendered, row.document) for row in rows]
        after = rows[-1].id


@lru_cache(maxsize=16)
def _page(kind: Kind[Any]) -> Query:
    t = kind.table
    mine = (t.c.workspace_id == bindparam("workspace"), t.c.id > bindparam("after"))
    return Query(select(t.c.id, t.c.rendered, t.c.document).where(*mine).order_by(t.c.id).limit(bindparam("limit")))
