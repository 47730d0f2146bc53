"""From the log to deliveries: what has become readable is put on its way to whoever wants it and may see it.

It runs beside the sequencer in every process that does jobs, so requests know nothing of it. Several at once are safe:
whoever moves the cursor of a workspace on makes the deliveries of that part, in the same transaction.
"""

import asyncio
from collections import defaultdict

import structlog

from engage_api.core import clock
from engage_api.core.event_types import matches
from engage_api.core.principal import Principal
from engage_api.db import log
from engage_api.db.engine import Database
from engage_api.db.errors import Conflict, Unavailable
from engage_api.db.log import Line
from engage_api.events.webhooks import deliveries, drains, ledger
from engage_api.events.webhooks.ledger import Behind, Standing

PORTION = 500  # events of a workspace at once
GAP = 0.02  # seconds between two looks: many commits cause one
IDLE = 1.0  # seconds between two looks when nobody rings
COLLECTS = frozenset({"enabled", "failing", "paused"})
"""States in which events are kept for an endpoint, sent or not."""

_log = structlog.get_logger("engage.webhooks")


class Changed(Exception):
    """Endpoints have changed since they were read: once more."""


class Fanout:
    """Makes deliveries of what becomes readable, in all workspaces."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A failure is logged and is no reason to end: the next look may do better."""
        with self._db.pulse.hear("log", stop=stop) as ear:
            while not stop.is_set():
                try:
                    more = await self.run_once()
                except (Conflict, Unavailable, Changed) as error:
                    more = False
                    _log.warning("deliveries wait", error=str(error) or type(error).__name__)
                except Exception:  # noqa: BLE001  # a mistake that is logged every second is seen
                    more = False
                    _log.exception("making deliveries failed")
                if not more:
                    await ear.wait(IDLE)
                await asyncio.sleep(GAP)

    async def run_once(self) -> bool:
        """One portion of every workspace that has something new. Whether there was more in one of them."""
        return any([await self._offer(place) for place in await ledger.behind(self._db)])

    async def _offer(self, place: Behind) -> bool:
        standings = await ledger.every(self._db, place.workspace)
        to = min(place.last, place.sequence + PORTION) if standings else place.last
        wanted = await self._wanted(place, to, standings)
        async with self._db.system.write(None) as tx:
            if not await ledger.move(tx, place, to):
                return False  # somebody else has made them
            if await ledger.versions(tx, place.workspace) != {one.model.id: one.version for one in standings}:
                raise Changed
            if not standings:
                await ledger.drop(tx, place)
            if wanted:
                resting, now = await ledger.lock_all(tx, place.workspace), clock.host()
                await deliveries.add(tx, place.workspace, wanted)
                for endpoint in dict.fromkeys(endpoint for endpoint, _ in wanted):
                    until = resting[endpoint]
                    later = until if until is not None and until > now else None
                    await drains.ask(tx, endpoint, later, workspace=place.workspace)
        return to < place.last

    async def _wanted(self, place: Behind, to: int, standings: list[Standing]) -> list[tuple[str, Line]]:
        """Which events go where, in the order of the log. Who sees the same is served by one read."""
        alike: dict[Principal, list[Standing]] = defaultdict(list)
        for one in standings:
            if one.principal is not None and one.model.state in COLLECTS:
                alike[one.principal].append(one)
        found = []
        for principal, several in alike.items():
            lines = await log.page(self._db, principal, after=place.sequence, limit=PORTION, filters={})
            for one in several:
                found += [(one.model.id, line) for line in wanted_by(one, lines) if line.sequence <= to]
        return found


def wanted_by(standing: Standing, lines: list[Line], patterns: list[str] | None = None) -> list[Line]:
    """Those of the events that an endpoint takes; of those, only what one of the patterns names."""
    takes: dict[str, bool] = {}
    model, found = standing.model, []
    for line in lines:
        if line.type not in takes:
            both = (model.types, model.types if patterns is None else patterns)
            takes[line.type] = all(any(matches(one, line.type) for one in some) for some in both)
        if takes[line.type] and model.subject in (None, line.subject) and line.sequence > standing.starts_after:
            found.append(line)
    return found
