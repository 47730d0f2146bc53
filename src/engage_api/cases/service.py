"""The rules for cases."""

from dataclasses import replace
from typing import Any

from engage_api.cases import overdue, references
from engage_api.cases.lookup import CLOSED, CaseClosed, require
from engage_api.cases.models import CASE, Case, CaseCreate, CaseReplace, CaseState, CaseTransition, CaseUpdate
from engage_api.cases.tasks import service as tasks
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import AlreadyExists, Fault, InvalidRequest
from engage_api.core.states import require_transition
from engage_api.db import reader, store, turns
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

TRANSITIONS: dict[str, tuple[CaseState, ...]] = {
    "received": ("accepted", "rejected", "withdrawn"),
    "accepted": ("in-progress", "rejected", "withdrawn"),
    "in-progress": ("waiting", "delivered", "rejected", "withdrawn"),
    "waiting": ("in-progress", "rejected", "withdrawn"),
    "delivered": ("confirmed", "in-progress"),
    "confirmed": ("in-progress",),
    "rejected": ("in-progress",),
    "withdrawn": ("in-progress",),
}


async def create(tx: Transaction, principal: Principal, wanted: CaseCreate) -> Stored[Case]:
    """Make a case with all its tasks."""
    fields = {name: getattr(wanted, name) for name in CaseReplace.model_fields}
    await references.require(tx, principal, fields)
    received = wanted.received_at or clock.business(principal.workspace)
    case = await store.create(tx, principal, CASE, {**fields, **fresh(), "received_at": received})
    for at, task in enumerate(wanted.tasks):
        try:
            await tasks.create(tx, principal, case.model.id, task)
        except AlreadyExists as error:
            told = [replace(fault, pointer=f"/tasks/{at}{fault.pointer}") for fault in error.errors]
            raise AlreadyExists(errors=told) from error
    return case


def fresh() -> dict[str, Any]:
    """What a case has of itself at its beginning."""
    return {
        "state": "received",
        "state_reason": None,
        "waiting_for": None,
        "delivered_at": None,
        "straight_through": None,
        "handover_count": 0,
    }


async def put(
    tx: Transaction, principal: Principal, external_id: str, wanted: CaseReplace, conditions: etags.Preconditions
) -> tuple[Stored[Case], bool]:
    """Make or replace the case with this external id; its tasks stay as they are. True when it is new."""
    await _take_turn(tx, principal, wanted.parent_id)
    was = await reader.find(tx, principal, CASE, external_id, by="external_id")
    conditions.check(was.document if was else None)
    if was is None:
        return await create(tx, principal, CaseCreate.model_construct(**dict(wanted), received_at=None, tasks=[])), True
    return await _changed(tx, principal, was, dict(wanted)), False


async def change(
    tx: Transaction, principal: Principal, case_id: str, patch: CaseUpdate, if_match: str | None
) -> Stored[Case]:
    """Apply a merge patch to the version that the caller has read."""
    await _take_turn(tx, principal, patch.parent_id)
    was = await require(tx, principal, case_id)
    etags.require(if_match, was.document)
    return await _changed(tx, principal, was, dict(patched(CaseReplace, was.model, patch)))


async def move(
    tx: Transaction, principal: Principal, case_id: str, wanted: CaseTransition, if_match: str | None
) -> Stored[Case]:
    """Bring a case into another state."""
    was = await require(tx, principal, case_id)
    etags.check(if_match, was.document)
    require_transition(TRANSITIONS, was.model.state, wanted.to)
    _require_words(was.model, wanted)
    changes: dict[str, Any] = {"state": wanted.to, "state_reason": wanted.reason, "waiting_for": wanted.waiting_for}
    if wanted.outcome is not None:
        changes["outcome"] = wanted.outcome
    if wanted.to == "delivered":
        changes["delivered_at"] = clock.business(principal.workspace)
        changes["straight_through"] = not await tasks.has_manual(tx, principal, case_id)
    return await store.change(tx, principal, CASE, was, overdue.along(was.model, changes), store.Happened(wanted.to))


async def _take_turn(tx: Transaction, principal: Principal, parent_id: str | None) -> None:
    """Parents change one at a time, or two cases could become parts of each other. Before any row is locked: who waits
    here holds nothing that the others need.
    """
    if parent_id is not None:
        await turns.take(tx, principal.workspace, "case.parent")


async def _changed(tx: Transaction, principal: Principal, was: Stored[Case], fields: dict[str, Any]) -> Stored[Case]:
    if was.model.state in CLOSED and any(getattr(was.model, name) != value for name, value in fields.items()):
        raise CaseClosed
    await references.require(tx, principal, fields, was.model)
    return await store.change(tx, principal, CASE, was, overdue.along(was.model, fields))


def _require_words(case: Case, wanted: CaseTransition) -> None:
    faults = []
    if wanted.to == "waiting" and wanted.waiting_for is None:
        faults.append(Fault("missing", "Say for whom the case waits.", pointer="/waitingFor"))
    if wanted.to != "waiting" and wanted.waiting_for is not None:
        faults.append(Fault("not-applicable", "Only a case that waits has it.", pointer="/waitingFor"))
    if case.state in CLOSED and not wanted.reason:
        faults.append(Fault("missing", "Say why the case is reopened.", pointer="/reason"))
    if faults:
        raise InvalidRequest(errors=faults)
