"""What the name of each type of event promises of the resource in it, said anew: `NOW` is the time of the event."""

from typing import Any

NOW, LATER, SET, PAST = "now", "later", "set", "past"
NEW = {"version": 1, "createdAt": NOW, "updatedAt": NOW}
DUE = {"dueAt": NOW, "overdueAt": NOW}
TO_DO = {"completedAt": None}
OPEN = {"deliveredAt": None, "straightThrough": None}
LATE_TASK, LATE_CASE = ("available", "active", "failed"), ("received", "accepted", "in-progress", "waiting")

PROMISED: dict[str, dict[str, Any]] = {
    "customer.created": NEW | {"state": "prospect"},
    "customer.updated": {},
    "customer.active": {},
    "customer.dormant": {},
    "customer.closed": {},
    "customer.deleted": {},
    "case.created": NEW | OPEN | {"state": "received", "waitingFor": None, "receivedAt": NOW, "overdueAt": None},
    "case.updated": {},
    "case.accepted": OPEN | {"waitingFor": None},
    "case.in-progress": OPEN | {"waitingFor": None},
    "case.waiting": OPEN | {"waitingFor": SET},
    "case.delivered": {"deliveredAt": NOW, "straightThrough": SET, "overdueAt": None, "waitingFor": None},
    "case.confirmed": {"deliveredAt": SET, "straightThrough": SET, "overdueAt": None, "waitingFor": None},
    "case.rejected": OPEN | {"overdueAt": None, "waitingFor": None},
    "case.withdrawn": OPEN | {"overdueAt": None, "waitingFor": None},
    "case.overdue": OPEN | DUE | {"state": LATE_CASE},
    "task.created": NEW | TO_DO | {"state": "available", "startedAt": None, "overdueAt": None},
    "task.updated": {},
    "task.available": TO_DO,
    "task.active": TO_DO | {"startedAt": NOW},
    "task.completed": {"completedAt": NOW, "overdueAt": None},
    "task.skipped": TO_DO | {"overdueAt": None},
    "task.failed": TO_DO,
    "task.overdue": TO_DO | DUE | {"state": LATE_TASK, "result": None},
    "offer.created": NEW | {"state": "draft"},
    "offer.updated": {},
    "offer.active": {"validUntil": (None, LATER)},
    "offer.retired": {},
    "offer.expired": {"state": "retired", "validUntil": NOW, "validFrom": (None, PAST)},
    "offer.deleted": {"state": "draft"},
    "api-key.created": NEW | {"expiredAt": None, "expiresAt": LATER, "lastUsedAt": None},
    "api-key.updated": {"expiredAt": None, "expiresAt": LATER, "replacedBy": SET},
    "api-key.deleted": {"expiredAt": None},
    "api-key.leaked": {"expiredAt": None},
    "api-key.expired": {"expiresAt": NOW, "expiredAt": NOW},
    "client-secret.created": NEW | {"expiredAt": None, "expiresAt": LATER},
    "client-secret.deleted": {"expiredAt": None},
    "client-secret.expired": {"expiresAt": NOW, "expiredAt": NOW},
    "account-link.created": NEW | {"state": "pending", "expiresAt": LATER, "linkedAt": None},
    "account-link.linked": {"expiresAt": None, "linkedAt": NOW},
    "account-link.expired": {"state": "pending", "expiresAt": NOW, "linkedAt": None},
    "account-link.deleted": {"state": "linked", "expiresAt": None, "linkedAt": SET},
    "sandbox.created": NEW | {"state": "seeding"},
    "sandbox.updated": {"state": "ready"},
    "sandbox.ready": {},
    "sandbox.copying": {},
    "sandbox.resetting": {},
    "sandbox.restoring": {},
    "sandbox.failed": {},
    "sandbox.expired": {"expiresAt": NOW},
    "sandbox.deleted": {"state": "ready"},
    "sandbox-snapshot.created": NEW | {"state": "copying"},
    "sandbox-snapshot.ready": {},
    "sandbox-snapshot.failed": {},
    "sandbox-snapshot.deleted": {"state": "ready"},
    "member.created": NEW,
    "member.updated": {},
    "member.deleted": {},
    "invitation.created": NEW | {"expiresAt": LATER},
    "invitation.accepted": {"expiresAt": LATER},
    "invitation.declined": {"expiresAt": LATER},
    "invitation.expired": {"expiresAt": NOW},
    "invitation.deleted": {"expiresAt": LATER},
    "organization.created": NEW | {"state": "pending"},
    "organization.updated": {"state": "approved"},
    "organization.approved": {},
    "organization.suspended": {},
    "application.created": NEW | {"state": "sandbox-only", "grantedScopes": []},
    "application.updated": {"state": "sandbox-only", "grantedScopes": []},
    "application.live": {"grantedScopes": SET},
    "application.revoked": {"grantedScopes": []},
    "application.deleted": {"grantedScopes": []},
    "webhook-endpoint.created": NEW | {"state": "enabled", "stateReason": None},
    "webhook-endpoint.updated": {},
    "webhook-endpoint.enabled": {"stateReason": None},
    "webhook-endpoint.paused": {"stateReason": None},
    "webhook-endpoint.failing": {"stateReason": None},
    "webhook-endpoint.disabled": {"stateReason": SET},
    "webhook-endpoint.deleted": {},
    "webhook-secret.created": NEW | {"expiresAt": None},
    "webhook-secret.updated": {"expiresAt": LATER},
    "webhook-secret.deleted": {},
    "scenario-run.created": NEW | {"state": "running", "reason": None, "done": 0, "made": {}, "nextAt": SET},
    "scenario-run.updated": {"state": "running", "reason": None},
    "scenario-run.finished": {"reason": None, "nextAt": None},
    "scenario-run.failed": {"reason": SET, "nextAt": None},
}
"""Besides that it is in the state of that name, where there is one."""


def broken(name: str, data: dict[str, Any], time: str) -> list[str]:
    """What an event of this type says against its name."""
    kind, happened = name.split(".")[1:3]
    found = [
        f"{member} is {data.get(member)!r}"
        for member, wanted in PROMISED[f"{kind}.{happened}"].items()
        if not _is(data.get(member), wanted, time)
    ]
    found += [f"{member} is made of nothing" for member, value in data.items() if value == "text"]
    if not data["createdAt"] <= data["updatedAt"] <= time:
        found.append("it was changed before it was made, or will be")
    if kind == "task" and (data["completedAt"] is None) == (data["state"] == "completed"):
        found.append("what is completed is not completed")
    if kind == "scenario-run" and (data["state"] == "finished") != (data["done"] == data["total"]):
        found.append("it is not finished, or is")
    return found


def _is(value: Any, wanted: Any, time: str) -> bool:
    if isinstance(wanted, tuple):
        return any(_is(value, one, time) for one in wanted)
    if wanted == SET:
        return value is not None and value != []
    if wanted == LATER:
        return value is not None and value > time
    if wanted == PAST:
        return value is not None and value < time
    return bool(value == (time if wanted == NOW else wanted))
