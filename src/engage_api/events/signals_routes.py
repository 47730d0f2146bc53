"""Signals over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response

from engage_api.access.guard import guard
from engage_api.core.scopes import Scope
from engage_api.db.engine import Transaction
from engage_api.events import signals
from engage_api.events.models import Event
from engage_api.events.signals import SignalCreate
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

router = APIRouter(prefix="/events", tags=["Events"], route_class=DirectRoute)
Write = Annotated[Call, guard(Scope.EVENTS_WRITE)]
NewSignal = Annotated[SignalCreate, json_body(SignalCreate)]


@router.post("", status_code=201, response_model=Event, summary="Create a signal: an event from outside")
async def create_signal(call: Write, body: NewSignal) -> Response:
    """What happened elsewhere takes its place in the log, and reaches whoever follows it. The answer is the event.

    `sequence` comes later: an event gets its number after it was written.
    """

    async def work(tx: Transaction) -> Answer:
        return Answer(201, await signals.write(tx, call.principal, body))

    return await call.services.once.run(call.request, call.principal, work)
