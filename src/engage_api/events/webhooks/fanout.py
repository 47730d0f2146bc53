"""From the log to deliveries: what has become readable is put on its way to whoever wants it and may see it.

It runs beside the sequencer in every process that does jobs, so requests know nothing of it. Several at once are safe:
whoever moves the cursor of a workspace on makes the deliveries of that part, in the same transaction.
"""

import asyncio
from time import monotonic

import structlog

from engage_api.core import clock
from engage_api.core.dice import DICE
from engage_api.core.event_types import matches
from engage_api.core.principal import Principal
from engage_api.db import log, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict, Unavailable
from engage_api.db.log import Head
from engage_api.db.visibility import audience
from engage_api.events.webhooks import deliveries, drains, ledger, mishaps
from engage_api.events.webhooks.ledger import Behind, Standing
from engage_api.events.webhooks.schedule import Health

PORTION = 500  # events of a workspace at once, but
ROWS = 5_000  # deliveries: one transaction has five seconds, and on SQLite nobody else writes meanwhile
QUICK = 1.0  # seconds; where it took no longer, more is tried
GAP = 0.02  # seconds between two looks: many commits cause one
IDLE = 1.0  # seconds between two looks when nobody rings
COLLECTS = frozenset({"enabled", "failing", "paused"})
"""States in which events are kept for an endpoint, sent or not."""

Sight = str | None
Heads = dict[Sight, list[Head]]
"""Events by whose they are: of an application, or (None) of the whole workspace."""

_log = structlog.get_logger("engage.webhooks")


class Fanout:
    """Makes deliveries of what becomes readable, in all workspaces."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._portions: dict[str, int] = {}  # of workspaces where the usual one was too much

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A failure is logged and is no reason to end: the next look may do better."""
        with self._db.pulse.hear("log", stop=stop) as ear:
            while not stop.is_set():
                try:
                    more = await self.run_once()
                except (Conflict, Unavailable) as error:
                    more = False
                    _log.warning("deliveries wait", error=str(error) or type(error).__name__)
                except Exception:  # noqa: BLE001  # a mistake that is logged every second is seen
                    more = False
                    _log.exception("making deliveries failed")
                if not more:
                    await ear.wait(IDLE)
                await asyncio.sleep(GAP)

    async def run_once(self) -> bool:
        """One portion of every workspace that has something new, in any order. Whether there was more in one of them.

        What goes wrong in one workspace holds up no other.
        """
        places = await ledger.behind(self._db)
        DICE.shuffle(places)
        return any([await self._try(place) for place in places])

    async def catch_up(self, workspace: str) -> None:
        """All that is new in one workspace, now."""
        more = True
        while more:
            places = [place for place in await ledger.behind(self._db) if place.workspace == workspace]
            more = any([await self._offer(place, PORTION) for place in places])

    async def _try(self, place: Behind) -> bool:
        most, began = self._portions.get(place.workspace, PORTION), monotonic()
        try:
            more = await self._offer(place, most)
        except (Conflict, Unavailable) as error:
            self._portions[place.workspace] = max(1, most // 2)
            _log.warning("deliveries wait", workspace=place.workspace, error=str(error) or type(error).__name__)
            return False
        except Exception:  # noqa: BLE001  # as above
            _log.exception("making deliveries failed", workspace=place.workspace)
            return False
        if monotonic() - began < QUICK and self._portions.pop(place.workspace, PORTION) < PORTION // 2:
            self._portions[place.workspace] = 2 * most
        return more

    async def _offer(self, place: Behind, most: int) -> bool:
        await world.follow(self._db, place.workspace)
        standings = await ledger.every(self._db, place.workspace)
        to = min(place.last, place.sequence + max(1, min(most, ROWS // len(standings)))) if standings else place.last
        heads = await self._heads(place, to, standings)
        async with self._db.system.write(None) as tx:
            if not await ledger.move(tx, place, to):
                return False  # somebody else has made them
            if standings:
                await _put(tx, place.workspace, standings, heads)
            elif not await ledger.versions(tx, place.workspace):
                await ledger.drop(tx, place)
        return to < place.last

    async def _heads(self, place: Behind, to: int, standings: list[Standing]) -> Heads:
        """The events up to this number, as they are seen. Who sees the same is served by one read."""
        some = [one.principal for one in standings if one.model.state in COLLECTS]
        most, found = to - place.sequence, {}
        for which, principal in {_sight(one): one for one in some if one is not None}.items():
            heads = await log.heads(self._db, principal, after=place.sequence, limit=most)
            found[which] = [head for head in heads if head.sequence <= to]
        return found


async def _put(tx: Transaction, workspace: str, standings: list[Standing], heads: Heads) -> None:
    """Put events on their way. Of endpoints that have changed since they were read, what they are now counts; those
    that are new by now, or enabled again, begin after these events.
    """
    read, wanted = {one.model.id: one.version for one in standings}, _wanted(standings, heads)
    if not wanted and await ledger.versions(tx, workspace) == read:
        return
    resting, now = await ledger.lock_all(tx, workspace), clock.business(workspace)
    if await ledger.versions(tx, workspace) != read:  # none changes any more
        standings = await ledger.every_now(tx, workspace)
        wanted = _wanted(standings, heads)
    await deliveries.add(tx, workspace, wanted)
    await mishaps.delay(tx, workspace, wanted)
    sends = {one.model.id for one in standings if one.model.state != "paused"}
    for endpoint in dict.fromkeys(endpoint for endpoint, _ in wanted if endpoint in sends):
        health = Health(open_until=resting[endpoint])
        await drains.ask(tx, endpoint, health.open_until if health.rests(now) else None, workspace=workspace)


def _wanted(standings: list[Standing], heads: Heads) -> list[tuple[str, Head]]:
    """Which events go where, in the order of the log."""
    found = []
    for one in standings:
        if one.principal is not None and one.model.state in COLLECTS:
            found += [(one.model.id, head) for head in wanted_by(one, heads.get(_sight(one.principal), []))]
    return found


def _sight(principal: Principal) -> Sight:
    """Who has the same sees the same events of a workspace."""
    return None if audience(principal) == "workspace" else principal.application


def wanted_by(standing: Standing, heads: list[Head], patterns: list[str] | None = None) -> list[Head]:
    """Those of the events that an endpoint takes; of those, only what one of the patterns names."""
    takes: dict[str, bool] = {}
    model, found = standing.model, []
    for line in heads:
        if line.type not in takes:
            both = (model.types, model.types if patterns is None else patterns)
            takes[line.type] = all(any(matches(one, line.type) for one in some) for some in both)
        if takes[line.type] and model.subject in (None, line.subject) and line.sequence > standing.starts_after:
            found.append(line)
    return found
