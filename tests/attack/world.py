"""A little world to attack: one of everything, the same on both databases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.attack.catalogue import Operation
from tests.running import Answer, Headers, Service, service

HELD: dict[str, dict[str, Any]] = {
    "customers": {"externalId": "our:1", "kind": "person", "displayName": "Ada", "segments": ["vip"]},
    "offers": {"externalId": "our:2", "title": "Advice"},
    "cases": {"externalId": "our:3", "type": "permit", "title": "Dormer", "metadata": {"desk": "north"}},
    "api-keys": {"name": "Spare", "scopes": ["customers:read"]},
}
TASK = {"externalId": "our:4", "title": "Check", "assignee": "Team"}


@dataclass
class World:
    """A service, a key to it, and the ids of one of everything, by the names that paths have for them."""

    service: Service
    key: str
    ids: dict[str, str] = field(default_factory=dict)
    who: str = "our"

    async def send(self, operation: Operation, body: Any = None, headers: Headers = ()) -> Answer:
        """The operation on what is there. A change is of whatever version there is."""
        match = [("If-Match", "*")] if operation.method in {"PATCH", "DELETE"} else []
        path = operation.at(self.ids | {"external_id": f"{self.who}:put"})
        return await self.service.ask(operation.method, path, body, key=self.key, headers=[*match, *headers])

    async def fill(self) -> None:
        """Make one of everything; the case is the customer's."""
        for plural, body in HELD.items():
            more = {"customerId": self.ids["customer_id"]} if plural == "cases" else {}
            made = await self.service.ask("POST", f"/v1/{plural}", self._mine(body | more), key=self.key)
            assert made.status == 201, made.body
            self.ids[plural.removeprefix("api-").rstrip("s") + "_id"] = made.json["id"]
        made = await self.service.ask("POST", f"/v1/cases/{self.ids['case_id']}/tasks", self._mine(TASK), key=self.key)
        assert made.status == 201, made.body
        self.ids["task_id"] = made.json["id"]

    def _mine(self, body: dict[str, Any]) -> dict[str, Any]:
        """With an external id that nobody else has."""
        return {name: value.replace("our", self.who) if name == "externalId" else value for name, value in body.items()}


class Both(NamedTuple):
    """The same world on SQLite and on PostgreSQL."""

    sqlite: World
    postgres: World

    async def send(self, operation: Operation, body: Any = None, headers: Headers = ()) -> tuple[Answer, Answer]:
        """The same request to both, one after the other."""
        first = await self.sqlite.send(operation, body, headers)
        return first, await self.postgres.send(operation, body, headers)


@asynccontextmanager
async def both(sqlite_url: str, postgres_url: str) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(service(url)) for url in (sqlite_url, postgres_url)]
        worlds = [World(one, await one.key()) for one in services]
        for world in worlds:
            await world.fill()
        yield Both(*worlds)
