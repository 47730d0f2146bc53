"""All who follow the log in this process."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from time import monotonic

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engage_api.core.principal import Principal
from engage_api.core.problem import Problem, Unavailable
from engage_api.db import ends
from engage_api.db.ends import End
from engage_api.db.engine import Database
from engage_api.db.errors import Unavailable as DatabaseUnavailable
from engage_api.db.pulse import Ear
from engage_api.events.channels import Channel, Key, Seat, key
from engage_api.events.portions import Shelf

GAP = 0.02  # seconds at least between two looks: many commits cause one
LOOK = 1.0  # seconds between two looks when no ring was heard: one may be lost
FOR_ONE, FOR_ORGANIZATION, FOR_ALL = 20, 200, 10_000  # open taps of one caller, of all of its organization, of all
AGAIN = {"Retry-After": "10"}

_log = structlog.get_logger("engage.taps")


class TooManyStreams(Problem):
    """So many streams and waiting requests of your application, or of your organization, are open already.

    It is no limit of a plan: the `RateLimit` headers do not tell it. Close one, or see to it that those that you left
    are closed; several programs can share one stream. `Retry-After` says after how many seconds to try again.
    """

    code, status, title = "too-many-streams", 429, "Too many streams are open"


class Hub:
    """Lets them in, looks at the log for them as long as there is one, and tells them when the service stops."""

    def __init__(self, db: Database) -> None:
        self._closed = False
        self.ended: Counter[str] = Counter()
        self._db, self._shelf = db, Shelf()
        self._channels: dict[Key, Channel] = {}
        self._open: Counter[Key] = Counter()
        self._seats: dict[Seat, tuple[Key, Key, Key]] = {}
        self._following: asyncio.Task[None] | None = None
        self._ear: Ear | None = None

    def seat(self, principal: Principal, filters: Mapping[str, str], at: End) -> Seat:
        """A place in the log, of the epoch in which it was looked up.

        Raises:
            TooManyStreams: this caller or its organization follows the log too often already.
            Unavailable: this process cannot serve more, or is about to stop.
        """
        caller = principal.workspace, principal.application, principal.customer
        organization = (principal.organization,)
        for whose, most, of in ((caller, FOR_ONE, ""), (organization, FOR_ORGANIZATION, " of your organization")):
            if self._open[whose] >= most:
                raise TooManyStreams(f"{most} streams and waiting requests{of} are open already.", headers=AGAIN)
        if self._closed or len(self._seats) >= FOR_ALL:
            raise Unavailable(headers=AGAIN)
        which = *key(principal, filters), at.epoch
        channel = self._channels.get(which)
        if channel is None:
            channel = self._channels[which] = Channel(self._db, self._shelf, principal, filters, at)
        seat = Seat(channel, at.last, self._leave)
        self._seats[seat] = which, caller, organization
        self._open.update((caller, organization))
        channel.seats.add(seat)
        self._begin()
        return seat

    def _leave(self, seat: Seat) -> None:
        """Forget a seat, and what nobody else needs."""
        which, *counted = self._seats.pop(seat)
        seat.channel.seats.discard(seat)
        if not seat.channel.seats:
            del self._channels[which]
        for whose in counted:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]

    def close(self) -> None:
        """The service stops: everybody is told so at once, and nobody is let in any more."""
        self._closed = True
        for seat in tuple(self._seats):
            seat.close()

    async def end(self) -> None:
        """Close, and stop looking."""
        self.close()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    def collect(self) -> Iterator[Metric]:
        """How many taps are open, and why streams ended, for Prometheus."""
        open_now = GaugeMetricFamily("engage_taps_open", "Streams and waiting requests that follow the log.")
        open_now.add_metric([], len(self._seats))
        yield open_now
        ended = CounterMetricFamily("engage_streams_ended", "Streams that have ended, and why.", labels=["reason"])
        for reason, count in self.ended.items():
            ended.add_metric([reason], count)
        yield ended

    def _begin(self) -> None:
        if self._ear is not None:
            self._ear.ring()
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        with self._db.pulse.hear("log") as self._ear:
            while self._channels:
                began = monotonic()
                try:
                    await self._look()
                except DatabaseUnavailable as error:
                    _log.warning("the log cannot be followed", error=str(error))
                except Exception:  # noqa: BLE001  # whatever it was, the next look may go well
                    _log.exception("the log cannot be followed")
                await asyncio.sleep(max(GAP, monotonic() - began))  # at most half of the time goes into looking
                await self._ear.wait(LOOK)

    async def _look(self) -> None:
        for workspace in {channel.workspace for channel in self._channels.values()}:
            here = [channel for channel in self._channels.values() if channel.workspace == workspace]
            end = await ends.end(self._db, workspace)  # later than the places: who is beyond it has lost theirs
            for channel in here:
                await channel.look(end)
