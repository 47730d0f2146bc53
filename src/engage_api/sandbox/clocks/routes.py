"""The clock of a sandbox over HTTP, and the hash of its log."""

from typing import Annotated

from fastapi import APIRouter, Response

from engage_api.access.guard import guard
from engage_api.core.scopes import Scope
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox.clocks import hashing, moving, service
from engage_api.sandbox.clocks.models import Advance, AdvanceCreate, LogHash, SandboxClock, SandboxClockUpdate
from engage_api.sandbox.service import require

PATH = "/sandboxes/{sandbox_id}"
MOVED = {"x-problems": ["advance-under-way", "sandbox-busy"]}
router = APIRouter(tags=["Sandboxes"], route_class=DirectRoute)
Write = Annotated[Call, guard(Scope.SANDBOX_WRITE)]
Patch = Annotated[SandboxClockUpdate, json_body(SandboxClockUpdate)]
NewAdvance = Annotated[AdvanceCreate, json_body(AdvanceCreate)]


@router.get(f"{PATH}/clock", response_model=SandboxClock, summary="Read a sandbox's clock")
async def get_sandbox_clock(sandbox_id: str, call: Write) -> Response:
    """What it says now, and how it goes on."""
    await require(call.db, call.principal, sandbox_id)
    return etags.answer(call.request, moving.rendered(await service.read(call.db, sandbox_id)), weak=True)


@router.patch(
    f"{PATH}/clock",
    response_model=SandboxClock,
    summary="Update a sandbox's clock: freeze it, or let it run",
    openapi_extra=MOVED,
)
async def update_sandbox_clock(sandbox_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch: `{"mode": "frozen"}` lets it stand still, `{"mode": "running", "pace": 60}` lets a minute of
    it pass in each second of ours. Whatever waits for its time comes by the new pace.
    """
    await moving.found(call, sandbox_id)
    return moving.shown(await service.change(call.db, sandbox_id, body), 200, {})


@router.post(
    f"{PATH}/clock/advances",
    status_code=201,
    response_model=Advance,
    summary="Create an advance: move a sandbox's clock on",
    openapi_extra=MOVED,
)
async def create_sandbox_advance(sandbox_id: str, call: Write, body: NewAdvance) -> Response:
    """To a moment, or by a duration. All that becomes due on the way happens in its order, each thing once and at its
    moment: due dates, the validity of offers, expiry, steps of scenarios, attempts of webhooks.

    The answer waits for two seconds at most; if the advance is `running` then, read it again until it is `done`. A
    repetition with the same `Idempotency-Key` moves nothing, and tells how the advance stands.
    """
    return await moving.answer(call, sandbox_id, body)


@router.get(f"{PATH}/clock/advances/{{advance_id}}", response_model=Advance, summary="Read an advance")
async def get_sandbox_advance(sandbox_id: str, advance_id: str, call: Write) -> Response:
    """How far it is: `moments` counts what has happened so far."""
    await require(call.db, call.principal, sandbox_id)
    return etags.answer(call.request, moving.rendered(await service.one(call.db, sandbox_id, advance_id)), weak=True)


@router.get(f"{PATH}/log-hash", response_model=LogHash, summary="Hash a sandbox's log")
async def get_sandbox_log_hash(sandbox_id: str, call: Write) -> Response:
    """SHA-256 of all that happened in it: two worlds with the same hash have the same history. What is hashed, so that
    you can do it yourself, is told in the guide to the time machine.
    """
    await moving.found(call, sandbox_id)
    shown = await hashing.read(call.db, call.principal, sandbox_id)
    return etags.answer(call.request, moving.rendered(shown), weak=True)
