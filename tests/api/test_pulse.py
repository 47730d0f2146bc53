"""Who follows the log is woken by every change, once it can be read there."""

from tests.api.harness import Client, Service


async def test_a_change_wakes_those_who_follow_the_log(service: Service, api: Client) -> None:
    with service.db.pulse.hear("log") as ear:
        while await ear.wait(0.3):  # for what the fixtures did
            pass
        before = await api.ids("/events", limit=200)
        await api.made("/customers", {"kind": "person", "displayName": "Zoë"})
        assert await ear.wait(5)
        assert len(await api.ids("/events", limit=200)) == len(before) + 1
        while await ear.wait(0.3):
            pass
        assert (await api.post("/customers", json={"kind": "nobody"})).status_code == 400
        assert not await ear.wait(0.3)
