"""Pages of the log, now or as soon as there is something, and where its stream begins."""

import asyncio
import json
from time import perf_counter

from fastapi import Response

from engage_api.access.guard import look_again
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.scopes import Scope
from engage_api.db import ends, log
from engage_api.db.ends import End
from engage_api.db.kept import EventGone
from engage_api.db.log import Line
from engage_api.events.hub import Hub
from engage_api.events.models import EventQuery, StreamQuery
from engage_api.events.stream import ANEW, Start, Stream
from engage_api.http import etags, pages
from engage_api.http.call import Call

LAST = "last-event-id"


async def answer(call: Call, query: EventQuery) -> Response:
    """One page of the events that the caller may see.

    Raises:
        InvalidRequest: `after` names no event that the caller may see, or stands beside a cursor.
        EventGone: the event is not kept any more, or of the log of a sandbox before it was reset or restored.
        InvalidCursor: the cursor belongs to another question.
        Unauthenticated, InsufficientScope: it waited, and meanwhile the credential has ended.
        TooManyStreams, Unavailable: it would wait, and too many do already.
    """
    principal, cursors, filters = call.principal, call.services.cursors, query.filters()
    whose = "" if principal.sees_workspace else principal.application
    context = f"{principal.workspace} {whose} events {json.dumps(filters, sort_keys=True)}"
    if query.cursor is not None and query.after is not None:
        raise InvalidRequest(errors=[Fault("not-applicable", "Not together with a cursor.", parameter="after")])
    last = cursors.open(query.cursor, context)[1] if query.cursor is not None else query.after
    epoch = await ends.epoch(call.db, principal.workspace) if query.wait else 0
    start = await _place(call, last, "after") if last else 0
    found = await log.page(call.db, principal, after=start, limit=query.limit + 1, filters=filters)
    if query.wait and not found:
        found = await _later(call, query, End(start, epoch))
    more = len(found) > query.limit
    del found[query.limit :]
    # Of the last event a cursor holds the id: whoever made sense of its number would know how much is hidden.
    following = cursors.make(("", found[-1].id), context) if more else None
    return pages.render(call.request, [line.document for line in found], following)


async def stream(call: Call, query: StreamQuery) -> Stream:
    """The log from an event on, or from now on.

    Raises:
        InvalidRequest: there is no such event that the caller may see.
        EventGone: as above.
    """
    taps: Hub = call.services.taps
    filters, given = query.filters(), etags.header(call.request, LAST)
    last, name = (given, "Last-Event-ID") if given else (query.after, "after")  # the header is where a client got to
    at = await ends.end(call.db, call.principal.workspace)  # before the place: a log that begins anew meanwhile is told
    if last:
        return Stream(call, taps, filters, Start(End(await _place(call, last, name), at.epoch), last))
    newest = await log.newest(call.db, call.principal, until=at.last)
    return Stream(call, taps, filters, Start(at, newest))


async def _later(call: Call, query: EventQuery, start: End) -> list[Line]:
    """What comes after a place, as soon as there is something; nothing when the time is over or the service stops.

    Raises:
        EventGone: the log has begun anew, so that there is no such place.
    """
    taps: Hub = call.services.taps
    filters, began = query.filters(), perf_counter()
    with taps.seat(call.principal, filters, start) as seat:
        watch = asyncio.create_task(seat.watch(call.request.receive))
        try:
            portion = await seat.next(query.wait)
        finally:
            watch.cancel()
            call.request.scope["state"]["waited"] = perf_counter() - began
    if seat.lost and start.last:
        raise EventGone(ANEW)
    if portion is None and not seat.lost:
        return []
    principal = await look_again(call, Scope.EVENTS_READ)
    return await log.page(call.db, principal, after=start.last, limit=query.limit + 1, filters=filters)


async def _place(call: Call, event_id: str, name: str) -> int:
    place = await log.place(call.db, call.principal, event_id)
    if place is None:
        raise InvalidRequest(errors=[Fault("unknown-reference", "There is no such event.", parameter=name)])
    return place
