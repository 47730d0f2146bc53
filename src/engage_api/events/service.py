"""Pages of the log."""

import json

from fastapi import Response

from engage_api.core.problem import Fault, InvalidRequest
from engage_api.db import log
from engage_api.http import pages
from engage_api.http.call import Call


async def answer(call: Call, after: str | None, cursor: str | None, limit: int, filters: dict[str, str]) -> Response:
    """One page of the events that the caller may see.

    Raises:
        InvalidRequest: `after` names no event that the caller may see, or stands beside a cursor.
        InvalidCursor: the cursor belongs to another question.
    """
    principal, cursors = call.principal, call.services.cursors
    whose = "" if principal.sees_workspace else principal.application
    context = f"{principal.workspace} {whose} events {json.dumps(filters, sort_keys=True)}"
    if cursor is not None and after is not None:
        raise InvalidRequest(errors=[Fault("not-applicable", "Not together with a cursor.", parameter="after")])
    last = cursors.open(cursor, context)[1] if cursor is not None else after
    start = await _place(call, last) if last else 0
    found = await log.page(call.db, principal, after=start, limit=limit + 1, filters=filters)
    more = len(found) > limit
    del found[limit:]
    # Of the last event a cursor holds the id: whoever made sense of its number would know how much is hidden.
    following = cursors.make(("", found[-1].id), context) if more else None
    return pages.render(call.request, [line.document for line in found], following)


async def _place(call: Call, after: str) -> int:
    place = await log.place(call.db, call.principal, after)
    if place is None:
        raise InvalidRequest(errors=[Fault("unknown-reference", "There is no such event.", parameter="after")])
    return place
