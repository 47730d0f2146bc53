"""The rules for tasks."""

from dataclasses import replace
from typing import Any

from engage_api.cases import overdue
from engage_api.cases.lookup import require_open
from engage_api.cases.models import CASE
from engage_api.cases.tasks.models import DONE, TASK, Task, TaskCreate, TaskState, TaskTransition, TaskUpdate
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound
from engage_api.core.states import require_transition
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

TRANSITIONS: dict[str, tuple[TaskState, ...]] = {
    "available": ("active", "skipped"),
    "active": ("completed", "failed", "available"),
    "failed": ("available",),
    "completed": ("available",),
    "skipped": ("available",),
}


async def create(tx: Transaction, principal: Principal, case_id: str, wanted: TaskCreate) -> Stored[Task]:
    """Make a task of a case that the caller has looked at."""
    own = {"state_reason": None, "result": None, "started_at": None, "completed_at": None}
    return await store.create(tx, principal, TASK, {**dict(wanted), **own, "case_id": case_id, "state": "available"})


async def add(tx: Transaction, principal: Principal, case_id: str, wanted: TaskCreate) -> Stored[Task]:
    """Make a task of an open case."""
    await require_open(tx, principal, case_id)
    return await create(tx, principal, case_id, wanted)


async def change(
    tx: Transaction, principal: Principal, task_id: str, patch: TaskUpdate, if_match: str | None
) -> Stored[Task]:
    """Apply a merge patch to the version that the caller has read. Another assignee is a handover of the case."""
    was = await require(tx, principal, task_id)
    etags.require(if_match, was.document)
    fields = dict(patched(TaskCreate, was.model, patch))
    case = await require_open(tx, principal, was.model.case_id)
    if was.model.assignee and fields["assignee"] and fields["assignee"] != was.model.assignee:
        await store.change(tx, principal, CASE, case, {"handover_count": case.model.handover_count + 1})
    return await store.change(tx, principal, TASK, was, overdue.along(was.model, fields))


async def move(
    tx: Transaction, principal: Principal, task_id: str, wanted: TaskTransition, if_match: str | None
) -> Stored[Task]:
    """Bring a task into another state."""
    was = await require(tx, principal, task_id)
    etags.check(if_match, was.document)
    require_transition(TRANSITIONS, was.model.state, wanted.to)
    if was.model.state in DONE and not wanted.reason:
        raise InvalidRequest(errors=[Fault("missing", "Say why the task is reopened.", pointer="/reason")])
    await require_open(tx, principal, was.model.case_id)
    changes: dict[str, Any] = {"state": wanted.to, "state_reason": wanted.reason}
    if wanted.result is not None:
        changes["result"] = wanted.result
    if wanted.to in ("active", "completed"):
        at = "started_at" if wanted.to == "active" else "completed_at"
        changes[at] = clock.business(principal.workspace)
    return await store.change(tx, principal, TASK, was, overdue.along(was.model, changes), store.Happened(wanted.to))


async def has_manual(tx: Transaction, principal: Principal, case_id: str) -> bool:
    """Whether a person had to do something in the case: a fact about it, whoever of them the principal may see."""
    everybody = replace(principal, sees_workspace=True)
    return await reader.has_any(tx, everybody, TASK, {"case_id": case_id, "mode": "manual"})


async def require(tx: Transaction, principal: Principal, task_id: str) -> Stored[Task]:
    """The task, or NotFound."""
    found = await reader.find(tx, principal, TASK, task_id)
    if found is None:
        raise NotFound
    return found
