"""An advance as it is asked for over HTTP: begun once, and answered as it stands after a moment."""

from dataclasses import replace

from fastapi import Response

from engage_api.core.model import Model
from engage_api.core.problem import NotFound
from engage_api.db import world
from engage_api.db.engine import Transaction
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.sandbox.clocks import service
from engage_api.sandbox.clocks.models import Advance, AdvanceCreate
from engage_api.sandbox.service import require

TOLD = ("location", "idempotent-replayed")


async def found(call: Call, sandbox_id: str) -> None:
    """Once all is done there that is due, if the clock of the sandbox stands still.

    Raises:
        NotFound: there is no such sandbox for the caller.
    """
    await require(call.db, call.principal, sandbox_id)
    await world.follow(call.db, sandbox_id)
    await call.services.settle(sandbox_id)


async def answer(call: Call, sandbox_id: str, wanted: AdvanceCreate) -> Response:
    """Begin it in a transaction of the sandbox, where its repetition is known, and wait for it outside of that."""
    await found(call, sandbox_id)

    async def work(tx: Transaction) -> Answer:
        made = await service.begin(tx, sandbox_id, wanted)
        place = f"{call.request.scope['root_path']}/sandboxes/{sandbox_id}/clock/advances/{made.id}"
        return Answer(201, rendered(made), {"Location": place})

    first = await call.services.once.run(call.request, replace(call.principal, workspace=sandbox_id), work)
    begun = Advance.model_validate_json(bytes(first.body))
    try:
        made = await service.wait(call.db, sandbox_id, begun.id)
    except NotFound:  # the sandbox was reset meanwhile, or went back to a snapshot
        made = begun.model_copy(update={"state": "failed"})
    headers = {name: value for name, value in first.headers.items() if name in TOLD}
    return shown(made, 201, headers)


def shown(model: Model, status: int, headers: dict[str, str]) -> Response:
    """What was changed or made, with the ETag that a GET of it has."""
    document = rendered(model)
    return Response(document, status, {"ETag": etags.weak_tag(document), **headers}, media_type="application/json")


def rendered(model: Model) -> bytes:
    """The bytes of something that is no stored document."""
    return model.model_dump_json(by_alias=True).encode()
