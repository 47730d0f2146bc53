"""A sandbox as it is answered: its document, and while it is busy how far that is."""

from fastapi import Response
from pydantic_core import to_json

from engage_api.db import world
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.sandbox import service

IDLE = b'"work":null}'
"""How every stored document ends: what a sandbox is busy with is told by its world."""


def at_home(call: Call) -> Call:
    """The same call where sandboxes are kept."""
    return Call(call.request, service.home(call.principal), call.services)


async def answer(call: Call, sandbox_id: str) -> Response:
    """The sandbox; with a weak ETag while it is busy, for then it is composed."""
    found = await service.require(call.db, call.principal, sandbox_id)
    row = await world.find(call.db, sandbox_id)
    if row is None or row.busy is None:
        return etags.answer(call.request, found.document)
    work = to_json({"kind": row.busy, "done": row.done, "total": row.total})
    return etags.answer(call.request, found.document.removesuffix(IDLE) + b'"work":' + work + b"}", weak=True)
