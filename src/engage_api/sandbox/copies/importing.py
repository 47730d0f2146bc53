"""A file becomes a new sandbox while it is sent: line after line into a workspace that nobody can reach before its end.

Whatever is wrong ends it, and nothing is left; so does a process that ends, somewhat later: a job takes it away.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from pydantic import ValidationError

from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.making import QUOTA, New
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core import clock, ids
from engage_api.core.clock import Clock
from engage_api.core.model import Input
from engage_api.core.problem import InvalidJson, InvalidRequest, NotFound
from engage_api.core.secret import Secret
from engage_api.db import reader
from engage_api.db.engine import Transaction
from engage_api.db.errors import Conflict
from engage_api.db.store import Stored
from engage_api.http.problems import invalid
from engage_api.http.strict import check
from engage_api.jobs import enqueue
from engage_api.sandbox import endpoints, own, service, wipe
from engage_api.sandbox.copies import arriving, first_key, mending, standing
from engage_api.sandbox.copies.arriving import Upload, lines
from engage_api.sandbox.copies.file_models import (
    BrokenFile,
    End,
    EndLine,
    EventLine,
    Head,
    ResourceLine,
)
from engage_api.sandbox.copies.loading import Loader
from engage_api.sandbox.copies.orders import EMPTY, Emptying
from engage_api.sandbox.copies.service import USUAL, USUAL_OF_GUEST
from engage_api.sandbox.opening import OF_GUESTS, QUOTA_OF_GUEST

AWAY = timedelta(hours=1)  # then what is left of it goes, whatever happened to the process
BREATH = 0.005  # seconds between two looks at the loop
YEARS = range(2001, 2100)


async def take(upload: Upload) -> tuple[Stored[Sandbox], Secret]:
    """Read it: the sandbox that it became, and the key to that.

    Raises:
        BodyTooLarge: it is more than the operator lets in.
        BrokenFile: it is no such file, and where.
        TooManyRequests: another file of the application is being read.
    """
    async with arriving.turn(upload.who.application):
        return await _taken(upload)


async def _taken(upload: Upload) -> tuple[Stored[Sandbox], Secret]:
    target, db = ids.new(SANDBOX.prefix), upload.db
    async with db.write(LIVE) as tx:
        await service.require_room(tx, upload.who, upload.services.guests)
    async with db.write(LIVE) as tx:
        away = clock.host() + AWAY
        job = await enqueue(tx, EMPTY, Emptying(workspace=target), workspace=LIVE, run_at=away)
    done = False
    try:
        loader = Loader(db, target, upload.who.application, upload.services.webhooks)
        made = await _Reading(upload, loader).read(job or "")
        done = True
    finally:
        if not done:
            await wipe.wipe(db, target)
    return made


@dataclass(slots=True)
class _Reading:
    """One file, up to some line."""

    upload: Upload
    loader: Loader
    number: int = 0

    async def read(self, job: str) -> tuple[Stored[Sandbox], Secret]:
        """The sandbox that it became, and the key to it."""
        try:
            head, end = await self._lines()
            if end != End(resources=self.loader.resources, events=self.loader.events):
                raise BrokenFile("It has more or fewer lines than its end says.")
            wrong = self.loader.known.end()
            if wrong:
                raise BrokenFile(wrong[0])
            _require_sane(head, self.loader)
            await self.loader.close()
        except InvalidRequest as problem:
            told = f"Line {self.number} is not as it should be."
            raise BrokenFile(told, errors=problem.errors, more={"line": self.number}) from None
        except InvalidJson as problem:
            told = f"Line {self.number}: {problem.detail}"
            raise BrokenFile(told, errors=problem.errors, more={"line": self.number}) from None
        except ValidationError as error:
            faults = invalid(error).errors
            raise BrokenFile(
                f"Line {self.number} is not as it should be.", errors=faults, more={"line": self.number}
            ) from None
        except Conflict:
            raise BrokenFile(f"Before line {self.number} is something twice.", more={"line": self.number}) from None
        ends = await _ends(self.upload)
        async with self.upload.db.aside.write(None) as tx:
            return await _finish(tx, self.upload, head, self.loader, (job, ends))

    async def _lines(self) -> tuple[Head, End]:
        head: Head | None = None
        end: End | None = None
        whose = {own.SELF: self.upload.who.application, own.SELVES: self.upload.who.organization}
        breath = monotonic() + BREATH
        async for raw in lines(self.upload):
            self.number += 1
            if end is not None:
                raise BrokenFile(f"Line {self.number} comes after the end.", more={"line": self.number})
            check(raw)
            if head is None:
                head = Head.model_validate_json(raw)
                _require_allowed(head, guest=service.is_guest(self.upload.who))
            else:
                end = await self._line(own.line(raw, whose))
                if self.loader.room > head.ids:
                    told = "Line 1: it says that less was given out than is there."
                    raise BrokenFile(told, more={"line": self.number})
            if monotonic() > breath:
                await asyncio.sleep(0)
                breath = monotonic() + BREATH
        if head is None or end is None:
            raise BrokenFile("The file is not whole: its end is missing.", more={"line": self.number})
        return head, end

    async def _line(self, raw: bytes) -> End | None:
        if raw.startswith(b'{"kind":'):
            line = _valid(ResourceLine, raw)
            await self.loader.resource(line.kind, line.document)
        elif raw.startswith(b'{"event":'):
            await self.loader.event(_valid(EventLine, raw).event)
        else:
            end: End = _valid(EndLine, raw).end
            return end
        return None


def _valid(model: type[Any], raw: bytes) -> Any:
    found: Input = model.model_validate_json(raw)
    return found


def _quota(*, guest: bool) -> int:
    return QUOTA_OF_GUEST if guest else QUOTA


def _require_allowed(head: Head, *, guest: bool) -> None:
    """What the head says of the world, before anything of it is written."""
    quota = _quota(guest=guest)
    if head.ids > quota:
        raise BrokenFile(f"Line 1: more is in it than {quota} ids.", more={"line": 1})
    if guest and head.size not in OF_GUESTS:
        raise BrokenFile("Line 1: without an account its size is tiny or small.", more={"line": 1})
    if head.starts_at.year not in YEARS or head.clock.year not in YEARS:
        raise BrokenFile("Line 1: its clock is not between 2001 and 2099.", more={"line": 1})


def _require_sane(head: Head, loader: Loader) -> None:
    """What it says, beside what is in it: each resource and each event was given an id."""
    if not head.base_ids <= head.ids or head.base_events > loader.last:
        raise BrokenFile("Line 1: it says that less was given out than is there.", more={"line": 1})


async def _ends(upload: Upload) -> datetime:
    """When what it becomes goes: a guest's with the sandbox that they asked from, else a guest could stay for ever."""
    if not service.is_guest(upload.who):
        return clock.host() + USUAL
    origin = await reader.stored(upload.db, upload.who, SANDBOX, upload.origin)
    if origin is None:
        raise NotFound
    usual = clock.host() + USUAL_OF_GUEST
    return min(usual, origin.model.expires_at or usual)


async def _finish(
    tx: Transaction, upload: Upload, head: Head, loader: Loader, stays: tuple[str, datetime]
) -> tuple[Stored[Sandbox], Secret]:
    """Now it is a sandbox, and `stays`: until when. Not when the job has begun that would take it away."""
    who, services, (job, ends) = upload.who, upload.services, stays
    if not await mending.call_off(tx, job):
        raise NotFound
    await service.require_room(tx, who, services.guests)
    now, guest = clock.host(), service.is_guest(who)
    new = New(
        organization=who.organization,
        name=head.name,
        id=loader.workspace,
        size=head.size,
        seed=head.seed,
        start=Clock(head.starts_at, now, head.start_pace),
        expires_at=ends,
        metadata=head.metadata,
        quota=_quota(guest=guest),
        personas=tuple(one.shown() for one in head.personas),
    )
    stored = await making.make(tx, who, new)
    await standing.lay(tx, new.id, head.ids, Clock(head.clock, now, head.pace), (head.base_ids, head.base_events))
    await endpoints.place(tx, new.id)
    key = await first_key.make(tx, who, services.pepper, new.id)
    await first_key.keep(tx, new.id, key.kept)
    return stored, key.made
