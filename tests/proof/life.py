"""A varied life: every kind of call that succeeds, so that what is looked at afterwards has seen it all."""

from typing import Any

from tests.attack.world import World
from tests.running import Answer

CUSTOMER: dict[str, Any] = {
    "externalId": "life:1",
    "kind": "person",
    "displayName": "Zoë O'Neill-Çelik 你好",
    "identifiers": [{"scheme": "kvk", "value": "12345678"}, {"scheme": "long", "value": "x" * 300}],
    "contactPoints": [{"type": "email", "value": "Zoe@Example.org", "label": "work", "preferred": True}],
    "preferences": {"language": "nl", "channels": ["web", "email"], "contactable": False},
    "context": {"role": "owner", "location": "Utrecht", "intent": "build \u202e a dormer"},
    "segments": ["home-owner", "vip"],
    "metadata": {"desk": "north", "long": "v" * 500, "empty": ""},
}
CASE: dict[str, Any] = {
    "externalId": "life:2",
    "type": "building-permit",
    "title": "Dormer at Élan",
    "triage": "tailored",
    "informationNeeded": [{"name": "plan", "received": True}],
    "participants": [{"role": "applicant", "name": "Zoë"}],
    "decision": {"result": "granted", "decidedAt": "2026-11-21T20:00:00.5+02:00"},
    "dueAt": "2027-01-01T00:00:00+01:00",
    "receivedAt": "2026-01-01T00:00:00.123456Z",
    "metadata": {"desk": "south"},
    "tasks": [
        {"title": "Look"},
        {"title": "Drive", "mode": "automatic", "kind": "call", "dueAt": "2026-12-01T00:00:00Z"},
    ],
}
OFFER: dict[str, Any] = {
    "externalId": "life:3",
    "title": "Energy check",
    "components": [{"name": "Advice", "quantity": 2, "price": {"amount": "12.5000", "currency": "EUR"}}],
    "price": {"money": {"amount": "-0.10", "currency": "USD"}, "period": "P1M"},
    "channels": ["web"],
    "validFrom": "2026-01-01T00:00:00Z",
    "validUntil": "2027-01-01T00:00:00Z",
}
LISTS = {
    "customers": "search=zoe&segment=vip&identifier=12345678&contactPoint=ZOE@example.org&state=active&kind=person"
    "&sort=displayName",
    "cases": "search=dormer&type=building-permit&triage=tailored&channel=web&dueFrom=2026-01-01T00:00:00Z&sort=-dueAt",
    "offers": "channel=web&validAt=2026-06-01T00:00:00Z&sort=updatedAt&state=active&search=advice",
    "tasks": "kind=call&mode=automatic&state=available&dueUntil=2027-06-01T00:00:00Z&sort=dueAt&search=drive",
    "api-keys": "sort=-updatedAt",
}
RANGES = "&".join(
    f"{what}{edge}-01-01T00:00:00Z" for what in ("created", "updated") for edge in ("From=2020", "Until=2100")
)


class Life:
    """Lives in a world. `calls` counts what succeeded."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = 0

    async def do(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        answer = await self.world.service.ask(method, f"/v1/{path}", body, key=self.world.key, headers=given)
        assert answer.status < 400, (method, path, answer.status, answer.body)
        self.calls += 1
        return answer

    async def live(self) -> None:
        """All of it."""
        customer = await self._customers()
        await self._cases(customer)
        await self._offers()
        await self._keys()
        for path, filters in LISTS.items():
            await self._lists(path, filters)
        await self._events()

    async def _customers(self) -> str:
        made = await self.do("POST", "customers", CUSTOMER, idempotency_key="one")
        await self.do("POST", "customers", CUSTOMER, idempotency_key="one")
        path = f"customers/{made.json['id']}"
        await self.do("GET", path, if_none_match=made.header("etag") or "")
        patch = {
            "context": {"intent": None, "role": "tenant"},
            "metadata": {"desk": None, "new": "1"},
            "segments": ["vip"],
        }
        await self.do("PATCH", path, patch, if_match=made.header("etag") or "")
        await self.do("PATCH", path, {}, if_match="*")
        for to in ("active", "dormant", "active"):
            await self.do("POST", f"{path}/transitions", {"to": to})
        put = {**CUSTOMER, "externalId": "life:put"}
        await self.do("PUT", "customers/external/life:put", put)
        gone = await self.do("PUT", "customers/external/life:put", {**put, "displayName": "Ida"})
        await self.do("GET", "customers/external/life:put")
        await self.do("DELETE", f"customers/{gone.json['id']}", if_match="*")
        return str(made.json["id"])

    async def _cases(self, customer: str) -> None:
        made = await self.do(
            "POST", "cases", {**CASE, "customerId": customer, "channel": "desk"}, idempotency_key="two"
        )
        path = f"cases/{made.json['id']}"
        await self.do("PATCH", path, {"channel": "web", "parentId": self.world.ids["case_id"]}, if_match="*")
        for expand in ("customer", "tasks", "customer,tasks"):
            await self.do("GET", f"{path}?expand={expand}")
        await self.do("PUT", "cases/external/life:case", {"type": "x", "title": "Put"})
        await self.do("PUT", "cases/external/life:case", {"type": "x", "title": "Put again"})
        await self.do("GET", "cases/external/life:case")
        await self._tasks(path)
        for to in ("accepted", "in-progress", "delivered", "confirmed"):
            await self.do("POST", f"{path}/transitions", {"to": to, "outcome": "Built"}, idempotency_key=f"case {to}")
        await self.do("POST", f"{path}/transitions", {"to": "in-progress", "reason": "again"})

    async def _tasks(self, path: str) -> None:
        task = (await self.do("POST", f"{path}/tasks", {"title": "Measure", "assignee": "A"})).json["id"]
        await self.do("PATCH", f"tasks/{task}", {"assignee": "B", "metadata": {"a": "b"}}, if_match="*")
        for to in ("active", "completed"):
            await self.do("POST", f"tasks/{task}/transitions", {"to": to, "result": "done"})
        await self.do("GET", f"{path}/tasks?count=true&{RANGES}")
        await self.do("GET", f"tasks/{task}")

    async def _offers(self) -> None:
        made = await self.do("POST", "offers", OFFER)
        path = f"offers/{made.json['id']}"
        await self.do("PATCH", path, {"price": {"period": None}, "components": []}, if_match="*")
        await self.do("POST", f"{path}/transitions", {"to": "active"})
        draft = await self.do("PUT", "offers/external/life:draft", {"title": "Draft"})
        await self.do("PUT", "offers/external/life:draft", {"title": "Draft", "channels": ["app"]})
        await self.do("GET", "offers/external/life:draft")
        await self.do("DELETE", f"offers/{draft.json['id']}", if_match="*")

    async def _keys(self) -> None:
        body = {
            "name": "Night",
            "scopes": ["cases:read"],
            "networks": ["192.0.2.7/24"],
            "expiresAt": "2099-01-01T00:00:00Z",
        }
        made = await self.do("POST", "api-keys", body, idempotency_key="three")
        path = f"api-keys/{made.json['id']}"
        await self.do("GET", path)
        second = await self.do("POST", f"{path}/rotations", {"overlap": "PT1H"}, idempotency_key="four")
        await self.do("DELETE", path)
        await self.do("POST", "api-keys/leaked", {"key": second.json["key"]})

    async def _lists(self, path: str, filters: str) -> None:
        plain = "" if path == "api-keys" else "&metadataKey=desk&metadataValue=south"
        for query in (filters, f"count=true&{filters}", f"count=true&{RANGES}", f"limit=1&{plain}"):
            found = await self.do("GET", f"{path}?{query}")
            if found.json["nextCursor"]:
                await self.do("GET", f"{path}?{query}&cursor={found.json['nextCursor']}")
        if path != "api-keys":
            await self.do("GET", f"{path}?externalId=life:1")

    async def _events(self) -> None:
        found = await self.do("GET", "events?limit=3")
        await self.do("GET", f"events?limit=3&cursor={found.json['nextCursor']}")
        await self.do("GET", f"events?after={found.json['items'][0]['id']}&type=engage.case.created.v1")
        await self.do("GET", f"events?subject={found.json['items'][0]['subject']}")
