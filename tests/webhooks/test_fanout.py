"""From the log to deliveries: what goes wrong for one endpoint or workspace holds up no other."""

from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.access import operator
from engage_api.core import clock
from engage_api.db import log
from engage_api.db.engine import Database
from engage_api.db.errors import Unavailable
from engage_api.db.sql import Query
from engage_api.events.webhooks import deliveries, fanout, ledger
from engage_api.events.webhooks.fanout import Fanout
from engage_api.events.webhooks.ledger import Behind
from engage_api.jobs.models import JobRow
from tests.api.harness import Client, Service
from tests.webhooks.receiver import Receiver
from tests.webhooks.sent import AT, listed, settled

_job = JobRow.__table__  # type: ignore[attr-defined]
JOB = Query(select(_job.c.id).where(_job.c.unique_key == bindparam("at_key")))
OFFER = {"title": "Advice"}
OFFERS = {"types": ["engage.offer.*"]}


async def test_endpoints_that_change_all_the_time_hold_up_nobody(
    service: Service, api: Client, partner: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the read of the endpoints and the transaction one of them is always changed."""
    real, numbers = ledger.every, iter(range(1_000))
    made = await api.made(AT, {"url": receiver.url, **OFFERS})
    changing = await partner.made(AT, {"url": receiver.url, **OFFERS})
    gone = await partner.made(AT, {"url": receiver.url, **OFFERS})

    async def overtaken(db: Database, workspace: str) -> Any:
        found = await real(db, workspace)
        wanted = {"types": ["x.*"], "description": str(next(numbers))}
        await partner.patch(f"{AT}/{changing['id']}", json=wanted, headers={"if-match": "*"})
        await partner.delete(f"{AT}/{gone['id']}", headers={"if-match": "*"})
        return found

    monkeypatch.setattr("engage_api.events.webhooks.fanout.ledger.every", overtaken)
    await partner.made("/offers", OFFER)
    await settled(api, made, 1)
    assert await listed(partner, changing) == [], "it wanted something else by then"


async def test_a_workspace_that_cannot_be_served_holds_up_no_other_and_is_tried_with_less(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, tried = Fanout(service.db), []

    async def behind(_: Database) -> list[Behind]:
        return [Behind("bad", 0, 1_000), Behind("good", 0, 1_000)]

    async def offer(_: Fanout, place: Behind, most: int) -> bool:
        tried.append((place.workspace, most))
        if place.workspace == "bad" and most > 200:
            raise Unavailable("it took more than 5 s")
        return place.workspace == "good"

    monkeypatch.setattr("engage_api.events.webhooks.fanout.ledger.behind", behind)
    monkeypatch.setattr(Fanout, "_offer", offer)
    for _ in range(5):
        assert await one.run_once()
    assert [most for workspace, most in tried if workspace == "good"] == [500] * 5
    assert [most for workspace, most in tried if workspace == "bad"] == [500, 250, 125, 250, 125]


async def test_many_endpoints_are_served_a_few_events_at_a_time(
    service: Service, other: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, and none is left out; for paused endpoints nobody is asked to send."""
    monkeypatch.setattr(fanout, "ROWS", 6)
    made = [await other.made(AT, {"url": receiver.url, "types": ["x.*"]}) for _ in range(3)]
    for one in made:
        await other.moved(f"{AT}/{one['id']}", "paused")
    most, real = [0], deliveries.add

    async def counted(tx: Any, workspace: str, wanted: list[Any]) -> None:
        most.append(len(wanted))
        await real(tx, workspace, wanted)

    monkeypatch.setattr(deliveries, "add", counted)
    workspace = service.world.developer.workspace
    who = await operator.principal(service.db, workspace)
    async with service.db.write(workspace) as tx:
        for _ in range(20):
            await log.append(tx, who, log.Entry("x.a.b", "s", "app_a", b"{}", clock.host()))
    for one in made:
        await settled(other, one, 20, "pending")
        assert await service.db.system.one(JOB, None, at_key=one["id"]) is None
    assert max(most) == 6
