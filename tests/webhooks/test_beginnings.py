"""An endpoint is sent nothing of what had happened before, also where the log has not numbered it yet."""

import asyncio
from pathlib import Path

import pytest

from engage_api.db.sequencer import Sequencer, settle
from engage_api.events.webhooks.courier import Courier
from engage_api.events.webhooks.drains import DELIVER, Wanted
from engage_api.events.webhooks.fanout import Fanout
from engage_api.jobs import queue
from engage_api.jobs.limits import Limits
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings
from tests.webhooks.receiver import Receiver, says
from tests.webhooks.sent import AT, Body, listed

OFFER = {"title": "Advice"}


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Nobody numbers and nobody works but the test: on PostgreSQL what is committed waits for its number."""

    async def rest(_: Sequencer, stop: asyncio.Event) -> None:
        await stop.wait()

    monkeypatch.setattr(Sequencer, "run", rest)
    return make_settings(database_url, tmp_path, outbound_loopback=True, worker=False)


async def offered(service: Service, api: Client, endpoint: Body) -> int:
    """How many deliveries there are once all that happened is put on its way."""
    await settle(service.db)
    while await Fanout(service.db).run_once():
        pass
    return len(await listed(api, endpoint))


async def test_what_waited_for_its_number_when_an_endpoint_began_is_not_sent(
    service: Service, api: Client, receiver: Receiver
) -> None:
    await api.made("/offers", OFFER)
    made = await api.made(AT, {"url": receiver.url, "types": ["engage.offer.*"]})
    assert await offered(service, api, made) == 0
    await api.made("/offers", OFFER)
    assert await offered(service, api, made) == 1
    receiver.answer = says(410)
    [job] = await queue.claim(service.db.system, {DELIVER: Limits()}, 1)
    job.payload = Wanted.model_validate(job.payload)
    await Courier(service.services.webhooks).deliver(service.db, job)
    assert (await api.read(f"{AT}/{made['id']}"))["state"] == "disabled"
    await api.made("/offers", OFFER)
    await api.moved(f"{AT}/{made['id']}", "enabled")
    assert await offered(service, api, made) == 1
    await api.made("/offers", OFFER)
    assert await offered(service, api, made) == 2
