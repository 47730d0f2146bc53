"""What time does as callers of a running service see it, in the live workspace and in a sandbox."""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

from engage_api.core import clock
from tests.api.harness import Client, Service, eventually, parties, places, refused, works

AFTER = timedelta(seconds=1)


async def happened(client: Client, kind: str) -> dict[str, Any]:
    """The one event of this type, once it is there."""

    async def look() -> dict[str, Any] | None:
        items: list[dict[str, Any]] = (await client.read("/events", type=f"engage.{kind}.v1"))["items"]
        return items[0] if items else None

    return await eventually(look)


async def test_a_deadline_passes(service: Service, api: Client, other: Client) -> None:
    del service
    for client in (api, other):
        due = clock.wire(clock.host() + AFTER)
        later = await client.made("/cases", {"type": "permit", "title": "Later"})
        case = await client.made(
            "/cases", {"type": "permit", "title": "Dormer", "dueAt": due, "tasks": [{"title": "Check", "dueAt": due}]}
        )
        assert case["overdueAt"] is None
        task = (await client.read(f"/cases/{case['id']}/tasks"))["items"][0]
        for kind, path, made in (("case", "/cases", case), ("task", "/tasks", task)):
            event = await happened(client, f"{kind}.overdue")
            assert event["subject"] == made["id"]
            assert (event["actor"], event["time"]) == ("clock", due)
            assert event["recordedtime"] >= due
            now = await client.read(f"{path}/{made['id']}")
            assert event["data"] == now
            assert (now["overdueAt"], now["version"]) == (due, made["version"] + 1)
            assert await client.ids(path, overdue="true") == [made["id"]]
        assert await client.ids(f"/cases/{case['id']}/tasks", overdue="true", sort="dueAt") == [task["id"]]
        await client.moved(f"/cases/{case['id']}", "withdrawn")
        await client.moved(f"/cases/{case['id']}", "in-progress", reason="Not so.")
        await client.change(f"/cases/{case['id']}", {"dueAt": None})
        assert await client.ids("/cases", overdue="true") == []
        assert later["id"] in await client.ids("/cases")
        assert places(refused(await client.get("/tasks", params={"overdue": "false"}), 400, "invalid-request")) == {
            "overdue"
        }


async def test_a_key_ends_to_the_millisecond_and_is_told_soon(service: Service, api: Client) -> None:
    end = clock.wire(clock.host() + AFTER)
    made = await api.made("/api-keys", {"name": "Night", "scopes": ["cases:read"], "expiresAt": end})
    assert await works(service, made["key"])
    event = await happened(api, "api-key.expired")
    assert (event["subject"], event["time"], event["data"]["expiredAt"]) == (made["id"], end, end)
    assert not await works(service, made["key"])


async def test_a_client_secret_that_expires_is_told(service: Service) -> None:
    operator, partner = await parties(service)
    end = clock.wire(clock.host() + AFTER)
    path = f"/applications/{service.world.partner.id}/secrets"
    made = await operator.made(path, {"environment": "live", "expiresAt": end})
    event = await happened(operator, "client-secret.expired")
    assert (event["subject"], event["time"], event["data"]["expiredAt"]) == (made["id"], end, end)
    assert made["secret"] not in json.dumps(event)
    del partner


def test_every_process_knows_all_that_time_does() -> None:
    """What does the jobs registers a handler for each kind that time changes, without the rest of the service."""
    code = (
        "from engage_api import beside; from engage_api.jobs import moments; there = set(moments.registry.kinds);"
        "import engage_api.app; from engage_api.db.kind import Kind;"
        "wanted = {kind.name for kind in Kind.known.values() if kind.moment}; print(wanted ^ there or 'same')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "same\n"
