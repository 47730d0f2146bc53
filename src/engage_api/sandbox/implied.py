"""What the type of an event says of the resource in it: an overdue task has a due date that is over, and is not done.

`implied` says it for the events that are simulated, `example` makes a resource where a sandbox has none of a kind.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db.kind import Kind
from engage_api.http import examples

NOW, SOON, AGO = timedelta(), timedelta(days=7), timedelta(days=-7)
"""A moment, from when the event happens."""
SUFFIX = "01kb0m5xnye0rt2e5v3h4q8zj9"
PREFIXES = {"accountId": "acc", "endpointId": "whe"}
AHEAD = ("expiresAt", "validUntil", "nextAt")


class Else(NamedTuple):
    """What is there stays if it is one of these, or anything but null; else it is this."""

    value: Any
    fits: Collection[Any] | None = None


class Ahead(NamedTuple):
    """A moment that is to come stays, and so does null; else it is this."""

    value: timedelta


class Before(NamedTuple):
    """A moment that has passed stays; else it is null."""


class Same(NamedTuple):
    """As much as another member."""

    name: str


NEW = {"createdAt": NOW, "updatedAt": NOW, "version": 1}
CHANGED = {"updatedAt": NOW}
UNDONE = {"completedAt": None}
OPEN = {"waitingFor": None, "deliveredAt": None, "straightThrough": None}
OVER = {"waitingFor": None, "overdueAt": None}
LATE = {"dueAt": NOW, "overdueAt": NOW}
WORKS = {"stateReason": None}
OWED = frozenset({"received", "accepted", "in-progress", "waiting"})
TO_DO = frozenset({"available", "active", "failed"})

IMPLIED: dict[str, dict[str, Any]] = {
    "customer.created": {"state": "prospect"},
    "case.created": OPEN
    | {"state": "received", "stateReason": None, "receivedAt": NOW, "handoverCount": 0}
    | {"decision": None, "outcome": None, "overdueAt": None},
    "case.accepted": OPEN,
    "case.in-progress": OPEN,
    "case.waiting": OPEN | {"waitingFor": Else("customer")},
    "case.delivered": OVER | {"deliveredAt": NOW, "straightThrough": Else(value=False)},
    "case.confirmed": OVER | {"deliveredAt": Else(NOW), "straightThrough": Else(value=False)},
    "case.rejected": OVER | OPEN,
    "case.withdrawn": OVER | OPEN,
    "case.overdue": LATE | {"state": Else("in-progress", OWED), "deliveredAt": None, "straightThrough": None},
    "task.created": UNDONE
    | {"state": "available", "stateReason": None, "result": None, "startedAt": None, "overdueAt": None},
    "task.available": UNDONE,
    "task.active": UNDONE | {"startedAt": NOW},
    "task.completed": {"completedAt": NOW, "overdueAt": None},
    "task.skipped": UNDONE | {"overdueAt": None},
    "task.failed": UNDONE,
    "task.overdue": UNDONE | LATE | {"state": Else("available", TO_DO), "result": None},
    "offer.created": {"state": "draft"},
    "offer.active": {"validUntil": Ahead(SOON)},
    "offer.expired": {"state": "retired", "validUntil": NOW, "validFrom": Before()},
    "offer.deleted": {"state": "draft"},
    "api-key.updated": {"expiresAt": SOON, "replacedBy": f"key_{SUFFIX}"},
    "api-key.expired": {"expiresAt": NOW, "expiredAt": NOW},
    "client-secret.expired": {"expiresAt": NOW, "expiredAt": NOW},
    "account-link.created": {"state": "pending", "expiresAt": SOON, "linkedAt": None},
    "account-link.linked": {"expiresAt": None, "linkedAt": NOW},
    "account-link.expired": {"state": "pending", "expiresAt": NOW, "linkedAt": None},
    "account-link.deleted": {"state": "linked", "expiresAt": None, "linkedAt": Else(NOW)},
    "sandbox.created": {"state": "seeding"},
    "sandbox.expired": {"expiresAt": NOW},
    "sandbox-snapshot.created": {"state": "copying"},
    "sandbox-snapshot.deleted": {"state": "ready"},
    "invitation.expired": {"expiresAt": NOW},
    "organization.created": {"state": "pending"},
    "organization.updated": {"state": "approved"},
    "application.created": {"state": "sandbox-only", "grantedScopes": []},
    "application.updated": {"state": "sandbox-only", "grantedScopes": []},
    "application.revoked": {"grantedScopes": []},
    "application.deleted": {"state": "sandbox-only", "grantedScopes": []},
    "webhook-endpoint.created": WORKS | {"state": "enabled"},
    "webhook-endpoint.enabled": WORKS,
    "webhook-endpoint.paused": WORKS,
    "webhook-endpoint.failing": WORKS,
    "webhook-endpoint.disabled": {"stateReason": Else("failing")},
    "webhook-secret.created": {"expiresAt": None},
    "webhook-secret.updated": {"expiresAt": SOON},
    "scenario-run.created": {"state": "running", "reason": None, "done": 0, "made": {}, "nextAt": NOW},
    "scenario-run.updated": {"state": "running", "reason": None, "nextAt": Ahead(SOON)},
    "scenario-run.finished": {"reason": None, "done": Same("total"), "nextAt": None},
    "scenario-run.failed": {"reason": Else("case-closed"), "nextAt": None},
}
"""By kind and what happened: the members that it says something about, besides the state that has its name."""


def implied(kind: Kind[Any], happened: str, own: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The resource as it is when this has just happened to it."""
    told: dict[str, Any] = NEW if happened == "created" else {} if happened == "deleted" else CHANGED
    told = told | _state(kind, happened, own) | IMPLIED.get(f"{kind.name}.{happened}", {})
    return own | {name: _value(rule, own, name, now) for name, rule in told.items()}


def _state(kind: Kind[Any], happened: str, own: dict[str, Any]) -> dict[str, Any]:
    """Most of what happens is that a state is reached, which has the same name."""
    states = get_args(kind.public.model_fields["state"].annotation) if "state" in own else ()
    return {"state": happened} if happened in states else {}


def _value(rule: Any, own: dict[str, Any], name: str, now: datetime) -> Any:
    there = own.get(name)
    match rule:
        case timedelta():
            return clock.wire(now + rule)
        case Else(value, fits):
            return there if there is not None and (fits is None or there in fits) else _value(value, own, name, now)
        case Ahead(value):
            return there if there is None or there > clock.wire(now) else clock.wire(now + value)
        case Before():
            return there if there is not None and there < clock.wire(now) else None
        case Same(other):
            return own[other]
        case _:
            return rule


def example(kind: Kind[Any], who: Principal, now: datetime) -> dict[str, Any]:
    """A resource of this kind that is some days old and refers to others that nobody has."""
    schema = kind.public.model_json_schema(mode="serialization")
    made: dict[str, Any] = examples.of(schema, schema.get("$defs", {}))
    for name, part in schema["properties"].items():
        if {"type": "null"} in part.get("anyOf", ()) and not part.get("examples"):
            made[name] = None
        elif name == "clock" or (name.endswith("At") and made[name] is not None):
            made[name] = clock.wire(now + (SOON if name in AHEAD else AGO))
        elif made[name] == "text":
            made[name] = f"{_prefix(name)}_{SUFFIX}"
    own = {"applicationId": who.application, "organizationId": who.organization, "version": 2}
    return made | {name: value for name, value in own.items() if name in made}


def _prefix(name: str) -> str:
    """`caseId` is the id of a case."""
    known = {f"{kind.name}Id": kind.prefix for kind in Kind.known.values()}
    return (PREFIXES | known)[name]
