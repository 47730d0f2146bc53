"""Usage over HTTP."""

import json
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field, StringConstraints

from engage_api.access.guard import guard
from engage_api.access.usage import service
from engage_api.access.usage.models import Usage
from engage_api.access.usage.service import GROUPS
from engage_api.access.worded import Worded
from engage_api.core import clock
from engage_api.core.model import Query as Parameters
from engage_api.core.model import Reference, Word
from engage_api.core.scopes import Scope
from engage_api.http import pages
from engage_api.http.call import Call
from engage_api.http.pages import Cursor, Limit, Page
from engage_api.http.route import DirectRoute

USUAL = timedelta(days=30)
_NAMES = "|".join(GROUPS)
GROUP_BY = f"^({_NAMES})(,({_NAMES})){{0,3}}$"
GROUPS_TOLD = f"One to four of {', '.join(GROUPS)}, with commas between"
router = APIRouter(prefix="/usage", tags=["Usage"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.USAGE_READ)]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("not a day such as 2026-11-21") from None


DayText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_day),
    Field(json_schema_extra={"format": "date"}, examples=["2026-11-21"]),
]


class UsageQuery(Parameters):
    """Which figures."""

    limit: Limit = pages.USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    day_from: DayText | None = Field(None, description="Of this day (UTC) or later; usually the last 30 days.")
    day_until: DayText | None = Field(None, description="Of days before this one.")
    application_id: Reference | None = Field(None, description="Only of this application.")
    credential: Reference | None = Field(
        None, description="Only of this key, by its id; or `access-token` or `customer-token`."
    )
    operation: Word | None = Field(None, description="Only of this operation.", examples=["list_customers"])
    group_by: Annotated[str, StringConstraints(max_length=50), Worded(GROUP_BY, GROUPS_TOLD)] = Field(
        "day", description="What to tell apart, with commas between: `day`, `application`, `credential`, `operation`."
    )

    def filters(self) -> dict[str, str]:
        """The filters by name, in a fixed order; the days always."""
        wanted = ("day_from", "day_until", "application_id", "credential", "operation")
        since = (clock.host() - USUAL).date().isoformat()
        given = {name: getattr(self, name) for name in wanted} | {"day_from": self.day_from or since}
        return {name: value for name, value in given.items() if value is not None}


@router.get("", response_model=Page[Usage], summary="List usage")
async def list_usage(call: Read, query: Annotated[UsageQuery, Query()]) -> Response:
    """Figures of your organization's applications in this workspace; internal applications see all. A call is counted
    some seconds after its answer.
    """
    groups = tuple(group for group in GROUPS if group in query.group_by.split(","))
    context, filters = _context(call, query, groups), query.filters()
    after = json.loads(call.services.cursors.open(query.cursor, context)[1]) if query.cursor else None
    found = await service.find(call.db, call.principal, service.Ask(filters, groups, after, query.limit))
    more, found = len(found) > query.limit, found[: query.limit]
    place = json.dumps(service.place(groups, found[-1])) if more else ""
    cursor = call.services.cursors.make(("", place), context) if more else None
    return pages.render(call.request, [_shown(one) for one in found], cursor)


def _context(call: Call, query: UsageQuery, groups: tuple[str, ...]) -> str:
    """What a cursor is good for. The days are as they were given: those that are meant move on at midnight."""
    who = call.principal
    whose = "" if who.sees_workspace else who.organization
    given: dict[str, Any] = query.model_dump(exclude={"limit", "cursor", "group_by"})
    return f"{who.workspace} {whose} usage {groups} {sorted(given.items(), key=str)}"


def _shown(usage: Usage) -> bytes:
    return usage.model_dump_json(by_alias=True).encode()
