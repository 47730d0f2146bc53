"""Copies made by whoever sits at the machine: large ones are done here and now, and how far they are is shown."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import IO, Any

from engage_api.access import operator
from engage_api.access.worlds import LIVE
from engage_api.core.problem import NotFound
from engage_api.core.secret import Secret
from engage_api.db import reader, sequencer, world
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.events.webhooks.sender import Sender
from engage_api.jobs import Registry, Worker
from engage_api.sandbox import kinds as _kinds  # noqa: F401  # a file has events of all of them
from engage_api.sandbox.copies import exporting, importing, resetting, service
from engage_api.sandbox.copies.arriving import Upload
from engage_api.sandbox.copies.jobs import Copier
from engage_api.sandbox.copies.models import SNAPSHOT, ForkCreate, SnapshotCreate
from engage_api.sandbox.opening import HOUR
from engage_api.sandbox.service import hold, home, require
from engage_api.settings import read as settings

LOOK = 0.2  # seconds between two looks at how far it is
PART = 65_536  # bytes of a file
Found = dict[str, Any]


class Desk:
    """The operator, with the database."""

    def __init__(self, db: Database, pepper: bytes) -> None:
        self._db = db
        given = settings()
        self._services: Any = SimpleNamespace(pepper=pepper, guests=given.guest_sandboxes, webhooks=Sender.open(given))
        self._most = given.max_sandbox_bytes

    async def fork(self, sandbox_id: str, name: str | None) -> Found:
        """A copy of it, with its key."""
        who = await self._who(sandbox_id)

        async def do(at_once: int) -> tuple[Stored[Any], Secret]:
            async with self._db.system.write(None) as tx:
                was = await hold(tx, who, sandbox_id)
                return await service.fork(tx, who, was, ForkCreate(name=name), self._services, at_once)

        stored, made = await service.either(do)
        return {**await self._done(stored.model.id, sandbox_id), "key": made.reveal()}

    async def snapshot(self, sandbox_id: str, name: str) -> Found:
        """A snapshot of it."""
        who, box = await self._who(sandbox_id), self._services.webhooks.box

        async def do(at_once: int) -> Stored[Any]:
            async with self._db.system.write(None) as tx:
                was = await hold(tx, who, sandbox_id)
                return await service.snapshot(tx, who, was, SnapshotCreate(name=name), box, at_once)

        stored = await service.either(do)
        await self._done(sandbox_id, sandbox_id)
        found = await reader.stored(self._db, who, SNAPSHOT, stored.model.id)
        return self._shown(found)

    async def snapshots(self, sandbox_id: str) -> list[Found]:
        """All of a sandbox, the newest first."""
        who = service.whole(await self._who(sandbox_id), sandbox_id)
        found = await reader.every(self._db, who, SNAPSHOT, {"sandbox_id": sandbox_id}, "-createdAt")
        return [json.loads(document) for document in found]

    async def delete_snapshot(self, sandbox_id: str, snapshot_id: str) -> None:
        """One of them goes."""
        who = await self._who(sandbox_id)
        try:
            async with self._db.write(LIVE) as tx:
                await service.delete_snapshot(tx, who, (sandbox_id, snapshot_id), "*")
        except NotFound:
            raise operator.Unknown(f"no snapshot {snapshot_id!r} of {sandbox_id}") from None

    async def restore(self, sandbox_id: str, snapshot_id: str) -> Found:
        """Back to a snapshot."""
        who, box = await self._who(sandbox_id), self._services.webhooks.box

        async def do(at_once: int) -> Stored[Any]:
            async with self._db.system.write(None) as tx:
                was = await hold(tx, who, sandbox_id)
                return await service.restore(tx, who, was, snapshot_id, box, at_once)

        await service.either(do)
        return await self._done(sandbox_id, sandbox_id)

    async def reset(self, sandbox_id: str) -> Found:
        """As it was made."""
        who = await self._who(sandbox_id)
        async with self._db.system.write(None) as tx:
            await service.reset(tx, who, await hold(tx, who, sandbox_id), HOUR)
        with _bar(self._db, sandbox_id):
            return self._shown(await resetting.again(self._db, sandbox_id))

    async def export(self, sandbox_id: str, snapshot_id: str | None, out: IO[bytes]) -> int:
        """To a file; how many bytes."""
        who = await self._who(sandbox_id)
        call: Any = SimpleNamespace(db=self._db, principal=who, services=self._services)
        size = 0
        async for line in await exporting.chosen(call, sandbox_id, snapshot_id):
            size += out.write(line)
        out.flush()
        return size

    async def take(self, source: IO[bytes]) -> Found:
        """From a file."""

        async def parts() -> AsyncIterator[bytes]:
            while part := source.read(PART):
                yield part

        who = home(await operator.principal(self._db, LIVE))
        upload = Upload(self._db, who, self._services, parts(), self._most)
        stored, made = await importing.take(upload)
        return {**self._shown(stored), "key": made.reveal()}

    async def _who(self, sandbox_id: str) -> Any:
        who = await operator.principal(self._db, LIVE)
        try:
            await require(self._db, who, sandbox_id)
        except NotFound:
            raise operator.Unknown(f"no sandbox {sandbox_id!r}") from None
        await sequencer.settle(self._db)  # perhaps nobody else does
        return who

    async def _done(self, sandbox_id: str, busy: str) -> Found:
        """The sandbox once it is ready: what was promised for later is done now, here or by a worker elsewhere."""
        who, stop, registry = await operator.principal(self._db, LIVE), asyncio.Event(), Registry()
        Copier(self._services.webhooks.box).join(registry)
        worker = asyncio.create_task(Worker(self._db, registry).run(stop))
        try:
            with _bar(self._db, busy):
                found = await require(self._db, who, sandbox_id)
                while found.model.state not in ("ready", "failed"):
                    await asyncio.sleep(LOOK)
                    found = await require(self._db, who, sandbox_id)
        finally:
            stop.set()
            await worker
        return self._shown(found)

    @staticmethod
    def _shown(found: Stored[Any] | None) -> Found:
        if found is None:
            raise operator.Unknown("it is gone")
        shown: Found = json.loads(found.document)
        return shown


@contextmanager
def _bar(db: Database, sandbox_id: str) -> Iterator[None]:
    """A bar that shows how far it is, where somebody looks."""
    from rich.console import Console  # noqa: PLC0415  # nothing else needs it
    from rich.progress import Progress  # noqa: PLC0415  # as above

    console = Console(stderr=True)

    async def follow() -> None:
        while True:
            row = await world.find(db, sandbox_id)
            if row is not None:
                bar.update(task, description=row.busy or "", completed=row.done, total=row.total or None)
            await asyncio.sleep(LOOK)

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        following = asyncio.ensure_future(follow())
        try:
            yield
        finally:
            following.cancel()
