"""A little world to attack: one of everything, the same on both databases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engage_api.access.applications.models import OPERATOR
from tests.attack.catalogue import FROZEN, Operation
from tests.jobs.dead import dead_job
from tests.people import add_member
from tests.running import Answer, Application, Headers, Service, service

HELD: dict[str, dict[str, Any]] = {
    "customers": {"externalId": "our:1", "kind": "person", "displayName": "Ada", "segments": ["vip"]},
    "offers": {"externalId": "our:2", "title": "Advice"},
    "cases": {"externalId": "our:3", "type": "permit", "title": "Dormer", "metadata": {"desk": "north"}},
    "api-keys": {"name": "Spare", "scopes": ["customers:read"]},
}
HOOK = {"url": "https://receiver.invalid/engage"}  # nothing is sent there: no host has such a name (RFC 6761)
ALWAYS = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
PARTY = {"name": "Party", "kind": "partner"}
PROGRAM = {"name": "Program", "scopes": ["cases:read"]}
OURS = Application(OPERATOR, "live")
SANDBOX = {"name": "Trial", "size": "empty", "seed": "attack", "clock": FROZEN}
TASK = {"externalId": "our:4", "title": "Check", "assignee": "Team"}


@dataclass
class World:
    """A service, a key to it, and the ids of one of everything, by the names that paths have for them."""

    service: Service
    key: str
    ids: dict[str, str] = field(default_factory=dict)
    who: str = "our"
    application: Application = OURS
    guests: int = 0

    async def send(self, operation: Operation, body: Any = None, headers: Headers = ()) -> Answer:
        """The operation on what is there. A change is of whatever version there is."""
        match = [("If-Match", "*")] if operation.method in {"PATCH", "DELETE"} else []
        path = operation.at(self.ids | {"external_id": f"{self.who}:put"})
        return await self.service.ask(operation.method, path, body, key=self.key, headers=[*match, *headers])

    async def fill(self) -> None:
        """Make one of everything; the case is the customer's."""
        for plural, body in HELD.items():
            more = {"customerId": self.ids["customer_id"]} if plural == "cases" else {}
            one = plural.removeprefix("api-").rstrip("s")
            self.ids[f"{one}_id"] = await self._made(f"/v1/{plural}", self._mine(body | more))
        self.ids["task_id"] = await self._made(f"/v1/cases/{self.ids['case_id']}/tasks", self._mine(TASK))
        self.ids["link_id"] = await self._made(*self.another("link_id"))
        self.ids["job_id"] = await dead_job(self.service.db) if self.application == OURS else "job_none"
        self.ids["endpoint_id"] = await self._made(*self.another("endpoint_id"))
        self.ids["delivery_id"] = await self._sent(f"/v1/webhook-endpoints/{self.ids['endpoint_id']}")
        await self._fill_with_parties()
        await self._fill_with_sandboxes()

    async def _fill_with_sandboxes(self) -> None:
        """A sandbox of their own, with a snapshot, a story that plays, and some time that has passed."""
        self.ids["sandbox_id"] = await self._made("/v1/sandboxes", SANDBOX)
        here = f"/v1/sandboxes/{self.ids['sandbox_id']}"
        self.ids["run_id"] = await self._made(f"{here}/scenario-runs", {"scenario": "permit-late"})
        self.ids["advance_id"] = await self._made(f"{here}/clock/advances", {"by": "PT1M"})
        self.ids["snapshot_id"] = await self._made(f"{here}/snapshots", {})

    async def _fill_with_parties(self) -> None:
        """The operator makes an organization and an application, a partner has its own, a sandbox has none."""
        if self.application.workspace != "live":
            self.ids |= {"organization_id": "org_none", "application_id": "app_none", "credential_id": "sec_none"}
            self.ids |= {"member_id": "mem_none", "invitation_id": "inv_none"}
            return
        self.ids |= {"organization_id": f"org_{self.application.id}", "application_id": self.application.id}
        if self.application.id == OPERATOR:
            self.ids["organization_id"] = await self._made(*self.another("organization_id"))
            await self._approve(self.ids["organization_id"])
            self.ids["application_id"] = await self._made(*self.another("application_id"))
        self.ids["credential_id"] = await self._made(*self.secret(self.ids["application_id"]))
        self.ids["invitation_id"] = await self._made(*self.another("invitation_id"))
        self.ids["member_id"] = await add_member(self.service.db, self.ids["organization_id"])

    async def _sent(self, endpoint: str) -> str:
        """The id of something that is on its way there, once the log can be read."""
        while True:
            assert (await self.service.ask("POST", f"{endpoint}/replays", ALWAYS, key=self.key)).status == 202
            found = (await self.service.ask("GET", f"{endpoint}/deliveries", key=self.key)).json["items"]
            if found:
                return str(found[-1]["id"])  # of the log's first event, so the same in every world

    async def _approve(self, organization_id: str) -> None:
        path = f"/v1/organizations/{organization_id}/transitions"
        assert (await self.service.ask("POST", path, {"to": "approved"}, key=self.key)).status == 200

    def another(self, name: str) -> tuple[str, dict[str, Any]]:
        """Where one more of what has this name in paths is made, and of what; with no external id."""
        one = name.removesuffix("_id")
        plural = {"key": "api-keys", "sandbox": "sandboxes"}.get(one, f"{one}s")
        if one == "task":
            plural = f"cases/{self.ids['case_id']}/tasks"
        elif one == "link":
            plural = f"customers/{self.ids['customer_id']}/account-links"
        elif one == "endpoint":
            plural = "webhook-endpoints"
        elif one == "invitation":
            plural = f"organizations/{self.ids['organization_id']}/invitations"
        parties: dict[str, dict[str, Any]] = {
            "task": TASK,
            "organization": PARTY,
            "application": PROGRAM,
            "endpoint": HOOK,
            "invitation": self._guest(),
            "sandbox": SANDBOX,
            "link": {"email": self._guest()["email"]},
        }
        body = parties.get(one) or HELD[plural]
        more = {"organizationId": self.ids["organization_id"]} if one == "application" else {}
        return f"/v1/{plural}", {what: value for what, value in body.items() if what != "externalId"} | more

    def _guest(self) -> dict[str, Any]:
        """Somebody who was not invited before."""
        self.guests += 1
        return {"email": f"guest{self.guests}@example.org", "role": "viewer"}

    def secret(self, application_id: str) -> tuple[str, dict[str, Any]]:
        """Where a client secret of this application is made, and of what."""
        return f"/v1/applications/{application_id}/secrets", {"environment": "test"}

    async def _made(self, path: str, body: dict[str, Any]) -> str:
        made = await self.service.ask("POST", path, body, key=self.key)
        assert made.status == 201, made.body
        return str(made.json["id"])

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
