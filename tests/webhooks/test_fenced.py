"""Who has lost the job writes nothing of what it did, not even what it did before it knew."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from engage_api.db.sql import Query
from engage_api.events.webhooks.courier import Courier
from engage_api.events.webhooks.drains import DELIVER, Wanted
from engage_api.events.webhooks.fanout import Fanout
from engage_api.jobs import Stale, queue
from engage_api.jobs.limits import Limits
from engage_api.jobs.models import JobRow
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings
from tests.webhooks.receiver import Receiver
from tests.webhooks.sent import AT, listed

_job = JobRow.__table__  # type: ignore[attr-defined]
TAKEN = Query(update(_job).values(token=_job.c.token + 1))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Nobody works but the test."""
    return make_settings(database_url, tmp_path, outbound_loopback=True, worker=False)


async def test_what_was_sent_by_who_lost_the_job_is_not_written(
    service: Service, api: Client, receiver: Receiver
) -> None:
    made = await api.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    await api.made("/offers", {"title": "A"})
    await api.events(4)
    await Fanout(service.db).run_once()
    [job] = await queue.claim(service.db.system, {DELIVER: Limits()}, 1)
    job.payload = Wanted.model_validate(job.payload)

    async def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        async with service.db.system.write(None) as tx:
            await tx.run(TAKEN)
        return 200, {}, b""

    receiver.answer = answer
    with pytest.raises(Stale):
        await Courier(service.services.webhooks).deliver(service.db, job)
    assert len(receiver.got) == 1
    [found] = await listed(api, made)
    assert (found["state"], found["attempts"]) == ("pending", 0)
