"""Lists: their parameters, their pages and the way to the next one."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar

from fastapi import Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from engage_api.core.model import ExternalId, Model, Moment, Query
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.db import reader
from engage_api.db.engine import Database
from engage_api.db.kind import Kind
from engage_api.http.cursors import Cursors
from engage_api.http.ready import Ready

T = TypeVar("T")
_PLACE = re.compile(r"(^|&)(cursor|after)=[^&]*")  # the cursor takes the place of both
MOST, USUAL = 200, 50
SORTED = "The order; a minus sign turns it round."

Limit = Annotated[int, Field(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Filter = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Page(Model, Generic[T]):
    """A part of a list. `nextCursor` is null at the end."""

    model_config = ConfigDict(json_schema_extra={"description": "A part of a list."})

    items: list[T]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null when there is none.", examples=[None]
    )
    count: int | None = Field(None, description="How many there are in all; only with `count=true`.", examples=[None])


class ListQuery(Query):
    """What every list takes. Subclasses add their filters as fields, and `sort` with the orders that they know."""

    not_filters: ClassVar[frozenset[str]] = frozenset(
        {"limit", "cursor", "sort", "search", "count", "expand", "metadata_value"}
    )

    limit: Limit = USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    count: bool = Field(False, description="Also say how many there are in all. Takes longer on long lists.")
    created_from: Moment | None = Field(None, description="Made at this time or later.")
    created_until: Moment | None = Field(None, description="Made before this time.")
    updated_from: Moment | None = Field(None, description="Last changed at this time or later.")
    updated_until: Moment | None = Field(None, description="Last changed before this time.")

    def filters(self) -> dict[str, Any]:
        """The filters that were given, by name, in a fixed order."""
        given = sorted(self.model_fields_set - self.not_filters)
        return {name: value for name in given if (value := getattr(self, name)) is not None}


class ResourceQuery(ListQuery):
    """What the lists of resources with an external id and metadata take."""

    external_id: ExternalId | None = Field(None, description="Only the one with this id of your own.")
    metadata_key: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="Only those with this metadata key."
    )
    metadata_value: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        None, description="Only those with this value at `metadataKey`."
    )

    def filters(self) -> dict[str, Any]:
        """As in every list, and key and value of the metadata as one filter.

        Raises:
            InvalidRequest: a value without its key.
        """
        given = super().filters()
        if self.metadata_value is not None:
            key = given.pop("metadata_key", None)
            if key is None:
                fault = Fault("missing", "metadataValue needs metadataKey beside it.", parameter="metadataKey")
                raise InvalidRequest(errors=[fault])
            given["metadata"] = f"{key}={self.metadata_value}"
        return given


class Place(NamedTuple):
    """Where a list is asked for, and by whom."""

    request: Request
    db: Database
    cursors: Cursors
    principal: Principal


async def answer(place: Place, kind: Kind[Any], query: ListQuery, fixed: Mapping[str, str]) -> Response:
    """One page of what the principal may see.

    Filters, words and sort are those of the query; `fixed` filters come on top.
    """
    request, db, cursors, principal = place
    filters = {**query.filters(), **fixed}
    words, sort = getattr(query, "search", None), getattr(query, "sort")  # noqa: B009  # every subclass has a sort
    whose = "" if principal.sees_workspace else principal.application
    context = f"{principal.workspace} {whose} {kind.name} {sort} {words!r} {sorted(filters.items())!r}"
    after = cursors.open(query.cursor, context) if query.cursor else None
    ask = reader.Ask(filters, words, sort, after, query.limit)
    found = await reader.page(db, principal, kind, ask)
    cursor = cursors.make(found.after, context) if found.after else None
    count = await reader.count(db, principal, kind, ask) if query.count else None
    return render(request, found.documents, cursor, count)


def render(request: Request, documents: Sequence[bytes], cursor: str | None, count: int | None = None) -> Response:
    """The bytes of a page, made of the bytes of its documents, with the `Link` to the next (RFC 8288)."""
    following = b"null" if cursor is None else b'"%b"' % cursor.encode()  # base64url: nothing in it needs escaping
    more = b"" if count is None else b',"count":%d' % count
    body = b'{"items":[%b],"nextCursor":%b%b}' % (b",".join(documents), following, more)
    if cursor is None:
        return Ready(body)
    return Ready(body, (b"link", f'<{_next(request, cursor)}>; rel="next"'.encode("latin-1")))


def _next(request: Request, cursor: str) -> str:
    """Relative to the service, so that no `Host` header decides where a client goes next."""
    same = _PLACE.sub("", request.scope["query_string"].decode("latin-1")).strip("&")
    return f"{request.scope['path']}?{same}{'&' if same else ''}cursor={cursor}"
