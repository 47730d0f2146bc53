"""Those who see the same events of the log, and what they share: one read for all who stand at the same place.

Nothing is queued for a reader. It has a place, and reads on from there once it has sent what it had: however slow it
is, it keeps no more than that.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive

from engage_api.core.principal import Principal
from engage_api.db import ends, log
from engage_api.db.ends import End
from engage_api.db.engine import Database
from engage_api.db.visibility import audience, whose
from engage_api.events.portions import Portion, Shelf, fitting, pieces

PORTION = 16  # events in one read at most: they may have 64 KB each
HURRY = 0.5  # seconds that a slow reader has left when the service stops

Key = tuple[Any, ...]


def key(principal: Principal, filters: Mapping[str, str]) -> Key:
    """Those for whom this is the same see the same events, in the same bytes."""
    whom = audience(principal)
    who = (principal.workspace,) if whom == "workspace" else tuple(whose(principal).values())
    return whom, principal.sees_workspace, who, tuple(sorted(filters.items()))


class Channel:
    """Those who see the same events. `at` is where the log was looked at last: nothing up to there is news.

    It is `lost` when the log has begun anew: no place in it is one in the log that there is now.
    """

    def __init__(self, db: Database, shelf: Shelf, principal: Principal, filters: Mapping[str, str], at: End) -> None:
        self.workspace = principal.workspace
        self.at, self.epoch = at
        self.lost = False
        self.seats: set[Seat] = set()
        self._db, self._shelf, self._principal, self._filters = db, shelf, principal, dict(filters)
        self._reading: dict[int, asyncio.Task[Portion]] = {}

    async def after(self, place: int) -> Portion:
        """What follows a place: read once for all who ask for it within a second."""
        kept = self._shelf.get((self, place))
        if kept is not None:
            return kept
        reading = self._reading.get(place)
        if reading is None:
            reading = self._reading[place] = asyncio.create_task(self._read(place))
            reading.add_done_callback(lambda done: self._done(place, done))
        return await asyncio.shield(reading)  # whoever goes away does not take it from the others

    async def look(self, end: End) -> None:
        """Go on to the last that can be read, and wake those for whom there is news, or no more."""
        if end.epoch != self.epoch or end.last < self.at:
            self._lose()
        if self.lost or end.last == self.at:
            return
        start, portion = self.at, await self.after(self.at)
        self.at = max(portion.upto, end.last)
        for seat in tuple(self.seats):
            if portion.pieces:
                seat.ring()
            elif seat.waits and start <= seat.at < portion.upto:  # or its next read would begin far behind
                seat.at = portion.upto

    async def _read(self, place: int) -> Portion:
        """All up to `last` can be read before it is known, so nothing is passed over."""
        began = monotonic()
        last = await log.last(self._db, self.workspace)
        found = await log.page(self._db, self._principal, after=place, limit=PORTION, filters=self._filters)
        if await ends.epoch(self._db, self.workspace) != self.epoch:  # what was found may follow another place
            self._lose()
            found = []
        lines = found[: fitting(found)]
        more = len(found) == PORTION or len(lines) < len(found)
        upto = lines[-1].sequence if more else max([last, place, *(line.sequence for line in lines)])
        return Portion(pieces(lines), upto, began)

    def _lose(self) -> None:
        self.lost = True
        for seat in self.seats:
            seat.ring()

    def _done(self, place: int, done: "asyncio.Task[Portion]") -> None:
        del self._reading[place]
        if not done.cancelled() and done.exception() is None and done.result().pieces:
            self._shelf.put((self, place), done.result())


class Seat:
    """Where one reader stands; use it as a context.

    It is `over` when the reader is `gone`, the service stops or the place is `lost`.
    """

    __slots__ = ("_bell", "_leave", "at", "channel", "closed", "deadline", "gone")

    def __init__(self, channel: Channel, at: int, leave: Callable[["Seat"], None]) -> None:
        self._leave = leave
        self._bell: asyncio.Future[None] | None = None
        self.channel, self.at = channel, at
        self.deadline: asyncio.Timeout | None = None
        self.gone = self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave(self)

    @property
    def over(self) -> bool:
        return self.gone or self.closed or self.lost

    @property
    def lost(self) -> bool:
        return self.channel.lost

    @property
    def waits(self) -> bool:
        return self._bell is not None

    async def next(self, seconds: float) -> Portion | None:
        """What follows; None when there is nothing within that time, or it is over."""
        until = monotonic() + seconds
        while not self.over:
            if self.at < self.channel.at:
                was, portion = self.at, await self.channel.after(self.at)
                self.at = portion.upto
                if portion.pieces:
                    return portion
                if was < portion.upto or self.over:
                    continue
            if (left := until - monotonic()) > 0:
                await self.wait(left)
            else:
                break
        return None

    async def wait(self, seconds: float) -> None:
        """Until somebody rings, or the time is over."""
        loop = asyncio.get_running_loop()
        self._bell = loop.create_future()
        timer = loop.call_later(seconds, self.ring)
        try:
            await self._bell
        finally:
            timer.cancel()
            self._bell = None

    def ring(self) -> None:
        """Wake it."""
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def close(self) -> None:
        """The service stops: wake it, and leave a reader that is slow little time."""
        self.closed = True
        self.ring()
        if self.deadline is not None:
            with contextlib.suppress(RuntimeError):  # the time is over in this very moment
                self.deadline.reschedule(asyncio.get_running_loop().time() + HURRY)

    async def watch(self, receive: Receive) -> None:
        """Notice that the reader has gone away."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.ring()
