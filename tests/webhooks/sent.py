"""What a test looks at of deliveries."""

from typing import Any

from tests.api.harness import Client, eventually

AT = "/webhook-endpoints"
Body = dict[str, Any]


async def listed(api: Client, endpoint: Body, **filters: str) -> list[Body]:
    """All deliveries of an endpoint, the newest first."""
    found: list[Body] = (await api.read(f"{AT}/{endpoint['id']}/deliveries", limit=200, **filters))["items"]
    return found


async def settled(
    api: Client, endpoint: Body, number: int, state: str = "delivered", seconds: float = 15
) -> list[Body]:
    """The deliveries that have come to this end, once they are so many, the oldest first."""

    async def look() -> list[Body] | None:
        found = await listed(api, endpoint, state=state)
        return found[::-1] if len(found) >= number else None

    return await eventually(look, 15)


async def delivery(api: Client, found: Body) -> Body:
    """One with its attempts."""
    return await api.read(f"/webhook-deliveries/{found['id']}")


async def state(api: Client, endpoint: Body, wanted: str, seconds: float = 15) -> Body:
    """The endpoint, once it is in this state."""

    async def look() -> Body | None:
        found = await api.read(f"{AT}/{endpoint['id']}")
        return found if found["state"] == wanted else None

    return await eventually(look, seconds)
