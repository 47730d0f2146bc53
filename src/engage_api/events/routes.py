"""The log over HTTP: in pages, waiting for the next, and as a stream."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from engage_api.access.guard import guard
from engage_api.core.scopes import Scope
from engage_api.events import service
from engage_api.events.models import Event, EventQuery, StreamQuery
from engage_api.events.stream import Stream
from engage_api.http.call import Call
from engage_api.http.pages import Page
from engage_api.http.route import DirectRoute

router = APIRouter(prefix="/events", tags=["Events"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.EVENTS_READ)]
TAP = {"x-problems": ["event-gone", "too-many-streams"]}


@router.get("", response_model=Page[Event], summary="List events: the log", openapi_extra=TAP)
async def list_events(call: Read, query: Annotated[EventQuery, Query()]) -> Response:
    """What happened, oldest first. `nextCursor` is null at the end of what is there: come back with `after`.

    With `wait` an empty page waits for the next event.
    """
    return await service.answer(call, query)


@router.get(
    "/stream",
    response_class=Stream,
    status_code=200,
    summary="Follow events: the log as a stream",
    openapi_extra=TAP,
)
async def stream_events(call: Read, query: Annotated[StreamQuery, Query()]) -> Response:
    """What happens, as server-sent events. Each message has one line of `data`: the event as lists show it.

    `id` is the id of the event: send the last one as `Last-Event-ID` to go on. A message named `problem` is the last
    of its stream and says why it ends. At most 20 streams and waiting requests of an application, and 200 of its
    organization, are open at once.
    """
    return await service.stream(call, query)
