"""The log as a stream of server-sent events (WHATWG HTML, section 9.2), in the same bytes as on its pages."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import NamedTuple

import structlog
from fastapi import Response
from starlette.types import Receive, Scope, Send

from engage_api.access.guard import look_again
from engage_api.core.dice import DICE
from engage_api.core.problem import Problem, TooSlow, Unauthenticated
from engage_api.core.scopes import Scope as Permission
from engage_api.db.ends import End
from engage_api.db.errors import Unavailable as DatabaseUnavailable
from engage_api.db.kept import EventGone
from engage_api.events.channels import HURRY, Seat, key
from engage_api.events.hub import Hub
from engage_api.http import problems
from engage_api.http.call import Call
from engage_api.http.middleware import ABORT

HEARTBEAT = 15.0  # seconds of silence after which a comment is sent, and the credential looked at again
SLOWEST = 10.0  # seconds that a reader may take for a piece
RETRY, SPREAD = 2_000, (500, 3_000)  # ms until a client comes back; when the service stops, not all at once
PAUSE = 1.0  # seconds until the next try when the database is away
MEDIA_TYPE = "text/event-stream"
HEADERS = [(b"content-type", MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no")]  # nginx would keep it back
COMMENT = b":\n\n"
ANEW = "The sandbox was reset or restored: its log is another one since."

_log = structlog.get_logger("engage.taps")


class Start(NamedTuple):
    """Where a stream begins: after this number, which is that of the event with this id, if there is one."""

    at: End
    id: str | None


class Stream(Response):
    """Follows the log for one reader until one of them ends it."""

    media_type = MEDIA_TYPE

    def __init__(self, call: Call, taps: Hub, filters: Mapping[str, str], start: Start) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self.raw_headers = list(HEADERS)
        self._call, self._taps, self._filters, self._start = call, taps, filters, start
        self._key = key(call.principal, filters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyStreams or Unavailable before anything is sent (`Hub.seat`)."""
        with self._taps.seat(self._call.principal, self._filters, self._start.at) as seat:
            watch, began = asyncio.create_task(seat.watch(receive)), perf_counter()
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                if scope["method"] == "HEAD":  # as `Head` says by now: nobody reads what would follow
                    await send({"type": "http.response.body", "body": b""})
                    return
                reason = await self._follow(Way(scope, send, seat))
            finally:
                watch.cancel()
                scope["state"]["waited"] = perf_counter() - began
            self._taps.ended[reason] += 1
            if reason not in ("gone", "stopped"):
                _log.info("a stream was ended", reason=reason, request_id=scope["state"]["request_id"])

    async def _follow(self, way: "Way") -> str:
        """Why it ended."""
        here = self._call.services.base_url
        try:
            place = b"id: %b\n" % self._start.id.encode() if self._start.id else b""
            await way.write(b"retry: %d\n%b\n" % (RETRY, place))
            while not way.seat.over:
                await self._step(way)
            if way.seat.lost and not way.seat.gone:
                raise EventGone(ANEW)
        except Problem as problem:
            return await way.refuse(problem, here)
        except TimeoutError:
            return await way.refuse(TooSlow(), here)
        if way.seat.gone:
            return "gone"
        await way.end(b"retry: %d\n\n" % DICE.randint(*SPREAD))
        return "stopped"

    async def _step(self, way: "Way") -> None:
        """What came next, if whoever asks may still see it; after a silence, a sign of life."""
        at = way.seat.at
        try:
            portion = await way.seat.next(HEARTBEAT)
            who = await look_again(self._call, Permission.EVENTS_READ)
        except DatabaseUnavailable:  # nobody knows who may see what: show nothing, and try again from the same place
            way.seat.at = at
            await way.seat.wait(PAUSE)
            return
        if key(who, self._filters) != self._key:
            raise Unauthenticated("What this credential shows has changed. Connect again.")
        if way.seat.over:
            return
        for piece in (COMMENT,) if portion is None else portion.pieces:
            await way.write(piece)


class Way:
    """The way to one reader."""

    __slots__ = ("_scope", "_send", "seat")

    def __init__(self, scope: Scope, send: Send, seat: Seat) -> None:
        self._scope, self._send = scope, send
        self.seat = seat

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send it.

        Raises:
            TimeoutError: the reader has not taken what was sent before, and this was not sent.
        """
        try:
            async with asyncio.timeout(HURRY if last else SLOWEST) as self.seat.deadline:
                await self._send({"type": "http.response.body", "body": data, "more_body": not last})
        finally:
            self.seat.deadline = None

    async def end(self, data: bytes) -> None:
        """Send it as the last; a reader that does not take it is cut off."""
        try:
            await self.write(data, last=True)
        except TimeoutError:
            await self.cut()

    async def refuse(self, problem: Problem, base_url: str) -> str:
        """End with a problem. Its code."""
        body = problems.render(problem, self._scope["state"]["request_id"], base_url).body
        await self.end(b"event: problem\ndata: %b\n\n" % bytes(body))
        return problem.code

    async def cut(self) -> None:
        """Let go of a connection whose reader does not read: what it was sent would wait for it for ever."""
        abort = self._scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort()
            if not self.seat.gone:
                await self.seat.wait(1.0)  # until the server has noticed
