"""Deliveries are kept for 30 days; those that go without having been sent are told."""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, update
from structlog.testing import capture_logs

from engage_api.core import clock
from engage_api.db.base import Instant
from engage_api.db.sql import Query
from engage_api.events.webhooks.delivery_models import WebhookDeliveryRow
from engage_api.events.webhooks.housekeeping import KEPT, SWEEP
from engage_api.jobs import registry
from tests.api.harness import Client, Service
from tests.webhooks.receiver import Receiver
from tests.webhooks.sent import AT, Body, listed, settled

NOTHING: Any = None  # the handler does not look at the job
_delivery = WebhookDeliveryRow.__table__  # type: ignore[attr-defined]
AGED = Query(
    update(_delivery).where(_delivery.c.id == bindparam("at_id")).values(changed_at=bindparam("then", type_=Instant()))
)


async def test_what_is_forgotten_before_it_was_sent_is_told(service: Service, api: Client, receiver: Receiver) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await api.made("/offers", {"title": "A"})
    [sent] = await settled(api, made, 1)
    await api.moved(f"{AT}/{made['id']}", "paused")
    for title in "BC":
        await api.made("/offers", {"title": title})
    waits, stays = await settled(api, made, 2, "pending")
    async with service.db.system.write(None) as tx:
        for one in (sent, waits):
            await tx.run(AGED, at_id=one["id"], then=clock.host() - KEPT - timedelta(seconds=1))
    with capture_logs() as lines:
        await registry.kinds[SWEEP].handler(service.db, NOTHING)
    assert await listed(api, made) == [stays]
    told: list[Body] = [dict(line) for line in lines if line["event"] == "deliveries were forgotten unsent"]
    assert [(line["endpoint"], line["number"], line["log_level"]) for line in told] == [(made["id"], 1, "warning")]
