"""The log over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.core.event_types import Pattern
from engage_api.core.model import Query as Parameters
from engage_api.core.model import Reference
from engage_api.core.scopes import Scope
from engage_api.events import service
from engage_api.events.models import Event, Subject
from engage_api.http.call import Call
from engage_api.http.pages import USUAL, Cursor, Limit, Page
from engage_api.http.route import DirectRoute

router = APIRouter(prefix="/events", tags=["Events"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.EVENTS_READ)]


class EventQuery(Parameters):
    """Which events."""

    limit: Limit = USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    after: Reference | None = Field(None, description="The id of an event: only those after it. Not with `cursor`.")
    type: Pattern | None = Field(
        None, description="Only this type, such as `engage.case.delivered.v1`, or all that begin so: `engage.case.*`."
    )
    subject: Subject | None = Field(
        None, description="Only what happened to the resource with this id, or to what a signal is about."
    )

    def filters(self) -> dict[str, str]:
        """The filters that were given."""
        return {name: value for name in ("type", "subject") if (value := getattr(self, name)) is not None}


@router.get("", response_model=Page[Event], summary="List events: the log")
async def list_events(call: Read, query: Annotated[EventQuery, Query()]) -> Response:
    """What happened, oldest first. `nextCursor` is null at the end of what is there: come back with `after`."""
    return await service.answer(call, query.after, query.cursor, query.limit, query.filters())
