"""The faults of a sandbox over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response

from engage_api.access.faults import store
from engage_api.access.faults.models import Faults, FaultsPut
from engage_api.access.guard import guard
from engage_api.core.mishaps import parse
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.scopes import Scope
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox.service import require

router = APIRouter(prefix="/sandboxes/{sandbox_id}/faults", tags=["Sandboxes"], route_class=DirectRoute)
Manage = Annotated[Call, guard(Scope.SANDBOX_WRITE)]
Setting = Annotated[FaultsPut, json_body(FaultsPut)]


@router.get("", response_model=Faults, summary="Read the faults of a sandbox")
async def get_sandbox_faults(sandbox_id: str, call: Manage) -> Response:
    """What is set, how many calls each rule was about, and how many of those had its fault."""
    await require(call.db, call.principal, sandbox_id)
    return etags.answer(call.request, await _document(call, sandbox_id))


@router.put("", response_model=Faults, summary="Create or replace the faults of a sandbox")
async def put_sandbox_faults(sandbox_id: str, call: Manage, body: Setting) -> Response:
    """They take the place of all that were set, and count from the beginning; revoked credentials work again.

    Whoever calls the sandbox meets them, but not at `/v1/sandboxes`, so they can always be taken away. One call alone
    has the fault that its header `Engage-Fault` asks for.
    """
    await require(call.db, call.principal, sandbox_id)
    _refuse_idle(body)
    await store.put(call.db, sandbox_id, body.rules)
    call.services.doorkeeper.forget_workspace(sandbox_id)
    document = await _document(call, sandbox_id)
    return Answer(200, document, {"ETag": etags.strong(document)}).response()


@router.delete("", status_code=204, summary="Delete the faults of a sandbox")
async def delete_sandbox_faults(sandbox_id: str, call: Manage) -> Response:
    """Nothing goes wrong on request any more, and revoked credentials work again."""
    await require(call.db, call.principal, sandbox_id)
    await store.put(call.db, sandbox_id, ())
    call.services.doorkeeper.forget_workspace(sandbox_id)
    return Response(status_code=204)


async def _document(call: Call, sandbox_id: str) -> bytes:
    return (await store.show(call.db, sandbox_id)).model_dump_json(by_alias=True).encode()


def _refuse_idle(wanted: FaultsPut) -> None:
    """A slip in a name would be a fault that never comes, and deliveries have no names to go by.

    Raises:
        InvalidRequest: there are no such operations, or they are given for a webhook.
    """
    told = "There is no operation with this id."
    errors = [
        Fault("unknown-operation", told, pointer=f"/rules/{at}/operations/{nth}")
        for at, rule in enumerate(wanted.rules)
        for nth, name in enumerate(rule.operations)
        if name not in DirectRoute.known
    ]
    told = "A fault of webhooks is about deliveries, not about calls: leave it out."
    errors += [
        Fault("not-applicable", told, pointer=f"/rules/{at}/{name}")
        for at, rule in enumerate(wanted.rules)
        for name in ("methods", "operations")
        if getattr(rule, name) and parse(rule.fault, setting=True).webhook
    ]
    if errors:
        raise InvalidRequest(errors=errors)
