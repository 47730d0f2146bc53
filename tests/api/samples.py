"""What each resource looks like on the wire, written down here and not taken from the models."""

from dataclasses import dataclass
from typing import Any

from tests.api.harness import Client

Body = dict[str, Any]

CUSTOMER: Body = {
    "externalId": "crm:4711",
    "kind": "organization",
    "displayName": "Bakkerij Zoë & Zonen",
    "identifiers": [{"scheme": "kvk", "value": "12345678"}, {"scheme": "vat", "value": "NL0012"}],
    "contactPoints": [
        {"type": "email", "value": "Info@Example.org", "label": "work", "preferred": True},
        {"type": "phone", "value": "+31 30 1234567", "label": None, "preferred": False},
    ],
    "preferences": {"language": "nl-NL", "channels": ["phone", "email"], "contactable": False},
    "context": {"role": "owner", "location": "Utrecht", "intent": "wants a terrace\nnext summer"},
    "segments": ["vip", "food"],
    "metadata": {"department": "General", "cost-centre": "", "note": 'ünïcode ✓ "quoted" \\ / \t'},
}

CASE: Body = {
    "externalId": "zaak-1",
    "type": "building-permit",
    "title": "Dormer at the back",
    "description": "Two storeys.",
    "customerId": None,
    "parentId": None,
    "channel": "desk",
    "triage": "tailored",
    "visibility": "internal",
    "informationNeeded": [{"name": "floor plan", "description": "Scale 1:100", "received": True}],
    "participants": [{"role": "applicant", "name": "Zoë de Vries", "customerId": None}],
    "decision": {"result": "granted", "reason": "It fits.", "decidedAt": "2026-11-01T09:00:00.000Z"},
    "outcome": "a permit",
    "dueAt": "2026-12-31T23:59:59.999Z",
    "metadata": {"department": "Permits"},
}

TASK: Body = {
    "externalId": "step-1",
    "title": "Check the floor plan",
    "description": "All of it.",
    "kind": "approval",
    "mode": "automatic",
    "assignee": "Team Permits",
    "provider": "Planners Ltd",
    "visibility": "customer",
    "dueAt": "2026-12-01T00:00:00.000Z",
    "deviationReason": "The drawing came late.",
    "metadata": {"group": "B"},
}

OFFER: Body = {
    "externalId": "energy",
    "title": "Home energy check",
    "description": "At home.",
    "components": [
        {"name": "Advice", "description": "One hour", "quantity": 2, "price": {"amount": "12.5000", "currency": "EUR"}},
        {"name": "Report", "description": None, "quantity": 1, "price": None},
    ],
    "price": {"money": {"amount": "999999999999999.99", "currency": "EUR"}, "period": "P1M"},
    "channels": ["web", "desk"],
    "validFrom": "2026-01-01T00:00:00.000Z",
    "validUntil": "2027-01-01T00:00:00.000Z",
    "metadata": {"campaign": "winter"},
}


@dataclass(frozen=True)
class Sample:
    """A resource: where it lives, everything that can be said of it, and the least.

    `own` is what the service adds to what was said, besides id, times and version. `change` is a merge patch and
    `changed` what it makes of the fields that it touches.
    """

    name: str
    path: str
    full: Body
    least: Body
    defaults: Body
    own: Body
    change: Body
    changed: Body

    async def make(self, api: Client, body: Body | None = None, **fields: Any) -> Body:
        """One of it; a task gets a case of its own."""
        whole = {**(self.least if body is None else body), **fields}
        return await api.made(await self.home(api), whole)

    async def home(self, api: Client) -> str:
        """Where it is made."""
        if self.name != "task":
            return self.path
        case = await api.made("/cases", {"type": "any", "title": "Has a task"})
        return f"/cases/{case['id']}/tasks"

    def at(self, made: Body) -> str:
        """Where it is read."""
        return f"{self.path}/{made['id']}"


def _empty(full: Body, **other: Any) -> Body:
    return {name: other.get(name, [] if isinstance(value, list) else None) for name, value in full.items()}


def _sample(name: str, full: Body, least: Body, **more: Body) -> Sample:
    empty = _empty(full, **more.pop("empty", {}), metadata={})
    return Sample(name, f"/{name}s", full, least, {**empty, **least}, **more)


SAMPLES = {
    sample.name: sample
    for sample in (
        _sample(
            "customer",
            CUSTOMER,
            {"kind": "person", "displayName": "Ann"},
            empty={
                "preferences": {"language": None, "channels": [], "contactable": True},
                "context": {"role": None, "location": None, "intent": None},
            },
            own={"state": "prospect", "mergedInto": None},
            change={"displayName": "Bo", "segments": [], "preferences": {"language": None}, "metadata": {"note": None}},
            changed={
                "displayName": "Bo",
                "segments": [],
                "preferences": {"language": None, "channels": ["phone", "email"], "contactable": False},
                "metadata": {"department": "General", "cost-centre": ""},
            },
        ),
        _sample(
            "case",
            CASE,
            {"type": "any", "title": "Ann"},
            empty={"channel": "web", "triage": "standard", "visibility": "customer"},
            own={
                "state": "received",
                "stateReason": None,
                "waitingFor": None,
                "deliveredAt": None,
                "straightThrough": None,
                "overdueAt": None,
                "handoverCount": 0,
            },
            change={"title": "Bo", "decision": {"reason": "It does not."}, "participants": [], "dueAt": None},
            changed={
                "title": "Bo",
                "decision": CASE["decision"] | {"reason": "It does not."},
                "participants": [],
                "dueAt": None,
            },
        ),
        _sample(
            "task",
            TASK,
            {"title": "Ann"},
            empty={"kind": "routine", "mode": "manual", "visibility": "participants"},
            own={
                "state": "available",
                "stateReason": None,
                "result": None,
                "startedAt": None,
                "completedAt": None,
                "overdueAt": None,
            },
            change={"title": "Bo", "provider": None, "dueAt": "2026-12-01T01:00:00+01:00", "metadata": {"more": "x"}},
            changed={
                "title": "Bo",
                "provider": None,
                "dueAt": "2026-12-01T00:00:00.000Z",
                "metadata": {"group": "B", "more": "x"},
            },
        ),
        _sample(
            "offer",
            OFFER,
            {"title": "Ann"},
            own={"state": "draft"},
            change={"title": "Bo", "price": {"period": None}, "components": [], "validUntil": None},
            changed={"title": "Bo", "price": OFFER["price"] | {"period": None}, "components": [], "validUntil": None},
        ),
    )
}
UPSERTED = [name for name in SAMPLES if name != "task"]
DELETED = ["customer", "offer"]
UNKNOWN = {"customer": "cus", "case": "cas", "task": "tsk", "offer": "off", "api-key": "key"}
"""The prefix of an id of each kind; `never` makes one that was never given out."""


def never(name: str) -> str:
    """An id of this kind that nothing has."""
    return f"{UNKNOWN[name]}_01kb0m5xnye0rt2e5v3h4q8zj9"
