"""Sandboxes whose clock stands still, what is due in them, and what the log then says."""

import json
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from engage_api import beside as _beside  # noqa: F401  # registers what time does
from engage_api.access import keys
from engage_api.access.models import ApiKeyCreate
from engage_api.cases import service as cases
from engage_api.cases.models import CaseCreate
from engage_api.cases.tasks import service as steps
from engage_api.cases.tasks.models import TaskCreate
from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.principal import Plan, Principal
from engage_api.core.scopes import EVERYTHING, Scope
from engage_api.db import Database, log, world
from engage_api.db.sequencer import Sequencer
from engage_api.offers import service as offers
from engage_api.offers.models import OfferCreate
from tests.running import add_workspace

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 90 * DAY
PLAN = Plan("developer", 1, 1, 1)
BY_TIME = ("overdue", "expired")


class Event(NamedTuple):
    """What of an event matters here."""

    kind: str
    happened: str
    subject: str
    time: datetime
    data: dict[str, Any]


def who(workspace: str) -> Principal:
    live = not workspace.startswith("sbx_")
    return Principal("test", "app_operator", "org_operator", workspace, live, EVERYTHING, PLAN, True)


async def sandbox(db: Database, name: str, *, pace: int = FROZEN, start: datetime = START) -> Principal:
    """An empty one, frozen unless it has a pace."""
    async with db.system.write(None) as tx:
        await add_workspace(tx, f"sbx_{name}", "sandbox", "org_operator")
        await world.add(tx, f"sbx_{name}", seed=name, start=Clock(start, clock.host(), pace), quota=1_000_000)
    return who(f"sbx_{name}")


async def case(
    db: Database, principal: Principal, due: datetime | None, tasks: Sequence[datetime] = ()
) -> dict[str, datetime | None]:
    """A case that is due, with tasks that are: by id when each is, first the case."""
    async with db.write(principal.workspace) as tx:
        made = await cases.create(tx, principal, CaseCreate(type="permit", title="Dormer", due_at=due))
        found = {made.model.id: due}
        for at, when in enumerate(tasks):
            task = await steps.add(tx, principal, made.model.id, TaskCreate(title=f"Step {at}", due_at=when))
            found[task.model.id] = when
    return found


async def offer(db: Database, principal: Principal, until: datetime) -> str:
    """An active one, valid until then. Its id."""
    async with db.write(principal.workspace) as tx:
        made = await offers.create(tx, principal, OfferCreate(title="Check", valid_until=until))
        return (await offers.move(tx, principal, made.model.id, "active", None)).model.id


async def key(db: Database, principal: Principal, until: datetime) -> str:
    """One that expires then. Its id."""
    async with db.write(principal.workspace) as tx:
        wanted = ApiKeyCreate(name="Night", scopes=[Scope.CASES_READ], expires_at=until)
        stored, _ = await keys.create(tx, principal, b"pepper", wanted)
        return stored.model.id


async def filled(db: Database, principal: Principal) -> dict[str, datetime]:
    """Some of each kind, several at the same moment, and some that are due later. What is due until `END`, by id."""
    made: dict[str, datetime | None] = {}
    for day in (5, 3, 5, 89, 90, 100):
        due = START + day * DAY
        made |= await case(db, principal, due, [due, due - DAY, due + DAY])
        made[await offer(db, principal, due)] = made[await key(db, principal, due)] = due
    made |= await case(db, principal, None)
    return {one: due for one, due in made.items() if due is not None and due <= END}


async def told(db: Database, principal: Principal) -> list[Event]:
    """What time did, in the order of the log."""
    if db.dialect == "postgresql":
        while await Sequencer(db).run_once():
            pass
    found, after = [], 0
    while lines := await log.page(db, principal, after=after, limit=500, filters={}):
        after = lines[-1].sequence
        for line in lines:
            _, kind, happened, _ = line.type.split(".")
            event = json.loads(line.document)
            if happened in BY_TIME:
                assert event["actor"] == "clock"
                found.append(Event(kind, happened, line.subject, datetime.fromisoformat(event["time"]), event["data"]))
    return found


def faults(events: list[Event], wanted: AbstractSet[str]) -> list[str]:
    """What is wrong with it: something lost, twice, or before its turn."""
    times = Counter(event.subject for event in events)
    found = [f"lost: {one}" for one in sorted(wanted - times.keys())]
    found += [f"{number} times: {one}" for one, number in times.items() if number > 1]
    places = [(event.time, event.kind, event.subject) for event in events]
    found += [f"before its turn: {one}" for one, after in pairwise(places) if after < one]
    return found
